/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * container - are we in one, and what came into it from outside
 *
 * On a machine its users have to be kept from each other; in a container what is mounted
 * into it is often open to all, and cannot be changed there, nor need it be. Whoever
 * believes more in a container than on a machine asks here.
 *
 * A container is told by its name space of processes, which is not the machine's, or by one
 * of users that has a single one. What cannot be found out is not so, and so is everything
 * on systems other than Linux: then there are no containers. There are no faults.
 */
#ifndef OS_CONTAINER_H
#define OS_CONTAINER_H

#include <stdbool.h>
#include <sys/stat.h>

bool container_inside(void);

/* Are our users others than the machine's of the same numbers, or fewer? */
bool container_has_own_users(void);

/* Is what the absolute path leads to (links followed) where something is mounted? Only who
 * may mount, so nobody with a user's rights, can have put that there. Before Linux 5.8 a mount
 * is not seen if it is of the file system that is around it. */
bool container_mounted(const char *path);

/* Is that file mounted into this container, by itself or, read-only, with the directory that
 * it is named in? */
bool container_from_outside(const char *path);

/* May the file, which is as fstat tells, hold a secret though others can read it?
 * Docker, Podman and Kubernetes hand a secret over as a mount, open to all; its mode
 * cannot be changed there, and need not be: the users of the machine do not see that mount.
 * So in a container a file that others can read is used if it is a mount of its own, and
 * not on the file system of "/", where an image is.
 * What a sandbox shows of the machine's disks is no such mount: what lies open there, lies
 * open to the machine. Other users of the same container can read the file, but that is so
 * whatever we do. */
bool container_handed_over(const char *path, const struct stat *st);

#endif
