/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * offer - the recipients of one route, offered to servers in order
 *
 * Each relay of the route, of it each host and each port, is asked until every
 * recipient is decided; what each answer means, and who is asked next, is in
 * text/cause. After a final 2xx the mark is made and synced before the server
 * hears anything that was not under way. A connection is kept for the next entry.
 *
 * While an entry waits for its answer, the next may be under way behind it, at most
 * "window" together: one that goes the same way, to the same server, in one transaction.
 * What becomes of it is looked at when it is offered in its turn.
 *
 * A struct offerer is one run's memory: the open connection, and how the servers
 * are.
 */
#ifndef TRANSPORT_OFFER_H
#define TRANSPORT_OFFER_H

#include "transport/delivery_log.h"
#include "transport/limits.h"
#include "transport/route.h"
#include "transport/servers.h"
#include "transport/session.h"

/* The next entry that this process works on, claimed; NULL: none. It will be offered in that
 * order, begun or not, or offerer_begun says that it need not be. */
typedef struct hold_entry *offer_next(void *context);

/* An entry that was begun before its turn. */
struct under_way {
	struct session_mail mail;
	struct server server;
	struct session_contact contact;
	struct routes routes; /* as they were then; there is one */
	struct rate_permit permit;
};

struct offerer {
	const struct session_env *env;
	struct servers_memory memory;
	struct session *session;                  /* open, or NULL */
	struct server server;                     /* of the open session */
	const struct settings_relay *no_chunking; /* it cannot do the BDAT it offers, or NULL */
	bool asks_nobody; /* it has no connection for anybody: the program is without TLS */
	bool helper;      /* one of several at work: without a connection it leaves the entry */
	struct limits limits;
	offer_next *next; /* or NULL */
	void *next_context;
	struct under_way *line[SMTP_LINE_MAX]; /* begun, in the order of their turns */
	size_t line_count;
	const struct hold_entry *passed; /* given by next, and not begun; or NULL */
	size_t window;                   /* of the open session; 0: not looked at yet */
};

void offerer_init(struct offerer *o, const struct session_env *env, const struct hold *hold,
                  bool ask_again);
void offerer_release(struct offerer *o); /* says QUIT */
/* Forgets the connection without a word: it is another process's. */
void offerer_drop(struct offerer *o);

/* How it has to be offered: by what was planned when it was begun, if it was, for the
 * verdicts may be in its envelope already. out is to be released. */
void offerer_plan(struct offerer *o, const struct hold_entry *he, struct routes *out);
/* Was its message sent before its turn, or may it have been? Then it must be offered. One that
 * was only announced is not begun any more, and the connection is closed for that. */
bool offerer_begun(struct offerer *o, const struct hold_entry *he);
/* An entry was brought to its end: what was removed is so durably, unless the next, which was
 * settled with it, is to share that. */
void offerer_settle(struct offerer *o, struct hold *h);

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
