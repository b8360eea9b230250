/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * admin - acting on entries: remove, freeze, thaw, retry
 *
 * Each entry is claimed first, so nothing is changed under the hands of a
 * flushq that sends it: such an entry is busy, 75 and a line. An id that is
 * not there is 65, another user's entry 77; the others are still done. What
 * was done is logged, a line an entry, and is on disk when the call returns. It is
 * told on standard error where call->tell is set: a line an id, and the count.
 */
#ifndef CMD_QUEUE_ADMIN_H
#define CMD_QUEUE_ADMIN_H

#include "cmd/queue/mailq_options.h"
#include "hold/hold.h"

/* Are entries in this room, hold/ or failed/, the verb's business? */
bool admin_looks_into(const char *verb, enum hold_room room);

/* By call->verb. all: removes
 * everything in hold/ and failed/, freezes and thaws all of hold/, retries all
 * of failed/. Returns the exit code: the greatest of those met. */
int admin(struct hold *h, const char *program, const struct mailq_call *call);

#endif
