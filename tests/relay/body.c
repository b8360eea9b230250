/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "body.h"

#include <stdint.h>
#include <string.h>

enum { LINE_MOST = 998 };

void body_begin(struct body *b, bool chunks, bool keep)
{
	*b = (struct body){
	    .state = BODY_START, .chunks = chunks, .keep = keep, .in_header = true};
}

static void emit(struct body *b, const char *bytes, size_t len)
{
	if (b->keep)
		text_add(&b->clean, bytes, len);
	b->size += len;
}

static void end_line(struct body *b)
{
	if (b->line > b->longest)
		b->longest = b->line;
	if (!b->line)
		b->in_header = false;
	b->line = 0;
	b->state = BODY_START;
	emit(b, "\r\n", 2);
}

/* A byte of a line, with the CR of a line end taken care of. */
static void take_text(struct body *b, char c)
{
	if (c == '\r') {
		b->state = BODY_CR;
		return;
	}
	if (c == '\n')
		b->bare_lf = true;
	if (c == '\0')
		b->nul = true;
	if ((unsigned char)c >= 0x80) {
		b->eight_bit = true;
		if (b->in_header)
			b->eight_bit_header = true;
	}
	b->line++;
	b->state = BODY_TEXT;
	emit(b, &c, 1);
}

static void take_bare_cr(struct body *b)
{
	b->bare_cr = true;
	b->line++;
	emit(b, "\r", 1);
}

static void take(struct body *b, char c)
{
	switch (b->state) {
	case BODY_START:
		if (c == '.' && !b->chunks)
			b->state = BODY_DOT;
		else
			take_text(b, c);
		break;
	case BODY_DOT:
		if (c == '\r') {
			b->state = BODY_DOT_CR;
			break;
		}
		if (c != '.')
			b->unstuffed = true;
		take_text(b, c);
		break;
	case BODY_DOT_CR:
		if (c == '\n') {
			b->state = BODY_END;
			break;
		}
		take_bare_cr(b);
		take_text(b, c);
		break;
	case BODY_TEXT:
		take_text(b, c);
		break;
	case BODY_CR:
		if (c == '\n') {
			end_line(b);
			break;
		}
		take_bare_cr(b);
		take_text(b, c);
		break;
	case BODY_END:
		break;
	}
}

/* How many of the bytes are ordinary characters, which is most of them: eight at a time. A byte
 * below a blank borrows its high bit when a blank is taken away. */
static size_t run_length(const char *bytes, size_t len)
{
	const uint64_t blanks = 0x2020202020202020, high = 0x8080808080808080;
	size_t n = 0;
	for (uint64_t eight; n + sizeof eight <= len; n += sizeof eight) {
		memcpy(&eight, bytes + n, sizeof eight);
		if ((eight | (eight - blanks)) & high)
			break;
	}
	while (n < len && (signed char)bytes[n] >= ' ')
		n++;
	return n;
}

/* What there is of a line of ordinary characters, in one go; how many. */
static size_t take_run(struct body *b, const char *bytes, size_t len)
{
	size_t n = run_length(bytes, len);
	if (n == 0)
		return 0;
	b->state = BODY_TEXT;
	b->line += n;
	emit(b, bytes, n);
	if (len - n < 2 || bytes[n] != '\r' || bytes[n + 1] != '\n')
		return n;
	end_line(b);
	return n + 2;
}

size_t body_feed(struct body *b, const char *bytes, size_t len)
{
	size_t i = 0;
	while (i < len && b->state != BODY_END) {
		size_t n = 0;
		if (b->state == BODY_TEXT ||
		    (b->state == BODY_START && (b->chunks || bytes[i] != '.')))
			n = take_run(b, bytes + i, len - i);
		if (n == 0)
			take(b, bytes[i++]);
		i += n;
	}
	b->wire += i;
	return i;
}

const char *body_fault(const struct body *b, bool binary)
{
	if (binary)
		return NULL;
	if (b->nul)
		return "NUL in the message";
	if (b->bare_cr || (b->chunks && b->state == BODY_CR))
		return "bare CR in the message";
	if (b->bare_lf)
		return "bare LF in the message";
	return NULL;
}

void body_complaints(const struct body *b, bool eight_bit_declared, bool utf8, bool binary,
                     long long declared, struct text *json)
{
	const struct {
		bool is;
		const char *text;
	} all[] = {
	    {b->nul && !binary, "NUL"},
	    {b->bare_cr && !binary, "bare CR"},
	    {b->bare_lf && !binary, "bare LF"},
	    {b->unstuffed, "dot not stuffed"},
	    {b->chunks && !binary && b->size && b->state != BODY_START, "no CRLF at the end"},
	    {b->longest > LINE_MOST && !binary, "line over 998 octets"},
	    {b->eight_bit && !eight_bit_declared, "8-bit without BODY=8BITMIME"},
	    {b->eight_bit_header && !utf8, "8-bit header without SMTPUTF8"},
	    {declared >= 0 && b->size > (unsigned long long)declared, "larger than SIZE said"},
	};
	bool first = true;

	text_char(json, '[');
	for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
		if (!all[i].is)
			continue;
		text_printf(json, "%s\"%s\"", first ? "" : ", ", all[i].text);
		first = false;
	}
	text_char(json, ']');
}

void body_free(struct body *b)
{
	text_free(&b->clean);
}
