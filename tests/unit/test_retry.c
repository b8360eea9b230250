/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "hold/retry.h"

#include <check.h>

#include "unit.h"

#define MINUTE 60
#define HOUR   3600
#define DAY    86400
#define YEAR   (365LL * DAY)

static const struct retry_rules rules = {5 * MINUTE, 4 * HOUR, 5 * DAY};

START_TEST(wait_doubles_up_to_the_longest)
{
	static const int64_t want[] = {300, 600, 1200, 2400, 4800, 9600, 14400, 14400};
	for (size_t i = 0; i < COUNT(want); i++)
		for (uint32_t random = 0; random < 5000; random += 7) {
			int64_t wait = retry_wait(&rules, (int64_t)i + 1, random);
			ck_assert_int_ge(wait, want[i] - want[i] / 10);
			ck_assert_int_le(wait, want[i] + want[i] / 10);
		}
}
END_TEST

START_TEST(wait_uses_the_whole_jitter)
{
	int64_t least = INT64_MAX, most = 0;
	for (uint32_t random = 0; random < 1000; random++) {
		int64_t wait = retry_wait(&rules, 1, random);
		least = wait < least ? wait : least;
		most = wait > most ? wait : most;
	}
	ck_assert_int_eq(least, 270);
	ck_assert_int_eq(most, 330);
}
END_TEST

START_TEST(wait_survives_any_number_of_attempts)
{
	ck_assert_int_le(retry_wait(&rules, INT64_MAX, 0), 4 * HOUR);
	ck_assert_int_ge(retry_wait(&rules, 0, 0), 270);
	struct retry_rules none = {0, 0, 0};
	ck_assert_int_eq(retry_wait(&none, 3, 99), 0);
	ck_assert_int_eq(retry_wait(&none, INT64_MAX, 99), 0);
}
END_TEST

START_TEST(due_when_its_time_has_come_or_the_clock_was_wrong)
{
	static const struct {
		int64_t next, wall;
		bool due;
	} rows[] = {
	    {1000, 999, false},
	    {1000, 1000, true},
	    {1000, 5000, true},
	    {1000 + 8 * HOUR, 1000, false},
	    {1001 + 8 * HOUR, 1000, true}, /* further off than any wait: from a wrong clock */
	    {10 * YEAR, 0, true},
	};
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct entry e = {.next_try = rows[i].next, .tried = 1};
		ck_assert_msg(retry_due(&rules, &e, rows[i].wall) == rows[i].due, "row %zu", i);
	}
}
END_TEST

START_TEST(a_delay_of_any_length_is_kept)
{
	struct entry e = {.created = 1000000, .next_try = 1000000 + 30 * DAY};
	ck_assert(!retry_due(&rules, &e, 1000000));
	ck_assert(!retry_due(&rules, &e, 1000000 + 29 * DAY));
	ck_assert(retry_due(&rules, &e, 1000000 + 30 * DAY));
	/* Taken in by a clock that was ahead. */
	ck_assert(retry_due(&rules, &e, 1000000 - YEAR));
	/* No delay any more: a time that some try has set. */
	e.tried = 1000000 + DAY;
	ck_assert(retry_due(&rules, &e, 1000000 + DAY));
}
END_TEST

START_TEST(delayed_by_its_sender)
{
	static const int64_t now = 1000000000, most = 366 * DAY;
	static const struct {
		int64_t created, next, tried;
		bool delayed, due;
	} rows[] = {
	    {now, now + 1, 0, true, false},
	    {now, now + DAY, 0, true, false},
	    {now, now + most + 1, 0, true, false},   /* the second begun does not count */
	    {now, now + most + DAY, 0, false, true}, /* more than anybody can ask for */
	    {now - DAY, now, 0, false, true},        /* over */
	    {now - DAY, now - 1, 0, false, true},
	    {now, now + HOUR, now - 1, false, false},      /* the time of a try */
	    {now + HOUR, now + 2 * HOUR, 0, false, false}, /* by a clock that was ahead */
	    {now + 300, now + HOUR, 0, true, false},
	};
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct entry e = {.created = rows[i].created,
		                  .next_try = rows[i].next,
		                  .tried = rows[i].tried};
		ck_assert_msg(retry_delayed(&e, now) == rows[i].delayed, "row %zu", i);
		ck_assert_msg(retry_due(&rules, &e, now) == rows[i].due, "row %zu", i);
	}
}
END_TEST

START_TEST(clocks_are_believed_when_they_agree)
{
	static const struct {
		int64_t wall, uptime;
		bool right;
	} rows[] = {
	    {1000000, 100, false}, /* nothing is known */
	    {1000120, 220, false}, /* and not for long */
	    {1001800, 1900, true},          {1001920, 2020, true},
	    {1001920, 2020, true},          /* two at once */
	    {1001920 + 700, 2140, true},    /* set by less than ten minutes */
	    {1001920 + 86400, 2260, false}, /* set by more */
	    {1001920 + 88100, 3960, false}, {1001920 + 88300, 4160, true},
	    {1001920, 4280, false}, /* and back */
	    {1010000, 50, false},   /* a boot */
	    {1012000, 2050, true},
	};
	struct retry_clock c = {0};
	for (size_t i = 0; i < COUNT(rows); i++)
		ck_assert_msg(retry_clock_seen(&c, rows[i].wall, rows[i].uptime) ==
		                  rows[i].right,
		              "row %zu", i);
}
END_TEST

/* Tries at the times that retry itself sets, until it gives up. */
START_TEST(a_quiet_clock_gives_up_soon_after_the_expiry)
{
	struct entry e = {.created = 1000000};
	int64_t wall = e.created, tries = 0;
	while (!retry_failed(&rules, &e, wall, wall - 500000, 0)) {
		ck_assert_int_lt(++tries, 1000);
		wall = e.next_try;
	}
	ck_assert_int_gt(wall, e.created + 5 * DAY);
	ck_assert_int_lt(wall, e.created + 5 * DAY + 5 * HOUR);
}
END_TEST

START_TEST(never_before_three_tries)
{
	struct entry e = {.created = 1000, .tried = 1000, .uptime = 1000};
	struct retry_rules at_once = {60, 60, 1};
	ck_assert(!retry_failed(&at_once, &e, 2000, 2000, 0));
	ck_assert(!retry_failed(&at_once, &e, 3000, 3000, 0));
	ck_assert(retry_failed(&at_once, &e, 4000, 4000, 0));
}
END_TEST

START_TEST(a_jump_of_the_clock_expires_nothing)
{
	static const int64_t jumps[] = {10 * YEAR, 6 * DAY, 40 * YEAR};
	for (size_t i = 0; i < COUNT(jumps); i++) {
		struct entry e = {
		    .created = 1000000, .attempts = 5, .tried = 1000000, .uptime = 5000};
		int64_t wall = 1000000 + jumps[i];
		/* Ten minutes of uptime, years of wall clock. */
		ck_assert(!retry_failed(&rules, &e, wall, 5600, 0));
		/* The clock is put right again: all is as if nothing had been. */
		ck_assert(!retry_failed(&rules, &e, 1001200, 6200, 0));
		ck_assert_int_eq(e.overdue, 0);
		ck_assert(!retry_failed(&rules, &e, 1001800, 6800, 0));
	}
}
END_TEST

START_TEST(a_jump_that_stays_counts_after_half_an_hour)
{
	struct entry e = {.created = 1000000, .attempts = 5, .tried = 1000000, .uptime = 5000};
	int64_t wall = 1000000 + 10 * YEAR;
	ck_assert(!retry_failed(&rules, &e, wall, 5600, 0));
	ck_assert(retry_failed(&rules, &e, wall + 1800, 5600 + 1800, 0));
}
END_TEST

START_TEST(a_clock_set_back_expires_nothing)
{
	struct entry e = {
	    .created = 1000000000, .attempts = 9, .tried = 1000000000, .uptime = 5000};
	ck_assert(!retry_failed(&rules, &e, 1000000000 - 10 * YEAR, 6000, 0));
	ck_assert_int_le(e.next_try, 1000000000 - 10 * YEAR + 5 * HOUR);
}
END_TEST

START_TEST(after_a_boot_a_second_look_is_taken)
{
	struct entry e = {
	    .created = 1000000, .attempts = 5, .tried = 1000000, .uptime = 900000};
	int64_t wall = 1000000 + 6 * DAY;
	ck_assert(!retry_failed(&rules, &e, wall, 100, 0));
	ck_assert(!retry_failed(&rules, &e, wall + 60 * YEAR, 160, 0));
	ck_assert(retry_failed(&rules, &e, wall + 60 * YEAR + 3600, 3760, 0));
}
END_TEST

int main(void)
{
	Suite *s = suite_create("retry");
	TCase *t = unit_case(s, "retry");
	tcase_add_test(t, wait_doubles_up_to_the_longest);
	tcase_add_test(t, wait_uses_the_whole_jitter);
	tcase_add_test(t, wait_survives_any_number_of_attempts);
	tcase_add_test(t, due_when_its_time_has_come_or_the_clock_was_wrong);
	tcase_add_test(t, a_delay_of_any_length_is_kept);
	tcase_add_test(t, delayed_by_its_sender);
	tcase_add_test(t, clocks_are_believed_when_they_agree);
	tcase_add_test(t, a_quiet_clock_gives_up_soon_after_the_expiry);
	tcase_add_test(t, never_before_three_tries);
	tcase_add_test(t, a_jump_of_the_clock_expires_nothing);
	tcase_add_test(t, a_jump_that_stays_counts_after_half_an_hour);
	tcase_add_test(t, a_clock_set_back_expires_nothing);
	tcase_add_test(t, after_a_boot_a_second_look_is_taken);
	return unit_run(s);
}
