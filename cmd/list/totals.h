/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * totals - the counters of a hold as OpenMetrics text
 */
#ifndef CMD_LIST_TOTALS_H
#define CMD_LIST_TOTALS_H

#include "text/buf.h"
#include "hold/counters.h"

/* Without the line that ends the whole. False: out is full. */
bool totals_metrics(struct buf *out, const struct counters *c)
    __attribute__((warn_unused_result));

#endif
