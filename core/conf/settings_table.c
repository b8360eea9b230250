/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "conf/settings_table.h"

#include <stdint.h>
#include <string.h>

#include "conf/settings_senders.h"

#define AT(field)    offsetof(struct config, field)
#define RELAY(field) offsetof(struct config_relay, field)

#define MINUTE 60
#define HOUR   (60 * MINUTE)
#define DAY    (24 * HOUR)
#define YEAR   (365 * DAY)

#define NAME_MAX_LEN 32 /* longer unknown names get no hint */
#define KIN_LEAST    4  /* letters that two names have in common, for a guess */

static const struct config_choice from_rules[] = {
    {"missing", CONFIG_FROM_MISSING},
    {"local", CONFIG_FROM_LOCAL},
    {"always", CONFIG_FROM_ALWAYS},
    {NULL, 0},
};
static const struct config_choice dots[] = {
    {"safe", CONFIG_DOT_SAFE},
    {"classic", CONFIG_DOT_CLASSIC},
    {NULL, 0},
};
static const struct config_choice modes[] = {
    {"now", MODE_NOW},
    {"background", MODE_BACKGROUND},
    {"hold", MODE_HOLD},
    {NULL, 0},
};
static const struct config_choice sinks[] = {
    {"syslog", LOG_TO_SYSLOG},
    {"stderr", LOG_TO_STDERR},
    {"none", LOG_TO_NONE},
    {NULL, 0},
};
static const struct config_choice protocols[] = {
    {"smtp", CONFIG_SMTP},
    {"lmtp", CONFIG_LMTP},
    {NULL, 0},
};
static const struct config_choice securities[] = {
    {"tls", CONFIG_TLS},
    {"starttls", CONFIG_STARTTLS},
    {"opportunistic", CONFIG_OPPORTUNISTIC},
    {"none", CONFIG_CLEAR},
    {NULL, 0},
};
static const struct config_choice families[] = {
    {"any", CONFIG_ANY},
    {"4", CONFIG_IPV4},
    {"6", CONFIG_IPV6},
    {NULL, 0},
};

static const struct config_row rows[] = {
    {"mail", "hostname", "auto", config_read_name, AT(hostname), 0, 0, NULL},
    {"mail", "domain", "auto", config_read_name, AT(domain), 0, 0, NULL},
    {"mail", "from", "", config_read_address, AT(from), 0, 0, NULL},
    {"mail", "from_rule", "local", config_read_choice, AT(from_rule), 0, 0, from_rules},
    {"mail", "from_name", "", config_read_text, AT(from_name), 0, 0, NULL},
    {"mail", "reply_to", "", config_read_address, AT(reply_to), 0, 0, NULL},
    {"mail", "admin", "", config_read_address, AT(admin), 0, 0, NULL},
    {"mail", "aliases", "/etc/aliases", config_read_path, AT(aliases), 0, 0, NULL},
    {"mail", "received", "no", config_read_flag, AT(received), 0, 0, NULL},
    {"mail", "dot", "safe", config_read_choice, AT(dot), 0, 0, dots},
    {"mail", "max_size", "50M", config_read_size, AT(max_size), 0, 0, NULL},

    {"delivery", "mode", "now", config_read_choice, AT(mode), 0, 0, modes},
    {"delivery", "wait", "30s", config_read_duration, AT(wait), 0, DAY, NULL},
    {"delivery", "delay", "0", config_read_duration, AT(delay), 0, YEAR, NULL},
    {"delivery", "retry", "5m", config_read_duration, AT(retry), 0, 30 * DAY, NULL},
    {"delivery", "retry_max", "4h", config_read_duration, AT(retry_max), 0, 30 * DAY, NULL},
    {"delivery", "expire", "5d", config_read_duration, AT(expire), 1, YEAR, NULL},
    {"delivery", "warn", "off", config_read_duration, AT(warn), 0, YEAR, NULL},
    {"delivery", "keep_failed", "7d", config_read_duration, AT(keep_failed), 0, 10 * YEAR,
     NULL},
    {"delivery", "online", "", config_read_command, AT(online), 0, 0, NULL},

    {"hold", "directory", "", config_read_path, AT(directory), 0, 0, NULL},
    {"hold", "min_free", "64M", config_read_size, AT(min_free), 0, 0, NULL},

    {"dns", "server", "", config_read_servers, AT(dns_server), 0, 0, NULL},

    {"log", "to", "syslog", config_read_log, AT(log_to), 0, 0, sinks},
    {"log", "format", "text", config_read_format, AT(log_json), 0, 0, NULL},

    {"relay", "host", "", config_read_hosts, RELAY(host), 0, 0, NULL},
    {"relay", "srv", "", config_read_name, RELAY(srv), 0, 0, NULL},
    {"relay", "mx", "no", config_read_flag, RELAY(mx), 0, 0, NULL},
    {"relay", "socket", "", config_read_path, RELAY(socket), 0, 0, NULL},
    {"relay", "protocol", "smtp", config_read_choice, RELAY(protocol), 0, 0, protocols},
    {"relay", "port", "", config_read_ports, RELAY(ports), 0, 0, NULL},
    {"relay", "security", "starttls", config_read_choice, RELAY(security), 0, 0, securities},
    {"relay", "user", "", config_read_text, RELAY(user), 0, 0, NULL},
    {"relay", "password_file", "", config_read_path, RELAY(password_file), 0, 0, NULL},
    {"relay", "password_command", "", config_read_command, RELAY(password_command), 0, 0, NULL},
    {"relay", "password", "", config_read_secret, RELAY(password), 0, 0, NULL},
    {"relay", "auth", "auto", config_read_auth, RELAY(auth), 0, 0, NULL},
    {"relay", "allow_cleartext_auth", "no", config_read_flag, RELAY(allow_cleartext_auth), 0, 0,
     NULL},
    {"relay", "tls_trust", "system", config_read_trust, RELAY(tls_trust), 0, 0, NULL},
    {"relay", "tls_fingerprint", "", config_read_pins, RELAY(tls_fingerprint), 0, 0, NULL},
    {"relay", "tls_name", "", config_read_identity, RELAY(tls_name), 0, 0, NULL},
    {"relay", "tls_certificate", "", config_read_path, RELAY(tls_certificate), 0, 0, NULL},
    {"relay", "tls_key", "", config_read_path, RELAY(tls_key), 0, 0, NULL},
    {"relay", "tls_priority", "", config_read_text, RELAY(tls_priority), 0, 0, NULL},
    {"relay", "senders", "", config_read_list, RELAY(senders), 0, 0, NULL},
    {"relay", "recipients", "", config_read_list, RELAY(recipients), 0, 0, NULL},
    {"relay", "helo", "", config_read_helo, RELAY(helo), 0, 0, NULL},
    {"relay", "source", "", config_read_source, RELAY(source), 0, 0, NULL},
    {"relay", "family", "any", config_read_choice, RELAY(family), 0, 0, families},
    {"relay", "proxy", "", config_read_proxy, RELAY(proxy), 0, 0, NULL},
    {"relay", "connections", "3", config_read_number, RELAY(connections), 1, 100, NULL},
    {"relay", "dead_max", "10m", config_read_duration, RELAY(dead_max), 1, 30 * DAY, NULL},
    {"relay", "max_messages", "100", config_read_number, RELAY(max_messages), 1, 1000000, NULL},
    {"relay", "max_recipients", "100", config_read_number, RELAY(max_recipients), 1, 1000000,
     NULL},
    {"relay", "connect_timeout", "10s", config_read_duration, RELAY(connect_timeout), 1, HOUR,
     NULL},
    {"relay", "timeout", "5m", config_read_duration, RELAY(timeout), 1, DAY, NULL},
    {"relay", "dot_timeout", "10m", config_read_duration, RELAY(dot_timeout), 1, DAY, NULL},
};

#define ROWS (sizeof(rows) / sizeof(*rows))

_Static_assert(ROWS <= CONFIG_ROWS_MAX, "more rows than CONFIG_ROWS_MAX");
_Static_assert(sizeof(enum config_mode) == sizeof(int), "enums are stored as int");

size_t config_rows(void)
{
	return ROWS;
}

bool config_row_is_list(const struct config_row *row)
{
	static config_reader *const readers[] = {config_read_list,  config_read_hosts,
	                                         config_read_ports, config_read_auth,
	                                         config_read_pins,  config_read_servers};

	for (size_t i = 0; i < sizeof(readers) / sizeof(*readers); i++) {
		if (row->read == readers[i])
			return true;
	}
	return false;
}

const struct config_row *config_row(size_t i)
{
	return &rows[i];
}

size_t config_row_index(const struct config_row *row)
{
	return (size_t)(row - rows);
}

bool config_key(size_t i, const char **section, const char **name, const char **standard)
{
	if (i >= ROWS)
		return false;
	*section = rows[i].section;
	*name = rows[i].name;
	*standard = rows[i].standard;
	return true;
}

const struct config_row *config_row_find(const char *section, struct str name)
{
	for (size_t i = 0; i < ROWS; i++) {
		if (strcmp(rows[i].section, section) == 0 && str_eq(name, str_of(rows[i].name)))
			return &rows[i];
	}
	return NULL;
}

const char *config_section_find(struct str name)
{
	if (str_eq(name, STR(CONFIG_SENDERS)))
		return CONFIG_SENDERS;
	for (size_t i = 0; i < ROWS; i++) {
		if (str_eq(name, str_of(rows[i].section)))
			return rows[i].section;
	}
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

const struct config_row *config_row_guess(const char *section, struct str name)
{
	const struct config_row *guess = NULL, *near = NULL;
	size_t best = near_enough(name) + 1;

	if (name.len > NAME_MAX_LEN)
		return NULL;
	for (size_t i = 0; i < ROWS && guess == NULL; i++) {
		if (str_caseeq(name, str_of(rows[i].name)))
			guess = &rows[i];
	}
	for (size_t i = 0; i < ROWS && section != NULL; i++) {
		size_t d = strcmp(rows[i].section, section) == 0
		               ? distance(name, str_of(rows[i].name))
		               : SIZE_MAX;

		if (d < best) {
			best = d;
			near = &rows[i];
		}
	}
	return guess != NULL ? guess : near;
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

const struct config_row *config_row_kin(const char *section, struct str name)
{
	const struct config_row *guess = NULL;
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
	if (distance(name, STR(CONFIG_SENDERS)) < best)
		guess = CONFIG_SENDERS;
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
