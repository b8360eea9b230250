/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * saslprep - user names and passwords in the form that SCRAM hashes (RFC 4013)
 *
 * Maps odd blanks to a blank, takes out invisible characters, replaces
 * compatibility characters (full-width letters, ligatures, superscripts) by
 * what they stand for, and composes (NFKC). ASCII stays as it is.
 *
 * Limits: compatibility characters of Arabic, Hangul, CJK and mathematical
 * blocks are not known here; they are refused, for a wrong guess would look
 * like a wrong password. What RFC 4013 prohibits, and its bidi rule, is left
 * to the server that stored the password; control characters are refused.
 */
#ifndef SMTP_SASLPREP_H
#define SMTP_SASLPREP_H

#include "text/buf.h"
#include "text/fault.h"

/* Adds the prepared form of s to out, which is wiped by its owner. FAULT_RELAY
 * if it cannot be prepared; what names s in the text ("password"), s itself is
 * never part of it. */
bool saslprep(struct str s, const char *what, struct buf *out, struct fault *f)
    __attribute__((warn_unused_result));

#endif
