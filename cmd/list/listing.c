/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cmd/list/listing.h"

#include <stdlib.h>
#include <string.h>

#include "cmd/list/format.h"
#include "mail/envelope.h"
#include "transport/route.h"

#define SIZE_END       20 /* the column behind the size */
#define TIME_COLUMN    21
#define ADDRESS_COLUMN 41
#define REASON_WIDTH   76 /* a shorter reason ends where one of this length would */
#define RELAYS_NAMED   8

#define ESC         "\033["
#define COLOUR_ID   ESC "1m"
#define COLOUR_DIM  ESC "2m"
#define COLOUR_WHY  ESC "33m"
#define COLOUR_FAIL ESC "31m"
#define COLOUR_OFF  ESC "0m"

/* A recipient in the order of printing: by the first place of its reason. */
struct listing_rcpt {
	char *reason;
	size_t group;
	size_t rcpt;
};

static bool colour(struct buf *out, const struct listing *l, const char *which)
{
	return !l->colour || buf_add_str(out, str_of(which));
}

static bool entry_line(struct buf *out, const struct listing *l, const struct entry *e,
                       bool busy)
{
	char when[FORMAT_TIME];
	const char *mark = busy ? "*" : e->frozen ? "!" : "";
	int width = SIZE_END - ENTRY_ID_LEN - (int)strlen(mark) - 1;
	format_time(when, e->created);
	return colour(out, l, COLOUR_ID) && buf_addf(out, "%s%s", e->id, mark) &&
	       colour(out, l, COLOUR_OFF) &&
	       buf_addf(out, " %*llu %s  ", width, (unsigned long long)e->facts.size, when) &&
	       format_add(out, str_of(format_sender(&e->envelope))) && buf_add_char(out, '\n');
}

/* It is due, but its relay does not answer: that is what it waits for. */
static bool waits_for_server(const struct entry *e)
{
	for (size_t i = 0; i < e->envelope.rcpt_count; i++) {
		const struct rcpt *r = &e->envelope.rcpts[i];
		const struct cause_row *row = cause_row(r->verdict.cause);
		if (r->state == RCPT_WAITING &&
		    (row->server == SERVER_DEAD || row->server == SERVER_BUSY))
			return true;
	}
	return false;
}

static bool next_try(struct buf *out, const struct listing *l, const struct entry *e, bool busy)
{
	if (l->failed)
		return buf_addf(out, "failed");
	if (busy)
		return buf_addf(out, "being sent now");
	if (e->frozen)
		return buf_addf(out, "frozen");
	if (e->next_try <= l->now)
		return buf_addf(out, waits_for_server(e) ? "next try when the relay answers"
		                                         : "due now");
	char in[FORMAT_TIME];
	format_age(in, e->next_try - l->now);
	char when[FORMAT_TIME];
	format_time(when, e->next_try);
	return buf_addf(out, "next try in %s", in) &&
	       (!l->verbose || buf_addf(out, " (%s)", when));
}

/* The relays that may be asked for it, in order; of many, the first. */
static bool relays(struct buf *out, const struct listing *l, const struct envelope *e)
{
	struct routes routes = {0};
	size_t count = 0;
	bool ok = true;
	if (l->config)
		routes_plan(l->config, e, &routes);
	const struct settings_relay *named[RELAYS_NAMED];
	for (size_t i = 0; i < routes.count; i++)
		for (size_t j = 0; j < routes.at[i].relay_count; j++) {
			const struct settings_relay *r = routes.at[i].relays[j];
			size_t k = 0;
			while (k < count && named[k] != r)
				k++;
			if (k == count && count < RELAYS_NAMED)
				named[count++] = r;
		}
	routes_release(&routes);
	if (count == 0 && e->relay)
		return buf_addf(out, ", relay ") && format_add(out, str_of(e->relay));
	for (size_t k = 0; ok && k < count; k++)
		ok = buf_addf(out, k > 0 ? " or " : ", relay ") &&
		     format_add(out, str_of(named[k]->name));
	return ok;
}

static bool details(struct buf *out, const struct listing *l, const struct entry *e, bool busy)
{
	if (!l->terminal && !l->verbose)
		return true;
	char age[FORMAT_TIME];
	format_age(age, l->now - e->created);
	return colour(out, l, COLOUR_DIM) && buf_addf(out, "%*sage %s", TIME_COLUMN, "", age) &&
	       (!l->verbose || buf_addf(out, ", %lld attempt%s", (long long)e->attempts,
	                                format_plural((uint64_t)e->attempts))) &&
	       buf_add_str(out, STR(", ")) && next_try(out, l, e, busy) &&
	       (!l->verbose || l->failed || relays(out, l, &e->envelope)) &&
	       colour(out, l, COLOUR_OFF) && buf_add_char(out, '\n');
}

static bool reason_line(struct buf *out, const struct listing *l, const struct rcpt *r,
                        const char *reason)
{
	size_t len = strlen(reason);
	return buf_addf(out, "%*s", len < REASON_WIDTH ? (int)(REASON_WIDTH - len) : 0, "") &&
	       colour(out, l, r->state == RCPT_FAILED ? COLOUR_FAIL : COLOUR_WHY) &&
	       buf_add_char(out, '(') && format_add_reason(out, str_of(reason)) &&
	       buf_add_char(out, ')') && colour(out, l, COLOUR_OFF) && buf_add_char(out, '\n');
}

/* What -v says below a recipient; the text of the reply is the line above it. */
static bool state_line(struct buf *out, const struct listing *l, const struct rcpt *r)
{
	bool ok = colour(out, l, COLOUR_DIM) &&
	          buf_addf(out, "%*s%s", TIME_COLUMN, "", format_state(r->state));
	const struct verdict *v = &r->verdict;
	if (ok && v->code > 0)
		ok = buf_addf(out, ", last reply %d%s", v->code, v->status[0] ? " " : "") &&
		     format_add(out, str_of(v->status));
	else if (ok)
		ok = buf_addf(out, v->cause != CAUSE_NONE ? ", no reply from a server"
		                                          : ", not tried yet");
	return ok && colour(out, l, COLOUR_OFF) && buf_add_char(out, '\n');
}

static int by_reason(const void *a, const void *b)
{
	const struct listing_rcpt *x = a, *y = b;
	int order = strcmp(x->reason, y->reason);
	return order ? order : x->rcpt < y->rcpt ? -1 : 1;
}

static int by_group(const void *a, const void *b)
{
	const struct listing_rcpt *x = a, *y = b;
	if (x->group != y->group)
		return x->group < y->group ? -1 : 1;
	return x->rcpt < y->rcpt ? -1 : 1;
}

/* Groups of the same reason, in the order of their first recipients; those
 * without a reason go first, or they would stand beneath one that is not theirs. */
static void sort_places(struct listing_rcpt *places, size_t count)
{
	qsort(places, count, sizeof(*places), by_reason);
	for (size_t i = 0; i < count; i++) {
		bool same = i > 0 && strcmp(places[i].reason, places[i - 1].reason) == 0;
		if (same)
			places[i].group = places[i - 1].group;
		else
			places[i].group = places[i].reason[0] ? places[i].rcpt + 1 : 0;
	}
	qsort(places, count, sizeof(*places), by_group);
}

static bool recipient(struct buf *out, const struct listing *l, const struct rcpt *r,
                      const char *reason, bool same_reason)
{
	return ((same_reason && !l->verbose) || !reason[0] || reason_line(out, l, r, reason)) &&
	       buf_addf(out, "%*s", ADDRESS_COLUMN, "") &&
	       format_add(out, str_of(r->address)) && buf_add_char(out, '\n') &&
	       (!l->verbose || state_line(out, l, r));
}

static bool recipients(struct buf *out, const struct listing *l, const struct envelope *e)
{
	struct listing_rcpt *places = mem_alloc((e->rcpt_count + 1) * sizeof(*places));
	size_t count = 0;
	bool ok = true;
	for (size_t i = 0; i < e->rcpt_count; i++) {
		const struct rcpt *r = &e->rcpts[i];
		/* Those of whom somebody was told have an entry of their own in failed/. */
		if (r->state == RCPT_DELIVERED || (r->told && !l->verbose))
			continue;
		char reason[VERDICT_LINE_MAX];
		format_reason(r, l->failed, reason);
		places[count].reason = mem_copy(str_of(reason));
		places[count++].rcpt = i;
	}
	if (count > 1)
		sort_places(places, count);
	for (size_t i = 0; ok && i < count; i++)
		ok = recipient(out, l, &e->rcpts[places[i].rcpt], places[i].reason,
		               i > 0 && places[i].group == places[i - 1].group);
	for (size_t i = 0; i < count; i++)
		free(places[i].reason);
	free(places);
	return ok;
}

bool listing_entry(struct buf *out, const struct listing *l, const struct entry *e, bool busy)
{
	return entry_line(out, l, e, busy) && details(out, l, e, busy) &&
	       recipients(out, l, &e->envelope) && buf_add_char(out, '\n');
}

bool listing_total(struct buf *out, uint64_t entries, uint64_t bytes)
{
	unsigned long long n = entries;
	return buf_addf(out, "\t\tTotal requests: %llu\n-- %llu Kbytes in %llu Request%s.\n", n,
	                format_kbytes(bytes), n, format_plural(n));
}
