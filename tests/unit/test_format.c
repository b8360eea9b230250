/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cmd/list/format.h"

#include <check.h>
#include <locale.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "unit.h"

static const struct {
	int64_t seconds;
	const char *want;
} ages[] = {
    {-5, "0s"},
    {0, "0s"},
    {59, "59s"},
    {60, "1m"},
    {119, "1m"},
    {3599, "59m"},
    {3600, "1h"},
    {2 * 86400 - 1, "47h"},
    {2 * 86400, "2d"},
    {10 * 86400 - 1, "9d"},
    {INT64_MAX, "106751991167300d"},
};

START_TEST(age)
{
	char text[FORMAT_TIME];
	format_age(text, ages[_i].seconds);
	ck_assert_str_eq(text, ages[_i].want);
}
END_TEST

/* What other programs parse is 19 bytes, whatever the locale and the date. */
START_TEST(time_of_day)
{
	char text[FORMAT_TIME];
	setenv("TZ", "UTC0", 1);
	setlocale(LC_ALL, "");
	format_time(text, 1709294405);
	ck_assert_str_eq(text, "Fri Mar  1 12:00:05");
	setenv("TZ", "<+0130>-01:30", 1);
	tzset(); /* localtime_r need not look */
	format_time(text, 1709294405);
	ck_assert_str_eq(text, "Fri Mar  1 13:30:05");
	format_time(text, INT64_MAX);
	ck_assert_str_eq(text, "(no date)          ");
}
END_TEST

static const struct {
	uint64_t bytes;
	unsigned long long want;
} sizes[] = {
    {0, 0},    {511, 0},  {512, 1},        {1024, 1},
    {1535, 1}, {1536, 2}, {1048576, 1024}, {UINT64_MAX, 1ULL << 54},
};

START_TEST(kbytes)
{
	ck_assert_uint_eq(format_kbytes(sizes[_i].bytes), sizes[_i].want);
}
END_TEST

static const struct {
	const char *in, *text, *reason;
} texts[] = {
    {"", "", ""},
    {"plain ~", "plain ~", "plain ~"},
    {"a\\b", "a\\\\b", "a\\b"},
    {"\\", "\\\\", "\\"},
    {"\x1b[31m\t\x7f", "\\x1B[31m\\x09\\x7F", "\\x1B[31m\\x09\\x7F"},
    {"J\xc3\xbc\n", "J\\xC3\\xBC\\x0A", "J\\xC3\\xBC\\x0A"},
};

START_TEST(printable)
{
	struct buf out;
	buf_init(&out, 100);
	ck_assert(format_add(&out, str_of(texts[_i].in)));
	ck_assert_str_eq(buf_cstr(&out), texts[_i].text);
	buf_clear(&out);
	ck_assert(format_add_reason(&out, str_of(texts[_i].in)));
	ck_assert_str_eq(buf_cstr(&out), texts[_i].reason);
	buf_release(&out);
}
END_TEST

START_TEST(too_long)
{
	struct buf out;
	buf_init(&out, 6);
	ck_assert(!format_add(&out, STR("ab\x01\x02")));
	buf_release(&out);
}
END_TEST

START_TEST(names)
{
	struct envelope e;
	envelope_init(&e);
	envelope_set_sender(&e, STR(""));
	ck_assert_str_eq(format_sender(&e), "MAILER-DAEMON");
	envelope_set_sender(&e, STR("a@b"));
	ck_assert_str_eq(format_sender(&e), "a@b");
	envelope_release(&e);
	ck_assert_str_eq(format_state(RCPT_WAITING), "waiting");
	ck_assert_str_eq(format_state(RCPT_DELIVERED), "delivered");
	ck_assert_str_eq(format_state(RCPT_FAILED), "failed");
	ck_assert_str_eq(format_plural(0), "s");
	ck_assert_str_eq(format_plural(1), "");
	ck_assert_str_eq(format_plural(UINT64_MAX), "s");
}
END_TEST

/* In failed/ nobody waits for a server: such a message was kept. */
START_TEST(reasons)
{
	char reason[VERDICT_LINE_MAX];
	struct rcpt r = {.state = RCPT_WAITING};
	format_reason(&r, false, reason);
	ck_assert_str_eq(reason, "");
	format_reason(&r, true, reason);
	ck_assert_ptr_nonnull(strstr(reason, "the configuration was faulty"));
	verdict_set(&r.verdict, CAUSE_MESSAGE_REFUSED, 550, "5.7.1", NULL, NULL, STR("no"));
	r.state = RCPT_FAILED;
	format_reason(&r, true, reason);
	ck_assert_str_eq(reason, "no");
	verdict_release(&r.verdict);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("format");
	TCase *c = unit_case(s, "format");
	tcase_add_loop_test(c, age, 0, COUNT(ages));
	tcase_add_test(c, time_of_day);
	tcase_add_loop_test(c, kbytes, 0, COUNT(sizes));
	tcase_add_loop_test(c, printable, 0, COUNT(texts));
	tcase_add_test(c, too_long);
	tcase_add_test(c, names);
	tcase_add_test(c, reasons);
	return unit_run(s);
}
