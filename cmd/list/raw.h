/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * raw - entries as records, for a user who may not open the hold
 *
 * post has become mailq, with the conversation still open; post/post_client is at the
 * other end of it.
 */
#ifndef CMD_LIST_RAW_H
#define CMD_LIST_RAW_H

#include "hold/hold.h"

#define RAW_FD 3 /* the conversation */

/* Sends the entries that h lets us see. what: letters h and f, the rooms, with
 * "+" in front for whole files; id: only that one, or NULL. The answer is in
 * the records; the exit code is 0. */
int raw_send(struct hold *h, const char *what, const char *id);

#endif
