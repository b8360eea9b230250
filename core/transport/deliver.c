/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "transport/deliver.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/random.h"
#include "hold/retry.h"
#include "transport/failures.h"
#include "transport/journal.h"
#include "transport/notify.h"
#include "transport/route.h"

/* Connections that broke in the middle, in a row, before a server is left alone
 * for the run; one that was waited for counts more than one that broke at once. */
#define LOSSES_MAX   12
#define LOSS_WAITED  4
#define LOSS_AT_ONCE 1

/* One try of one entry. todo: recipients (places in the envelope) that no
 * server has answered for yet. */
struct attempt {
	struct deliver *d;
	struct hold_entry *he;
	struct deliver_result *result;
	size_t *todo;
	size_t todo_count;
	bool in_doubt;
	struct fault why; /* of the last server that could not be used */
	const char *relay;
	struct journal journal;
};

void deliver_init(struct deliver *d, const struct session_env *env, struct hold *hold)
{
	memset(d, 0, sizeof(*d));
	d->env = *env;
	d->hold = hold;
}

static size_t relay_place(const struct deliver *d)
{
	return (size_t)(d->server.relay - d->env.config->relays);
}

static void end_session(struct deliver *d)
{
	if (d->session && session_chunking_broken(d->session))
		d->no_chunking = d->server.relay;
	if (d->session)
		session_close(d->session);
	if (d->session && d->open)
		atomic_fetch_sub(&d->open[relay_place(d)], 1);
	d->session = NULL;
	free(d->server.host);
	free(d->server.ports);
	memset(&d->server, 0, sizeof(d->server));
}

void deliver_release(struct deliver *d)
{
	end_session(d);
	obituary_release(&d->dead);
}

static bool same_server(const struct server *a, const struct server *b)
{
	return a->relay == b->relay && !a->host == !b->host &&
	       (!a->host || strcmp(a->host, b->host) == 0) && a->port_count == b->port_count &&
	       (a->port_count == 0 || a->ports[0] == b->ports[0]);
}

/* A session to that server, the open one if it fits. */
static bool session_for(struct attempt *a, const struct server *server, struct fault *f)
{
	struct deliver *d = a->d;
	if (d->session && same_server(&d->server, server) && session_usable(d->session) &&
	    session_messages(d->session) < (size_t)server->relay->max_messages)
		return true;
	end_session(d);
	d->server = *server;
	d->server.host = server->host ? mem_copy(str_of(server->host)) : NULL;
	d->server.ports = mem_alloc((server->port_count + 1) * sizeof(int));
	memcpy(d->server.ports, server->ports, server->port_count * sizeof(int));
	struct session_target target = {server->relay, d->server.host, d->server.ports,
	                                d->server.port_count, d->no_chunking == server->relay};
	if (d->open &&
	    atomic_fetch_add(&d->open[relay_place(d)], 1) >= server->relay->connections &&
	    d->helper)
		fault_set(f, FAULT_RELAY, "all connections are in use");
	else
		d->session = session_open(&d->env, &target, f);
	if (!d->session) {
		if (d->open)
			atomic_fetch_sub(&d->open[relay_place(d)], 1);
		return false;
	}
	obituary_clear(&d->dead, d->hold, server);
	return true;
}

/* "host NAME[ADDRESS] said: 450 4.2.0 try later": the form that queue monitors know. */
static void name_speaker(struct rcpt *r, const char *peer)
{
	if (r->state == RCPT_DELIVERED || r->code == 0 || !r->reply)
		return;
	char *text = mem_printf("host %s said: %d %s%s%s", peer, r->code, r->status,
	                        r->status[0] ? " " : "", r->reply);
	rcpt_set(r, r->state, r->code, r->status, str_of(text));
	free(text);
}

/* Marks what the server decided of the first n of todo, on disk before anything
 * else is said to it, and takes out of todo what is answered for. again: those
 * that another transaction may still carry (RFC 5321 section 4.5.3.1.10) stay. */
static bool settle(struct attempt *a, size_t n, enum session_end end, struct fault *f)
{
	struct envelope *e = &a->he->entry.envelope;
	size_t kept = 0, delivered = 0;
	for (size_t i = 0; i < n; i++) {
		struct rcpt *r = &e->rcpts[a->todo[i]];
		delivered += r->state == RCPT_DELIVERED;
		if (a->d->session && (r->state == RCPT_FAILED || end == SESSION_SETTLED))
			name_speaker(r, session_peer(a->d->session));
	}
	/* Where all is delivered the entry is removed next, which does as well. */
	if (!hold_mark(a->he, a->todo, n, delivered > 0, f) &&
	    envelope_count(e, RCPT_DELIVERED) < e->rcpt_count)
		return false;
	for (size_t i = 0; i < n; i++) {
		const struct rcpt *r = &e->rcpts[a->todo[i]];
		bool answered = r->state != RCPT_WAITING || end == SESSION_SETTLED;
		bool again = r->state == RCPT_WAITING && r->code == 452 && delivered > 0;
		if (answered && !again)
			journal_rcpt(&a->journal, r, a->d->session);
		else
			a->todo[kept++] = a->todo[i];
	}
	memmove(a->todo + kept, a->todo + n, (a->todo_count - n) * sizeof(*a->todo));
	a->todo_count -= n - kept;
	return true;
}

/* The server was lost in the middle of a transaction. */
static void lost(struct attempt *a, const struct server *server)
{
	struct deliver *d = a->d;
	/* A 421 may be about this one message; a server that is really going down
	 * does not greet the next connection. */
	bool refused = session_broken(d->session) || (a->why.code != 0 && a->why.code != 421);
	d->losses += a->why.sys == ETIMEDOUT ? LOSS_WAITED : LOSS_AT_ONCE;
	if (refused || d->losses >= LOSSES_MAX)
		obituary_add(&d->dead, d->hold, server, &a->why, refused);
	end_session(d);
}

/* No connection can be had. A helper leaves the entry, and what that means, to
 * the leader of the run, whose connection may well go on. */
static void unreachable(struct attempt *a, const struct server *server)
{
	struct deliver *d = a->d;
	d->turned_away = d->helper;
	if (d->helper)
		return;
	a->result->attempted = true;
	obituary_add(&d->dead, d->hold, server, &a->why, true);
	journal_relay(&a->journal, server->relay, &a->why);
}

/* May the rest go over a new connection? Nothing of it was taken, and the old
 * one may only have been used up: a server may close one that was idle, or say
 * 421 when it has carried enough. Or the server cannot do the BDAT it offers. */
static bool may_reconnect(const struct attempt *a, const struct server *server, bool reused)
{
	struct deliver *d = a->d;
	if (session_chunking_broken(d->session) && d->no_chunking != server->relay)
		return true;
	return reused && (a->why.code == 0 || a->why.code == 421) &&
	       !session_broken(d->session);
}

/* Sends to the server what it takes. False: the entry itself cannot be worked on. */
static bool use_session(struct attempt *a, const struct server *server, struct fault *f)
{
	struct deliver *d = a->d;
	size_t limit = (size_t)server->relay->max_recipients;
	while (a->todo_count > 0 && !a->in_doubt) {
		/* Many recipients may be more transactions than one connection carries. */
		if (!session_for(a, server, &a->why)) {
			unreachable(a, server);
			return true;
		}
		a->result->attempted = true;
		bool reused = session_messages(d->session) > 0;
		size_t n = a->todo_count < limit ? a->todo_count : limit;
		struct fault end_fault = FAULT_INIT;
		enum session_end end = session_send(d->session, a->he, a->todo, n, &end_fault);
		if (end == SESSION_SPOILED) {
			*f = end_fault;
			return false;
		}
		if (!settle(a, n, end, f))
			return false;
		a->why = end_fault;
		switch (end) {
		case SESSION_SETTLED:
			d->losses = 0;
			continue;
		case SESSION_IN_DOUBT:
			a->in_doubt = true;
			lost(a, server);
			return true;
		case SESSION_LOST:
			if (may_reconnect(a, server, reused))
				continue;
			lost(a, server);
			return true;
		case SESSION_SPOILED:
			break;
		}
	}
	return true;
}

static bool try_server(struct attempt *a, const struct server *server, struct fault *f)
{
	struct deliver *d = a->d;
	const struct death *death = obituary_find(&d->dead, d->hold, server, d->ask_dead);
	a->relay = server->relay->name;
	if (death) {
		int64_t *until = &a->result->dead_until;
		a->why = death->why;
		/* One connection that fails is a try of every entry of this run. */
		a->result->attempted = a->result->attempted || death->seen;
		if (death->until && (*until == 0 || death->until < *until))
			*until = death->until;
		return true;
	}
	return use_session(a, server, f);
}

/* Is there still something to be asked for in this try? */
static bool goes_on(const struct attempt *a)
{
	return a->todo_count > 0 && !a->in_doubt && !a->d->turned_away;
}

static bool refuse_route(struct attempt *a, const char *domain, struct fault *f)
{
	for (size_t i = 0; i < a->todo_count; i++) {
		struct rcpt *r = &a->he->entry.envelope.rcpts[a->todo[i]];
		char *text = mem_printf("the domain %s takes no mail (null MX)", domain);
		rcpt_set(r, RCPT_FAILED, 556, "5.1.10", str_of(text));
		free(text);
	}
	return settle(a, a->todo_count, SESSION_SETTLED, f);
}

static bool try_relay(struct attempt *a, const struct config_relay *relay, const char *domain,
                      struct fault *f)
{
	struct servers servers;
	bool ok = true;
	a->relay = relay->name;
	if (!servers_find(a->d->env.config, relay, domain, &servers, &a->why)) {
		a->result->attempted = true;
		journal_relay(&a->journal, relay, &a->why);
		return true;
	}
	if (servers.no_mail)
		ok = refuse_route(a, domain, f);
	for (size_t i = 0; ok && i < servers.count && goes_on(a); i++)
		ok = try_server(a, &servers.at[i], f);
	servers_release(&servers);
	return ok;
}

/* Those whom no server answered for: they wait, and say why. */
static bool leave_waiting(struct attempt *a, struct fault *f)
{
	struct envelope *e = &a->he->entry.envelope;
	a->journal.relay = a->relay;
	char *text = a->in_doubt
	                 ? mem_printf("relay %s: %s (possible duplicate at the next try)",
	                              a->relay, a->why.text)
	             : a->relay ? mem_printf("relay %s: %s", a->relay, a->why.text)
	                        : mem_printf("no relay serves this recipient: see senders and "
	                                     "recipients in the configuration");
	for (size_t i = 0; i < a->todo_count; i++) {
		struct rcpt *r = &e->rcpts[a->todo[i]];
		rcpt_set(r, RCPT_WAITING, a->why.code, a->why.status, str_of(text));
		if (a->result->attempted)
			journal_rcpt(&a->journal, r, NULL);
	}
	free(text);
	return hold_mark(a->he, a->todo, a->todo_count, false, f);
}

static bool try_route(struct attempt *a, const struct route *r, struct fault *f)
{
	a->todo = mem_alloc(r->rcpt_count * sizeof(*a->todo));
	memcpy(a->todo, r->rcpts, r->rcpt_count * sizeof(*a->todo));
	a->todo_count = r->rcpt_count;
	a->in_doubt = false;
	a->relay = NULL;
	a->why = FAULT_INIT;
	/* Where no relay serves that is what this try came to. */
	if (r->relay_count == 0)
		a->result->attempted = true;
	bool ok = true;
	for (size_t i = 0; ok && i < r->relay_count && goes_on(a); i++)
		ok = try_relay(a, r->relays[i], r->domain, f);
	if (ok && a->todo_count > 0 && !a->d->turned_away)
		ok = leave_waiting(a, f);
	free(a->todo);
	return ok;
}

static bool expire(struct attempt *a, struct fault *f)
{
	struct envelope *e = &a->he->entry.envelope;
	for (size_t i = 0; i < e->rcpt_count; i++) {
		struct rcpt *r = &e->rcpts[i];
		if (r->state != RCPT_WAITING)
			continue;
		char *text =
		    mem_printf("expired: %s", r->reply ? r->reply : "not delivered in time");
		rcpt_set(r, RCPT_FAILED, r->code, "4.4.7", str_of(text));
		free(text);
		if (!hold_mark(a->he, &i, 1, false, f))
			return false;
		journal_rcpt(&a->journal, r, NULL);
	}
	return true;
}

/* A report is mail like any other; the run sends it too. */
static bool report(struct deliver *d, struct hold_entry *he, enum report_kind kind,
                   struct fault *f)
{
	char id[ENTRY_ID_LEN + 1];
	if (!notify_sender(d->env.config, d->env.hostname, he, kind, id, f))
		return false;
	if (id[0] && d->report_count < DELIVER_REPORTS_MAX)
		memcpy(d->reports[d->report_count++], id, sizeof(id));
	return true;
}

/* Tells the sender once that the message is late. */
static bool warn_once(struct deliver *d, struct hold_entry *he, struct fault *f)
{
	const struct config *c = d->env.config;
	struct entry *e = &he->entry;
	if (c->warn == 0 || e->warned || clock_wall() - e->created < c->warn)
		return true;
	if (!report(d, he, REPORT_DELAYED, f))
		return false;
	e->warned = true;
	return true;
}

/* Some recipients wait: when is the next try, or was this the last? */
static bool put_back(struct attempt *a, struct fault *f)
{
	const struct config *c = a->d->env.config;
	const struct deliver_result *result = a->result;
	struct entry *e = &a->he->entry;
	struct retry_rules rules = {c->retry, c->retry_max, c->expire};
	if (result->attempted) {
		bool last =
		    retry_failed(&rules, e, clock_wall(), clock_uptime(), random_number());
		if (last ? !expire(a, f) : !warn_once(a->d, a->he, f))
			return false;
	} else if (result->dead_until > e->next_try) {
		e->next_try = result->dead_until;
	}
	return hold_mark_head(a->he, f);
}

/* Whoever waits, or else the sender, hears of recipients that were refused in
 * this try. If others still wait, or were refused before and are in failed/
 * already, the refused ones get an entry of their own there; else this one
 * goes there. An entry with nobody left is removed. */
static bool finish(struct deliver *d, struct hold_entry *he, size_t waiting, struct fault *f)
{
	size_t new = failures_new(&he->entry.envelope);
	bool split = waiting > 0 || new < envelope_count(&he->entry.envelope, RCPT_FAILED);
	if (new > 0) {
		if (!(d->tell && d->tell(d->tell_context, he)) &&
		    !report(d, he, REPORT_FAILED, f))
			return false;
		if (!split)
			return hold_move(he, HOLD_FAILED, f);
		if (!failures_split(he, f))
			return false;
	}
	return waiting > 0 || hold_remove(he, f);
}

static void sum_up(struct hold_entry *he, struct deliver_result *result)
{
	const struct envelope *e = &he->entry.envelope;
	result->delivered = envelope_count(e, RCPT_DELIVERED);
	result->failed = envelope_count(e, RCPT_FAILED);
	result->waiting = envelope_count(e, RCPT_WAITING);
	for (size_t i = 0; i < e->rcpt_count; i++)
		if (e->rcpts[i].state == RCPT_WAITING && e->rcpts[i].reply) {
			snprintf(result->reason, sizeof(result->reason), "%s",
			         e->rcpts[i].reply);
			return;
		}
}

bool deliver_entry(struct deliver *d, struct hold_entry *he, struct deliver_result *result,
                   struct fault *f)
{
	struct attempt a = {.d = d, .he = he, .result = result};
	struct routes routes;
	size_t reports = d->report_count;
	bool ok = true;
	memset(result, 0, sizeof(*result));
	d->turned_away = false;
	/* The head, as it is: where no mark can be made nothing may be sent, for it
	 * would be sent again at every run. */
	if (!hold_verify(he, f) || !hold_mark_head(he, f))
		return false;
	journal_begin(&a.journal, he);
	routes_plan(d->env.config, &he->entry.envelope, &routes);
	for (size_t i = 0; ok && i < routes.count; i++)
		ok = try_route(&a, &routes.at[i], f);
	routes_release(&routes);
	if (d->turned_away)
		return ok;
	if (ok && envelope_count(&he->entry.envelope, RCPT_WAITING) > 0)
		ok = put_back(&a, f);
	sum_up(he, result);
	ok = ok && finish(d, he, result->waiting, f);
	/* While the entry does not say that its report is made, the report must be
	 * there to say so: sent, it would be made again. */
	if (!ok)
		d->report_count = reports;
	return ok;
}
