/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cmd/check.h"

#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "net/dial.h"
#include "net/dns.h"
#include "net/tls.h"
#include "transport/narrowing.h"
#include "transport/servers.h"
#include "transport/session.h"

#define DAY 86400

static void print_line(void *context, bool sent, struct str line)
{
	(void)context;
	fprintf(stderr, "%s %.*s\n", sent ? ">>>" : "<<<", STR_FMT(line));
}

static void row_of(const char *step, int64_t ms, const char *text)
{
	if (ms >= 0)
		printf("  %-12s %6lld ms  %s\n", step, (long long)ms, text);
	else
		printf("  %-12s %9s  %s\n", step, "", text);
}

static void print_tls(const struct session_facts *s)
{
	const struct tls_info *t = s->tls;
	char when[64] = "unknown";
	time_t expires = (time_t)(t ? t->expires : 0);
	struct tm tm;
	if (!t) {
		row_of("TLS", -1, "none: the connection is in clear");
		return;
	}
	printf("  %-12s %6lld ms  %s, %s\n", "TLS", (long long)s->tls_ms, t->protocol,
	       t->cipher);
	printf("  %-12s %9s  %s, issued by %s\n", "certificate", "", t->subject, t->issuer);
	if (expires && gmtime_r(&expires, &tm))
		strftime(when, sizeof(when), "%Y-%m-%d", &tm);
	printf("  %-12s %9s  %s (%lld days), trusted by %s\n", "expires", "", when,
	       (long long)((t->expires - clock_wall()) / DAY), t->trust);
}

static void print_extensions(const struct ehlo *e)
{
	const struct {
		bool has;
		const char *name;
	} all[] = {{e->pipelining, "PIPELINING"},
	           {e->chunking, "CHUNKING"},
	           {e->eightbitmime, "8BITMIME"},
	           {e->smtputf8, "SMTPUTF8"},
	           {e->dsn, "DSN"},
	           {e->enhanced, "ENHANCEDSTATUSCODES"},
	           {e->requiretls, "REQUIRETLS"}};
	printf("  %-12s %9s ", "extensions", "");
	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		if (all[i].has)
			printf(" %s", all[i].name);
	if (e->size && e->size_max)
		printf(" SIZE=%llu", (unsigned long long)e->size_max);
	printf("\n");
}

/* The look-up by itself, which the connection then repeats. */
static void check_name(const struct place *p, const struct server *server)
{
	static struct dns_addresses found;
	enum dns_result result;
	struct fault f = FAULT_INIT;
	char text[80], address[64];
	int64_t begin = clock_mono_ms();
	int64_t deadline = clock_deadline(server->relay->connect_timeout * 1000);
	if (!server->host || server->relay->proxy || dial_is_address(server->host, address))
		return;
	if (!dns_addresses(server->host, AF_UNSPEC, p->config.dns_server, deadline, &found,
	                   &result, &f))
		return; /* the connection fails for the same reason, and says it */
	snprintf(text, sizeof(text), "%zu address%s", found.count,
	         found.count == 1 ? "" : "es");
	row_of("looked up", clock_mono_ms() - begin, text);
}

/* Of a password that cannot be had: what to do is known by errno. */
static const char *secret_advice(const struct place *p, const struct fault *f)
{
	if (f->sys == EACCES && !p->personal && !place_may_act(p))
		return "only Postern may read it: run the check as root";
	if (f->sys == EACCES)
		return "chgrp " POSTERN_GROUP " FILE && chmod 640 FILE lets Postern read it";
	if (f->sys == ENOENT)
		return "make it: (umask 077; editor FILE); in system mode then "
		       "chgrp " POSTERN_GROUP " FILE && chmod 640 FILE";
	return cause_row(f->cause)->hint;
}

static void failed(const struct place *p, int64_t ms, const struct server *server,
                   const struct session_contact *contact, const struct fault *f)
{
	const struct cause_row *row = cause_row(f->cause);
	const char *what = f->cause == CAUSE_NO_PASSWORD ? secret_advice(p, f) : row->hint;
	char *name = server ? server_text(server) : NULL;
	struct verdict v = {.cause = CAUSE_NONE};
	char text[VERDICT_LINE_MAX];
	verdict_set_fault(&v, f, NULL, contact && contact->peer[0] ? contact->peer : name);
	verdict_line(&v, text);
	row_of("FAILED", ms, text);
	/* What a server said has its advice behind it already. */
	if (what[0] && f->code == 0)
		row_of("to do", -1, what);
	verdict_release(&v);
	free(name);
}

static bool check_server(const struct place *p, const struct session_env *env,
                         const struct server *server)
{
	struct session_target target = {
	    .relay = server->relay, .host = server->host, .port = server->port};
	struct session_contact contact;
	struct fault f = FAULT_INIT;
	char *name = server_text(server);
	printf("relay %s: %s\n", server->relay->name, name);
	free(name);
	check_name(p, server);
	int64_t begin = clock_mono_ms();
	struct session *s = session_open(env, &target, &contact, &f);
	if (!s) {
		failed(p, clock_mono_ms() - begin, server, &contact, &f);
		return false;
	}
	const struct session_facts *facts = session_facts(s);
	char text[300];
	row_of("connected", facts->dialed_ms, session_peer(s));
	print_tls(facts);
	print_extensions(facts->ehlo);
	snprintf(text, sizeof(text), "%s", facts->auth[0] ? facts->auth : "none asked for");
	row_of("login", facts->login_ms, text);
	row_of("ready", facts->ready_ms, "a message would be taken now");
	session_close(s);
	return true;
}

static bool check_relay(const struct place *p, const struct session_env *env,
                        const struct config_relay *relay)
{
	struct servers servers;
	struct fault f = FAULT_INIT;
	bool ok = true;
	if (relay->mx) {
		printf("relay %s: delivers to each domain's MX: nothing to log in to\n",
		       relay->name);
		return true;
	}
	if (!servers_find(&p->config, relay, NULL, &servers, &f)) {
		printf("relay %s:\n", relay->name);
		failed(p, -1, NULL, NULL, &f);
		return false;
	}
	for (size_t i = 0; i < servers.count; i++)
		ok = check_server(p, env, &servers.at[i]) && ok;
	servers_release(&servers);
	return ok;
}

static const struct config_relay *relay_named(const struct config *c, const char *name)
{
	for (size_t i = 0; i < c->relay_count; i++)
		if (strcmp(c->relays[i].name, name) == 0)
			return &c->relays[i];
	fprintf(stderr, "sendmail: --check: %s has no [relay %s]\n", c->path, name);
	return NULL;
}

int check_relays(struct place *p, char *const *names, size_t count, bool verbose)
{
	const struct config *c = &p->config;
	struct session_env env = {
	    .config = c, .trace = verbose ? print_line : NULL, .checks = true};
	struct fault f = FAULT_INIT;
	bool ok = true;
	if (!place_become(p, &f)) {
		fprintf(stderr, "sendmail: --check: %s\n", f.text);
		return fault_exit(f.class);
	}
	place_names(p);
	env.hostname = p->hostname;
	for (size_t i = 0; i < count; i++)
		if (!relay_named(c, names[i]))
			return fault_exit(FAULT_USAGE);
	narrowing(c, NULL);
	for (size_t i = 0; i < count; i++)
		ok = check_relay(p, &env, relay_named(c, names[i])) && ok;
	for (size_t i = 0; count == 0 && i < c->relay_count; i++)
		ok = check_relay(p, &env, &c->relays[i]) && ok;
	return ok ? 0 : fault_exit(FAULT_TEMP);
}
