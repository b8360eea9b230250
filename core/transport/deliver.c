/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "transport/deliver.h"

#include <stdlib.h>
#include <string.h>

#include "os/clock.h"
#include "os/random.h"
#include "hold/retry.h"
#include "transport/failures.h"
#include "transport/bounce.h"
#include "transport/offer.h"

struct deliver {
	struct deliver_setup setup;
	struct offerer offerer;
	hold_id reports[DELIVER_REPORTS_MAX]; /* made, and not yet tried */
	size_t report_count;
};

struct deliver *deliver_new(const struct deliver_setup *setup)
{
	struct deliver *d = mem_alloc(sizeof(*d));
	d->setup = *setup;
	offerer_init(&d->offerer, &d->setup.env, setup->hold, setup->ask_dead);
	limits_init(&d->offerer.limits, setup->hold, setup->until, setup->stop);
	d->offerer.asks_nobody = setup->asks_nobody;
	d->offerer.next = setup->next;
	d->offerer.next_context = setup->next_context;
	return d;
}

void deliver_free(struct deliver *d)
{
	offerer_release(&d->offerer);
	free(d);
}

void deliver_help(struct deliver *d, bool helper)
{
	d->offerer.helper = helper;
}

void deliver_drop(struct deliver *d)
{
	offerer_drop(&d->offerer);
}

bool deliver_begun(struct deliver *d, const struct hold_entry *he)
{
	return offerer_begun(&d->offerer, he);
}

size_t deliver_connections(const struct deliver *d)
{
	const struct offerer *o = &d->offerer;
	return o->session ? (size_t)servers_connections(&o->memory, &o->server) : 0;
}

bool deliver_report(struct deliver *d, hold_id id)
{
	if (d->report_count == 0)
		return false;
	memcpy(id, d->reports[--d->report_count], sizeof(hold_id));
	return true;
}

bool deliver_alone(struct deliver *d, struct choice_kind *kind)
{
	/* What is left alone is so to the end of the run. */
	if (kind->alone)
		return true;
	bool alone = true;
	for (size_t i = 0; alone && i < kind->relay_count; i++)
		alone = servers_all_alone(&d->offerer.memory, kind->relays[i], &kind->why);
	if (alone)
		verdict_line(&kind->why, kind->reason);
	kind->alone = alone;
	return alone;
}

/* Those who wait have failed: their time is over. */
static bool expire(struct hold_entry *he, struct delivery_log *log, struct fault *f)
{
	struct envelope *e = &he->entry.envelope;
	for (size_t i = 0; i < e->rcpt_count; i++) {
		if (e->rcpts[i].state != RCPT_WAITING)
			continue;
		e->rcpts[i].state = RCPT_FAILED;
		if (!hold_mark(he, &i, 1, false, f))
			return false;
		delivery_log_rcpt(log, &e->rcpts[i], NULL);
	}
	return true;
}

/* Some relays take no mail from the null sender, or from their account's only; that is
 * said to MAIL or to the message. What is then sent once more is a report alone. */
static bool sender_refused(const struct envelope *e)
{
	for (size_t i = 0; i < e->rcpt_count && !e->sender[0]; i++) {
		enum cause cause = e->rcpts[i].verdict.cause;
		if (e->rcpts[i].state == RCPT_FAILED &&
		    (cause == CAUSE_SENDER_REFUSED || cause == CAUSE_MESSAGE_REFUSED ||
		     cause == CAUSE_NOT_AS_SENDER || cause == CAUSE_AUTH_NEEDED))
			return true;
	}
	return false;
}

/* A report for whose null sender the account has no right will not be taken tomorrow either,
 * and what it says is not to wait until it expires: it goes once more, from another. */
static bool is_hopeless(const struct deliver *d, const struct hold_entry *he)
{
	const struct envelope *e = &he->entry.envelope;
	if (e->sender[0] || !he->entry.report_of[0] || !d->setup.env.config->from)
		return false;
	for (size_t i = 0; i < e->rcpt_count; i++)
		if (e->rcpts[i].state != RCPT_WAITING ||
		    e->rcpts[i].verdict.cause != CAUSE_NOT_AS_SENDER)
			return false;
	return true;
}

/* A report is mail like any other; the run sends it too. */
static bool report(struct deliver *d, struct hold_entry *he, enum dsn_kind kind,
                   struct fault *f)
{
	const struct session_env *env = &d->setup.env;
	char id[ENTRY_ID_LEN + 1];
	bool ok = kind == DSN_FAILED && sender_refused(&he->entry.envelope)
	              ? bounce_again(env->config, env->hostname, he, id, f)
	              : bounce_sender(env->config, env->hostname, he, kind, id, f);
	if (!ok)
		return false;
	if (id[0] && d->report_count < DELIVER_REPORTS_MAX)
		memcpy(d->reports[d->report_count++], id, sizeof(id));
	return true;
}

/* Tells the sender once that the message is late. */
static bool warn_once(struct deliver *d, struct hold_entry *he, struct fault *f)
{
	const struct settings *c = d->setup.env.config;
	struct entry *e = &he->entry;
	if (c->warn == 0 || e->warned || clock_wall() - e->created < c->warn)
		return true;
	if (!report(d, he, DSN_DELAYED, f))
		return false;
	e->warned = true;
	return true;
}

/* Does one of those who wait do so after a server's answer? */
static bool waits_after_try(const struct envelope *e)
{
	for (size_t i = 0; i < e->rcpt_count; i++)
		if (e->rcpts[i].state == RCPT_WAITING &&
		    cause_row(e->rcpts[i].verdict.cause)->tried)
			return true;
	return false;
}

/* Some recipients wait: when is the next try, or was this the last? An entry that was
 * offered to nobody keeps its time, so that it is due when its server answers. */
static bool put_back(struct deliver *d, struct hold_entry *he, struct delivery_log *log,
                     const struct offer_sum *sum, struct fault *f)
{
	const struct settings *c = d->setup.env.config;
	struct entry *e = &he->entry;
	struct retry_rules rules = {c->retry, c->retry_max, c->expire};
	int64_t overdue = e->overdue;
	bool last = false, warned = e->warned;
	if (sum->offered) {
		int64_t due = e->next_try;
		last = retry_failed(&rules, e, clock_wall(), clock_uptime(), random_number());
		if (!waits_after_try(&e->envelope))
			e->next_try = due;
	} else if (sum->any_dead && !sum->any_other) {
		const struct backoff *b = &sum->youngest;
		const struct retry_outage o = {b->since, b->uptime, b->failures};
		last = retry_outlived(&rules, e, &o, clock_wall(), clock_uptime());
	}
	last = last || is_hopeless(d, he);
	/* What is given up was perhaps never read to its end. */
	if (last ? !hold_verify(he, f) || !expire(he, log, f) : !warn_once(d, he, f))
		return false;
	return (!sum->offered && overdue == e->overdue && warned == e->warned) ||
	       hold_mark_head(he, f);
}

/* Nobody waits any more: a try that failed for some is one of those that failed/ tells of. */
static void count_last(struct entry *e, const struct offer_sum *sum)
{
	if (!sum->offered || failures_new(&e->envelope) == 0)
		return;
	e->attempts++;
	e->tried = clock_wall();
	e->uptime = clock_uptime();
}

/* Whoever waits, or else the sender, hears of recipients that were refused in
 * this try. If others still wait, or were refused before and are in failed/
 * already, the refused ones get an entry of their own there; else this one
 * goes there. An entry with nobody left is removed. */
static bool finish(struct deliver *d, struct hold_entry *he, size_t waiting, struct fault *f)
{
	size_t fresh = failures_new(&he->entry.envelope);
	bool split = waiting > 0 || fresh < envelope_count(&he->entry.envelope, RCPT_FAILED);
	if (fresh > 0) {
		if (!(d->setup.tell && d->setup.tell(d->setup.tell_context, he)) &&
		    !report(d, he, DSN_FAILED, f))
			return false;
		if (!split)
			return hold_mark_head(he, f) && hold_move(he, HOLD_FAILED, f);
		if (!failures_split(he, f))
			return false;
	}
	return waiting > 0 || hold_remove(he, f);
}

static void sum_up(struct hold_entry *he, struct deliver_result *result)
{
	const struct envelope *e = &he->entry.envelope;
	result->delivered = envelope_count(e, RCPT_DELIVERED);
	result->failed = envelope_count(e, RCPT_FAILED);
	result->waiting = envelope_count(e, RCPT_WAITING);
	for (size_t i = 0; i < e->rcpt_count; i++)
		if (e->rcpts[i].state == RCPT_WAITING && !result->reason[0])
			rcpt_reason(&e->rcpts[i], result->reason);
}

static enum deliver_end offer_all(struct deliver *d, struct hold_entry *he,
                                  struct delivery_log *log, struct offer_sum *sum,
                                  struct fault *f)
{
	static const enum deliver_end ends[] = {[OFFER_DONE] = DELIVER_DONE,
	                                        [OFFER_TURNED_AWAY] = DELIVER_TURNED_AWAY,
	                                        [OFFER_ERROR] = DELIVER_ERROR};
	struct routes routes;
	enum offer_end end = OFFER_DONE;
	offerer_plan(&d->offerer, he, &routes);
	for (size_t i = 0; end == OFFER_DONE && i < routes.count; i++)
		end = offer(&d->offerer, he, &routes.at[i], log, sum, f);
	routes_release(&routes);
	return ends[end];
}

/* Before a report is sent, what it reports on must say that it is made, or a run that was
 * cut short in between would make it again. False: somebody is about to say so. */
static bool original_knows(struct deliver *d, const struct hold_entry *report)
{
	struct fault f = FAULT_INIT;
	const char *id = report->entry.report_of;
	if (!id[0])
		return true;
	struct hold_entry he;
	enum hold_claim claimed = hold_claim(d->setup.hold, HOLD_QUEUE, id, &he, &f);
	if (claimed != CLAIM_OK)
		return claimed != CLAIM_BUSY;
	/* One that is done is removed here: whoever has it in turn may have found it taken. */
	size_t waiting = envelope_count(&he.entry.envelope, RCPT_WAITING);
	bool ok = (waiting > 0 && failures_new(&he.entry.envelope) == 0) ||
	          finish(d, &he, waiting, &f);
	hold_release(&he);
	return ok;
}

enum deliver_end deliver_entry(struct deliver *d, struct hold_entry *he,
                               struct deliver_result *result, struct fault *f)
{
	struct offer_sum sum = {.offered = false};
	size_t reports = d->report_count;
	memset(result, 0, sizeof(*result));
	if (!original_knows(d, he)) {
		sum_up(he, result);
		return DELIVER_DONE;
	}
	struct delivery_log log;
	delivery_log_begin(&log, he);
	enum deliver_end end = offer_all(d, he, &log, &sum, f);
	if (end != DELIVER_DONE)
		return end;
	result->strained = sum.strained;
	bool ok = true;
	if (envelope_count(&he->entry.envelope, RCPT_WAITING) > 0)
		ok = put_back(d, he, &log, &sum, f);
	else
		count_last(&he->entry, &sum);
	sum_up(he, result);
	ok = ok && finish(d, he, result->waiting, f);
	offerer_settle(&d->offerer, he->hold);
	/* While the entry does not say that its report is made, the report must be
	 * there to say so: sent, it would be made again. */
	if (!ok)
		d->report_count = reports;
	return ok ? DELIVER_DONE : DELIVER_ERROR;
}
