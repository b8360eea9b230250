/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * sasl_name - the login mechanisms by name
 *
 * For those who do not log in themselves: the configuration, and what a server offers. Without the
 * library that the mechanisms need.
 */
#ifndef SMTP_SASL_NAME_H
#define SMTP_SASL_NAME_H

#include "text/buf.h"

/* A set of them has the bit 1 << m for each. */
enum sasl_mechanism {
	SASL_SCRAM_SHA256_PLUS, /* in order of preference for "auto" */
	SASL_SCRAM_SHA256,
	SASL_SCRAM_SHA1_PLUS,
	SASL_SCRAM_SHA1,
	SASL_PLAIN,
	SASL_LOGIN,
	SASL_EXTERNAL,
	SASL_XOAUTH2, /* this and the following by name only */
	SASL_OAUTHBEARER,
	SASL_CRAM_MD5,
	SASL_MECHANISMS
};

const char *sasl_name(enum sasl_mechanism m); /* "SCRAM-SHA-256-PLUS" */
/* A name in any case; false if unknown. */
bool sasl_by_name(struct str name, enum sasl_mechanism *m);

#endif
