/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "conf/settings_table.h"

#include <stdint.h>
#include <string.h>
#include <sys/socket.h>

#include "conf/settings_command.h"
#include "conf/settings_guess.h"
#include "conf/settings_net.h"
#include "conf/settings_provider.h"
#include "conf/settings_senders.h"

#define FIELD(type, field) offsetof(type, field), sizeof(((type *)0)->field)
#define AT(field)          FIELD(struct settings, field)
#define RELAY(field)       FIELD(struct settings_relay, field)
#define FIELD_MAX          256 /* the largest that a kind fills */

#define MINUTE 60
#define HOUR   (60 * MINUTE)
#define DAY    (24 * HOUR)
#define YEAR   (365 * DAY)

#define KIN_LEAST 4 /* letters that two names have in common, for a guess */

static const struct settings_choice flags[] = {{"yes", true}, {"no", false}, {NULL, 0}};
static const struct settings_choice formats[] = {{"text", false}, {"json", true}, {NULL, 0}};
static const struct settings_choice from_rules[] = {
    {"missing", FROM_MISSING},
    {"local", FROM_LOCAL},
    {"always", FROM_ALWAYS},
    {NULL, 0},
};
static const struct settings_choice dots[] = {
    {"safe", DOT_SAFE},
    {"classic", DOT_CLASSIC},
    {NULL, 0},
};
static const struct settings_choice modes[] = {
    {"now", MODE_NOW},
    {"background", MODE_BACKGROUND},
    {"hold", MODE_HOLD},
    {NULL, 0},
};
static const struct settings_choice sinks[] = {
    {"syslog", LOG_TO_SYSLOG},
    {"stderr", LOG_TO_STDERR},
    {"none", LOG_TO_NONE},
    {NULL, 0},
};
static const struct settings_choice protocols[] = {
    {"smtp", SETTINGS_SMTP},
    {"lmtp", SETTINGS_LMTP},
    {NULL, 0},
};
static const struct settings_choice securities[] = {
    {"tls", SECURITY_TLS},
    {"starttls", SECURITY_STARTTLS},
    {"opportunistic", SECURITY_OPPORTUNISTIC},
    {"none", SECURITY_NONE},
    {NULL, 0},
};
static const struct settings_choice grants[] = {
    {"auto", OAUTH_AUTO},     {"device", OAUTH_DEVICE},           {"code", OAUTH_CODE},
    {"client", OAUTH_CLIENT}, {"service_account", OAUTH_SERVICE}, {NULL, 0},
};
static const struct settings_choice families[] = {
    {"any", AF_UNSPEC},
    {"4", AF_INET},
    {"6", AF_INET6},
    {NULL, 0},
};

static const struct settings_row rows[] = {
    {"mail", "hostname", "auto", &settings_name, AT(hostname), 0, 0, NULL},
    {"mail", "domain", "auto", &settings_name, AT(domain), 0, 0, NULL},
    {"mail", "from", "", &settings_mailbox, AT(from), 0, 0, NULL},
    {"mail", "from_rule", "local", &settings_one_of, AT(from_rule), 0, 0, from_rules},
    {"mail", "from_name", "", &settings_text, AT(from_name), 0, 0, NULL},
    {"mail", "reply_to", "", &settings_mailbox, AT(reply_to), 0, 0, NULL},
    {"mail", "admin", "", &settings_mailbox, AT(admin), 0, 0, NULL},
    {"mail", "aliases", "/etc/aliases", &settings_path, AT(aliases), 0, 0, NULL},
    {"mail", "received", "no", &settings_either, AT(received), 0, 0, flags},
    {"mail", "dot", "safe", &settings_one_of, AT(dot), 0, 0, dots},
    {"mail", "max_size", "50M", &settings_bytes, AT(max_size), 0, 0, NULL},

    {"delivery", "mode", "now", &settings_one_of, AT(mode), 0, 0, modes},
    {"delivery", "wait", "30s", &settings_ms, AT(wait_ms), 0, DAY, NULL},
    {"delivery", "delay", "0", &settings_seconds, AT(delay), 0, YEAR, NULL},
    {"delivery", "retry", "5m", &settings_seconds, AT(retry), 0, 30 * DAY, NULL},
    {"delivery", "retry_max", "4h", &settings_seconds, AT(retry_max), 0, 30 * DAY, NULL},
    {"delivery", "expire", "5d", &settings_seconds, AT(expire), 1, YEAR, NULL},
    {"delivery", "warn", "off", &settings_seconds, AT(warn), 0, YEAR, NULL},
    {"delivery", "keep_failed", "7d", &settings_seconds, AT(keep_failed), 0, 10 * YEAR, NULL},
    {"delivery", "online", "", &settings_command, AT(online), 0, 0, NULL},

    {"hold", "directory", "", &settings_path, AT(directory), 0, 0, NULL},
    {"hold", "min_free", "64M", &settings_bytes, AT(min_free), 0, 0, NULL},

    {"dns", "server", "", &settings_servers, AT(dns_servers), 0, 0, NULL},

    {"log", "to", "syslog", &settings_sink, AT(log), 0, 0, sinks},
    {"log", "format", "text", &settings_either, AT(log_json), 0, 0, formats},

    {"relay", "provider", "", &settings_provider, RELAY(provider), 0, 0, NULL},
    {"relay", "host", "", &settings_hosts, RELAY(host), 0, 0, NULL},
    {"relay", "srv", "", &settings_name, RELAY(srv), 0, 0, NULL},
    {"relay", "mx", "no", &settings_either, RELAY(mx), 0, 0, flags},
    {"relay", "socket", "", &settings_path, RELAY(socket), 0, 0, NULL},
    {"relay", "protocol", "smtp", &settings_one_of, RELAY(protocol), 0, 0, protocols},
    {"relay", "port", "", &settings_ports, RELAY(port), 0, 0, NULL},
    {"relay", "security", "starttls", &settings_one_of, RELAY(security), 0, 0, securities},
    {"relay", "user", "", &settings_text, RELAY(user), 0, 0, NULL},
    {"relay", "password_file", "", &settings_path, RELAY(password_file), 0, 0, NULL},
    {"relay", "password_command", "", &settings_command, RELAY(password_command), 0, 0, NULL},
    {"relay", "password", "", &settings_secret, RELAY(password), 0, 0, NULL},
    {"relay", "oauth", "", &settings_text, RELAY(oauth), 0, 0, NULL},
    {"relay", "client_id", "", &settings_text, RELAY(client_id), 0, 0, NULL},
    {"relay", "client_secret_file", "", &settings_path, RELAY(client_secret_file), 0, 0, NULL},
    {"relay", "tenant", "", &settings_text, RELAY(tenant), 0, 0, NULL},
    {"relay", "scope", "", &settings_text, RELAY(scope), 0, 0, NULL},
    {"relay", "grant", "auto", &settings_one_of, RELAY(grant), 0, 0, grants},
    {"relay", "service_account_file", "", &settings_path, RELAY(service_account_file), 0, 0,
     NULL},
    {"relay", "oauth_trust", "", &settings_path, RELAY(oauth_trust), 0, 0, NULL},
    {"relay", "auth", "auto", &settings_auth, RELAY(auth), 0, 0, NULL},
    {"relay", "allow_cleartext_auth", "no", &settings_either, RELAY(allow_cleartext_auth), 0, 0,
     flags},
    {"relay", "tls_trust", "system", &settings_trust, RELAY(tls_trust), 0, 0, NULL},
    {"relay", "tls_fingerprint", "", &settings_pins, RELAY(tls_fingerprint), 0, 0, NULL},
    {"relay", "tls_name", "", &settings_identity, RELAY(tls_name), 0, 0, NULL},
    {"relay", "tls_certificate", "", &settings_path, RELAY(tls_certificate), 0, 0, NULL},
    {"relay", "tls_key", "", &settings_path, RELAY(tls_key), 0, 0, NULL},
    {"relay", "tls_priority", "", &settings_text, RELAY(tls_priority), 0, 0, NULL},
    {"relay", "senders", "", &settings_words, RELAY(senders), 0, 0, NULL},
    {"relay", "recipients", "", &settings_words, RELAY(recipients), 0, 0, NULL},
    {"relay", "helo", "", &settings_helo, RELAY(helo), 0, 0, NULL},
    {"relay", "source", "", &settings_source, RELAY(source), 0, 0, NULL},
    {"relay", "family", "any", &settings_one_of, RELAY(family), 0, 0, families},
    {"relay", "proxy", "", &settings_proxy, RELAY(proxy), 0, 0, NULL},
    {"relay", "rate", "", &settings_rates, RELAY(rate), 1, 1000000, NULL},
    {"relay", "connections", "3", &settings_number, RELAY(connections), 1, 100, NULL},
    {"relay", "dead_max", "10m", &settings_seconds, RELAY(dead_max), 1, 30 * DAY, NULL},
    {"relay", "window", "4", &settings_number, RELAY(window), 1, SETTINGS_WINDOW_MAX, NULL},
    {"relay", "max_messages", "100", &settings_number, RELAY(max_messages), 1, 1000000, NULL},
    {"relay", "max_recipients", "100", &settings_number, RELAY(max_recipients), 1, 1000000,
     NULL},
    {"relay", "connect_timeout", "10s", &settings_ms, RELAY(connect_timeout_ms), 1, HOUR, NULL},
    {"relay", "timeout", "5m", &settings_ms, RELAY(timeout_ms), 1, DAY, NULL},
    {"relay", "dot_timeout", "10m", &settings_ms, RELAY(dot_timeout_ms), 1, DAY, NULL},
};

#define ROWS (sizeof(rows) / sizeof(*rows))

_Static_assert(ROWS <= SETTINGS_ROWS_MAX, "more rows than SETTINGS_ROWS_MAX");
_Static_assert(sizeof(enum settings_mode) == sizeof(int), "enums are stored as int");

size_t settings_rows(void)
{
	return ROWS;
}

const struct settings_row *settings_row(size_t i)
{
	return &rows[i];
}

size_t settings_row_index(const struct settings_row *row)
{
	return (size_t)(row - rows);
}

bool settings_key(size_t i, const char **section, const char **name, const char **standard)
{
	if (i >= ROWS)
		return false;
	*section = rows[i].section;
	*name = rows[i].name;
	*standard = rows[i].standard;
	return true;
}

static bool is_in(const struct settings_row *row, const char *section)
{
	return strcmp(row->section, section) == 0;
}

const struct settings_row *settings_row_find(const char *section, struct str name)
{
	for (size_t i = 0; i < ROWS; i++)
		if (is_in(&rows[i], section) && str_eq(name, str_of(rows[i].name)))
			return &rows[i];
	return NULL;
}

const char *settings_section_find(struct str name)
{
	if (str_eq(name, STR(SETTINGS_SENDERS)))
		return SETTINGS_SENDERS;
	for (size_t i = 0; i < ROWS; i++)
		if (str_eq(name, str_of(rows[i].section)))
			return rows[i].section;
	return NULL;
}

/* ---- fields ---- */

/* A value beside the one that the field has, which stays if this is none. */
bool settings_row_read(const struct settings_row *row, struct str text, const char *folder,
                       void *object, struct fault *f)
{
	unsigned char before[FIELD_MAX];
	struct settings_value v = {row, text, folder, (char *)object + row->at};
	memcpy(before, v.field, row->size);
	memset(v.field, 0, row->size);
	bool good = row->kind->read(&v, f);
	unsigned char after[FIELD_MAX];
	memcpy(after, v.field, row->size);
	if (good)
		memcpy(v.field, before, row->size);
	if (row->kind->release)
		row->kind->release(v.field);
	memcpy(v.field, good ? after : before, row->size);
	return good;
}

static void fill(bool relay, void *object)
{
	struct fault f = FAULT_INIT;
	for (size_t i = 0; i < ROWS; i++) {
		const struct settings_row *row = &rows[i];
		struct settings_value v = {row, str_of(row->standard), "/",
		                           (char *)object + row->at};
		/* A default that its own kind refuses, and a field for which there is no room
		 * in settings_row_read(), stop every unit test. */
		if (row->size > FIELD_MAX || (is_in(row, "relay") == relay && v.given.len > 0 &&
		                              !row->kind->read(&v, &f)))
			__builtin_trap();
	}
}

static void release(bool relay, void *object)
{
	for (size_t i = 0; i < ROWS; i++)
		if (is_in(&rows[i], "relay") == relay && rows[i].kind->release)
			rows[i].kind->release((char *)object + rows[i].at);
}

void settings_fill(struct settings *c)
{
	fill(false, c);
}

void settings_fill_relay(struct settings_relay *r)
{
	fill(true, r);
}

void settings_empty(struct settings *c)
{
	for (size_t i = 0; i < c->relay_count; i++)
		release(true, &c->relays[i]);
	release(false, c);
}

/* ---- guesses ---- */

/* The letters that are not in the other, where one begins or ends with the other and
 * that says something; else more than there can be. */
static size_t letters_beside(struct str a, struct str b)
{
	struct str longer = a.len > b.len ? a : b, shorter = a.len > b.len ? b : a;
	size_t beside = longer.len - shorter.len;
	bool kin =
	    shorter.len >= KIN_LEAST && (str_caseeq(str_first(longer, shorter.len), shorter) ||
	                                 str_caseeq(str_from(longer, beside), shorter));
	return kin ? beside : SETTINGS_NAME_MAX;
}

/* The key of the section that is least apart from name, and less than limit. */
static const struct settings_row *nearest(const char *section, struct str name, size_t limit,
                                          size_t (*apart)(struct str a, struct str b))
{
	const struct settings_row *row = NULL;
	for (size_t i = 0; i < ROWS && name.len <= SETTINGS_NAME_MAX; i++) {
		size_t d = is_in(&rows[i], section) ? apart(name, str_of(rows[i].name)) : limit;
		if (d >= limit)
			continue;
		limit = d;
		row = &rows[i];
	}
	return row;
}

const struct settings_row *settings_row_guess(const char *section, struct str name)
{
	for (size_t i = 0; i < ROWS; i++)
		if (str_caseeq(name, str_of(rows[i].name)))
			return &rows[i];
	return section
	           ? nearest(section, name, settings_near_enough(name) + 1, settings_distance)
	           : NULL;
}

const struct settings_row *settings_row_kin(const char *section, struct str name)
{
	return nearest(section, name, SETTINGS_NAME_MAX, letters_beside);
}

const char *settings_section_guess(struct str name)
{
	const char *guess = NULL;
	size_t best = settings_near_enough(name) + 1;
	for (size_t i = 0; i <= ROWS && name.len <= SETTINGS_NAME_MAX; i++) {
		const char *section = i < ROWS ? rows[i].section : SETTINGS_SENDERS;
		size_t d = settings_distance(name, str_of(section));
		if (d >= best)
			continue;
		best = d;
		guess = section;
	}
	return guess;
}
