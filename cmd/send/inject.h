/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * inject - the message on standard input (-bm): into its sink, and what is said of
 * it to who waits
 *
 * Each returns the exit code, after it has said what is wrong. Standard input
 * is read to its end, so that a caller who still writes is not killed, unless a
 * signal ended it.
 */
#ifndef CMD_SEND_INJECT_H
#define CMD_SEND_INJECT_H

#include "cmd/place.h"
#include "cmd/send/options.h"

/* Takes the message; in mode now, or with -v, waits for what becomes of it. */
int inject_message(struct place *p, const struct call *call);

/* Without a good configuration nothing can be sent, but what was handed in can be kept
 * in failed/ for people. */
int inject_failed(struct place *p, const struct call *call);

/* -bv: expands and prints where the operands would go. */
int inject_verify(struct place *p, const struct call *call);

/* Before messages are taken: the names of this host, the log, and the words on aliases
 * that are refused; loud: also where standard error is no terminal. */
void inject_prepare(struct place *p, bool loud);

#endif
