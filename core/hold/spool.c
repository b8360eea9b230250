/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "hold/spool.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "os/file.h"

mode_t spool_room_mode(enum hold_room room)
{
	return room == HOLD_STATE ? 0770 : 01770;
}

static size_t count_missing(int folder)
{
	struct stat st;
	struct fault f = FAULT_INIT;
	size_t missing = 0;
	for (int i = 0; i < HOLD_ROOMS; i++)
		missing +=
		    !file_stat_name(folder, hold_room_name((enum hold_room)i), &st, &f) &&
		    f.sys == ENOENT;
	return missing;
}

static bool is_expected(const char *name)
{
	/* A file system of its own has lost+found. */
	bool known = strcmp(name, ".") == 0 || strcmp(name, "..") == 0 ||
	             strcmp(name, "lost+found") == 0;
	for (int i = 0; !known && i < HOLD_ROOMS; i++)
		known = strcmp(name, hold_room_name((enum hold_room)i)) == 0;
	return known;
}

static bool has_only_rooms(int folder, const char *path, struct fault *f)
{
	DIR *dir;
	if (!file_open_list(folder, ".", &dir, f))
		return fault_prefix(f, "%s", path);
	bool ok = true;
	for (struct dirent *d; ok && (d = readdir(dir));)
		if (!is_expected(d->d_name))
			ok = fault_set(f, FAULT_TEMP, "%s has no rooms, but %.64s in it", path,
			               d->d_name);
	closedir(dir);
	return ok;
}

/* What was there already may have been put there while the folder was open to all. */
static bool make_room(int folder, enum hold_room room, uid_t owner, gid_t group,
                      struct fault *f)
{
	const char *name = hold_room_name(room);
	struct stat st;
	if (file_stat_name(folder, name, &st, f))
		return (S_ISDIR(st.st_mode) && st.st_uid == owner) ||
		       fault_set(f, FAULT_TEMP, "%s is there and not as it should be", name);
	return file_make_dir(folder, name, owner, group, spool_room_mode(room), f);
}

static bool make_rooms(int folder, const char *path, uid_t owner, gid_t group, struct fault *f)
{
	struct stat st;
	if (!file_stat(folder, path, &st, f) || !has_only_rooms(folder, path, f))
		return false;
	if (st.st_uid != 0)
		return fault_set(f, FAULT_TEMP, "%s has no rooms, and is not root's", path);
	if (!file_own(folder, path, 0, group, SPOOL_MODE, f) ||
	    !has_only_rooms(folder, path, f))
		return false;
	for (int i = 0; i < HOLD_ROOMS; i++)
		if (!make_room(folder, (enum hold_room)i, owner, group, f))
			return false;
	return true;
}

bool spool_make(const char *path, uid_t owner, gid_t group, bool *made, struct fault *f)
{
	struct fault unused = FAULT_INIT;
	*made = false;
	struct stat st;
	int folder;
	/* Whoever opens the hold says what is wrong with it. */
	if (!file_stat_name(AT_FDCWD, path, &st, &unused) || !S_ISDIR(st.st_mode) ||
	    !file_open_dir(AT_FDCWD, path, &folder, &unused))
		return true;
	*made = count_missing(folder) > 0;
	bool ok = !*made || make_rooms(folder, path, owner, group, f);
	close(folder);
	if (ok)
		return true;
	f->kind = FAULT_TEMP;
	return fault_prefix(f, "the hold");
}
