/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "transport/offer_private.h"

#include <stdlib.h>
#include <string.h>

void offerer_init(struct offerer *o, const struct session_env *env, const struct hold *hold,
                  bool ask_again)
{
	memset(o, 0, sizeof(*o));
	o->env = env;
	servers_memory_init(&o->memory, hold, ask_again);
}

void offerer_release(struct offerer *o)
{
	offer_end_session(o);
	for (size_t i = 0; i < o->line_count; i++)
		under_way_free(o->line[i]);
	o->line_count = 0;
	servers_memory_release(&o->memory);
}

void offerer_drop(struct offerer *o)
{
	session_drop(o->session);
	limits_disconnect(&o->limits);
	o->session = NULL;
	server_release(&o->server);
}

static struct server_client client_of(const struct attempt *a)
{
	return (struct server_client){hold_uid(a->he), a->he->entry.envelope.sender};
}

/* May a connection be opened? Whoever has the last word waits for that a while, unless
 * another finds out meanwhile that there is nothing to wait for. */
static bool may_connect(struct attempt *a, const struct server *server, struct fault *f)
{
	struct offerer *o = a->o;
	int most = servers_connections(&o->memory, server);
	int64_t until = limits_patience(&o->limits, CONNECTIONS_WAIT_MS);
	enum cause cause = CAUSE_CONNECTIONS;
	while (!limits_connect(&o->limits, server->relay, most)) {
		if (!o->helper && cause == CAUSE_CONNECTIONS &&
		    limits_pause(&o->limits, until, CONNECTIONS_PAUSE_MS)) {
			cause = servers_again(&o->memory, server);
			if (cause == CAUSE_NONE)
				cause = CAUSE_CONNECTIONS;
			continue;
		}
		fault_set(f, FAULT_RELAY, "%s", cause_row(cause)->sentence);
		return fault_cause(f, cause);
	}
	return true;
}

/* Opens a session; NULL: f says why, or the helper has no connection to spare. */
static struct session *open_session(struct attempt *a, const struct server *server,
                                    struct fault *f)
{
	struct offerer *o = a->o;
	const struct session_target target = {server->relay, o->server.host, o->server.port,
	                                      o->no_chunking == server->relay};
	a->contact = (struct session_contact){.port = 0};
	if (o->asks_nobody || !may_connect(a, server, f))
		return NULL;
	return session_open(o->env, &target, &a->contact, f);
}

/* A session to that server, the open one if it fits. */
static bool session_for(struct attempt *a, const struct server *server, struct fault *f)
{
	struct offerer *o = a->o;
	struct fault ignored = FAULT_INIT;
	/* A server that has closed in the meantime gets no message, and raises no doubt. */
	if (o->session && server_same(&o->server, server) &&
	    session_in_step(o->session, &ignored) && session_usable(o->session) &&
	    session_messages(o->session) < (size_t)server->relay->max_messages)
		return true;
	offer_end_session(o);
	server_copy(&o->server, server);
	o->window = 0;
	o->session = open_session(a, server, f);
	if (o->session) {
		servers_answered(&o->memory, server);
		return true;
	}
	return false;
}

/* Waits until a message may go, by the rate that is set. */
static bool may_send(struct attempt *a, const struct server *server, int64_t until,
                     struct fault *f)
{
	struct offerer *o = a->o;
	int64_t wait = o->asks_nobody ? 0 : limits_wait(&o->limits, server->relay);
	/* Who waits for long has no connection meanwhile. */
	if (wait > CONNECTIONS_WAIT_MS && o->line_count == 0)
		offer_end_session(o);
	if (wait == 0 || limits_wait_until(&o->limits, server->relay, until))
		return true;
	offer_end_session(o);
	a->contact = (struct session_contact){.port = 0};
	fault_set(f, FAULT_RELAY, "%s", cause_row(CAUSE_RATE)->sentence);
	return fault_cause(f, CAUSE_RATE);
}

/* A session over which a message may go at once. It is counted last, for to get there takes
 * time; by then others may have been faster. */
static bool make_ready(struct attempt *a, const struct server *server, struct fault *f)
{
	int64_t until = limits_patience(&a->o->limits, RATE_WAIT_MS);
	do {
		if (!may_send(a, server, until, f) || !session_for(a, server, f))
			return false;
	} while (!limits_permit(&a->o->limits, server->relay, &a->permit));
	return true;
}

/* That server is known as dead since then: an entry whose servers all are so, for all of
 * its time, expires. */
static void note_dead(struct attempt *a, const struct backoff *b)
{
	struct offer_sum *sum = a->sum;
	if (!sum->any_dead || b->since > sum->youngest.since)
		sum->youngest = *b;
	sum->any_dead = true;
}

/* That server is not asked. */
static void pass_over(struct attempt *a, const struct server *server, enum cause cause,
                      const struct server_state *state)
{
	server_passed_over(server, cause, cause == state->cause ? state->code : 0, &a->why);
	a->trouble = true;
	a->waits = a->waits || cause_row(cause)->next == NEXT_NOBODY;
	if (cause_row(cause)->server == SERVER_DEAD && state->past.failures > 0)
		note_dead(a, &state->past);
	else
		a->sum->any_other = true;
}

/* No session can be had. A helper leaves the entry, and what that means, to the leader of
 * the run, whose connection may well go on. */
static void not_reached(struct attempt *a, const struct server *server, const struct fault *f)
{
	struct offerer *o = a->o;
	int others = limits_others(&o->limits);
	limits_disconnect(&o->limits);
	a->turned_away = o->helper || o->asks_nobody;
	if (a->turned_away)
		return;
	const struct server_client client = client_of(a);
	const struct server_state *state;
	/* Unless that it failed is what another has found. */
	if (servers_ask(&o->memory, server, &client, &state) == CAUSE_NONE)
		servers_failed(&o->memory, server, f, others + 1);
	servers_ask(&o->memory, server, &client, &state);
	pass_over(a, server, f->cause, state);
	char *text = server_text(server);
	verdict_set_fault(&a->why, f, server->relay->name,
	                  a->contact.peer[0] ? a->contact.peer : text);
	free(text);
	a->met = true;
	delivery_log_relay(a->log, server->relay, &a->contact, &a->why);
}

static bool is_past(const struct todo *t, const struct server *server)
{
	return t->past_relay == server->relay &&
	       (!t->past_host || !server->host || strcmp(t->past_host, server->host) == 0);
}

static bool is_broken(enum cause cause)
{
	enum cause_server how = cause_row(cause)->server;
	return how == SERVER_SUSPECT || how == SERVER_STRAINED;
}

/* A leave may be meant for all, and what is in doubt is not to be sent more often than it has
 * to: they count when it happens again. */
static bool broke_again(const struct attempt *a, const struct rcpt *r)
{
	enum cause cause = r->verdict.cause;
	int64_t enough = cause == CAUSE_IN_DOUBT ? 3 : 2;
	return a->he->entry.attempts >= enough && is_broken(cause) && !cause_row(cause)->keep;
}

/* It may be one of them at whose address the server goes away: what broke goes in ever
 * smaller groups at the next tries, or the others would share its lot to the end. */
static size_t most_at_once(const struct attempt *a, const struct server *server)
{
	size_t most = (size_t)server->relay->max_recipients, broken = 0;
	unsigned tries = a->he->entry.attempts < 16 ? (unsigned)a->he->entry.attempts : 16;
	for (size_t i = 0; i < a->count; i++) {
		const struct rcpt *r = offer_rcpt(a, &a->todo[i]);
		broken += offer_broke(r) || broke_again(a, r);
	}
	size_t some = broken >> tries;
	if (broken == 0 || tries == 0 || some >= most)
		return most;
	return some > 0 ? some : 1;
}

/* Those that go into the next transaction with that server. */
static size_t gather(struct attempt *a, const struct server *server)
{
	a->batch_count = 0;
	for (size_t i = 0; i < a->count && a->batch_count < a->at_once; i++) {
		struct todo *t = &a->todo[i];
		if (t->decided || is_past(t, server))
			continue;
		a->items[a->batch_count] = t;
		a->batch[a->batch_count++] = t->rcpt;
	}
	return a->batch_count;
}

/* Who is asked next for a recipient with that verdict; false: nobody. */
static bool go_on(struct todo *t, enum cause cause, const struct server *server, bool progress)
{
	switch (cause == CAUSE_NONE ? NEXT_NOBODY : cause_row(cause)->next) {
	case NEXT_NOBODY:
		break;
	case NEXT_AGAIN:
		/* Where others were taken it gets ever fewer; else once. */
		if (t->again && !progress)
			break;
		t->again = true;
		return true;
	case NEXT_HOST:
	case NEXT_ADDRESS:
	case NEXT_SERVER:
		t->past_relay = server->relay;
		t->past_host = server->host;
		return true;
	case NEXT_RELAY:
		t->past_relay = server->relay;
		t->past_host = NULL;
		return true;
	}
	return false;
}

/* How a transaction ended, as bits. */
enum outcome {
	OVER_SESSION = 1, /* over the one that is open; else that was over before its turn */
	BDAT_FAILED = 2   /* the server has to be asked once more, by DATA */
};

/* Takes what the server said of each, and decides who is asked next. */
static void sort_out(struct attempt *a, const struct server *server,
                     const struct session_mail *m, unsigned outcome)
{
	bool chunking_lost = outcome & BDAT_FAILED;
	size_t decided = 0;
	for (size_t i = 0; i < a->batch_count; i++)
		decided += offer_rcpt(a, a->items[i])->verdict.cause != CAUSE_TOO_MANY;
	for (size_t i = 0; i < a->batch_count; i++) {
		struct todo *t = a->items[i];
		struct rcpt *r = offer_rcpt(a, t);
		bool more = r->verdict.cause == CAUSE_TOO_MANY && decided > 0,
		     before = t->again;
		t->decided = !(chunking_lost || go_on(t, r->verdict.cause, server, more));
		/* Nothing was said of these. */
		if (m->behind)
			t->again = before;
		t->refused = !t->decided && r->state == RCPT_FAILED;
		if (t->refused)
			r->state = RCPT_WAITING; /* as long as another may take it */
		else if (!t->decided && !chunking_lost)
			verdict_copy(&t->put_off, &r->verdict);
	}
}

/* On disk before anything else is said to the server. */
static bool mark(struct attempt *a, bool sync, struct fault *f)
{
	const struct envelope *e = &a->he->entry.envelope;
	bool over = envelope_count(e, RCPT_DELIVERED) == e->rcpt_count;
	/* All of a flight are settled at once, and it takes one sync. */
	bool shares = sync && over && (offer_next_is_settled(a->o) || a->he->hold->unsettled);
	bool marked = shares ? hold_mark_over(a->he, a->batch, a->batch_count, f)
	                     : hold_mark(a->he, a->batch, a->batch_count, sync, f);
	/* Where all is delivered the entry is removed next, which does as well. */
	return marked || over;
}

static bool any_final(const struct attempt *a, bool *delivered)
{
	bool final = false;
	*delivered = false;
	for (size_t i = 0; i < a->batch_count; i++) {
		enum rcpt_state state = offer_rcpt(a, a->items[i])->state;
		*delivered = *delivered || state == RCPT_DELIVERED;
		final = final || state != RCPT_WAITING;
	}
	return final;
}

/* A server that was out of step has said nothing that counts: all of them wait. */
static bool take_back(struct attempt *a, const struct fault *why, struct fault *f)
{
	for (size_t i = 0; i < a->batch_count; i++) {
		struct rcpt *r = offer_rcpt(a, a->items[i]);
		r->state = RCPT_WAITING;
		verdict_set_fault(&r->verdict, why, a->o->server.relay->name, a->contact.peer);
		a->items[i]->decided = true;
	}
	return hold_mark(a->he, a->batch, a->batch_count, true, f);
}

static void log_batch(const struct attempt *a)
{
	for (size_t i = 0; i < a->batch_count; i++) {
		const struct rcpt *r = offer_rcpt(a, a->items[i]);
		/* Not of those that another may still take, or that go again at once. */
		if (a->items[i]->decided ||
		    (!a->items[i]->refused && cause_row(r->verdict.cause)->next != NEXT_AGAIN))
			delivery_log_rcpt(a->log, r, &a->contact);
	}
}

/* What the transaction says of the server: the worst of what it said. */
static enum cause server_cause(const struct attempt *a, enum session_end end,
                               const struct fault *f)
{
	if (end == SESSION_BROKEN)
		return f->cause;
	for (size_t i = 0; i < a->batch_count; i++) {
		enum cause cause = offer_rcpt(a, a->items[i])->verdict.cause;
		if (cause_row(cause)->server != SERVER_FINE)
			return cause;
	}
	return CAUSE_NONE;
}

/* Does the connection go on? */
static bool kept(const struct attempt *a)
{
	for (size_t i = 0; i < a->batch_count; i++)
		if (!cause_row(offer_rcpt(a, a->items[i])->verdict.cause)->keep)
			return false;
	return true;
}

/* Is it for good for any of them, by what was said just now? */
static bool any_refused(const struct attempt *a)
{
	for (size_t i = 0; i < a->batch_count; i++)
		if (offer_rcpt(a, a->items[i])->state == RCPT_FAILED)
			return true;
	return false;
}

/* The entry could not be read to its end, or not rightly: f says why. Half of it may be out,
 * and no server may take that for the whole. */
static bool entry_failed(struct attempt *a, struct fault *f)
{
	if (a->o->session && !session_usable(a->o->session))
		offer_end_session(a->o);
	/* Puts a damaged one away, and says in f what is wrong; a sound one fails all the same. */
	if (f->kind == FAULT_DATA)
		(void)!hold_verify(a->he, f);
	return false;
}

/* What the server said is written down. outcome: bits of enum outcome. */
static bool take_down(struct attempt *a, const struct server *server,
                      const struct session_mail *m, unsigned outcome, struct fault *f)
{
	struct offerer *o = a->o;
	bool open = outcome & OVER_SESSION, again = outcome & BDAT_FAILED;
	struct fault why = m->why;
	enum cause cause = server_cause(a, m->end, &why);
	sort_out(a, server, m, outcome);
	bool delivered;
	bool final = any_final(a, &delivered);
	if (!mark(a, delivered, f))
		return false;
	if (final && open && !session_in_step(o->session, &why)) {
		if (!take_back(a, &why, f))
			return false;
		cause = why.cause;
	}
	if (open && session_lost_several(o->session)) {
		servers_one_by_one(&o->memory, server, why.cause);
		o->window = 1;
	}
	/* A 421 in the middle may say so too, as Exchange Online does. */
	if (cause == CAUSE_THROTTLED || cause == CAUSE_SHUTDOWN)
		limits_slow(&o->limits, server->relay);
	/* Not before the mark: what is done between the answer and that can be done twice. */
	limits_ended(&o->limits, server->relay, &a->permit);
	limits_seen(&o->limits);
	a->sum->strained = a->sum->strained || cause_row(cause)->server == SERVER_STRAINED;
	const struct server_client client = client_of(a);
	/* However many transactions it is, it is one message that the server meets; and it is
	 * one at which it breaks. */
	if (!again && (!is_broken(cause) || (!m->behind && a->broken++ == 0)))
		servers_transaction(&o->memory, server, &client, cause);
	log_batch(a);
	return true;
}

/* One transaction. m is new, or was begun before its turn, and over the open session if
 * it has not ended. False: the entry itself cannot be worked on. */
static bool transact(struct attempt *a, const struct server *server, struct session_mail *m,
                     struct fault *f)
{
	struct offerer *o = a->o;
	struct fault why = FAULT_INIT;
	bool open = m->progress != MAIL_ENDED;
	if (open) {
		a->server = server;
		m->end = session_send(o->session, m, offer_follower(a), a, &why);
		m->why = why;
		offer_pass_by(o);
	}
	a->asked = true;
	/* Bytes that no message may have are found on their way, before the checksum. */
	bool doubtful = m->end == SESSION_BROKEN && m->why.kind == FAULT_DATA && !a->he->sound;
	if (m->end == SESSION_ENTRY || doubtful) {
		*f = m->why;
		return entry_failed(a, f);
	}
	/* What was refused before its end was not read to its end. */
	if (any_refused(a) && !hold_verify(a->he, f))
		return false;
	a->sum->offered = true;
	bool broken = open && session_chunking_broken(o->session);
	bool again = broken && m->end == SESSION_BROKEN && o->no_chunking != server->relay;
	/* Known from here on: what goes wrong by DATA later is no fault of BDAT's. */
	if (broken)
		o->no_chunking = server->relay;
	unsigned outcome = (open ? OVER_SESSION : 0u) | (again ? BDAT_FAILED : 0u);
	if (!take_down(a, server, m, outcome, f))
		return false;
	if (open && (!kept(a) || again))
		offer_end_session(o);
	return true;
}

/* One that is begun in its turn. */
static bool transact_new(struct attempt *a, const struct server *server, struct fault *f)
{
	struct session_mail m = {.he = a->he, .rcpts = a->batch, .count = a->batch_count};
	a->contact = *session_contact(a->o->session);
	return transact(a, server, &m, f);
}

/* What was begun before is taken up. */
static bool transact_begun(struct attempt *a, struct under_way *u, struct fault *f)
{
	for (size_t i = 0; i < a->count; i++)
		a->items[i] = &a->todo[i];
	memcpy(a->batch, u->mail.rcpts, a->count * sizeof(*a->batch));
	a->batch_count = a->count;
	a->markable = true;
	a->contact = u->contact;
	a->permit = u->permit;
	return transact(a, &u->server, &u->mail, f);
}

static bool use_server(struct attempt *a, const struct server *server, struct fault *f)
{
	const struct server_client client = client_of(a);
	a->broken = 0;
	a->at_once = most_at_once(a, server);
	while (gather(a, server) > 0) {
		struct fault why = FAULT_INIT;
		const struct server_state *state;
		/* It may have come to that with this very entry. */
		enum cause cause = servers_ask(&a->o->memory, server, &client, &state);
		if (cause == CAUSE_NONE && a->broken >= SUSPECT_TRIES)
			cause = CAUSE_UNSTEADY;
		if (cause != CAUSE_NONE) {
			pass_over(a, server, cause, state);
			return true;
		}
		/* The head is written as it is: where no mark can be made nothing may be sent, for
		 * it would be sent again at every run. */
		if (!a->markable && !hold_mark_head(a->he, f))
			return false;
		a->markable = true;
		/* Many recipients may be more transactions than one connection carries. */
		if (!make_ready(a, server, &why)) {
			not_reached(a, server, &why);
			return true;
		}
		if (!transact_new(a, server, f))
			return false;
	}
	return true;
}

static bool goes_on(const struct attempt *a)
{
	if (a->turned_away || a->waits)
		return false;
	for (size_t i = 0; i < a->count; i++)
		if (!a->todo[i].decided)
			return true;
	return false;
}

static bool try_relay(struct attempt *a, const struct settings_relay *relay, const char *domain,
                      struct fault *f)
{
	struct servers servers;
	struct fault why = FAULT_INIT;
	bool ok = true;
	if (!servers_find(a->o->env->config, relay, domain, &servers, &why)) {
		/* Of a domain's own servers it is the domain that does not answer. */
		a->sum->offered = a->sum->offered || relay->mx;
		a->sum->any_other = true;
		a->trouble = a->met = true;
		verdict_set_fault(&a->why, &why, relay->name, NULL);
		delivery_log_relay(a->log, relay, NULL, &a->why);
		return true;
	}
	if (servers.no_mail)
		ok = offer_refuse_rest(a, relay, domain, f);
	for (size_t i = 0; ok && i < servers.count && goes_on(a); i++)
		ok = use_server(a, &servers.at[i], f);
	servers_release(&servers);
	/* These are gone, and what was only skipped is behind us. */
	for (size_t i = 0; i < a->count; i++)
		if (a->todo[i].past_relay == relay)
			a->todo[i].past_host = NULL;
	return ok;
}

enum offer_end offer(struct offerer *o, struct hold_entry *he, const struct route *route,
                     struct delivery_log *log, struct offer_sum *sum, struct fault *f)
{
	size_t n = route->rcpt_count;
	struct attempt a = {
	    .o = o,
	    .route = route,
	    .he = he,
	    .log = log,
	    .sum = sum,
	    .count = n,
	    .todo = mem_alloc(n * sizeof(*a.todo)),
	    .batch = mem_alloc(n * sizeof(*a.batch)),
	    .items = mem_alloc(n * sizeof(struct todo *)),
	};
	bool ok = true;
	for (size_t i = 0; i < n; i++)
		a.todo[i].rcpt = route->rcpts[i];
	/* Where no relay serves, that is what this try came to. */
	if (route->relay_count == 0)
		sum->offered = true;
	struct under_way *begun = offer_take_begun(o, he);
	if (begun)
		ok = transact_begun(&a, begun, f);
	for (size_t i = 0; ok && i < route->relay_count && goes_on(&a); i++)
		ok = try_relay(&a, route->relays[i], route->domain, f);
	if (ok && !a.turned_away)
		ok = offer_finish(&a, route, f);
	verdict_release(&a.why);
	for (size_t i = 0; i < n; i++)
		verdict_release(&a.todo[i].put_off);
	free(a.todo);
	free(a.batch);
	free(a.items);
	/* Its server may be whom not to ask any more. */
	if (begun)
		under_way_free(begun);
	return !ok ? OFFER_ERROR : a.turned_away ? OFFER_TURNED_AWAY : OFFER_DONE;
}
