/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * delivery_log - the log lines of a message on its way out: one a recipient and try,
 * one a server that could not be used
 *
 * Keys: id uid from to msgid relay host port tls auth size delay status code reply; of a
 * server id uid relay host port tls status code reply. submit/accepted has that of its
 * way in.
 */
#ifndef TRANSPORT_DELIVERY_LOG_H
#define TRANSPORT_DELIVERY_LOG_H

#include "conf/settings.h"
#include "hold/hold.h"
#include "transport/session.h"

#define DELIVERY_LOG_MSGID_MAX 256

/* What is the same in all lines of a try. */
struct delivery_log {
	const struct hold_entry *he;
	char msgid[DELIVERY_LOG_MSGID_MAX]; /* private: read for the first line */
	bool read;
};

void delivery_log_begin(struct delivery_log *l, const struct hold_entry *he);

/* What a try came to for a recipient; contact: with whom it was settled just now, or NULL. */
void delivery_log_rcpt(struct delivery_log *l, const struct rcpt *r,
                       const struct session_contact *contact);
/* A server could not be used, or not even found (contact NULL). */
void delivery_log_relay(const struct delivery_log *l, const struct settings_relay *relay,
                        const struct session_contact *contact, const struct verdict *why);

#endif
