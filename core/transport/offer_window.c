/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "transport/offer_private.h"

#include <stdlib.h>
#include <string.h>

void offer_end_session(struct offerer *o)
{
	if (o->session)
		session_close(o->session);
	if (o->env->hold)
		hold_settle(o->env->hold);
	limits_disconnect(&o->limits);
	o->session = NULL;
	server_release(&o->server);
}

bool offer_broke(const struct rcpt *r)
{
	const struct cause_row *row = cause_row(r->verdict.cause);
	return row->server == SERVER_SUSPECT && row->next == NEXT_HOST;
}

void under_way_free(struct under_way *u)
{
	server_release(&u->server);
	routes_release(&u->routes);
	free(u);
}

/* Would it go as this one does, all of it at once? */
static bool fits_behind(struct attempt *a, const struct hold_entry *he,
                        const struct route *route)
{
	const struct envelope *e = &he->entry.envelope;
	const struct server_client client = {hold_uid(he), e->sender};
	/* A report has to wait until what it reports on says that it is made. */
	if (he->entry.report_of[0] || !route_same_way(a->route, route) ||
	    route->rcpt_count > (size_t)a->server->relay->max_recipients)
		return false;
	for (size_t i = 0; i < e->rcpt_count; i++)
		if (offer_broke(&e->rcpts[i]))
			return false;
	const struct server_state *state;
	return servers_ask(&a->o->memory, a->server, &client, &state) == CAUSE_NONE;
}

/* Keeps the routes. */
static struct under_way *prepare(struct attempt *a, struct hold_entry *he,
                                 const struct routes *routes, const struct rate_permit *permit)
{
	const struct route *route = &routes->at[0];
	struct under_way *u = mem_alloc(sizeof(*u));
	*u = (struct under_way){
	    .mail = {.he = he, .rcpts = route->rcpts, .count = route->rcpt_count},
	    .contact = a->contact,
	    .routes = *routes,
	    .permit = *permit,
	};
	server_copy(&u->server, a->server);
	/* It is told of in its turn. Where no mark can be made nothing may be sent. */
	if (!hold_mark_head(he, &u->mail.why)) {
		u->mail.progress = MAIL_ENDED;
		u->mail.end = SESSION_ENTRY;
	}
	return u;
}

static bool has_window(struct offerer *o, const struct server *server)
{
	size_t most = (size_t)server->relay->max_messages;
	size_t count = session_messages(o->session) + o->line_count + 1;
	if (o->window == 0)
		o->window = servers_window(&o->memory, server);
	return count < most && o->line_count + 1 < o->window;
}

/* The last that was to be begun was not, for want of room: it will be in its turn. */
void offer_pass_by(struct offerer *o)
{
	struct under_way *last = o->line_count > 0 ? o->line[o->line_count - 1] : NULL;
	if (!last || last->mail.progress != MAIL_NEW)
		return;
	limits_cancel(&o->limits, last->server.relay, &last->permit);
	o->passed = last->mail.he;
	o->line_count--;
	under_way_free(last);
}

/* An entry to be begun behind this one. */
static struct session_mail *behind(void *context)
{
	struct attempt *a = context;
	struct offerer *o = a->o;
	offer_pass_by(o);
	if (o->passed || !has_window(o, a->server))
		return NULL;
	struct hold_entry *he = o->next(o->next_context);
	if (!he)
		return NULL;
	struct routes routes;
	struct under_way *u = NULL;
	struct rate_permit permit;
	routes_plan(o->env->config, &he->entry.envelope, &routes);
	if (routes.count == 1 && fits_behind(a, he, &routes.at[0]) &&
	    limits_permit(&o->limits, a->server->relay, &permit))
		o->line[o->line_count++] = u = prepare(a, he, &routes, &permit);
	else
		o->passed = he;
	if (!u)
		routes_release(&routes);
	return u && u->mail.progress == MAIL_NEW ? &u->mail : NULL;
}

/* Another may follow only an entry that this transaction decides, at the first server that it
 * was offered to: then it would come here too. */
session_next *offer_follower(const struct attempt *a)
{
	bool whole = a->batch_count == envelope_count(&a->he->entry.envelope, RCPT_WAITING);
	return a->o->next && whole && !a->asked ? behind : NULL;
}

struct under_way *offer_take_begun(struct offerer *o, const struct hold_entry *he)
{
	struct under_way *u = o->line_count > 0 ? o->line[0] : NULL;
	if (he == o->passed)
		o->passed = NULL;
	if (!u || u->mail.he != he)
		return NULL;
	o->line_count--;
	memmove(o->line, o->line + 1, o->line_count * sizeof(struct under_way *));
	if (u->mail.progress != MAIL_NEW)
		return u;
	under_way_free(u);
	return NULL;
}

void offerer_plan(struct offerer *o, const struct hold_entry *he, struct routes *out)
{
	struct under_way *u = o->line_count > 0 ? o->line[0] : NULL;
	if (!u || u->mail.he != he || u->mail.progress == MAIL_NEW) {
		routes_plan(o->env->config, &he->entry.envelope, out);
		return;
	}
	*out = u->routes;
	u->routes = (struct routes){.count = 0};
}

bool offer_next_is_settled(const struct offerer *o)
{
	return o->session && o->line_count > 0 && o->line[0]->mail.progress == MAIL_UNDER_WAY &&
	       session_settled(o->session);
}

void offerer_settle(struct offerer *o, struct hold *h)
{
	if (!offer_next_is_settled(o))
		hold_settle(h);
}

bool offerer_begun(struct offerer *o, const struct hold_entry *he)
{
	for (size_t i = 0; i < o->line_count; i++) {
		const struct session_mail *m = &o->line[i]->mail;
		if (m->he != he)
			continue;
		if (m->progress == MAIL_UNDER_WAY && !session_settled(o->session))
			offer_end_session(o);
		return m->progress != MAIL_NEW;
	}
	return false;
}
