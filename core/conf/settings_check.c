/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "conf/settings_check.h"

#include <stdlib.h>

#include "conf/settings_table.h"

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

static void check_login(const struct view *v)
{
	const struct settings_relay *relay = v->relay;
	size_t user = relay_line(v, "user"), source = check_sources(v);
	if (source > 0 && user == 0)
		refuse(v, source, "a password, but no user");
	/* In system mode the password may be a credential that only the service
	 * sees, so it is missed when it is needed, not here. */
	if (user > 0 && source == 0 && relay_line(v, "tls_certificate") == 0 && v->personal &&
	    !relay->auth.none && !getenv("CREDENTIALS_DIRECTORY"))
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
