/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * slots - how many connections to a relay are open, over all processes of the hold
 *
 * What else is counted is so under a name of its own in place of a relay's.
 *
 * One empty file a relay in the hold's state/. Each connection is a lock on one byte of it,
 * which the system lets go when its process ends, however it does. The locks are a process':
 * it has one slot at a time, and opens the file for nothing else meanwhile, for closing it
 * gives up all that the process has there. Where the file cannot be had nothing is counted.
 *
 * In a shared hold a user can stop a process of his that has a slot. The first of several is
 * therefore kept for the owner of the rooms: at least his run goes on.
 */
#ifndef HOLD_SLOTS_H
#define HOLD_SLOTS_H

#include "hold/hold.h"

/* Takes one of most. False: none is free. *fd is to be closed when the connection is; -1: it
 * is not counted. */
bool slots_take(const struct hold *h, const char *relay, int most, int *fd)
    __attribute__((warn_unused_result));
/* How many others have one; fd as slots_take() gave it. */
int slots_others(int fd);

#endif
