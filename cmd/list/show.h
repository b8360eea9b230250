/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * show - one entry in full: envelope, state, and the message as it will be sent
 */
#ifndef CMD_LIST_SHOW_H
#define CMD_LIST_SHOW_H

#include <stdio.h>

#include "hold/hold.h"

struct show {
	int64_t now;
	bool terminal; /* bytes of the message that a terminal may obey are escaped */
	bool failed;
	bool busy;
};

/* The lines in front of the message and the empty one behind them. */
bool show_head(struct buf *out, const struct show *s, const struct entry *e)
    __attribute__((warn_unused_result));
/* Message bytes for printing: CRLF as LF, and escaped for a terminal. end: no
 * more follow; else up to three bytes at the end may be left for the next call
 * and *used says how many were taken. */
bool show_bytes(struct buf *out, bool terminal, struct str bytes, bool end, size_t *used)
    __attribute__((warn_unused_result));
/* All of it. */
bool show_entry(FILE *out, const struct show *s, const struct hold_entry *he, struct fault *f)
    __attribute__((warn_unused_result));

#endif
