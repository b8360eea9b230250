/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "hold/counters.h"

#include <check.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "os/file.h"
#include "unit.h"
#include "unit_hold.h"

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

static void put(const char *name, const char *text)
{
	int fd = openat(hold.rooms[HOLD_STATE], name, O_WRONLY | O_CREAT | O_TRUNC, 0660);
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	close(fd);
}

START_TEST(they_add_up)
{
	const struct counters one = {1, 2, 3, 4, 5, 6, 70, 80};
	const struct counters two = {
	    .accepted = 1, .bytes = UINT64_C(1) << 40, .last_success = 60};
	struct counters sum;
	counters_read(&hold, &sum);
	ck_assert_uint_eq(sum.accepted, 0);
	counters_add(&hold, &one);
	counters_add(&hold, &two);
	counters_read(&hold, &sum);
	ck_assert_uint_eq(sum.accepted, 2);
	ck_assert_uint_eq(sum.delivered, 2);
	ck_assert_uint_eq(sum.failed, 3);
	ck_assert_uint_eq(sum.rcpts_delivered, 4);
	ck_assert_uint_eq(sum.rcpts_failed, 5);
	ck_assert_uint_eq(sum.bytes, (UINT64_C(1) << 40) + 6);
	ck_assert_int_eq(sum.last_success, 70);
	ck_assert_int_eq(sum.last_flush, 80);
}
END_TEST

/* An empty or spoilt file is a new beginning. */
START_TEST(what_is_spoilt_begins_again)
{
	static const char *const texts[] = {"", "\n", "accepted 12\n",
	                                    "accepted x\ndelivered 1\n", "garbage\0garbage"};
	for (size_t i = 0; i < COUNT(texts); i++) {
		put("counters", texts[i]);
		struct counters sum;
		counters_read(&hold, &sum);
		ck_assert_uint_eq(sum.accepted, 0);
		counters_add(&hold, &(struct counters){.accepted = 1});
		counters_read(&hold, &sum);
		ck_assert_uint_eq(sum.accepted, 1);
	}
}
END_TEST

/* Somebody who was stopped in the middle stops nobody else. */
START_TEST(a_lock_is_not_waited_for)
{
	counters_add(&hold, &(struct counters){.accepted = 1});
	int fd = openat(hold.rooms[HOLD_STATE], "counters", O_RDONLY);
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(flock(fd, LOCK_EX), 0);
	counters_add(&hold, &(struct counters){.accepted = 1});
	struct counters sum;
	counters_read(&hold, &sum);
	ck_assert_uint_eq(sum.accepted, 1);
	close(fd);
	counters_add(&hold, &(struct counters){.accepted = 1});
	counters_read(&hold, &sum);
	ck_assert_uint_eq(sum.accepted, 2);
}
END_TEST

/* In a shared hold: one file a user, and only of him whose name it bears. */
START_TEST(guests_have_their_own)
{
	static const char text[] = "accepted 00000000000000000005\n"
	                           "delivered 00000000000000000000\n"
	                           "failed 00000000000000000000\n"
	                           "recipients delivered 00000000000000000000\n"
	                           "recipients failed 00000000000000000000\n"
	                           "bytes 00000000000000000000\n"
	                           "last success 00000000000000000000\n"
	                           "last flush 00000000000000000000\n";
	struct fault f = FAULT_INIT;
	char *own = mem_printf("counters.%lu", (unsigned long)geteuid());
	hold.shared = true;
	hold.owner = geteuid() + 1;
	counters_add(&hold, &(struct counters){.accepted = 1});
	struct stat st;
	ck_assert(file_stat_name(hold.rooms[HOLD_STATE], own, &st, &f));
	put("counters", text);            /* not of the hold's owner */
	put("counters.4294900000", text); /* not of that user */
	struct counters sum;
	counters_read(&hold, &sum);
	ck_assert_uint_eq(sum.accepted, 1);
	hold.owner = geteuid();
	counters_read(&hold, &sum);
	ck_assert_uint_eq(sum.accepted, 6);
	counters_add(&hold, &(struct counters){.accepted = 1});
	counters_read(&hold, &sum);
	ck_assert_uint_eq(sum.accepted, 7);
	hold.shared = false;
	free(own);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("counters");
	TCase *c = unit_case(s, "counters");
	tcase_add_checked_fixture(c, set_up, tear_down);
	tcase_add_test(c, they_add_up);
	tcase_add_test(c, what_is_spoilt_begins_again);
	tcase_add_test(c, a_lock_is_not_waited_for);
	tcase_add_test(c, guests_have_their_own);
	return unit_run(s);
}
