/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * door - into the system's hold for who may not open it
 *
 * post becomes the same program again, with the same command line and the right to the hold,
 * for the caller's entries alone (cmd/queue/mailq_options, argv[0]). Its output and errors go
 * where the caller's go; the exit code comes back over the conversation. While that lasts the
 * caller waits: who goes, by a signal or else, ends what works for them.
 */
#ifndef CMD_QUEUE_DOOR_H
#define CMD_QUEUE_DOOR_H

#include "os/child.h"
#include "cmd/queue/mailq_options.h"

/* The caller's side. Returns the exit code of the program behind, or 7x with a line on standard
 * error if there is none. More IDs than one command can take go in several. colour: wanted. */
int door_pass(const struct mailq_call *call, bool colour);

/* The side behind. From here on SIGIO says that the caller has gone, which ends a process that
 * does not handle it; does so at once if it has gone already. To be called by the program that
 * stays, before it does anything. */
void door_watch(void);
void door_answer(int code); /* the last that it does */

/* For who holds what others wait for, too. The caller's terminal may stand still in the middle of
 * a line, and a file of theirs be on a file system that they run themselves: from here on a
 * process of its own takes there what is written to standard error, which is kept for it as far
 * as the system does that and then dropped. Without such a process (there is none to be had) all
 * stays as it is. end: what was written is out, or is given up after a while; harmless without
 * begin. */
void door_errors_begin(struct child *carrier);
void door_errors_end(struct child *carrier);

#endif
