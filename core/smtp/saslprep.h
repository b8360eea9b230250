/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * saslprep - user names and passwords in the form that SCRAM hashes (RFC 4013)
 *
 * Maps odd blanks to a blank, takes out invisible characters, replaces
 * compatibility characters (full-width letters, ligatures, superscripts) by
 * what they stand for, and composes (NFKC). ASCII stays as it is.
 *
 * RFC 8265 has another rule for new protocols, without the replacing; RFC 5802 and those who
 * follow it (GNU SASL, PostgreSQL, XMPP servers) have this one, and a password in another
 * form is a wrong password. The normalisation is libunistring's, which GnuTLS is linked
 * with; it knows today's Unicode, RFC 4013 that of 2002, as PostgreSQL does. Built without it,
 * what is not ASCII is refused.
 *
 * Limits: control characters, and what RFC 8264 lets no password have, are refused;
 * the bidi rule is left to the server that stored the password.
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
