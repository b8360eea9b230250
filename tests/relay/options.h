/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The command line of the relay.
 */
#ifndef RELAY_OPTIONS_H
#define RELAY_OPTIONS_H

#include <stdbool.h>

#include "script.h"

enum extension {
	EXT_PIPELINING,
	EXT_SIZE,
	EXT_8BITMIME,
	EXT_SMTPUTF8,
	EXT_DSN,
	EXT_ENHANCEDSTATUSCODES,
	EXT_CHUNKING,
	EXT_BINARYMIME,
	EXT_REQUIRETLS,
	EXT_STARTTLS,
	EXT_AUTH,
	EXT_COUNT
};

enum scram_fault {
	SCRAM_HONEST,
	SCRAM_BAD_V,
	SCRAM_MISSING_V,
	SCRAM_NONCE,
	SCRAM_I1,
	SCRAM_IBIG,
	SCRAM_EMPTY_SALT,
	SCRAM_BAD_SALT,
	SCRAM_LONG_SALT,
	SCRAM_M_EXT,
	SCRAM_ERROR
};

struct options {
	const char *dir, *listen, *name;
	unsigned port;
	bool lmtp, tls, discard, with_parent;
	bool require_auth, require_tls, clear_auth, require_client_cert;
	const char *user, *password, *scram_password, *mechanisms;
	unsigned iterations;
	enum scram_fault scram_fault;
	unsigned long long size;
	bool extensions[EXT_COUNT];
	const char *cert, *key, *client_ca, *tls_priority;
	bool dh_1024, no_tickets;
	unsigned delay_ms, timeout_s, sessions, at_once, receive_buffer;
	unsigned rate_count, rate_ms; /* 0: no rate */
	const char *rate_reply;
	struct script script;

	/* Other things than serving. */
	const char *make_certs, *ip;
	const char *names[8];
	unsigned name_count;
	bool variants, self_check;
};

/* Ends the program on a mistake, and after --help. */
void options_read(struct options *options, int argc, char **argv);
void options_free(struct options *options);

/* The keyword of an extension as it stands in the answer to EHLO. */
const char *extension_name(enum extension extension);

#endif
