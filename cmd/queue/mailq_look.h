/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * mailq_look - the jobs of mailq: what is in the hold, on standard output
 *
 * Entries are printed as they are looked at (cmd/list/visit), one in memory at a time.
 */
#ifndef CMD_QUEUE_MAILQ_LOOK_H
#define CMD_QUEUE_MAILQ_LOOK_H

#include "cmd/queue/mailq_options.h"
#include "conf/settings.h"
#include "hold/hold.h"

/* All borrowed. */
struct mailq_look {
	const char *program;
	const struct mailq_call *call;
	struct hold *hold;
	const struct settings *config; /* NULL: there is no good one */
	int64_t now;
	bool terminal; /* standard output is one */
	bool colour;
};

/* Does the job of the call, which is one of those. Returns the exit code; says on standard
 * error what went wrong. */
int mailq_look(const struct mailq_look *look);

#endif
