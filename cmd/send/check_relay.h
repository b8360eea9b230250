/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * check_relay - what --check sees of a relay
 *
 * Each of its servers is looked up, connected to, secured and logged in to; then
 * MAIL and RCPT are tried and taken back. What to do about a failure follows from
 * its cause and from how far it came.
 */
#ifndef CMD_SEND_CHECK_RELAY_H
#define CMD_SEND_CHECK_RELAY_H

#include "cmd/place.h"
#include "transport/session.h"

/* A sender to be tried, in wire form, and why that one: for the row. */
struct check_sender {
	char *mailbox;
	const char *why;
};

struct check_order {
	const struct place *place;
	const struct session_env *env;
	struct check_sender *senders; /* the likeliest first */
	size_t sender_count;
	char *rcpt; /* wire form, or NULL: nobody is known */
};

/* False: something failed. */
bool check_relay(const struct check_order *o, const struct settings_relay *relay);

#endif
