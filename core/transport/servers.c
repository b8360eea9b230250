/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "transport/servers.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "os/clock.h"
#include "text/crc.h"
#include "text/host.h"
#include "os/random.h"
#include "net/dns.h"
#include "transport/srv.h"

static void add_records(struct servers *out, const struct settings_relay *relay,
                        const struct dns_records *records, bool mx)
{
	for (size_t i = 0; i < records->count; i++) {
		const struct dns_record *r = &records->at[i];
		if (r->target[0] && mx)
			servers_add_host(out, relay, r->target);
		else if (r->target[0])
			servers_add(out, relay, r->target, r->port);
	}
}

static bool find_srv(const struct settings *c, const struct settings_relay *relay,
                     struct servers *out, struct fault *f)
{
	struct dns_records records;
	enum dns_result result;
	bool tls = relay->security == SECURITY_TLS;
	char *name = mem_printf("%s._tcp.%s", tls ? "_submissions" : "_submission", relay->srv);
	bool ok = dns_records(name, DNS_SRV, &c->dns_servers,
	                      clock_deadline(relay->connect_timeout_ms), &records, &result, f);
	if (!ok)
		fault_cause(f, CAUSE_LOOKUP);
	if (ok && result == DNS_FOUND) {
		ok = srv_keep_believed(relay, &records, f) || fault_cause(f, CAUSE_SETTINGS);
		if (ok)
			add_records(out, relay, &records, false);
	}
	if (ok && out->count == 0) {
		ok = fault_set(f, FAULT_RELAY, "no mail submission service at %s: check srv",
		               name);
		fault_cause(f, CAUSE_NO_NAME);
	}
	if (!ok)
		f->kind = FAULT_RELAY;
	free(name);
	return ok;
}

static bool find_mx(const struct settings *c, const struct settings_relay *relay,
                    const char *domain, struct servers *out, struct fault *f)
{
	if (domain[0] == '[') {
		servers_add_host(out, relay, domain);
		return true;
	}
	struct dns_records records;
	enum dns_result result;
	if (!dns_records(domain, DNS_MX, &c->dns_servers,
	                 clock_deadline(relay->connect_timeout_ms), &records, &result, f)) {
		f->kind = FAULT_RELAY;
		return fault_cause(f, CAUSE_LOOKUP);
	}
	if (result == DNS_NO_NAME) {
		fault_set(f, FAULT_RELAY, "the domain %s does not exist", domain);
		return fault_cause(f, CAUSE_NO_NAME);
	}
	out->no_mail = result == DNS_FOUND && records.count == 1 && !records.at[0].target[0];
	if (result == DNS_FOUND)
		add_records(out, relay, &records, true);
	else /* RFC 5321 section 5.1: without MX the domain itself */
		servers_add_host(out, relay, domain);
	if (out->count > 0 || out->no_mail)
		return true;
	fault_set(f, FAULT_RELAY, "no MX of %s names a server", domain);
	return fault_cause(f, CAUSE_NO_NAME);
}

bool servers_find(const struct settings *c, const struct settings_relay *relay,
                  const char *domain, struct servers *out, struct fault *f)
{
	memset(out, 0, sizeof(*out));
	if (relay->srv)
		return find_srv(c, relay, out, f);
	if (relay->mx)
		return find_mx(c, relay, domain ? domain : "", out, f);
	return servers_configured(relay, out);
}

void servers_memory_init(struct servers_memory *m, const struct hold *h, bool ask_again)
{
	*m = (struct servers_memory){.hold = h, .ask_again = ask_again};
}

static void end_probe(struct server_state *s)
{
	if (s->probe >= 0)
		close(s->probe);
	s->probe = -1;
}

void servers_memory_release(struct servers_memory *m)
{
	for (size_t i = 0; i < m->count; i++) {
		end_probe(&m->at[i]);
		free(m->at[i].key);
	}
	free(m->at);
	*m = (struct servers_memory){.hold = NULL};
}

static struct server_state *find(const struct servers_memory *m, const char *key)
{
	for (size_t i = 0; i < m->count; i++)
		if (strcmp(m->at[i].key, key) == 0)
			return &m->at[i];
	return NULL;
}

/* What other runs have written down of it, read once in a run. Where it is dead or busy by
 * that it is left alone in this one too. */
static void remember(const struct servers_memory *m, struct server_state *s)
{
	bool known = backoff_get(m->hold, s->key, &s->past);
	bool stands = known && backoff_stands(&s->past, clock_wall());
	/* One process asks a dead server again; others would only wait as long as it does. */
	if (known && !s->past.busy && (!stands || m->ask_again))
		stands = !backoff_probe(m->hold, s->key, &s->probe);
	else if (m->ask_again)
		stands = false;
	if (!stands)
		return;
	s->cause = s->past.cause;
	s->code = s->past.code;
}

static struct server_state *state_of(struct servers_memory *m, const struct server *server)
{
	char *key = server_key(server);
	struct server_state *s = find(m, key);
	if (s) {
		free(key);
		return s;
	}
	m->at = mem_grow(m->at, &m->cap, m->count + 1, sizeof(*m->at));
	s = &m->at[m->count++];
	*s = (struct server_state){.key = key, .probe = -1};
	remember(m, s);
	return s;
}

static struct suspect suspect_made(const struct servers_memory *m,
                                   const struct server_client *client)
{
	uint32_t sender = crc_add(0, client->sender, strlen(client->sender));
	return (struct suspect){m->hold->shared ? (uint32_t)client->uid : sender, sender, 1};
}

static struct suspect *suspect_known(struct server_state *s, const struct suspect *wanted)
{
	for (size_t i = 0; i < s->suspect_count; i++)
		if (s->suspects[i].user == wanted->user &&
		    s->suspects[i].sender == wanted->sender)
			return &s->suspects[i];
	return NULL;
}

static int senders_of(const struct server_state *s, uint32_t user)
{
	int count = 0;
	for (size_t i = 0; i < s->suspect_count; i++)
		count += s->suspects[i].user == user;
	return count;
}

static int users_of(const struct server_state *s)
{
	int count = 0;
	for (size_t i = 0; i < s->suspect_count; i++) {
		size_t k = 0;
		while (s->suspects[k].user != s->suspects[i].user)
			k++;
		count += k == i;
	}
	return count;
}

enum cause servers_ask(struct servers_memory *m, const struct server *server,
                       const struct server_client *client, const struct server_state **state)
{
	struct server_state *s = state_of(m, server);
	const struct suspect who = suspect_made(m, client), *known = suspect_known(s, &who);
	*state = s;
	if (s->cause == CAUSE_NONE && ((known && known->tries >= SUSPECT_TRIES) ||
	                               senders_of(s, who.user) >= SUSPECT_SENDERS))
		return CAUSE_UNSTEADY;
	return s->cause;
}

enum cause servers_again(struct servers_memory *m, const struct server *server)
{
	struct server_state *s = state_of(m, server);
	struct backoff b;
	/* The one process that asks a dead server again goes by what it finds itself. */
	if (!m->ask_again && s->probe < 0 && backoff_get(m->hold, s->key, &b) && !b.busy &&
	    backoff_stands(&b, clock_wall())) {
		s->past = b;
		s->cause = b.cause;
		s->code = b.code;
	}
	return s->cause;
}

bool servers_all_alone(struct servers_memory *m, const struct settings_relay *relay,
                       struct verdict *why)
{
	struct servers servers;
	if (!servers_configured(relay, &servers))
		return false;
	bool alone = servers.count > 0;
	for (size_t i = 0; alone && i < servers.count; i++) {
		const struct server_state *s = state_of(m, &servers.at[i]);
		alone = s->cause != CAUSE_NONE && cause_row(s->cause)->next != NEXT_NOBODY;
		if (alone)
			server_passed_over(&servers.at[i], s->cause, s->code, why);
	}
	servers_release(&servers);
	return alone;
}

/* Fewer than there were when it said so. */
static int fewer(int connections)
{
	return connections > 2 ? connections / 2 : 1;
}

void servers_failed(struct servers_memory *m, const struct server *server,
                    const struct fault *why, int connections)
{
	struct server_state *s = state_of(m, server);
	int64_t now = clock_wall();
	s->cause = why->cause;
	s->code = why->code;
	switch (cause_row(why->cause)->server) {
	case SERVER_DEAD:
		/* Another process may have found it dead in the meantime. */
		backoff_get(m->hold, s->key, &s->past);
		backoff_dead(&s->past, why->cause, why->code, server->relay->dead_max, now,
		             clock_uptime(), random_number());
		backoff_set(m->hold, s->key, &s->past);
		break;
	case SERVER_BUSY:
		backoff_busy(&s->past, why->cause, why->code, fewer(connections), now,
		             random_number());
		backoff_set(m->hold, s->key, &s->past);
		break;
	case SERVER_FINE:
	case SERVER_SKIPPED:
	case SERVER_SUSPECT:
	case SERVER_STRAINED:
		break;
	}
	end_probe(s);
}

/* Did it say not long ago that it is busy? A time that is still to come was written while
 * the clock was wrong, and does not count. */
static bool busy_of_late(const struct backoff *b)
{
	int64_t ago = clock_wall() - b->last;
	return b->busy && ago >= 0 && ago <= BUSY_REMEMBERS;
}

void servers_answered(struct servers_memory *m, const struct server *server)
{
	struct server_state *s = state_of(m, server);
	const struct backoff *past = &s->past;
	if (past->cause != CAUSE_NONE && !busy_of_late(past)) {
		backoff_clear(m->hold, s->key);
		s->past = (struct backoff){.cause = CAUSE_NONE};
	}
	end_probe(s);
}

/* It broke at a message of that client. */
static void suspect(struct servers_memory *m, struct server_state *s,
                    const struct server_client *client, enum cause cause)
{
	const struct suspect who = suspect_made(m, client);
	struct suspect *known = suspect_known(s, &who);
	if (known) {
		known->tries++;
		return;
	}
	if (s->suspect_count < SUSPECTS_MAX)
		s->suspects[s->suspect_count++] = who;
	if (users_of(s) < SUSPECT_USERS)
		return;
	s->cause = CAUSE_UNSTEADY;
	s->code = 0;
	if (cause_row(cause)->server == SERVER_STRAINED) {
		s->cause = CAUSE_BUSY;
		backoff_busy(&s->past, s->cause, 0, 1, clock_wall(), random_number());
		backoff_set(m->hold, s->key, &s->past);
	}
}

void servers_transaction(struct servers_memory *m, const struct server *server,
                         const struct server_client *client, enum cause cause)
{
	struct server_state *s = state_of(m, server);
	switch (cause_row(cause)->server) {
	case SERVER_SUSPECT:
	case SERVER_STRAINED:
		if (s->cause == CAUSE_NONE)
			suspect(m, s, client, cause);
		break;
	case SERVER_FINE:
	case SERVER_DEAD:
	case SERVER_BUSY:
	case SERVER_SKIPPED:
		s->suspect_count = 0;
		break;
	}
}

bool servers_next(const struct hold *h, const struct verdict *v, int64_t *until)
{
	enum cause_server how = cause_row(v->cause)->server;
	if ((how != SERVER_DEAD && how != SERVER_BUSY) || !v->relay || !v->host)
		return false;
	struct host_peer peer = host_peer(str_of(v->host));
	char *key = mem_printf("%s %.*s%.*s", v->relay, STR_FMT(peer.name), STR_FMT(peer.port));
	struct backoff b;
	bool known = backoff_get(h, key, &b) && backoff_stands(&b, clock_wall());
	free(key);
	if (known)
		*until = b.until;
	return known;
}

size_t servers_window(const struct servers_memory *m, const struct server *server)
{
	char *key = server_key(server);
	const struct server_state *state = find(m, key);
	bool several =
	    !(state && state->one_by_one) && backoff_window(m->hold, key, clock_wall());
	free(key);
	return several ? (size_t)server->relay->window : 1;
}

void servers_one_by_one(struct servers_memory *m, const struct server *server, enum cause cause)
{
	state_of(m, server)->one_by_one = true;
	char *key = server_key(server);
	backoff_close_window(m->hold, key, cause, clock_wall());
	free(key);
}

int servers_connections(const struct servers_memory *m, const struct server *server)
{
	char *key = server_key(server);
	const struct server_state *s = find(m, key);
	int64_t most = server->relay->connections;
	free(key);
	if (s && busy_of_late(&s->past) && s->past.connections > 0 &&
	    s->past.connections < most)
		most = s->past.connections;
	return (int)most;
}
