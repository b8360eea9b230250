/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "conf/settings_value.h"

#include <stdlib.h>
#include <string.h>

#include "text/codec.h"
#include "mail/addr.h"

#define QUOTED(text) SETTINGS_QUOTED(text)

static const int64_t ten_years = INT64_C(3650) * 86400;
static const uint64_t size_most = UINT64_C(1) << 50;

static bool add(struct buf *out, const char *text)
{
	return !text || buf_add_str(out, str_of(text));
}

/* Is that the row's default? */
static bool is_standard(const struct settings_row *row, const char *word)
{
	return strcmp(row->standard, word) == 0;
}

/* Names are compared, and put into mail, without the dot that may end them. */
static struct str without_dot(struct str text)
{
	return text.len > 1 && str_ends(text, STR(".")) ? str_first(text, text.len - 1) : text;
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

/* ---- one text ---- */

static bool keep_text(const struct settings_value *v, struct str text)
{
	char **to = v->field;
	*to = mem_copy(text);
	return true;
}

static bool read_text(const struct settings_value *v, struct fault *f)
{
	(void)f;
	return keep_text(v, v->given);
}

bool settings_write_text(const struct settings_row *row, const void *field, struct buf *out)
{
	char *const *text = field;
	(void)row;
	return add(out, *text);
}

void settings_release_pointer(void *field)
{
	void *first;
	memcpy(&first, field, sizeof(first));
	free(first);
}

const struct settings_kind settings_text = {read_text, settings_write_text,
                                            settings_release_pointer, false, false};

static void wipe_text(void *field)
{
	char **text = field;
	if (*text)
		codec_wipe(*text, strlen(*text));
	free(*text);
}

const struct settings_kind settings_secret = {read_text, NULL, wipe_text, false, false};

static bool read_name(const struct settings_value *v, struct fault *f)
{
	if (str_eq(v->given, STR("auto")) && is_standard(v->row, "auto"))
		return true;
	/* It is going to stand behind an "@". */
	struct str name = without_dot(v->given);
	if (str_starts(name, STR("[")) || !addr_is_domain(name))
		return fault_set(f, FAULT_CONFIG, "'%.*s' is not a host or domain name",
		                 QUOTED(v->given));
	return keep_text(v, name);
}

static bool write_name(const struct settings_row *row, const void *field, struct buf *out)
{
	char *const *text = field;
	return add(out, *text || !is_standard(row, "auto") ? *text : "auto");
}

const struct settings_kind settings_name = {read_name, write_name, settings_release_pointer,
                                            false, false};

struct mailbox {
	struct str text;
	size_t count;
	bool plain;
	char *wire;
};

static bool take_mailbox(void *context, const struct addr *a, struct fault *f)
{
	struct mailbox *m = context;
	(void)f;
	m->plain = m->count++ == 0 && a->name.len == 0 && str_eq(a->spec, m->text);
	free(m->wire);
	m->wire = mem_copy(a->mailbox);
	return true;
}

bool settings_take_mailbox(struct str text, char **to, struct fault *f)
{
	struct mailbox m = {.text = text};
	struct fault why = FAULT_INIT;
	size_t at = str_rfind(text, '@');
	bool good = addr_parse_list(text, take_mailbox, &m, &why);
	if (good && m.plain) {
		*to = m.wire;
		return true;
	}
	free(m.wire);
	if (good && m.count == 1)
		return fault_set(
		    f, FAULT_CONFIG,
		    "'%.*s' has more than the address: write it without name and <>",
		    QUOTED(text));
	if (!good && at != STR_NONE && !addr_is_domain(str_from(text, at + 1)))
		return fault_set(
		    f, FAULT_CONFIG,
		    "'%.*s' is not a mail address: what is behind the @ is no domain",
		    QUOTED(text));
	return fault_set(f, FAULT_CONFIG, "'%.*s' is not one mail address", QUOTED(text));
}

static bool read_mailbox(const struct settings_value *v, struct fault *f)
{
	return settings_take_mailbox(v->given, v->field, f);
}

const struct settings_kind settings_mailbox = {read_mailbox, settings_write_text,
                                               settings_release_pointer, false, false};

char *settings_make_path(struct str text, const char *folder, struct fault *f)
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

bool settings_read_path(const struct settings_value *v, struct fault *f)
{
	char **to = v->field;
	*to = settings_make_path(v->given, v->folder, f);
	return *to;
}

const struct settings_kind settings_path = {settings_read_path, settings_write_text,
                                            settings_release_pointer, false, false};

/* ---- one of several ---- */

/* The two choices of the row, of which one is true. */
static bool read_either(const struct settings_value *v, struct fault *f)
{
	const struct settings_choice *c = v->row->choices;
	bool *to = v->field, first = str_eq(v->given, str_of(c[0].word));
	*to = c[first ? 0 : 1].value;
	return first || str_eq(v->given, str_of(c[1].word)) ||
	       fault_set(f, FAULT_CONFIG, "'%.*s' is neither %s nor %s", QUOTED(v->given),
	                 c[0].word, c[1].word);
}

static bool write_either(const struct settings_row *row, const void *field, struct buf *out)
{
	const bool *now = field;
	return add(out, row->choices[row->choices[0].value == *now ? 0 : 1].word);
}

const struct settings_kind settings_either = {read_either, write_either, NULL, false, false};

/* Enums and int have the same size; a copy needs no cast to each enum. */
static bool read_choice(const struct settings_value *v, struct fault *f)
{
	const struct settings_choice *c = v->row->choices;
	while (c->word && !str_eq(v->given, str_of(c->word)))
		c++;
	if (c->word) {
		memcpy(v->field, &c->value, sizeof(c->value));
		return true;
	}
	struct buf known;
	buf_init(&known, FAULT_TEXT_MAX);
	for (c = v->row->choices; c->word; c++)
		if (!buf_addf(&known, "%s%s", known.len > 0 ? ", " : "", c->word))
			break;
	fault_set(f, FAULT_CONFIG, "'%.*s' is none of %s", QUOTED(v->given), buf_cstr(&known));
	buf_release(&known);
	return false;
}

static bool write_choice(const struct settings_row *row, const void *field, struct buf *out)
{
	const struct settings_choice *c = row->choices;
	int value;
	memcpy(&value, field, sizeof(value));
	while (c->word && c->value != value)
		c++;
	return add(out, c->word);
}

const struct settings_kind settings_one_of = {read_choice, write_choice, NULL, false, false};

/* ---- numbers ---- */

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

static bool write_duration(int64_t seconds, struct buf *out)
{
	static const uint64_t factors[] = {86400, 3600, 60, 1};
	return write_scaled((uint64_t)seconds, factors, "dhms", out);
}

static bool out_of_range(const struct settings_value *v, struct fault *f)
{
	struct buf range;
	buf_init(&range, FAULT_TEXT_MAX);
	if (write_duration(v->row->least, &range) && buf_add_str(&range, STR(" and ")) &&
	    write_duration(v->row->most, &range))
		fault_set(f, FAULT_CONFIG, "'%.*s' is not within %s", QUOTED(v->given),
		          buf_cstr(&range));
	buf_release(&range);
	return false;
}

static bool read_seconds(const struct settings_value *v, struct fault *f)
{
	int64_t *to = v->field;
	if (str_eq(v->given, STR("off")) && is_standard(v->row, "off"))
		return true;
	if (!settings_duration(v->given, to))
		return fault_set(f, FAULT_CONFIG,
		                 "'%.*s' is not a duration such as 30s, 5m, 4h or 5d",
		                 QUOTED(v->given));
	return (*to >= v->row->least && *to <= v->row->most) || out_of_range(v, f);
}

static bool write_seconds(const struct settings_row *row, const void *field, struct buf *out)
{
	const int64_t *seconds = field;
	if (*seconds == 0 && is_standard(row, "off"))
		return add(out, "off");
	return write_duration(*seconds, out);
}

const struct settings_kind settings_seconds = {read_seconds, write_seconds, NULL, false, false};

/* No overflow: no duration is longer than ten years. */
static bool read_ms(const struct settings_value *v, struct fault *f)
{
	int64_t *to = v->field;
	bool good = read_seconds(v, f);
	*to *= 1000;
	return good;
}

static bool write_ms(const struct settings_row *row, const void *field, struct buf *out)
{
	const int64_t *ms = field, seconds = *ms / 1000;
	return write_seconds(row, &seconds, out);
}

const struct settings_kind settings_ms = {read_ms, write_ms, NULL, false, false};

static bool read_bytes(const struct settings_value *v, struct fault *f)
{
	return settings_size(v->given, v->field) ||
	       fault_set(f, FAULT_CONFIG, "'%.*s' is not a size such as 500K, 64M or 1G",
	                 QUOTED(v->given));
}

static bool write_bytes(const struct settings_row *row, const void *field, struct buf *out)
{
	static const uint64_t factors[] = {UINT64_C(1) << 30, UINT64_C(1) << 20,
	                                   UINT64_C(1) << 10, 1};
	const uint64_t *bytes = field;
	(void)row;
	return write_scaled(*bytes, factors, "GMK", out);
}

const struct settings_kind settings_bytes = {read_bytes, write_bytes, NULL, false, false};

static bool read_number(const struct settings_value *v, struct fault *f)
{
	const struct settings_row *row = v->row;
	int64_t *to = v->field;
	long long value;
	if (!str_number(v->given, &value) || value < row->least || value > row->most)
		return fault_set(f, FAULT_CONFIG, "'%.*s' is not a number from %lld to %lld",
		                 QUOTED(v->given), (long long)row->least, (long long)row->most);
	*to = value;
	return true;
}

static bool write_number(const struct settings_row *row, const void *field, struct buf *out)
{
	const int64_t *number = field;
	(void)row;
	return buf_addf(out, "%lld", (long long)*number);
}

const struct settings_kind settings_number = {read_number, write_number, NULL, false, false};

/* ---- lists of words ---- */

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

bool settings_each_word(const struct settings_value *v, settings_take *take, const char *wrong,
                        struct fault *f)
{
	struct str rest = v->given, word;
	bool any = false;
	for (; settings_next_word(&rest, &word); any = true)
		if (!take(word, v->field))
			return fault_set(f, FAULT_CONFIG, "'%.*s' is %s", QUOTED(word), wrong);
	return any || fault_set(f, FAULT_CONFIG, "'%.*s' is an empty list", QUOTED(v->given));
}

void settings_add_word(struct settings_list *list, struct str word)
{
	size_t cap = list->words ? 2 : 0;
	/* mem_grow() doubled it each time that it was full. */
	while (cap > 0 && cap < list->count + 1)
		cap *= 2;
	list->words = mem_grow(list->words, &cap, list->count + 2, sizeof(*list->words));
	list->words[list->count++] = mem_copy(word);
	list->words[list->count] = NULL;
}

bool settings_read_words(const struct settings_value *v, struct fault *f)
{
	struct settings_list *list = v->field;
	struct str rest = v->given, word;
	while (settings_next_word(&rest, &word)) {
		if (settings_is_quoted(word))
			return fault_set(
			    f, FAULT_CONFIG,
			    "%.*s: quotes would be part of the value; leave them out",
			    QUOTED(word));
		settings_add_word(list, word);
	}
	return list->count > 0 ||
	       fault_set(f, FAULT_CONFIG, "'%.*s' is an empty list", QUOTED(v->given));
}

static size_t line_len(const struct buf *out)
{
	size_t end = str_rfind(buf_str(out), '\n');
	return end == STR_NONE ? out->len : out->len - end - 1;
}

/* A word of a list, behind those that stand there; a list may go on in a line
 * that begins with a blank. A blank and a ";" would begin a comment. */
bool settings_write_word(struct buf *out, bool first, const char *word)
{
	const char *before = word[0] == ';' ? "," : first ? "" : ", ";
	if (!first && line_len(out) + strlen(word) + 3 > SETTINGS_LINE_MAX)
		before = ",\n ";
	return add(out, before) && add(out, word);
}

bool settings_write_words(const struct settings_row *row, const void *field, struct buf *out)
{
	const struct settings_list *list = field;
	(void)row;
	for (size_t i = 0; i < list->count; i++)
		if (!settings_write_word(out, i == 0, list->words[i]))
			return false;
	return true;
}

void settings_release_words(void *field)
{
	struct settings_list *list = field;
	for (size_t i = 0; i < list->count; i++)
		free(list->words[i]);
	free(list->words);
}

const struct settings_kind settings_words = {settings_read_words, settings_write_words,
                                             settings_release_words, true, false};

/* ---- where the log goes ---- */

/* A word without a slash is taken for a misspelt sink, not for a file. */
static bool read_sink(const struct settings_value *v, struct fault *f)
{
	struct settings_log *log = v->field;
	struct settings_value sink = *v;
	sink.field = &log->to;
	if (str_find(v->given, '/') == STR_NONE && v->given.at[0] != '~')
		return read_choice(&sink, f) ||
		       fault_set(f, FAULT_CONFIG,
		                 "'%.*s' is neither syslog, stderr, none nor the path of "
		                 "a file (with a /)",
		                 QUOTED(v->given));
	log->to = LOG_TO_FILE;
	log->file = settings_make_path(v->given, v->folder, f);
	return log->file;
}

static bool write_sink(const struct settings_row *row, const void *field, struct buf *out)
{
	const struct settings_log *log = field;
	return log->to == LOG_TO_FILE ? add(out, log->file) : write_choice(row, &log->to, out);
}

const struct settings_kind settings_sink = {read_sink, write_sink, settings_release_pointer,
                                            false, false};
