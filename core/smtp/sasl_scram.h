/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * sasl_scram - the client's side of SCRAM (RFC 5802, 7677), for sasl
 *
 * Faults are FAULT_RELAY. Nothing of the password outlives scram_free.
 */
#ifndef SMTP_SASL_SCRAM_H
#define SMTP_SASL_SCRAM_H

#include "text/buf.h"
#include "text/fault.h"
#include "smtp/sasl.h"

struct scram;

struct scram_setup {
	bool sha256;                        /* else SHA-1 */
	bool plus;                          /* bind to the channel: binding is there */
	bool server_plus;                   /* the server offered a -PLUS form */
	const struct sasl_binding *binding; /* or NULL */
	struct str user, password;          /* copied in their prepared form */
	struct str nonce;                   /* printable, no comma */
};

/* NULL: a name or password that cannot be prepared. */
struct scram *scram_new(const struct scram_setup *setup, struct fault *f);
void scram_free(struct scram *s);

bool scram_first(struct scram *s, struct buf *out) __attribute__((warn_unused_result));
/* The first challenge gets the proof, the second, the server's, nothing. */
bool scram_step(struct scram *s, struct str challenge, struct buf *out, struct fault *f)
    __attribute__((warn_unused_result));
/* Did the server prove that it knows the password? */
bool scram_proved(const struct scram *s);

/* Adds name with "," and "=" as =2C and =3D (RFC 5802 section 5.1). */
bool scram_saslname(struct buf *out, struct str name) __attribute__((warn_unused_result));

#endif
