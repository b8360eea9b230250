/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "submit/submit.h"

#include <string.h>
#include <unistd.h>

#include "os/clock.h"

void submit_init(struct submit *s, struct hold *h, struct post_client *g)
{
	memset(s, 0, sizeof(*s));
	s->hold = h;
	s->gate = g;
	s->room = HOLD_QUEUE;
	s->put.fd = -1;
	entry_init(&s->entry);
}

void submit_release(struct submit *s)
{
	hold_put_abort(&s->put);
	entry_release(&s->entry);
}

/* A read or write that fails here says nothing about the caller's input, which
 * is what FAULT_IO tells him: he may try again. */
static bool kept(bool ok, struct fault *f)
{
	if (!ok && f->kind == FAULT_IO)
		f->kind = FAULT_TEMP;
	return ok;
}

bool submit_begin(struct submit *s, struct fault *f)
{
	if (!s->hold)
		return post_client_put_begin(s->gate,
		                             s->room == HOLD_FAILED ? "failed" : "hold",
		                             &s->entry.envelope, s->delay, f);
	int64_t now = clock_wall();
	if (s->entry.created == 0) {
		s->entry.created = now;
		s->entry.uid = getuid();
	}
	/* Rounded up: now has lost its fraction, and it must not be sent sooner than asked. */
	s->entry.next_try = s->delay > 0 ? now + s->delay + 1 : now;
	return kept(hold_put_begin(&s->put, s->hold, &s->entry, s->min_free, f), f);
}

bool submit_message(struct submit *s, struct str bytes, struct fault *f)
{
	if (!s->hold)
		return post_client_put_message(s->gate, bytes, f);
	return kept(hold_put_message(&s->put, bytes, f), f);
}

static bool copy_piece(void *context, struct str bytes, struct fault *f)
{
	return submit_message(context, bytes, f);
}

bool submit_copy(struct submit *s, const struct hold_entry *from, struct fault *f)
{
	return submit_begin(s, f) && entry_each(from->fd, &from->entry, copy_piece, s, f);
}

bool submit_end(struct submit *s, const struct message_facts *facts, struct fault *f)
{
	s->entry.facts = *facts;
	if (!s->hold)
		return post_client_put_end(s->gate, s->entry.id, f);
	return kept(hold_put_end(&s->put, s->room, f), f);
}

bool submit_end_report(struct submit *s, const struct message_facts *facts, size_t failed,
                       bool *exists, struct fault *f)
{
	s->entry.facts = *facts;
	return kept(hold_put_end_report(&s->put, failed, exists, f), f);
}
