/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cmd/list/stats.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "text/codec.h"
#include "text/crc.h"
#include "text/host.h"

static const struct age_class {
	int64_t below; /* seconds */
	const char *name;
} age_classes[STATS_AGES] = {
    {5 * 60, "under 5m"},     {3600, "under 1h"},      {6 * 3600, "under 6h"},
    {24 * 3600, "under 24h"}, {3 * 86400, "under 3d"}, {INT64_MAX, "3d or more"},
};

const char *stats_age_name(size_t i)
{
	return age_classes[i].name;
}

void stats_init(struct stats *t)
{
	memset(t, 0, sizeof(*t));
}

void stats_release(struct stats *t)
{
	free(t->reasons);
	stats_init(t);
}

void stats_reason_text(char to[STATS_REASON_MAX], const struct verdict *v, bool discreet)
{
	/* The same outage is met at any address and port. */
	char host[STATS_REASON_MAX] = "";
	char code[FAULT_STATUS_MAX + 16] = "";
	if (v->code > 0)
		snprintf(code, sizeof(code), ": %03d%s%s", v->code, v->status[0] ? " " : "",
		         v->status);
	if (!discreet)
		codec_one_line(host, sizeof(host), host_peer(str_of(v->host)).name);
	snprintf(to, STATS_REASON_MAX, "%s%s%s%s%s", cause_row(v->cause)->sentence, code,
	         host[0] ? " (" : "", host, host[0] ? ")" : "");
}

static void count_reason(struct stats *t, const char *text)
{
	uint32_t hash = crc_add(0, text, strlen(text));
	for (size_t i = 0; i < t->reason_count; i++) {
		struct stats_reason *r = &t->reasons[i];
		if (r->hash == hash &&
		    strcmp(r->text, text) == 0) { /* texts: labels made here */
			r->recipients++;
			return;
		}
	}
	if (t->reason_count == STATS_REASONS) {
		t->other_recipients++;
		return;
	}
	t->reasons =
	    mem_grow(t->reasons, &t->reason_cap, t->reason_count + 1, sizeof(*t->reasons));
	struct stats_reason *r = &t->reasons[t->reason_count++];
	snprintf(r->text, sizeof(r->text), "%s", text);
	r->hash = hash;
	r->recipients = 1;
}

/* Why a waiting recipient waits. What a person or the configuration decided
 * comes before what a server said at some earlier try. */
static void count_waiting(struct stats *t, const struct entry *e, const struct rcpt *r,
                          int64_t now)
{
	char text[STATS_REASON_MAX];
	if (e->frozen) {
		count_reason(t, "frozen");
	} else if (r->verdict.cause != CAUSE_NONE) {
		stats_reason_text(text, &r->verdict, t->discreet);
		count_reason(t, text);
	} else {
		count_reason(t, e->attempts == 0 && e->next_try > now
		                    ? "not to be sent yet (delay)"
		                    : "not tried yet");
	}
}

void stats_held(struct stats *t, const struct entry *e, bool busy, int64_t next, int64_t now)
{
	int64_t age = now > e->created ? now - e->created : 0;
	size_t group = 0;
	while (age >= age_classes[group].below)
		group++;
	t->ages[group]++;
	if (t->held == 0 || age > t->oldest) {
		t->oldest = age;
		memcpy(t->oldest_id, e->id, sizeof(t->oldest_id));
	}
	t->held++;
	t->held_bytes += e->facts.size;
	t->active += busy;
	t->frozen += e->frozen;
	if (!e->frozen && (t->next_try == 0 || next < t->next_try))
		t->next_try = next;
	bool untried = e->attempts == 0;
	for (size_t i = 0; i < e->envelope.rcpt_count; i++) {
		const struct rcpt *r = &e->envelope.rcpts[i];
		if (r->state != RCPT_WAITING)
			continue;
		t->recipients++;
		count_waiting(t, e, r, now);
		/* One whose server did not answer was not offered, but not left alone either. */
		untried = untried && r->verdict.cause == CAUSE_NONE;
	}
	t->untried += untried;
}

void stats_failed(struct stats *t, const struct entry *e)
{
	t->failed++;
	t->failed_bytes += e->facts.size;
}

static int by_count(const void *a, const void *b)
{
	const struct stats_reason *x = a, *y = b;
	if (x->recipients != y->recipients)
		return x->recipients > y->recipients ? -1 : 1;
	return strcmp(x->text, y->text);
}

void stats_sort(struct stats *t)
{
	if (t->reason_count > 1)
		qsort(t->reasons, t->reason_count, sizeof(*t->reasons), by_count);
}
