/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cmd/list/totals.h"

#include "cmd/list/summary.h"

bool totals_metrics(struct buf *out, const struct counters *c)
{
	const struct summary_metric totals[] = {
	    {"postern_messages_accepted", NULL, "Messages taken from callers.", c->accepted},
	    {"postern_messages_delivered", NULL, "Messages that left altogether.",
	     c->delivered},
	    {"postern_messages_failed", NULL, "Messages that failed.", c->failed},
	    {"postern_recipients_delivered", NULL, "Recipients that got a message.",
	     c->rcpts_delivered},
	    {"postern_recipients_failed", NULL, "Recipients that were given up.",
	     c->rcpts_failed},
	    {"postern_delivered_bytes", "bytes", "Size of the messages that somebody got.",
	     c->bytes},
	};
	const struct summary_metric times[] = {
	    {"postern_last_success_timestamp_seconds", "seconds",
	     "When a message was last delivered.", (uint64_t)c->last_success},
	    {"postern_last_flush_timestamp_seconds", "seconds",
	     "When a run over all held mail last ended.", (uint64_t)c->last_flush},
	};
	return summary_rows(out, METRIC_COUNTER, totals, COUNT(totals)) &&
	       summary_rows(out, METRIC_TIME, times, COUNT(times));
}
