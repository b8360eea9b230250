/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cmd/place_access.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "os/file.h"
#include "os/trust.h"
#include "cmd/rights.h"
#include "hold/spool.h"

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
		return fault_sys(
		    f, FAULT_SYSTEM, errno,
		    "root lacks the privilege (CAP_SETUID, CAP_SETGID) to become %s",
		    POSTERN_USER);
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
		r->command_closed = !p->owner && (r->password_command.count > 0 || r->oauth);
	}
	return rights_leave_environment(p->owner ? pw->pw_dir : NULL, f);
}

bool place_make_rooms(const struct place *p, bool *made, struct fault *f)
{
	*made = false;
	/* One that does not exist is looked for everywhere. */
	if (p->personal || geteuid() != 0 || !p->hold_path)
		return true;
	const struct passwd *pw = getpwnam(POSTERN_USER);
	const struct group *gr = getgrnam(POSTERN_GROUP);
	/* place_become says what is missing. */
	if (!pw || !gr)
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
	if (!p->hold_path && !p->config_good)
		return fault_set(f, FAULT_CONFIG,
		                 "no hold is there yet, and none is made with faults in %s",
		                 p->config_path);
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

bool place_open_post(const struct place *p, struct post_client *g, struct fault *f)
{
	struct fault space = FAULT_INIT;
	post_client_init(g);
	/* Where the hold is out of sight post says what there is to say of it. */
	if (p->config_good && !hold_has_space(p->hold_path, p->config.min_free, &space) &&
	    space.sys == 0) {
		*f = space;
		return false;
	}
	return post_client_open(g, p->config_good && needs_service(&p->config), f);
}
