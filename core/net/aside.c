/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif
#include "net/aside.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>
#ifdef __linux__
#include <sys/prctl.h>
#endif

#include "os/clock.h"
#include "os/sandbox.h"

#define CHILD_FD  3 /* the pipe's number in the child */
#define FD_LIMIT  65536
#define READ_STEP 8192

static const int handled[] = {SIGHUP,  SIGINT,  SIGQUIT, SIGTERM, SIGALRM,
                              SIGCHLD, SIGUSR1, SIGUSR2, SIGPIPE};

static void close_from(int first)
{
	long limit;
#ifdef HAVE_CLOSE_RANGE
	if (close_range((unsigned)first, ~0U, 0) == 0)
		return;
#endif
	limit = sysconf(_SC_OPEN_MAX);
	if (limit < 0 || limit > FD_LIMIT)
		limit = FD_LIMIT;
	for (int fd = first; fd < limit; fd++)
		close(fd);
}

/* The parent's handlers must not run here; all signals are still blocked. */
static void quiet_signals(int64_t deadline)
{
	int left = clock_left_ms(deadline);
	for (size_t i = 0; i < sizeof(handled) / sizeof(handled[0]); i++)
		signal(handled[i], SIG_DFL);
	sigset_t none;
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
#ifdef __linux__
	prctl(PR_SET_PDEATHSIG, SIGKILL);
#endif
	alarm((unsigned)(left / 1000 + 1));
}

static _Noreturn void child(aside_task *task, void *context, int fd, int64_t deadline,
                            pid_t parent)
{
	static const struct sandbox_wishes nothing;
	quiet_signals(deadline);
	/* The parent may have died before it was tied to this process. */
	if (getppid() != parent || (fd != CHILD_FD && dup2(fd, CHILD_FD) < 0))
		_exit(1);
	close_from(CHILD_FD + 1);
	sandbox(&nothing);
	task(context, CHILD_FD);
	_exit(0);
}

/* Reads until the end (*ended), the deadline, or a failure. */
static bool collect(int fd, int64_t deadline, struct buf *out, bool *ended, struct fault *f)
{
	for (;;) {
		struct pollfd ready = {.fd = fd, .events = POLLIN};
		int n = poll(&ready, 1, clock_left_ms(deadline));
		if (n < 0 && errno != EINTR)
			return fault_sys(f, FAULT_TEMP, errno, "waiting for a child process");
		if (n <= 0 && clock_left_ms(deadline) == 0)
			return true;
		if (n <= 0)
			continue;
		char *to = buf_room(out, READ_STEP);
		if (!to)
			return fault_set(f, FAULT_TEMP, "a child process wrote too much");
		ssize_t got = read(fd, to, READ_STEP);
		if (got < 0 && errno != EINTR)
			return fault_sys(f, FAULT_TEMP, errno, "reading from a child process");
		if (got == 0) {
			*ended = true;
			return true;
		}
		if (got > 0)
			buf_filled(out, (size_t)got);
	}
}

/* Ends the child whatever it does, and takes its status so that no zombie stays. */
static void end_child(pid_t pid)
{
	kill(pid, SIGKILL);
	while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		continue;
}

bool aside_run(aside_task *task, void *context, int64_t deadline, struct buf *out, bool *ended,
               struct fault *f)
{
	pid_t parent = getpid();
	*ended = false;
	int ends[2];
	if (pipe2(ends, O_CLOEXEC) != 0)
		return fault_sys(f, FAULT_TEMP, errno, "cannot make a pipe");
	sigset_t all;
	sigfillset(&all);
	sigset_t before;
	sigprocmask(SIG_BLOCK, &all, &before);
	pid_t pid = fork();
	int sys = errno;
	if (pid == 0)
		child(task, context, ends[1], deadline, parent);
	sigprocmask(SIG_SETMASK, &before, NULL);
	close(ends[1]);
	if (pid < 0) {
		close(ends[0]);
		return fault_sys(f, FAULT_TEMP, sys, "cannot start a child process");
	}
	bool done = collect(ends[0], deadline, out, ended, f);
	close(ends[0]);
	end_child(pid);
	return done;
}

void aside_write(int fd, struct str bytes)
{
	while (bytes.len > 0) {
		ssize_t n = write(fd, bytes.at, bytes.len);
		if (n < 0 && errno != EINTR)
			return;
		if (n > 0)
			bytes = str_from(bytes, (size_t)n);
	}
}
