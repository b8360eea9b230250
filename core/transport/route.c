/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "transport/route.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "text/buf.h"
#include "mail/addr.h"

#define INDEX_FIRST 16 /* slots of the first index, a power of two; 0: empty */

static bool matches_any(const struct settings_list *patterns, struct str mailbox)
{
	for (size_t i = 0; i < patterns->count; i++)
		if (addr_matches(mailbox, str_of(patterns->words[i])))
			return true;
	return patterns->count == 0;
}

bool route_from(const struct settings_relay *relay, struct str sender)
{
	return matches_any(&relay->senders, sender);
}

bool route_to(const struct settings_relay *relay, struct str rcpt)
{
	return matches_any(&relay->recipients, rcpt);
}

static bool serves(const struct settings_relay *relay, const struct envelope *e,
                   struct str rcpt)
{
	return (!e->relay || strcmp(e->relay, relay->name) == 0) &&
	       route_from(relay, str_of(e->sender)) && route_to(relay, rcpt);
}

/* The relays for one recipient, into a route of its own. */
static void relays_for(const struct settings *c, const struct envelope *e, struct str rcpt,
                       struct route *r)
{
	for (size_t i = 0; i < c->relay_count; i++) {
		if (!serves(&c->relays[i], e, rcpt))
			continue;
		r->relays = mem_grow(r->relays, &r->relay_cap, r->relay_count + 1,
		                     sizeof(struct settings_relay *));
		r->relays[r->relay_count++] = &c->relays[i];
		if (c->relays[i].mx && !r->domain)
			r->domain = mem_copy(addr_domain(rcpt));
	}
}

bool route_same_way(const struct route *a, const struct route *b)
{
	if (a->relay_count != b->relay_count || !a->domain != !b->domain)
		return false;
	if (a->domain && !str_caseeq(str_of(a->domain), str_of(b->domain)))
		return false;
	/* No relay at all is no list at all. */
	if (!a->relays || !b->relays)
		return !a->relays && !b->relays;
	return memcmp(a->relays, b->relays, a->relay_count * sizeof(struct settings_relay *)) ==
	       0;
}

static void route_release(struct route *r)
{
	free(r->relays);
	free(r->rcpts);
	free(r->domain);
}

/* FNV-1a over the domain: there may be as many of them as recipients, while
 * the lists of relays are few. */
static uint32_t way_hash(const struct route *r)
{
	uint32_t hash = 2166136261U;
	for (const char *c = r->domain ? r->domain : ""; *c; c++)
		hash = (hash ^ (unsigned char)ascii_lower(*c)) * 16777619U;
	return hash;
}

/* The slot of the route that goes the same way, or the empty one where it belongs. */
static size_t *find_slot(const struct routes *all, const struct route *wanted)
{
	size_t mask = all->index_size - 1, at = way_hash(wanted) & mask;
	while (all->index[at] && !route_same_way(&all->at[all->index[at] - 1], wanted))
		at = (at + 1) & mask;
	return &all->index[at];
}

/* Keeps the index at most half full. */
static void grow_index(struct routes *all)
{
	if (all->count < all->index_size / 2)
		return;
	free(all->index);
	all->index_size = all->index_size ? all->index_size * 2 : INDEX_FIRST;
	all->index = mem_alloc(all->index_size * sizeof(*all->index));
	for (size_t i = 0; i < all->count; i++)
		*find_slot(all, &all->at[i]) = i + 1;
}

/* The route that goes the same way; wanted becomes it if there is none. */
static struct route *find_way(struct routes *all, struct route *wanted)
{
	grow_index(all);
	size_t *slot = find_slot(all, wanted);
	if (*slot) {
		route_release(wanted);
		return &all->at[*slot - 1];
	}
	all->at = mem_grow(all->at, &all->cap, all->count + 1, sizeof(*all->at));
	all->at[all->count] = *wanted;
	*slot = ++all->count;
	return &all->at[all->count - 1];
}

void routes_plan(const struct settings *c, const struct envelope *e, struct routes *out)
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
	free(r->index);
	memset(r, 0, sizeof(*r));
}
