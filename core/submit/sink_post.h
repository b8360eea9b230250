/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * sink_post - messages into the system's hold, by way of post
 *
 * A conversation takes one message, and then has flushq try it. That it was
 * taken is counted and logged by whom post becomes then.
 */
#ifndef SUBMIT_SINK_POST_H
#define SUBMIT_SINK_POST_H

#include "post/post_client.h"
#include "submit/sink.h"

/* Opens a conversation. */
typedef bool sink_post_open(void *context, struct post_client *g, struct fault *f);

/* What a conversation is good for. */
enum sink_post_talk {
	TALK_CLOSED,
	TALK_FRESH,   /* for a message */
	TALK_PUTTING, /* nothing but the rest of that */
	TALK_PUT,     /* for a try of that */
};

struct sink_post {
	struct sink sink;
	/* Private. */
	struct post_client client;
	enum sink_post_talk talk;
	enum hold_room room;
	sink_post_open *open;
	void *context;
};

/* room: HOLD_QUEUE, or HOLD_FAILED for what cannot be sent. */
void sink_post_init(struct sink_post *s, enum hold_room room, sink_post_open *open,
                    void *context);

#endif
