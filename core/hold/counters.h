/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * counters - what became of the mail of a hold, added up since it was made
 *
 * A small file in state/, changed under a lock and never synced: what is lost
 * with the power, or while somebody holds the lock for long, is not made good,
 * and a monitor takes numbers that fall for a new beginning.
 *
 * In a shared hold each user's programs, which post starts for them, count in a
 * file of their own: a user can stop them, also while they hold a lock, and
 * must not stop the counting of all others. They cannot reach the file themselves.
 */
#ifndef HOLD_COUNTERS_H
#define HOLD_COUNTERS_H

#include <stdint.h>

#include "hold/hold.h"

struct counters {
	uint64_t accepted;        /* messages taken from callers */
	uint64_t delivered;       /* messages that left altogether */
	uint64_t failed;          /* messages that went to failed/ */
	uint64_t rcpts_delivered; /* recipients, reports to senders too */
	uint64_t rcpts_failed;
	uint64_t bytes;       /* of messages that at least one recipient got */
	int64_t last_success; /* seconds since 1970: somebody got something; 0: never */
	int64_t last_flush;   /* the end of a run over the mail of all; 0: never */
};

/* Adds to what this process' user has counted; of times the later one stays. A
 * failure is not told: nothing depends on it. */
void counters_add(const struct hold *h, const struct counters *more);

/* The sum of all users'. */
void counters_read(const struct hold *h, struct counters *sum);

#endif
