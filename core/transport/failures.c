/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "transport/failures.h"

#include <stdlib.h>
#include <string.h>

#include "submit/sink_hold.h"

static bool is_new(const struct rcpt *r)
{
	return r->state == RCPT_FAILED && !r->told;
}

size_t failures_new(const struct envelope *e)
{
	size_t count = 0;
	for (size_t i = 0; i < e->rcpt_count; i++)
		count += is_new(&e->rcpts[i]);
	return count;
}

static char *copy_or_null(const char *text)
{
	return text ? mem_copy(str_of(text)) : NULL;
}

static void copy_envelope(const struct envelope *from, struct envelope *to)
{
	envelope_set_sender(to, str_of(from->sender));
	to->sender_local = from->sender_local;
	to->body = from->body;
	to->smtputf8 = from->smtputf8;
	to->ret = from->ret;
	to->envid = copy_or_null(from->envid);
	to->relay = copy_or_null(from->relay);
	for (size_t i = 0; i < from->rcpt_count; i++) {
		const struct rcpt *r = &from->rcpts[i];
		if (!is_new(r))
			continue;
		struct rcpt *copy = envelope_append(to, str_of(r->address));
		copy->notify = r->notify;
		copy->orcpt = copy_or_null(r->orcpt);
		copy->state = r->state;
		verdict_copy(&copy->verdict, &r->verdict);
	}
}

bool failures_split(struct hold_entry *he, struct fault *f)
{
	struct envelope *e = &he->entry.envelope;
	struct sink_hold s;
	struct entry copy;
	sink_hold_init(&s, he->hold, HOLD_FAILED);
	entry_init(&copy);
	copy.created = he->entry.created;
	copy.uid = hold_uid(he);
	copy.attempts = he->entry.attempts;
	copy.tried = he->entry.tried;
	copy.uptime = he->entry.uptime;
	memcpy(copy.report_of, he->entry.report_of, sizeof(copy.report_of));
	copy_envelope(e, &copy.envelope);
	bool ok = sink_copy(&s.sink, &copy, he, f) && sink_end(&s.sink, &he->entry.facts, f);
	sink_abandon(&s.sink);
	entry_release(&copy);
	size_t marked = 0;
	size_t *places = mem_alloc(e->rcpt_count * sizeof(*places));
	for (size_t i = 0; ok && i < e->rcpt_count; i++)
		if (is_new(&e->rcpts[i])) {
			e->rcpts[i].told = true;
			places[marked++] = i;
		}
	ok = ok && hold_mark(he, places, marked, true, f);
	free(places);
	return ok;
}
