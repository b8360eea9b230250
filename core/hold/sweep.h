/* SPDX-License-Identifier: GPL-3.0-or-later */
/* sweep - what may leave the hold without anybody asking for it */
#ifndef HOLD_SWEEP_H
#define HOLD_SWEEP_H

#include "hold/hold.h"

/* Removes files in tmp/ that are older than 36 hours and not being written,
 * entries in failed/ that are over, or older than keep seconds (0: none), and
 * from state/ what a kill left there, and what nobody asked for in a week: dead
 * relays, TLS tickets, messages and connections that were counted (whoever opens
 * such a file in that very moment counts alone, once).
 * Nothing, for those who do not see all; and of all that is old only if the wall
 * clock can be believed, for which state/ remembers what was seen of it (a file
 * for each machine that works on the hold). */
void sweep_run(struct hold *h, int64_t wall, int64_t uptime, int64_t keep);

#endif
