/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "transport/outlook.h"

#include <stdlib.h>

#include "os/clock.h"
#include "hold/backoff.h"
#include "transport/route.h"
#include "transport/servers.h"

/* Is that server left alone? Then why says so, as a try that passes it over. */
static bool stands(const struct hold *h, const struct server *server, struct verdict *why)
{
	struct backoff b;
	char *key = server_key(server);
	bool alone = backoff_get(h, key, &b) && backoff_stands(&b, clock_wall());
	free(key);
	if (alone)
		server_passed_over(server, b.cause, b.code, why);
	return alone;
}

/* Are all of them? why is of the last. */
static bool relay_alone(const struct hold *h, const struct settings_relay *relay,
                        struct verdict *why)
{
	struct servers servers;
	if (!servers_configured(relay, &servers))
		return false;
	bool alone = servers.count > 0;
	for (size_t i = 0; alone && i < servers.count; i++)
		alone = stands(h, &servers.at[i], why);
	servers_release(&servers);
	return alone;
}

static bool route_alone(const struct hold *h, const struct route *r, struct verdict *why)
{
	bool alone = r->relay_count > 0;
	for (size_t i = 0; alone && i < r->relay_count; i++)
		alone = relay_alone(h, r->relays[i], why);
	return alone;
}

bool outlook_asks(const struct settings *c, const struct hold *h, const struct envelope *e)
{
	struct routes routes;
	struct verdict why = {.cause = CAUSE_NONE};
	routes_plan(c, e, &routes);
	bool alone = routes.count > 0;
	for (size_t i = 0; alone && i < routes.count; i++)
		alone = route_alone(h, &routes.at[i], &why);
	verdict_release(&why);
	routes_release(&routes);
	return !alone;
}

/* As transport/offer puts off one whom no server decided. */
static bool mark(struct hold_entry *he, size_t rcpt, const struct verdict *why, struct fault *f)
{
	struct verdict *v = &he->entry.envelope.rcpts[rcpt].verdict;
	if (verdict_same(v, why))
		return true;
	verdict_copy(v, why);
	return hold_mark(he, &rcpt, 1, false, f);
}

bool outlook_mark_all(struct hold_entry *he, const struct verdict *why, struct fault *f)
{
	bool ok = true;
	for (size_t i = 0; ok && i < he->entry.envelope.rcpt_count; i++)
		ok = mark(he, i, why, f);
	return ok;
}

/* False: a server has become due meanwhile, or no mark can be made. */
static bool put_off(struct hold_entry *he, const struct route *r)
{
	struct verdict why = {.cause = CAUSE_NONE};
	struct fault f = FAULT_INIT;
	bool ok = route_alone(he->hold, r, &why);
	for (size_t i = 0; ok && i < r->rcpt_count; i++)
		ok = mark(he, r->rcpts[i], &why, &f);
	verdict_release(&why);
	return ok;
}

bool outlook_put_off(const struct settings *c, struct hold *h, const char *id,
                     char reason[VERDICT_LINE_MAX])
{
	struct hold_entry he;
	struct routes routes;
	struct fault f = FAULT_INIT;
	/* A command says whether anything is tried at all. */
	if (c->online.count > 0 || hold_claim(h, HOLD_QUEUE, id, &he, &f) != CLAIM_OK)
		return false;
	const struct envelope *e = &he.entry.envelope;
	bool ok = !he.linked && !he.entry.frozen && !outlook_asks(c, h, e);
	routes_plan(c, e, &routes);
	for (size_t i = 0; ok && i < routes.count; i++)
		ok = put_off(&he, &routes.at[i]);
	for (size_t i = e->rcpt_count; ok && i-- > 0;)
		if (e->rcpts[i].state == RCPT_WAITING)
			rcpt_reason(&e->rcpts[i], reason);
	routes_release(&routes);
	hold_release(&he);
	return ok;
}
