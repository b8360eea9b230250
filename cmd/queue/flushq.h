/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * flushq - the part of flushq that tries mail
 */
#ifndef CMD_QUEUE_FLUSHQ_H
#define CMD_QUEUE_FLUSHQ_H

#include "cmd/place.h"
#include "hold/hold.h"

struct flushq_call {
	bool all;
	bool tell;      /* how it goes and what came of it, as to a terminal */
	bool verbose;   /* the conversation with the server on standard error */
	bool first_try; /* started by sendmail: a dead relay is not waited for */
	bool door;      /* somebody waits outside: how it goes must not keep us waiting */
	int caller;     /* descriptor of the sendmail that waits (cmd/send/progress), or -1 */
	char *const *argv; /* of this program, which has no TLS: the one that has it is to be
	                    * started in its place before a server is asked; or NULL */
	void (*begin)(void *context); /* called when it is this one that does it */
	void *context;
	char *const *ids; /* operands: ids of entries */
	size_t id_count;
};

/* Tries what is due, or all, or the given ids (valid and of the caller).
 * Returns the exit code; says on standard error what went wrong, and on a terminal
 * how it goes. */
int flushq_try(struct place *p, struct hold *h, const struct flushq_call *call);

#endif
