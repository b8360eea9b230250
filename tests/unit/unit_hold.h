/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * unit_hold - a hold for one test, in a folder that goes with it, and messages in it
 */
#ifndef UNIT_HOLD_H
#define UNIT_HOLD_H

#include "hold/hold.h"

#define UNIT_FOLDER sizeof("/tmp/postern-unit-XXXXXX")

/* Makes the folder, and opens a hold there; the test fails where that fails. */
void unit_hold_open(struct hold *h, char folder[UNIT_FOLDER]);
/* Closes it, and removes the folder with all that is in it. */
void unit_hold_close(struct hold *h, const char *folder);

#define UNIT_MESSAGE "Subject: a test\r\n\r\nbody\r\n"

/* An entry with that envelope, the recipients with a blank between two, to be held or changed
 * before; taken in now, by us. To be released. */
void unit_entry(struct entry *e, const char *sender, const char *rcpts);
/* Holds it, with UNIT_MESSAGE and so many lines more; e->id is its id then. */
void unit_hold_put(struct hold *h, struct entry *e, size_t more);
/* Both, of an entry that nothing is changed in. */
void unit_hold_message(struct hold *h, const char *sender, const char *rcpts, hold_id id);
/* Claims one that must be there. */
void unit_hold_claim(struct hold *h, enum hold_room room, const char *id,
                     struct hold_entry *he);
/* How many entries are in that room. */
size_t unit_hold_count(const struct hold *h, enum hold_room room);

#endif
