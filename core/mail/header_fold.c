/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "mail/header.h"

#include <stdlib.h>

static size_t blanks_at_start(struct str s)
{
	size_t n = 0;
	while (n < s.len && ascii_space(s.at[n]))
		n++;
	return n;
}

static struct str without_blanks_at_end(struct str s)
{
	while (s.len > 0 && ascii_space(s.at[s.len - 1]))
		s.len--;
	return s;
}

static bool inside_character(char c)
{
	return ((unsigned char)c & 0xC0) == 0x80;
}

/* The last blank from floor up to limit, which can begin the next line. */
static size_t last_blank(struct str line, size_t floor, size_t limit)
{
	for (size_t i = limit; i >= floor && i > 0; i--)
		if (ascii_space(line.at[i]))
			return i;
	return STR_NONE;
}

/* Where to cut when there is no blank: behind a comma, so that an address
 * stays whole, else as late as the line allows, before a UTF-8 character. */
static size_t hard_cut(struct str line, size_t floor, size_t limit)
{
	size_t at = limit;
	for (size_t i = limit; i > floor; i--)
		if (line.at[i - 1] == ',')
			return i;
	while (at > floor && limit - at < 3 && inside_character(line.at[at]))
		at--;
	return inside_character(line.at[at]) ? limit : at;
}

/* Folds one long line whose first keep bytes, the name, stay together. Every
 * line made has more on it than blanks: without, it would end the header. */
static bool fold_line(struct buf *out, struct str line, size_t keep)
{
	bool add_blank = false;
	line = without_blanks_at_end(line);
	for (;;) {
		size_t lead = keep > 0 ? 0 : blanks_at_start(line);
		size_t limit = HEADER_LINE_MAX - (add_blank ? 1 : 0);
		if (lead > HEADER_LINE_MAX / 2) {
			line = str_from(line, lead - 1);
			lead = 1;
		}
		if (add_blank && !buf_add_char(out, ' '))
			return false;
		if (line.len <= limit)
			return buf_add_str(out, line);
		size_t floor = keep > 0 ? keep : lead + 1;
		size_t at = last_blank(line, floor, limit);
		add_blank = at == STR_NONE;
		if (add_blank)
			at = hard_cut(line, floor, limit);
		if (!buf_add_str(out, str_first(line, at)) || !buf_add_str(out, STR("\r\n")))
			return false;
		line = str_from(line, at);
		keep = 0;
	}
}

/* Takes the next line off *rest, its CRLF too. */
static bool next_line(struct str *rest, struct str *line)
{
	if (!str_cut(rest, '\n', line))
		return false;
	if (str_ends(*line, STR("\r")))
		line->len--;
	return true;
}

static bool has_long_line(struct str text)
{
	struct str line;
	while (next_line(&text, &line))
		if (line.len > HEADER_LINE_MAX)
			return true;
	return false;
}

static bool fold_text(struct buf *out, struct str text, size_t keep)
{
	struct str line;
	bool first = true;
	while (next_line(&text, &line)) {
		if (!first && !buf_add_str(out, STR("\r\n")))
			return false;
		if (line.len > HEADER_LINE_MAX ? !fold_line(out, line, first ? keep : 0)
		                               : !buf_add_str(out, line))
			return false;
		first = false;
	}
	return true;
}

bool header_fold(struct header *h, size_t at, struct fault *f)
{
	struct field *field = &h->fields[at];
	struct str text = str_make(field->text, field->len);
	if (!has_long_line(text))
		return true;
	size_t before = h->bytes - field->len;
	struct buf folded;
	buf_init(&folded, HEADER_MAX);
	if (!fold_text(&folded, text, field->value_at) || before > HEADER_MAX - folded.len) {
		buf_release(&folded);
		return fault_set(f, FAULT_DATA,
		                 "header over %d MiB: put long text into the body",
		                 HEADER_MAX / 1024 / 1024);
	}
	h->bytes = before + folded.len;
	free(field->text);
	field->text = folded.at;
	field->len = field->cap = folded.len;
	return true;
}
