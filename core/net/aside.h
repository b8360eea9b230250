/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * aside - a function that may block for long, run in a child process
 *
 * For library calls without a deadline of their own (the resolver). The child
 * has the standard descriptors and its pipe, nothing else: it cannot hold a
 * lock or a connection of the parent open. It is narrowed (os/sandbox) and can
 * write no file, whatever the parent can. It ends with the parent, at the
 * deadline, or when it is done, never through exit(3).
 */
#ifndef NET_ASIDE_H
#define NET_ASIDE_H

#include <stdint.h>

#include "text/buf.h"
#include "text/fault.h"

/* Runs in the child; what it writes to fd is the result. */
typedef void aside_task(void *context, int fd);

/* Adds what the task wrote to out; all of it if *ended, else what had come
 * when the deadline passed. The child is gone when this returns. Faults are
 * FAULT_TEMP: no process or pipe to be had, more than out may hold. */
bool aside_run(aside_task *task, void *context, int64_t deadline, struct buf *out, bool *ended,
               struct fault *f) __attribute__((warn_unused_result));

/* For tasks: writes all of it, or gives up quietly. */
void aside_write(int fd, struct str bytes);

#endif
