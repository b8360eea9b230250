/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cmd/queue/admin.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>

#include "os/clock.h"
#include "os/file.h"
#include "os/log.h"
#include "cmd/list/format.h"

/* Changes the claimed entry. */
typedef bool admin_action(struct hold_entry *he, struct fault *f);

/* What a verb does, and to what. */
struct way {
	const char *verb; /* its option, without the dashes */
	admin_action *action;
	const char *done;  /* for the log */
	const char *wrong; /* said of an entry that is only in the other room */
	bool held, failed; /* the rooms in which it looks */
	bool sync;         /* both, when all is done */
};

struct admin_run {
	struct hold *hold;
	const char *program;
	const struct way *way;
	bool all;
	bool tell;
	size_t done;
	int code;
};

static bool remove_entry(struct hold_entry *he, struct fault *f)
{
	return hold_remove(he, f);
}

static bool set_frozen(struct hold_entry *he, bool frozen, struct fault *f)
{
	if (he->entry.frozen == frozen)
		return true;
	he->entry.frozen = frozen;
	/* Due at once; but the delay before a first try is the sender's. */
	if (!frozen && he->entry.attempts > 0)
		he->entry.next_try = clock_wall();
	return hold_mark_head(he, f) && hold_mark(he, NULL, 0, true, f);
}

static bool freeze_entry(struct hold_entry *he, struct fault *f)
{
	return set_frozen(he, true, f);
}

static bool thaw_entry(struct hold_entry *he, struct fault *f)
{
	return set_frozen(he, false, f);
}

/* The entry begins a new life: with its old arrival time it would expire after
 * a few tries. A crash before the move leaves an entry in failed/ that has
 * waiting recipients; retrying it again completes this. */
static bool retry_entry(struct hold_entry *he, struct fault *f)
{
	struct entry *e = &he->entry;
	for (size_t i = 0; i < e->envelope.rcpt_count; i++) {
		struct rcpt *r = &e->envelope.rcpts[i];
		/* Those of whom somebody was told have an entry of their own. */
		if (r->state != RCPT_FAILED || r->told)
			continue;
		r->state = RCPT_WAITING;
		verdict_release(&r->verdict);
		if (!hold_mark(he, &i, 1, false, f))
			return false;
	}
	e->created = e->next_try = clock_wall();
	e->attempts = e->tried = e->uptime = e->overdue = 0;
	e->frozen = e->warned = false;
	return hold_mark_head(he, f) && hold_move(he, HOLD_QUEUE, f);
}

static const struct way ways[] = {
    {"remove", remove_entry, "removed", "", .held = true, .failed = true, .sync = true},
    {"freeze", freeze_entry, "frozen", "has failed; it is not sent anyway", .held = true},
    {"thaw", thaw_entry, "thawed", "has failed; --retry puts it back", .held = true},
    {"retry", retry_entry, "retried", "has not failed; it is held", .failed = true},
};

static const char foreign[] = "is another user's";

static const struct way *way_of(const char *verb)
{
	for (size_t i = 0; i < COUNT(ways); i++)
		if (strcmp(ways[i].verb, verb) == 0)
			return &ways[i];
	/* The table of options has one that is not here. */
	abort();
}

bool admin_looks_into(const char *verb, enum hold_room room)
{
	return room == HOLD_FAILED ? way_of(verb)->failed : way_of(verb)->held;
}

static void complain(struct admin_run *run, const char *id, enum fault_kind kind,
                     const char *text)
{
	int code = fault_exit(kind);
	struct fault said = FAULT_INIT;
	fault_set(&said, kind, "%s: %s", id, text);
	fprintf(stderr, "%s: %s\n", run->program, said.text);
	if (code > run->code)
		run->code = code;
}

static void log_done(const struct admin_run *run, const struct hold_entry *he)
{
	const struct entry *e = &he->entry;
	char by[24];
	snprintf(by, sizeof(by), "%llu", (unsigned long long)run->hold->user);
	char uid[24];
	snprintf(uid, sizeof(uid), "%llu", (unsigned long long)hold_uid(he));
	const struct log_pair pairs[] = {
	    {"id", str_of(e->id)},
	    {"uid", str_of(uid)},
	    {"from", str_of(e->envelope.sender)},
	    {"status", str_of(run->way->done)},
	    {"by", str_of(by)},
	    {NULL, {NULL, 0}},
	};
	log_event(LOG_INFO, pairs);
}

/* False: there is no such entry in the room. */
static bool work_on(struct admin_run *run, enum hold_room room, const char *id)
{
	struct hold_entry he;
	struct fault f = FAULT_INIT;
	switch (hold_claim_soon(run->hold, room, id, &he, &f)) {
	case CLAIM_GONE:
		return false;
	case CLAIM_BUSY:
		complain(run, id, FAULT_TEMP, "is being sent");
		return true;
	case CLAIM_DAMAGED:
	case CLAIM_ERROR:
		complain(run, id, f.kind, f.text);
		return true;
	case CLAIM_FOREIGN:
		/* "all" is all that the caller has; of the rest not even a word. */
		if (!run->all)
			complain(run, id, FAULT_NOPERM, foreign);
		return true;
	case CLAIM_OK:
		break;
	}
	if (run->way->action(&he, &f)) {
		log_done(run, &he);
		run->done++;
		if (run->tell && !run->all)
			fprintf(stderr, "%s: %s\n", id, run->way->done);
	} else
		complain(run, id, f.kind, f.text);
	hold_release(&he);
	return true;
}

/* There is no such entry in the rooms where the verb looks. */
static void complain_of_room(struct admin_run *run, const char *id)
{
	const struct way *way = run->way;
	struct hold_entry he;
	struct fault f = FAULT_INIT;
	enum hold_claim found =
	    hold_look(run->hold, way->held ? HOLD_FAILED : HOLD_QUEUE, id, &he, &f);
	if (found == CLAIM_OK)
		hold_release(&he);
	if (found == CLAIM_FOREIGN)
		complain(run, id, FAULT_NOPERM, foreign);
	else if (found == CLAIM_GONE || !way->wrong[0])
		complain(run, id, FAULT_DATA, "no such message");
	else
		complain(run, id, FAULT_DATA, way->wrong);
}

static void work_on_id(struct admin_run *run, const char *id)
{
	const struct way *way = run->way;
	if (!(way->held && work_on(run, HOLD_QUEUE, id)) &&
	    !(way->failed && work_on(run, HOLD_FAILED, id)))
		complain_of_room(run, id);
}

static void work_on_room(struct admin_run *run, enum hold_room room)
{
	hold_id *ids;
	size_t count;
	struct fault f = FAULT_INIT;
	if (!hold_list(run->hold, room, &ids, &count, &f)) {
		complain(run, "cannot list", f.kind, f.text);
		count = 0;
	}
	for (size_t i = 0; i < count; i++)
		work_on(run, room, ids[i]);
	free(ids);
}

/* A removed entry must not be back after a crash. */
static void sync_rooms(struct admin_run *run)
{
	struct fault f = FAULT_INIT;
	if (!file_sync(run->hold->rooms[HOLD_QUEUE], "hold", &f) ||
	    !file_sync(run->hold->rooms[HOLD_FAILED], "failed", &f))
		complain(run, run->hold->path, f.kind, f.text);
}

int admin(struct hold *h, const char *program, const struct mailq_call *call)
{
	struct admin_run run = {.hold = h,
	                        .program = program,
	                        .way = way_of(call->verb),
	                        .all = call->all,
	                        .tell = call->tell};
	if (call->all && run.way->held)
		work_on_room(&run, HOLD_QUEUE);
	if (call->all && run.way->failed)
		work_on_room(&run, HOLD_FAILED);
	for (size_t i = 0; !call->all && i < call->id_count; i++)
		work_on_id(&run, call->ids[i]);
	if (run.way->sync)
		sync_rooms(&run);
	if (run.tell)
		fprintf(stderr, "%s: %zu message%s %s\n", program, run.done,
		        format_plural(run.done), run.way->done);
	return run.code;
}
