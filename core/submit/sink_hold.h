/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * sink_hold - messages into a hold that we may write to
 *
 * What fails there is temporary, whatever it is: it says nothing about the
 * caller's input.
 */
#ifndef SUBMIT_SINK_HOLD_H
#define SUBMIT_SINK_HOLD_H

#include "hold/hold.h"
#include "submit/sink.h"

/* For a hold that is opened when the first message comes, and a flushq. */
struct sink_hold_hooks {
	bool (*open)(void *context, struct hold *h, struct fault *f);
	bool (*start)(void *context, struct hold *h, struct sink_try *t, struct fault *f);
	void *context;
};

struct sink_hold {
	struct sink sink;
	/* For the caller to set. */
	uint64_t min_free; /* bytes that must be free, and stay so; 0: no limit */
	uid_t user;        /* who hands in; this process' user if nothing is said */
	/* Private. */
	struct hold *hold;
	enum hold_room room;
	struct hold_put put;
	size_t unseen; /* bytes that were written since the disk was looked at */
	struct sink_hold_hooks hooks;
	struct hold own; /* what was opened */
};

/* Into an open hold; room: HOLD_QUEUE, or HOLD_FAILED for what cannot be sent. */
void sink_hold_init(struct sink_hold *s, struct hold *h, enum hold_room room);
/* Into one that the hook opens, and sink_close closes. */
void sink_hold_later(struct sink_hold *s, const struct sink_hold_hooks *hooks,
                     enum hold_room room);

/* As sink_end, for a report (hold_put_end_report). */
bool sink_hold_end_report(struct sink_hold *s, const struct message_facts *facts, size_t failed,
                          bool *exists, struct fault *f) __attribute__((warn_unused_result));

#endif
