/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "os/child.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>
#ifdef __linux__
#include <sys/prctl.h>
#endif

#include "os/clock.h"
#include "os/file.h"
#include "os/sandbox.h"

#define OPEN_MOST 65536 /* numbers tried where the system cannot close all at once */
#define STEP_MS   2     /* between looks at a child; no call waits for one until a deadline */

extern char **environ;

/* All from first on but that one, which may be below. */
static void close_from(int first, int kept)
{
#ifdef HAVE_CLOSE_RANGE
	if (kept >= first &&
	    (kept == first || close_range((unsigned)first, (unsigned)kept - 1, 0) == 0))
		first = kept + 1;
	if (kept < first && close_range((unsigned)first, ~0U, 0) == 0)
		return;
#endif
	long most = sysconf(_SC_OPEN_MAX);
	for (int fd = first; fd < (most > 0 && most < OPEN_MOST ? most : OPEN_MOST); fd++)
		if (fd != kept)
			close(fd);
}

/* First all out of each other's way: what becomes 1 may be our 0. */
static bool set_descriptors(const int fds[CHILD_FD + 1], int kept)
{
	int from[CHILD_FD + 1];
	for (int i = 0; i <= CHILD_FD; i++) {
		from[i] = fds[i];
		if (fds[i] >= 0 && fds[i] != i)
			from[i] = fcntl(fds[i], F_DUPFD_CLOEXEC, CHILD_FD + 1);
		if (fds[i] >= 0 && from[i] < 0)
			return false;
	}
	for (int i = 0; i <= CHILD_FD; i++) {
		if (from[i] == i) {
			fcntl(i, F_SETFD, 0);
			continue;
		}
		close(i);
		/* The lowest free number is taken, and all below are in use. */
		if (from[i] >= 0 ? dup2(from[i], i) < 0 : i < CHILD_FD && file_null() != i)
			return false;
	}
	close_from(CHILD_FD + (fds[CHILD_FD] >= 0), kept);
	return true;
}

static bool set_tie(enum child_tie tie, pid_t parent)
{
	switch (tie) {
	case CHILD_WITH_US:
		break;
	case CHILD_GROUP:
		setpgid(0, 0);
		break;
	case CHILD_SESSION:
		setsid();
		break;
	case CHILD_DIES:
#ifdef __linux__
		prctl(PR_SET_PDEATHSIG, SIGKILL);
#endif
		/* We may have ended before it was tied. */
		return getppid() == parent;
	}
	return true;
}

/* In the child, with all signals blocked: only calls that are safe after a fork. What is to
 * become a program runs in the parent's memory until then, and changes nothing there but
 * environ and errno. */
_Noreturn static void become(const struct child_order *o, pid_t parent)
{
	sigset_t none;
	for (int s = 1; s < NSIG; s++)
		signal(s, SIG_DFL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	if (!set_tie(o->tie, parent) || !set_descriptors(o->fds, sandbox_descriptor()) ||
	    (o->drop_group && getegid() != getgid() && setregid(getgid(), getgid()) != 0))
		_exit(CHILD_NOT_RUN);
	if (o->task) {
		o->task(o->context);
		_exit(0);
	}
	if (o->environment)
		environ = o->environment;
	execvp(o->program ? o->program : o->argv[0], o->argv);
	_exit(CHILD_NOT_RUN);
}

static pid_t fork_task(const struct child_order *o, pid_t parent)
{
	pid_t pid = fork();
	if (pid == 0)
		become(o, parent);
	return pid;
}

/* A copy of our memory would only be thrown away again. */
static pid_t fork_program(const struct child_order *o, pid_t parent)
{
	char **own = environ;
	pid_t pid = vfork(); /* NOLINT(clang-analyzer-security.insecureAPI.vfork) */
	if (pid == 0)
		become(o, parent); /* NOLINT(clang-analyzer-unix.Vfork) */
	environ = own;
	return pid;
}

bool child_start(struct child *c, const struct child_order *order)
{
	pid_t parent = getpid();
	sigset_t all, before;
	*c = (struct child){.group = order->tie == CHILD_GROUP};
	/* Our handlers must not run in it. */
	sigfillset(&all);
	sigprocmask(SIG_BLOCK, &all, &before);
	c->pid = order->task ? fork_task(order, parent) : fork_program(order, parent);
	int sys = errno;
	sigprocmask(SIG_SETMASK, &before, NULL);
	errno = sys;
	return c->pid > 0;
}

/* options: WNOHANG or 0. */
static bool take_status(struct child *c, int options)
{
	pid_t pid = 0;
	while (!c->ended && (pid = waitpid(c->pid, &c->status, options)) < 0 && errno == EINTR)
		continue;
	/* SIGCHLD is ignored, or another part of the program waits for all. */
	if (pid < 0)
		c->status = CHILD_NOT_RUN << 8;
	c->ended = c->ended || pid != 0;
	return c->ended;
}

bool child_ended(struct child *c)
{
	return take_status(c, WNOHANG);
}

bool child_wait(struct child *c, int64_t deadline)
{
	while (!child_ended(c)) {
		int left = clock_left_ms(deadline);
		if (left == 0)
			return false;
		clock_pause_ms(left < STEP_MS ? left : STEP_MS);
	}
	return true;
}

void child_kill(struct child *c)
{
	if (c->ended)
		return;
	/* The group for its children; itself, if it had no time yet to make one. */
	if (c->group)
		kill(-c->pid, SIGKILL);
	kill(c->pid, SIGKILL);
	take_status(c, 0);
}
