/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cmd/send/input.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "text/buf.h"
#include "os/file.h"
#include "os/wait.h"

#define CHUNK 65536

static volatile sig_atomic_t stop;

static void note_signal(int number)
{
	stop = number;
}

void input_take_signals(void)
{
	static const int ends[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT};
	struct sigaction note = {.sa_handler = note_signal}, ignore = {.sa_handler = SIG_IGN};
	struct sigaction usual = {.sa_handler = SIG_DFL};
	sigset_t blocked;
	sigemptyset(&blocked);
	for (size_t i = 0; i < COUNT(ends); i++) {
		struct sigaction before;
		/* nohup(1) and shells in the background ignore some on purpose. */
		if (sigaction(ends[i], NULL, &before) == 0 && before.sa_handler == SIG_IGN)
			continue;
		sigaction(ends[i], &note, NULL);
		sigaddset(&blocked, ends[i]);
	}
	sigaction(SIGPIPE, &ignore, NULL);
	sigaction(SIGXFSZ, &ignore, NULL);
	sigaction(SIGCHLD, &usual, NULL);
	sigprocmask(SIG_SETMASK, &blocked, NULL);
}

int input_stopped(void)
{
	return stop;
}

/* wait_open alone would not do: it lets no signal in while something is ready, and
 * an input without end always is. */
static void let_signals_in(void)
{
	sigset_t none;
	sigemptyset(&none);
	sigset_t before;
	sigprocmask(SIG_SETMASK, &none, &before);
	sigprocmask(SIG_SETMASK, &before, NULL);
}

bool input_wait(struct pollfd *fds, size_t count, int wait_ms, struct fault *f)
{
	let_signals_in();
	while (!stop)
		if (wait_open(fds, count, wait_ms) >= 0)
			return true;
		else if (errno != EINTR)
			break;
	return fault_sys(f, FAULT_TEMP, EINTR, "reading standard input");
}

bool input_take(char *bytes, size_t size, size_t *got, struct fault *f)
{
	if (file_read(STDIN_FILENO, "standard input", bytes, size, got, f))
		return true;
	f->kind = f->sys == EBADF || f->sys == EISDIR ? FAULT_NOINPUT : FAULT_IO;
	return false;
}

bool input_read(char *bytes, size_t size, size_t *got, struct fault *f)
{
	struct pollfd p = {.fd = STDIN_FILENO, .events = POLLIN};
	return input_wait(&p, 1, -1, f) && input_take(bytes, size, got, f);
}

void input_drain(void)
{
	char *bytes = mem_room(CHUNK);
	size_t got = 1;
	struct fault f = FAULT_INIT;
	while (got > 0 && !isatty(STDIN_FILENO) && input_read(bytes, CHUNK, &got, &f))
		continue;
	free(bytes);
}
