/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * slots - how many connections to a relay are open, over all processes of the hold
 *
 * And how many a user has to us by SMTP (cmd/send/connection), in the same way.
 *
 * One file a relay, or a user, in the hold's state/. Each connection is a lock on one byte of
 * it, which the system lets go when its process ends, however it does. The locks are a
 * process': it has one slot at a time, and opens the file for nothing else meanwhile, for
 * closing it gives up all that the process has there. Where the file cannot be had nothing is
 * counted.
 *
 * A process can be stopped while it has a slot. In the file stands when each was last seen at
 * work; who was not for SLOT_SILENT is not counted any more, so that one connection too many
 * is what it comes to, and not that nobody sends. And in a shared hold a user can stop their
 * own processes at any time: the first of several slots is kept for the owner of the rooms.
 */
#ifndef HOLD_SLOTS_H
#define HOLD_SLOTS_H

#include <sys/types.h>

#include "hold/hold.h"

#define SLOT_SILENT 3600 /* seconds: longer than any server is waited for, as a rule */

struct slot {
	int fd; /* -1: there is none, or it is not counted */
	int64_t at;
	int64_t seen; /* wall seconds: what stands in the file */
};

/* Takes one of most. False: none is free. wall: seconds. */
bool slots_take(const struct hold *h, const char *relay, int most, int64_t wall,
                struct slot *slot) __attribute__((warn_unused_result));
/* The same of a connection from that user, in a file that no relay's name can lead to. */
bool slots_take_user(const struct hold *h, uid_t user, int most, int64_t wall,
                     struct slot *slot) __attribute__((warn_unused_result));
/* It is at work. */
void slots_seen(struct slot *slot, int64_t wall);
/* How many others have one. */
int slots_others(const struct slot *slot);
void slots_release(struct slot *slot); /* harmless without one */

#endif
