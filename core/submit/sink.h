/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * sink - where messages go, whichever that is
 *
 * A hold that we may write to (sink_hold), the system's by way of post
 * (sink_post), or nowhere: cmd has one that prints, for a dry run. Whoever hands
 * in a message does not ask which.
 *
 * In this order, any number of times: open, begin, bytes, end. After end
 * returned true the message is ours for good, before that nothing was taken
 * over; what is not ended is abandoned.
 */
#ifndef SUBMIT_SINK_H
#define SUBMIT_SINK_H

#include <sys/types.h>

#include "text/buf.h"
#include "text/fault.h"
#include "hold/hold.h"

struct sink;

/* A try that is to begin now. */
struct sink_try {
	const char
	    *id; /* the entry, which was the last to be put; NULL: all of ours that is due */
	bool verbose;
	bool listen; /* somebody wants to be told how it goes */
	int fd; /* afterwards: where that is told (cmd/send/progress); the caller closes it */
	pid_t pid; /* afterwards: the process, or -1: its end cannot be seen */
};

/* What a sink can do. A function that is NULL has nothing to do. */
struct sink_kind {
	bool (*open)(struct sink *s, struct fault *f);
	bool (*begin)(struct sink *s, int64_t delay, struct fault *f);
	bool (*bytes)(struct sink *s, struct str bytes, struct fault *f);
	bool (*end)(struct sink *s, struct fault *f);
	void (*accepted)(struct sink *s);
	void (*abandon)(struct sink *s);
	bool (*start)(struct sink *s, struct sink_try *t, struct fault *f);
	void (*close)(struct sink *s);
};

/* The first member of each kind. */
struct sink {
	const struct sink_kind *kind;
	struct entry *entry; /* of the message under way; the caller's */
};

/* Ready for one more message; the one before is ended or abandoned. */
bool sink_open(struct sink *s, struct fault *f) __attribute__((warn_unused_result));
/* Its envelope is complete, which is checked and written. delay: seconds, not to be sent
 * sooner. created and uid are filled in, if it is not the copy of an entry that has
 * them. e must live until the message is ended or abandoned. */
bool sink_begin(struct sink *s, struct entry *e, int64_t delay, struct fault *f)
    __attribute__((warn_unused_result));
bool sink_bytes(struct sink *s, struct str bytes, struct fault *f)
    __attribute__((warn_unused_result));
/* Durable: e->id names it, and is "" where nothing is kept. */
bool sink_end(struct sink *s, const struct message_facts *facts, struct fault *f)
    __attribute__((warn_unused_result));
/* The message just ended came from a caller: it is counted and logged by us, if we are
 * who does that. */
void sink_accepted(struct sink *s);
/* Gives up what was not ended; harmless if there is nothing. */
void sink_abandon(struct sink *s);

/* begin and bytes for the message of another entry; the end is left to the caller. */
bool sink_copy(struct sink *s, struct entry *e, const struct hold_entry *from, struct fault *f)
    __attribute__((warn_unused_result));

/* Has flushq try what was put. False: it stays held, and the next flush sends it. */
bool sink_start(struct sink *s, struct sink_try *t, struct fault *f)
    __attribute__((warn_unused_result));

/* Closes what the sink itself has opened; what is under way is abandoned. */
void sink_close(struct sink *s);

#endif
