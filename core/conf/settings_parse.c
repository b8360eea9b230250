/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "conf/settings_parse.h"

#include <stdarg.h>
#include <ini.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "text/codec.h"
#include "conf/settings_senders.h"

#define RELAY_NAME_MAX 32
#define KEY_SHOWN_MAX  40
#define PATH_SHOWN_MAX 4096

static const char plain_relay[] = "main"; /* the name of a [relay] without one */

void settings_put_note(settings_note *note, void *context, bool warning, const char *path,
                       size_t line, const char *text)
{
	char name[PATH_SHOWN_MAX];
	codec_printable(name, sizeof(name), str_of(path));
	char *whole = mem_printf("%s:%zu: %s", name, line, text);
	note(context, warning, whole);
	free(whole);
}

/* Through a struct fault, which makes one printable line of everything. */
static void put_format(struct settings_reading *r, bool warning, size_t line,
                       const char *format, va_list args) __attribute__((format(printf, 4, 0)));

static void put_format(struct settings_reading *r, bool warning, size_t line,
                       const char *format, va_list args)
{
	struct fault f = FAULT_INIT;
	char text[2 * FAULT_TEXT_MAX];
	if (vsnprintf(text, sizeof(text), format, args) < 0)
		text[0] = '\0';
	fault_set(&f, FAULT_CONFIG, "%s", text);
	r->found = mem_grow(r->found, &r->found_cap, r->found_count + 1, sizeof(*r->found));
	struct settings_found *found = &r->found[r->found_count++];
	found->line = line;
	found->warning = warning;
	found->text = mem_copy(str_of(f.text));
}

/* Those of one line stay as they were found. */
static void sort_found(struct settings_found *all, size_t count)
{
	for (size_t i = 1; i < count; i++) {
		struct settings_found one = all[i];
		size_t at = i;
		for (; at > 0 && all[at - 1].line > one.line; at--)
			all[at] = all[at - 1];
		all[at] = one;
	}
}

static void tell_found(struct settings_reading *r)
{
	sort_found(r->found, r->found_count);
	for (size_t i = 0; i < r->found_count; i++) {
		settings_put_note(r->note, r->context, r->found[i].warning, r->name,
		                  r->found[i].line, r->found[i].text);
		free(r->found[i].text);
	}
	free(r->found);
	r->found = NULL;
}

void settings_fault(struct settings_reading *r, size_t line, const char *format, ...)
{
	r->faulty = true;
	va_list args;
	va_start(args, format);
	put_format(r, false, line, format, args);
	va_end(args);
}

void settings_warning(struct settings_reading *r, size_t line, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	put_format(r, true, line, format, args);
	va_end(args);
}

static struct settings_relay *this_relay(struct settings_reading *r)
{
	return &r->config->relays[r->config->relay_count - 1];
}

static bool in_relay(const struct settings_reading *r)
{
	return r->section && strcmp(r->section, "relay") == 0;
}

/* ---- sections ---- */

static void end_list(struct settings_reading *r);

static void end_section(struct settings_reading *r)
{
	end_list(r);
	if (in_relay(r))
		settings_check_relay(r);
	r->section = NULL;
}

/* It becomes part of file names, so it must not look like a path. */
static bool is_relay_name(struct str name)
{
	if (name.len == 0 || name.len > RELAY_NAME_MAX || name.at[0] == '.')
		return false;
	for (size_t i = 0; i < name.len; i++) {
		char c = name.at[i];
		if (!ascii_alpha(c) && !ascii_digit(c) && c != '-' && c != '_' && c != '.')
			return false;
	}
	return true;
}

static void check_unique(struct settings_reading *r, struct str name)
{
	for (size_t i = 0; i < r->config->relay_count; i++) {
		const struct settings_relay *other = &r->config->relays[i];
		if (!str_eq(name, str_of(other->name)))
			continue;
		settings_fault(r, r->line,
		               "a second relay '%s', the first is in line %zu; name each: "
		               "[relay NAME]",
		               other->name, other->line);
		return;
	}
}

static void begin_relay(struct settings_reading *r, struct str name)
{
	struct settings *c = r->config;
	size_t cap = c->relay_count;
	if (name.len == 0)
		name = str_of(plain_relay);
	if (!is_relay_name(name))
		settings_fault(
		    r, r->line,
		    "'%.*s' cannot be the name of a relay: at most %d letters, digits, "
		    "'-', '_' and '.'",
		    STR_FMT(str_first(name, KEY_SHOWN_MAX)), RELAY_NAME_MAX);
	check_unique(r, name);
	c->relays = mem_grow(c->relays, &cap, c->relay_count + 1, sizeof(*c->relays));
	memset(&c->relays[c->relay_count], 0, sizeof(*c->relays));
	c->relay_count++;
	config_row_defaults("relay", this_relay(r));
	this_relay(r)->name = mem_copy(name);
	this_relay(r)->line = r->line;
	for (size_t i = 0; i < config_rows(); i++)
		if (strcmp(settings_row(i)->section, "relay") == 0)
			r->seen[i] = 0;
}

static void unknown_section(struct settings_reading *r, struct str name)
{
	const char *guess = config_section_guess(name);
	settings_fault(r, r->line, "unknown section [%.*s]%s%s%s",
	               STR_FMT(str_first(name, KEY_SHOWN_MAX)), guess ? "; did you mean [" : "",
	               guess ? guess : "", guess ? "]?" : "");
}

/* line begins with a bracket. */
static void begin_section(struct settings_reading *r, struct str line)
{
	size_t end = str_find(line, ']');
	end_section(r);
	r->outside = false;
	if (end == STR_NONE) {
		settings_fault(r, r->line, "a section without its ]");
		return;
	}
	struct str after = str_trim(str_from(line, end + 1));
	if (after.len > 0 && after.at[0] != ';' && after.at[0] != '#') {
		settings_fault(r, r->line, "text behind the ] of a section");
		return;
	}
	struct str name = str_trim(str_from(str_first(line, end), 1));
	r->section = config_section_find(name);
	struct str first;
	for (size_t i = 0; i < name.len && !in_relay(r); i++) {
		first = str_first(name, i);
		if (ascii_space(name.at[i]) && str_eq(first, STR("relay")))
			r->section = config_section_find(first);
	}
	if (!r->section)
		unknown_section(r, name);
	else if (in_relay(r))
		begin_relay(r, str_trim(str_from(name, strlen("relay"))));
}

/* ---- keys ---- */

/* Something else than a key may hold half a password, so it is not shown. */
static bool may_be_shown(struct str key)
{
	for (size_t i = 0; i < key.len; i++) {
		char c = key.at[i];
		if (!ascii_alpha(c) && !ascii_digit(c) && c != '-' && c != '_')
			return false;
	}
	return key.len > 0 && key.len <= KEY_SHOWN_MAX;
}

static void unknown_key(struct settings_reading *r, struct str key)
{
	const struct settings_row *guess = config_row_guess(r->section, key);
	if (!guess)
		guess = config_row_kin(r->section, key);
	if (!may_be_shown(key))
		settings_fault(r, r->line, "what is before the = is not the name of a key");
	else if (!guess)
		settings_fault(r, r->line, "unknown key '%.*s' in [%s]", STR_FMT(key),
		               r->section);
	else if (strcmp(guess->section, r->section) == 0)
		settings_fault(r, r->line, "unknown key '%.*s' in [%s]; did you mean %s?",
		               STR_FMT(key), r->section, guess->name);
	else
		settings_fault(r, r->line, "unknown key '%.*s' in [%s]; it belongs in [%s]",
		               STR_FMT(key), r->section, guess->section);
}

static void outside_key(struct settings_reading *r, struct str key)
{
	const struct settings_row *guess = config_row_guess(NULL, key);
	if (guess)
		settings_fault(r, r->line, "'%s' before any section; it belongs in [%s]",
		               guess->name, guess->section);
	else
		settings_fault(r, r->line, "a key before any section");
}

/* Nothing takes quotes off a value but a command, which has a syntax of its own.
 * In a list each word may have them. */
static bool has_quotes(const struct settings_row *row, struct str text)
{
	bool all = true, any = false;
	if (row->read == settings_read_command)
		return false;
	if (settings_is_quoted(text))
		return true;
	struct str word;
	while (all && settings_next_word(&text, &word)) {
		any = true;
		all = settings_is_quoted(word);
	}
	return any && all;
}

static bool read_value(struct settings_reading *r, const struct settings_row *row,
                       struct str text, size_t line)
{
	struct fault f = FAULT_INIT;
	void *object = in_relay(r) ? (void *)this_relay(r) : (void *)r->config;
	if (text.len == 0)
		settings_fault(r, line, "%s has no value", row->name);
	else if (!codec_is_utf8(text))
		settings_fault(r, line, "%s is not valid UTF-8", row->name);
	else if (has_quotes(row, text))
		settings_fault(r, line,
		               "%s: quotes would be part of the value; leave them out%s",
		               row->name,
		               row->read != settings_read_secret
		                   ? ""
		                   : " (a password that has them goes into a password_file)");
	else if (!row->read(row, text, r->folder, object, &f))
		settings_fault(r, line, "%s: %s", row->name, f.text);
	else
		return true;
	return false;
}

/* A line of the list that the last key has. Read by itself, it is told of with
 * its own number if it has a fault. */
static void read_more(struct settings_reading *r, struct str text)
{
	if (text.len == 0 || r->list_faulty)
		return;
	r->list_faulty = !read_value(r, r->list, text, r->line) ||
	                 !buf_addf(&r->list_text, "%.*s ", STR_FMT(text));
}

static void begin_list(struct settings_reading *r, const struct settings_row *row,
                       struct str text)
{
	r->list = row;
	r->list_faulty = false;
	buf_clear(&r->list_text);
	read_more(r, text);
}

/* No more lines of it will come: now all of them are the value. */
static void end_list(struct settings_reading *r)
{
	if (r->list && !r->list_faulty)
		read_value(r, r->list, str_trim(buf_str(&r->list_text)),
		           r->seen[config_row_index(r->list)]);
	r->list = NULL;
}

/* Rows whose keys are the user's. */
static void take_sender(struct settings_reading *r, struct str pattern, struct str address)
{
	struct fault f = FAULT_INIT;
	if (!settings_senders_add(r->config, pattern, address, r->line, &f))
		settings_fault(r, r->line, "%s", f.text);
}

/* Called by the library. Its section is cut at 49 bytes and outlives a broken
 * section line, so the one of the reader counts. */
static int take_key(void *user, const char *section, const char *name, const char *value)
{
	struct settings_reading *r = user;
	struct str key = str_of(name);
	(void)section;
	r->pending = false;
	end_list(r);
	if (!r->section) {
		if (r->outside)
			outside_key(r, key);
		return 1;
	}
	if (strcmp(r->section, SETTINGS_SENDERS) == 0) {
		take_sender(r, key, str_of(value));
		return 1;
	}
	const struct settings_row *row = config_row_find(r->section, key);
	if (!row) {
		unknown_key(r, key);
		return 1;
	}
	size_t *seen = &r->seen[config_row_index(row)];
	if (*seen > 0) {
		settings_fault(r, r->line, "%s stands in line %zu already", row->name, *seen);
		return 1;
	}
	*seen = r->line;
	if (config_row_is_list(row))
		begin_list(r, row, str_of(value));
	else
		read_value(r, row, str_of(value), r->line);
	return 1;
}

/* ---- lines ---- */

static bool check_bytes(struct settings_reading *r, struct str *line)
{
	if (str_ends(*line, STR("\r")))
		line->len--;
	for (size_t i = 0; i < line->len; i++) {
		unsigned char c = (unsigned char)line->at[i];
		if ((c < 32 && c != '\t') || c == 127) {
			settings_fault(r, r->line, "control byte 0x%02X", c);
			return false;
		}
	}
	if (line->len > SETTINGS_LINE_MAX) {
		settings_fault(r, r->line, "the line is longer than %d bytes",
		               SETTINGS_LINE_MAX);
		return false;
	}
	return true;
}

static void flush_pending(struct settings_reading *r)
{
	if (r->pending)
		settings_fault(r, r->line, "no = in this line");
	r->pending = false;
}

static bool is_comment(struct str line)
{
	return line.at[0] == ';' || line.at[0] == '#';
}

/* Is an indented line a key or a section for all that? An address literal looks
 * like a section, and some address like a key. */
static bool begins_anew(const struct settings_reading *r, struct str line)
{
	size_t end = str_find(line, line.at[0] == '[' ? ']' : '=');
	struct str name = str_trim(str_first(line, end));
	if (end == STR_NONE)
		return false;
	if (line.at[0] != '[')
		return config_row_find(r->section, name) || config_row_guess(r->section, name);
	name = str_trim(str_from(name, 1));
	return config_section_find(name) || str_starts(name, STR("relay ")) ||
	       config_section_guess(name);
}

/* As the library has it: a ";" behind a blank. */
static struct str without_comment(struct str line)
{
	for (size_t i = 1; i < line.len; i++)
		if (line.at[i] == ';' && ascii_space(line.at[i - 1]))
			return str_trim(str_first(line, i));
	return line;
}

/* The library's fgets. Blanks before a line are left out: to some builds of the
 * library such a line is more of the value before, whatever that is. */
static char *read_line(char *to, int size, void *stream)
{
	struct settings_reading *r = stream;
	flush_pending(r);
	struct str line;
	if (!str_cut(&r->rest, '\n', &line))
		return NULL;
	r->line++;
	if (!check_bytes(r, &line))
		line.len = 0;
	bool indented = line.len > 0 && ascii_space(line.at[0]);
	line = str_trim(line);
	if (indented && line.len > 0 && r->list && !is_comment(line) && !begins_anew(r, line)) {
		read_more(r, without_comment(line));
		line.len = 0;
	}
	if (line.len >= (size_t)size) {
		settings_fault(r, r->line, "the line is too long for libinih");
		line.len = 0;
	}
	if (line.len > 0 && line.at[0] == '[')
		begin_section(r, line);
	else
		r->pending = line.len > 0 && !is_comment(line);
	if (line.len > 0)
		memcpy(to, line.at, line.len);
	to[line.len] = '\0';
	return to;
}

static void parse_lines(struct settings_reading *r, struct str text)
{
	if (str_starts(text, STR("\xEF\xBB\xBF"))) {
		settings_fault(r, 1, "the file begins with a byte order mark; save it without");
		text = str_from(text, 3);
	}
	r->rest = text;
	/* Its result tells less than the notes: the handler never fails. */
	if (ini_parse_stream(read_line, r, take_key, r) < 0)
		settings_fault(r, r->line > 0 ? r->line : 1, "libinih cannot read the file");
	end_section(r);
	settings_check_rest(r);
}

/* The absolute form of path, links kept. */
static char *absolute(const char *path)
{
	char here[PATH_SHOWN_MAX];
	if (path[0] == '/' || !getcwd(here, sizeof(here)))
		return mem_copy(str_of(path));
	return mem_printf("%s/%s", strcmp(here, "/") == 0 ? "" : here, path);
}

static char *folder_of(const char *path)
{
	size_t slash = str_rfind(str_of(path), '/');
	if (slash == STR_NONE)
		return mem_copy(STR("."));
	return mem_copy(str_first(str_of(path), slash));
}

void settings_begin(struct settings *c, const char *path)
{
	*c = (struct settings){.path = absolute(path)};
	config_row_defaults("mail", c);
	config_row_defaults("delivery", c);
	config_row_defaults("hold", c);
	config_row_defaults("dns", c);
	config_row_defaults("log", c);
}

bool settings_parse(struct str text, const char *name, bool personal, struct settings *c,
                    settings_note *note, void *context)
{
	struct settings_reading r = {.config = c,
	                             .name = name,
	                             .personal = personal,
	                             .note = note,
	                             .context = context,
	                             .outside = true};
	settings_begin(c, name);
	buf_init(&r.list_text, 2 * text.len);
	char *folder = folder_of(c->path);
	r.folder = folder;
	parse_lines(&r, text);
	tell_found(&r);
	free(folder);
	buf_release(&r.list_text);
	return !r.faulty;
}
