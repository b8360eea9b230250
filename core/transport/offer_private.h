/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * offer_private - what the parts of offer share: the try of one route, its end, and the
 * entries begun behind it
 */
#ifndef TRANSPORT_OFFER_PRIVATE_H
#define TRANSPORT_OFFER_PRIVATE_H

#include "transport/offer.h"

/* A recipient of the route that is not decided. */
struct todo {
	size_t rcpt;  /* its place in the envelope */
	bool decided; /* nobody else is asked */
	bool refused; /* by what we found ourselves: final if nobody else can be asked */
	bool again;   /* the same server was asked a second time */
	/* Of one that may take it another time: then no other's refusal is final. */
	struct verdict put_off;
	/* Whom not to ask any more: */
	const struct settings_relay *past_relay;
	const char *past_host; /* a host of past_relay; NULL: all of it */
};

/* One try of one route. */
struct attempt {
	struct offerer *o;
	const struct route *route;
	const struct server *server; /* that is asked */
	bool asked;                  /* one was */
	struct hold_entry *he;
	struct delivery_log *log;
	struct offer_sum *sum;
	struct todo *todo;
	size_t count;
	size_t *batch;       /* what goes into one transaction: places in the envelope */
	struct todo **items; /* and in todo */
	size_t batch_count;
	size_t at_once; /* the most that go into one */
	bool turned_away;
	bool trouble;       /* a server could not be asked */
	bool waits;         /* and nobody else is to be, for that */
	bool met;           /* and that was found now */
	struct verdict why; /* of the last such server */
	struct session_contact contact;
	bool markable;             /* marks can be made */
	int broken;                /* transactions with that server that came to no good end */
	struct rate_permit permit; /* of the message under way */
};

struct rcpt *offer_rcpt(const struct attempt *a, const struct todo *t);

/* offer_undecided: the end of a route. */

/* All that are left get the same verdict, of ours: the domain takes no mail. */
bool offer_refuse_rest(struct attempt *a, const struct settings_relay *relay,
                       const char *domain, struct fault *f);
/* Those whom no server decided: they wait, and say why. Only what changes is written. */
bool offer_finish(struct attempt *a, const struct route *route, struct fault *f);

/* offer_window: the next entries behind the one that is offered. */

/* Closes the open session, if there is one. */
void offer_end_session(struct offerer *o);
/* Was it in a transaction that broke? */
bool offer_broke(const struct rcpt *r);
/* Who is asked for what may follow this transaction; NULL: nothing may. */
session_next *offer_follower(const struct attempt *a);
/* The last that was to be begun was not, for want of room: it will be in its turn. */
void offer_pass_by(struct offerer *o);
/* Is what became of the one behind known already? */
bool offer_next_is_settled(const struct offerer *o);
/* The entry, if it was begun before its turn: the caller's, for under_way_free. NULL: it was
 * not. */
struct under_way *offer_take_begun(struct offerer *o, const struct hold_entry *he);
void under_way_free(struct under_way *u);

#endif
