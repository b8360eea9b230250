/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The checked ppoll of older glibc reads a time of 64 bits as one of 32 (i386, Debian 12),
 * so that less than a second is nothing. */
#undef _FORTIFY_SOURCE
#include "os/wait.h"

#include <signal.h>
#include <time.h>

int wait_open(struct pollfd *fds, size_t count, int wait_ms)
{
	struct timespec wait = {.tv_sec = wait_ms / 1000,
	                        .tv_nsec = (long)(wait_ms % 1000) * 1000000};
	sigset_t none;
	sigemptyset(&none);
	return ppoll(fds, (nfds_t)count, wait_ms < 0 ? NULL : &wait, &none);
}
