/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "hold/slots.h"

#include <check.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

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

/* A process that takes a slot and keeps it until it is killed; 0: it got none. */
static pid_t holder(int most)
{
	int told[2];
	ck_assert_int_eq(pipe(told), 0);
	pid_t pid = fork();
	if (pid == 0) {
		int fd;
		char got = slots_take(&hold, "main", most, &fd) && fd >= 0 ? 'y' : 'n';
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
	int fd;
	ck_assert(!slots_take(&hold, "main", 3, &fd));
	ck_assert_int_eq(fd, -1);
	end(pids[1], SIGKILL);
	ck_assert(slots_take(&hold, "main", 3, &fd));
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(slots_others(fd), 2);
	ck_assert_int_eq(holder(3), 0);
	close(fd);
	end(pids[0], SIGKILL);
	end(pids[2], SIGKILL);
	ck_assert(slots_take(&hold, "main", 3, &fd));
	ck_assert_int_eq(slots_others(fd), 0);
	close(fd);
}
END_TEST

/* Where fewer are allowed than before, those that are open count. */
START_TEST(fewer_than_are_open)
{
	pid_t first = holder(2), second = holder(2);
	end(first, SIGKILL);
	int fd;
	ck_assert(!slots_take(&hold, "main", 1, &fd));
	ck_assert(slots_take(&hold, "other", 1, &fd));
	close(fd);
	end(second, SIGKILL);
	ck_assert(slots_take(&hold, "main", 1, &fd));
	close(fd);
}
END_TEST

/* Of a copy of the process, which has the descriptor and not the lock. */
START_TEST(a_copy_gives_up_nothing)
{
	int fd;
	ck_assert(slots_take(&hold, "main", 1, &fd));
	pid_t pid = fork();
	if (pid == 0) {
		close(fd);
		_exit(0);
	}
	waitpid(pid, NULL, 0);
	ck_assert_int_eq(holder(1), 0);
	close(fd);
	pid = holder(1);
	ck_assert_int_gt(pid, 0);
	end(pid, SIGKILL);
}
END_TEST

/* Mail is not kept for want of a file to count in. */
START_TEST(without_a_file_nothing_is_counted)
{
	struct hold none = {.rooms = {-1, -1, -1, -1, -1}};
	int fd;
	ck_assert(slots_take(&none, "main", 1, &fd));
	ck_assert_int_eq(fd, -1);
	ck_assert_int_eq(slots_others(fd), 0);
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
	tcase_add_test(c, without_a_file_nothing_is_counted);
	return unit_run(s);
}
