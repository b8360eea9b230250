/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * beyond - what post does for a caller who may not open the system's hold
 *
 * mailq and flushq hand the job to post, which starts them again with the
 * right to the hold and for the caller's entries only. What that prints is
 * passed on, its exit code is the result.
 */
#ifndef CMD_QUEUE_BEYOND_H
#define CMD_QUEUE_BEYOND_H

#include "cmd/queue/mailq_options.h"
#include "cmd/place.h"

/* Counts of everybody's mail: JOB_COUNT and JOB_METRICS. */
int beyond_count(const struct place *p, const struct mailq_call *call);
/* JOB_REMOVE, JOB_FREEZE, JOB_THAW, JOB_RETRY, as steer (cmd/queue/admin). */
int beyond_steer(const struct place *p, const struct mailq_call *call);
/* Tries these ids; none: all of the caller that is due, or not even due (all). */
int beyond_try(const struct place *p, const struct mailq_call *call, char *const *ids,
               size_t count);

#endif
