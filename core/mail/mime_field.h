/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * mime_field - one header field made fit for a plain server
 *
 * Fields of MIME parts and of messages inside messages are body to the rest of
 * the program, so nobody has put them in order: 8-bit text in them is encoded
 * here, parameters by RFC 2231, the rest by RFC 2047, and long lines are
 * folded. Where the rules allow no encoding (in an identifier, say), "?" takes
 * the place of an 8-bit byte.
 */
#ifndef MAIL_MIME_FIELD_H
#define MAIL_MIME_FIELD_H

#include "text/buf.h"
#include "text/fault.h"

#define MIME_LINE_MAX 998

/* Must raw (a field with folds in it, no line end behind it) be changed? */
bool mime_field_bad(struct str raw, bool seven_bit);

/* Adds the field, mended, with CRLF behind it. FAULT_DATA if a mailbox is
 * 8-bit, which no encoding can help. */
bool mime_field_mend(struct buf *out, struct str raw, bool seven_bit, struct fault *f)
    __attribute__((warn_unused_result));

/* Has s a byte over 127? */
bool mime_has_8bit(struct str s);
/* How many bytes over 127 it has. */
size_t mime_count_8bit(struct str s);

#endif
