/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * encode - 8-bit text in the fields of a header
 *
 * Each kind of field has its own way into ASCII: encoded words (RFC 2047) for texts and
 * display names, extended parameters (RFC 2231), =XX or %XX for identifiers. What is
 * left is addresses.
 */
#ifndef MAIL_ENCODE_H
#define MAIL_ENCODE_H

#include "text/buf.h"
#include "text/fault.h"
#include "mail/header.h"

/* How addresses beyond ASCII are taken: header.h. */
bool encode_field(struct header *h, size_t at, enum header_mailboxes how, struct fault *f)
    __attribute__((warn_unused_result));

/* A header in its final form, blank line and all, as it goes to a server without
 * SMTPUTF8 (RFC 6531 section 3.2: who submits a message may rewrite it). Always the
 * same for the same header. Only an author (From, Resent-From) who has no address
 * in ASCII stays as they are: out is then not ASCII. Too long: FAULT_DATA. */
bool encode_header(struct buf *out, struct str text, struct fault *f)
    __attribute__((warn_unused_result));

/* Must a field of a MIME part, or of a message in the message, be changed? raw has folds in
 * it and no line end behind it. Nobody has put these fields in order, and no server looks at
 * them. */
bool encode_part_needed(struct str raw, bool seven_bit);
/* Adds it as ASCII, if that is wanted, folded, with CRLF behind it. Too long: FAULT_DATA. */
bool encode_part(struct buf *out, struct str raw, bool seven_bit, struct fault *f)
    __attribute__((warn_unused_result));

#endif
