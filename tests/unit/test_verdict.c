/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "mail/verdict.h"

#include <check.h>
#include <string.h>

#include "unit.h"

#define HOST "mx.example[192.0.2.1]:25"

static const struct line_case {
	enum cause cause;
	int code;
	const char *status, *relay, *host, *text;
	const char *reply, *line;
} line_cases[] = {
    /* A server took part: its words, with its name and without the port. */
    {CAUSE_DEFERRED, 450, "4.2.0", "main", HOST, "later", "450 4.2.0 later",
     "host mx.example[192.0.2.1] said: 450 4.2.0 later"},
    {CAUSE_NO_SUCH_USER, 550, "", "main", HOST, "no", "550 no",
     "host mx.example[192.0.2.1] said: 550 no"},
    {CAUSE_DEFERRED, 451, "4.3.0", "main", HOST, "", "451 4.3.0",
     "host mx.example[192.0.2.1] said: 451 4.3.0"},
    {CAUSE_DEFERRED, 450, "", "main", "/run/lmtp", "later", "450 later",
     "host /run/lmtp said: 450 later"},
    {CAUSE_DEFERRED, 450, "", "main", "m\xC3\xBC.example:25", "later", "450 later",
     "host m\\xC3\\xBC.example said: 450 later"},
    /* It did not come to a transaction: what happened, at which relay. */
    {CAUSE_BUSY, 421, "4.7.0", "main", HOST, "too many", "421 4.7.0 too many",
     "relay main: mx.example[192.0.2.1]:25: the server is busy: 421 4.7.0 too many"},
    {CAUSE_BUSY, 421, "", NULL, HOST, "wait", "421 wait",
     "mx.example[192.0.2.1]:25: the server is busy: 421 wait"},
    /* Our own words say it; without any, the cause's sentence. */
    {CAUSE_NOT_LISTENING, 0, "", "main", HOST, "connect to x: Connection refused",
     "connect to x: Connection refused", "relay main: connect to x: Connection refused"},
    {CAUSE_SILENT, 0, "", "main", HOST, "", "",
     "relay main: mx.example[192.0.2.1]:25: the server does not answer"},
    {CAUSE_TOO_BIG, 0, "5.3.4", NULL, NULL, "it has 2 bytes", "it has 2 bytes",
     "not sent: it has 2 bytes"},
    {CAUSE_IN_DOUBT, 0, "", NULL, NULL, "lost", "lost",
     "lost (possible duplicate at the next try)"},
    /* Delivered, or from before hosts were recorded: the text says it all. */
    {CAUSE_NONE, 250, "2.0.0", "main", HOST, "queued as 1", "250 2.0.0 queued as 1",
     "queued as 1"},
    {CAUSE_NONE, 0, "", NULL, NULL, "", "", ""},
    {CAUSE_DEFERRED, 450, "4.2.0", "main", NULL, "host a said: 450 later",
     "450 4.2.0 host a said: 450 later", "host a said: 450 later"},
};

START_TEST(lines)
{
	const struct line_case *c = &line_cases[_i];
	struct verdict v = {.cause = CAUSE_NONE};
	char reply[VERDICT_LINE_MAX], line[VERDICT_LINE_MAX];
	verdict_set(&v, c->cause, c->code, c->status, c->relay, c->host, str_of(c->text));
	verdict_reply(&v, reply);
	verdict_line(&v, line);
	ck_assert_str_eq(reply, c->reply);
	ck_assert_str_eq(line, c->line);
	ck_assert_int_eq(verdict_spoken(&v), c->code > 0 && c->host);
	verdict_release(&v);
	ck_assert(!v.text && !v.host && !v.relay);
}
END_TEST

/* A hint is given where the server said something that an administrator can change, not to
 * who sent the mail, nor where our own words say what to do. */
START_TEST(hints)
{
	struct verdict v = {.cause = CAUSE_NONE};
	char line[VERDICT_LINE_MAX];
	const char *hint = cause_row(CAUSE_AUTH_NEEDED)->hint;
	ck_assert_str_ne(hint, "");
	verdict_set(&v, CAUSE_AUTH_NEEDED, 530, "", "main", HOST, STR("log in"));
	verdict_line(&v, line);
	ck_assert_ptr_nonnull(strstr(line, "said: 530 log in; "));
	ck_assert_ptr_nonnull(strstr(line, hint));
	verdict_set(&v, CAUSE_AUTH_NEEDED, 0, "", "main", HOST, STR("set user"));
	verdict_line(&v, line);
	ck_assert_str_eq(line, "relay main: set user");
	verdict_release(&v);
}
END_TEST

/* What a server says is one line of printable ASCII, and an end to it. */
START_TEST(escapes)
{
	struct verdict v = {.cause = CAUSE_NONE};
	char long_text[2 * VERDICT_TEXT_MAX], line[VERDICT_LINE_MAX];
	verdict_set(&v, CAUSE_DEFERRED, 450, "", "r", "h", STR("a\033[31m\r\nb\xC3\xA9"));
	for (const char *p = v.text; *p; p++)
		ck_assert(*p >= 32 && *p < 127);
	memset(long_text, 'x', sizeof(long_text));
	verdict_set(&v, CAUSE_DEFERRED, 450, "", "r", "h",
	            str_make(long_text, sizeof(long_text)));
	ck_assert_uint_le(strlen(v.text), VERDICT_TEXT_MAX);
	verdict_line(&v, line);
	ck_assert_uint_lt(strlen(line), sizeof(line));
	verdict_release(&v);
}
END_TEST

static const struct host_case {
	const char *host, *want;
} host_cases[] = {
    {HOST, "mx.example[192.0.2.1]"},
    {"mx.example[2001:db8::1]:25", "mx.example[2001:db8::1]"},
    {"[2001:db8::1]:25", "[2001:db8::1]"},
    {"[2001:db8::1]", "[2001:db8::1]"},
    {"mx.example:25", "mx.example"},
    {"/run/a:b", "/run/a:b"},
    {":25", ""},
    {"", ""},
    {NULL, ""},
};

START_TEST(hosts)
{
	const struct host_case *c = &host_cases[_i];
	struct str host = verdict_host(c->host);
	ck_assert(str_eq(host, str_of(c->want)));
}
END_TEST

/* A verdict is the same as its copy, and as no other in any member. */
START_TEST(same)
{
	struct verdict a = {.cause = CAUSE_NONE}, b = {.cause = CAUSE_NONE};
	verdict_set(&a, CAUSE_DEFERRED, 450, "4.2.0", "main", HOST, STR("later"));
	verdict_copy(&b, &a);
	ck_assert(verdict_same(&a, &b));
	static const struct {
		enum cause cause;
		int code;
		const char *status, *relay, *host, *text;
	} others[] = {
	    {CAUSE_BUSY, 450, "4.2.0", "main", HOST, "later"},
	    {CAUSE_DEFERRED, 451, "4.2.0", "main", HOST, "later"},
	    {CAUSE_DEFERRED, 450, "4.2.1", "main", HOST, "later"},
	    {CAUSE_DEFERRED, 450, "4.2.0", "other", HOST, "later"},
	    {CAUSE_DEFERRED, 450, "4.2.0", NULL, HOST, "later"},
	    {CAUSE_DEFERRED, 450, "4.2.0", "main", NULL, "later"},
	    {CAUSE_DEFERRED, 450, "4.2.0", "main", HOST, "Later"},
	    {CAUSE_DEFERRED, 450, "4.2.0", "main", HOST, ""},
	};
	for (size_t i = 0; i < COUNT(others); i++) {
		verdict_set(&b, others[i].cause, others[i].code, others[i].status,
		            others[i].relay, others[i].host, str_of(others[i].text));
		ck_assert_msg(!verdict_same(&a, &b) && !verdict_same(&b, &a), "other %zu", i);
	}
	verdict_release(&a);
	verdict_release(&b);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("verdict");
	TCase *c = unit_case(s, "verdict");
	tcase_add_loop_test(c, lines, 0, COUNT(line_cases));
	tcase_add_test(c, hints);
	tcase_add_test(c, escapes);
	tcase_add_loop_test(c, hosts, 0, COUNT(host_cases));
	tcase_add_test(c, same);
	return unit_run(s);
}
