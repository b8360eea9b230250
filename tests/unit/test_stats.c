/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "text/buf.h"
#include "cmd/list/summary.h"
#include "cmd/list/stats.h"
#include "unit.h"

#define NOW     1795293000
#define OUT_MAX (1024 * 1024)

static void add(struct stats *t, int64_t age, bool frozen, bool busy, int64_t next,
                const char *reason, int rcpts)
{
	struct entry e;
	entry_init(&e);
	memcpy(e.id, "6920C8F13A7B", ENTRY_ID_LEN + 1);
	e.created = NOW - age;
	e.frozen = frozen;
	e.next_try = next;
	e.facts.size = 1000;
	e.attempts = reason[0] != '\0';
	envelope_set_sender(&e.envelope, STR("s@x"));
	for (int i = 0; i < rcpts; i++) {
		char address[32];
		snprintf(address, sizeof(address), "r%d@x.example", i);
		struct rcpt *r = envelope_add(&e.envelope, str_of(address));
		if (reason[0])
			verdict_set(&r->verdict, CAUSE_NOT_LISTENING, 0, NULL, "main", reason,
			            STR("connect to it: refused"));
	}
	stats_held(t, &e, busy, e.next_try, NOW);
	entry_release(&e);
}

static uint64_t recipients_of(const struct stats *t, const char *reason)
{
	for (size_t i = 0; i < t->reason_count; i++)
		if (strcmp(t->reasons[i].text, reason) == 0)
			return t->reasons[i].recipients;
	return 0;
}

/* One cause is one reason, whatever the words, and whether it was met or remembered. */
START_TEST(test_reason_text)
{
	static const struct {
		enum cause cause;
		int code;
		const char *status, *host, *text, *want, *discreet;
	} cases[] = {
	    {CAUSE_NOT_LISTENING, 0, "", "smtp.example.org:587", "",
	     "connection refused (smtp.example.org)", "connection refused"},
	    {CAUSE_NOT_LISTENING, 0, "", "smtp.example.org[192.0.2.1]:587", "connect to ...",
	     "connection refused (smtp.example.org)", "connection refused"},
	    {CAUSE_DEFERRED, 450, "4.2.0", "mx.example[2001:db8::1]:25", "<ann@x>: busy",
	     "refused for now: 450 4.2.0 (mx.example)", "refused for now: 450 4.2.0"},
	    {CAUSE_LOGIN_REFUSED, 535, "", "mx.example:25", "no",
	     "login refused: 535 (mx.example)", "login refused: 535"},
	    {CAUSE_NOT_LISTENING, 0, "", "/run/lmtp", "", "connection refused (/run/lmtp)",
	     "connection refused"},
	    {CAUSE_NOT_LISTENING, 0, "", "m\xC2\x9B.example:25", "",
	     "connection refused (m\\xC2\\x9B.example)", "connection refused"},
	    {CAUSE_NO_RELAY, 0, "", NULL, "", "no relay serves this recipient",
	     "no relay serves this recipient"},
	};
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct verdict v = {.cause = CAUSE_NONE};
		verdict_set(&v, cases[i].cause, cases[i].code, cases[i].status, "main",
		            cases[i].host, str_of(cases[i].text));
		char text[STATS_REASON_MAX];
		stats_reason_text(text, &v, false);
		ck_assert_str_eq(text, cases[i].want);
		stats_reason_text(text, &v, true);
		ck_assert_str_eq(text, cases[i].discreet);
		verdict_release(&v);
	}
}
END_TEST

START_TEST(test_reason_cut)
{
	char host[1000];
	struct verdict v = {.cause = CAUSE_NONE};
	memset(host, 'r', sizeof(host) - 1);
	host[sizeof(host) - 1] = '\0';
	verdict_set(&v, CAUSE_BUSY, 0, NULL, NULL, host, STR(""));
	char text[STATS_REASON_MAX];
	stats_reason_text(text, &v, false);
	ck_assert_uint_eq(strlen(text), STATS_REASON_MAX - 1);
	verdict_release(&v);
}
END_TEST

START_TEST(test_counts)
{
	struct stats t;
	stats_init(&t);
	add(&t, 0, false, false, NOW, "", 1);
	add(&t, 299, false, true, NOW + 60, "h[192.0.2.1]:25", 2);
	add(&t, 300, false, false, NOW - 60, "h:25", 1);
	add(&t, -50, false, false, NOW + 600, "", 1);
	add(&t, 4 * 86400, true, false, NOW - 900, "h:25", 4);
	ck_assert_uint_eq(t.held, 5);
	ck_assert_uint_eq(t.held_bytes, 5000);
	ck_assert_uint_eq(t.recipients, 9);
	ck_assert_uint_eq(t.active, 1);
	ck_assert_uint_eq(t.frozen, 1);
	ck_assert_uint_eq(t.untried, 2);
	ck_assert_int_eq(t.oldest, 4 * 86400);
	ck_assert_int_eq(t.next_try, NOW - 60);
	ck_assert_uint_eq(t.ages[0], 3);
	ck_assert_uint_eq(t.ages[1], 1);
	ck_assert_uint_eq(t.ages[STATS_AGES - 1], 1);
	ck_assert_uint_eq(recipients_of(&t, "connection refused (h)"), 3);
	ck_assert_uint_eq(recipients_of(&t, "frozen"), 4);
	ck_assert_uint_eq(recipients_of(&t, "not tried yet"), 1);
	ck_assert_uint_eq(recipients_of(&t, "not to be sent yet (delay)"), 1);
	stats_sort(&t);
	ck_assert_str_eq(t.reasons[0].text, "frozen");
	stats_release(&t);
}
END_TEST

START_TEST(test_many_reasons)
{
	struct stats t;
	uint64_t sum = 0;
	stats_init(&t);
	for (int i = 0; i < STATS_REASONS + 50; i++) {
		char reason[32];
		snprintf(reason, sizeof(reason), "host%d:25", i);
		add(&t, 0, false, false, NOW, reason, 1);
	}
	stats_sort(&t);
	for (size_t i = 0; i < t.reason_count; i++)
		sum += t.reasons[i].recipients;
	ck_assert_uint_eq(t.reason_count, STATS_REASONS);
	ck_assert_uint_eq(t.other_recipients, 50);
	ck_assert_uint_eq(sum + t.other_recipients, t.recipients);
	struct buf out;
	buf_init(&out, OUT_MAX);
	ck_assert(summary_metrics(&out, &t));
	char *other =
	    mem_printf("{reason=\"other\"} %d\n", STATS_REASONS + 50 - SUMMARY_LABELS);
	ck_assert_ptr_nonnull(strstr(buf_cstr(&out), other));
	free(other);
	buf_release(&out);
	stats_release(&t);
}
END_TEST

START_TEST(test_summary)
{
	struct stats t;
	stats_init(&t);
	for (int i = 0; i < 100; i++)
		add(&t, 60, false, false, NOW + 120, "one:25", 1);
	add(&t, 7200, false, false, NOW + 240, "two:25", 1);
	t.failed = 1;
	t.failed_bytes = 2048;
	stats_sort(&t);
	struct buf out;
	buf_init(&out, OUT_MAX);
	ck_assert(summary_text(&out, &t, NOW, false));
	ck_assert_str_eq(buf_cstr(&out),
	                 "held       101 messages for 101 recipients, 99 Kbytes\n"
	                 "oldest     2h (6920C8F13A7B)\n"
	                 "next try   in 2m\n"
	                 "failed     1 message, 2 Kbytes (mailq --failed)\n"
	                 "\nage of the messages\n"
	                 "  under 5m        100  ########################################\n"
	                 "  under 1h          0\n"
	                 "  under 6h          1  #\n"
	                 "  under 24h         0\n"
	                 "  under 3d          0\n"
	                 "  3d or more        0\n"
	                 "\nwhy they wait, by recipient\n"
	                 "  connection refused (one)\n"
	                 "                  100  ########################################\n"
	                 "  connection refused (two)\n"
	                 "                    1  #\n");
	buf_release(&out);
	stats_release(&t);
	ck_assert(summary_text(&out, &t, NOW, true));
	ck_assert_str_eq(buf_cstr(&out), "held       0 messages\n");
	buf_release(&out);
}
END_TEST

/* OpenMetrics 1.0: a family's lines together, label values escaped, an end. */
START_TEST(test_metrics)
{
	struct stats t;
	stats_init(&t);
	add(&t, 60, false, false, NOW, "said \"no\"", 2);
	memcpy(t.reasons[0].text, "a\"b\\c\nd", 8);
	t.damaged = 3;
	struct buf out;
	buf_init(&out, OUT_MAX);
	ck_assert(summary_metrics(&out, &t));
	const char *text = buf_cstr(&out);
	static const char *const wanted[] = {
	    "# TYPE postern_held_messages gauge\n",
	    "\npostern_held_messages 1\n",
	    "\npostern_held_bytes 1000\n",
	    "\n# UNIT postern_held_bytes bytes\n",
	    "\npostern_failed_messages 0\n",
	    "\npostern_oldest_age_seconds 60\n",
	    "\npostern_damaged_messages 3\n",
	    "\npostern_waiting_recipients{reason=\"a\\\"b\\\\c\\nd\"} 2\n",
	};
	for (size_t i = 0; i < COUNT(wanted); i++)
		ck_assert_msg(strstr(text, wanted[i]) != NULL, "%s", wanted[i]);
	ck_assert(str_ends(buf_str(&out), STR("\n# EOF\n")));
	buf_release(&out);
	stats_release(&t);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("stats");
	TCase *t = unit_case(s, "stats");
	tcase_add_test(t, test_reason_text);
	tcase_add_test(t, test_reason_cut);
	tcase_add_test(t, test_counts);
	tcase_add_test(t, test_many_reasons);
	tcase_add_test(t, test_summary);
	tcase_add_test(t, test_metrics);
	return unit_run(s);
}
