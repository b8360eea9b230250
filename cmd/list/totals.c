/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cmd/list/totals.h"

#include "cmd/list/summary.h"

bool totals_metrics(struct buf *out, const struct counters *c)
{
	const struct {
		const char *name, *unit, *help;
		uint64_t value;
	} totals[] = {
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
	const struct {
		const char *name, *help;
		int64_t value;
	} times[] = {
	    {"postern_last_success_timestamp_seconds", "When a message was last delivered.",
	     c->last_success},
	    {"postern_last_flush_timestamp_seconds",
	     "When a run over all held mail last ended.", c->last_flush},
	};
	bool ok = true;
	for (size_t i = 0; ok && i < sizeof(totals) / sizeof(totals[0]); i++)
		ok = summary_family(out, totals[i].name, "counter", totals[i].unit,
		                    totals[i].help) &&
		     buf_addf(out, "%s_total %llu\n", totals[i].name,
		              (unsigned long long)totals[i].value);
	for (size_t i = 0; ok && i < sizeof(times) / sizeof(times[0]); i++)
		ok = times[i].value == 0 ||
		     (summary_family(out, times[i].name, "gauge", "seconds", times[i].help) &&
		      buf_addf(out, "%s %lld\n", times[i].name, (long long)times[i].value));
	return ok;
}
