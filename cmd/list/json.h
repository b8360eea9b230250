/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * json - entries as JSON, one object a line, with the keys of "postqueue -j"
 *
 * Valid UTF-8 is kept, every byte that is none becomes U+FFFD, control
 * characters are written as \u00HH. Pure.
 */
#ifndef CMD_LIST_JSON_H
#define CMD_LIST_JSON_H

#include "text/buf.h"
#include "hold/entry.h"

/* One entry and a line end; failed: it is in failed/. False: out is full. */
bool json_entry(struct buf *out, const struct entry *e, bool busy, bool failed)
    __attribute__((warn_unused_result));
/* A string with its quotes. */
bool json_string(struct buf *out, struct str s) __attribute__((warn_unused_result));

#endif
