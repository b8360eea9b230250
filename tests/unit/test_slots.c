/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "hold/slots.h"

#include <check.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "unit.h"
#include "unit_hold.h"

#define NOW INT64_C(1700000000)

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

static bool take(const char *relay, int most, int64_t wall, struct slot *s)
{
	return slots_take(&hold, relay, most, wall, s);
}

/* A process that takes a slot and keeps it until it is killed; 0: it got none. */
static pid_t holder_of(const char *relay, int most, int64_t wall)
{
	int told[2];
	ck_assert_int_eq(pipe(told), 0);
	pid_t pid = fork();
	if (pid == 0) {
		struct slot s;
		char got = take(relay, most, wall, &s) && s.fd >= 0 ? 'y' : 'n';
		if (write(told[1], &got, 1) == 1 && got == 'y')
			pause();
		_exit(0);
	}
	char got = 'n';
	close(told[1]);
	ck_assert_int_eq(read(told[0], &got, 1), 1);
	close(told[0]);
	if (got == 'y')
		return pid;
	waitpid(pid, NULL, 0);
	return 0;
}

static pid_t holder_at(int most, int64_t wall)
{
	return holder_of("main", most, wall);
}

static pid_t holder(int most)
{
	return holder_at(most, NOW);
}

static void end(pid_t pid, int how)
{
	kill(pid, how);
	waitpid(pid, NULL, 0);
}

START_TEST(a_killed_process_frees_its_slot)
{
	pid_t pids[3];
	for (size_t i = 0; i < COUNT(pids); i++) {
		pids[i] = holder(3);
		ck_assert_int_gt(pids[i], 0);
	}
	ck_assert_int_eq(holder(3), 0);
	struct slot s;
	ck_assert(!take("main", 3, NOW, &s));
	ck_assert_int_eq(s.fd, -1);
	end(pids[1], SIGKILL);
	ck_assert(take("main", 3, NOW, &s));
	ck_assert_int_ge(s.fd, 0);
	ck_assert_int_eq(slots_others(&s), 2);
	ck_assert_int_eq(holder(3), 0);
	slots_release(&s);
	end(pids[0], SIGKILL);
	end(pids[2], SIGKILL);
	ck_assert(take("main", 3, NOW, &s));
	ck_assert_int_eq(slots_others(&s), 0);
	slots_release(&s);
}
END_TEST

/* Where fewer are allowed than before, those that are open count. */
START_TEST(fewer_than_are_open)
{
	pid_t first = holder(2), second = holder(2);
	end(first, SIGKILL);
	struct slot s;
	ck_assert(!take("main", 1, NOW, &s));
	ck_assert(take("other", 1, NOW, &s));
	slots_release(&s);
	end(second, SIGKILL);
	ck_assert(take("main", 1, NOW, &s));
	slots_release(&s);
}
END_TEST

/* Of a copy of the process, which has the descriptor and not the lock. */
START_TEST(a_copy_gives_up_nothing)
{
	struct slot s;
	ck_assert(take("main", 1, NOW, &s));
	pid_t pid = fork();
	if (pid == 0) {
		slots_release(&s);
		_exit(0);
	}
	waitpid(pid, NULL, 0);
	ck_assert_int_eq(holder(1), 0);
	slots_release(&s);
	pid = holder(1);
	ck_assert_int_gt(pid, 0);
	end(pid, SIGKILL);
}
END_TEST

/* Who is not seen for an hour, as one that is stopped, keeps nobody from sending; who is
 * keeps his slot. */
START_TEST(one_that_is_stopped)
{
	struct slot s, other;
	pid_t pid = holder(1);
	ck_assert_int_gt(pid, 0);
	ck_assert_int_eq(kill(pid, SIGSTOP), 0);
	ck_assert(!take("main", 1, NOW + SLOT_SILENT, &s));
	ck_assert(!take("main", 1, NOW - 86400, &s));
	ck_assert(take("main", 1, NOW + SLOT_SILENT + 1, &s));
	ck_assert_int_eq(slots_others(&s), 1);
	/* One, and not one for each who comes. */
	ck_assert_int_eq(holder_at(1, NOW + SLOT_SILENT + 2), 0);
	slots_seen(&s, NOW + 2 * SLOT_SILENT);
	ck_assert_int_eq(holder_at(1, NOW + 2 * SLOT_SILENT + 2), 0);
	/* Nor more than twice as many as may be, whatever is silent. */
	ck_assert_int_eq(holder_at(1, NOW + 9 * SLOT_SILENT), 0);
	slots_release(&s);
	ck_assert(take("main", 3, NOW + 9 * SLOT_SILENT, &s));
	ck_assert(take("other", 1, NOW, &other));
	slots_release(&other);
	slots_release(&s);
	end(pid, SIGKILL);
	ck_assert(take("main", 1, NOW, &s));
	ck_assert_int_eq(s.at, 0);
	slots_release(&s);
}
END_TEST

/* After hours in which nobody sent the times in the file are of those who are gone. */
START_TEST(old_times)
{
	pid_t pids[3];
	for (size_t i = 0; i < COUNT(pids); i++)
		pids[i] = holder(3);
	for (size_t i = 0; i < COUNT(pids); i++)
		end(pids[i], SIGKILL);
	for (size_t i = 0; i < COUNT(pids); i++)
		pids[i] = holder_at(3, NOW + 5 * SLOT_SILENT);
	ck_assert_int_eq(holder_at(3, NOW + 5 * SLOT_SILENT), 0);
	for (size_t i = 0; i < COUNT(pids); i++)
		end(pids[i], SIGKILL);
}
END_TEST

/* Users have no way to a relay's, whatever it is called. */
START_TEST(a_user_is_no_relay)
{
	struct slot s;
	static const char *const relays[] = {"smtp.1000", "smtp", "1000"};
	for (size_t i = 0; i < COUNT(relays); i++) {
		pid_t pid = holder_of(relays[i], 1, NOW);
		ck_assert_int_gt(pid, 0);
		ck_assert(slots_take_user(&hold, 1000, 1, NOW, &s));
		ck_assert_int_eq(slots_others(&s), 0);
		slots_release(&s);
		end(pid, SIGKILL);
	}
}
END_TEST

/* Their names have one CRC-32. */
START_TEST(each_relay_has_its_own)
{
	pid_t one = holder_of("out_backup_ses", 1, NOW),
	      other = holder_of("main-ses95", 1, NOW);
	ck_assert_int_gt(one, 0);
	ck_assert_int_gt(other, 0);
	end(one, SIGKILL);
	end(other, SIGKILL);
}
END_TEST

/* Mail is not kept for want of a file to count in. */
START_TEST(without_a_file_nothing_is_counted)
{
	struct hold none = {.rooms = {-1, -1, -1, -1, -1}};
	struct slot s;
	ck_assert(slots_take(&none, "main", 1, NOW, &s));
	ck_assert_int_eq(s.fd, -1);
	ck_assert_int_eq(slots_others(&s), 0);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("slots");
	TCase *c = unit_case(s, "slots");
	tcase_add_checked_fixture(c, set_up, tear_down);
	tcase_add_test(c, a_killed_process_frees_its_slot);
	tcase_add_test(c, fewer_than_are_open);
	tcase_add_test(c, a_copy_gives_up_nothing);
	tcase_add_test(c, one_that_is_stopped);
	tcase_add_test(c, old_times);
	tcase_add_test(c, a_user_is_no_relay);
	tcase_add_test(c, each_relay_has_its_own);
	tcase_add_test(c, without_a_file_nothing_is_counted);
	return unit_run(s);
}
