/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "transport/route.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "mail/addr.h"

static bool matches_any(const struct config_list *patterns, struct str mailbox)
{
	for (size_t i = 0; i < patterns->count; i++)
		if (addr_matches(mailbox, str_of(patterns->words[i])))
			return true;
	return patterns->count == 0;
}

static bool serves(const struct config_relay *relay, const struct envelope *e, struct str rcpt)
{
	return (!e->relay || strcmp(e->relay, relay->name) == 0) &&
	       matches_any(&relay->senders, str_of(e->sender)) &&
	       matches_any(&relay->recipients, rcpt);
}

/* The relays for one recipient, into a route of its own. */
static void relays_for(const struct config *c, const struct envelope *e, struct str rcpt,
                       struct route *r)
{
	for (size_t i = 0; i < c->relay_count; i++) {
		if (!serves(&c->relays[i], e, rcpt))
			continue;
		r->relays = mem_grow(r->relays, &r->relay_cap, r->relay_count + 1,
		                     sizeof(struct config_relay *));
		r->relays[r->relay_count++] = &c->relays[i];
		if (c->relays[i].mx && !r->domain)
			r->domain = mem_copy(addr_domain(rcpt));
	}
}

static bool same_way(const struct route *a, const struct route *b)
{
	if (a->relay_count != b->relay_count || !a->domain != !b->domain)
		return false;
	if (a->domain && !str_caseeq(str_of(a->domain), str_of(b->domain)))
		return false;
	for (size_t i = 0; i < a->relay_count; i++)
		if (a->relays[i] != b->relays[i])
			return false;
	return true;
}

static void route_release(struct route *r)
{
	free(r->relays);
	free(r->rcpts);
	free(r->domain);
}

/* The route that goes the same way, searched from the last: neighbours in a
 * list tend to go together. */
static struct route *find_way(struct routes *all, struct route *wanted)
{
	for (size_t i = all->count; i-- > 0;)
		if (same_way(&all->at[i], wanted)) {
			route_release(wanted);
			return &all->at[i];
		}
	all->at = mem_grow(all->at, &all->cap, all->count + 1, sizeof(*all->at));
	all->at[all->count] = *wanted;
	return &all->at[all->count++];
}

void routes_plan(const struct config *c, const struct envelope *e, struct routes *out)
{
	memset(out, 0, sizeof(*out));
	for (size_t i = 0; i < e->rcpt_count; i++) {
		struct route wanted = {0};
		if (e->rcpts[i].state != RCPT_WAITING)
			continue;
		relays_for(c, e, str_of(e->rcpts[i].address), &wanted);
		struct route *r = find_way(out, &wanted);
		r->rcpts = mem_grow(r->rcpts, &r->rcpt_cap, r->rcpt_count + 1, sizeof(size_t));
		r->rcpts[r->rcpt_count++] = i;
	}
}

void routes_release(struct routes *r)
{
	for (size_t i = 0; i < r->count; i++)
		route_release(&r->at[i]);
	free(r->at);
	memset(r, 0, sizeof(*r));
}
