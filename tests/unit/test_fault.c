/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "text/fault.h"

#include <check.h>
#include <errno.h>
#include <string.h>

#include "text/buf.h"

START_TEST(set)
{
	struct fault f = {FAULT_TEMP, CAUSE_LOST, 1, 2, "4.0.0", "old"};
	ck_assert(!fault_set(&f, FAULT_DATA, "line %d of %s", 7, "x"));
	ck_assert_int_eq(f.kind, FAULT_DATA);
	ck_assert_int_eq(f.cause, CAUSE_NONE);
	ck_assert_int_eq(f.sys, 0);
	ck_assert_int_eq(f.code, 0);
	ck_assert_str_eq(f.status, "");
	ck_assert_str_eq(f.text, "line 7 of x");
}
END_TEST

START_TEST(set_sys)
{
	struct fault f = FAULT_INIT;
	ck_assert(!fault_sys(&f, FAULT_CREATE, ENOENT, "cannot open %s", "/x"));
	ck_assert_int_eq(f.kind, FAULT_CREATE);
	ck_assert_int_eq(f.sys, ENOENT);
	ck_assert_str_eq(f.text, "cannot open /x: No such file or directory");
}
END_TEST

/* The cause is where it was found; whoever passes the fault on keeps it. */
START_TEST(cause)
{
	struct fault f = FAULT_INIT;
	ck_assert(!fault_sys(&f, FAULT_RELAY, ECONNREFUSED, "connect"));
	ck_assert(!fault_cause(&f, CAUSE_NOT_LISTENING));
	ck_assert(!fault_cause(&f, CAUSE_LOST));
	ck_assert(!fault_text(&f, "no luck with %s", "x"));
	ck_assert_int_eq(f.cause, CAUSE_NOT_LISTENING);
	ck_assert_int_eq(f.sys, ECONNREFUSED);
	ck_assert_int_eq(f.kind, FAULT_RELAY);
	ck_assert_str_eq(f.text, "no luck with x");
}
END_TEST

/* A name of any length leaves the reason readable. */
START_TEST(set_sys_long)
{
	const char *reason = ": No such file or directory";
	struct fault f = FAULT_INIT;
	char name[2000];
	memset(name, 'n', sizeof(name));
	name[sizeof(name) - 1] = '\0';
	ck_assert(!fault_sys(&f, FAULT_IO, ENOENT, "cannot open %s", name));
	ck_assert_uint_lt(strlen(f.text), FAULT_TEXT_MAX);
	ck_assert(str_starts(str_of(f.text), STR("cannot open nnn")));
	ck_assert(str_ends(str_of(f.text), str_of(reason)));
}
END_TEST

START_TEST(set_reply)
{
	struct fault f = FAULT_INIT;
	ck_assert(!fault_reply(&f, FAULT_NOUSER, 550, "5.1.1", "%s", "no such user"));
	ck_assert_int_eq(f.kind, FAULT_NOUSER);
	ck_assert_int_eq(f.code, 550);
	ck_assert_int_eq(f.sys, 0);
	ck_assert_str_eq(f.status, "5.1.1");
	ck_assert_str_eq(f.text, "no such user");
	ck_assert(!fault_reply(&f, FAULT_TEMP, 451, NULL, "later"));
	ck_assert_str_eq(f.status, "");
	/* A caller may give the fault's own fields. */
	ck_assert(!fault_reply(&f, FAULT_TEMP, 451, "4.222.333", "later"));
	ck_assert(!fault_reply(&f, FAULT_REFUSED, 551, f.status, "not %s", f.text));
	ck_assert_str_eq(f.status, "4.222.333");
	ck_assert_str_eq(f.text, "not later");
}
END_TEST

START_TEST(prefix)
{
	struct fault f = FAULT_INIT;
	ck_assert(!fault_reply(&f, FAULT_NOUSER, 550, "5.1.1", "no such user"));
	ck_assert(!fault_prefix(&f, "relay %s", "x\n"));
	ck_assert_str_eq(f.text, "relay x\\x0A: no such user");
	ck_assert_int_eq(f.kind, FAULT_NOUSER);
	ck_assert_int_eq(f.code, 550);
	ck_assert_str_eq(f.status, "5.1.1");
	/* What is escaped already stays as it is. */
	ck_assert(!fault_prefix(&f, "again"));
	ck_assert_str_eq(f.text, "again: relay x\\x0A: no such user");
}
END_TEST

START_TEST(one_printable_line)
{
	struct fault f = FAULT_INIT;
	char bytes[256];
	for (int i = 0; i < 255; i++)
		bytes[i] = (char)(i + 1);
	bytes[255] = '\0';
	for (int from = 0; from < 255; from++) {
		fault_set(&f, FAULT_TEMP, "%s", bytes + from);
		ck_assert_uint_lt(strlen(f.text), FAULT_TEXT_MAX);
		for (const char *at = f.text; *at != '\0'; at++)
			ck_assert(*at >= ' ' && *at <= '~');
	}
	fault_set(&f, FAULT_TEMP, "%s", "\r\n\x1B[2J\x7F\xC3\xA9\\");
	ck_assert_str_eq(f.text, "\\x0D\\x0A\\x1B[2J\\x7F\\xC3\\xA9\\");
	fault_reply(&f, FAULT_TEMP, 400, "4\n", "x");
	ck_assert_str_eq(f.status, "4\\x0A");
}
END_TEST

START_TEST(cut)
{
	struct fault f = FAULT_INIT;
	char text[5000];
	memset(text, 'x', sizeof(text));
	text[sizeof(text) - 1] = '\0';
	fault_set(&f, FAULT_TEMP, "%s", text);
	ck_assert_uint_eq(strlen(f.text), FAULT_TEXT_MAX - 1);
	fault_prefix(&f, "%s", "p");
	ck_assert_uint_eq(strlen(f.text), FAULT_TEXT_MAX - 1);
	ck_assert(str_starts(str_of(f.text), STR("p: xxx")));
	/* An escape is never cut in two. */
	memset(text, '\n', sizeof(text));
	text[sizeof(text) - 1] = '\0';
	fault_set(&f, FAULT_TEMP, "%s", text);
	ck_assert_uint_eq(strlen(f.text) % 4, 0);
	ck_assert(str_ends(str_of(f.text), STR("\\x0A")));
}
END_TEST

/* The exit codes that the manual promises. */
START_TEST(exits)
{
	static const struct {
		enum fault_kind kind;
		int want;
	} row[] = {
	    {FAULT_NONE, 0},    {FAULT_USAGE, 64},   {FAULT_DATA, 65},   {FAULT_NOINPUT, 66},
	    {FAULT_NOUSER, 67}, {FAULT_REFUSED, 69}, {FAULT_SYSTEM, 71}, {FAULT_CREATE, 73},
	    {FAULT_IO, 74},     {FAULT_TEMP, 75},    {FAULT_RELAY, 75},  {FAULT_PROTOCOL, 75},
	    {FAULT_NOPERM, 77}, {FAULT_CONFIG, 78},
	};

	for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++)
		ck_assert_int_eq(fault_exit(row[i].kind), row[i].want);
	ck_assert_int_eq(fault_exit((enum fault_kind)999), 75);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("fault");
	TCase *c = tcase_create("all");
	tcase_add_test(c, set);
	tcase_add_test(c, set_sys);
	tcase_add_test(c, cause);
	tcase_add_test(c, set_sys_long);
	tcase_add_test(c, set_reply);
	tcase_add_test(c, prefix);
	tcase_add_test(c, one_printable_line);
	tcase_add_test(c, cut);
	tcase_add_test(c, exits);
	suite_add_tcase(s, c);
	SRunner *r = srunner_create(s);
	srunner_run_all(r, CK_ENV);
	int n = srunner_ntests_failed(r);
	srunner_free(r);
	return n ? 1 : 0;
}
