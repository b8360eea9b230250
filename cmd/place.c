/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cmd/place.h"

#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "os/file.h"
#include "os/log.h"
#include "os/trust.h"
#include "cmd/rights.h"
#include "hold/spool.h"

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
	/* Who started us for a user has told him already. */
	struct telling telling = {system ? NULL : program, warn};
	memset(p, 0, sizeof(*p));
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
	here_release(&p->here);
}

void place_names(struct place *p)
{
	if (p->hostname)
		return;
	here_find(&p->here, &p->config, NULL);
	p->hostname = p->here.hostname;
}

static bool in_group(gid_t group)
{
	gid_t list[1024];
	int n = getgroups((int)(sizeof(list) / sizeof(list[0])), list);
	for (int i = 0; i < n; i++)
		if (list[i] == group)
			return true;
	return getgid() == group;
}

static bool is_hold_user(const struct passwd *pw)
{
	return pw && pw->pw_uid == getuid() && pw->pw_uid == geteuid();
}

bool place_may_act(const struct place *p)
{
	return p->personal || (getuid() == 0 && geteuid() == 0) ||
	       is_hold_user(getpwnam(POSTERN_USER));
}

bool place_may_look(const struct place *p)
{
	if (place_may_act(p))
		return true;
	const struct group *gr = getgrnam(POSTERN_GROUP);
	return gr && in_group(gr->gr_gid);
}

static bool become_hold_user(const struct passwd *pw, struct fault *f)
{
	const struct group *gr = getgrnam(POSTERN_GROUP);
	if (!gr || !pw || pw->pw_uid == 0)
		return fault_set(f, FAULT_CONFIG,
		                 "the system's mail is moved by the user %s with the group %s, "
		                 "which are not both there: make them (useradd --system)",
		                 POSTERN_USER, POSTERN_GROUP);
	gid_t group = gr->gr_gid;
	if (setgroups(1, &group) != 0 || setgid(group) != 0 || setuid(pw->pw_uid) != 0 ||
	    setuid(0) == 0)
		return fault_sys(f, FAULT_SYSTEM, errno, "cannot become %s", POSTERN_USER);
	return true;
}

bool place_become(struct place *p, struct fault *f)
{
	if (p->personal)
		return true;
	umask(007);
	const struct passwd *pw = getpwnam(POSTERN_USER);
	if (geteuid() == 0 && !become_hold_user(pw, f))
		return false;
	p->owner = is_hold_user(pw);
	for (size_t i = 0; i < p->config.relay_count; i++) {
		struct settings_relay *r = &p->config.relays[i];
		r->command_closed = !p->owner && r->password_command.count > 0;
	}
	return rights_leave_environment(p->owner ? pw->pw_dir : NULL, f);
}

bool place_make_rooms(const struct place *p, bool *made, struct fault *f)
{
	const struct passwd *pw = getpwnam(POSTERN_USER);
	const struct group *gr = getgrnam(POSTERN_GROUP);
	*made = false;
	/* place_become says what is missing. */
	if (p->personal || geteuid() != 0 || !pw || !gr || !p->hold_path)
		return true;
	return spool_make(p->hold_path, pw->pw_uid, gr->gr_gid, made, f);
}

/* The hold and its rooms, as opened. Nobody who could not do so before can turn
 * the way elsewhere once it is looked at; what was missing is made in between. */
static bool is_our_hold(const struct hold *h, struct fault *f)
{
	uid_t us = getuid();
	if (!trust_way(h->path, us, f))
		return false;
	struct stat st;
	if (!file_stat_name(AT_FDCWD, h->path, &st, f))
		return h->looks && f->sys == ENOENT;
	if (!trust_it(&st, h->path, us, f))
		return false;
	char *inside = mem_printf("%s/*", h->path);
	bool ok = true;
	for (int i = 0; ok && i < HOLD_ROOMS; i++)
		ok = h->rooms[i] < 0 ||
		     (file_stat(h->rooms[i], inside, &st, f) && trust_it(&st, inside, us, f));
	free(inside);
	return ok;
}

static bool open_own_hold(const char *path, bool look, struct hold *h, struct fault *f)
{
	if (!trust_way(path, getuid(), f))
		return fault_prefix(f, "the hold");
	if (!(look ? hold_open_to_look : hold_open)(path, h, f))
		return false;
	if (is_our_hold(h, f))
		return true;
	hold_close(h);
	if (f->kind != FAULT_CONFIG)
		f->kind = FAULT_TEMP;
	return fault_prefix(f, "the hold");
}

bool place_open_hold(const struct place *p, bool look, struct hold *h, struct fault *f)
{
	if (!p->hold_path)
		return fault_set(f, FAULT_CONFIG,
		                 "%s: no hold: set directory in [hold], or HOME",
		                 p->config_path);
	return p->personal ? open_own_hold(p->hold_path, look, h, f)
	                   : hold_open_shared(p->hold_path, h, f);
}

/* Only what runs as the hold's user can ask a program for a password, or read
 * what systemd gives its service. */
static bool needs_service(const struct settings *c)
{
	for (size_t i = 0; i < c->relay_count; i++) {
		const struct settings_relay *r = &c->relays[i];
		if (r->password_command.count > 0 || (r->user && !r->password_file))
			return true;
	}
	return false;
}

bool place_open_gate(const struct place *p, bool as_owner, struct post_client *g,
                     struct fault *f)
{
	struct fault space = FAULT_INIT;
	post_client_init(g);
	/* Where the hold is out of sight post says what there is to say of it. */
	if (p->config_good && !as_owner &&
	    !hold_has_space(p->hold_path, p->config.min_free, &space) && space.sys == 0) {
		*f = space;
		return false;
	}
	return post_client_open(g, as_owner || (p->config_good && needs_service(&p->config)),
	                        f);
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
	log_open(c->log_to, c->log_json, c->log_file, len > 0 ? tag : program);
}
