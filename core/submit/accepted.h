/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * accepted - a message was taken from a caller: counted, and a line in the log
 *
 * By whoever may write to the hold: sendmail in a user's own, flushq for what
 * came through post. Keys of the line: id uid from nrcpt size status.
 */
#ifndef SUBMIT_ACCEPTED_H
#define SUBMIT_ACCEPTED_H

#include "hold/hold.h"

/* It was taken over for that user; e: the entry, or NULL if it is gone already. */
void accepted_note(const struct hold *h, const char *id, uid_t uid, const struct entry *e);

#endif
