/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * progress - what flushq tells the sendmail that started it and waits
 *
 * Lines over a socket: "T text" of the conversation (-v), "L text" of the log
 * (to = stderr), "H text" why the message stays held, "D" that nothing of it
 * waits any more, "F code text" for each refused recipient, then "?": the
 * failures have been told and an answer is due. Only when sendmail answers has
 * somebody been told; if it has gone (its time was up, or it was killed) the
 * sender gets a report instead.
 */
#ifndef CMD_SEND_PROGRESS_H
#define CMD_SEND_PROGRESS_H

#include "text/buf.h"
#include "hold/hold.h"

/* The side of flushq; fd may be -1: nobody listens. */
void progress_trace(int fd, bool sent, struct str line);
bool progress_log(int fd, struct str line); /* with its line end; false: nobody listens */
void progress_held(int fd, const char *reason);
void progress_done(int fd);
/* Tells of the refused recipients. True: sendmail has taken note. */
bool progress_refused(int fd, const struct hold_entry *he);

/* The side of sendmail. */
struct progress_result {
	bool held;
	bool done; /* nobody waits any more; neither this nor held: flushq was cut short */
	char reason[VERDICT_LINE_MAX];
	size_t refused;
	int code;         /* of the refused ones: what to exit with */
	bool interrupted; /* a signal came */
	bool late;        /* the time was up: the try goes on without us */
};

/* How to listen, as bits. */
enum progress_how {
	PROGRESS_QUIET = 1, /* nothing is said about recipients */
	PROGRESS_TO_END = 2 /* until flushq ends, for the rest of the conversation */
};

/* Listens until flushq has told what became of the message, the deadline or a signal
 * (input_stopped); prints to standard error what is to be said. how: bits of enum
 * progress_how. How the server says goodbye is not waited for. */
void progress_listen(int fd, int64_t deadline, unsigned how, struct progress_result *result);

#endif
