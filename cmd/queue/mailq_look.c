/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cmd/queue/mailq_look.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "text/cause.h"
#include "cmd/list/json.h"
#include "cmd/list/listing.h"
#include "cmd/list/show.h"
#include "cmd/list/summary.h"
#include "cmd/list/totals.h"
#include "cmd/list/visit.h"
#include "hold/counters.h"
#include "transport/servers.h"

#define TEXT_MAX (512 * 1024 * 1024) /* of one entry, or of a summary */

/* The server whose next time is known: most entries wait for the same one. */
struct awaited {
	char *server;
	int64_t until; /* 0: none */
};

/* An entry after the other goes to standard output as it is looked at. */
struct printing {
	const struct mailq_look *look;
	struct buf text;
	uint64_t entries, bytes;
	struct awaited awaited;
	bool failed; /* too much text for one entry, or output ended */
};

static struct visit visit_of(const struct mailq_look *look, visit_entry *entry, void *context)
{
	return (struct visit){
	    .hold = look->hold, .program = look->program, .entry = entry, .context = context};
}

static bool put_out(struct printing *p)
{
	p->failed =
	    p->text.len > 0 && fwrite(p->text.at, 1, p->text.len, stdout) != p->text.len;
	buf_clear(&p->text);
	return !p->failed;
}

/* When the server of that verdict is asked again. */
static int64_t server_time(struct awaited *a, const struct hold *h, const struct verdict *v)
{
	char *server = mem_printf("%d %s %s", (int)cause_row(v->cause)->server,
	                          v->relay ? v->relay : "", v->host ? v->host : "");
	if (a->server && strcmp(a->server, server) == 0) {
		free(server);
		return a->until;
	}
	free(a->server);
	a->server = server;
	a->until = 0;
	servers_next(h, v, &a->until);
	return a->until;
}

/* The next try of the entry, or of the server that it waits for. */
static int64_t next_try(struct awaited *a, const struct hold_entry *he, int64_t now)
{
	int64_t next = he->entry.next_try;
	const struct envelope *v = &he->entry.envelope;
	for (size_t i = 0; he->entry.next_try <= now && i < v->rcpt_count; i++) {
		int64_t until = 0;
		if (v->rcpts[i].state == RCPT_WAITING)
			until = server_time(a, he->hold, &v->rcpts[i].verdict);
		if (until > next)
			next = until;
	}
	return next;
}

static bool print_entry(void *context, const struct hold_entry *he, bool busy)
{
	struct printing *p = context;
	const struct mailq_look *look = p->look;
	bool failed = he->room == HOLD_FAILED, fits;
	struct entry e = he->entry;
	e.next_try = next_try(&p->awaited, he, look->now);
	if (look->call->job == JOB_JSON) {
		fits = json_entry(&p->text, &e, busy, failed);
	} else {
		struct listing l = {look->now,           look->terminal, look->colour,
		                    look->call->verbose, failed,         look->config};
		fits = (p->entries > 0 || buf_add_str(&p->text, STR(LISTING_HEADER))) &&
		       listing_entry(&p->text, &l, &e, busy);
	}
	p->entries++;
	p->bytes += he->entry.facts.size;
	if (fits)
		return put_out(p);
	fprintf(stderr, "%s: %s: too long to list\n", look->program, he->entry.id);
	buf_clear(&p->text);
	p->failed = true;
	return false;
}

static int list(const struct mailq_look *look)
{
	const struct mailq_call *call = look->call;
	struct printing p = {.look = look};
	const struct visit v = visit_of(look, print_entry, &p);
	int code = 0;
	buf_init(&p.text, TEXT_MAX);
	if (call->id_count == 0)
		code = visit_room(&v, call->failed ? HOLD_FAILED : HOLD_QUEUE);
	for (size_t i = 0; i < call->id_count; i++)
		code = fault_worse(code, visit_id(&v, call->ids[i], call->failed));
	if (call->job == JOB_LIST && !p.failed) {
		bool ok = true;
		if (p.entries > 0)
			ok = listing_total(&p.text, p.entries, p.bytes);
		else if (call->id_count == 0 && code == 0)
			ok = buf_add_str(&p.text, STR(LISTING_EMPTY));
		p.failed = !ok || !put_out(&p);
	}
	buf_release(&p.text);
	free(p.awaited.server);
	return p.failed ? fault_worse(code, fault_exit(FAULT_IO)) : code;
}

static bool count_room(const struct mailq_look *look, enum hold_room room, size_t *count,
                       int *code)
{
	hold_id *ids;
	struct fault f = FAULT_INIT;
	bool ok = hold_list(look->hold, room, &ids, count, &f);
	if (!ok)
		*code = fault_worse(*code, visit_complain(look->program, "", &f));
	free(ids);
	return ok;
}

static int print_count(const struct mailq_look *look)
{
	size_t count;
	int code = 0;
	if (count_room(look, look->call->failed ? HOLD_FAILED : HOLD_QUEUE, &count, &code))
		printf("%zu\n", count);
	return code;
}

struct tallying {
	struct stats tally;
	struct awaited awaited;
	int64_t now;
};

static bool tally_entry(void *context, const struct hold_entry *he, bool busy)
{
	struct tallying *t = context;
	if (he->room == HOLD_FAILED)
		stats_failed(&t->tally, &he->entry);
	else
		stats_held(&t->tally, &he->entry, busy, next_try(&t->awaited, he, t->now),
		           t->now);
	return true;
}

static int summarise(const struct mailq_look *look)
{
	struct tallying t = {.now = look->now};
	struct visit v = visit_of(look, tally_entry, &t);
	struct buf text;
	size_t damaged = 0, unread = 0;
	buf_init(&text, TEXT_MAX);
	stats_init(&t.tally);
	/* Of others' mail a user sees numbers only, and none of what is damaged beside their
	 * own. */
	const bool by_user = look->call->for_user, metrics = look->call->job == JOB_METRICS;
	t.tally.discreet = by_user && metrics;
	/* Numbers for a monitor: what cannot be read is one of them. */
	if (metrics)
		v.damaged = &unread;
	int code = visit_room(&v, HOLD_QUEUE);
	code = fault_worse(code, visit_room(&v, HOLD_FAILED));
	if ((metrics || !by_user) && count_room(look, HOLD_CORRUPT, &damaged, &code))
		t.tally.damaged = damaged + unread;
	stats_sort(&t.tally);
	struct counters counters = {0};
	counters_read(look->hold, &counters);
	bool ok = metrics ? totals_metrics(&text, &counters) && summary_metrics(&text, &t.tally)
	                  : summary_text(&text, &t.tally, look->now, look->colour);
	if (!ok || fwrite(text.at, 1, text.len, stdout) != text.len)
		code = fault_worse(code, fault_exit(FAULT_IO));
	stats_release(&t.tally);
	free(t.awaited.server);
	buf_release(&text);
	return code;
}

struct showing {
	const struct mailq_look *look;
	int code;
};

static bool show_visited(void *context, const struct hold_entry *he, bool busy)
{
	struct showing *s = context;
	struct fault f = FAULT_INIT;
	struct show show = {s->look->now, s->look->terminal, he->room == HOLD_FAILED, busy};
	if (!show_entry(stdout, &show, he, &f))
		s->code = visit_complain(s->look->program, he->entry.id, &f);
	return true;
}

static int show(const struct mailq_look *look)
{
	struct showing s = {look, 0};
	const struct visit v = visit_of(look, show_visited, &s);
	int code = visit_id(&v, look->call->show, look->call->failed);
	return fault_worse(code, s.code);
}

int mailq_look(const struct mailq_look *look)
{
	static int (*const jobs[])(const struct mailq_look *look) = {
	    [JOB_LIST] = list,         [JOB_JSON] = list,         [JOB_COUNT] = print_count,
	    [JOB_METRICS] = summarise, [JOB_SUMMARY] = summarise, [JOB_SHOW] = show,
	};
	return jobs[look->call->job](look);
}
