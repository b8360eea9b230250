/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <check.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "text/buf.h"
#include "text/codec.h"
#include "mail/line.h"
#include "unit.h"

#define TEXT(literal)                        \
	{                                    \
		literal, sizeof(literal) - 1 \
	}

/* Lines are shown as [line], so that where they begin and end is seen. */
static const struct line_case {
	const char *name;
	bool header;
	struct str input;
	const char *want;
} cases[] = {
    {"nothing", false, TEXT(""), ""},
    {"LF", false, TEXT("a\nb\n"), "[a][b]"},
    {"CRLF", false, TEXT("a\r\nb\r\n"), "[a][b]"},
    {"mixed", false, TEXT("a\nb\r\nc\n"), "[a][b][c]"},
    {"CRs before LF", false, TEXT("a\r\r\r\nb\n"), "[a][b]"},
    {"empty lines", false, TEXT("\n\r\n\r\r\n"), "[][][]"},
    {"no end", false, TEXT("a\nb"), "[a][b]"},
    {"bare CR in the body", false, TEXT("a\rb\n"), "[a][b]"},
    {"old Mac", false, TEXT("a\r\rb\r"), "[a][][b]"},
    {"CR at the end", false, TEXT("a\r"), "[a]"},
    {"CRs at the end", false, TEXT("a\n\r\r"), "[a][][]"},
    {"LF CR", false, TEXT("a\n\rb\n"), "[a][][b]"},
    {"bare CR in the header", true, TEXT("a\rb\n"), "[a b]"},
    {"CRs in the header", true, TEXT("a\r\rb\r\n"), "[a  b]"},
    {"CR begins a line of the header", true, TEXT("a\n\rb\n"), "[a][ b]"},
    {"CR ends the header", true, TEXT("a\r"), "[a]"},
    {"only CRs in the header", true, TEXT("\r\r"), "[]"},
    {"NUL", false, TEXT("a\0b\n\0"), "[ab]"},
    {"NUL in a line end", false, TEXT("a\r\0\nb\r\0\r\0\n"), "[a][b]"},
    {"NUL and bare CR", false, TEXT("a\r\0b\n"), "[a][b]"},
    {"only NUL", false, TEXT("\0\0"), ""},
    {"NUL line", false, TEXT("\0\n"), "[]"},
    {"other controls stay", false, TEXT("\x01\t\x1A\x7F\xFF\n"), "[\x01\t\x1A\x7F\xFF]"},
    {"dots", false, TEXT(".\r\n..\n.\r"), "[.][..][.]"},
};

static bool show(void *context, struct str piece, unsigned flags, struct fault *f)
{
	struct buf *out = context;
	(void)f;
	if (flags & LINE_BEGINS)
		ck_assert(buf_add_char(out, '['));
	ck_assert(buf_add_str(out, piece));
	if (flags & LINE_ENDS)
		ck_assert(buf_add_char(out, ']'));
	return true;
}

/* Feeds input in pieces of that size, the first one of first bytes. */
static void feed(const struct line_case *c, size_t first, size_t size, struct buf *out)
{
	struct str rest = c->input;
	struct fault f = FAULT_INIT;
	buf_clear(out);
	struct line l;
	line_init(&l, show, out);
	l.header = c->header;
	ck_assert(line_feed(&l, str_first(rest, first), &f));
	rest = str_from(rest, first);
	while (rest.len > 0) {
		ck_assert(line_feed(&l, str_first(rest, size), &f));
		rest = str_from(rest, size);
	}
	ck_assert(line_end(&l, &f));
}

START_TEST(lines)
{
	const struct line_case *c = &cases[_i];
	struct buf out;
	buf_init(&out, 1000);
	feed(c, c->input.len, 1, &out);
	ck_assert_msg(strcmp(buf_cstr(&out), c->want) == 0, "%s: %s, not %s", c->name,
	              buf_cstr(&out), c->want);
	for (size_t first = 0; first <= c->input.len; first++) {
		feed(c, first, SIZE_MAX, &out);
		ck_assert_msg(strcmp(buf_cstr(&out), c->want) == 0, "%s at %zu: %s", c->name,
		              first, buf_cstr(&out));
	}
	feed(c, 0, 1, &out);
	ck_assert_msg(strcmp(buf_cstr(&out), c->want) == 0, "%s by bytes: %s", c->name,
	              buf_cstr(&out));
	buf_release(&out);
}
END_TEST

struct counted {
	struct line *line;
	size_t bytes;
	size_t begins;
	size_t ends;
	size_t calls;
	size_t calls_max;
};

static bool count(void *context, struct str piece, unsigned flags, struct fault *f)
{
	struct counted *c = context;
	c->bytes += piece.len;
	c->begins += (flags & LINE_BEGINS) != 0;
	c->ends += (flags & LINE_ENDS) != 0;
	if (++c->calls > c->calls_max)
		return fault_set(f, FAULT_DATA, "enough");
	return true;
}

START_TEST(long_line)
{
	struct counted c = {.calls_max = SIZE_MAX};
	struct fault f = FAULT_INIT;
	char *text = mem_alloc(65536);
	memset(text, 'x', 65536);
	struct line l;
	line_init(&l, count, &c);
	for (int i = 0; i < 1024; i++)
		ck_assert(line_feed(&l, str_make(text, 65536), &f));
	ck_assert(line_end(&l, &f));
	ck_assert_uint_eq(c.bytes, 64 * 1024 * 1024);
	ck_assert_uint_eq(c.begins, 1);
	ck_assert_uint_eq(c.ends, 1);
	free(text);
}
END_TEST

START_TEST(sink_stops)
{
	struct counted c = {.calls_max = 1};
	struct fault f = FAULT_INIT;
	struct line l;
	line_init(&l, count, &c);
	ck_assert(!line_feed(&l, STR("a\nb\nc\n"), &f));
	ck_assert_int_eq(f.kind, FAULT_DATA);
	ck_assert_uint_eq(c.calls, 2);
}
END_TEST

static bool leave_header(void *context, struct str piece, unsigned flags, struct fault *f)
{
	struct counted *c = context;
	if (piece.len == 0 && (flags & LINE_BEGINS) && (flags & LINE_ENDS))
		c->line->header = false;
	return count(context, piece, flags, f);
}

START_TEST(mode_changes_inside)
{
	struct counted c = {.calls_max = SIZE_MAX};
	struct fault f = FAULT_INIT;
	struct line l;
	line_init(&l, leave_header, &c);
	l.header = true;
	c.line = &l;
	ck_assert(line_feed(&l, STR("a\rb\n\nc\rd\n"), &f) && line_end(&l, &f));
	ck_assert_uint_eq(c.ends, 4);
	ck_assert_uint_eq(c.bytes, 5);
}
END_TEST

#define ROOM 1024

/* A body in its final form, and what is known of it. */
struct copied {
	char text[ROOM];
	struct line_copy c;
};

static bool append(void *context, struct str piece, unsigned flags, struct fault *f)
{
	struct line_copy *c = &((struct copied *)context)->c;
	(void)f;
	memcpy(c->to, piece.at, piece.len);
	c->to += piece.len;
	c->len += piece.len;
	c->has_8bit = c->has_8bit || codec_has_8bit(piece);
	if (!(flags & LINE_ENDS))
		return true;
	c->longest = c->len > c->longest ? c->len : c->longest;
	c->len = 0;
	memcpy(c->to, "\r\n", 2);
	c->to += 2;
	return true;
}

/* As mail/message does it: what is not copied is fed, up to the next LF. */
static void copy_piece(struct line *l, struct str bytes, struct line_copy *c)
{
	struct fault f = FAULT_INIT;
	while (bytes.len > 0) {
		size_t taken = line_copy(l, bytes, c);
		bytes = str_from(bytes, taken);
		if (taken > 0 || bytes.len == 0)
			continue;
		size_t at = str_find(bytes, '\n');
		struct str some = str_first(bytes, at == STR_NONE ? bytes.len : at + 1);
		ck_assert(line_feed(l, some, &f));
		bytes = str_from(bytes, some.len);
	}
}

/* Cut in two at first; by line_feed alone if that is past the end. */
static struct str copy_all(struct copied *to, struct str input, size_t first)
{
	struct fault f = FAULT_INIT;
	struct line l;
	*to = (struct copied){.c = {.stops_at_dots = input.len % 2}};
	to->c.to = to->text;
	line_init(&l, append, to);
	if (first <= input.len) {
		copy_piece(&l, str_first(input, first), &to->c);
		copy_piece(&l, str_from(input, first), &to->c);
	} else {
		ck_assert(line_feed(&l, input, &f));
	}
	ck_assert(line_end(&l, &f));
	return str_make(to->text, (size_t)(to->c.to - to->text));
}

static void check_copies(struct str input)
{
	struct copied want, got;
	struct str text = copy_all(&want, input, SIZE_MAX);
	for (size_t first = 0; first <= input.len; first++) {
		ck_assert(str_eq(text, copy_all(&got, input, first)));
		ck_assert_uint_eq(got.c.longest, want.c.longest);
		ck_assert(got.c.has_8bit == want.c.has_8bit);
	}
}

/* At every place of a block. */
START_TEST(copies_what_is_fed)
{
	static const char plain[] =
	    "a line of a letter, and one that is longer than the others";
	const struct line_case *c = &cases[_i];
	for (size_t before = 0; before < 40; before++) {
		struct buf input;
		buf_init(&input, ROOM);
		ck_assert(buf_add(&input, plain, before) && buf_add_str(&input, c->input) &&
		          buf_add(&input, plain, 40 - before / 2));
		check_copies(buf_str(&input));
		buf_release(&input);
	}
}
END_TEST

START_TEST(copies_any_mix)
{
	static const char bytes[] = "\n\n\r\r\0.\t\f\x0E\x7F\x80\xFFxxxxxxxxxxxx";
	char text[100];
	srand(1);
	for (int round = 0; round < 300; round++) {
		/* Ever fewer that mean something. */
		int most = (int)sizeof(bytes) - 1 + round;
		for (size_t i = 0; i < sizeof(text); i++) {
			size_t at = (size_t)(rand() % most);
			text[i] = at < sizeof(bytes) - 1 ? bytes[at] : 'x';
		}
		check_copies(str_make(text, sizeof(text)));
	}
}
END_TEST

static size_t taken(struct line *l, struct copied *to, struct str bytes)
{
	to->c.to = to->text;
	return line_copy(l, bytes, &to->c);
}

/* What comes behind a decision is not known of: perhaps it is no part of the message. */
START_TEST(copy_stops)
{
	struct copied to = {.c = {.stops_at_dots = true}};
	struct fault f = FAULT_INIT;
	struct line l;
	line_init(&l, append, &to);
	ck_assert_uint_eq(taken(&l, &to, STR("ab\n.\n\xFF 456789 123456789")), 3);
	ck_assert_uint_eq(taken(&l, &to, STR(".\n\xFF 456789 123456789")), 0);
	ck_assert_uint_eq(taken(&l, &to, STR("ab\n\0\xFF 456789 123456789")), 3);
	ck_assert_uint_eq(taken(&l, &to, STR("ab\r\xFF 456789 123456789")), 2);
	ck_assert_uint_eq(taken(&l, &to, STR(".c\r\n..\r\n")), 4);
	ck_assert(!to.c.has_8bit && to.c.longest == 4);
	ck_assert_uint_eq(taken(&l, &to, STR("\r")), 0);
	ck_assert(line_feed(&l, STR("\r"), &f));
	ck_assert_uint_eq(taken(&l, &to, STR("ab\n")), 0);
	ck_assert(line_feed(&l, STR("\n"), &f));
	to.c.stops_at_dots = false;
	ck_assert_uint_eq(taken(&l, &to, STR(".\n")), 2);
	l.header = true;
	ck_assert_uint_eq(taken(&l, &to, STR("ab\n")), 0);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("line");
	TCase *t = unit_case(s, "line");
	tcase_add_loop_test(t, lines, 0, COUNT(cases));
	tcase_add_test(t, long_line);
	tcase_add_test(t, sink_stops);
	tcase_add_test(t, mode_changes_inside);
	tcase_add_loop_test(t, copies_what_is_fed, 0, COUNT(cases));
	tcase_add_test(t, copies_any_mix);
	tcase_add_test(t, copy_stops);
	return unit_run(s);
}
