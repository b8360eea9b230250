/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "transport/servers.h"

#include <stdio.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "hold/dead.h"
#include "net/dns.h"

#define SUBMISSIONS_PORT 465

static void add_server(struct servers *out, const struct config_relay *relay, const char *host,
                       const int *ports, size_t count)
{
	if (out->count == SERVERS_MAX)
		return;
	struct server *s = &out->at[out->count++];
	s->relay = relay;
	s->host = host ? mem_copy(str_of(host)) : NULL;
	s->ports = mem_alloc((count ? count : 1) * sizeof(int));
	if (count)
		memcpy(s->ports, ports, count * sizeof(int));
	s->port_count = count;
}

static void add_records(struct servers *out, const struct config_relay *relay,
                        const struct dns_records *records, bool mx)
{
	for (size_t i = 0; i < records->count; i++) {
		const struct dns_record *r = &records->at[i];
		int port = r->port;
		if (r->target[0])
			add_server(out, relay, r->target, mx ? relay->ports : &port,
			           mx ? relay->port_count : 1);
	}
}

static bool find_srv(const struct config *c, const struct config_relay *relay,
                     struct servers *out, struct fault *f)
{
	struct dns_records records;
	enum dns_result result;
	bool tls = relay->security == CONFIG_TLS;
	char *name = mem_printf("%s._tcp.%s", tls ? "_submissions" : "_submission", relay->srv);
	bool ok =
	    dns_records(name, DNS_SRV, c->dns_server,
	                clock_deadline(relay->connect_timeout * 1000), &records, &result, f);
	if (ok && result == DNS_FOUND)
		add_records(out, relay, &records, false);
	if (ok && out->count == 0)
		ok = fault_set(f, FAULT_RELAY, "no mail submission service at %s: check srv",
		               name);
	else if (!ok)
		f->class = FAULT_RELAY;
	free(name);
	return ok;
}

static bool find_mx(const struct config *c, const struct config_relay *relay,
                    const char *domain, struct servers *out, struct fault *f)
{
	struct dns_records records;
	enum dns_result result;
	if (domain[0] == '[') {
		add_server(out, relay, domain, relay->ports, relay->port_count);
		return true;
	}
	if (!dns_records(domain, DNS_MX, c->dns_server,
	                 clock_deadline(relay->connect_timeout * 1000), &records, &result, f)) {
		f->class = FAULT_RELAY;
		return false;
	}
	if (result == DNS_NO_NAME)
		return fault_set(f, FAULT_RELAY, "the domain %s does not exist", domain);
	out->no_mail = result == DNS_FOUND && records.count == 1 && !records.at[0].target[0];
	if (result == DNS_FOUND)
		add_records(out, relay, &records, true);
	else /* RFC 5321 section 5.1: without MX the domain itself */
		add_server(out, relay, domain, relay->ports, relay->port_count);
	if (out->count == 0 && !out->no_mail)
		return fault_set(f, FAULT_RELAY, "no MX of %s names a server", domain);
	return true;
}

bool servers_find(const struct config *c, const struct config_relay *relay, const char *domain,
                  struct servers *out, struct fault *f)
{
	memset(out, 0, sizeof(*out));
	if (relay->srv)
		return find_srv(c, relay, out, f);
	if (relay->mx)
		return find_mx(c, relay, domain ? domain : "", out, f);
	if (relay->socket)
		add_server(out, relay, NULL, NULL, 0);
	for (size_t i = 0; i < relay->host.count; i++)
		add_server(out, relay, relay->host.words[i], relay->ports, relay->port_count);
	return true;
}

void servers_release(struct servers *s)
{
	for (size_t i = 0; i < s->count; i++) {
		free(s->at[i].host);
		free(s->at[i].ports);
	}
	s->count = 0;
}

static char *server_key(const struct server *s)
{
	if (!s->host)
		return mem_printf("%s socket %s", s->relay->name, s->relay->socket);
	return mem_printf("%s %s %d/%zu", s->relay->name, s->host,
	                  s->port_count ? s->ports[0] : 0, s->port_count);
}

void obituary_release(struct obituary *o)
{
	for (size_t i = 0; i < o->count; i++)
		free(o->at[i].key);
	free(o->at);
	memset(o, 0, sizeof(*o));
}

static struct death *find_key(struct obituary *o, const char *key)
{
	for (size_t i = 0; i < o->count; i++)
		if (strcmp(o->at[i].key, key) == 0)
			return &o->at[i];
	return NULL;
}

static struct death *add_key(struct obituary *o, const char *key)
{
	o->at = mem_grow(o->at, &o->cap, o->count + 1, sizeof(*o->at));
	struct death *death = &o->at[o->count++];
	memset(death, 0, sizeof(*death));
	death->key = mem_copy(str_of(key));
	return death;
}

const struct death *obituary_find(struct obituary *o, const struct hold *h,
                                  const struct server *server, bool ask_again)
{
	struct dead d;
	int64_t now = clock_wall();
	char *key = server_key(server);
	struct death *death = find_key(o, key);
	if (!death && !ask_again && dead_get(h, key, now, &d) && d.until > now) {
		death = add_key(o, key);
		death->until = d.until;
		fault_set(&death->why, FAULT_RELAY, "%s (not asked again before its time)",
		          d.why);
	}
	free(key);
	return death;
}

/* A lack on our side says nothing of the server, and is over with this process. */
static bool is_our_own(int sys)
{
	return sys == EMFILE || sys == ENFILE || sys == ENOMEM || sys == ENOBUFS ||
	       sys == EACCES || sys == EPERM;
}

void obituary_add(struct obituary *o, const struct hold *h, const struct server *server,
                  const struct fault *why, bool remember)
{
	struct dead d;
	int64_t now = clock_wall();
	char *key = server_key(server);
	struct death *death = find_key(o, key);
	if (!death)
		death = add_key(o, key);
	death->why = *why;
	death->seen = true;
	if (remember && !is_our_own(why->sys))
		dead_set(h, key, now, why->text);
	death->until = dead_get(h, key, now, &d) ? d.until : 0;
	free(key);
}

void obituary_clear(struct obituary *o, const struct hold *h, const struct server *server)
{
	char *key = server_key(server);
	if (!find_key(o, key))
		dead_clear(h, key);
	free(key);
}
