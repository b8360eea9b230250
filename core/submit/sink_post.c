/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "submit/sink_post.h"

static struct sink_post *of(struct sink *s)
{
	return (struct sink_post *)s;
}

static bool open_post(struct sink *sink, struct fault *f)
{
	struct sink_post *s = of(sink);
	post_client_close(&s->client);
	return s->open(s->context, &s->client, f);
}

static bool begin(struct sink *sink, int64_t delay, struct fault *f)
{
	struct sink_post *s = of(sink);
	return post_client_put_begin(&s->client, s->room == HOLD_FAILED ? "failed" : "hold",
	                             &sink->entry->envelope, delay, f);
}

static bool bytes(struct sink *sink, struct str piece, struct fault *f)
{
	return post_client_put_message(&of(sink)->client, piece, f);
}

static bool end(struct sink *sink, struct fault *f)
{
	return post_client_put_end(&of(sink)->client, sink->entry->id, f);
}

/* The conversation of the last message is for that message alone. */
static bool start(struct sink *sink, struct sink_try *t, struct fault *f)
{
	struct sink_post *s = of(sink);
	if ((!t->id || s->client.fd < 0) && !open_post(sink, f))
		return false;
	t->pid = s->client.pid;
	return post_client_go(&s->client, t->verbose, t->listen, &t->fd, f);
}

static void close_post(struct sink *sink)
{
	post_client_close(&of(sink)->client);
}

static const struct sink_kind kind = {
    .open = open_post,
    .begin = begin,
    .bytes = bytes,
    .end = end,
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
