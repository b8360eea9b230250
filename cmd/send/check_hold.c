/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cmd/send/check_hold.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "os/container.h"
#include "os/file.h"
#include "os/trust.h"
#include "cmd/place_access.h"
#include "cmd/send/check_table.h"
#include "hold/spool.h"

static void fail(struct check_hold *s, const char *text)
{
	s->ok = false;
	check_table_row("FAILED", -1, "hold: %s", text);
}

static void free_space(const char *path, char to[64])
{
	uint64_t bytes = 0;
	struct fault f = FAULT_INIT;
	if (file_free_space(path, &bytes, &f))
		snprintf(to, 64, ", %llu MiB free", (unsigned long long)(bytes >> 20));
	else
		to[0] = '\0';
}

bool check_can_make(const char *path, struct fault *f)
{
	char *above = mem_copy(str_of(path));
	struct stat st;
	char *slash;
	while ((slash = strrchr(above, '/')) && slash != above) {
		*slash = '\0';
		if (stat(above, &st) == 0)
			break;
	}
	const char *at = slash && slash != above ? above : "/";
	bool ok = access(at, W_OK | X_OK) == 0 ||
	          fault_sys(f, FAULT_TEMP, errno, "%s cannot be made in %s", path, at);
	free(above);
	return ok;
}

/* The folder of the system's hold: our group gets through, and nobody can put another
 * room there. */
static bool is_good_folder(const struct stat *st, const struct passwd *pw,
                           const struct group *gr)
{
	bool through = st->st_gid == gr->gr_gid ? (st->st_mode & S_IXGRP) != 0
	                                        : (st->st_mode & S_IXOTH) != 0;
	return through && (st->st_mode & (S_IWGRP | S_IWOTH)) == 0 &&
	       (st->st_uid == 0 || st->st_uid == pw->pw_uid);
}

static bool is_good_room(const struct stat *st, const struct passwd *pw, const struct group *gr,
                         mode_t mode)
{
	return st->st_uid == pw->pw_uid && st->st_gid == gr->gr_gid &&
	       (st->st_mode & 01777) == mode;
}

/* What an installation made is to be as that made it. */
static bool is_as_made(const char *path, const struct stat *st, uid_t owner, mode_t mode)
{
	const struct passwd *pw = getpwnam(POSTERN_USER);
	const struct group *gr = getgrnam(POSTERN_GROUP);
	if (pw && gr &&
	    (owner == 0 ? is_good_folder(st, pw, gr) : is_good_room(st, pw, gr, mode)))
		return true;
	char who[TRUST_OWNER_MAX];
	trust_owner(st, who);
	check_table_row("FAILED", -1,
	                "hold: %s: %s; it should be %s:" POSTERN_GROUP ", mode %04o", path, who,
	                owner == 0 ? "root" : POSTERN_USER, (unsigned)mode);
	check_table_advice("chown %s:" POSTERN_GROUP " %s && chmod %04o %s",
	                   owner == 0 ? "root" : POSTERN_USER, path, (unsigned)mode, path);
	return false;
}

static bool is_folder(const char *path, const struct stat *st)
{
	if (!S_ISDIR(st->st_mode))
		check_table_row("FAILED", -1, "hold: %s is not a directory", path);
	return S_ISDIR(st->st_mode);
}

static bool room_good(const struct place *p, enum hold_room room, bool *missing)
{
	const struct passwd *pw = getpwnam(POSTERN_USER);
	char *path = mem_printf("%s/%s", p->hold_path, hold_room_name(room));
	mode_t mode = spool_room_mode(room);
	struct stat st;
	struct fault f = FAULT_INIT;
	bool ok = true;
	if (!file_stat_name(AT_FDCWD, path, &st, &f)) {
		bool gone = f.sys == ENOENT;
		*missing = *missing || gone;
		ok = gone && p->personal && check_can_make(path, &f);
		if (!ok)
			check_table_row("FAILED", -1, "hold: %s", f.text);
		free(path);
		return ok;
	}
	ok = is_folder(path, &st);
	if (!ok)
		check_table_advice("move it away: mv %s %s.old", path, path);
	if (ok && !p->personal && pw)
		ok = is_as_made(path, &st, pw->pw_uid, mode);
	/* Who only looks after it need not write. */
	if (ok && (p->personal || p->owner) && access(path, R_OK | W_OK | X_OK) != 0) {
		ok = false;
		check_table_row("FAILED", -1, "hold: %s cannot be written: %s", path,
		                strerror(errno));
		check_table_advice(
		    "see whether its file system is mounted read-only, and whose it is");
	}
	free(path);
	return ok;
}

static bool rooms_good(const struct place *p)
{
	bool ok = true, missing = false;
	for (int i = 0; i < HOLD_ROOMS; i++)
		ok = room_good(p, (enum hold_room)i, &missing) && ok;
	if (missing && !p->personal)
		check_table_advice("flushq, run by root, makes the rooms that are missing");
	return ok;
}

/* A hold of the caller's own that is not there yet. */
static void look_at_making(struct check_hold *s, const char *path)
{
	struct fault f = FAULT_INIT;
	if (!trust_way(path, getuid(), &f)) {
		s->ok = false;
		check_table_row("FAILED", -1, "the hold: %s", f.text);
		check_table_advice("or set directory in [hold]");
	} else if (check_can_make(path, &f)) {
		check_table_row("hold", -1, "%s is made with the first message", path);
	} else {
		fail(s, f.text);
		check_table_advice("make it, or set directory in [hold]%s",
		                   container_inside()
		                       ? "; in a container, mount a volume there that is "
		                         "open to this user"
		                       : "");
	}
}

static bool folder_good(struct check_hold *s)
{
	const char *path = s->place->hold_path;
	bool personal = s->place->personal;
	struct stat st;
	struct fault f = FAULT_INIT;
	if (!file_stat_name(AT_FDCWD, path, &st, &f)) {
		if (f.sys == ENOENT && personal) {
			look_at_making(s, path);
			return false;
		}
		fail(s, f.text);
		check_table_advice(personal ? "make it, or set directory in [hold]"
		                            : "make install makes it; a volume has to be "
		                              "mounted there");
		return false;
	}
	bool folder = S_ISLNK(st.st_mode) || is_folder(path, &st);
	if (!folder)
		check_table_advice("move it away, or set directory in [hold]");
	if (folder && (personal || is_as_made(path, &st, 0, SPOOL_MODE)))
		return true;
	s->ok = false;
	return false;
}

/* The rooms look as they should, and it is not believed all the same. */
static void not_opened(struct check_hold *s, const struct fault *f)
{
	const char *path = s->place->hold_path;
	const struct passwd *pw = getpwuid(getuid());
	s->ok = false;
	check_table_row("FAILED", -1, "%s", f->text); /* which begins with "the hold" */
	struct stat st;
	if (s->place->personal && pw && stat(path, &st) == 0 && st.st_uid != pw->pw_uid)
		check_table_advice("chown %s %s, or set directory in [hold]", pw->pw_name,
		                   path);
}

void check_hold(const struct place *p, struct check_hold *s)
{
	struct fault f = FAULT_INIT;
	*s = (struct check_hold){.place = p, .ok = true};
	if (!p->hold_path) {
		fail(s, "there is none: set directory in [hold], or HOME");
		return;
	}
	s->closed = !place_may_look(p);
	if (!hold_has_space(p->hold_path, p->config.min_free, &f) && f.sys == 0) {
		fail(s, f.text);
		check_table_advice("until then new mail is refused");
	}
	if (s->closed) {
		check_table_row("hold", -1,
		                "%s: not for this user to see; root's check looks into it",
		                p->hold_path);
		return;
	}
	if (!folder_good(s))
		return;
	bool good = rooms_good(p);
	s->ok = s->ok && good;
	s->open = place_open_hold(p, true, &s->hold, &f);
	if (!s->open && good)
		not_opened(s, &f);
	if (!s->open || !good)
		return;
	char space[64];
	free_space(p->hold_path, space);
	check_table_row("hold", -1, "%s%s", p->hold_path, space);
}
