/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * journal - the log lines of the transport: one a recipient and try
 *
 * Keys: id from to msgid relay host port tls auth size delay status code reply.
 */
#ifndef TRANSPORT_JOURNAL_H
#define TRANSPORT_JOURNAL_H

#include "conf/config.h"
#include "hold/hold.h"
#include "transport/session.h"

#define JOURNAL_MSGID_MAX 256

/* What is the same in all lines of a try. */
struct journal {
	const struct hold_entry *he;
	const char *relay; /* where no session tells; or NULL */
	char msgid[JOURNAL_MSGID_MAX];
};

void journal_begin(struct journal *j, const struct hold_entry *he);

/* What a try came to for a recipient; session: with whom, or NULL. */
void journal_rcpt(const struct journal *j, const struct rcpt *r, const struct session *session);
/* A relay could not be used. */
void journal_relay(const struct journal *j, const struct config_relay *relay,
                   const struct fault *why);

#endif
