/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The checked ppoll of older glibc reads a time of 64 bits as one of 32 (i386, Debian 12),
 * so that less than a second is nothing. */
#undef _FORTIFY_SOURCE
#include "os/wait.h"

#include <errno.h>
#include <signal.h>
#include <time.h>
#include <unistd.h>

#include "os/clock.h"

int wait_until(int fd, short events, int64_t deadline)
{
	for (;;) {
		struct pollfd ready = {.fd = fd, .events = events};
		int n = poll(&ready, 1, clock_left_ms(deadline));
		if (n > 0)
			return 0;
		if (n < 0 && errno != EINTR)
			return errno;
		if (n == 0 && clock_left_ms(deadline) == 0)
			return ETIMEDOUT;
	}
}

bool wait_byte(int fd, char *byte, int64_t deadline)
{
	ssize_t n = -1;
	while (n < 0) {
		if (wait_until(fd, POLLIN, deadline) != 0)
			return false;
		n = read(fd, byte, 1);
		if (n < 0 && errno != EINTR)
			return false;
	}
	return n == 1;
}

int wait_open(struct pollfd *fds, size_t count, int wait_ms)
{
	struct timespec wait = {.tv_sec = wait_ms / 1000,
	                        .tv_nsec = (long)(wait_ms % 1000) * 1000000};
	sigset_t none;
	sigemptyset(&none);
	return ppoll(fds, (nfds_t)count, wait_ms < 0 ? NULL : &wait, &none);
}
