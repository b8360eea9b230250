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

/* Makes the rooms that are missing, for that owner and group, and closes the
 * folder to others: owner root, 0710. *made: there was something to do. A folder
 * that is not there is not made: something is to be mounted on it. One that is
 * not root's, or that holds something else, is left as it is (FAULT_TEMP). */
bool spool_make(const char *path, uid_t owner, gid_t group, bool *made, struct fault *f)
    __attribute__((warn_unused_result));

#endif
