/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "transport/choice.h"

#include <stdlib.h>
#include <string.h>

#include "os/clock.h"
#include "hold/retry.h"
#include "transport/outlook.h"
#include "transport/route.h"

#define MARGIN 3600 /* seconds that a run may take until it comes to an entry */

bool choice_due(const struct choice_setup *setup, const struct entry *e)
{
	const struct settings *c = setup->config;
	struct retry_rules rules = {c->retry, c->retry_max, c->expire};
	int64_t wall = clock_wall();
	return !e->frozen &&
	       (setup->all ? !retry_delayed(e, wall) : retry_due(&rules, e, wall));
}

/* An entry of the list, by what it said. Of many, so it is small. */
struct candidate {
	int64_t tried;
	uint32_t at; /* its place in the hold's list, which is by age */
	unsigned char kind;
};

/* What was never tried first, by age; then what was put off longest ago. */
static int by_turn(const void *a, const void *b)
{
	const struct candidate *x = a, *y = b;
	if (x->tried != y->tried)
		return x->tried < y->tried ? -1 : 1;
	return x->at < y->at ? -1 : 1;
}

/* Would a try that asks nobody leave its head and its file as they are? */
static bool rests(const struct settings *c, const struct hold_entry *he)
{
	const struct entry *e = &he->entry;
	int64_t age = clock_wall() - e->created + MARGIN;
	bool warns = c->warn > 0 && !e->warned && age >= c->warn;
	return !he->linked && !e->report_of[0] && e->overdue == 0 && age < c->expire && !warns;
}

static bool all_wait(const struct envelope *e, const struct verdict *why)
{
	for (size_t i = 0; i < e->rcpt_count; i++)
		if (e->rcpts[i].state != RCPT_WAITING ||
		    !verdict_same(why, &e->rcpts[i].verdict))
			return false;
	return true;
}

/* The verdict that all of them have, of a server's state or none yet; NULL: they differ, or
 * somebody does not wait. */
static const struct verdict *common_verdict(const struct envelope *e)
{
	static const struct verdict none = {.cause = CAUSE_NONE};
	const struct verdict *first = &e->rcpts[0].verdict;
	enum cause_server how = cause_row(first->cause)->server;
	if (how != SERVER_DEAD && how != SERVER_BUSY && !verdict_same(first, &none))
		return NULL;
	return all_wait(e, first) ? first : NULL;
}

static bool is_kind(const struct choice_kind *k, const struct route *r, const struct verdict *v)
{
	return k->relay_count == r->relay_count && verdict_same(&k->verdict, v) &&
	       memcmp(k->relays, r->relays, r->relay_count * sizeof(struct settings_relay *)) ==
	           0;
}

/* The kind of that route and verdict, made if it is new. */
static size_t kind_of_route(struct choice *c, struct route *r, const struct verdict *v)
{
	size_t i = 0;
	while (i < c->kind_count && !is_kind(&c->kind[i], r, v))
		i++;
	if (i == CHOICE_KINDS)
		return 0;
	if (i == c->kind_count) {
		struct choice_kind *k = &c->kind[c->kind_count++];
		*k = (struct choice_kind){.relays = r->relays, .relay_count = r->relay_count};
		verdict_copy(&k->verdict, v);
		r->relays = NULL;
	}
	return i + 1;
}

static size_t kind_of(const struct choice_setup *setup, struct choice *c,
                      const struct hold_entry *he)
{
	const struct verdict *v = common_verdict(&he->entry.envelope);
	struct routes routes;
	size_t kind = 0;
	if (!v || !rests(setup->config, he))
		return 0;
	routes_plan(setup->config, &he->entry.envelope, &routes);
	if (routes.count == 1 && routes.at[0].relay_count > 0 && !routes.at[0].domain)
		kind = kind_of_route(c, &routes.at[0], v);
	routes_release(&routes);
	return kind;
}

/* Would a try of it ask a server? Of a kind that is found out once. */
static bool asks(const struct choice_setup *setup, struct choice *c, size_t kind,
                 const struct hold_entry *he)
{
	struct choice_kind *k = kind > 0 ? &c->kind[kind - 1] : NULL;
	if (setup->ask_dead)
		return true;
	if (k && k->asked)
		return k->asks;
	bool result = outlook_asks(setup->config, setup->hold, &he->entry.envelope);
	if (k) {
		k->asked = true;
		k->asks = result;
	}
	return result;
}

/* What more there is to know of one that is due. */
static void consider(const struct choice_setup *setup, struct choice *c, struct hold_entry *he,
                     const struct entry_start *start, struct candidate *to)
{
	bool whole = hold_peek_rest(he, start);
	size_t kind = whole ? kind_of(setup, c, he) : 0;
	to->tried = he->entry.tried;
	to->kind = (unsigned char)kind;
	/* What is damaged is put away without a server. */
	if (setup->whether && !c->asks && whole)
		c->asks = asks(setup, c, kind, he);
}

/* One that cannot be read is looked at in its turn, where it is claimed. False: not to be
 * tried. */
static bool look_at(const struct choice_setup *setup, struct choice *c, const char *id,
                    struct candidate *to)
{
	struct hold_entry he;
	struct entry_start start;
	if (!hold_peek(setup->hold, HOLD_QUEUE, id, &he, &start))
		return true;
	bool due = choice_due(setup, &he.entry);
	if (due)
		consider(setup, c, &he, &start, to);
	hold_release(&he);
	return due;
}

bool choice_make(const struct choice_setup *setup, struct choice *out, struct fault *f)
{
	size_t count, n = 0;
	memset(out, 0, sizeof(*out));
	if (!hold_list(setup->hold, HOLD_QUEUE, &out->ids, &count, f))
		return false;
	struct candidate *c = mem_alloc((count + 1) * sizeof(*c));
	for (size_t i = 0; i < count && i < UINT32_MAX && !out->asks; i++) {
		c[n] = (struct candidate){.at = (uint32_t)i};
		n += look_at(setup, out, out->ids[i], &c[n]);
	}
	if (n > 1)
		qsort(c, n, sizeof(*c), by_turn);
	hold_id *ids = mem_alloc((n + 1) * sizeof(*ids));
	out->kinds = mem_alloc(n + 1);
	for (size_t i = 0; i < n; i++) {
		memcpy(ids[i], out->ids[c[i].at], sizeof(ids[i]));
		out->kinds[i] = c[i].kind;
	}
	free(c);
	free(out->ids);
	out->ids = ids;
	out->count = n;
	return true;
}

void choice_release(struct choice *c)
{
	for (size_t i = 0; i < c->kind_count; i++) {
		free(c->kind[i].relays);
		verdict_release(&c->kind[i].verdict);
		verdict_release(&c->kind[i].why);
	}
	free(c->ids);
	free(c->kinds);
	memset(c, 0, sizeof(*c));
}

bool choice_still(const struct settings *c, const struct choice_kind *k,
                  const struct hold_entry *he)
{
	return rests(c, he) && all_wait(&he->entry.envelope, &k->verdict);
}
