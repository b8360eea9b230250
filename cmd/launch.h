/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * launch - starting flushq on an entry
 */
#ifndef CMD_LAUNCH_H
#define CMD_LAUNCH_H

#include <sys/types.h>

#include "base/fault.h"
#include "cmd/place.h"

/* Starts flushq for the entry, in a session of its own, so that it goes on
 * whatever becomes of the caller. listen: *fd is where it tells how it goes
 * (cmd/caller). *pid is its process. id may be NULL: all that is due. False: it could not be
 * started; the entry stays held. */
bool launch_flushq(const struct place *p, const char *id, bool verbose, bool listen, int *fd,
                   pid_t *pid, struct fault *f);

#endif
