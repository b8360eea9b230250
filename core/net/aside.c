/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "net/aside.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "os/child.h"
#include "os/clock.h"
#include "os/sandbox.h"
#include "os/wait.h"

#define READ_STEP 1024 /* what it has to say is short; room for more is a page more */

struct aside {
	aside_task *task;
	void *context;
	int64_t deadline;
};

/* In the child. */
static void run(void *context)
{
	static const struct sandbox_wishes nothing;
	const struct aside *a = context;
	alarm((unsigned)(clock_left_ms(a->deadline) / 1000 + 1));
	sandbox(&nothing);
	a->task(a->context, CHILD_FD);
}

/* Reads until the end (*ended), the deadline, or a failure. */
static bool collect(int fd, int64_t deadline, struct buf *out, bool *ended, struct fault *f)
{
	for (;;) {
		int sys = wait_until(fd, POLLIN, deadline);
		if (sys == ETIMEDOUT)
			return true;
		if (sys)
			return fault_sys(f, FAULT_TEMP, sys, "waiting for a child process");
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

bool aside_run(aside_task *task, void *context, int64_t deadline, struct buf *out, bool *ended,
               struct fault *f)
{
	struct aside a = {.task = task, .context = context, .deadline = deadline};
	struct child_order order = {
	    .fds = {0, 1, 2}, .tie = CHILD_DIES, .task = run, .context = &a};
	*ended = false;
	int ends[2];
	if (pipe2(ends, O_CLOEXEC) != 0)
		return fault_sys(f, FAULT_TEMP, errno, "cannot make a pipe");
	order.fds[CHILD_FD] = ends[1];
	struct child c;
	bool done = child_start(&c, &order);
	int sys = errno;
	close(ends[1]);
	if (!done) {
		close(ends[0]);
		return fault_sys(f, FAULT_TEMP, sys, "cannot start a child process");
	}
	done = collect(ends[0], deadline, out, ended, f);
	close(ends[0]);
	child_kill(&c);
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
