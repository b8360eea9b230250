/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cmd/place.h"

#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "mail/addr.h"
#include "net/dns.h"

#define NAME_WAIT_MS 5000 /* for the resolver to tell our own name */

struct telling {
	const char *program;
};

static void print_note(void *context, bool warning, const char *text)
{
	struct telling *t = context;
	/* A warning must not become the output of a call that succeeds. */
	if (warning && !isatty(STDERR_FILENO))
		return;
	fprintf(stderr, "%s: %s%s\n", t->program, warning ? "warning: " : "", text);
}

/* $NAME, else HOME/below; NULL where there is no home. Only absolute paths
 * count, as the XDG base directory specification says. */
static char *user_directory(const char *name, const char *below)
{
	const char *value = getenv(name);
	const char *home = getenv("HOME");
	if (value && value[0] == '/')
		return mem_copy(str_of(value));
	if (!home || home[0] != '/') {
		const struct passwd *pw = getpwuid(getuid());
		home = pw ? pw->pw_dir : NULL;
	}
	return home ? mem_printf("%s/%s", home, below) : NULL;
}

static char *own_config(void)
{
	struct stat st;
	struct fault f = FAULT_INIT;
	char *directory = getuid() == 0 ? NULL : user_directory("XDG_CONFIG_HOME", ".config");
	if (!directory)
		return NULL;
	char *path = mem_printf("%s/postern.conf", directory);
	free(directory);
	if (file_stat_name(AT_FDCWD, path, &st, &f))
		return path;
	free(path);
	return NULL;
}

static char *own_hold(void)
{
	char *directory = user_directory("XDG_STATE_HOME", ".local/state");
	char *path = directory ? mem_printf("%s/postern", directory) : NULL;
	free(directory);
	return path;
}

/* With a faulty configuration the default hold counts only if it is there. */
static void find_hold(struct place *p)
{
	struct stat st;
	struct fault f = FAULT_INIT;
	if (p->config.directory) {
		p->hold_path = mem_copy(str_of(p->config.directory));
		return;
	}
	p->hold_path = p->personal ? own_hold() : mem_copy(STR(POSTERN_SPOOLDIR));
	if (!p->config_good && p->hold_path &&
	    !file_stat_name(AT_FDCWD, p->hold_path, &st, &f)) {
		free(p->hold_path);
		p->hold_path = NULL;
	}
}

bool place_find(struct place *p, const char *program, const char *path)
{
	struct telling telling = {program};
	memset(p, 0, sizeof(*p));
	p->config_path = path ? mem_copy(str_of(path)) : own_config();
	p->personal = p->config_path != NULL;
	if (!p->config_path)
		p->config_path = mem_copy(STR(POSTERN_SYSCONFDIR "/postern.conf"));
	p->config_good = config_load(p->config_path, p->personal, getuid(), &p->config,
	                             print_note, &telling);
	find_hold(p);
	return p->config_good;
}

void place_release(struct place *p)
{
	config_release(&p->config);
	free(p->config_path);
	free(p->hold_path);
	free(p->hostname);
	free(p->domain);
}

/* First word of /etc/mailname, or NULL. */
static char *mail_name(void)
{
	struct buf text;
	struct fault f = FAULT_INIT;
	char *name = NULL;
	buf_init(&text, 4096);
	if (file_read_path(AT_FDCWD, "/etc/mailname", &text, &f)) {
		struct str word = str_trim(buf_str(&text));
		size_t len = 0;
		while (len < word.len && (unsigned char)word.at[len] > 32)
			len++;
		if (len > 0 && addr_is_domain(str_first(word, len)))
			name = mem_copy(str_first(word, len));
	}
	buf_release(&text);
	return name;
}

void place_names(struct place *p)
{
	char host[256];
	if (p->hostname)
		return;
	if (p->config.hostname) {
		p->hostname = mem_copy(str_of(p->config.hostname));
	} else {
		dns_hostname(host, sizeof(host), clock_deadline(NAME_WAIT_MS));
		p->hostname = mem_copy(str_of(host));
	}
	p->domain = p->config.domain ? mem_copy(str_of(p->config.domain)) : mail_name();
	if (!p->domain)
		p->domain = mem_copy(str_of(p->hostname));
}

bool place_open_hold(const struct place *p, struct hold *h, struct fault *f)
{
	if (!p->hold_path)
		return fault_set(f, FAULT_CONFIG,
		                 "%s: no hold: set directory in [hold], or HOME",
		                 p->config_path);
	return hold_open(p->hold_path, h, f);
}

void place_open_log(const struct place *p, const char *program)
{
	const struct config *c = &p->config;
	log_open(c->log_to, c->log_json, c->log_file, program);
}
