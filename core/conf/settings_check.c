/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "conf/settings_parse.h"

#include <stdlib.h>

#define PORT_SUBMISSION 587
#define PORT_SMTP       25

/* The line where the key stands, 0 if it does not. */
static size_t line_of(const struct settings_reading *r, const char *section, const char *name)
{
	return r->seen[config_row_index(config_row_find(section, str_of(name)))];
}

static size_t relay_line(const struct settings_reading *r, const char *name)
{
	return line_of(r, "relay", name);
}

static size_t later(size_t a, size_t b)
{
	return a > b ? a : b;
}

static void check_target(struct settings_reading *r, const struct settings_relay *relay)
{
	size_t host = relay_line(r, "host"), srv = relay_line(r, "srv");
	size_t mx = relay->mx ? relay_line(r, "mx") : 0, socket = relay_line(r, "socket");
	int given = (host > 0) + (srv > 0) + (mx > 0) + (socket > 0);
	if (given == 0)
		settings_fault(r, relay->line,
		               "relay %s: no server; give one of host, srv, mx or socket",
		               relay->name);
	if (given > 1)
		settings_fault(r, later(later(host, srv), later(mx, socket)),
		               "relay %s: more than one of host, srv, mx and socket; keep one",
		               relay->name);
	if (relay->protocol == SETTINGS_LMTP && (srv > 0 || mx > 0))
		settings_fault(r, relay_line(r, "protocol"),
		               "relay %s: protocol lmtp needs host or socket", relay->name);
}

/* One source of the password at most; the line of the one there is, or 0. */
static size_t check_sources(struct settings_reading *r, const struct settings_relay *relay)
{
	size_t file = relay_line(r, "password_file");
	size_t command = relay_line(r, "password_command");
	size_t plain = relay_line(r, "password");
	size_t last = later(file, later(command, plain));
	if ((file > 0) + (command > 0) + (plain > 0) > 1)
		settings_fault(r, last,
		               "relay %s: more than one of password_file, password_command and "
		               "password; keep one",
		               relay->name);
	if (plain > 0 && !r->personal)
		settings_fault(
		    r, plain,
		    "relay %s: everybody can read this file; put the password into a "
		    "file of its own and name it with password_file",
		    relay->name);
	return last;
}

static void check_login(struct settings_reading *r, const struct settings_relay *relay)
{
	size_t user = relay_line(r, "user"), source = check_sources(r, relay);
	if (source > 0 && user == 0)
		settings_fault(r, source, "relay %s: a password, but no user", relay->name);
	/* In system mode the password may be a credential that only the service
	 * sees, so it is missed when it is needed, not here. */
	if (user > 0 && source == 0 && relay_line(r, "tls_certificate") == 0 && r->personal &&
	    !relay->auth_none && !getenv("CREDENTIALS_DIRECTORY"))
		settings_fault(r, user,
		               "relay %s: user, but no password; give password_file, "
		               "password_command or password",
		               relay->name);
	if (source > 0 && !relay->auth_none && !relay->allow_cleartext_auth &&
	    relay->security == SETTINGS_CLEAR)
		settings_warning(
		    r, later(source, relay_line(r, "security")),
		    "relay %s: security is none, so the password will not be sent; "
		    "use starttls or tls (allow_cleartext_auth = yes sends it "
		    "for anybody on the way to read)",
		    relay->name);
}

static void check_tls(struct settings_reading *r, const struct settings_relay *relay)
{
	size_t certificate = relay_line(r, "tls_certificate"), key = relay_line(r, "tls_key");
	if (certificate > 0 && key == 0)
		settings_fault(r, certificate, "relay %s: tls_certificate needs tls_key",
		               relay->name);
	if (key > 0 && certificate == 0)
		settings_fault(r, key, "relay %s: tls_key needs tls_certificate", relay->name);
	if (relay->tls_trust_none && relay->tls_fingerprint.count == 0 &&
	    relay->security != SETTINGS_CLEAR)
		settings_warning(
		    r, relay_line(r, "tls_trust"),
		    "relay %s: tls_trust is none, so anybody on the way can pose as "
		    "the server; tls_fingerprint is safer",
		    relay->name);
}

static int standard_port(const struct settings_relay *relay)
{
	if (relay->mx)
		return PORT_SMTP;
	switch (relay->security) {
	case SETTINGS_TLS:
		return SETTINGS_PORT_TLS;
	case SETTINGS_STARTTLS:
	case SETTINGS_OPPORTUNISTIC:
		return PORT_SUBMISSION;
	case SETTINGS_CLEAR:
		return PORT_SMTP;
	}
	return PORT_SMTP;
}

/* Port 465 speaks TLS from the first byte: with another way in, both sides wait
 * for the other to begin. */
static void check_ports(struct settings_reading *r, const struct settings_relay *relay)
{
	if (relay->security == SETTINGS_TLS)
		return;
	for (size_t i = 0; i < relay->port_count; i++) {
		if (relay->ports[i] != SETTINGS_PORT_TLS)
			continue;
		settings_warning(
		    r, relay_line(r, "port"),
		    "relay %s: port 465 is for security = tls; with another security "
		    "a server there says nothing",
		    relay->name);
		return;
	}
}

void settings_check_relay(struct settings_reading *r)
{
	struct settings_relay *relay = &r->config->relays[r->config->relay_count - 1];
	check_target(r, relay);
	check_login(r, relay);
	check_tls(r, relay);
	check_ports(r, relay);
	if (relay->port_count == 0) {
		relay->ports = mem_alloc(sizeof(*relay->ports));
		relay->ports[0] = standard_port(relay);
		relay->port_count = 1;
	}
}

void settings_check_rest(struct settings_reading *r)
{
	struct settings *c = r->config;
	c->aliases_line = line_of(r, "mail", "aliases");
	if (c->retry_max < c->retry && line_of(r, "delivery", "retry_max") > 0)
		settings_fault(r, line_of(r, "delivery", "retry_max"),
		               "retry_max is shorter than retry");
	if (c->retry_max < c->retry)
		c->retry_max = c->retry;
	if (c->relay_count == 0)
		settings_fault(
		    r, later(r->line, 1),
		    "no relay; a section [relay] with the key host says where mail goes");
}
