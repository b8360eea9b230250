/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * offer - the recipients of one route, offered to servers in order
 *
 * Each relay of the route, of it each host and each port, is asked until every
 * recipient is decided; what each answer means, and who is asked next, is in
 * text/cause. After a final 2xx the mark is made and synced before the server
 * hears anything else. A connection is kept for the next entry.
 *
 * A struct offerer is one run's memory: the open connection, and how the servers
 * are.
 */
#ifndef TRANSPORT_OFFER_H
#define TRANSPORT_OFFER_H

#include <stdatomic.h>

#include "transport/delivery_log.h"
#include "transport/route.h"
#include "transport/servers.h"
#include "transport/session.h"

struct offerer {
	const struct session_env *env;
	struct servers_memory memory;
	struct session *session;                  /* open, or NULL */
	struct server server;                     /* of the open session */
	const struct settings_relay *no_chunking; /* it cannot do the BDAT it offers, or NULL */
	bool asks_nobody; /* it has no connection for anybody: the program is without TLS */
	bool helper;      /* one of several at work: without a connection it leaves the entry */
	atomic_int *open; /* connections of all of them, one a relay; or NULL */
};

void offerer_init(struct offerer *o, const struct session_env *env, const struct hold *hold,
                  bool ask_again);
void offerer_release(struct offerer *o); /* says QUIT */
/* Forgets the connection without a word: it is another process's. */
void offerer_drop(struct offerer *o);

enum offer_end {
	OFFER_DONE,
	OFFER_TURNED_AWAY, /* a helper found no connection: the entry is as it was */
	OFFER_ERROR        /* the entry itself cannot be worked on */
};

/* What it came to, over all routes of an entry: zero at first. */
struct offer_sum {
	bool offered;   /* a server took part: it was a try of the entry */
	bool strained;  /* a server wants less */
	bool any_dead;  /* a server was not asked, for it is known as dead (hold/backoff) */
	bool any_other; /* or for another reason, or cannot be found */
	/* Of the dead ones, that which has been dead for the shortest time. */
	struct backoff youngest;
};

enum offer_end offer(struct offerer *o, struct hold_entry *he, const struct route *route,
                     struct delivery_log *log, struct offer_sum *sum, struct fault *f)
    __attribute__((warn_unused_result));

#endif
