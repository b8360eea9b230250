/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "submit/sink_hold.h"

#include <unistd.h>

#include "os/clock.h"
#include "submit/accepted.h"

#define LOOK_EVERY ((size_t)1024 * 1024) /* bytes of a message between two looks at the disk */

static struct sink_hold *of(struct sink *s)
{
	return (struct sink_hold *)s;
}

/* A read or write that fails here says nothing about the caller's input, which
 * is what FAULT_IO tells them: they may try again. */
static bool kept(bool ok, struct fault *f)
{
	if (!ok && f->kind == FAULT_IO)
		f->kind = FAULT_TEMP;
	return ok;
}

static bool open_hold(struct sink *sink, struct fault *f)
{
	struct sink_hold *s = of(sink);
	if (!s->hold && s->hooks.open(s->hooks.context, &s->own, f))
		s->hold = &s->own;
	return s->hold;
}

static bool begin(struct sink *sink, int64_t delay, struct fault *f)
{
	struct sink_hold *s = of(sink);
	struct entry *e = sink->entry;
	int64_t now = clock_wall();
	if (e->created == 0) {
		e->created = now;
		e->uid = s->user;
	}
	/* Rounded up: now has lost its fraction, and it must not be sent sooner than asked. */
	e->next_try = delay > 0 ? now + delay + 1 : now;
	s->unseen = 0;
	return kept(hold_put_begin(&s->put, s->hold, e, s->min_free, f), f);
}

static bool bytes(struct sink *sink, struct str piece, struct fault *f)
{
	struct sink_hold *s = of(sink);
	s->unseen += piece.len;
	if (s->unseen >= LOOK_EVERY) {
		s->unseen = 0;
		if (!kept(hold_has_space(s->hold->path, s->min_free, f), f))
			return false;
	}
	return kept(hold_put_message(&s->put, piece, f), f);
}

static bool end(struct sink *sink, struct fault *f)
{
	struct sink_hold *s = of(sink);
	return kept(hold_put_end(&s->put, s->room, f), f);
}

bool sink_hold_end_report(struct sink_hold *s, const struct message_facts *facts, size_t failed,
                          bool *exists, struct fault *f)
{
	s->sink.entry->facts = *facts;
	return kept(hold_put_end_report(&s->put, failed, exists, f), f);
}

/* What is kept in failed/ is kept, not taken. */
static void accepted(struct sink *sink)
{
	const struct sink_hold *s = of(sink);
	const struct entry *e = sink->entry;
	if (s->room == HOLD_QUEUE)
		accepted_note(s->hold, e->id, e->uid, e);
}

static void abandon(struct sink *sink)
{
	hold_put_abort(&of(sink)->put);
}

static bool start(struct sink *sink, struct sink_try *t, struct fault *f)
{
	const struct sink_hold *s = of(sink);
	return s->hooks.start(s->hooks.context, s->hold, t, f);
}

static void close_own(struct sink *sink)
{
	struct sink_hold *s = of(sink);
	if (s->hold == &s->own)
		hold_close(&s->own);
	s->hold = NULL;
}

static const struct sink_kind kind = {
    .open = open_hold,
    .begin = begin,
    .bytes = bytes,
    .end = end,
    .accepted = accepted,
    .abandon = abandon,
    .start = start,
    .close = close_own,
};

void sink_hold_init(struct sink_hold *s, struct hold *h, enum hold_room room)
{
	*s = (struct sink_hold){
	    .sink = {.kind = &kind}, .user = getuid(), .hold = h, .room = room};
	s->put.fd = -1;
}

void sink_hold_later(struct sink_hold *s, const struct sink_hold_hooks *hooks,
                     enum hold_room room)
{
	sink_hold_init(s, NULL, room);
	s->hooks = *hooks;
}
