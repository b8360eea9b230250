/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * retry - when to try again, and when to give up; pure
 *
 * The wall clock may jump: that something is old is not believed by it alone
 * (struct retry_clock). An entry is given up only if a try after the due time
 * failed, at least three were made, and either the wall clock agrees with the
 * machine's uptime since the last one before, or a second such try failed half
 * an hour (of uptime) after the first. One that was offered to nobody is given
 * up by the same rule, applied to the tries of its dead servers.
 */
#ifndef HOLD_RETRY_H
#define HOLD_RETRY_H

#include <stdint.h>

#include "hold/entry.h"

struct retry_rules {
	int64_t first;  /* seconds: the wait after the first failure */
	int64_t max;    /* the longest wait */
	int64_t expire; /* age at which an entry is given up */
};

/* Seconds to wait after attempts failures: first, doubled up to max, with 10 %
 * jitter taken from random (any number). */
int64_t retry_wait(const struct retry_rules *rules, int64_t attempts, uint32_t random);

/* Does the entry wait for the time that its sender set (at most ENTRY_DELAY_MAX)?
 * That is so until it was tried first. Not if a clock that disagrees with ours took it
 * in. Of e the head is enough. */
bool retry_delayed(const struct entry *e, int64_t wall);

/* Is the entry to be tried now? A next try further off than twice max comes
 * from a clock that was wrong: due, unless it is the delay of an entry that was
 * never tried, taken in by a clock that agrees with ours. */
bool retry_due(const struct retry_rules *rules, const struct entry *e, int64_t wall);

/* After a failed try at wall (uptime: of the machine): updates attempts, tried,
 * uptime, overdue and next_try of e; true if it is to be given up. */
bool retry_failed(const struct retry_rules *rules, struct entry *e, int64_t wall,
                  int64_t uptime, uint32_t random);

/* All servers of an entry that was not offered are dead. This is of the one that has been so
 * for the shortest time. */
struct retry_outage {
	int64_t since;    /* wall seconds at the first failure */
	int64_t uptime;   /* of the machine then */
	int64_t failures; /* connections tried since */
};

/* Has the entry waited for longer than expire, all of it while they were dead? Updates
 * overdue of e; true if it is to be given up. */
bool retry_outlived(const struct retry_rules *rules, struct entry *e,
                    const struct retry_outage *o, int64_t wall, int64_t uptime);

/* What a flush saw of the clocks, for the next one. All 0: nothing. */
struct retry_clock {
	int64_t wall, uptime;
	int64_t doubt; /* uptime since which the wall clock is in doubt, 0: it is not */
};

/* The clocks now. True if what the wall clock says can be believed: it went as
 * the uptime did since the last time, and, if it was in doubt before (a jump, a
 * boot, nothing known), has done so for half an hour. */
bool retry_clock_seen(struct retry_clock *c, int64_t wall, int64_t uptime)
    __attribute__((warn_unused_result));

#endif
