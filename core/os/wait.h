/* SPDX-License-Identifier: GPL-3.0-or-later */
/* wait - for descriptors, with all signals let in only meanwhile */
#ifndef OS_WAIT_H
#define OS_WAIT_H

#include <poll.h>
#include <stddef.h>

/* As poll(2), which it returns as; no signal is blocked while it waits. wait_ms
 * below 0: without end. */
int wait_open(struct pollfd *fds, size_t count, int wait_ms);

#endif
