/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The server's side of SCRAM (RFC 5802, RFC 7677), honest or with one fault. No input or
 * output: messages in, messages out.
 */
#ifndef RELAY_SCRAM_H
#define RELAY_SCRAM_H

#include <stdbool.h>

#include "options.h"
#include "text.h"

struct scram {
	bool sha256, plus; /* the mechanism */
	bool plus_offered; /* then a client that says "y" was cheated (section 6) */
	const char *user, *password;
	unsigned iterations;
	enum scram_fault fault;
	const char *salt_base64;  /* null: one is made from the user */
	const char *server_nonce; /* null: random */

	/* Filled by the first step. */
	struct text gs2, binding_name, first_bare, nonce, server_first, user_given;
};

/* Takes the client's first message; the answer goes to server_first. Null, or what is wrong. */
const char *scram_first(struct scram *scram, const char *message, size_t len);

/* Takes the client's final message and the channel binding data of binding_name. reply gets
 * "v=..." (or what the fault makes of it, empty for missing-v). Null, or what is wrong. */
const char *scram_final(struct scram *scram, const char *message, size_t len,
                        const struct text *binding, struct text *reply);
void scram_free(struct scram *scram);

/* The examples of RFC 5802 section 5 and RFC 7677 section 3. */
bool scram_self_check(void);

#endif
