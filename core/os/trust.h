/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * trust - who else could have made what we are about to believe
 *
 * What a user's programs go by must be their own or root's, and nobody else may
 * be able to write it, or to put another in its place: then it says nothing
 * that they could not have done themselves. Whoever has the bits, has them: access
 * control lists show in the group's.
 *
 * Root of the machine is also who has no user of their own in the user name
 * space that we are in (a container, a sandbox): all that they own belongs to
 * "nobody" there, and so does what other users outside own, which cannot be
 * told from it. So in a directory that others can write to only what is mounted there is
 * believed to be theirs.
 *
 * Faults are FAULT_CONFIG, name path, owner and mode, and say what to do.
 */
#ifndef OS_TRUST_H
#define OS_TRUST_H

#include <sys/stat.h>

#include "text/fault.h"

#define TRUST_OWNER_MAX 64
/* "owner NAME, mode 0644" */
void trust_owner(const struct stat *st, char to[TRUST_OWNER_MAX]);

/* A file or directory, as fstat tells, that has to belong to owner or root. */
bool trust_it(const struct stat *st, const char *path, uid_t owner, struct fault *f);

/* Each directory that the absolute path leads through, links followed, and
 * what it leads to, as far as it is there: nobody else can put something else
 * there. In a directory with the sticky bit, and in a volume of a container, that is so for
 * what is their own; and the group of a user that has their name and no other member is
 * nobody else. */
bool trust_way(const char *path, uid_t owner, struct fault *f);

#endif
