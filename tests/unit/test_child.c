/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "os/child.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "os/clock.h"
#include "polled.h"
#include "unit.h"

#define MANY   200 /* descriptors looked at */
#define NOBODY 65534
#define SOON   60 /* ms */

/* What a task finds wrong is its exit status. */
static void check(bool good, const char *what)
{
	if (good)
		return;
	fprintf(stderr, "not so in the child: %s\n", what);
	_exit(1);
}

static int run(struct child_order order)
{
	struct child c;
	ck_assert_msg(child_start(&c, &order), "%s", strerror(errno));
	ck_assert(child_wait(&c, clock_deadline(LONG_MS)));
	ck_assert(child_ended(&c));
	ck_assert_int_eq(waitpid(-1, NULL, WNOHANG), -1);
	ck_assert_int_eq(errno, ECHILD);
	return c.status;
}

static int exit_of(struct child_order order)
{
	int status = run(order);
	ck_assert(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static ino_t node_of(int fd)
{
	struct stat st = {0};
	return fstat(fd, &st) == 0 ? st.st_ino : 0;
}

static int open_count(void)
{
	int count = 0;
	for (int fd = 0; fd < MANY; fd++)
		count += fcntl(fd, F_GETFD) != -1;
	return count;
}

/* For the children of a test, whose own messages go where they always did. */
static ino_t wanted[CHILD_FD + 1];

static void four_as_wanted(void *context)
{
	(void)context;
	for (int i = 0; i <= CHILD_FD; i++) {
		if (node_of(i) != wanted[i])
			_exit(10 + i);
		if (fcntl(i, F_GETFD) & FD_CLOEXEC)
			_exit(20 + i);
	}
	_exit(open_count() == CHILD_FD + 1 ? 0 : 30);
}

/* Each of ours stands where another is to be. */
START_TEST(descriptors_change_places)
{
	static const int turns[][CHILD_FD + 1] = {{1, 2, 3, 0}, {3, 2, 1, 0}, {0, 1, 2, 3},
	                                          {3, 3, 3, 3}, {0, 0, 2, 2}, {7, 1, 7, 9}};
	struct child_order order = {.task = four_as_wanted};
	int ends[2];
	for (int i = 0; i < 12; i += 2) {
		ck_assert_int_eq(pipe(ends), 0);
		/* What fork would let through: not closed by exec, and beyond what is looked for. */
		ck_assert_int_eq(dup2(ends[1], 100 + i), 100 + i);
		ck_assert_int_eq(dup2(ends[0], i), i);
		ck_assert_int_eq(dup2(ends[1], i + 1), i + 1);
		fcntl(i, F_SETFD, FD_CLOEXEC);
	}
	memcpy(order.fds, turns[_i], sizeof(order.fds));
	for (int i = 0; i <= CHILD_FD; i++) {
		wanted[i] = node_of(order.fds[i]);
		ck_assert(wanted[i] != 0);
	}
	ck_assert_int_eq(exit_of(order), 0);
}
END_TEST

static void three_of_nothing(void *context)
{
	struct stat null, st;
	char c;
	(void)context;
	if (stat("/dev/null", &null) != 0 || open_count() != CHILD_FD)
		_exit(1);
	for (int i = 0; i < CHILD_FD; i++)
		if (fstat(i, &st) != 0 || st.st_rdev != null.st_rdev || read(i, &c, 1) != 0 ||
		    write(i, "x", 1) != 1)
			_exit(2 + i);
}

START_TEST(nothing_given)
{
	ck_assert_int_eq(
	    exit_of((struct child_order){.fds = {-1, -1, -1, -1}, .task = three_of_nothing}),
	    0);
	/* Nor where the standard ones are missing here. */
	int kept = dup(STDERR_FILENO);
	close(STDIN_FILENO);
	close(STDERR_FILENO);
	int code =
	    exit_of((struct child_order){.fds = {-1, -1, -1, -1}, .task = three_of_nothing});
	dup2(kept, STDERR_FILENO);
	ck_assert_int_eq(code, 0);
}
END_TEST

START_TEST(descriptor_not_open)
{
	ck_assert_int_eq(
	    exit_of((struct child_order){.fds = {0, 1, 2, MANY}, .task = three_of_nothing}),
	    CHILD_NOT_RUN);
}
END_TEST

static void on_signal(int number)
{
	(void)number;
	_exit(99);
}

static void signals_as_new(void *context)
{
	sigset_t blocked;
	struct sigaction now;
	(void)context;
	sigprocmask(SIG_SETMASK, NULL, &blocked);
	for (int s = 1; s < NSIG; s++) {
		if (sigaction(s, NULL, &now) != 0)
			continue;
		check(now.sa_handler == SIG_DFL, "nothing is handled or ignored");
		check(!sigismember(&blocked, s), "nothing is blocked");
	}
}

START_TEST(signals)
{
	sigset_t some, before, after;
	signal(SIGHUP, SIG_IGN);
	signal(SIGPIPE, SIG_IGN);
	signal(SIGTERM, on_signal);
	signal(SIGUSR2, on_signal);
	signal(SIGRTMAX, on_signal);
	sigemptyset(&some);
	sigaddset(&some, SIGALRM);
	sigaddset(&some, SIGTERM);
	sigprocmask(SIG_BLOCK, &some, &before);
	/* One that waits for us is not for the child. */
	raise(SIGTERM);
	ck_assert_int_eq(
	    exit_of((struct child_order){.fds = {0, 1, 2, -1}, .task = signals_as_new}), 0);
	sigprocmask(SIG_SETMASK, NULL, &after);
	for (int s = 1; s < NSIG; s++)
		ck_assert_int_eq(sigismember(&after, s), s == SIGALRM || s == SIGTERM);
	signal(SIGTERM, SIG_IGN);
}
END_TEST

#define SHELL(text)                       \
	{                                 \
		"sh", "-c", (text), NULL, \
	}

START_TEST(exit_status)
{
	static const struct {
		const char *argv[4], *program;
		int code; /* below 0: that signal */
	} runs[] = {
	    {SHELL("exit 0"), NULL, 0},
	    {SHELL("exit 3"), NULL, 3},
	    {SHELL("kill -9 $$"), NULL, -SIGKILL},
	    /* What it is called by others is not what is run. */
	    {{"another name", "-c", "exit 4"}, "/bin/sh", 4},
	    {{"no such program in any folder"}, NULL, CHILD_NOT_RUN},
	    {{"x"}, "/no/such/program", CHILD_NOT_RUN},
	    {{"x"}, "/", CHILD_NOT_RUN},
	};
	for (size_t i = 0; i < COUNT(runs); i++) {
		int status = run((struct child_order){.fds = {-1, -1, -1, -1},
		                                      .program = runs[i].program,
		                                      .argv = (char **)runs[i].argv});
		int code = WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
		ck_assert_msg(code == runs[i].code, "run %zu: %d", i, code);
	}
}
END_TEST

START_TEST(environment)
{
	static char path[] = "PATH=/bin:/usr/bin", other[] = "OTHER=1";
	static char *only[] = {path, other, NULL};
	static const char *ours[] = SHELL("test \"$MINE\" = 1"),
	                  *its[] = SHELL("test -z \"$MINE\" && test \"$OTHER\" = 1");
	setenv("MINE", "1", 1);
	ck_assert_int_eq(
	    exit_of((struct child_order){.fds = {-1, -1, -1, -1}, .argv = (char **)ours}), 0);
	ck_assert_int_eq(exit_of((struct child_order){.fds = {-1, -1, -1, -1},
	                                              .argv = (char **)its,
	                                              .environment = only}),
	                 0);
	ck_assert_str_eq(getenv("MINE"), "1");
}
END_TEST

static void deaf(void *context)
{
	(void)context;
	signal(SIGTERM, SIG_IGN);
	/* Now it is known to be so. */
	check(write(CHILD_FD, "x", 1) == 1, "the parent listens");
	for (;;)
		pause();
}

START_TEST(deadline)
{
	struct child c;
	int ends[2];
	char x;
	ck_assert_int_eq(pipe(ends), 0);
	ck_assert(
	    child_start(&c, &(struct child_order){.fds = {0, 1, 2, ends[1]}, .task = deaf}));
	ck_assert_int_eq(read(ends[0], &x, 1), 1);
	kill(c.pid, SIGTERM);
	int64_t before = clock_mono_ms();
	ck_assert(!child_wait(&c, clock_deadline(SOON)));
	ck_assert_int_ge(clock_mono_ms() - before, SOON);
	ck_assert(!child_ended(&c));
	child_kill(&c);
	ck_assert(c.ended);
	ck_assert(WIFSIGNALED(c.status));
	ck_assert_int_eq(WTERMSIG(c.status), SIGKILL);
	ck_assert_int_eq(waitpid(-1, NULL, WNOHANG), -1);
	ck_assert_int_eq(errno, ECHILD);
	/* Its number may be another's by now. */
	child_kill(&c);
	ck_assert(child_wait(&c, 0));
}
END_TEST

static void ends_alone(void *context)
{
	(void)context;
}

START_TEST(taken_by_somebody_else)
{
	signal(SIGCHLD, SIG_IGN);
	ck_assert_int_eq(
	    exit_of((struct child_order){.fds = {0, 1, 2, -1}, .task = ends_alone}),
	    CHILD_NOT_RUN);
}
END_TEST

/* Its children too: they have its pipe. */
START_TEST(whole_group)
{
	static const char *argv[] = SHELL("sleep 1000 & echo x; wait");
	struct child c;
	int ends[2];
	char some[8];
	ck_assert_int_eq(pipe(ends), 0);
	ck_assert(child_start(&c, &(struct child_order){.fds = {-1, ends[1], -1, -1},
	                                                .tie = CHILD_GROUP,
	                                                .argv = (char **)argv}));
	close(ends[1]);
	ck_assert_int_eq(read(ends[0], some, sizeof(some)), 2);
	ck_assert_int_eq(getpgid(c.pid), c.pid);
	child_kill(&c);
	ck_assert_int_eq(read(ends[0], some, sizeof(some)), 0);
}
END_TEST

static void leads_session(void *context)
{
	(void)context;
	check(getsid(0) == getpid(), "a session of its own");
}

static void shares_group(void *context)
{
	const pid_t *group = context;
	check(getpgrp() == *group, "our group");
}

START_TEST(ties)
{
	pid_t group = getpgrp();
	ck_assert_int_eq(exit_of((struct child_order){.fds = {0, 1, 2, -1},
	                                              .tie = CHILD_SESSION,
	                                              .task = leads_session}),
	                 0);
	ck_assert_int_eq(exit_of((struct child_order){
	                     .fds = {0, 1, 2, -1}, .task = shares_group, .context = &group}),
	                 0);
}
END_TEST

#ifdef __linux__
static void dies_before_its_child(void *context)
{
	struct child c;
	(void)context;
	check(child_start(&c, &(struct child_order){.fds = {0, 1, 2, CHILD_FD},
	                                            .tie = CHILD_DIES,
	                                            .task = deaf}),
	      "a grandchild");
	for (;;)
		pause();
}

START_TEST(dies_with_us)
{
	struct child c;
	int ends[2];
	char x;
	ck_assert_int_eq(pipe(ends), 0);
	ck_assert(child_start(&c, &(struct child_order){.fds = {0, 1, 2, ends[1]},
	                                                .task = dies_before_its_child}));
	close(ends[1]);
	ck_assert_int_eq(read(ends[0], &x, 1), 1);
	child_kill(&c);
	ck_assert_int_eq(read(ends[0], &x, 1), 0);
}
END_TEST
#endif

static void one_group(void *context)
{
	const gid_t *group = context;
	check(getgid() == *group && getegid() == *group, "the real group");
	check(geteuid() == 0 || *group == NOBODY || setegid(NOBODY) != 0, "and no way back");
}

START_TEST(group_dropped)
{
	gid_t group = getgid();
	if (geteuid() == 0)
		ck_assert_int_eq(setegid(NOBODY), 0);
	ck_assert_int_eq(exit_of((struct child_order){.fds = {0, 1, 2, -1},
	                                              .drop_group = true,
	                                              .task = one_group,
	                                              .context = &group}),
	                 0);
}
END_TEST

/* As a user who may have no more processes. */
START_TEST(no_process)
{
	struct rlimit limit;
	struct child c;
	sigset_t after;
	if (geteuid() == 0)
		ck_assert(setgroups(0, NULL) == 0 && setgid(NOBODY) == 0 &&
		          setuid(NOBODY) == 0);
	ck_assert_int_eq(getrlimit(RLIMIT_NPROC, &limit), 0);
	rlim_t most = limit.rlim_cur;
	limit.rlim_cur = 0;
	ck_assert_int_eq(setrlimit(RLIMIT_NPROC, &limit), 0);
	ck_assert(
	    !child_start(&c, &(struct child_order){.fds = {0, 1, 2, -1}, .task = ends_alone}));
	ck_assert_int_eq(errno, EAGAIN);
	sigprocmask(SIG_SETMASK, NULL, &after);
	ck_assert(!sigismember(&after, SIGTERM));
	/* The search for leaks at the end takes a thread. */
	limit.rlim_cur = most;
	setrlimit(RLIMIT_NPROC, &limit);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("child");
	TCase *c = unit_case(s, "child");
	SRunner *r;
	int failed;

	tcase_add_loop_test(c, descriptors_change_places, 0, 6);
	tcase_add_test(c, nothing_given);
	tcase_add_test(c, descriptor_not_open);
	tcase_add_test(c, signals);
	tcase_add_test(c, exit_status);
	tcase_add_test(c, environment);
	tcase_add_test(c, deadline);
	tcase_add_test(c, taken_by_somebody_else);
	tcase_add_test(c, whole_group);
	tcase_add_test(c, ties);
#ifdef __linux__
	tcase_add_test(c, dies_with_us);
#endif
	tcase_add_test(c, group_dropped);
	tcase_add_test(c, no_process);
	r = srunner_create(s);
	srunner_run_all(r, CK_ENV);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? 1 : 0;
}
