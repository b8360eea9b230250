/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * input - standard input: waiting for it, reading it, reading it away
 *
 * The signals that ask us to end are blocked everywhere but where we wait for
 * somebody (here, and in progress_listen), so that they find nothing half done.
 */
#ifndef CMD_SEND_INPUT_H
#define CMD_SEND_INPUT_H

#include <poll.h>
#include <stddef.h>

#include "text/fault.h"

/* Takes over these signals, but those that are ignored. Others that would end us in
 * the middle become errors of what they are about. */
void input_take_signals(void);
/* The signal that came, or 0. */
int input_stopped(void);

/* Waits until one of them is ready or the time is up (-1: never), as poll(2)
 * does. False if a signal came: f->sys is EINTR then. */
bool input_wait(struct pollfd *fds, size_t count, int wait_ms, struct fault *f)
    __attribute__((warn_unused_result));

/* Reads what is there, without letting signals in; *got is 0 at the end. What
 * could not be opened or is no stream is FAULT_NOINPUT, a read that failed
 * half-way FAULT_IO. */
bool input_take(char *bytes, size_t size, size_t *got, struct fault *f)
    __attribute__((warn_unused_result));

/* Both, one after the other. */
bool input_read(char *bytes, size_t size, size_t *got, struct fault *f)
    __attribute__((warn_unused_result));

/* Reads standard input to its end, so that a caller who still writes is not
 * killed; not from a terminal. */
void input_drain(void);

#endif
