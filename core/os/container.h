/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * container - are we in one, and whose users does it have
 *
 * A container is told by its name space of processes, which is not the machine's, or by one
 * of users that has a single one. What cannot be found out is not so, and so is everything
 * on systems other than Linux: then there are no containers. There are no faults.
 */
#ifndef OS_CONTAINER_H
#define OS_CONTAINER_H

#include <stdbool.h>

bool container_inside(void);

/* Are our users others than the machine's of the same numbers, or fewer? */
bool container_has_own_users(void);

#endif
