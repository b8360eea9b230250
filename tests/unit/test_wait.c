/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "os/wait.h"

#include <check.h>
#include <errno.h>
#include <signal.h>
#include <unistd.h>

#include "os/clock.h"

static int ends[2];

static void open_pipe(void)
{
	ck_assert_int_eq(pipe(ends), 0);
}

static void close_pipe(void)
{
	close(ends[0]);
	close(ends[1]);
}

/* Never too short, of whatever width a time is. */
START_TEST(lasts)
{
	static const int waits[] = {0, 1, 250, 1001};
	struct pollfd p = {.fd = ends[0], .events = POLLIN};
	int64_t before = clock_mono_ms();
	ck_assert_int_eq(wait_open(&p, 1, waits[_i]), 0);
	ck_assert_int_ge(clock_mono_ms() - before, waits[_i]);
}
END_TEST

START_TEST(ready)
{
	struct pollfd p[2] = {{.fd = -1}, {.fd = ends[0], .events = POLLIN}};
	ck_assert_int_eq(write(ends[1], "x", 1), 1);
	ck_assert_int_eq(wait_open(p, 2, -1), 1);
	ck_assert_int_eq(p[1].revents, POLLIN);
}
END_TEST

static volatile sig_atomic_t came;

static void on_signal(int number)
{
	came = number;
}

/* One that is blocked and pending comes in, and only here. */
START_TEST(signal_comes_in)
{
	struct sigaction action = {.sa_handler = on_signal};
	struct pollfd p = {.fd = ends[0], .events = POLLIN};
	ck_assert_int_eq(sigaction(SIGTERM, &action, NULL), 0);
	sigset_t all;
	sigfillset(&all);
	ck_assert_int_eq(sigprocmask(SIG_SETMASK, &all, NULL), 0);
	ck_assert_int_eq(raise(SIGTERM), 0);
	ck_assert_int_eq(came, 0);
	ck_assert_int_eq(wait_open(&p, 1, -1), -1);
	ck_assert_int_eq(errno, EINTR);
	ck_assert_int_eq(came, SIGTERM);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("wait");
	TCase *c = tcase_create("wait");
	tcase_add_checked_fixture(c, open_pipe, close_pipe);
	tcase_add_loop_test(c, lasts, 0, 4);
	tcase_add_test(c, ready);
	tcase_add_test(c, signal_comes_in);
	suite_add_tcase(s, c);
	SRunner *r = srunner_create(s);
	srunner_run_all(r, CK_ENV);
	int failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? 1 : 0;
}
