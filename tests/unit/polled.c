/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Otherwise poll has a body in a header of glibc already. */
#undef _FORTIFY_SOURCE
#include "polled.h"

#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <time.h>

struct polled polled;
static bool skipping;
static void (*before)(void);

void polled_clear(void)
{
	polled = (struct polled){0};
	skipping = false;
	before = NULL;
}

void polled_skip(void)
{
	polled_clear();
	skipping = true;
}

void polled_before(void (*hook)(void))
{
	before = hook;
}

int poll(struct pollfd *fds, nfds_t count, int wait_ms)
{
	struct timespec wait = {.tv_sec = wait_ms / 1000,
	                        .tv_nsec = (long)(wait_ms % 1000) * 1000000};
	int n = 0;
	if (wait_ms < 0)
		polled.endless++;
	else
		polled.asked_ms += wait_ms;
	if (wait_ms > polled.longest_ms)
		polled.longest_ms = wait_ms;
	if (before)
		before();
	if (!skipping)
		n = ppoll(fds, count, wait_ms < 0 ? NULL : &wait, NULL);
	polled.in_vain += n == 0 && wait_ms != 0;
	return n;
}

#ifdef __GLIBC__
/* What a checked call becomes where the size of fds is known. */
int __poll_chk(struct pollfd *fds, nfds_t count, int wait_ms, size_t size);

int __poll_chk(struct pollfd *fds, nfds_t count, int wait_ms, size_t size)
{
	return size / sizeof(*fds) < count ? -1 : poll(fds, count, wait_ms);
}
#endif
