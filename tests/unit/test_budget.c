/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "os/budget.h"

#include <check.h>
#include <stdbool.h>

#include "unit.h"

#define MINUTE INT64_C(60000)
#define REPLY  (5 * MINUTE)
#define ANSWER (10 * MINUTE)

/* The server answers after ms: true if it was waited for. */
static bool answers(struct budget *b, int64_t ms, int64_t timeout)
{
	int64_t wait = budget_wait_ms(b, timeout);
	budget_spend(b, ms < wait ? ms : wait);
	return ms < wait;
}

/* How many of so many replies are waited for that each take ms. */
static int replies(struct budget *b, int most, int64_t ms)
{
	int n = 0;
	while (n < most && answers(b, ms, REPLY))
		n++;
	return n;
}

/* So many bytes at that speed; true if they were all waited for. */
static bool reads(struct budget *b, uint64_t bytes, uint64_t a_second)
{
	const uint64_t step = 32768;
	for (uint64_t done = 0; done < bytes; done += step) {
		int64_t takes = (int64_t)(step * 1000 / a_second);
		if (takes >= b->left_ms + budget_worth_ms(step))
			return false;
		budget_bytes(b, step);
		budget_spend(b, takes);
	}
	return true;
}

/* Greeting, EHLO and login, MAIL, each recipient and DATA just in time. */
START_TEST(just_in_time)
{
	struct budget b = budget_open(REPLY);
	ck_assert_int_eq(replies(&b, 5, REPLY - 1000), 2);
	b = budget_open(REPLY);
	budget_transaction(&b, 1000);
	ck_assert_int_lt(replies(&b, 1000, REPLY - 1000), 60);
	b = budget_open(REPLY);
	budget_transaction(&b, 1);
	ck_assert_int_eq(replies(&b, 5, REPLY - 1000), 3);
}
END_TEST

/* One reply may always take all of its time, at the beginning of a transaction. */
START_TEST(one_reply)
{
	struct budget b = budget_open(REPLY);
	ck_assert_int_eq(budget_wait_ms(&b, REPLY), REPLY);
	budget_spend(&b, 100 * REPLY);
	ck_assert_int_eq(budget_wait_ms(&b, REPLY), 0);
	budget_transaction(&b, 1);
	ck_assert_int_eq(budget_wait_ms(&b, REPLY), REPLY);
	budget_spend(&b, 100 * REPLY);
	budget_message(&b, ANSWER);
	ck_assert_int_eq(budget_wait_ms(&b, ANSWER), ANSWER);
	ck_assert_int_eq(b.waited_ms, 200 * REPLY);
}
END_TEST

/* Slow, and honest. */
START_TEST(honest)
{
	struct budget b = budget_open(REPLY);
	/* A greeting that keeps off those who cannot wait, then quick. */
	ck_assert(answers(&b, 4 * MINUTE, REPLY));
	ck_assert_int_eq(replies(&b, 5, 2000), 5);
	for (int message = 0; message < 100; message++) {
		budget_transaction(&b, 100);
		/* It asks elsewhere whether there is such a recipient. */
		ck_assert_int_eq(replies(&b, 102, 10000), 102);
		/* 100 MB over 256 kbit/s, and a scanner that takes nine minutes. */
		ck_assert(reads(&b, 100000000, 32000));
		budget_message(&b, ANSWER);
		ck_assert(answers(&b, 9 * MINUTE, ANSWER));
	}
}
END_TEST

/* Byte by byte. */
START_TEST(reads_slowly)
{
	struct budget b = budget_open(REPLY);
	budget_transaction(&b, 1);
	ck_assert(!reads(&b, 100000000, 10));
	ck_assert_int_lt(b.waited_ms, 60 * MINUTE);
	b = budget_open(REPLY);
	budget_transaction(&b, 1);
	ck_assert(!reads(&b, 100000000, BUDGET_RATE / 2));
}
END_TEST

/* What quick transactions leave is not kept for a slow one. */
START_TEST(saves_nothing)
{
	struct budget b = budget_open(REPLY);
	for (int message = 0; message < 1000; message++) {
		budget_transaction(&b, 100);
		budget_bytes(&b, 50000000);
		budget_message(&b, ANSWER);
	}
	budget_transaction(&b, 20);
	ck_assert_int_eq(b.left_ms, 4 * REPLY);
}
END_TEST

START_TEST(no_overflow)
{
	struct budget b = budget_open(INT64_MAX);
	for (int i = 0; i < 10; i++) {
		budget_transaction(&b, SIZE_MAX);
		budget_bytes(&b, UINT64_MAX);
		budget_message(&b, INT64_MAX);
		ck_assert_int_gt(b.left_ms, INT64_MAX / 8);
		ck_assert_int_eq(budget_wait_ms(&b, REPLY), REPLY);
		budget_spend(&b, INT64_MAX / 8);
	}
	budget_spend(&b, INT64_MAX);
	ck_assert_int_eq(b.left_ms, 0);
	budget_spend(&b, -1);
	ck_assert_int_eq(b.left_ms, 0);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("budget");
	TCase *t = unit_case(s, "budget");
	tcase_add_test(t, just_in_time);
	tcase_add_test(t, one_reply);
	tcase_add_test(t, honest);
	tcase_add_test(t, reads_slowly);
	tcase_add_test(t, saves_nothing);
	tcase_add_test(t, no_overflow);
	return unit_run(s);
}
