/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * flush - a run over the hold: which entries, how many workers
 *
 * Takes what is due (or everything, or given ids), in the order of
 * transport/choice. The first entry goes alone; when its relay answers and more are
 * waiting, further workers (processes, up to that relay's "connections") take
 * entries from the same list. A worker that gets no connection, or is asked by
 * a server for less, ends; the entry that it could not try is the leader's
 * again. Reports made on the way are sent in the same run. Any number of runs may
 * go on at once: an entry that somebody else works on is left alone.
 */
#ifndef TRANSPORT_FLUSH_H
#define TRANSPORT_FLUSH_H

#include "text/fault.h"
#include "conf/settings.h"
#include "hold/hold.h"
#include "transport/deliver.h"
#include "transport/tokens.h"

struct flush_counts {
	size_t entries; /* to look at */
	size_t sent;    /* entries that left altogether */
	size_t held;    /* tried, and still held */
	size_t failed;  /* entries that went to failed/ */
	bool off_line;  /* the command "online" said so: nothing was looked at */
};

/* An entry has been tried; result as of deliver_entry, or f (NULL if there is
 * a result) why it could not be worked on. */
typedef void flush_tried(void *context, const char *id, const struct deliver_result *result,
                         const struct fault *f);
typedef void flush_progress(void *context, const struct flush_counts *counts);

/* Becomes the program that has TLS; comes back only if it cannot, false with f. */
typedef bool flush_become(void *context, struct fault *f);
/* This is the program that does it. */
typedef void flush_begin(void *context);
/* Something is to be tried: fills in what that needs of env. */
typedef void flush_ready(void *context, struct session_env *env);

/* All borrowed. */
struct flush {
	struct session_env env;
	struct hold *hold;
	bool all;           /* everything that is not frozen, due or not */
	const hold_id *ids; /* or NULL: all of the hold */
	size_t id_count;
	bool first_try;     /* started by sendmail: a dead relay is not waited for */
	deliver_tell *tell; /* or NULL, as the next two; this and tried are called in the
	                     * worker's process, progress in the leader's */
	flush_tried *tried;
	flush_progress *progress;
	flush_become *become;  /* of a program that has no TLS, where a relay needs it: called
	                       * before anything is done if a server is to be asked; NULL:
	                       * it can do all */
	flush_begin *begin;    /* or NULL: called behind that, before anything is done */
	tokens_program *token; /* NULL will do where no relay has oauth */
	flush_ready *ready;    /* or NULL: called once at most, before anything is tried */
	void *context;         /* of these six */
	/* Non-zero: end after the entry in hand. In memory that forked processes share, but
	 * for one id, which has no workers. */
	const volatile int *stop;
};

/* Also sweeps the hold, but for a first try. The process is narrowed for good
 * (transport/sandbox_policy). False only if the hold cannot be read. */
bool flush_run(struct flush *fl, struct flush_counts *counts, struct fault *f)
    __attribute__((warn_unused_result));

#endif
