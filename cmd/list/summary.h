/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * summary - a tally for people, with bars, and as OpenMetrics text
 *
 * Both want the reasons sorted (stats_sort). Pure.
 */
#ifndef CMD_LIST_SUMMARY_H
#define CMD_LIST_SUMMARY_H

#include "cmd/list/stats.h"

bool summary_text(struct buf *out, const struct stats *t, int64_t now, bool colour)
    __attribute__((warn_unused_result));

enum summary_kind { METRIC_GAUGE, METRIC_COUNTER, METRIC_TIME /* left out where it is 0 */ };

struct summary_metric {
	const char *name, *unit, *help; /* unit may be NULL */
	uint64_t value;
};

/* Adds the families of metrics that have one sample each. */
bool summary_rows(struct buf *out, enum summary_kind kind, const struct summary_metric *rows,
                  size_t count) __attribute__((warn_unused_result));
/* Metric families of the OpenMetrics 1.0 text format, "# EOF" at the end; also
 * what the node exporter's text file collector reads. At most SUMMARY_LABELS
 * reasons get a label of their own, the rest is "other". */
#define SUMMARY_LABELS 20
bool summary_metrics(struct buf *out, const struct stats *t)
    __attribute__((warn_unused_result));

#endif
