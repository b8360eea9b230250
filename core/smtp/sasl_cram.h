/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * sasl_cram - the digest of CRAM-MD5 (RFC 2195), for sasl
 */
#ifndef SMTP_SASL_CRAM_H
#define SMTP_SASL_CRAM_H

#include "text/buf.h"

#define CRAM_DIGEST_LEN 16

/* HMAC-MD5 of the challenge under the password. False: this system has no MD5. */
bool cram_digest(struct str password, struct str challenge, unsigned char to[CRAM_DIGEST_LEN])
    __attribute__((warn_unused_result));

#endif
