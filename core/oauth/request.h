/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * request - the texts that go to a provider
 *
 * Forms (application/x-www-form-urlencoded as RFC 6749 appendix B has it), the header of a
 * client that logs in by Basic (section 2.3.1), base64url without padding (RFC 7515
 * appendix C), and where an issuer describes itself (RFC 8414 section 3.1, OpenID Connect
 * Discovery section 4). False: out is full, or the text is none of these.
 */
#ifndef OAUTH_REQUEST_H
#define OAUTH_REQUEST_H

#include "text/buf.h"

/* Adds NAME=VALUE, after a "&" unless out is empty; nothing if value is NULL or empty. */
bool request_add(struct buf *out, const char *name, const char *value)
    __attribute__((warn_unused_result));
/* "Basic " and the rest. */
bool request_basic(struct buf *out, const char *client, const char *secret)
    __attribute__((warn_unused_result));
bool request_base64url(struct buf *out, struct str bytes) __attribute__((warn_unused_result));
/* https, a host, no user, query, fragment or control byte. */
bool request_is_url(struct str url);
/* Its two documents, by which: 0 that of RFC 8414, 1 that of OpenID. */
bool request_described_at(struct buf *out, struct str issuer, int which)
    __attribute__((warn_unused_result));
/* The value of a parameter in the URL that a browser was sent to, decoded. */
bool request_find(struct buf *out, struct str url, const char *name)
    __attribute__((warn_unused_result));

#endif
