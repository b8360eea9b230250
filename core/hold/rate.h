/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * rate - how many messages a relay got lately, over all processes of the hold
 *
 * One file a relay in the hold's state/, changed under a lock that is held for two reads and
 * two writes: for each rule the times of the last messages, as many as it allows. Another
 * may go when the oldest of them is a period and a margin old, so that what is late on its
 * way to the server is not too much there. Losing the file costs the count, never mail; a
 * damaged one is begun anew; where it cannot be had, or is locked for long (in a shared hold
 * a user can stop a process of his), nothing is counted and all may go.
 *
 * The times are a clock's of the file's own, which goes with the wall clock, and stands
 * still while that is behind where it was.
 */
#ifndef HOLD_RATE_H
#define HOLD_RATE_H

#include "hold/hold.h"

#define RATE_RULES_MAX 8
#define RATE_COUNT_MAX 1000000
#define RATE_SLOW_MS   600000 /* so long a period counts double where it was too fast */

struct rate_rule {
	int64_t count; /* 1 to RATE_COUNT_MAX messages */
	int64_t period_ms;
};

/* Counts a message; false: it may not go for *wait_ms yet, and nothing was counted. wall_ms:
 * the wall clock. */
bool rate_take(const struct hold *h, const char *relay, const struct rate_rule *rules,
               size_t count, int64_t wall_ms, int64_t *wait_ms)
    __attribute__((warn_unused_result));
/* The server says that it is too fast. */
void rate_slow(const struct hold *h, const char *relay, const struct rate_rule *rules,
               size_t count, int64_t wall_ms);

/* Pure: how long the message has to wait that comes at now, if the one that is the rule's
 * count before it came at oldest; 0: not at all. */
int64_t rate_wait(const struct rate_rule *rule, int64_t oldest, int64_t now, bool slow);

#endif
