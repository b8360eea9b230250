/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * submit - how a message gets into the hold
 *
 * begin, message pieces, end; after end returned true the message is ours for
 * good, before that nothing was taken over. Directly into a hold that the
 * caller may write to, or through the gate of the system's.
 */
#ifndef SUBMIT_SUBMIT_H
#define SUBMIT_SUBMIT_H

#include <stdint.h>

#include "text/buf.h"
#include "text/fault.h"
#include "post/post_client.h"
#include "hold/hold.h"

struct submit {
	/* Set by the caller, between submit_init and submit_begin. */
	struct hold *hold;        /* NULL: through the gate */
	struct post_client *gate; /* open, and not yet used */
	uint64_t min_free;        /* bytes that must be free; not looked at through the gate */
	int64_t delay;            /* seconds: not to be sent sooner */
	enum hold_room room;      /* HOLD_QUEUE, or HOLD_FAILED for what cannot be sent */
	/* Its envelope filled by the caller; created and uid too if it is a copy. */
	struct entry entry;
	struct hold_put put; /* private */
};

void submit_init(struct submit *s, struct hold *h, struct post_client *g);
void submit_release(struct submit *s); /* gives up what was not ended */

/* The envelope is complete; checks the space and writes it. */
bool submit_begin(struct submit *s, struct fault *f) __attribute__((warn_unused_result));
bool submit_message(struct submit *s, struct str bytes, struct fault *f)
    __attribute__((warn_unused_result));
/* Both for the message of another entry; its end is left to the caller. */
bool submit_copy(struct submit *s, const struct hold_entry *from, struct fault *f)
    __attribute__((warn_unused_result));
/* Durable: s->entry.id names it. */
bool submit_end(struct submit *s, const struct message_facts *facts, struct fault *f)
    __attribute__((warn_unused_result));
/* As submit_end, for a report (hold_put_end_report); not through the gate. */
bool submit_end_report(struct submit *s, const struct message_facts *facts, size_t failed,
                       bool *exists, struct fault *f) __attribute__((warn_unused_result));

#endif
