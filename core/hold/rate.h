/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * rate - how many messages a relay got lately, over all processes of the hold
 *
 * One file a relay in the hold's state/, changed under a lock that is held for two reads and
 * two writes: for each rule the times of the last messages, as many as it allows. Another
 * may go when the oldest of them is a period and a margin old.
 *
 * A server may count a message when it is announced, or when it is complete, and neither is
 * the moment in which it was counted here. When its answer has come its time is set to
 * later, by as much as it took longer than others do; and if it took longer than a period,
 * it is counted once more.
 *
 * Losing the file costs the count, never mail; a damaged one is begun anew; where it cannot
 * be had nothing is counted and all may go. One that is locked for long (in a shared hold a
 * user can stop their own processes) is left to whoever has it, and a copy takes its place.
 *
 * The times are a clock's of the file's own: it goes with the uptime of the machine, which
 * nobody sets, and from one boot to the next with the wall clock, never back. In doubt it is
 * slow.
 */
#ifndef HOLD_RATE_H
#define HOLD_RATE_H

#include "hold/hold.h"

#define RATE_RULES_MAX   8
#define RATE_COUNT_MAX   1000000
#define RATE_SLOW_MS     600000 /* so long a period counts double where it was too fast */
#define RATE_PASSAGE_MAX 250    /* ms that any message is taken to need, at most */

struct rate_rule {
	int64_t count; /* 1 to RATE_COUNT_MAX messages */
	int64_t period_ms;
};

struct rate_clock {
	int64_t wall_ms, uptime_ms;
};

/* What is allowed for a relay, and when that is asked. */
struct rate {
	const struct hold *hold;
	const char *relay;
	struct rate_rule rules[RATE_RULES_MAX];
	size_t count;
	struct rate_clock clock;
};

/* A message that is counted. All 0: none is. */
struct rate_permit {
	int64_t at; /* when, by the file's clock */
	int64_t place[RATE_RULES_MAX];
};

/* Counts a message; false: it may not go for *wait_ms yet, and nothing was counted. */
bool rate_take(const struct rate *r, struct rate_permit *permit, int64_t *wait_ms)
    __attribute__((warn_unused_result));
/* The same without counting it: for how long it may not go. */
int64_t rate_ask(const struct rate *r);
/* That message does not go. If others were counted since, it stays counted. */
void rate_cancel(const struct rate *r, const struct rate_permit *permit);
/* What became of it is known. */
void rate_ended(const struct rate *r, const struct rate_permit *permit);
/* The server says that it is too fast. */
void rate_slow(const struct rate *r);

/* Pure: how long the message has to wait that comes at now, if the one that is the rule's
 * count before it came at oldest; 0: not at all. */
int64_t rate_wait(const struct rate_rule *rule, int64_t oldest, int64_t now, bool slow);

#endif
