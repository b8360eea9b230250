/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "transport/flush.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <syslog.h>
#include <unistd.h>

#include "os/clock.h"
#include "os/command.h"
#include "os/log.h"
#include "hold/counters.h"
#include "hold/sweep.h"
#include "transport/choice.h"
#include "transport/outlook.h"
#include "transport/sandbox_policy.h"
#include "transport/tokens.h"

#define WAIT_PAUSE_MS  20
#define ONLINE_WAIT_MS 10000
#define WORKERS_MAX    256
#define COUNT_EVERY_MS 1000
#define NOT_LISTED     ((size_t)-1)

/* Shared by the workers of a run. */
struct shared {
	atomic_size_t next; /* place in the list */
	atomic_size_t sent, held, failed;
	/* Entries that workers could not get a connection for: the leader's again. */
	atomic_size_t returned;
	size_t returns[]; /* room for all of the list */
};

/* An entry that this process has claimed. */
struct flush_job {
	struct hold_entry he;
	hold_id id;
	size_t at;                    /* its place in the list, or NOT_LISTED */
	bool tries;                   /* else it is only looked at */
	struct deliver_result before; /* how it was */
	struct flush_job *next;
};

struct run {
	struct flush *flush;
	const hold_id *ids;
	size_t count;
	struct shared *shared;
	struct choice choice; /* of all of the hold */
	struct deliver *deliver;
	pid_t *workers;
	size_t worker_count;
	struct flush_job *first, *last; /* claimed, and perhaps begun, before their turns */
	bool ends;                      /* nothing more is taken */
	bool leads;                     /* this process is not one of the workers */
	struct counters counters;       /* of this process, not yet added to the hold's */
	struct tokens *tokens;          /* or NULL */
	int64_t counted;                /* monotonic ms: when they were */
};

/* One asked for by name is worth some patience. */
static enum hold_claim claim(const struct run *run, const char *id, struct hold_entry *he,
                             struct fault *f)
{
	struct hold *hold = run->flush->hold;
	return run->flush->ids ? hold_claim_soon(hold, HOLD_QUEUE, id, he, f)
	                       : hold_claim(hold, HOLD_QUEUE, id, he, f);
}

/* Servers that are left alone, too? */
static bool asks_dead(const struct flush *fl)
{
	return (fl->all || fl->ids) && !fl->first_try;
}

static struct choice_setup choice_setup(const struct flush *fl)
{
	return (struct choice_setup){.config = fl->env.config,
	                             .hold = fl->hold,
	                             .all = fl->all,
	                             .ask_dead = asks_dead(fl),
	                             .whether = fl->become != NULL};
}

static bool wanted(const struct run *run, const struct entry *e)
{
	const struct choice_setup setup = choice_setup(run->flush);
	if (run->flush->ids)
		return !run->flush->first_try || !e->frozen;
	/* Nobody waits: a run was cut short when it was about to put it away. */
	return (!e->frozen && envelope_count(&e->envelope, RCPT_WAITING) == 0) ||
	       choice_due(&setup, e);
}

static void put_counters(struct run *run)
{
	counters_add(run->flush->hold, &run->counters);
	run->counters = (struct counters){0};
	run->counted = clock_mono_ms();
}

/* before: the numbers of those delivered and failed when the try began. */
static void add_counters(struct run *run, const struct entry *e,
                         const struct deliver_result *before,
                         const struct deliver_result *result)
{
	struct counters *c = &run->counters;
	c->rcpts_delivered += result->delivered - before->delivered;
	c->rcpts_failed += result->failed - before->failed;
	c->delivered += result->waiting == 0 && result->failed == 0;
	c->failed += result->waiting == 0 && result->failed > 0;
	if (result->delivered > before->delivered) {
		c->last_success = clock_wall();
		c->bytes += before->delivered == 0 ? e->facts.size : 0;
	}
	if (clock_mono_ms() - run->counted >= COUNT_EVERY_MS)
		put_counters(run);
}

static void count(struct run *run, const struct deliver_result *result)
{
	if (result->waiting > 0)
		run->shared->held++;
	else if (result->failed > 0)
		run->shared->failed++;
	else
		run->shared->sent++;
}

/* Of what all have done. */
static struct flush_counts counted(const struct run *run)
{
	return (struct flush_counts){.entries = run->count,
	                             .sent = run->shared->sent,
	                             .held = run->shared->held,
	                             .failed = run->shared->failed};
}

/* By the leader. */
static void tell_progress(struct run *run)
{
	const struct flush_counts counts = counted(run);
	if (run->leads && run->flush->progress)
		run->flush->progress(run->flush->context, &counts);
}

static void tell_error(const struct run *run, const char *id, const struct fault *f)
{
	const struct flush *fl = run->flush;
	log_text(LOG_ERR, "%s: %s", id, f->text);
	if (fl->tried)
		fl->tried(fl->context, id, NULL, f);
}

static void tell_result(struct run *run, const char *id, const struct deliver_result *result)
{
	const struct flush *fl = run->flush;
	count(run, result);
	if (fl->tried)
		fl->tried(fl->context, id, result, NULL);
}

/* How it went with one entry. */
enum worked { WORKED_ON, WORKED_STRAINED, TURNED_AWAY };

/* Claims an entry; NULL: it is not ours to work on. */
static struct flush_job *open_job(struct run *run, const char *id, size_t at)
{
	struct flush_job *j = mem_alloc(sizeof(*j));
	struct fault f = FAULT_INIT;
	enum hold_claim claimed = claim(run, id, &j->he, &f);
	if (claimed == CLAIM_DAMAGED || claimed == CLAIM_ERROR)
		tell_error(run, id, &f);
	if (claimed != CLAIM_OK) {
		free(j);
		return NULL;
	}
	const struct envelope *e = &j->he.entry.envelope;
	memcpy(j->id, id, sizeof(j->id));
	j->at = at;
	j->before.delivered = envelope_count(e, RCPT_DELIVERED);
	j->before.failed = envelope_count(e, RCPT_FAILED);
	j->tries = wanted(run, &j->he.entry);
	if (j->tries && j->he.linked)
		log_text(
		    LOG_WARNING,
		    "%s: its file has a second name (a hard link); it is sent all the same",
		    id);
	return j;
}

static void close_job(struct flush_job *j)
{
	hold_release(&j->he);
	free(j);
}

/* Tries it, and closes it. */
static enum worked work_on(struct run *run, struct flush_job *j)
{
	struct deliver_result result = {0};
	struct fault f = FAULT_INIT;
	enum deliver_end end = deliver_entry(run->deliver, &j->he, &result, &f);
	if (end == DELIVER_DONE)
		add_counters(run, &j->he.entry, &j->before, &result);
	/* Its name is gone. Its bytes go when it is closed, which for many takes a while. */
	bool gone = end == DELIVER_DONE && result.waiting + result.failed == 0;
	if (gone)
		tell_result(run, j->id, &result);
	/* Whoever is told of one that is there may look, and must not see it in hand. */
	hold_id id;
	memcpy(id, j->id, sizeof(id));
	close_job(j);
	if (end == DELIVER_TURNED_AWAY)
		return TURNED_AWAY;
	if (end == DELIVER_ERROR)
		tell_error(run, id, &f);
	else if (!gone)
		tell_result(run, id, &result);
	return result.strained ? WORKED_STRAINED : WORKED_ON;
}

/* Of the entry in that place of the list, if all who could take it are left alone; or NULL. */
static const struct choice_kind *kind_alone(struct run *run, size_t at)
{
	size_t kind = run->choice.kinds ? run->choice.kinds[at] : 0;
	return kind > 0 && deliver_alone(run->deliver, &run->choice.kind[kind - 1])
	           ? &run->choice.kind[kind - 1]
	           : NULL;
}

static void tell_held(struct run *run, const char *id, const struct choice_kind *kind)
{
	struct deliver_result result = {.waiting = 1};
	memcpy(result.reason, kind->reason, sizeof(result.reason));
	tell_result(run, id, &result);
	tell_progress(run);
}

/* Does it stay as it is? It is told of then. */
static bool rests(struct run *run, size_t at, const struct choice_kind *alone)
{
	if (!alone || !verdict_same(&alone->why, &alone->verdict))
		return false;
	tell_held(run, run->ids[at], alone);
	return true;
}

/* Does its try come to no more than why it waits? It is written down, told of and closed then. */
static bool put_off(struct run *run, struct flush_job *j, const struct choice_kind *alone)
{
	struct fault f = FAULT_INIT;
	if (!alone || !choice_still(run->flush->env.config, alone, &j->he))
		return false;
	bool ok = outlook_mark_all(&j->he, &alone->why, &f);
	hold_id id;
	memcpy(id, j->id, sizeof(id));
	close_job(j);
	if (ok)
		tell_held(run, id, alone);
	else
		tell_error(run, id, &f);
	return true;
}

static bool stopped(const struct run *run)
{
	return run->flush->stop && *run->flush->stop;
}

/* The next of the list that is to be tried; NULL: none is left. */
static struct flush_job *claim_next(struct run *run)
{
	size_t at;
	while (!run->ends && !stopped(run) &&
	       (at = atomic_fetch_add(&run->shared->next, 1)) < run->count) {
		const struct choice_kind *alone = kind_alone(run, at);
		if (rests(run, at, alone))
			continue;
		struct flush_job *j = open_job(run, run->ids[at], at);
		if (j && !j->tries)
			close_job(j);
		else if (j && !put_off(run, j, alone))
			return j;
	}
	return NULL;
}

/* One before its turn. */
static struct hold_entry *claim_ahead(void *context)
{
	struct run *run = context;
	struct flush_job *j = claim_next(run);
	if (!j)
		return NULL;
	if (run->last)
		run->last->next = j;
	else
		run->first = j;
	run->last = j;
	return &j->he;
}

static struct flush_job *cut_first(struct run *run)
{
	struct flush_job *j = run->first;
	run->first = j->next;
	if (!run->first)
		run->last = NULL;
	return j;
}

static struct flush_job *take(struct run *run)
{
	return run->first && !stopped(run) ? cut_first(run)
	       : run->first                ? NULL
	                                   : claim_next(run);
}

static void give_back(struct run *run, size_t at)
{
	if (at != NOT_LISTED)
		run->shared->returns[atomic_fetch_add(&run->shared->returned, 1)] = at;
}

/* This process takes no more: what it has begun before its turn is brought to its end, and
 * what not is for another. */
static void end_jobs(struct run *run)
{
	run->ends = true;
	while (run->first) {
		struct flush_job *j = cut_first(run);
		size_t at = j->at;
		if (!deliver_begun(run->deliver, &j->he))
			close_job(j);
		else if (work_on(run, j) != TURNED_AWAY)
			continue;
		give_back(run, at);
	}
}

/* The entry with that id, or of that place in the list. */
static enum worked work_alone(struct run *run, const char *id)
{
	struct flush_job *j = open_job(run, id, NOT_LISTED);
	if (j && j->tries)
		return work_on(run, j);
	if (j)
		close_job(j);
	return WORKED_ON;
}

/* The reports that were made in this process are sent like any mail. */
static void send_reports(struct run *run)
{
	hold_id id;
	while (!stopped(run) && deliver_report(run->deliver, id))
		if (work_alone(run, id) == TURNED_AWAY)
			return;
}

/* Entries off the list, as long as the servers want more. */
static void work_off(struct run *run)
{
	enum worked how = WORKED_ON;
	struct flush_job *j;
	while (how == WORKED_ON && (j = take(run))) {
		size_t at = j->at;
		how = work_on(run, j);
		if (how == TURNED_AWAY)
			give_back(run, at);
		if (how == WORKED_ON)
			tell_progress(run);
	}
	end_jobs(run);
}

/* As many as the relay that has just answered allows, and no more than there
 * are entries left. What another relay allows is seen to when it is used. */
static size_t workers_wanted(const struct run *run)
{
	size_t most = deliver_connections(run->deliver);
	size_t next = atomic_load(&run->shared->next);
	size_t left = next < run->count ? run->count - next : 0;
	if (most == 0)
		return 0;
	if (most > WORKERS_MAX)
		most = WORKERS_MAX;
	return most - 1 < left ? most - 1 : left;
}

static bool may_have_workers(const struct run *run)
{
	return run->count > 1;
}

static void start_workers(struct run *run)
{
	size_t n = workers_wanted(run);
	run->workers = mem_alloc((n + 1) * sizeof(pid_t));
	for (size_t i = 0; i < n; i++) {
		pid_t pid = fork();
		if (pid < 0)
			return;
		if (pid > 0) {
			run->workers[run->worker_count++] = pid;
			continue;
		}
		/* The connection is the first worker's: not a byte of ours may go over it. */
		deliver_drop(run->deliver);
		deliver_help(run->deliver, true);
		run->counters = (struct counters){0};
		run->leads = false;
		work_off(run);
		send_reports(run);
		deliver_free(run->deliver);
		put_counters(run);
		_exit(0);
	}
}

/* A worker ends by itself when the list is done, or when the entry in hand is
 * and the run is to stop. */
static void wait_for(struct run *run, pid_t pid)
{
	int status = 0;
	pid_t ended;
	while ((ended = waitpid(pid, &status, WNOHANG)) == 0 || (ended < 0 && errno == EINTR)) {
		clock_pause_ms(WAIT_PAUSE_MS);
		tell_progress(run);
	}
	/* What it had in hand is held, and is for the next run. */
	if (ended == pid && WIFSIGNALED(status))
		log_text(LOG_ERR, "a process of this run was ended by signal %d",
		         WTERMSIG(status));
	else if (ended == pid && WEXITSTATUS(status) != 0)
		log_text(LOG_ERR, "a process of this run has failed with exit status %d",
		         WEXITSTATUS(status));
}

static void lead(struct run *run)
{
	struct flush_job *j;
	while (!run->worker_count && (j = take(run))) {
		work_on(run, j);
		/* Not while entries are claimed ahead: after fork() two processes would have
		 * them. */
		if (!run->workers && may_have_workers(run) && !run->first &&
		    workers_wanted(run) > 0)
			start_workers(run);
		tell_progress(run);
	}
	/* Beside workers the leader is a helper too: an entry for which it finds no connection
	 * is tried again when they have ended. */
	deliver_help(run->deliver, run->worker_count > 0);
	if (run->worker_count)
		work_off(run);
	for (size_t i = 0; i < run->worker_count; i++)
		wait_for(run, run->workers[i]);
	deliver_help(run->deliver, false);
	for (size_t i = 0; i < run->shared->returned && !stopped(run); i++)
		work_alone(run, run->ids[run->shared->returns[i]]);
	run->ends = false;
	while ((j = take(run))) {
		work_on(run, j);
		tell_progress(run);
	}
	end_jobs(run);
	send_reports(run);
	deliver_free(run->deliver);
	tell_progress(run);
	/* A user's run over their own mail says nothing of all the others' mail. */
	if (!run->flush->ids && run->flush->hold->view == HOLD_ALL && !stopped(run))
		run->counters.last_flush = clock_wall();
	put_counters(run);
	free(run->workers);
}

static size_t shared_size(const struct run *run)
{
	return sizeof(*run->shared) + run->count * sizeof(run->shared->returns[0]);
}

/* For one entry a mapping would be the dearest part of all that is only ours. */
static bool make_shared(struct run *run, struct fault *f)
{
	void *room = may_have_workers(run)
	                 ? mmap(NULL, shared_size(run), PROT_READ | PROT_WRITE,
	                        MAP_SHARED | MAP_ANONYMOUS, -1, 0)
	                 : mem_alloc(shared_size(run));
	if (room == MAP_FAILED)
		return fault_sys(f, FAULT_TEMP, errno, "shared memory");
	run->shared = room;
	return true;
}

static void drop_shared(struct run *run)
{
	if (may_have_workers(run))
		munmap(run->shared, shared_size(run));
	else
		free(run->shared);
}

/* "online": a machine that is off line would only count failures. */
static bool on_line(const struct flush *fl)
{
	const struct settings *c = fl->env.config;
	char line[256];
	size_t len;
	struct fault f = FAULT_INIT;
	if (c->online.count == 0 ||
	    command_run("online", c->online.words, clock_deadline(ONLINE_WAIT_MS), line,
	                sizeof(line), &len, &f))
		return true;
	fault_prefix(&f, "off line, nothing is tried");
	log_text(LOG_INFO, "%s", f.text);
	/* Whoever handed the entry in may be waiting to hear of it. */
	for (size_t i = 0; fl->first_try && fl->tried && i < fl->id_count; i++)
		fl->tried(fl->context, fl->ids[i], NULL, &f);
	return false;
}

/* The caller of sendmail, who is to hear of it in time. */
static int64_t caller_waits(const struct settings *c)
{
	return c->wait_ms - c->wait_ms / 10;
}

static void start(struct run *run)
{
	const struct flush *fl = run->flush;
	const struct deliver_setup setup = {
	    .env = fl->env,
	    .hold = fl->hold,
	    .ask_dead = asks_dead(fl),
	    .asks_nobody = fl->become != NULL,
	    .tell = fl->tell,
	    .tell_context = fl->context,
	    .until = fl->first_try ? clock_deadline(caller_waits(fl->env.config)) : 0,
	    .stop = fl->stop,
	    .next = claim_ahead,
	    .next_context = run,
	};
	run->deliver = deliver_new(&setup);
}

/* Of the program without TLS: is the one with it needed, for a server is to be asked? False:
 * the hold cannot be listed. */
static bool find_asks(struct run *run, bool *asks, struct fault *f)
{
	const struct flush *fl = run->flush;
	const struct choice_setup setup = choice_setup(fl);
	*asks = false;
	if (!fl->ids && !choice_make(&setup, &run->choice, f))
		return false;
	*asks = run->choice.asks;
	for (size_t i = 0; fl->ids && !*asks && i < fl->id_count; i++) {
		struct hold_entry he;
		struct entry_start start;
		if (!hold_peek(fl->hold, HOLD_QUEUE, fl->ids[i], &he, &start))
			continue;
		*asks = !hold_peek_rest(&he, &start) || !fl->first_try ||
		        outlook_asks(fl->env.config, fl->hold, &he.entry.envelope);
		hold_release(&he);
	}
	return true;
}

/* The list. It may have been made before the process was narrowed. */
static bool choose(struct run *run, struct fault *f)
{
	const struct choice_setup setup = choice_setup(run->flush);
	if (run->flush->ids)
		return true;
	if (!run->choice.kinds && !choice_make(&setup, &run->choice, f))
		return false;
	run->ids = (const hold_id *)run->choice.ids;
	run->count = run->choice.count;
	return true;
}

static bool run_over(struct run *run, struct flush_counts *counts, struct fault *f)
{
	struct flush *fl = run->flush;
	bool asks = false;
	if (fl->become && !find_asks(run, &asks, f))
		return false;
	if (asks)
		return fl->become(fl->context, f);
	if (fl->begin)
		fl->begin(fl->context);
	/* Not for every message that is handed in. */
	if (!fl->first_try)
		sweep_run(fl->hold, clock_wall(), clock_uptime(), fl->env.config->keep_failed);
	if (!on_line(fl)) {
		counts->off_line = true;
		return true;
	}
	if (fl->ready && (!run->choice.kinds || run->choice.count > 0))
		fl->ready(fl->context, &fl->env);
	if (!run->choice.kinds || run->choice.count > 0)
		fl->env.tokens = run->tokens = tokens_new(fl->env.config, fl->hold, fl->token);
	/* The last program but a password's has been run, and no server was asked. */
	sandbox_policy(fl->env.config, fl->hold);
	if (!choose(run, f))
		return false;
	if (!make_shared(run, f))
		return false;
	start(run);
	lead(run);
	*counts = counted(run);
	drop_shared(run);
	return true;
}

bool flush_run(struct flush *fl, struct flush_counts *counts, struct fault *f)
{
	struct run run = {.flush = fl, .ids = fl->ids, .count = fl->id_count, .leads = true};
	memset(counts, 0, sizeof(*counts));
	bool ok = run_over(&run, counts, f);
	tokens_free(run.tokens);
	choice_release(&run.choice);
	return ok;
}
