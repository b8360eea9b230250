/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "hold/rate.h"

#include <check.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "unit.h"
#include "unit_hold.h"

#define NOW    INT64_C(1700000000000)
#define UPTIME INT64_C(3600000)
#define DAY    INT64_C(86400000)

static char folder[UNIT_FOLDER];
static struct hold hold;
static struct rate_permit permit; /* of the last that was taken */

static void set_up(void)
{
	unit_hold_open(&hold, folder);
}

static void tear_down(void)
{
	unit_hold_close(&hold, folder);
}

static struct rate_clock clock_at(int64_t ms)
{
	return (struct rate_clock){NOW + ms, UPTIME + ms};
}

static struct rate rate_at(const struct rate *r, int64_t ms)
{
	struct rate then = *r;
	then.clock = clock_at(ms);
	return then;
}

static int64_t take_by(const struct rate *r, const struct rate_clock *clock)
{
	struct rate then = *r;
	then.clock = *clock;
	int64_t wait, asked = rate_ask(&then);
	bool taken = rate_take(&then, &permit, &wait);
	ck_assert_int_eq(taken, wait == 0);
	ck_assert_int_eq(asked, wait);
	return wait;
}

static int64_t take(const struct rate *r, int64_t ms)
{
	const struct rate_clock clock = clock_at(ms);
	return take_by(r, &clock);
}

static struct rate rate_of(const char *relay, int64_t count, int64_t period_ms)
{
	return (struct rate){
	    .hold = &hold, .relay = relay, .rules = {{count, period_ms}}, .count = 1};
}

/* Three a second. */
static int64_t wait_at(int64_t ms)
{
	const struct rate r = rate_of("main", 3, 1000);
	return take(&r, ms);
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
	            {{14, 1000}, -1, false, 0},       {{9, DAY}, DAY, false, 2700010},
	            {{9, 3600000}, 3712510, false, 0}};
	for (size_t i = 0; i < COUNT(rows); i++)
		ck_assert_int_eq(rate_wait(&rows[i].rule, NOW - rows[i].age, NOW, rows[i].slow),
		                 rows[i].wait);
}
END_TEST

/* What a damaged file may have as a time. */
START_TEST(times_of_no_clock)
{
	static const struct rate_rule rule = {1, DAY};
	static const int64_t times[] = {INT64_MIN, -1, NOW + 1, INT64_MAX};
	for (size_t i = 0; i < COUNT(times); i++)
		ck_assert_int_eq(rate_wait(&rule, times[i], NOW, true), 0);
}
END_TEST

/* Whatever the rule, in no period are there more, and in all not much less than it takes. */
START_TEST(the_ring_goes_round)
{
	static const struct rate_rule rows[] = {{3, 1000},   {1, 1000}, {14, 1000},
	                                        {30, 60000}, {1, DAY},  {2, 3600000}};
	for (size_t i = 0; i < COUNT(rows); i++) {
		const struct rate_rule *rule = &rows[i];
		const struct rate r = rate_of("main", rule->count, rule->period_ms);
		int64_t sent[301], now = 0;
		size_t count = (size_t)rule->count * 10 + 1;
		for (size_t k = 0; k < count; now += rule->period_ms / 250)
			if (take(&r, now) == 0)
				sent[k++] = now;
		for (size_t k = (size_t)rule->count; k < count; k++)
			ck_assert_int_ge(sent[k] - sent[k - (size_t)rule->count],
			                 rule->period_ms);
		ck_assert_int_lt((sent[count - 1] - sent[0]) * 95, rule->period_ms * 1000);
	}
}
END_TEST

/* The most there is, of which one file is 8 MB. */
START_TEST(a_million)
{
	const struct rate r = rate_of("main", RATE_COUNT_MAX, 1000);
	for (int i = 0; i < 200; i++)
		ck_assert_int_eq(take(&r, 0), 0);
	const struct rate now = rate_at(&r, 1);
	rate_ended(&now, &permit);
	ck_assert_int_eq(take(&r, 1), 0);
}
END_TEST

/* Each rule holds, and what one refuses no other counts. */
START_TEST(several_rules)
{
	struct rate both = rate_of("main", 2, 1000), other;
	both.rules[both.count++] = (struct rate_rule){3, 60000};
	other = both;
	other.relay = "other";
	ck_assert_int_eq(take(&both, 0), 0);
	ck_assert_int_eq(take(&both, 0), 0);
	for (int i = 0; i < 5; i++)
		ck_assert_int_eq(take(&both, 500), 541);
	ck_assert_int_eq(take(&both, 1100), 0);
	ck_assert_int_gt(take(&both, 3000), 50000);
	ck_assert_int_eq(take(&other, 3000), 0);
}
END_TEST

/* Their names have one CRC-32. */
START_TEST(each_relay_has_its_own)
{
	const struct rate one = rate_of("out_backup_ses", 1, 1000),
	                  other = rate_of("main-ses95", 1, 1000);
	ck_assert_int_eq(take(&one, 0), 0);
	ck_assert_int_eq(take(&other, 0), 0);
	ck_assert_int_eq(take(&one, 0), 1041);
}
END_TEST

/* Another rule is another file. */
START_TEST(a_rule_that_changes)
{
	const struct rate hour = rate_of("main", 3, 3600000);
	for (int i = 0; i < 3; i++)
		ck_assert_int_eq(wait_at(0), 0);
	for (int i = 0; i < 3; i++)
		ck_assert_int_eq(take(&hour, 0), 0);
	ck_assert_int_gt(take(&hour, 2000), 3600000);
}
END_TEST

/* However the wall clock is set, time has gone by as much as the machine has run. */
START_TEST(a_clock_that_is_set)
{
	static const int64_t by[] = {3600000, -3600000, DAY, -DAY, 20 * 365 * DAY, -1200};
	const struct rate r = rate_of("main", 3, 60000);
	int64_t up = 0;
	for (size_t i = 0; i < COUNT(by); i++, up += 200000) {
		for (int k = 0; k < 3; k++)
			ck_assert_int_eq(take(&r, up + k), 0);
		const struct rate_clock at_once = {NOW + up + by[i] + 10, UPTIME + up + 10},
		                        soon = {NOW + up + by[i] + 50000, UPTIME + up + 50000},
		                        then = {NOW + up + by[i] + 70000, UPTIME + up + 70000};
		ck_assert_int_eq(take_by(&r, &at_once), 61875);
		ck_assert_int_eq(take_by(&r, &soon), 61885 - 50000);
		ck_assert_int_eq(take_by(&r, &then), 0);
	}
}
END_TEST

/* After a boot the wall clock has to do, and if that was set back none has gone by. */
START_TEST(a_boot)
{
	const struct rate r = rate_of("main", 1, 3600000);
	const struct rate_clock early = {NOW + 600000, 5000}, back = {NOW - DAY, 7000},
	                        soon = {NOW - DAY + 60000, 67000}, late = {NOW + DAY, 1000};
	ck_assert_int_eq(take(&r, 0), 0);
	ck_assert_int_eq(take_by(&r, &early), 3712510 - 600000);
	ck_assert_int_eq(take_by(&r, &back), 3712510 - 602000);
	ck_assert_int_eq(take_by(&r, &soon), 3712510 - 662000);
	ck_assert_int_eq(take_by(&r, &late), 0);
}
END_TEST

/* Two with one hold: the one has run for long, the other not. */
START_TEST(two_hosts)
{
	const struct rate r = rate_of("main", 1, 3600000);
	ck_assert_int_eq(take(&r, 0), 0);
	for (int64_t ms = 60000; ms < 3700000; ms += 120000) {
		const struct rate_clock one = {NOW + ms, 50 * DAY + ms},
		                        other = {NOW + ms + 60000, UPTIME + ms + 60000};
		ck_assert_int_eq(take_by(&r, &one), 3712510 - ms);
		if (ms + 60000 < 3712510)
			ck_assert_int_eq(take_by(&r, &other), 3712510 - ms - 60000);
	}
}
END_TEST

START_TEST(too_fast_counts_double)
{
	const struct rate r = rate_of("main", 3, 1000);
	const struct rate now = rate_at(&r, 0);
	for (int i = 0; i < 3; i++)
		ck_assert_int_eq(wait_at(0), 0);
	rate_slow(&now);
	ck_assert_int_eq(wait_at(0), 2082);
	for (int i = 0; i < 3; i++)
		ck_assert_int_eq(wait_at(RATE_SLOW_MS), 0);
	ck_assert_int_eq(wait_at(RATE_SLOW_MS), 1041);
}
END_TEST

/* A message that took long counts from later, unless all do. */
START_TEST(the_end_counts_too)
{
	const struct rate r = rate_of("main", 3, 1000);
	const struct rate late = rate_at(&r, 700), later = rate_at(&r, 5000);
	for (int i = 0; i < 3; i++)
		ck_assert_int_eq(wait_at(0), 0);
	rate_ended(&late, &permit);
	ck_assert_int_eq(wait_at(1041), 0);
	ck_assert_int_eq(wait_at(1041), 0);
	/* It is the last of them, and learned of is little from one. */
	ck_assert_int_eq(wait_at(1041), 700 - 43);
	ck_assert_int_eq(wait_at(1041 + 700 - 43), 0);
	/* Longer than the period: its place is another's, and there is one more. */
	const struct rate_permit slow = permit;
	for (int i = 0; i < 3; i++)
		ck_assert_int_eq(wait_at(4200 + i * 400), 0);
	rate_ended(&later, &slow);
	ck_assert_int_eq(wait_at(5241), 400);
	for (int i = 0; i < 3; i++)
		ck_assert_int_eq(wait_at(6041), 0);
	const struct rate_permit none = {.at = 0};
	rate_ended(&later, &none);
}
END_TEST

/* Where all take as long it costs nothing. */
START_TEST(what_all_need)
{
	const struct rate r = rate_of("main", 1, 1000);
	int64_t now = 0, begun = 0;
	for (int i = 0; i < 200; i++) {
		const struct rate end = rate_at(&r, now + 100);
		begun = now;
		ck_assert_int_eq(take(&r, now), 0);
		rate_ended(&end, &permit);
		now += 100;
		now += take(&r, now) > 0 ? rate_ask(&end) : 0;
	}
	ck_assert_int_lt(now - begun, 1060);
	ck_assert_int_ge(now - begun, 1041);
}
END_TEST

START_TEST(one_that_does_not_go)
{
	const struct rate r = rate_of("main", 3, 1000);
	const struct rate now = rate_at(&r, 0);
	for (int i = 0; i < 3; i++)
		ck_assert_int_eq(wait_at(0), 0);
	rate_cancel(&now, &permit);
	ck_assert_int_eq(wait_at(0), 0);
	ck_assert_int_eq(wait_at(0), 1041);
	/* Behind others it stays counted. */
	const struct rate_permit last = permit;
	for (int i = 0; i < 3; i++)
		ck_assert_int_eq(wait_at(2000), 0);
	rate_cancel(&now, &last);
	ck_assert_int_eq(wait_at(2000), 1041);
}
END_TEST

static int open_file(void)
{
	char *path = mem_printf("%s/state/rate.main", folder);
	int fd = open(path, O_RDWR);
	free(path);
	ck_assert_int_ge(fd, 0);
	return fd;
}

/* Whichever byte of the head is another: it begins anew, and counts. */
START_TEST(damage)
{
	for (off_t at = 0; at < 64; at++) {
		wait_at(0);
		int fd = open_file();
		char byte;
		ck_assert_int_eq(pread(fd, &byte, 1, at), 1);
		byte = (char)~byte;
		ck_assert_int_eq(pwrite(fd, &byte, 1, at), 1);
		close(fd);
		for (int i = 0; i < 3; i++)
			ck_assert_int_eq(wait_at(0), 0);
		ck_assert_int_eq(wait_at(0), 1041);
	}
	int fd = open_file();
	ck_assert_int_eq(ftruncate(fd, 100), 0);
	ck_assert_int_eq(wait_at(0), 0);
	/* The times are gone. */
	for (int i = 0; i < 2; i++)
		ck_assert_int_eq(wait_at(0), 0);
	ck_assert_int_eq(ftruncate(fd, 512), 0);
	ck_assert_int_eq(wait_at(0), 0);
	close(fd);
}
END_TEST

static void counts_anew(void)
{
	for (int i = 0; i < 3; i++)
		ck_assert_int_eq(wait_at(0), 0);
	ck_assert_int_eq(wait_at(0), 1041);
}

/* What is long, or no file of ours. */
START_TEST(other_files)
{
	wait_at(0);
	int fd = open_file();
	for (int value = 0; value < 256; value += 51) {
		char bytes[8192];
		memset(bytes, value, sizeof(bytes));
		ck_assert_int_eq(pwrite(fd, bytes, sizeof(bytes), 0), sizeof(bytes));
		counts_anew();
	}
	ck_assert_int_eq(ftruncate(fd, INT64_C(1) << 40), 0);
	ck_assert_int_gt(wait_at(10), 0);
	close(fd);
}
END_TEST

/* Where no file can be had, for whatever stands there, mail goes. */
START_TEST(no_file)
{
	wait_at(0);
	char *path = mem_printf("%s/state/rate.main", folder);
	static const char *const targets[] = {"/dev/null", "/etc/passwd", "nowhere"};
	for (size_t i = 0; i < COUNT(targets); i++) {
		ck_assert_int_eq(unlink(path), 0);
		ck_assert_int_eq(symlink(targets[i], path), 0);
		for (int k = 0; k < 5; k++)
			ck_assert_int_eq(wait_at(0), 0);
	}
	ck_assert_int_eq(unlink(path), 0);
	ck_assert_int_eq(mkfifo(path, 0600), 0);
	for (int k = 0; k < 5; k++)
		ck_assert_int_eq(wait_at(0), 0);
	ck_assert_int_eq(unlink(path), 0);
	free(path);
	counts_anew();
}
END_TEST

/* Whoever is stopped with the lock stops nobody else, and does not end the count, either. */
START_TEST(a_lock_that_lasts)
{
	wait_at(0);
	int fd = open_file();
	ck_assert_int_eq(flock(fd, LOCK_EX), 0);
	ck_assert_int_eq(wait_at(0), 0);
	ck_assert_int_eq(wait_at(0), 0);
	ck_assert_int_eq(wait_at(0), 1041);
	/* Of the one that was left nothing counts any more. */
	ck_assert_int_eq(ftruncate(fd, 0), 0);
	close(fd);
	ck_assert_int_eq(wait_at(0), 1041);
	/* A file that is longer than these rules need. */
	fd = open_file();
	ck_assert_int_eq(ftruncate(fd, 8192), 0);
	ck_assert_int_eq(flock(fd, LOCK_EX), 0);
	ck_assert_int_eq(wait_at(0), 1041);
	close(fd);
	struct hold none = {.rooms = {-1, -1, -1, -1, -1}};
	struct rate r = rate_of("main", 3, 1000);
	r.hold = &none;
	ck_assert_int_eq(take(&r, 0), 0);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("rate");
	TCase *c = unit_case(s, "rate");
	tcase_add_checked_fixture(c, set_up, tear_down);
	tcase_add_test(c, margins);
	tcase_add_test(c, times_of_no_clock);
	tcase_add_test(c, the_ring_goes_round);
	tcase_add_test(c, a_million);
	tcase_add_test(c, several_rules);
	tcase_add_test(c, each_relay_has_its_own);
	tcase_add_test(c, a_rule_that_changes);
	tcase_add_test(c, a_clock_that_is_set);
	tcase_add_test(c, a_boot);
	tcase_add_test(c, two_hosts);
	tcase_add_test(c, too_fast_counts_double);
	tcase_add_test(c, the_end_counts_too);
	tcase_add_test(c, what_all_need);
	tcase_add_test(c, one_that_does_not_go);
	tcase_add_test(c, damage);
	tcase_add_test(c, other_files);
	tcase_add_test(c, no_file);
	tcase_add_test(c, a_lock_that_lasts);
	return unit_run(s);
}
