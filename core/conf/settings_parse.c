/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "conf/settings_parse.h"

#include <ini.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "text/codec.h"
#include "conf/settings_check.h"
#include "conf/settings_note.h"
#include "conf/settings_preset.h"
#include "conf/settings_senders.h"
#include "conf/settings_table.h"

#define RELAY_NAME_MAX 32
#define KEY_SHOWN_MAX  40
#define PATH_SHOWN_MAX 4096

static const char plain_relay[] = "main"; /* the name of a [relay] without one */

struct reading {
	struct settings *config;
	struct settings_notes *notes;
	const char *folder; /* what relative paths start from */
	bool personal;
	struct str rest;     /* what has not been read */
	size_t line;         /* the number of the last line read */
	bool pending;        /* the library has a line and has not called back yet */
	bool outside;        /* no section line yet */
	const char *section; /* of the table, or NULL: unknown or none */
	/* The list that the last key has, which may go on; NULL: no list. */
	const struct settings_row *list;
	struct buf list_text; /* of all its lines so far */
	bool list_faulty;     /* which was noted */
	/* For each row the line where its key stands, 0: nowhere (rows of [relay]:
	 * nowhere in this one). */
	size_t seen[SETTINGS_ROWS_MAX];
};

static struct settings_relay *this_relay(struct reading *r)
{
	return &r->config->relays[r->config->relay_count - 1];
}

static bool in_relay(const struct reading *r)
{
	return r->section && strcmp(r->section, "relay") == 0;
}

/* ---- sections ---- */

static void end_list(struct reading *r);

static void end_section(struct reading *r)
{
	end_list(r);
	if (in_relay(r)) {
		settings_preset(this_relay(r), r->seen, r->notes);
		settings_check_relay(this_relay(r), r->seen, r->personal, r->notes);
	}
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

static void check_unique(struct reading *r, struct str name)
{
	for (size_t i = 0; i < r->config->relay_count; i++) {
		const struct settings_relay *other = &r->config->relays[i];
		if (!str_eq(name, str_of(other->name)))
			continue;
		settings_fault(r->notes, r->line,
		               "a second relay '%s', the first is in line %zu; name each: "
		               "[relay NAME]",
		               other->name, other->line);
		return;
	}
}

static void begin_relay(struct reading *r, struct str name)
{
	struct settings *c = r->config;
	size_t cap = c->relay_count;
	if (name.len == 0)
		name = str_of(plain_relay);
	if (!is_relay_name(name))
		settings_fault(
		    r->notes, r->line,
		    "'%.*s' cannot be the name of a relay: at most %d letters, digits, "
		    "'-', '_' and '.'",
		    STR_FMT(str_first(name, KEY_SHOWN_MAX)), RELAY_NAME_MAX);
	check_unique(r, name);
	c->relays = mem_grow(c->relays, &cap, c->relay_count + 1, sizeof(*c->relays));
	memset(&c->relays[c->relay_count], 0, sizeof(*c->relays));
	c->relay_count++;
	settings_fill_relay(this_relay(r));
	this_relay(r)->name = mem_copy(name);
	this_relay(r)->line = r->line;
	for (size_t i = 0; i < settings_rows(); i++)
		if (strcmp(settings_row(i)->section, "relay") == 0)
			r->seen[i] = 0;
}

static void unknown_section(struct reading *r, struct str name)
{
	const char *guess = settings_section_guess(name);
	settings_fault(r->notes, r->line, "unknown section [%.*s]%s%s%s",
	               STR_FMT(str_first(name, KEY_SHOWN_MAX)), guess ? "; did you mean [" : "",
	               guess ? guess : "", guess ? "]?" : "");
}

/* line begins with a bracket. */
static void begin_section(struct reading *r, struct str line)
{
	size_t end = str_find(line, ']');
	end_section(r);
	r->outside = false;
	if (end == STR_NONE) {
		settings_fault(r->notes, r->line, "a section without its ]");
		return;
	}
	struct str after = str_trim(str_from(line, end + 1));
	if (after.len > 0 && after.at[0] != ';' && after.at[0] != '#') {
		settings_fault(r->notes, r->line, "text behind the ] of a section");
		return;
	}
	struct str name = str_trim(str_from(str_first(line, end), 1));
	r->section = settings_section_find(name);
	struct str first;
	for (size_t i = 0; i < name.len && !in_relay(r); i++) {
		first = str_first(name, i);
		if (ascii_space(name.at[i]) && str_eq(first, STR("relay")))
			r->section = settings_section_find(first);
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

static void unknown_key(struct reading *r, struct str key)
{
	const struct settings_row *guess = settings_row_guess(r->section, key);
	if (!guess)
		guess = settings_row_kin(r->section, key);
	if (!may_be_shown(key))
		settings_fault(r->notes, r->line,
		               "what is before the = is not the name of a key");
	else if (!guess)
		settings_fault(r->notes, r->line, "unknown key '%.*s' in [%s]", STR_FMT(key),
		               r->section);
	else if (strcmp(guess->section, r->section) == 0)
		settings_fault(r->notes, r->line,
		               "unknown key '%.*s' in [%s]; did you mean %s?", STR_FMT(key),
		               r->section, guess->name);
	else
		settings_fault(r->notes, r->line,
		               "unknown key '%.*s' in [%s]; it belongs in [%s]", STR_FMT(key),
		               r->section, guess->section);
}

static void outside_key(struct reading *r, struct str key)
{
	const struct settings_row *guess = settings_row_guess(NULL, key);
	if (guess)
		settings_fault(r->notes, r->line, "'%s' before any section; it belongs in [%s]",
		               guess->name, guess->section);
	else
		settings_fault(r->notes, r->line, "a key before any section");
}

/* Nothing takes quotes off a value but a command, which has a syntax of its own.
 * In a list each word may have them. */
static bool has_quotes(const struct settings_row *row, struct str text)
{
	bool all = true, any = false;
	if (row->kind->quotes)
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

static bool read_value(struct reading *r, const struct settings_row *row, struct str text,
                       size_t line)
{
	struct fault f = FAULT_INIT;
	void *object = in_relay(r) ? (void *)this_relay(r) : (void *)r->config;
	if (text.len == 0)
		settings_fault(r->notes, line, "%s has no value", row->name);
	else if (!codec_is_utf8(text))
		settings_fault(r->notes, line, "%s is not valid UTF-8", row->name);
	else if (has_quotes(row, text))
		settings_fault(
		    r->notes, line, "%s: quotes would be part of the value; leave them out%s",
		    row->name,
		    row->kind->write ? ""
		                     : " (a password that has them goes into a password_file)");
	else if (!settings_row_read(row, text, r->folder, object, &f))
		settings_fault(r->notes, line, "%s: %s", row->name, f.text);
	else
		return true;
	return false;
}

/* A line of the list that the last key has. Read by itself, it is told of with
 * its own number if it has a fault. */
static void read_more(struct reading *r, struct str text)
{
	if (text.len == 0 || r->list_faulty)
		return;
	r->list_faulty = !read_value(r, r->list, text, r->line) ||
	                 !buf_addf(&r->list_text, "%.*s ", STR_FMT(text));
}

static void begin_list(struct reading *r, const struct settings_row *row, struct str text)
{
	r->list = row;
	r->list_faulty = false;
	buf_clear(&r->list_text);
	read_more(r, text);
}

/* No more lines of it will come: now all of them are the value. */
static void end_list(struct reading *r)
{
	if (r->list && !r->list_faulty)
		read_value(r, r->list, str_trim(buf_str(&r->list_text)),
		           r->seen[settings_row_index(r->list)]);
	r->list = NULL;
}

/* Rows whose keys are the user's. */
static void take_sender(struct reading *r, struct str pattern, struct str address)
{
	struct fault f = FAULT_INIT;
	if (!settings_senders_add(r->config, pattern, address, r->line, &f))
		settings_fault(r->notes, r->line, "%s", f.text);
}

/* Called by the library. Its section is cut at 49 bytes and outlives a broken
 * section line, so the one of the reader counts. */
static int take_key(void *user, const char *section, const char *name, const char *value)
{
	struct reading *r = user;
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
	const struct settings_row *row = settings_row_find(r->section, key);
	if (!row) {
		unknown_key(r, key);
		return 1;
	}
	size_t *seen = &r->seen[settings_row_index(row)];
	if (*seen > 0) {
		settings_fault(r->notes, r->line, "%s stands in line %zu already", row->name,
		               *seen);
		return 1;
	}
	*seen = r->line;
	if (row->kind->list)
		begin_list(r, row, str_of(value));
	else
		read_value(r, row, str_of(value), r->line);
	return 1;
}

/* ---- lines ---- */

static bool check_bytes(struct reading *r, struct str *line)
{
	if (str_ends(*line, STR("\r")))
		line->len--;
	for (size_t i = 0; i < line->len; i++) {
		unsigned char c = (unsigned char)line->at[i];
		if ((c < 32 && c != '\t') || c == 127) {
			settings_fault(r->notes, r->line, "control byte 0x%02X", c);
			return false;
		}
	}
	if (line->len > SETTINGS_LINE_MAX) {
		settings_fault(r->notes, r->line, "the line is longer than %d bytes",
		               SETTINGS_LINE_MAX);
		return false;
	}
	return true;
}

static void flush_pending(struct reading *r)
{
	if (r->pending)
		settings_fault(r->notes, r->line, "no = in this line");
	r->pending = false;
}

static bool is_comment(struct str line)
{
	return line.at[0] == ';' || line.at[0] == '#';
}

/* Is an indented line a key or a section for all that? An address literal looks
 * like a section, and some address like a key. */
static bool begins_anew(const struct reading *r, struct str line)
{
	size_t end = str_find(line, line.at[0] == '[' ? ']' : '=');
	struct str name = str_trim(str_first(line, end));
	if (end == STR_NONE)
		return false;
	if (line.at[0] != '[')
		return settings_row_find(r->section, name) ||
		       settings_row_guess(r->section, name);
	name = str_trim(str_from(name, 1));
	return settings_section_find(name) || str_starts(name, STR("relay ")) ||
	       settings_section_guess(name);
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
	struct reading *r = stream;
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
		settings_fault(r->notes, r->line, "the line is too long for libinih");
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

static void parse_lines(struct reading *r, struct str text)
{
	if (str_starts(text, STR("\xEF\xBB\xBF"))) {
		settings_fault(r->notes, 1,
		               "the file begins with a byte order mark; save it without");
		text = str_from(text, 3);
	}
	r->rest = text;
	/* Its result tells less than the notes: the handler never fails. */
	if (ini_parse_stream(read_line, r, take_key, r) < 0)
		settings_fault(r->notes, r->line > 0 ? r->line : 1,
		               "libinih cannot read the file");
	end_section(r);
	settings_check_rest(r->config, r->seen, r->line, r->notes);
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
	settings_fill(c);
}

bool settings_parse(struct str text, const char *name, bool personal, struct settings *c,
                    settings_note *note, void *context)
{
	struct settings_notes notes = {.name = name, .note = note, .context = context};
	struct reading r = {
	    .config = c, .notes = &notes, .personal = personal, .outside = true};
	settings_begin(c, name);
	buf_init(&r.list_text, 2 * text.len);
	char *folder = folder_of(c->path);
	r.folder = folder;
	parse_lines(&r, text);
	settings_tell(&notes);
	free(folder);
	buf_release(&r.list_text);
	return !notes.faulty;
}
