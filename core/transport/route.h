/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * route - which relays serve which recipients of an entry; pure
 *
 * A relay serves a recipient if its senders and recipients patterns match (no
 * patterns: all). Recipients that have the same relays, in the same order, go
 * together, so that there are as few transactions as possible; with mx, those
 * of one domain.
 */
#ifndef TRANSPORT_ROUTE_H
#define TRANSPORT_ROUTE_H

#include "conf/settings.h"
#include "mail/envelope.h"

struct route {
	const struct settings_relay **relays; /* in file order; none: nobody serves them */
	size_t relay_count;
	size_t *rcpts; /* places in the envelope */
	size_t rcpt_count;
	char *domain;               /* with an mx relay: the domain of them all; else NULL */
	size_t relay_cap, rcpt_cap; /* private */
};

struct routes {
	struct route *at;
	size_t count;
	size_t cap; /* private, as the next two */
	size_t *index;
	size_t index_size;
};

/* By its patterns: does the relay take mail from that sender, and for that recipient? */
bool route_from(const struct settings_relay *relay, struct str sender);
bool route_to(const struct settings_relay *relay, struct str rcpt);

/* Do both go to the same relays, in the same order, and with mx to the same domain? */
bool route_same_way(const struct route *a, const struct route *b);
/* Routes the waiting recipients. envelope->relay names the only one allowed. */
void routes_plan(const struct settings *c, const struct envelope *e, struct routes *out);
void routes_release(struct routes *r);

#endif
