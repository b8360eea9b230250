/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * sasl - login mechanisms (RFC 4422), as a machine without I/O
 *
 * PLAIN (RFC 4616), LOGIN, CRAM-MD5 (RFC 2195), SCRAM-SHA-1 and SCRAM-SHA-256
 * with and without channel binding (RFC 5802, 7677, 9266), EXTERNAL,
 * XOAUTH2, OAUTHBEARER (RFC 7628).
 *
 * The password is copied for as long as the exchange lasts, into memory of its
 * final size at once; sasl_free wipes it and all that came of it. The answers
 * carry it too: their owner wipes them after they are written. SCRAM takes
 * user and password as saslprep makes them, the others byte for byte; NUL is
 * refused. A server that does not prove that it knows the password (SCRAM
 * signature), extends our nonce wrongly or asks for fewer than 4,096 or more
 * than 1,000,000 iterations is FAULT_RELAY.
 */
#ifndef SMTP_SASL_H
#define SMTP_SASL_H

#include "text/buf.h"
#include "text/fault.h"
#include "smtp/sasl_name.h"

/* What channel binding has to work with. */
struct sasl_binding {
	const char *type; /* "tls-exporter", "tls-unique", or NULL: none */
	unsigned char data[64];
	size_t len;
};

/* Is it the password (or token) that logs in? */
bool sasl_needs_secret(enum sasl_mechanism m);

/* What there is to log in with, as bits. */
enum sasl_means {
	SASL_HAS_PASSWORD = 1, /* or a token */
	SASL_HAS_CERTIFICATE = 2,
	SASL_HAS_BINDING = 4
};

/* Chooses. offered: bits of the server's; allowed: bits the configuration
 * names, or 0 for auto; means: bits of enum sasl_means. */
bool sasl_choose(unsigned offered, unsigned allowed, unsigned means, enum sasl_mechanism *m);

struct sasl;

struct sasl_setup {
	enum sasl_mechanism mechanism;
	struct str user;
	struct str password; /* or the token */
	struct str host;     /* OAUTHBEARER's host= */
	int port;
	const struct sasl_binding *binding; /* NULL: none there */
	bool server_plus;                   /* it offered a -PLUS form (RFC 5802 section 6) */
	unsigned char random[24];           /* for the nonce */
};

struct sasl *sasl_new(const struct sasl_setup *setup, struct fault *f);
void sasl_free(struct sasl *s); /* wipes */

/* No answer to that challenge is longer, nor the initial response (""): with room for it memory
 * that holds a secret is not moved, and little has to be wiped. */
size_t sasl_room(const struct sasl *s, struct str challenge);
/* The initial response, not yet in base64; false: the mechanism has none. */
bool sasl_initial(struct sasl *s, struct buf *out);
/* Answers a challenge (334, already out of base64). */
bool sasl_step(struct sasl *s, struct str challenge, struct buf *out, struct fault *f)
    __attribute__((warn_unused_result));
/* 235 came: may we believe it? False when the server has not proved itself. */
bool sasl_done(const struct sasl *s, struct fault *f) __attribute__((warn_unused_result));

#endif
