/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "conf/settings_check.h"

#include <stdlib.h>
#include <string.h>

#include "conf/settings_table.h"
#include "oauth/request.h"
#include "smtp/sasl_name.h"

#define PORT_SUBMISSION 587
#define PORT_SMTP       25

/* What the rules of one relay look at. */
struct view {
	const struct settings_relay *relay;
	const size_t *seen;
	struct settings_notes *notes;
	bool personal;
};

static size_t line_of(const size_t *seen, const char *section, const char *name)
{
	return seen[settings_row_index(settings_row_find(section, str_of(name)))];
}

static size_t relay_line(const struct view *v, const char *name)
{
	return line_of(v->seen, "relay", name);
}

static size_t later(size_t a, size_t b)
{
	return a > b ? a : b;
}

static void refuse(const struct view *v, size_t line, const char *what)
{
	settings_fault(v->notes, line, "relay %s: %s", v->relay->name, what);
}

static void warn(const struct view *v, size_t line, const char *what)
{
	settings_warning(v->notes, line, "relay %s: %s", v->relay->name, what);
}

static void check_target(const struct view *v)
{
	const struct settings_relay *relay = v->relay;
	size_t host = relay_line(v, "host"), srv = relay_line(v, "srv");
	size_t mx = relay->mx ? relay_line(v, "mx") : 0, socket = relay_line(v, "socket");
	int given = (host > 0) + (srv > 0) + (mx > 0) + (socket > 0);
	/* Of a provider that fills nothing in, the value is at fault. */
	if (given == 0 && relay_line(v, "provider") == 0)
		refuse(v, relay->line, "no server; give one of host, srv, mx or socket");
	if (given > 1)
		refuse(v, later(later(host, srv), later(mx, socket)),
		       "more than one of host, srv, mx and socket; keep one");
	if (relay->protocol == SETTINGS_LMTP && (srv > 0 || mx > 0))
		refuse(v, relay_line(v, "protocol"), "protocol lmtp needs host or socket");
}

/* One source of the password at most; the line of the one there is, or 0. */
static size_t check_sources(const struct view *v)
{
	size_t file = relay_line(v, "password_file");
	size_t command = relay_line(v, "password_command");
	size_t plain = relay_line(v, "password");
	size_t last = later(file, later(command, plain));
	if ((file > 0) + (command > 0) + (plain > 0) > 1)
		refuse(v, last,
		       "more than one of password_file, password_command and "
		       "password; keep one");
	if (plain > 0 && !v->personal)
		refuse(v, plain,
		       "everybody can read this file; put the password into a "
		       "file of its own and name it with password_file");
	return last;
}

#ifdef HAVE_OAUTH
static const bool has_oauth = true;
#else
static const bool has_oauth = false;
#endif

/* What is one word of a URL. */
static bool is_word(const char *text)
{
	for (; *text; text++)
		if (!ascii_alpha(*text) && !ascii_digit(*text) && *text != '-' && *text != '.')
			return false;
	return true;
}

/* Keys that go with oauth alone. */
static void check_no_oauth(const struct view *v)
{
	static const char *const keys[] = {"client_id", "client_secret_file",   "tenant",
	                                   "scope",     "service_account_file", "oauth_trust"};
	for (size_t i = 0; i < COUNT(keys); i++)
		if (relay_line(v, keys[i]) > 0)
			refuse(v, relay_line(v, keys[i]), "this key needs oauth");
	if (v->relay->grant != OAUTH_AUTO)
		refuse(v, relay_line(v, "grant"), "grant needs oauth");
}

/* Where a person is needed, Google gives no leave to send mail to a code on another device. */
static enum settings_grant usual_grant(const struct settings_relay *relay)
{
	if (relay->service_account_file)
		return OAUTH_SERVICE;
	return strcmp(relay->oauth, "google") == 0 ? OAUTH_CODE : OAUTH_DEVICE;
}

static void check_grant(const struct view *v, size_t line)
{
	const struct settings_relay *relay = v->relay;
	bool microsoft = strcmp(relay->oauth, "microsoft") == 0;
	if (relay->grant == OAUTH_SERVICE ? !relay->service_account_file : !relay->client_id)
		refuse(v, line,
		       relay->grant == OAUTH_SERVICE
		           ? "grant service_account needs service_account_file"
		           : "oauth needs client_id");
	if (relay->service_account_file && relay->grant != OAUTH_SERVICE)
		refuse(v, relay_line(v, "service_account_file"),
		       "service_account_file is for grant = service_account");
	if (relay->grant == OAUTH_CLIENT && !relay->client_secret_file)
		refuse(v, line, "grant client needs client_secret_file");
	if (relay->tenant && (!microsoft || !is_word(relay->tenant)))
		refuse(v, relay_line(v, "tenant"),
		       microsoft ? "tenant is a name or an id"
		                 : "only oauth = microsoft has a tenant");
	if (relay->grant == OAUTH_CLIENT && microsoft && !relay->tenant)
		refuse(v, line, "grant client needs tenant");
}

/* The token is nobody's but the server's that it is for. */
static void check_oauth(const struct view *v, size_t line)
{
	const struct settings_relay *relay = v->relay;
	const unsigned bearers = 1u << SASL_XOAUTH2 | 1u << SASL_OAUTHBEARER;
	size_t auth = relay_line(v, "auth");
	if (!has_oauth)
		refuse(v, line, "oauth: this Postern was built without it");
	if (strcmp(relay->oauth, "microsoft") != 0 && strcmp(relay->oauth, "google") != 0 &&
	    !request_is_url(str_of(relay->oauth)))
		refuse(v, line, "oauth is microsoft, google or the https:// URL of an issuer");
	if (!relay->user)
		refuse(v, line, "oauth needs user");
	if (relay->auth.none || (relay->auth.mechanisms & ~bearers) != 0)
		refuse(v, auth, "with oauth, auth is XOAUTH2, OAUTHBEARER or both");
	if (relay->security == SECURITY_OPPORTUNISTIC)
		refuse(v, relay_line(v, "security"), "oauth needs security = starttls or tls");
	check_grant(v, line);
}

static void check_login(const struct view *v)
{
	size_t token = relay_line(v, "oauth");
	if (v->relay->oauth)
		check_oauth(v, token);
	else
		check_no_oauth(v);
	const struct settings_relay *relay = v->relay;
	size_t user = relay_line(v, "user"), source = check_sources(v);
	if (source > 0 && token > 0)
		refuse(v, later(source, token), "oauth and a password; keep one");
	if (source > 0 && user == 0)
		refuse(v, source, "a password, but no user");
	/* In system mode the password may be a credential that only the service
	 * sees, so it is missed when it is needed, not here. */
	if (user > 0 && source == 0 && token == 0 && relay_line(v, "tls_certificate") == 0 &&
	    v->personal && !relay->auth.none && !getenv("CREDENTIALS_DIRECTORY"))
		refuse(v, user,
		       "user, but no password; give password_file, "
		       "password_command or password");
	if (source > 0 && !relay->auth.none && !relay->allow_cleartext_auth &&
	    relay->security == SECURITY_NONE)
		warn(v, later(source, relay_line(v, "security")),
		     "security is none, so the password will not be sent; "
		     "use starttls or tls (allow_cleartext_auth = yes sends it "
		     "for anybody on the way to read)");
}

static void check_tls(const struct view *v)
{
	const struct settings_relay *relay = v->relay;
	size_t certificate = relay_line(v, "tls_certificate"), key = relay_line(v, "tls_key");
	if (certificate > 0 && key == 0)
		refuse(v, certificate, "tls_certificate needs tls_key");
	if (key > 0 && certificate == 0)
		refuse(v, key, "tls_key needs tls_certificate");
	if (relay->tls_trust.mode == TLS_TRUST_NONE && relay->tls_fingerprint.count == 0 &&
	    relay->security != SECURITY_NONE)
		warn(v, relay_line(v, "tls_trust"),
		     "tls_trust is none, so anybody on the way can pose as "
		     "the server; tls_fingerprint is safer");
}

static int standard_port(const struct settings_relay *relay)
{
	if (relay->mx)
		return PORT_SMTP;
	switch (relay->security) {
	case SECURITY_TLS:
		return SETTINGS_PORT_TLS;
	case SECURITY_STARTTLS:
	case SECURITY_OPPORTUNISTIC:
		return PORT_SUBMISSION;
	case SECURITY_NONE:
		return PORT_SMTP;
	}
	return PORT_SMTP;
}

/* Port 465 speaks TLS from the first byte: with another way in, both sides wait
 * for the other to begin. */
static void check_ports(const struct view *v)
{
	const struct settings_relay *relay = v->relay;
	if (relay->security == SECURITY_TLS)
		return;
	for (size_t i = 0; i < relay->port.count; i++) {
		if (relay->port.at[i] != SETTINGS_PORT_TLS)
			continue;
		warn(v, relay_line(v, "port"),
		     "port 465 is for security = tls; with another security "
		     "a server there says nothing");
		return;
	}
}

void settings_check_relay(struct settings_relay *relay, const size_t *seen, bool personal,
                          struct settings_notes *n)
{
	const struct view v = {relay, seen, n, personal};
	if (relay->oauth && relay->grant == OAUTH_AUTO)
		relay->grant = usual_grant(relay);
	check_target(&v);
	check_login(&v);
	check_tls(&v);
	check_ports(&v);
	if (relay->port.count > 0)
		return;
	relay->port.at = mem_alloc(sizeof(*relay->port.at));
	relay->port.at[0] = standard_port(relay);
	relay->port.count = 1;
}

void settings_check_rest(struct settings *c, const size_t *seen, size_t last,
                         struct settings_notes *n)
{
	size_t retry_max = line_of(seen, "delivery", "retry_max");
	c->aliases_line = line_of(seen, "mail", "aliases");
	if (c->retry_max < c->retry && retry_max > 0)
		settings_fault(n, retry_max, "retry_max is shorter than retry");
	if (c->retry_max < c->retry)
		c->retry_max = c->retry;
	if (c->relay_count == 0)
		settings_fault(
		    n, later(last, 1),
		    "no relay; a section [relay] with the key host says where mail goes");
}
