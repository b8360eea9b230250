/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "conf/settings_value.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NAME_MAX_LEN  253
#define LABEL_MAX_LEN 63
#define QUOTE_LEN     64 /* how much of a value a fault shows */

static const int64_t ten_years = INT64_C(3650) * 86400;
static const uint64_t size_most = UINT64_C(1) << 50;

/* The arguments of "'%.*s'" for a value in a fault. */
#define QUOTED(text) STR_FMT(str_first(text, QUOTE_LEN))

void *settings_field(const struct settings_row *row, void *object)
{
	return (char *)object + row->at;
}

static void set_string(void *field, char *value)
{
	char **to = field;
	free(*to);
	*to = value;
}

/* Enums and int have the same size; a copy needs no cast to each enum. */
static void set_enum(void *field, int value)
{
	memcpy(field, &value, sizeof(value));
}

static bool is_auto(const struct settings_row *row, struct str text)
{
	return str_eq(text, STR("auto")) && strcmp(row->standard, "auto") == 0;
}

/* Names are compared, and put into mail, without the dot that may end them. */
static struct str without_dot(struct str text)
{
	return text.len > 1 && str_ends(text, STR(".")) ? str_first(text, text.len - 1) : text;
}

bool settings_is_name(struct str text)
{
	struct str rest = text;
	if (text.len == 0 || text.len > NAME_MAX_LEN)
		return false;
	if (str_ends(rest, STR(".")))
		rest.len--;
	if (rest.len == 0 || str_ends(rest, STR(".")))
		return false;
	struct str label;
	while (str_cut(&rest, '.', &label)) {
		if (label.len == 0 || label.len > LABEL_MAX_LEN)
			return false;
		for (size_t i = 0; i < label.len; i++) {
			char c = label.at[i];
			if (!ascii_alpha(c) && !ascii_digit(c) && c != '-' && c != '_' &&
			    (unsigned char)c < 0x80)
				return false;
		}
	}
	return true;
}

bool settings_is_quoted(struct str text)
{
	char quote = text.len > 1 ? text.at[0] : '\0';
	if (quote != '"' && quote != '\'')
		return false;
	for (size_t i = 1; i < text.len; i++)
		if (text.at[i] == '\\' && quote == '"')
			i++;
		else if (text.at[i] == quote)
			return i + 1 == text.len;
	return false;
}

bool settings_read_text(const struct settings_row *row, struct str text, const char *folder,
                        void *object, struct fault *f)
{
	(void)folder;
	(void)f;
	set_string(settings_field(row, object), mem_copy(text));
	return true;
}

bool settings_read_secret(const struct settings_row *row, struct str text, const char *folder,
                          void *object, struct fault *f)
{
	return settings_read_text(row, text, folder, object, f);
}

bool settings_read_name(const struct settings_row *row, struct str text, const char *folder,
                        void *object, struct fault *f)
{
	(void)folder;
	if (is_auto(row, text)) {
		set_string(settings_field(row, object), NULL);
		return true;
	}
	if (!settings_is_name(text))
		return fault_set(f, FAULT_CONFIG, "'%.*s' is not a host or domain name",
		                 QUOTED(text));
	set_string(settings_field(row, object), mem_copy(without_dot(text)));
	return true;
}

/* Where the domain of a mailbox begins: behind the @ that is not in quotes. */
static size_t find_at(struct str text)
{
	bool quoted = false;
	for (size_t i = 0; i < text.len; i++)
		if (text.at[i] == '\\' && quoted)
			i++;
		else if (text.at[i] == '"')
			quoted = !quoted;
		else if (text.at[i] == '@' && !quoted)
			return i;
	return STR_NONE;
}

/* Only what can be told without the grammar of mail: the rest is for the
 * address parser, which has the message at hand. */
bool settings_check_address(struct str text, struct fault *f)
{
	size_t at = find_at(text);
	struct str local = str_first(text, at);
	struct str domain = at == STR_NONE ? str_of(NULL) : str_from(text, at + 1);
	if (str_find(text, '<') != STR_NONE || str_find(text, '>') != STR_NONE)
		return fault_set(
		    f, FAULT_CONFIG,
		    "'%.*s' has more than the address: write it without name and <>",
		    QUOTED(text));
	if (local.len == 0 || (local.at[0] != '"' && (str_find(local, ' ') != STR_NONE ||
	                                              str_find(local, '\t') != STR_NONE ||
	                                              str_find(local, ',') != STR_NONE)))
		return fault_set(f, FAULT_CONFIG, "'%.*s' is not one mail address",
		                 QUOTED(text));
	if (at != STR_NONE && !settings_is_name(domain) && !str_starts(domain, STR("[")))
		return fault_set(
		    f, FAULT_CONFIG,
		    "'%.*s' is not a mail address: what is behind the @ is no domain",
		    QUOTED(text));
	return true;
}

bool settings_read_address(const struct settings_row *row, struct str text, const char *folder,
                           void *object, struct fault *f)
{
	(void)folder;
	if (!settings_check_address(text, f))
		return false;
	set_string(settings_field(row, object),
	           mem_copy(find_at(text) == STR_NONE ? text : without_dot(text)));
	return true;
}

/* A path in memory of its own, made absolute; NULL and f if it cannot be. */
static char *make_path(struct str text, const char *folder, struct fault *f)
{
	if (text.at[0] == '~') {
		fault_set(f, FAULT_CONFIG,
		          "'%.*s': ~ has no meaning here, write the whole path", QUOTED(text));
		return NULL;
	}
	if (text.at[0] == '/')
		return mem_copy(text);
	return mem_printf("%s/%.*s", folder, STR_FMT(text));
}

bool settings_read_path(const struct settings_row *row, struct str text, const char *folder,
                        void *object, struct fault *f)
{
	char *path = make_path(text, folder, f);
	if (!path)
		return false;
	set_string(settings_field(row, object), path);
	return true;
}

bool settings_read_flag(const struct settings_row *row, struct str text, const char *folder,
                        void *object, struct fault *f)
{
	bool *to = settings_field(row, object);
	(void)folder;
	if (!str_eq(text, STR("yes")) && !str_eq(text, STR("no")))
		return fault_set(f, FAULT_CONFIG, "'%.*s' is neither yes nor no", QUOTED(text));
	*to = str_eq(text, STR("yes"));
	return true;
}

bool settings_read_format(const struct settings_row *row, struct str text, const char *folder,
                          void *object, struct fault *f)
{
	bool *json = settings_field(row, object);
	(void)folder;
	if (!str_eq(text, STR("text")) && !str_eq(text, STR("json")))
		return fault_set(f, FAULT_CONFIG, "'%.*s' is neither text nor json",
		                 QUOTED(text));
	*json = str_eq(text, STR("json"));
	return true;
}

bool settings_read_choice(const struct settings_row *row, struct str text, const char *folder,
                          void *object, struct fault *f)
{
	(void)folder;
	for (const struct settings_choice *c = row->choices; c->word != NULL; c++) {
		if (str_eq(text, str_of(c->word))) {
			set_enum(settings_field(row, object), c->value);
			return true;
		}
	}
	struct buf known;
	buf_init(&known, FAULT_TEXT_MAX);
	for (const struct settings_choice *c = row->choices; c->word != NULL; c++)
		if (!buf_addf(&known, "%s%s", known.len > 0 ? ", " : "", c->word))
			break;
	fault_set(f, FAULT_CONFIG, "'%.*s' is none of %s", QUOTED(text), buf_cstr(&known));
	buf_release(&known);
	return false;
}

/* A number and the unit behind it, which is looked up in units; without one,
 * the factor is bare (0: a unit is needed, except behind a 0). */
static bool read_scaled(struct str text, const char *units, const uint64_t *factors,
                        uint64_t bare, uint64_t most, uint64_t *value)
{
	uint64_t factor = bare;
	size_t unit;
	if (text.len > 0 && !ascii_digit(text.at[text.len - 1])) {
		unit = str_find(str_of(units), text.at[text.len - 1]);
		if (unit == STR_NONE)
			return false;
		factor = factors[unit];
		text.len--;
	}
	long long number;
	if (!str_number(text, &number))
		return false;
	if (number == 0) {
		*value = 0;
		return true;
	}
	if (factor == 0 || (uint64_t)number > most / factor)
		return false;
	*value = (uint64_t)number * factor;
	return true;
}

bool settings_duration(struct str text, int64_t *seconds)
{
	static const uint64_t factors[] = {1, 60, 3600, 86400};
	uint64_t value;
	if (!read_scaled(text, "smhd", factors, 0, (uint64_t)ten_years, &value))
		return false;
	*seconds = (int64_t)value;
	return true;
}

bool settings_size(struct str text, uint64_t *bytes)
{
	static const uint64_t factors[] = {UINT64_C(1) << 10, UINT64_C(1) << 20,
	                                   UINT64_C(1) << 30};
	return read_scaled(text, "KMG", factors, 1, size_most, bytes);
}

/* A number of seconds in the largest unit that fits. */
static void put_duration(char to[32], int64_t seconds)
{
	static const struct {
		int64_t factor;
		char unit;
	} units[] = {{86400, 'd'}, {3600, 'h'}, {60, 'm'}, {1, 's'}};
	size_t i = 0;

	while (seconds % units[i].factor != 0)
		i++;
	snprintf(to, 32, "%lld%c", (long long)(seconds / units[i].factor), units[i].unit);
}

bool settings_read_duration(const struct settings_row *row, struct str text, const char *folder,
                            void *object, struct fault *f)
{
	int64_t *to = settings_field(row, object);
	(void)folder;
	if (str_eq(text, STR("off")) && strcmp(row->standard, "off") == 0) {
		*to = 0;
		return true;
	}
	int64_t value;
	if (!settings_duration(text, &value))
		return fault_set(f, FAULT_CONFIG,
		                 "'%.*s' is not a duration such as 30s, 5m, 4h or 5d",
		                 QUOTED(text));
	char least[32], most[32];
	if (value < row->least || value > row->most) {
		put_duration(least, row->least);
		put_duration(most, row->most);
		return fault_set(f, FAULT_CONFIG, "'%.*s' is not within %s and %s",
		                 QUOTED(text), row->least == 0 ? "0" : least, most);
	}
	*to = value;
	return true;
}

bool settings_read_size(const struct settings_row *row, struct str text, const char *folder,
                        void *object, struct fault *f)
{
	uint64_t *to = settings_field(row, object);
	(void)folder;
	uint64_t value;
	if (!settings_size(text, &value))
		return fault_set(f, FAULT_CONFIG,
		                 "'%.*s' is not a size such as 500K, 64M or 1G", QUOTED(text));
	*to = value;
	return true;
}

bool settings_read_number(const struct settings_row *row, struct str text, const char *folder,
                          void *object, struct fault *f)
{
	int64_t *to = settings_field(row, object);
	(void)folder;
	long long value;
	if (!str_number(text, &value) || value < row->least || value > row->most)
		return fault_set(f, FAULT_CONFIG, "'%.*s' is not a number from %lld to %lld",
		                 QUOTED(text), (long long)row->least, (long long)row->most);
	*to = value;
	return true;
}

static bool is_separator(char c)
{
	return c == ',' || ascii_space(c);
}

bool settings_next_word(struct str *rest, struct str *word)
{
	size_t start = 0;
	while (start < rest->len && is_separator(rest->at[start]))
		start++;
	size_t end;
	for (end = start; end < rest->len && !is_separator(rest->at[end]);)
		end++;
	*word = str_first(str_from(*rest, start), end - start);
	*rest = str_from(*rest, end);
	return word->len > 0;
}

void settings_list_add(struct settings_list *list, struct str word)
{
	size_t cap = list->count + 1;
	list->words = mem_grow(list->words, &cap, list->count + 2, sizeof(*list->words));
	list->words[list->count++] = mem_copy(word);
	list->words[list->count] = NULL;
}

void settings_list_release(struct settings_list *list)
{
	for (size_t i = 0; i < list->count; i++)
		free(list->words[i]);
	free(list->words);
	*list = (struct settings_list){NULL, 0};
}

void settings_list_replace(struct settings_list *list, struct settings_list *from)
{
	settings_list_release(list);
	*list = *from;
	*from = (struct settings_list){NULL, 0};
}

bool settings_read_list(const struct settings_row *row, struct str text, const char *folder,
                        void *object, struct fault *f)
{
	struct settings_list list = {NULL, 0};
	struct str rest = text;
	(void)folder;
	struct str word;
	while (settings_next_word(&rest, &word)) {
		if (settings_is_quoted(word)) {
			settings_list_release(&list);
			return fault_set(
			    f, FAULT_CONFIG,
			    "%.*s: quotes would be part of the value; leave them out",
			    QUOTED(word));
		}
		settings_list_add(&list, word);
	}
	if (list.count == 0)
		return fault_set(f, FAULT_CONFIG, "'%.*s' is an empty list", QUOTED(text));
	settings_list_replace(settings_field(row, object), &list);
	return true;
}

/* Takes one word of a command off *rest into word; false if a quote is open. */
static bool cut_argument(struct str *rest, struct buf *word)
{
	char quote = '\0';
	size_t i = 0;
	bool done = true;
	for (; done && i < rest->len && (quote != '\0' || !ascii_space(rest->at[i])); i++) {
		char c = rest->at[i];
		if (c == quote && quote != '\0') {
			quote = '\0';
		} else if (quote == '\0' && (c == '"' || c == '\'')) {
			quote = c;
		} else {
			if (c == '\\' && quote != '\'' && i + 1 < rest->len)
				c = rest->at[++i];
			done = buf_add_char(word, c);
		}
	}
	*rest = str_from(*rest, i);
	return done && quote == '\0';
}

/* A program given by a relative path; a bare name is left to the search path. */
static bool place_program(struct settings_list *list, const char *folder, struct fault *f)
{
	if (!list->words || list->words[0][0] == '\0')
		return fault_set(f, FAULT_CONFIG, "names no program");
	struct str program = str_of(list->words[0]);
	if (program.at[0] != '~' && str_find(program, '/') == STR_NONE)
		return true;
	char *path = make_path(program, folder, f);
	if (!path)
		return false;
	set_string(&list->words[0], path);
	return true;
}

bool settings_read_command(const struct settings_row *row, struct str text, const char *folder,
                           void *object, struct fault *f)
{
	struct settings_list list = {NULL, 0};
	struct str rest = str_trim(text);
	struct buf word;
	bool done = true;
	buf_init(&word, text.len);
	while (done && rest.len > 0) {
		buf_clear(&word);
		done = cut_argument(&rest, &word);
		if (done)
			settings_list_add(&list, buf_str(&word));
		else
			fault_set(f, FAULT_CONFIG, "a quote is not closed");
		rest = str_trim(rest);
	}
	buf_release(&word);
	done = done && place_program(&list, folder, f);
	if (done)
		settings_list_replace(settings_field(row, object), &list);
	settings_list_release(&list);
	return done;
}

/* A word without a slash is taken for a misspelt sink, not for a file. */
bool settings_read_log(const struct settings_row *row, struct str text, const char *folder,
                       void *object, struct fault *f)
{
	struct settings *c = object;
	if (str_find(text, '/') == STR_NONE && text.at[0] != '~') {
		if (!settings_read_choice(row, text, folder, object, f))
			return fault_set(
			    f, FAULT_CONFIG,
			    "'%.*s' is neither syslog, stderr, none nor the path of "
			    "a file (with a /)",
			    QUOTED(text));
		set_string(&c->log_file, NULL);
		return true;
	}
	char *path = make_path(text, folder, f);
	if (!path)
		return false;
	set_string(&c->log_file, path);
	c->log_to = LOG_TO_FILE;
	return true;
}

/* "system", "none" or a file. */
bool settings_read_trust(const struct settings_row *row, struct str text, const char *folder,
                         void *object, struct fault *f)
{
	struct settings_relay *relay = object;
	bool none = str_eq(text, STR("none"));
	if (none || str_eq(text, STR("system")))
		set_string(&relay->tls_trust, NULL);
	else if (!settings_read_path(row, text, folder, object, f))
		return false;
	relay->tls_trust_none = none;
	return true;
}
