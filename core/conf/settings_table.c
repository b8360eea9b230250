/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "conf/settings_table.h"

#include <stdint.h>
#include <string.h>

#include "conf/settings_senders.h"

#define AT(field)    offsetof(struct settings, field)
#define RELAY(field) offsetof(struct settings_relay, field)

#define MINUTE 60
#define HOUR   (60 * MINUTE)
#define DAY    (24 * HOUR)
#define YEAR   (365 * DAY)

#define NAME_MAX_LEN 32 /* longer unknown names get no hint */
#define KIN_LEAST    4  /* letters that two names have in common, for a guess */

static const struct settings_choice from_rules[] = {
    {"missing", SETTINGS_FROM_MISSING},
    {"local", SETTINGS_FROM_LOCAL},
    {"always", SETTINGS_FROM_ALWAYS},
    {NULL, 0},
};
static const struct settings_choice dots[] = {
    {"safe", SETTINGS_DOT_SAFE},
    {"classic", SETTINGS_DOT_CLASSIC},
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
    {"tls", SETTINGS_TLS},
    {"starttls", SETTINGS_STARTTLS},
    {"opportunistic", SETTINGS_OPPORTUNISTIC},
    {"none", SETTINGS_CLEAR},
    {NULL, 0},
};
static const struct settings_choice families[] = {
    {"any", SETTINGS_ANY},
    {"4", SETTINGS_IPV4},
    {"6", SETTINGS_IPV6},
    {NULL, 0},
};

static const struct settings_row rows[] = {
    {"mail", "hostname", "auto", settings_read_name, AT(hostname), 0, 0, NULL},
    {"mail", "domain", "auto", settings_read_name, AT(domain), 0, 0, NULL},
    {"mail", "from", "", settings_read_address, AT(from), 0, 0, NULL},
    {"mail", "from_rule", "local", settings_read_choice, AT(from_rule), 0, 0, from_rules},
    {"mail", "from_name", "", settings_read_text, AT(from_name), 0, 0, NULL},
    {"mail", "reply_to", "", settings_read_address, AT(reply_to), 0, 0, NULL},
    {"mail", "admin", "", settings_read_address, AT(admin), 0, 0, NULL},
    {"mail", "aliases", "/etc/aliases", settings_read_path, AT(aliases), 0, 0, NULL},
    {"mail", "received", "no", settings_read_flag, AT(received), 0, 0, NULL},
    {"mail", "dot", "safe", settings_read_choice, AT(dot), 0, 0, dots},
    {"mail", "max_size", "50M", settings_read_size, AT(max_size), 0, 0, NULL},

    {"delivery", "mode", "now", settings_read_choice, AT(mode), 0, 0, modes},
    {"delivery", "wait", "30s", settings_read_duration, AT(wait), 0, DAY, NULL},
    {"delivery", "delay", "0", settings_read_duration, AT(delay), 0, YEAR, NULL},
    {"delivery", "retry", "5m", settings_read_duration, AT(retry), 0, 30 * DAY, NULL},
    {"delivery", "retry_max", "4h", settings_read_duration, AT(retry_max), 0, 30 * DAY, NULL},
    {"delivery", "expire", "5d", settings_read_duration, AT(expire), 1, YEAR, NULL},
    {"delivery", "warn", "off", settings_read_duration, AT(warn), 0, YEAR, NULL},
    {"delivery", "keep_failed", "7d", settings_read_duration, AT(keep_failed), 0, 10 * YEAR,
     NULL},
    {"delivery", "online", "", settings_read_command, AT(online), 0, 0, NULL},

    {"hold", "directory", "", settings_read_path, AT(directory), 0, 0, NULL},
    {"hold", "min_free", "64M", settings_read_size, AT(min_free), 0, 0, NULL},

    {"dns", "server", "", settings_read_servers, AT(dns_server), 0, 0, NULL},

    {"log", "to", "syslog", settings_read_log, AT(log_to), 0, 0, sinks},
    {"log", "format", "text", settings_read_format, AT(log_json), 0, 0, NULL},

    {"relay", "host", "", settings_read_hosts, RELAY(host), 0, 0, NULL},
    {"relay", "srv", "", settings_read_name, RELAY(srv), 0, 0, NULL},
    {"relay", "mx", "no", settings_read_flag, RELAY(mx), 0, 0, NULL},
    {"relay", "socket", "", settings_read_path, RELAY(socket), 0, 0, NULL},
    {"relay", "protocol", "smtp", settings_read_choice, RELAY(protocol), 0, 0, protocols},
    {"relay", "port", "", settings_read_ports, RELAY(ports), 0, 0, NULL},
    {"relay", "security", "starttls", settings_read_choice, RELAY(security), 0, 0, securities},
    {"relay", "user", "", settings_read_text, RELAY(user), 0, 0, NULL},
    {"relay", "password_file", "", settings_read_path, RELAY(password_file), 0, 0, NULL},
    {"relay", "password_command", "", settings_read_command, RELAY(password_command), 0, 0,
     NULL},
    {"relay", "password", "", settings_read_secret, RELAY(password), 0, 0, NULL},
    {"relay", "auth", "auto", settings_read_auth, RELAY(auth), 0, 0, NULL},
    {"relay", "allow_cleartext_auth", "no", settings_read_flag, RELAY(allow_cleartext_auth), 0,
     0, NULL},
    {"relay", "tls_trust", "system", settings_read_trust, RELAY(tls_trust), 0, 0, NULL},
    {"relay", "tls_fingerprint", "", settings_read_pins, RELAY(tls_fingerprint), 0, 0, NULL},
    {"relay", "tls_name", "", settings_read_identity, RELAY(tls_name), 0, 0, NULL},
    {"relay", "tls_certificate", "", settings_read_path, RELAY(tls_certificate), 0, 0, NULL},
    {"relay", "tls_key", "", settings_read_path, RELAY(tls_key), 0, 0, NULL},
    {"relay", "tls_priority", "", settings_read_text, RELAY(tls_priority), 0, 0, NULL},
    {"relay", "senders", "", settings_read_list, RELAY(senders), 0, 0, NULL},
    {"relay", "recipients", "", settings_read_list, RELAY(recipients), 0, 0, NULL},
    {"relay", "helo", "", settings_read_helo, RELAY(helo), 0, 0, NULL},
    {"relay", "source", "", settings_read_source, RELAY(source), 0, 0, NULL},
    {"relay", "family", "any", settings_read_choice, RELAY(family), 0, 0, families},
    {"relay", "proxy", "", settings_read_proxy, RELAY(proxy), 0, 0, NULL},
    {"relay", "connections", "3", settings_read_number, RELAY(connections), 1, 100, NULL},
    {"relay", "dead_max", "10m", settings_read_duration, RELAY(dead_max), 1, 30 * DAY, NULL},
    {"relay", "window", "4", settings_read_number, RELAY(window), 1, SETTINGS_WINDOW_MAX, NULL},
    {"relay", "max_messages", "100", settings_read_number, RELAY(max_messages), 1, 1000000,
     NULL},
    {"relay", "max_recipients", "100", settings_read_number, RELAY(max_recipients), 1, 1000000,
     NULL},
    {"relay", "connect_timeout", "10s", settings_read_duration, RELAY(connect_timeout), 1, HOUR,
     NULL},
    {"relay", "timeout", "5m", settings_read_duration, RELAY(timeout), 1, DAY, NULL},
    {"relay", "dot_timeout", "10m", settings_read_duration, RELAY(dot_timeout), 1, DAY, NULL},
};

#define ROWS (sizeof(rows) / sizeof(*rows))

_Static_assert(ROWS <= SETTINGS_ROWS_MAX, "more rows than SETTINGS_ROWS_MAX");
_Static_assert(sizeof(enum settings_mode) == sizeof(int), "enums are stored as int");

size_t config_rows(void)
{
	return ROWS;
}

bool config_row_is_list(const struct settings_row *row)
{
	static settings_reader *const readers[] = {settings_read_list,  settings_read_hosts,
	                                           settings_read_ports, settings_read_auth,
	                                           settings_read_pins,  settings_read_servers};

	for (size_t i = 0; i < sizeof(readers) / sizeof(*readers); i++)
		if (row->read == readers[i])
			return true;
	return false;
}

const struct settings_row *settings_row(size_t i)
{
	return &rows[i];
}

size_t config_row_index(const struct settings_row *row)
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

const struct settings_row *config_row_find(const char *section, struct str name)
{
	for (size_t i = 0; i < ROWS; i++)
		if (strcmp(rows[i].section, section) == 0 && str_eq(name, str_of(rows[i].name)))
			return &rows[i];
	return NULL;
}

const char *config_section_find(struct str name)
{
	if (str_eq(name, STR(SETTINGS_SENDERS)))
		return SETTINGS_SENDERS;
	for (size_t i = 0; i < ROWS; i++)
		if (str_eq(name, str_of(rows[i].section)))
			return rows[i].section;
	return NULL;
}

static size_t least_of(size_t a, size_t b)
{
	return a < b ? a : b;
}

/* Insertions, deletions, replacements and swaps of neighbours that make b of
 * a, letters without case (the restricted Damerau-Levenshtein distance). */
static size_t distance(struct str a, struct str b)
{
	size_t row[3][NAME_MAX_LEN + 1];
	for (size_t j = 0; j <= b.len; j++)
		row[0][j] = j;
	for (size_t i = 1; i <= a.len; i++) {
		size_t *now = row[i % 3], *last = row[(i - 1) % 3], *before = row[(i + 1) % 3];
		char ca = ascii_lower(a.at[i - 1]);
		now[0] = i;
		for (size_t j = 1; j <= b.len; j++) {
			char cb = ascii_lower(b.at[j - 1]);
			now[j] = least_of(last[j], now[j - 1]) + 1;
			now[j] = least_of(now[j], last[j - 1] + (ca != cb));
			if (i > 1 && j > 1 && ca == ascii_lower(b.at[j - 2]) &&
			    cb == ascii_lower(a.at[i - 2]))
				now[j] = least_of(now[j], before[j - 2] + 1);
		}
	}
	return row[a.len % 3][b.len];
}

/* A hint is worth giving if at most a third of the letters, and three, differ. */
static size_t near_enough(struct str name)
{
	return least_of((name.len + 1) / 3, 3);
}

const struct settings_row *config_row_guess(const char *section, struct str name)
{
	const struct settings_row *guess = NULL, *near = NULL;
	size_t best = near_enough(name) + 1;
	if (name.len > NAME_MAX_LEN)
		return NULL;
	for (size_t i = 0; i < ROWS && !guess; i++)
		if (str_caseeq(name, str_of(rows[i].name)))
			guess = &rows[i];
	for (size_t i = 0; i < ROWS && section; i++) {
		size_t d = strcmp(rows[i].section, section) == 0
		               ? distance(name, str_of(rows[i].name))
		               : SIZE_MAX;
		if (d < best) {
			best = d;
			near = &rows[i];
		}
	}
	return guess ? guess : near;
}

/* The letters that are not in the other, where one begins or ends with the other and
 * that says something; else more than there can be. */
static size_t letters_beside(struct str a, struct str b)
{
	struct str longer = a.len > b.len ? a : b, shorter = a.len > b.len ? b : a;
	size_t beside = longer.len - shorter.len;
	bool kin =
	    shorter.len >= KIN_LEAST && (str_caseeq(str_first(longer, shorter.len), shorter) ||
	                                 str_caseeq(str_from(longer, beside), shorter));

	return kin ? beside : NAME_MAX_LEN;
}

const struct settings_row *config_row_kin(const char *section, struct str name)
{
	const struct settings_row *guess = NULL;
	size_t best = NAME_MAX_LEN;
	for (size_t i = 0; i < ROWS && name.len <= NAME_MAX_LEN; i++) {
		size_t beside = strcmp(rows[i].section, section) == 0
		                    ? letters_beside(name, str_of(rows[i].name))
		                    : best;
		if (beside < best) {
			best = beside;
			guess = &rows[i];
		}
	}
	return guess;
}

const char *config_section_guess(struct str name)
{
	const char *guess = NULL;
	size_t best = near_enough(name) + 1;
	if (name.len > NAME_MAX_LEN)
		return NULL;
	for (size_t i = 0; i < ROWS; i++) {
		size_t d = distance(name, str_of(rows[i].section));
		if (d < best) {
			best = d;
			guess = rows[i].section;
		}
	}
	if (distance(name, STR(SETTINGS_SENDERS)) < best)
		guess = SETTINGS_SENDERS;
	return guess;
}

void config_row_defaults(const char *section, void *object)
{
	struct fault f = FAULT_INIT;
	for (size_t i = 0; i < ROWS; i++) {
		struct str text = str_of(rows[i].standard);
		/* A default that its own reader refuses stops every unit test. */
		if (strcmp(rows[i].section, section) == 0 && text.len > 0 &&
		    !rows[i].read(&rows[i], text, "/", object, &f))
			__builtin_trap();
	}
}
