/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * spool - the rooms of the system's hold, where they are missing
 *
 * An installation makes them; an empty volume mounted in their place has none.
 * Only for root, before it becomes another user.
 */
#ifndef HOLD_SPOOL_H
#define HOLD_SPOOL_H

#include <sys/types.h>

#include "text/fault.h"
#include "hold/hold.h"

#define SPOOL_MODE 0710 /* of the folder, which is root's */

/* Of a room. Entries are of many users: the sticky bit keeps each to their own. */
mode_t spool_room_mode(enum hold_room room);
/* Makes the rooms that are missing, for that owner and group, and closes the
 * folder to others: owner root, SPOOL_MODE. *made: there was something to do. A folder
 * that is not there is not made: something is to be mounted on it. One that is
 * not root's, or that holds something else, is left as it is (FAULT_TEMP). */
bool spool_make(const char *path, uid_t owner, gid_t group, bool *made, struct fault *f)
    __attribute__((warn_unused_result));

#endif
