/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "os/trust.h"

#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "text/buf.h"
#include "os/container.h"
#include "os/file.h"

#define LINKS_MAX 40
#define OVERFLOW  65534 /* who has no user of their own in a user name space, on Linux */

void trust_owner(const struct stat *st, char to[TRUST_OWNER_MAX])
{
	const struct passwd *pw = getpwuid(st->st_uid);
	unsigned mode = (unsigned)st->st_mode & 07777;
	if (pw)
		snprintf(to, TRUST_OWNER_MAX, "owner %.32s, mode %04o", pw->pw_name, mode);
	else
		snprintf(to, TRUST_OWNER_MAX, "owner uid %lu, mode %04o",
		         (unsigned long)st->st_uid, mode);
}

static bool is_ours(uid_t uid, uid_t owner)
{
	return uid == owner || uid == 0 || (uid == OVERFLOW && container_has_own_users());
}

static bool blame_owner(const struct stat *st, const char *path, uid_t owner, struct fault *f)
{
	char who[TRUST_OWNER_MAX];
	trust_owner(st, who);
	if (owner == 0)
		return fault_set(f, FAULT_CONFIG,
		                 "it is another user's (%s), and must be root's; run: chown "
		                 "root %s",
		                 who, path);
	return fault_set(f, FAULT_CONFIG,
	                 "it is another user's (%s), and must belong to you (uid %lu) or "
	                 "root: %s",
	                 who, (unsigned long)owner, path);
}

bool trust_it(const struct stat *st, const char *path, uid_t owner, struct fault *f)
{
	bool ours = is_ours(st->st_uid, owner);
	if (ours && !(st->st_mode & (S_IWGRP | S_IWOTH)))
		return true;
	if (!ours)
		return blame_owner(st, path, owner, f);
	char who[TRUST_OWNER_MAX];
	trust_owner(st, who);
	return fault_set(f, FAULT_CONFIG, "others can write to it (%s); run: chmod go-w %s",
	                 who, path);
}

static bool is_group_of_one(gid_t gid, uid_t owner)
{
	const struct passwd *pw = getpwuid(owner);
	if (!pw || pw->pw_gid != gid)
		return false;
	char name[256];
	snprintf(name, sizeof(name), "%s", pw->pw_name);
	const struct group *gr = getgrgid(gid);
	return gr && strcmp(gr->gr_name, name) == 0 &&
	       (!gr->gr_mem[0] || (strcmp(gr->gr_mem[0], name) == 0 && !gr->gr_mem[1]));
}

/* Can others put nothing of theirs in the place of what is ours there? In a volume of a
 * container, which many engines open to all and nobody inside can close, others could:
 * but it would not be ours then, and whoever else has that volume was given it. */
static bool is_kept_apart(const struct stat *st, const char *path)
{
	return (st->st_mode & S_ISVTX) || (container_inside() && container_mounted(path));
}

/* A step on the way. A link itself has no mode that counts. */
static bool trust_step(const struct stat *st, const char *path, uid_t owner, struct fault *f)
{
	struct stat as = *st;
	bool open = (st->st_mode & (S_IWGRP | S_IWOTH)) != 0;
	if (S_ISLNK(st->st_mode) || (open && S_ISDIR(st->st_mode) && is_kept_apart(st, path)))
		as.st_mode &= (mode_t) ~(S_IWGRP | S_IWOTH);
	if ((as.st_mode & S_IWGRP) && is_group_of_one(st->st_gid, owner))
		as.st_mode &= (mode_t)~S_IWGRP;
	if (trust_it(&as, path, owner, f))
		return true;
	/* It is told as it is. */
	return trust_it(st, path, owner, f);
}

/* In a directory where anybody makes what they like "nobody" may be anybody, not just root;
 * but not where something is mounted. */
static bool trust_nobody(const struct stat *st, const char *path, const char *above,
                         uid_t owner, struct fault *f)
{
	struct stat room;
	struct fault unused = FAULT_INIT;
	if (st->st_uid != OVERFLOW || owner == OVERFLOW ||
	    (!S_ISLNK(st->st_mode) && container_mounted(path)))
		return true;
	return (file_stat_name(AT_FDCWD, above[0] ? above : "/", &room, &unused) &&
	        !(room.st_mode & (S_IWGRP | S_IWOTH))) ||
	       blame_owner(st, path, owner, f);
}

/* Where the link leads goes before the rest of the path; an absolute one begins
 * at the root again. */
static bool follow(const char *link, char **done, char **rest)
{
	char to[PATH_MAX];
	ssize_t n = readlink(link, to, sizeof(to));
	if (n < 0)
		return false;
	char *more = mem_printf("%.*s/%s", (int)n, to, *rest);
	free(*rest);
	*rest = more;
	if (n > 0 && to[0] == '/')
		(*done)[0] = '\0';
	return true;
}

/* Goes a step from done into rest. False: this is the end, whether there is
 * nothing, or something that cannot be looked at: whoever opens it says so. */
static bool step(char **done, char **rest, uid_t owner, int *links, bool *ok, struct fault *f)
{
	struct fault unused = FAULT_INIT;
	const char *at = *rest + strspn(*rest, "/");
	int len = (int)strcspn(at, "/");
	if (len == 0)
		return false;
	char *next = mem_printf("%s/%.*s", *done, len, at);
	char *behind = mem_copy(str_of(at + len));
	bool up = len == 2 && at[0] == '.' && at[1] == '.';
	bool stay = len == 1 && at[0] == '.';
	free(*rest);
	*rest = behind;
	struct stat st;
	bool go = up || file_stat_name(AT_FDCWD, next, &st, &unused);
	*ok = !go || up ||
	      (trust_step(&st, next, owner, f) &&
	       (stay || trust_nobody(&st, next, *done, owner, f)));
	go = go && *ok;
	if (go && up) {
		size_t slash = str_rfind(str_of(*done), '/');
		(*done)[slash == STR_NONE ? 0 : slash] = '\0';
	} else if (go && S_ISLNK(st.st_mode)) {
		go = ++*links <= LINKS_MAX && follow(next, done, rest);
	} else if (go && !stay) {
		free(*done);
		*done = next;
		return true;
	}
	free(next);
	return go;
}

bool trust_way(const char *path, uid_t owner, struct fault *f)
{
	struct stat st;
	struct fault unused = FAULT_INIT;
	char *done = mem_copy(STR("")), *rest = mem_copy(str_of(path));
	int links = 0;
	bool ok =
	    !file_stat_name(AT_FDCWD, "/", &st, &unused) || trust_step(&st, "/", owner, f);
	while (ok && step(&done, &rest, owner, &links, &ok, f))
		;
	free(done);
	free(rest);
	return ok;
}
