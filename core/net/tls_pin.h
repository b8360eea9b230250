/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * tls_pin - the fingerprint of a certificate, in text and as bytes
 *
 * Without GnuTLS: the configuration has it too.
 */
#ifndef NET_TLS_PIN_H
#define NET_TLS_PIN_H

#include "text/buf.h"

#define TLS_PIN_LEN      32
#define TLS_PIN_TEXT_MAX 80

/* SHA-256 of the certificate (DER). */
struct tls_pin {
	unsigned char sha256[TLS_PIN_LEN];
};

/* "sha256:HEX" in any case; colons may stand between the bytes. False: it is not that. */
bool tls_pin_parse(struct str text, struct tls_pin *to);
/* "sha256:HEX", in upper case without colons. */
void tls_pin_text(const struct tls_pin *pin, char to[TLS_PIN_TEXT_MAX]);

#endif
