/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * listing - the hold as text, in Postfix's layout
 *
 * Monitors read it: a line that begins with a capital letter or a digit is an
 * entry and nothing else is, and the last line is as it is. Recipients with
 * the same reason stand beneath it together; delivered ones are not shown.
 * Pure but for the time zone.
 */
#ifndef CMD_LIST_LISTING_H
#define CMD_LIST_LISTING_H

#include <stdint.h>

#include "text/buf.h"
#include "conf/settings.h"
#include "hold/entry.h"

#define LISTING_HEADER "-Queue ID-  --Size-- ----Arrival Time---- -Sender/Recipient-------\n"
#define LISTING_EMPTY  "Mail queue is empty\n"

struct listing {
	int64_t now;
	bool terminal; /* a line with age and next try below each entry */
	bool colour;
	bool verbose; /* attempts, relay, and each recipient with its own reply */
	bool failed;  /* the entries are those that failed */
	const struct settings *config; /* for the names of relays; NULL: unknown */
};

/* One entry and the empty line behind it. False: out is full. */
bool listing_entry(struct buf *out, const struct listing *l, const struct entry *e, bool busy)
    __attribute__((warn_unused_result));
/* The last two lines. */
bool listing_total(struct buf *out, uint64_t entries, uint64_t bytes)
    __attribute__((warn_unused_result));

#endif
