/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * dead - relays that did not answer, remembered between runs
 *
 * One small file a relay in the hold's state/, so that the next caller does
 * not wait for it again. Losing it costs time, never mail; nothing here fails.
 *
 * In a shared hold only what the owner of the rooms found counts for all: a
 * user can make his own run fail at will (its limits, a signal that stops it),
 * and would keep everybody's mail. He has a file of his own.
 */
#ifndef HOLD_DEAD_H
#define HOLD_DEAD_H

#include <stdbool.h>
#include <stdint.h>

#include "hold/hold.h"

#define DEAD_WAIT_MIN 60   /* seconds: the first wait */
#define DEAD_WAIT_MAX 1800 /* doubled up to this */

struct dead {
	int64_t until; /* not to be tried before, seconds since 1970 */
	int64_t wait;  /* seconds: the wait that led there */
	char why[FAULT_TEXT_MAX];
};

/* What is remembered of the relay with that key (its name and what identifies
 * the server, any text); false: nothing, or nothing that a sane clock wrote. */
bool dead_get(const struct hold *h, const char *key, int64_t wall, struct dead *d);
/* It did not answer just now. The wait doubles once the last one is over: of
 * many processes that meet one silence, none makes it longer. */
void dead_set(const struct hold *h, const char *key, int64_t wall, const char *why);
void dead_clear(const struct hold *h, const char *key);

#endif
