/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "hold/rate.h"

#include <check.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "text/crc.h"
#include "unit.h"
#include "unit_hold.h"

#define NOW INT64_C(1700000000000)

static char folder[UNIT_FOLDER];
static struct hold hold;

static void set_up(void)
{
	unit_hold_open(&hold, folder);
}

static void tear_down(void)
{
	unit_hold_close(&hold, folder);
}

static const struct rate_rule three = {3, 1000};

static int64_t wait_at(int64_t now)
{
	int64_t wait;
	bool taken = rate_take(&hold, "main", &three, 1, now, &wait);
	ck_assert_int_eq(taken, wait == 0);
	return wait;
}

/* A margin more than the period, and never less than none. */
START_TEST(margins)
{
	static const struct {
		struct rate_rule rule;
		int64_t age;
		bool slow;
		int64_t wait;
	} rows[] = {{{14, 1000}, 0, false, 1041},     {{14, 1000}, 1000, false, 41},
	            {{14, 1000}, 1040, false, 1},     {{14, 1000}, 1041, false, 0},
	            {{14, 1000}, 1041, true, 1041},   {{14, 1000}, 2082, true, 0},
	            {{14, 1000}, -1, false, 0},       {{9, 86400000}, 86400000, false, 2700010},
	            {{9, 3600000}, 3712510, false, 0}};
	for (size_t i = 0; i < COUNT(rows); i++)
		ck_assert_int_eq(rate_wait(&rows[i].rule, NOW - rows[i].age, NOW, rows[i].slow),
		                 rows[i].wait);
}
END_TEST

START_TEST(the_ring_goes_round)
{
	int64_t sent[40], now = NOW;
	for (size_t i = 0; i < COUNT(sent); now += 7)
		if (wait_at(now) == 0)
			sent[i++] = now;
	for (size_t i = 3; i < COUNT(sent); i++)
		ck_assert_int_ge(sent[i] - sent[i - 3], 1041);
	/* 0.95 of what is allowed */
	ck_assert_int_lt(sent[39] - sent[0], 13 * 1053);
}
END_TEST

/* Each rule holds, and what one refuses no other counts. */
START_TEST(several_rules)
{
	static const struct rate_rule both[] = {{2, 1000}, {3, 60000}};
	int64_t wait;
	ck_assert(rate_take(&hold, "main", both, 2, NOW, &wait));
	ck_assert(rate_take(&hold, "main", both, 2, NOW, &wait));
	for (int i = 0; i < 5; i++)
		ck_assert(!rate_take(&hold, "main", both, 2, NOW + 500, &wait));
	ck_assert_int_eq(wait, 541);
	ck_assert(rate_take(&hold, "main", both, 2, NOW + 1100, &wait));
	ck_assert(!rate_take(&hold, "main", both, 2, NOW + 3000, &wait));
	ck_assert_int_gt(wait, 50000);
	ck_assert(rate_take(&hold, "other", both, 2, NOW + 3000, &wait));
}
END_TEST

/* The wall clock goes back by a day: what was sent counts as if no time had gone by. */
START_TEST(a_clock_that_jumps)
{
	const int64_t day = 86400000;
	for (int i = 0; i < 3; i++)
		ck_assert_int_eq(wait_at(NOW + i), 0);
	ck_assert_int_eq(wait_at(NOW - day), 1039);
	ck_assert_int_gt(wait_at(NOW - day + 1000), 0);
	for (int i = 0; i < 3; i++)
		ck_assert_int_eq(wait_at(NOW - day + 1050), 0);
	ck_assert_int_eq(wait_at(NOW - day + 1050), 1041);
	ck_assert_int_eq(wait_at(NOW + day), 0);
}
END_TEST

START_TEST(too_fast_counts_double)
{
	for (int i = 0; i < 3; i++)
		ck_assert_int_eq(wait_at(NOW), 0);
	rate_slow(&hold, "main", &three, 1, NOW);
	ck_assert_int_eq(wait_at(NOW), 2082);
	for (int i = 0; i < 3; i++)
		ck_assert_int_eq(wait_at(NOW + RATE_SLOW_MS), 0);
	ck_assert_int_eq(wait_at(NOW + RATE_SLOW_MS), 1041);
}
END_TEST

static int open_file(void)
{
	char *path =
	    mem_printf("%s/state/rate.%08lX", folder, (unsigned long)crc_add(0, "main", 4));
	int fd = open(path, O_RDWR);
	free(path);
	ck_assert_int_ge(fd, 0);
	return fd;
}

/* Whichever byte of the head is another: it begins anew, and counts. */
START_TEST(damage)
{
	for (off_t at = 0; at < 64; at++) {
		wait_at(NOW);
		int fd = open_file();
		char byte;
		ck_assert_int_eq(pread(fd, &byte, 1, at), 1);
		byte = (char)~byte;
		ck_assert_int_eq(pwrite(fd, &byte, 1, at), 1);
		close(fd);
		for (int i = 0; i < 3; i++)
			ck_assert_int_eq(wait_at(NOW), 0);
		ck_assert_int_eq(wait_at(NOW), 1041);
	}
	int fd = open_file();
	ck_assert_int_eq(ftruncate(fd, 100), 0);
	ck_assert_int_eq(wait_at(NOW), 0);
	/* The times are gone. */
	for (int i = 0; i < 2; i++)
		ck_assert_int_eq(wait_at(NOW), 0);
	ck_assert_int_eq(ftruncate(fd, 512), 0);
	ck_assert_int_eq(wait_at(NOW), 0);
	close(fd);
}
END_TEST

/* Whoever is stopped with the lock stops nobody else. */
START_TEST(a_lock_that_lasts)
{
	wait_at(NOW);
	int fd = open_file();
	ck_assert_int_eq(flock(fd, LOCK_EX), 0);
	ck_assert_int_eq(wait_at(NOW), 0);
	close(fd);
	struct hold none = {.rooms = {-1, -1, -1, -1, -1}};
	int64_t wait;
	ck_assert(rate_take(&none, "main", &three, 1, NOW, &wait));
}
END_TEST

int main(void)
{
	Suite *s = suite_create("rate");
	TCase *c = unit_case(s, "rate");
	tcase_add_checked_fixture(c, set_up, tear_down);
	tcase_add_test(c, margins);
	tcase_add_test(c, the_ring_goes_round);
	tcase_add_test(c, several_rules);
	tcase_add_test(c, a_clock_that_jumps);
	tcase_add_test(c, too_fast_counts_double);
	tcase_add_test(c, damage);
	tcase_add_test(c, a_lock_that_lasts);
	return unit_run(s);
}
