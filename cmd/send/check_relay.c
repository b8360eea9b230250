/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cmd/send/check_relay.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "os/clock.h"
#include "cmd/place_access.h"
#include "cmd/send/check_table.h"
#include "mail/addr.h"
#include "conf/secret.h"
#include "net/dial.h"
#include "net/dns.h"
#include "net/tls.h"
#include "transport/route.h"
#include "transport/servers.h"

#define DAY             86400
#define PORT_SUBMISSION 587
#define ADVICE_MAX      512
#define EXTENSION_MAX   256

/* How far it came with a server. */
struct met {
	const struct check_order *order;
	const struct settings_relay *relay;
	const char *name; /* the server's */
	bool encrypted, logged_in;
	struct session_contact contact;
};

/* Of a password that cannot be had: what to do is known by errno. */
static void advise_secret(const struct met *m, const struct fault *f, char to[ADVICE_MAX])
{
	const struct place *p = m->order->place;
	const char *named = m->relay->password_file, *file = named ? named : "FILE";
	const char *other = named ? ", or correct password_file" : "";
	const char *handed =
	    secret_from_outside(m->relay) ? ", where it is handed to this container" : "";
	if (m->relay->oauth && (p->personal || place_may_act(p)))
		snprintf(to, ADVICE_MAX, "%s",
		         "see what the provider says; sendmail --login logs in again");
	else if (!p->personal && !place_may_act(p))
		snprintf(to, ADVICE_MAX, "only Postern may read it: run the check as root");
	else if (f->sys == EACCES && !p->personal)
		snprintf(to, ADVICE_MAX,
		         "chgrp " POSTERN_GROUP " %s && chmod 640 %s lets Postern read it%s",
		         file, file, handed);
	else if (f->sys == EACCES)
		snprintf(to, ADVICE_MAX, "it has to be yours: chown %lu %s && chmod 600 %s%s",
		         (unsigned long)getuid(), file, file, handed);
	else if (f->sys == ENOENT && !p->personal)
		snprintf(to, ADVICE_MAX,
		         "make it: install -m 640 -o root -g " POSTERN_GROUP
		         " /dev/null %s, then write the password into it%s",
		         file, other);
	else if (f->sys == ENOENT)
		snprintf(to, ADVICE_MAX, "make it: (umask 077; editor %s)%s", file, other);
	else if (f->sys == EPERM && named)
		snprintf(to, ADVICE_MAX,
		         "password_file is to be closed to others: chmod %s %s%s",
		         p->personal ? "600" : "640", file, handed);
	else if (f->sys == ENODATA && named)
		snprintf(to, ADVICE_MAX,
		         "write the password into the first line of password_file, %s", file);
	else
		snprintf(to, ADVICE_MAX, "%s", cause_row(f->cause)->hint);
}

/* One code is for "log in", for "encrypt first" and for "not with this account"; which
 * of them it can be is known by what there was. */
static const char *advice_on_account(const struct met *m)
{
	bool offered = m->contact.has_starttls;
	if (!m->encrypted && offered)
		return m->logged_in ? "set security = starttls"
		                    : "set security = starttls first; if it then wants a "
		                      "login, user and password_file";
	if (!m->encrypted && !m->logged_in)
		return "it offers no encryption on this port: try its other port, with "
		       "security = tls or starttls; or log in here (user, password_file)";
	return m->logged_in ? "this login does not do for it: check user, from and auth"
	                    : "log in: set user and password_file";
}

/* Of a login that did not begin. In clear, only what the server offers there can help. */
static const char *advice_on_login(const struct met *m)
{
	const struct session_contact *c = &m->contact;
	bool mixed = m->relay->security == SECURITY_OPPORTUNISTIC;
	if (!m->encrypted && c->has_starttls)
		return "set security = starttls";
	if (!m->encrypted && !c->has_auth)
		return "this server offers neither a login nor encryption on this port: try "
		       "its other port";
	if (c->withheld && mixed && m->relay->allow_cleartext_auth)
		return "this server offers no encryption on this port: try its other port, or "
		       "security = none if nobody can listen on the way";
	if (c->withheld && mixed)
		return "this server offers no encryption on this port: try its other port, or "
		       "allow_cleartext_auth = yes with security = none if nobody can listen "
		       "on the way";
	if (c->withheld)
		return "this server offers no encryption on this port: try its other port, or "
		       "allow_cleartext_auth = yes if nobody can listen on the way";
	if (c->has_auth && m->relay->auth.mechanisms)
		return "set auth to one that the server offers, or remove it";
	return cause_row(CAUSE_NO_LOGIN)->hint;
}

/* Which account was tried, and where its password came from. */
static void advise_account(const struct met *m, char to[ADVICE_MAX])
{
	const struct settings_relay *r = m->relay;
	if (r->oauth)
		snprintf(to, ADVICE_MAX,
		         "check user, %s, scope, and that SMTP is allowed for this account",
		         r->user);
	else if (r->password_file)
		snprintf(to, ADVICE_MAX, "check user, %s, and the password in %s", r->user,
		         r->password_file);
	else
		snprintf(to, ADVICE_MAX, "check user, %s, and its password", r->user);
}

/* Of what the server showed when TLS began. */
static const char *advice_on_tls(const struct met *m, enum cause cause)
{
	switch (m->contact.tls_flaw) {
	case TLS_FLAW_DATE:
		return "see whether this host's clock is right; else tell whose server it is, "
		       "and use another host of theirs, or, if you know the certificate, pin "
		       "it for now with tls_fingerprint";
	case TLS_FLAW_CA_DATE:
		return "see whether this host's clock is right; else tell whose server it is, "
		       "or name a newer file of its CA in tls_trust";
	case TLS_FLAW_NAME:
		return "set host to a name in the certificate, or tls_name if you know that "
		       "this server bears it";
	case TLS_FLAW_OWN:
		return "get the certificate from whose server it is: its file is for "
		       "tls_trust, or its pin, if it is the one above, for tls_fingerprint";
	case TLS_FLAW_NO_ROOTS:
		return "install those that systems trust, the package ca-certificates; or name "
		       "the CA's file in tls_trust";
	case TLS_FLAW_PIN:
		return "ask whose server it is whether that certificate is theirs; then "
		       "tls_fingerprint is to be this one";
	case TLS_FLAW_UNUSABLE:
		return "tell whose server it is; use another host of theirs, or, if you know "
		       "the certificate, pin it for now with tls_fingerprint";
	case TLS_FLAW_CLEAR:
		return "set security = starttls, or the port on which it begins with TLS "
		       "(465?)";
	case TLS_FLAW_SIGNER:
	case TLS_FLAW_NONE:
		break;
	}
	return cause_row(cause)->hint;
}

/* A check waits less than a message, which may come through all the same. */
static void advise_silence(const struct met *m, const struct fault *f, char to[ADVICE_MAX])
{
	bool mute = f->cause == CAUSE_NO_GREETING && !m->encrypted;
	const char *port = m->contact.port == PORT_SUBMISSION ? " another host or port?"
	                                                      : ", for starttls, port = 587?";
	if (mute)
		snprintf(to, ADVICE_MAX,
		         "security = tls? or%s (a check waits %d s, a message %lld s)", port,
		         SESSION_SILENT_MS / 1000, (long long)m->relay->timeout_ms / 1000);
	else
		snprintf(to, ADVICE_MAX, "a check waits %d s, a message %lld s",
		         (f->cause == CAUSE_SILENT ? SESSION_CHECK_MS : SESSION_SILENT_MS) /
		             1000,
		         (long long)m->relay->timeout_ms / 1000);
}

/* Of a name that DNS does not have: which key it came from. */
static const char *advice_on_name(const struct met *m)
{
	if (m->relay->srv)
		return "look at the spelling of srv, and at /etc/resolv.conf";
	if (m->relay->mx)
		return m->order->place->config.admin
		           ? "look at the spelling of admin, and at /etc/resolv.conf"
		           : "look at the spelling of the alias of root, and at "
		             "/etc/resolv.conf";
	return cause_row(CAUSE_NO_NAME)->hint;
}

static bool by_way_of_proxy(const struct met *m, enum cause cause)
{
	return m->relay->proxy.host &&
	       (cause == CAUSE_NOT_LISTENING || cause == CAUSE_UNREACHABLE ||
	        cause == CAUSE_NO_CONNECTION);
}

static void advise(const struct met *m, const struct fault *f, char to[ADVICE_MAX])
{
	const struct settings *c = &m->order->place->config;
	if (f->cause == CAUSE_NO_PASSWORD)
		advise_secret(m, f, to);
	else if (f->cause == CAUSE_AUTH_NEEDED)
		snprintf(to, ADVICE_MAX, "%s", advice_on_account(m));
	else if (f->cause == CAUSE_LOGIN_REFUSED && m->relay->user)
		advise_account(m, to);
	else if (f->cause == CAUSE_NO_LOGIN)
		snprintf(to, ADVICE_MAX, "%s", advice_on_login(m));
	else if (f->cause == CAUSE_NO_GREETING || f->cause == CAUSE_SILENT)
		advise_silence(m, f, to);
	else if (f->cause == CAUSE_CERTIFICATE || f->cause == CAUSE_TLS)
		snprintf(to, ADVICE_MAX, "%s", advice_on_tls(m, f->cause));
	else if (f->cause == CAUSE_LOOKUP && f->sys == ETIMEDOUT)
		snprintf(to, ADVICE_MAX, "no name server answered within %lld s: look at %s",
		         (long long)m->relay->connect_timeout_ms / 1000,
		         c->dns_servers.count ? "server in [dns], and the network"
		                              : "/etc/resolv.conf and the network");
	else if (f->cause == CAUSE_NO_NAME)
		snprintf(to, ADVICE_MAX, "%s", advice_on_name(m));
	else if (by_way_of_proxy(m, f->cause))
		snprintf(to, ADVICE_MAX, "look at proxy, and at host and port");
	else if (f->cause == CAUSE_DEFERRED)
		snprintf(to, ADVICE_MAX,
		         "it may take it later (a limit, greylisting): check again");
	else if (f->cause == CAUSE_NO_SUCH_USER)
		snprintf(to, ADVICE_MAX, "check %s", c->admin ? "admin" : "the alias of root");
	else if (f->cause == CAUSE_RCPT_REFUSED && m->logged_in)
		snprintf(to, ADVICE_MAX, "check admin: does this relay take mail for it?");
	else
		snprintf(to, ADVICE_MAX, "%s", cause_row(f->cause)->hint);
}

/* what: the command that was refused, or "". */
static bool failed(const struct met *m, int64_t ms, const char *what, const struct fault *f)
{
	const char *colon = what[0] ? ": " : "";
	if (f->code > 0)
		check_table_row("FAILED", ms, "%s%s%s said: %d%s%s %s", what, colon, m->name,
		                f->code, f->status[0] ? " " : "", f->status, f->text);
	else
		check_table_row("FAILED", ms, "%s%s%s", what, colon, f->text);
	char advice[ADVICE_MAX];
	advise(m, f, advice);
	if (advice[0])
		check_table_advice("%s", advice);
	return false;
}

static void print_trust(const struct settings_relay *r)
{
	if (r->tls_trust.mode == TLS_TRUST_NONE && r->tls_fingerprint.count == 0)
		check_table_row(
		    "warning", -1,
		    "trusted by nothing: with tls_trust = none anybody on the way can "
		    "pose as this server");
	else if (r->tls_fingerprint.count > 0)
		check_table_row("trusted by", -1, "its pin, in tls_fingerprint");
	else if (r->tls_trust.file)
		check_table_row("trusted by", -1, "a CA in %s", r->tls_trust.file);
	else
		check_table_row("trusted by", -1, "a CA of the system");
}

static void print_tls(const struct settings_relay *r, const struct session_facts *s)
{
	const struct tls_info *t = s->tls;
	char when[64] = "unknown";
	time_t expires = (time_t)t->expires;
	check_table_row("TLS", s->tls_ms, "%s, %s", t->protocol, t->cipher);
	check_table_row("certificate", -1, "%s, issued by %s", t->subject, t->issuer);
	struct tm tm;
	if (expires && gmtime_r(&expires, &tm))
		strftime(when, sizeof(when), "%Y-%m-%d", &tm);
	check_table_row("expires", -1, "%s (%lld days)", when,
	                (long long)((t->expires - clock_wall()) / DAY));
	print_trust(r);
	check_table_row("pin", -1, "tls_fingerprint = %s", t->pin);
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
	char text[EXTENSION_MAX] = "";
	size_t len = 0;
	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		if (all[i].has)
			len += (size_t)snprintf(text + len, sizeof(text) - len, "%s%s",
			                        len > 0 ? " " : "", all[i].name);
	if (e->size && e->size_max)
		snprintf(text + len, sizeof(text) - len, "%sSIZE=%llu", len > 0 ? " " : "",
		         (unsigned long long)e->size_max);
	if (text[0])
		check_table_row("extensions", -1, "%s", text);
}

/* The look-up by itself, which the connection then repeats. False: nobody answers, so
 * that nothing else can be seen. */
static bool look_up(const struct met *m, const struct server *server)
{
	static struct dns_addresses found;
	const struct settings_relay *r = m->relay;
	struct fault f = FAULT_INIT;
	struct host_address address;
	int64_t begin = clock_mono_ms();
	if (!server->host || r->proxy.host || host_address(str_of(server->host), &address))
		return true;
	enum dns_result result;
	if (!dns_addresses(server->host, AF_UNSPEC, &m->order->place->config.dns_servers,
	                   clock_deadline(r->connect_timeout_ms), &found, &result, &f)) {
		fault_cause(&f, CAUSE_LOOKUP);
		return failed(m, clock_mono_ms() - begin, "", &f);
	}
	if (result == DNS_FOUND)
		check_table_row("looked up", clock_mono_ms() - begin, "%zu address%s",
		                found.count, found.count == 1 ? "" : "es");
	return true; /* else the connection fails for that reason, and says it */
}

/* One sender, with the recipient if there is one. */
static bool ask(const struct met *m, struct session *s, const struct check_sender *from,
                const char *rcpt, bool *mail)
{
	struct session_probe p = {.sender = from->mailbox, .rcpt = rcpt};
	struct fault f = FAULT_INIT;
	char what[ADVICE_MAX] = "RSET";
	bool ok = session_probe(s, &p, &f);
	*mail = ok || p.failed > STEP_MAIL;
	if (*mail)
		check_table_row("sender", p.ms[STEP_MAIL], "MAIL FROM:<%s> accepted (%s)",
		                from->mailbox, from->why);
	if (rcpt && (ok || p.failed > STEP_RCPT))
		check_table_row("recipient", p.ms[STEP_RCPT], "RCPT TO:<%s> accepted", rcpt);
	if (p.ms[STEP_RSET] >= 0)
		check_table_row("reset", p.ms[STEP_RSET], "RSET: nothing is sent");
	if (ok)
		return true;
	if (p.failed == STEP_MAIL)
		snprintf(what, sizeof(what), "MAIL FROM:<%s> (%s)", from->mailbox, from->why);
	else if (p.failed == STEP_RCPT)
		snprintf(what, sizeof(what), "RCPT TO:<%s>", rcpt);
	return failed(m, p.ms[p.failed], what, &f);
}

/* A relay for some senders only may name one of them. */
static const char *sender_named(const struct settings_relay *r)
{
	for (size_t i = 0; i < r->senders.count; i++) {
		struct str word = str_of(r->senders.words[i]);
		size_t at = str_find(word, '@');
		if (str_find(word, '*') == STR_NONE && at != STR_NONE && at > 0)
			return r->senders.words[i];
	}
	return NULL;
}

static bool ask_all(const struct met *m, struct session *s)
{
	const struct check_order *o = m->order;
	const char *rcpt = o->rcpt && route_to(m->relay, str_of(o->rcpt)) ? o->rcpt : NULL;
	const char *left = rcpt, *named = sender_named(m->relay);
	bool ok = true, mail = false;
	size_t asked = 0;
	for (size_t i = 0; i < o->sender_count && session_usable(s); i++) {
		if (!route_from(m->relay, str_of(o->senders[i].mailbox)))
			continue;
		asked++;
		ok = ask(m, s, &o->senders[i], left, &mail) && ok;
		left = mail ? NULL : left;
	}
	if (asked == 0 && named) {
		const struct check_sender from = {(char *)(uintptr_t)named,
		                                  "senders of the relay"};
		ok = ask(m, s, &from, left, &mail) && ok;
	} else if (asked == 0) {
		check_table_row(
		    "sender", -1,
		    "MAIL is left out: no sender is known whose mail goes to this relay");
	}
	if (!rcpt)
		check_table_row("recipient", -1, "RCPT is left out: %s",
		                o->rcpt ? "this relay takes no mail for admin"
		                        : "there is no admin, and no alias of root");
	return ok;
}

/* Up to the login, or to where it failed. A certificate that was refused may have to be
 * pinned, if it is the right one all the same. */
static void print_way(void *context, const struct session_facts *facts,
                      const struct session_contact *contact)
{
	const struct met *m = context;
	check_table_row("connected", facts->dialed_ms, "%s", contact->peer);
	if (contact->refused_pin[0]) {
		check_table_row("certificate", -1, "%s", contact->refused_names);
		check_table_row("refused pin", -1, "tls_fingerprint = %s",
		                contact->refused_pin);
	}
	if (facts->tls)
		print_tls(m->relay, facts);
	else if (contact->auth[0]) /* it came to its login */
		check_table_row("TLS", -1, "none: the connection is in clear");
	if (facts->ehlo)
		print_extensions(facts->ehlo);
}

static void print_opened(struct met *m, const struct session *s)
{
	const struct session_facts *facts = session_facts(s);
	print_way(m, facts, session_contact(s));
	check_table_row("our name", -1, "%.*s", STR_FMT(facts->helo));
	if (secret_is_shared(m->relay))
		check_table_row("password", -1, "%s: all in this container can read it",
		                m->relay->password_file);
	check_table_row("login", facts->login_ms, "%s",
	                facts->auth[0] ? facts->auth : "none asked for");
}

static bool open_and_ask(struct met *m, const struct server *server)
{
	struct session_target target = {
	    .relay = server->relay, .host = server->host, .port = server->port};
	struct session_contact *contact = &m->contact;
	struct fault f = FAULT_INIT;
	int64_t begin = clock_mono_ms();
	struct session_env env = *m->order->env;
	env.look = print_way;
	env.look_context = m;
	struct session *s = session_open(&env, &target, contact, &f);
	m->encrypted = contact->tls[0] && strcmp(contact->tls, "no") != 0;
	if (!s) {
		if (contact->peer[0])
			m->name = contact->peer;
		return failed(m, clock_mono_ms() - begin, "", &f);
	}
	m->name = session_peer(s);
	m->logged_in = session_facts(s)->auth[0] != '\0';
	print_opened(m, s);
	bool ok = ask_all(m, s);
	session_close(s);
	if (ok)
		check_table_row("passed", clock_mono_ms() - begin, "every step that was tried");
	return ok;
}

static bool check_server(const struct check_order *o, const struct server *server)
{
	char *name = server_text(server);
	struct met m = {.order = o, .relay = server->relay, .name = name};
	check_table_head("relay %s: %s", server->relay->name, name);
	bool ok = look_up(&m, server) && open_and_ask(&m, server);
	free(name);
	return ok;
}

bool check_relay(const struct check_order *o, const struct settings_relay *relay)
{
	struct fault f = FAULT_INIT;
	struct met m = {.order = o, .relay = relay, .name = relay->name};
	int64_t begin = clock_mono_ms();
	bool ok = true, known = o->rcpt && route_to(relay, str_of(o->rcpt));
	if (relay->mx && !known) {
		check_table_head("relay %s: delivers to each domain's MX", relay->name);
		check_table_row("recipient", -1, "nothing is tried: %s",
		                o->rcpt ? "this relay takes no mail for admin"
		                        : "there is no admin, and no alias of root");
		return true;
	}
	char *domain = relay->mx ? mem_copy(addr_domain(str_of(o->rcpt))) : NULL;
	const char *whose = domain ? domain : relay->srv ? relay->srv : "";
	struct servers servers;
	if (!servers_find(&o->place->config, relay, domain, &servers, &f)) {
		check_table_head("relay %s: the servers of %s", relay->name, whose);
		ok = failed(&m, clock_mono_ms() - begin, "", &f);
	} else if (servers.no_mail) {
		check_table_head("relay %s: the servers of %s", relay->name, whose);
		check_table_row("FAILED", clock_mono_ms() - begin, "%s takes no mail", domain);
		check_table_advice("check admin");
		ok = false;
	}
	for (size_t i = 0; i < servers.count; i++)
		ok = check_server(o, &servers.at[i]) && ok;
	servers_release(&servers);
	free(domain);
	return ok;
}
