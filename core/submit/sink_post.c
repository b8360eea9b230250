/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "submit/sink_post.h"

static struct sink_post *of(struct sink *s)
{
	return (struct sink_post *)s;
}

static void close_post(struct sink *sink)
{
	struct sink_post *s = of(sink);
	post_client_close(&s->client);
	s->talk = TALK_CLOSED;
}

static bool open_post(struct sink *sink, struct fault *f)
{
	struct sink_post *s = of(sink);
	close_post(sink);
	if (s->open(s->context, &s->client, f))
		s->talk = TALK_FRESH;
	return s->talk == TALK_FRESH;
}

static bool begin(struct sink *sink, int64_t delay, struct fault *f)
{
	struct sink_post *s = of(sink);
	s->talk = TALK_PUTTING;
	return post_client_put_begin(&s->client, s->room, &sink->entry->envelope, delay, f);
}

static bool bytes(struct sink *sink, struct str piece, struct fault *f)
{
	return post_client_put_message(&of(sink)->client, piece, f);
}

static bool end(struct sink *sink, struct fault *f)
{
	struct sink_post *s = of(sink);
	if (post_client_put_end(&s->client, sink->entry->id, f))
		s->talk = TALK_PUT;
	return s->talk == TALK_PUT;
}

/* post must not keep what it has of it until the next message comes. */
static void abandon(struct sink *sink)
{
	if (of(sink)->talk == TALK_PUTTING)
		close_post(sink);
}

static bool go(struct post_client *client, struct sink_try *t, struct fault *f)
{
	unsigned how = (t->verbose ? POST_GO_VERBOSE : 0) | (t->listen ? POST_GO_LISTEN : 0);
	t->pid = client->pid;
	return post_client_go(client, how, &t->fd, f);
}

/* All that is due, in a conversation of its own. */
static bool start_all(struct sink_post *s, struct sink_try *t, struct fault *f)
{
	struct post_client all;
	if (!s->open(s->context, &all, f))
		return false;
	return go(&all, t, f);
}

/* The message that was put may be behind one that is under way already: a client of -bs
 * writes ahead. That one's conversation is left alone. */
static bool start(struct sink *sink, struct sink_try *t, struct fault *f)
{
	struct sink_post *s = of(sink);
	if (s->talk == TALK_PUT && !t->id)
		close_post(sink);
	if (s->talk != TALK_PUT)
		return start_all(s, t, f);
	s->talk = TALK_CLOSED;
	return go(&s->client, t, f);
}

static const struct sink_kind kind = {
    .open = open_post,
    .begin = begin,
    .bytes = bytes,
    .end = end,
    .abandon = abandon,
    .start = start,
    .close = close_post,
};

void sink_post_init(struct sink_post *s, enum hold_room room, sink_post_open *open,
                    void *context)
{
	*s = (struct sink_post){
	    .sink = {.kind = &kind}, .room = room, .open = open, .context = context};
	post_client_init(&s->client);
}
