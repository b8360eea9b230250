/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "conf/settings.h"

#include <string.h>

#include "conf/settings_parse.h"
#include "conf/settings_table.h"
#include "conf/settings_senders.h"
#include "conf/settings_value.h"

/* Adds the value of the row's field as a file has it; nothing if it is not set.
 * False: out is full. */
typedef bool config_writer(const struct settings_row *row, const void *object, struct buf *out);

static const void *field_of(const struct settings_row *row, const void *object)
{
	return (const char *)object + row->at;
}

static bool add(struct buf *out, const char *text)
{
	return !text || buf_add_str(out, str_of(text));
}

static bool is_standard(const struct settings_row *row, const char *word)
{
	return strcmp(row->standard, word) == 0;
}

static bool write_text(const struct settings_row *row, const void *object, struct buf *out)
{
	char *const *text = field_of(row, object);
	return add(out, *text);
}

static bool write_name(const struct settings_row *row, const void *object, struct buf *out)
{
	char *const *text = field_of(row, object);
	if (!*text && is_standard(row, "auto"))
		return add(out, "auto");
	return add(out, *text);
}

static bool write_flag(const struct settings_row *row, const void *object, struct buf *out)
{
	const bool *flag = field_of(row, object);
	return add(out, *flag ? "yes" : "no");
}

static bool write_format(const struct settings_row *row, const void *object, struct buf *out)
{
	const bool *json = field_of(row, object);
	return add(out, *json ? "json" : "text");
}

static bool write_choice(const struct settings_row *row, const void *object, struct buf *out)
{
	const struct settings_choice *c = row->choices;
	int value;
	memcpy(&value, field_of(row, object), sizeof(value));
	while (c->word && c->value != value)
		c++;
	return add(out, c->word);
}

/* In the largest unit that divides it; factors from the largest to 1, whose
 * unit may be '\0'. */
static bool write_scaled(uint64_t value, const uint64_t *factors, const char *units,
                         struct buf *out)
{
	size_t i = 0;
	if (value == 0)
		return add(out, "0");
	while (value % factors[i] != 0)
		i++;
	return buf_addf(out, "%llu", (unsigned long long)(value / factors[i])) &&
	       (units[i] == '\0' || buf_add_char(out, units[i]));
}

static bool write_duration(const struct settings_row *row, const void *object, struct buf *out)
{
	static const uint64_t factors[] = {86400, 3600, 60, 1};
	const int64_t *seconds = field_of(row, object);
	if (*seconds == 0 && is_standard(row, "off"))
		return add(out, "off");
	return write_scaled((uint64_t)*seconds, factors, "dhms", out);
}

static bool write_size(const struct settings_row *row, const void *object, struct buf *out)
{
	static const uint64_t factors[] = {UINT64_C(1) << 30, UINT64_C(1) << 20,
	                                   UINT64_C(1) << 10, 1};
	const uint64_t *bytes = field_of(row, object);
	return write_scaled(*bytes, factors, "GMK", out);
}

static bool write_number(const struct settings_row *row, const void *object, struct buf *out)
{
	const int64_t *number = field_of(row, object);
	return buf_addf(out, "%lld", (long long)*number);
}

static size_t line_len(const struct buf *out)
{
	size_t end = str_rfind(buf_str(out), '\n');
	return end == STR_NONE ? out->len : out->len - end - 1;
}

/* A word of a list, behind those that stand there; a list may go on in a line
 * that begins with a blank. A blank and a ";" would begin a comment. */
static bool add_word(struct buf *out, bool first, const char *word)
{
	const char *before = word[0] == ';' ? "," : first ? "" : ", ";
	if (!first && line_len(out) + strlen(word) + 3 > SETTINGS_LINE_MAX)
		before = ",\n ";
	return add(out, before) && add(out, word);
}

static bool write_list(const struct settings_row *row, const void *object, struct buf *out)
{
	const struct settings_list *list = field_of(row, object);
	for (size_t i = 0; i < list->count; i++)
		if (!add_word(out, i == 0, list->words[i]))
			return false;
	return true;
}

/* A word of a command, in quotes where a blank or a quote is in it. */
static bool add_argument(struct buf *out, const char *word)
{
	if (word[0] != '\0' && !strpbrk(word, " \t\"'\\;"))
		return add(out, word);
	if (!buf_add_char(out, '"'))
		return false;
	for (const char *c = word; *c != '\0'; c++) {
		if ((*c == '"' || *c == '\\') && !buf_add_char(out, '\\'))
			return false;
		/* A blank and a ";" would begin a comment, whatever the quotes. */
		if (*c == ';' && c > word && (c[-1] == ' ' || c[-1] == '\t') &&
		    !buf_add_char(out, '\\'))
			return false;
		if (!buf_add_char(out, *c))
			return false;
	}
	return buf_add_char(out, '"');
}

static bool write_command(const struct settings_row *row, const void *object, struct buf *out)
{
	const struct settings_list *list = field_of(row, object);
	for (size_t i = 0; i < list->count; i++)
		if ((i > 0 && !buf_add_char(out, ' ')) || !add_argument(out, list->words[i]))
			return false;
	return true;
}

static bool write_log(const struct settings_row *row, const void *object, struct buf *out)
{
	const struct settings *c = object;
	if (c->log_to == LOG_TO_FILE)
		return add(out, c->log_file);
	return write_choice(row, object, out);
}

static bool write_ports(const struct settings_row *row, const void *object, struct buf *out)
{
	const struct settings_relay *relay = object;
	(void)row;
	for (size_t i = 0; i < relay->port_count; i++)
		if (!buf_addf(out, "%s%d", i > 0 ? ", " : "", relay->ports[i]))
			return false;
	return true;
}

static bool write_auth(const struct settings_row *row, const void *object, struct buf *out)
{
	const struct settings_relay *relay = object;
	bool first = true;
	(void)row;
	if (relay->auth_none)
		return add(out, "none");
	if (relay->auth == 0)
		return add(out, "auto");
	for (size_t i = 0; settings_mechanism(i) != NULL; i++) {
		if ((relay->auth & 1U << i) == 0)
			continue;
		if (!add_word(out, first, settings_mechanism(i)))
			return false;
		first = false;
	}
	return true;
}

static bool write_trust(const struct settings_row *row, const void *object, struct buf *out)
{
	const struct settings_relay *relay = object;
	(void)row;
	return add(out, relay->tls_trust_none ? "none"
	                : !relay->tls_trust   ? "system"
	                                      : relay->tls_trust);
}

/* What writes a value that was read by a function. */
static const struct {
	settings_reader *read;
	config_writer *write; /* NULL: a secret */
} forms[] = {
    {settings_read_text, write_text},       {settings_read_secret, NULL},
    {settings_read_name, write_name},       {settings_read_address, write_text},
    {settings_read_path, write_text},       {settings_read_flag, write_flag},
    {settings_read_choice, write_choice},   {settings_read_duration, write_duration},
    {settings_read_size, write_size},       {settings_read_number, write_number},
    {settings_read_format, write_format},   {settings_read_list, write_list},
    {settings_read_command, write_command}, {settings_read_log, write_log},
    {settings_read_ports, write_ports},     {settings_read_auth, write_auth},
    {settings_read_trust, write_trust},     {settings_read_hosts, write_list},
    {settings_read_helo, write_text},       {settings_read_identity, write_text},
    {settings_read_source, write_text},     {settings_read_servers, write_text},
    {settings_read_proxy, write_text},      {settings_read_pins, write_list},
};

/* A secret, and what has no value, is a comment: what is read again has it not,
 * rather than something that is not it. */
static bool write_row(const struct settings_row *row, const void *object, struct buf *out)
{
	size_t begin = out->len, i = 0;
	/* A reader without a writer stops every unit test. */
	while (forms[i].read != row->read)
		if (++i == sizeof(forms) / sizeof(forms[0]))
			__builtin_trap();
	if (!forms[i].write) {
		char *const *secret = field_of(row, object);
		return buf_addf(out, ";%s =%s\n", row->name,
		                !*secret ? "" : " (set, not shown)");
	}
	if (!buf_addf(out, "%s = ", row->name))
		return false;
	size_t value = out->len;
	if (!forms[i].write(row, object, out))
		return false;
	if (out->len > value)
		return buf_add_char(out, '\n');
	out->len = begin;
	return buf_addf(out, ";%s =\n", row->name);
}

static bool write_section(const char *section, const void *object, struct buf *out)
{
	for (size_t i = 0; i < config_rows(); i++) {
		const struct settings_row *row = settings_row(i);
		if (strcmp(row->section, section) == 0 && !write_row(row, object, out))
			return false;
	}
	return true;
}

static bool write_relays(const struct settings *c, struct buf *out)
{
	for (size_t i = 0; i < c->relay_count; i++)
		if (!buf_addf(out, "\n[relay %s]\n", c->relays[i].name) ||
		    !write_section("relay", &c->relays[i], out))
			return false;
	return true;
}

/* Rows whose keys are patterns stand in no table. */
static bool write_senders(const struct settings *c, struct buf *out)
{
	bool ok = c->sender_count == 0 || buf_addf(out, "\n[" SETTINGS_SENDERS "]\n");
	for (size_t i = 0; ok && i < c->sender_count; i++)
		ok = buf_addf(out, "%s = %s\n", c->senders[i].pattern, c->senders[i].address);
	return ok;
}

bool settings_write(const struct settings *c, struct buf *out)
{
	const char *last = "";
	/* The sections stand together in the table. */
	for (size_t i = 0; i < config_rows(); i++) {
		const char *section = settings_row(i)->section;
		if (strcmp(section, last) == 0)
			continue;
		last = section;
		if (strcmp(section, "relay") == 0 ? !write_relays(c, out)
		                                  : !buf_addf(out, "\n[%s]\n", section) ||
		                                        !write_section(section, c, out))
			return false;
	}
	return write_senders(c, out);
}
