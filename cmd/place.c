/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cmd/place.h"

#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "os/file.h"
#include "os/log.h"
#include "cmd/rights.h"

#define TAG_MAX 32

struct telling {
	const char *program;
	bool warn;
};

static void print_note(void *context, bool warning, const char *text)
{
	struct telling *t = context;
	/* A warning must not become the output of a call that succeeds. */
	if (!t->program || (warning && !t->warn && !isatty(STDERR_FILENO)))
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
	struct fault f = FAULT_INIT;
	char *directory = getuid() == 0 || rights_borrowed()
	                      ? NULL
	                      : user_directory("XDG_CONFIG_HOME", ".config");
	if (!directory)
		return NULL;
	char *path = mem_printf("%s/postern.conf", directory);
	free(directory);
	struct stat st;
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
	struct fault f = FAULT_INIT;
	if (p->config.directory && p->personal) {
		p->hold_path = mem_copy(str_of(p->config.directory));
		return;
	}
	p->hold_path = p->personal ? own_hold() : mem_copy(STR(POSTERN_SPOOLDIR));
	struct stat st;
	if (!p->config_good && p->hold_path &&
	    !file_stat_name(AT_FDCWD, p->hold_path, &st, &f)) {
		free(p->hold_path);
		p->hold_path = NULL;
	}
}

/* post has no option that names a file: the system's hold is where it was built to be. */
static bool right_directory(const struct place *p, const char *program)
{
	const char *directory = p->config.directory;
	if (p->personal || !directory || strcmp(directory, POSTERN_SPOOLDIR) == 0)
		return true;
	fprintf(stderr,
	        "%s: %s: directory = %s: the system's hold is " POSTERN_SPOOLDIR
	        "; to have it elsewhere, mount that there\n",
	        program, p->config_path, directory);
	return false;
}

bool place_find(struct place *p, const char *program, const char *path, bool system, bool warn)
{
	/* Who started us for a user has told them already. */
	struct telling telling = {system ? NULL : program, warn};
	memset(p, 0, sizeof(*p));
	p->user = getuid();
	p->config_path = path ? mem_copy(str_of(path)) : system ? NULL : own_config();
	p->personal = p->config_path != NULL;
	if (!p->config_path)
		p->config_path = mem_copy(STR(POSTERN_SYSCONFDIR "/postern.conf"));
	p->config_good = settings_load(p->config_path, p->personal, getuid(), &p->config,
	                               print_note, &telling);
	p->config_good = right_directory(p, program) && p->config_good;
	find_hold(p);
	return p->config_good;
}

void place_release(struct place *p)
{
	settings_release(&p->config);
	free(p->config_path);
	free(p->hold_path);
	this_host_release(&p->host);
}

void place_names(struct place *p)
{
	if (p->hostname)
		return;
	this_host_find(&p->host, &p->config, NULL);
	p->hostname = p->host.hostname;
}

void place_open_log(const struct place *p, const char *program)
{
	const struct settings *c = &p->config;
	char tag[TAG_MAX + 1];
	size_t len = 0;
	for (const char *t = p->tag ? p->tag : ""; len < TAG_MAX && t[len]; len++)
		tag[len] =
		    ascii_alpha(t[len]) || ascii_digit(t[len]) || t[len] == '-' ? t[len] : '_';
	tag[len] = '\0';
	/* The first user's process would make the file its own. */
	if (!p->personal)
		log_file_mode(p->owner ? 0660 : 0);
	log_open(c->log.to, c->log_json, c->log.file, len > 0 ? tag : program);
}
