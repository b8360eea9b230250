/* SPDX-License-Identifier: GPL-3.0-or-later */
/* wait - for descriptors: until a deadline, or with all signals let in only meanwhile */
#ifndef OS_WAIT_H
#define OS_WAIT_H

#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Waits until one of the events is there (0); ETIMEDOUT: it is not by the deadline
 * (monotonic ms), or another errno. What is there already counts, however late it is. */
int wait_until(int fd, short events, int64_t deadline) __attribute__((warn_unused_result));

/* Waits in the same way and takes one byte, whatever signals come: for a line behind which
 * nothing may be taken. False: the end, a fault, or none by the deadline. */
bool wait_byte(int fd, char *byte, int64_t deadline) __attribute__((warn_unused_result));

/* As poll(2), which it returns as; no signal is blocked while it waits. wait_ms
 * below 0: without end. */
int wait_open(struct pollfd *fds, size_t count, int wait_ms);

#endif
