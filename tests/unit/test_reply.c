/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <check.h>
#include <string.h>

#include "text/buf.h"
#include "text/fault.h"
#include "smtp/reply.h"
#include "unit.h"

struct good {
	const char *bytes;
	int code;
	const char *status;
	const char *text;
	size_t used; /* 0: all */
};

static const struct good goods[] = {
    {"250 ok\r\n", 250, "", "ok", 0},
    {"250 ok\n", 250, "", "ok", 0},
    {"250\r\n", 250, "", "", 0},
    {"250 \r\n", 250, "", "", 0},
    {"220-a\r\n220-b\r\n220 c\r\n", 220, "", "a\nb\nc", 0},
    {"220-a\r\n220\r\n", 220, "", "a\n", 0},
    {"250 one\r\n354 two\r\n", 250, "", "one", 9},
    {"250 2.1.5 fine\r\n", 250, "2.1.5", "fine", 0},
    {"550-5.1.1 no\r\n550 5.1.1 such\r\n", 550, "5.1.1", "no\nsuch", 0},
    {"550-a\r\n550 5.1.1 b\r\n", 550, "5.1.1", "a\nb", 0},
    {"550-5.7.1 a\r\n550-b\r\n550 5.7.60 c\r\n", 550, "5.7.1", "a\nb\n5.7.60 c", 0},
    {"550-a\r\n550-4.7.1 b\r\n550 5.7.60\r\n", 550, "5.7.60", "a\n4.7.1 b\n", 0},
    {"550 5.7.123\r\n", 550, "5.7.123", "", 0},
    {"550 5.7.1234 x\r\n", 550, "", "5.7.1234 x", 0},
    {"550 5.7.1x\r\n", 550, "", "5.7.1x", 0},
    {"550 4.7.1 x\r\n", 550, "", "4.7.1 x", 0}, /* not of the code's class */
    {"334 3.1.1 x\r\n", 334, "", "3.1.1 x", 0}, /* no class 3 */
    {"550 5..1 x\r\n", 550, "", "5..1 x", 0},
    {"599 \001\033[2J\r\n", 599, "", "\001\033[2J", 0},
    {"250 a\rb\r\n", 250, "", "a\rb", 0},
    {"250 a\r\r\n", 250, "", "a\r", 0},
};

static const char *const bads[] = {
    "\r\n",
    "\n",
    "ok\r\n",
    "2\r\n",
    "25\r\n",
    "2500\r\n",
    " 250 ok\r\n",
    "25O ok\r\n",
    "250_ok\r\n",
    "250\tok\r\n",
    "000 x\r\n",
    "199 x\r\n",
    "600 x\r\n",
    "999 x\r\n",
    "-50 x\r\n",
    "250-a\r\n251 b\r\n",
    "250-a\r\n\r\n",
    "HTTP/1.1 400 Bad Request\r\n",
    "SSH-2.0-OpenSSH_9\r\n",
    "\026\003\001\002",
    "\025\003\001",
    "this goes on for ever without the end of a line",
};

/* Feeds bytes cut at the given place (0: whole; (size_t)-1: one at a time). */
static bool feed(struct reply *r, struct str bytes, size_t cut, size_t *used, struct fault *f)
{
	size_t at = 0, n;
	while (at < bytes.len && !r->done) {
		size_t len = cut == (size_t)-1 ? 1 : at < cut ? cut - at : bytes.len - at;
		if (!reply_feed(r, str_first(str_from(bytes, at), len), &n, f))
			return false;
		ck_assert(n == len || r->done);
		at += n;
	}
	*used = at;
	return true;
}

static void check_good(const struct good *g, size_t cut)
{
	struct str bytes = str_of(g->bytes);
	struct fault f = FAULT_INIT;
	struct reply r;
	reply_init(&r);
	ck_assert(!reply_begun(&r));
	size_t used;
	ck_assert_msg(feed(&r, bytes, cut, &used, &f), "%s: %s", g->bytes, f.text);
	ck_assert(r.done);
	ck_assert_int_eq(r.code, g->code);
	ck_assert_str_eq(r.status, g->status);
	ck_assert_str_eq(buf_cstr(&r.text), g->text);
	ck_assert_uint_eq(used, g->used ? g->used : bytes.len);
	reply_release(&r);
}

START_TEST(good_replies)
{
	const struct good *g = &goods[_i];
	for (size_t cut = 0; cut < strlen(g->bytes); cut++)
		check_good(g, cut);
	check_good(g, (size_t)-1);
}
END_TEST

START_TEST(bad_replies)
{
	struct str bytes = str_of(bads[_i]);
	char text[FAULT_TEXT_MAX];
	for (size_t i = 0; i <= bytes.len; i++) {
		size_t cut = i == bytes.len ? (size_t)-1 : i;
		struct fault f = FAULT_INIT;
		struct reply r;
		reply_init(&r);
		size_t used;
		ck_assert_msg(!feed(&r, bytes, cut, &used, &f), "%s", bads[_i]);
		ck_assert_int_eq(f.kind, FAULT_PROTOCOL);
		if (i == 0)
			memcpy(text, f.text, sizeof(text));
		else if (cut == (size_t)-1 || cut > 2)
			ck_assert_str_eq(f.text, text);
		reply_release(&r);
	}
}
END_TEST

START_TEST(hints)
{
	struct {
		const char *bytes, *hint;
	} rows[] = {
	    {"HTTP/1.0 200 OK\r\n", "HTTP"}, {"<html>\r\n", "HTTP"},
	    {"SSH-2.0-x\r\n", "SSH"},        {"* OK IMAP4rev1\r\n", "IMAP"},
	    {"+OK POP3\r\n", "POP3"},        {"\025\003\003\000\002\002\012", "implicit TLS?"},
	    {"what\033\r\n", "what\\x1B"},
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		struct fault f = FAULT_INIT;
		struct reply r;
		reply_init(&r);
		size_t used;
		ck_assert(!reply_feed(&r, str_of(rows[i].bytes), &used, &f));
		ck_assert_msg(strstr(f.text, rows[i].hint) != NULL, "%s", f.text);
		reply_release(&r);
	}
}
END_TEST

/* A line of that much text; does it pass, whole and by the byte? */
static bool line_passes(size_t text, bool crlf)
{
	struct buf line;
	bool whole = false;
	buf_init(&line, text + 8);
	ck_assert(buf_add_str(&line, STR("250 ")));
	while (line.len < text + 4)
		ck_assert(buf_add_char(&line, 'x'));
	ck_assert(buf_add_str(&line, crlf ? STR("\r\n") : STR("\n")));
	for (int bytewise = 0; bytewise < 2; bytewise++) {
		struct fault f = FAULT_INIT;
		struct reply r;
		reply_init(&r);
		size_t used;
		bool ok =
		    feed(&r, buf_str(&line), bytewise ? (size_t)-1 : 0, &used, &f) && r.done;
		ck_assert(!bytewise || ok == whole);
		ck_assert(ok || strstr(f.text, "4096"));
		whole = ok;
		reply_release(&r);
	}
	buf_release(&line);
	return whole;
}

START_TEST(line_limit)
{
	ck_assert(line_passes(REPLY_LINE_MAX, true));
	ck_assert(line_passes(REPLY_LINE_MAX, false));
	ck_assert(!line_passes(REPLY_LINE_MAX + 1, true));
	ck_assert(!line_passes(REPLY_LINE_MAX + 1, false));
	ck_assert(!line_passes((size_t)1 << 20, true));
}
END_TEST

static bool lines_pass(size_t lines, size_t text)
{
	struct fault f = FAULT_INIT;
	struct buf all;
	buf_init(&all, 1 << 20);
	for (size_t i = 1; i <= lines; i++) {
		ck_assert(buf_add_str(&all, i == lines ? STR("250 ") : STR("250-")));
		for (size_t k = 0; k < text; k++)
			ck_assert(buf_add_char(&all, 'y'));
		ck_assert(buf_add_str(&all, STR("\r\n")));
	}
	struct reply r;
	reply_init(&r);
	size_t used;
	bool ok = reply_feed(&r, buf_str(&all), &used, &f) && r.done;
	reply_release(&r);
	buf_release(&all);
	return ok;
}

START_TEST(reply_limits)
{
	ck_assert(lines_pass(REPLY_LINES_MAX, 1));
	ck_assert(!lines_pass(REPLY_LINES_MAX + 1, 1));
	/* 16 lines and the 15 LF between them */
	ck_assert(lines_pass(16, REPLY_BYTES_MAX / 16 - 1));
	ck_assert(!lines_pass(17, REPLY_BYTES_MAX / 16 - 1));
}
END_TEST

START_TEST(nul_and_printable)
{
	struct fault f = FAULT_INIT;
	struct reply r;
	reply_init(&r);
	size_t used;
	ck_assert(reply_feed(&r, str_make("250-a\0b\r\n250-\r\n250 \377\r\n", 22), &used, &f));
	ck_assert(r.done);
	char shown[64];
	reply_printable(&r, shown, sizeof(shown));
	ck_assert_str_eq(shown, "a\\x00b \\xFF");
	char small[6];
	reply_printable(&r, small, sizeof(small));
	ck_assert_str_eq(small, "a\\x00");
	/* A reply that is done takes nothing more. */
	ck_assert(reply_feed(&r, STR("x"), &used, &f));
	ck_assert_uint_eq(used, 0);
	reply_release(&r);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("reply");
	TCase *c = unit_case(s, "reply");
	tcase_add_loop_test(c, good_replies, 0, COUNT(goods));
	tcase_add_loop_test(c, bad_replies, 0, COUNT(bads));
	tcase_add_test(c, hints);
	tcase_add_test(c, line_limit);
	tcase_add_test(c, reply_limits);
	tcase_add_test(c, nul_and_printable);
	return unit_run(s);
}
