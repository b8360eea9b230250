/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "submit/sink.h"

bool sink_open(struct sink *s, struct fault *f)
{
	return !s->kind->open || s->kind->open(s, f);
}

bool sink_begin(struct sink *s, struct entry *e, int64_t delay, struct fault *f)
{
	s->entry = e;
	return s->kind->begin(s, delay, f);
}

bool sink_bytes(struct sink *s, struct str bytes, struct fault *f)
{
	return s->kind->bytes(s, bytes, f);
}

bool sink_end(struct sink *s, const struct message_facts *facts, struct fault *f)
{
	s->entry->facts = *facts;
	return !s->kind->end || s->kind->end(s, f);
}

void sink_accepted(struct sink *s)
{
	if (s->kind->accepted)
		s->kind->accepted(s);
}

void sink_abandon(struct sink *s)
{
	if (s->kind->abandon)
		s->kind->abandon(s);
	s->entry = NULL;
}

static bool copy_piece(void *context, struct str bytes, struct fault *f)
{
	return sink_bytes(context, bytes, f);
}

bool sink_copy(struct sink *s, struct entry *e, const struct hold_entry *from, struct fault *f)
{
	return sink_begin(s, e, 0, f) && entry_each(from->fd, &from->entry, copy_piece, s, f);
}

bool sink_start(struct sink *s, struct sink_try *t, struct fault *f)
{
	t->fd = -1;
	t->pid = -1;
	return !s->kind->start || s->kind->start(s, t, f);
}

void sink_close(struct sink *s)
{
	sink_abandon(s);
	if (s->kind->close)
		s->kind->close(s);
}
