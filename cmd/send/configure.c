/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cmd/send/configure.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cmd/output.h"
#include "cmd/send/configure_find.h"
#include "mail/addr.h"
#include "net/dns.h"
#include "submit/this_host.h"
#include "transport/sandbox_policy.h"
#include "transport/session.h"

#define TEXT_MAX         16384
#define PORT_SUBMISSION  587
#define EXIT_UNAVAILABLE fault_exit(FAULT_REFUSED)

struct search {
	struct settings net; /* how this host reaches the network: of -C */
	struct this_host host;
	struct buf address; /* in wire form */
	char domain[DNS_NAME_MAX];
	struct configure_guesses guesses;
};

static void print_note(void *context, bool warning, const char *text)
{
	(void)context;
	fprintf(stderr, "sendmail: %s%s\n", warning ? "warning: " : "", text);
}

static void ignore_note(void *context, bool warning, const char *text)
{
	(void)context, (void)warning, (void)text;
}

/* ---- the text ---- */

/* What -C says of the way to the network holds for this relay too. */
static bool add_net(const struct search *s, struct buf *out)
{
	static const char *const keys[] = {"tls_trust", "family", "source", "proxy"};
	bool ok = true;
	for (size_t i = 0; ok && i < COUNT(keys); i++)
		ok = settings_write_key(&s->net, &s->net.relays[0], keys[i], out);
	return ok;
}

static bool add_dns(const struct search *s, struct buf *out)
{
	return s->net.dns_servers.count == 0 ||
	       (buf_addf(out, "[dns]\n") && settings_write_key(&s->net, NULL, "server", out) &&
	        buf_add_char(out, '\n'));
}

static bool add_target(const struct configure_guess *g, struct buf *out)
{
	bool ok = g->provider ? buf_addf(out, "provider = %s\n", g->provider->name)
	                      : buf_addf(out, "host = %s\n", g->host);
	return ok && (g->port == 0 || buf_addf(out, "port = %d\nsecurity = %s\n", g->port,
	                                       g->tls ? "tls" : "starttls"));
}

/* The relay alone, without a login and with short waits. */
static bool write_trial(const struct search *s, const struct configure_guess *g,
                        struct buf *out)
{
	return add_dns(s, out) && buf_addf(out, "[relay]\n") && add_target(g, out) &&
	       add_net(s, out) &&
	       buf_addf(out, "auth = none\nconnect_timeout = 5s\ntimeout = 8s\n");
}

static bool add_oauth(struct buf *out)
{
#ifdef HAVE_OAUTH
	return buf_addf(out,
	                "# Passwords have ended there. This is the id of an application that "
	                "you have\n# registered with the provider; then run "
	                "\"sendmail --login\".\n"
	                "client_id = id-of-your-application\n");
#else
	return buf_addf(out, "# Passwords have ended there: the command prints an "
	                     "access token of OAuth 2.\n"
	                     "password_command = /usr/local/bin/access-token\n");
#endif
}

/* Root's is for the system, that of others beside their own configuration. */
static const char *password_file(void)
{
	return getuid() == 0 ? POSTERN_SYSCONFDIR "/postern.secret" : "postern.secret";
}

static bool add_login(const struct search *s, const struct provider *p, struct buf *out)
{
	struct str address = buf_str(&s->address);
	if (p && p->local_user)
		address = addr_local(address);
	if (!buf_addf(out, "user = %.*s\n", STR_FMT(address)))
		return false;
	if (p && p->oauth && !p->passwords)
		return add_oauth(out);
	bool ok =
	    getuid() == 0
	        ? buf_addf(out,
	                   "# Its first line is the password; root and Postern alone read "
	                   "it:\n# install -m 640 -o root -g " POSTERN_GROUP " /dev/null %s\n",
	                   password_file())
	        : buf_addf(out, "# Its first line is the password; nobody else may "
	                        "read it.\n");
	return ok && buf_addf(out, "password_file = %s\n", password_file());
}

static bool write_whole(const struct search *s, const struct configure_guess *g,
                        struct buf *out)
{
	const struct provider *p = g->provider;
	bool ok =
	    buf_addf(out,
	             "# A configuration of Postern, for " POSTERN_SYSCONFDIR "/postern.conf\n"
	             "# or, of a user alone, ~/.config/postern.conf. \"sendmail --check\"\n"
	             "# then tries it with the login, and sends no mail.\n\n"
	             "[mail]\nfrom = %.*s\n\n",
	             STR_FMT(buf_str(&s->address))) &&
	    add_dns(s, out) &&
	    buf_addf(out, "[relay]\n# Found so: %s.\n%s", g->why,
	             g->foreign ? "# It is not in the domain, and DNS can be forged: make sure "
	                          "that it is your\n# provider's before a password goes "
	                          "there.\n"
	                        : "");
	if (ok && p && p->todo)
		ok = buf_addf(out, "# First: %s.\n", p->todo);
	if (ok && p)
		ok = buf_addf(out, "# See %s\n", p->source);
	return ok && add_target(g, out) && add_net(s, out) && add_login(s, p, out);
}

/* As it will be read: what could not stand in a file is found here. */
static bool reads_well(const struct search *s, const struct buf *text)
{
	struct settings c;
	struct str address = buf_str(&s->address);
	bool good = settings_parse(buf_str(text), "configuration", true, &c, ignore_note, NULL);
	good = good && c.from && c.relay_count == 1 && str_eq(str_of(c.from), address) &&
	       c.relays[0].user && str_starts(address, str_of(c.relays[0].user));
	settings_release(&c);
	return good;
}

static bool put_out(const struct buf *text)
{
	fwrite(text->at, 1, text->len, stdout);
	return output_end("sendmail", 0) == 0;
}

/* ---- trying ---- */

static bool try_port(const struct search *s, const struct settings *c, int port)
{
	const struct settings_relay *r = &c->relays[0];
	const struct session_env env = {
	    .config = c, .hostname = s->host.hostname, .checks = true};
	const struct session_target target = {
	    .relay = r, .host = r->host.words[0], .port = port};
	struct session_contact contact;
	struct fault f = FAULT_INIT;
	struct session *open = session_open(&env, &target, &contact, &f);
	if (!open) {
		fprintf(stderr, "sendmail: %s:%d: %s\n", target.host, port, f.text);
		return false;
	}
	const struct session_facts *facts = session_facts(open);
	bool encrypted = facts->tls, login = facts->ehlo && facts->ehlo->auth;
	fprintf(stderr, "sendmail: %s:%d: answers%s\n", target.host, port,
	        login ? ", encrypted, with a login"
	              : ", encrypted; doubt: it offers no login to this host");
	session_close(open);
	return encrypted;
}

static bool try_guess(const struct search *s, const struct configure_guess *g)
{
	struct settings c;
	struct buf text;
	buf_init(&text, TEXT_MAX);
	bool works = false;
	bool good = write_trial(s, g, &text) &&
	            settings_parse(buf_str(&text), "trial", false, &c, ignore_note, NULL);
	for (size_t i = 0; good && !works && i < c.relays[0].port.count; i++)
		works = try_port(s, &c, c.relays[0].port.at[i]);
	settings_release(&c);
	buf_release(&text);
	return works;
}

/* Networks that close one of the two ports leave the other open. */
static bool try_ports(const struct search *s, struct configure_guess *g)
{
	struct configure_guess other = *g;
	if (try_guess(s, g))
		return true;
	for (int tls = 1; g->provider && tls >= 0; tls--) {
		other.tls = tls;
		other.port = tls ? SETTINGS_PORT_TLS : PORT_SUBMISSION;
		if (str_eq(str_of(g->provider->security), tls ? STR("tls") : STR("starttls")) ||
		    !try_guess(s, &other))
			continue;
		*g = other;
		return true;
	}
	return false;
}

static void warn_of(const struct configure_guess *g)
{
	if (g->foreign)
		fprintf(stderr,
		        "sendmail: doubt: %s is not in the domain, and DNS can be forged: make "
		        "sure that it is your provider's\n",
		        g->host);
	if (g->provider && g->provider->todo)
		fprintf(stderr, "sendmail: first: %s\n", g->provider->todo);
}

/* The first that works, or else what the table says: that is right even where the network
 * is not. */
static const struct configure_guess *choose(struct search *s)
{
	for (size_t i = 0; i < s->guesses.count; i++)
		if (try_ports(s, &s->guesses.at[i]))
			return &s->guesses.at[i];
	for (size_t i = 0; i < s->guesses.count; i++) {
		if (!s->guesses.at[i].provider)
			continue;
		fprintf(stderr, "sendmail: doubt: no port of %s could be tried from here\n",
		        s->guesses.at[i].provider->name);
		return &s->guesses.at[i];
	}
	return NULL;
}

/* Comments alone, so that nothing takes it for a configuration. */
static int give_template(const struct search *s)
{
	struct buf text;
	buf_init(&text, TEXT_MAX);
	fprintf(stderr,
	        "sendmail: --configure: no server was found for %s: ask whose mail service it "
	        "is for host and port, or see sendmail --providers\n",
	        s->domain);
	bool ok = buf_addf(&text,
	                   "# Nothing was found. With what your provider says, this would do:\n"
	                   "#\n# [mail]\n# from = %.*s\n#\n# [relay]\n"
	                   "# host = smtp.example.org\n# port = 465\n# security = tls\n"
	                   "# user = %.*s\n# password_file = %s\n",
	                   STR_FMT(buf_str(&s->address)), STR_FMT(buf_str(&s->address)),
	                   password_file()) &&
	          put_out(&text);
	buf_release(&text);
	return ok ? EXIT_UNAVAILABLE : fault_exit(FAULT_IO);
}

static int give(struct search *s, const struct configure_guess *g)
{
	struct buf text;
	buf_init(&text, TEXT_MAX);
	int code = fault_exit(FAULT_DATA);
	if (!write_whole(s, g, &text) || !reads_well(s, &text)) {
		fputs("sendmail: --configure: this address cannot stand in a configuration\n",
		      stderr);
	} else {
		warn_of(g);
		code = put_out(&text) ? 0 : fault_exit(FAULT_IO);
	}
	buf_release(&text);
	return code;
}

/* ---- the beginning ---- */

static bool take_address(struct search *s, const char *address, struct fault *f)
{
	if (!addr_parse_one(str_of(address), &s->address, f))
		return false;
	struct str domain = addr_domain(buf_str(&s->address));
	char *name = mem_copy(domain);
	bool good = host_is_name(domain) && str_find(domain, '.') != STR_NONE &&
	            dns_ascii(name, s->domain, f);
	free(name);
	return good || fault_set(f, FAULT_DATA,
	                         "--configure: an address such as "
	                         "you@example.org is expected");
}

static bool load_net(struct search *s, const char *path)
{
	if (path)
		return settings_load(path, true, getuid(), &s->net, print_note, NULL);
	return settings_parse(STR("[relay]\nmx = yes\n"), "none", true, &s->net, ignore_note,
	                      NULL);
}

int configure_main(const struct call *call)
{
	struct search s;
	memset(&s, 0, sizeof(s));
	buf_init(&s.address, 2 * ADDR_MAX);
	struct fault f = FAULT_INIT;
	int code = 0;
	if (call->operand_count > 0)
		fault_set(&f, FAULT_USAGE, "--configure: one address is taken");
	if (f.kind != FAULT_NONE || !take_address(&s, call->configure, &f)) {
		fprintf(stderr, "sendmail: %s\n", f.text);
		code = fault_exit(f.kind);
	} else if (!load_net(&s, call->config)) {
		code = fault_exit(FAULT_CONFIG);
	} else {
		this_host_find(&s.host, &s.net, NULL);
		sandbox_policy(&s.net, NULL);
		configure_find(s.domain, &s.net.dns_servers, &s.guesses);
		const struct configure_guess *g = choose(&s);
		code = g ? give(&s, g) : give_template(&s);
	}
	this_host_release(&s.host);
	settings_release(&s.net);
	buf_release(&s.address);
	return code;
}
