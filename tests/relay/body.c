/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "body.h"

enum { LINE_MOST = 998 };

void body_begin(struct body *b, bool chunks)
{
	*b = (struct body){.state = BODY_START, .chunks = chunks, .in_header = true};
}

static void emit(struct body *b, char c)
{
	text_char(&b->clean, c);
	b->size++;
}

static void end_line(struct body *b)
{
	if (b->line > b->longest)
		b->longest = b->line;
	if (!b->line)
		b->in_header = false;
	b->line = 0;
	b->state = BODY_START;
	emit(b, '\r');
	emit(b, '\n');
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
	emit(b, c);
}

static void take_bare_cr(struct body *b)
{
	b->bare_cr = true;
	b->line++;
	emit(b, '\r');
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

/* Ordinary characters inside a line, in one go; how many. */
static size_t take_run(struct body *b, const char *bytes, size_t len)
{
	size_t n = 0;
	while (n < len && (signed char)bytes[n] >= ' ')
		n++;
	text_add(&b->clean, bytes, n);
	b->size += n;
	b->line += n;
	return n;
}

size_t body_feed(struct body *b, const char *bytes, size_t len)
{
	size_t i = 0;
	while (i < len && b->state != BODY_END) {
		if (b->state == BODY_TEXT)
			i += take_run(b, bytes + i, len - i);
		if (i < len)
			take(b, bytes[i++]);
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
