/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "os/wait.h"

#include <check.h>
#include <errno.h>
#include <signal.h>
#include <sys/time.h>
#include <unistd.h>

#include "os/clock.h"
#include "polled.h"
#include "unit.h"

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

START_TEST(until_lasts)
{
	static const int waits[] = {0, 1, 120};
	int64_t before = clock_mono_ms();
	ck_assert_int_eq(wait_until(ends[0], POLLIN, clock_deadline(waits[_i])), ETIMEDOUT);
	ck_assert_int_ge(clock_mono_ms() - before, waits[_i]);
}
END_TEST

/* However late it is. */
START_TEST(until_ready)
{
	ck_assert_int_eq(wait_until(ends[1], POLLOUT, clock_deadline(-5)), 0);
	ck_assert_int_eq(write(ends[1], "x", 1), 1);
	ck_assert_int_eq(wait_until(ends[0], POLLIN, clock_deadline(-5)), 0);
	ck_assert_int_eq(wait_until(ends[0], POLLIN, CLOCK_NEVER), 0);
}
END_TEST

/* The end is something that the next call finds. */
START_TEST(until_end)
{
	close(ends[1]);
	ck_assert_int_eq(wait_until(ends[0], POLLIN, CLOCK_NEVER), 0);
	ends[1] = -1;
}
END_TEST

/* They neither end it nor make it longer. */
START_TEST(until_through_signals)
{
	const struct itimerval often = {{0, 5000}, {0, 5000}};
	struct sigaction action = {.sa_handler = on_signal};
	int64_t before = clock_mono_ms();
	came = 0;
	ck_assert_int_eq(sigaction(SIGALRM, &action, NULL), 0);
	ck_assert_int_eq(setitimer(ITIMER_REAL, &often, NULL), 0);
	polled_clear();
	ck_assert_int_eq(wait_until(ends[0], POLLIN, clock_deadline(100)), ETIMEDOUT);
	ck_assert_int_ge(clock_mono_ms() - before, 100);
	ck_assert_int_eq(came, SIGALRM);
	ck_assert_int_le(polled.longest_ms, 100);
	ck_assert_int_gt(polled.asked_ms, 100);
}
END_TEST

/* What is behind the byte stays; of the end there is none. */
START_TEST(byte_by_byte)
{
	char c = '\0', rest[4];
	ck_assert_int_eq(write(ends[1], "abc", 3), 3);
	ck_assert(wait_byte(ends[0], &c, CLOCK_NEVER));
	ck_assert_int_eq(c, 'a');
	ck_assert_int_eq(read(ends[0], rest, sizeof(rest)), 2);
	ck_assert(!wait_byte(ends[0], &c, clock_deadline(1)));
	close(ends[1]);
	ends[1] = -1;
	ck_assert(!wait_byte(ends[0], &c, CLOCK_NEVER));
}
END_TEST

int main(void)
{
	Suite *s = suite_create("wait");
	TCase *c = unit_case(s, "wait");
	tcase_add_checked_fixture(c, open_pipe, close_pipe);
	tcase_add_loop_test(c, lasts, 0, 4);
	tcase_add_test(c, ready);
	tcase_add_test(c, signal_comes_in);
	tcase_add_loop_test(c, until_lasts, 0, 3);
	tcase_add_test(c, until_ready);
	tcase_add_test(c, until_end);
	tcase_add_test(c, until_through_signals);
	tcase_add_test(c, byte_by_byte);
	return unit_run(s);
}
