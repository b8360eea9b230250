/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "os/clock.h"

#include <check.h>
#include <limits.h>
#include <stdlib.h>
#include <time.h>

#include "unit.h"

START_TEST(system_clocks)
{
	int64_t mono = clock_mono_ms();
	struct timespec before;
	ck_assert_int_eq(clock_gettime(CLOCK_REALTIME, &before), 0);
	int64_t wall = clock_wall();
	struct timespec after;
	ck_assert_int_eq(clock_gettime(CLOCK_REALTIME, &after), 0);
	ck_assert_int_ge(wall, before.tv_sec);
	ck_assert_int_ge(after.tv_sec, wall);
	ck_assert_int_ge(clock_mono_ms(), mono);
	ck_assert_int_ge(clock_uptime(), mono / 1000 - 1);
}
END_TEST

START_TEST(fixed)
{
	clock_test_set(1000, 5000);
	ck_assert_int_eq(clock_wall(), 1000);
	ck_assert_int_eq(clock_mono_ms(), 5000);
	ck_assert_int_eq(clock_uptime(), 5);
	ck_assert_int_eq(clock_uptime_ms(), 5000);
	clock_test_set(0, 0);
	ck_assert_int_eq(clock_wall(), 0);
	clock_test_set(-1, 0);
	ck_assert_int_ge(clock_wall(), 1700000000);
}
END_TEST

START_TEST(deadlines)
{
	static const struct {
		int64_t ms, want;
	} row[] = {
	    {0, 5000},
	    {1, 5001},
	    {-1, 5000},
	    {INT64_MIN, 5000},
	    {INT64_MAX, CLOCK_NEVER},
	    {INT64_MAX - 5000, INT64_MAX},
	    {INT64_MAX - 5001, INT64_MAX - 1},
	    {CLOCK_NEVER, CLOCK_NEVER},
	};

	clock_test_set(1000, 5000);
	for (size_t i = 0; i < COUNT(row); i++)
		ck_assert_int_eq(clock_deadline(row[i].ms), row[i].want);
}
END_TEST

START_TEST(left)
{
	static const struct {
		int64_t deadline;
		int want;
	} row[] = {
	    {5000, 0},
	    {4999, 0},
	    {INT64_MIN, 0},
	    {5001, 1},
	    {5000 + (int64_t)INT_MAX, INT_MAX},
	    {4999 + (int64_t)INT_MAX, INT_MAX - 1},
	    {5001 + (int64_t)INT_MAX, INT_MAX},
	    {CLOCK_NEVER, INT_MAX},
	};

	clock_test_set(1000, 5000);
	for (size_t i = 0; i < COUNT(row); i++)
		ck_assert_int_eq(clock_left_ms(row[i].deadline), row[i].want);
}
END_TEST

START_TEST(zones)
{
	static const struct {
		const char *zone;
		int64_t wall;
		int want;
	} row[] = {
	    {"UTC0", 0, 0},
	    {"UTC0", 1700000000, 0},
	    {"IST-5:30", 1700000000, 330},
	    {"NST3:30", 1700000000, -210},
	    /* 2021-12-31 23:59:59 UTC is next year in the east, 2022-01-01 last year in the west */
	    {"XXX-14", 1640995199, 840},
	    {"XXX12", 1640995200, -720},
	    {"CET-1CEST,M3.5.0,M10.5.0/3", 1704067200, 60},
	    {"CET-1CEST,M3.5.0,M10.5.0/3", 1719792000, 120},
	    /* the second of the change: 2024-03-31 01:00:00 UTC */
	    {"CET-1CEST,M3.5.0,M10.5.0/3", 1711846799, 60},
	    {"CET-1CEST,M3.5.0,M10.5.0/3", 1711846800, 120},
	};

	for (size_t i = 0; i < COUNT(row); i++) {
		setenv("TZ", row[i].zone, 1);
		ck_assert_msg(clock_zone_min(row[i].wall) == row[i].want, "row %zu: %d", i,
		              clock_zone_min(row[i].wall));
	}
}
END_TEST

int main(void)
{
	Suite *s = suite_create("clock");
	TCase *c = unit_case(s, "all");
	tcase_add_test(c, system_clocks);
	tcase_add_test(c, fixed);
	tcase_add_test(c, deadlines);
	tcase_add_test(c, left);
	tcase_add_test(c, zones);
	return unit_run(s);
}
