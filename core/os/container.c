/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "os/container.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "text/buf.h"
#include "os/file.h"

/* The number of the machine's own name space of processes is part of Linux's
 * interface; all others have one that was counted up. */
#define MACHINES_PROCESSES 0xEFFFFFFCU

/* The first range of our users, and how many numbers all ranges are told by, three each. */
struct users {
	int numbers;
	unsigned long inside, outside, count;
};

static struct users read_users(void)
{
	struct buf map;
	struct fault f = FAULT_INIT;
	struct users u = {0, 0, 0, UINT_MAX};
	unsigned long more;
	buf_init(&map, 65536);
	if (file_read_path(AT_FDCWD, "/proc/self/uid_map", &map, &f))
		u.numbers = sscanf(buf_cstr(&map), "%lu %lu %lu %lu", &u.inside, &u.outside,
		                   &u.count, &more);
	buf_release(&map);
	return u;
}

bool container_inside(void)
{
	struct stat st;
	if (stat("/proc/self/ns/pid", &st) == 0 && st.st_ino != MACHINES_PROCESSES)
		return true;
	struct users u = read_users();
	return u.numbers == 3 && u.count == 1;
}

/* In the first name space all users are mapped to themselves. */
bool container_has_own_users(void)
{
	struct users u = read_users();
	return u.inside != 0 || u.outside != 0 || u.count < UINT_MAX;
}

/* Is it on another file system than the directory that it is in? */
static bool is_other_system(const char *path)
{
	char *real = realpath(path, NULL);
	struct stat here, above;
	bool other = false;
	if (real && stat(real, &here) == 0) {
		size_t slash = str_rfind(str_of(real), '/');
		real[slash > 0 ? slash : 1] = '\0';
		other = stat(real, &above) == 0 && here.st_dev != above.st_dev;
	}
	free(real);
	return other;
}

bool container_mounted(const char *path)
{
#ifdef STATX_ATTR_MOUNT_ROOT
	struct statx stx;
	if (statx(AT_FDCWD, path, 0, STATX_TYPE, &stx) == 0 &&
	    (stx.stx_attributes_mask & STATX_ATTR_MOUNT_ROOT))
		return (stx.stx_attributes & STATX_ATTR_MOUNT_ROOT) != 0;
#endif
	return is_other_system(path);
}

/* Is it a mount of its own: by itself, or with the directory that it was named in, and
 * read-only, so that it was not made here? */
static bool is_own_mount(const char *path)
{
	if (container_mounted(path))
		return true;
	size_t slash = str_rfind(str_of(path), '/');
	char *directory = mem_printf("%.*s/", slash == STR_NONE ? 0 : (int)slash, path);
	bool mounted = file_is_read_only(path) && container_mounted(directory);
	free(directory);
	return mounted;
}

bool container_from_outside(const char *path)
{
	return container_inside() && is_own_mount(path);
}

bool container_handed_over(const char *path, const struct stat *st)
{
	struct stat root;
	return (st->st_mode & 03) == 0 && stat("/", &root) == 0 && st->st_dev != root.st_dev &&
	       container_from_outside(path);
}
