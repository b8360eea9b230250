/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "transport/flush.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/command.h"
#include "base/log.h"
#include "hold/retry.h"
#include "transport/narrowing.h"

#define CLAIM_TRIES    40 /* for an entry asked for by id that somebody works on just now */
#define CLAIM_PAUSE_MS 5
#define WAIT_PAUSE_MS  20
#define ONLINE_WAIT_MS 10000
#define WORKERS_MAX    256

/* Shared by the workers of a run. */
struct shared {
	atomic_size_t next; /* place in the list */
	atomic_size_t sent, held, failed;
	/* Entries that workers could not get a connection for: the leader's again. */
	atomic_size_t returned;
	size_t returns[WORKERS_MAX];
	atomic_int open[]; /* connections, one a relay */
};

struct run {
	struct flush *flush;
	const hold_id *ids;
	size_t count;
	struct shared *shared;
	struct deliver deliver;
	pid_t *workers;
	size_t worker_count;
};

static void pause_ms(long ms)
{
	struct timespec t = {.tv_nsec = ms * 1000000};
	nanosleep(&t, NULL);
}

/* Somebody may only be looking, which takes less than a pause; asked for by
 * name it is worth a longer one. */
static bool claim(struct run *run, const char *id, struct hold_entry *he,
                  enum hold_claim *result, struct fault *f)
{
	int most = run->flush->ids ? CLAIM_TRIES : 1;
	for (int tries = 0;; tries++) {
		if (!hold_claim(run->flush->hold, HOLD_HOLD, id, he, result, f))
			return false;
		if (*result != CLAIM_BUSY || tries == most)
			return true;
		pause_ms(CLAIM_PAUSE_MS);
	}
}

static bool wanted(const struct run *run, const struct entry *e)
{
	const struct config *c = run->flush->env.config;
	struct retry_rules rules = {c->retry, c->retry_max, c->expire};
	if (run->flush->ids)
		return !run->flush->first_try || !e->frozen;
	if (e->frozen)
		return false;
	/* Nobody waits: a run was cut short when it was about to put it away. */
	if (envelope_count(&e->envelope, RCPT_WAITING) == 0)
		return true;
	return run->flush->all || retry_due(&rules, e, clock_wall());
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

/* One entry. True if a server took part in it. */
static bool work_on(struct run *run, const char *id)
{
	struct flush *fl = run->flush;
	struct hold_entry he;
	enum hold_claim claimed;
	struct deliver_result result = {0};
	struct fault f = FAULT_INIT;
	bool ok = claim(run, id, &he, &claimed, &f);
	if (ok && claimed == CLAIM_OK) {
		bool due = wanted(run, &he.entry);
		if (due)
			ok = deliver_entry(&run->deliver, &he, &result, &f);
		/* Whoever is told may look, and must not see it in hand. */
		hold_release(&he);
		if (due && ok && !run->deliver.turned_away) {
			count(run, &result);
			if (fl->tried)
				fl->tried(fl->context, id, &result, NULL);
		}
	} else if (ok && claimed == CLAIM_DAMAGED) {
		ok = false;
	}
	if (!ok) {
		log_text(LOG_ERR, "%s: %s", id, f.text);
		if (fl->tried)
			fl->tried(fl->context, id, NULL, &f);
	}
	return ok && run->deliver.session != NULL;
}

static bool stopped(const struct run *run)
{
	return run->flush->stop && *run->flush->stop;
}

static bool take(struct run *run, size_t *at)
{
	*at = atomic_fetch_add(&run->shared->next, 1);
	return *at < run->count && !stopped(run);
}

/* The reports that were made in this process are sent like any mail. */
static void send_reports(struct run *run)
{
	struct deliver *d = &run->deliver;
	while (d->report_count > 0 && !d->turned_away && !stopped(run))
		work_on(run, d->reports[--d->report_count]);
}

static void work(struct run *run)
{
	size_t at;
	run->deliver.helper = true;
	while (take(run, &at)) {
		work_on(run, run->ids[at]);
		if (run->deliver.turned_away) {
			run->shared->returns[atomic_fetch_add(&run->shared->returned, 1)] = at;
			return;
		}
	}
	send_reports(run);
}

/* As many as the relay that has just answered allows, and no more than there
 * are entries left. What another relay allows is seen to when it is used. */
static size_t workers_wanted(const struct run *run)
{
	size_t most = (size_t)run->deliver.server.relay->connections;
	size_t next = atomic_load(&run->shared->next);
	size_t left = next < run->count ? run->count - next : 0;
	if (most > WORKERS_MAX)
		most = WORKERS_MAX;
	return most - 1 < left ? most - 1 : left;
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
		session_drop(run->deliver.session);
		run->deliver.session = NULL;
		work(run);
		deliver_release(&run->deliver);
		_exit(0);
	}
}

static void tell_progress(struct run *run)
{
	struct flush_counts counts = {run->count, run->shared->sent, run->shared->held,
	                              run->shared->failed};
	if (run->flush->progress)
		run->flush->progress(run->flush->context, &counts);
}

/* A worker ends by itself when the list is done, or when the entry in hand is
 * and the run is to stop. */
static void wait_for(struct run *run, pid_t pid)
{
	pid_t ended;
	while ((ended = waitpid(pid, NULL, WNOHANG)) == 0 || (ended < 0 && errno == EINTR)) {
		pause_ms(WAIT_PAUSE_MS);
		tell_progress(run);
	}
}

static void lead(struct run *run)
{
	size_t at;
	while (take(run, &at)) {
		if (work_on(run, run->ids[at]) && !run->workers && run->count > 1)
			start_workers(run);
		tell_progress(run);
	}
	send_reports(run);
	for (size_t i = 0; i < run->worker_count; i++)
		wait_for(run, run->workers[i]);
	for (size_t i = 0; i < run->shared->returned && !stopped(run); i++)
		work_on(run, run->ids[run->shared->returns[i]]);
	send_reports(run);
	deliver_release(&run->deliver);
	tell_progress(run);
	free(run->workers);
}

static size_t shared_size(const struct flush *fl)
{
	return sizeof(struct shared) + fl->env.config->relay_count * sizeof(atomic_int);
}

static struct shared *map_shared(const struct flush *fl, struct fault *f)
{
	struct shared *s = mmap(NULL, shared_size(fl), PROT_READ | PROT_WRITE,
	                        MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (s == MAP_FAILED) {
		fault_sys(f, FAULT_TEMP, errno, "shared memory");
		return NULL;
	}
	return s;
}

/* "online": a machine that is off line would only count failures. */
static bool on_line(const struct flush *fl)
{
	const struct config *c = fl->env.config;
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

bool flush_run(struct flush *fl, struct flush_counts *counts, struct fault *f)
{
	struct run run = {.flush = fl, .ids = fl->ids, .count = fl->id_count};
	hold_id *listed = NULL;
	memset(counts, 0, sizeof(*counts));
	/* Not for every message that is handed in. */
	if (!fl->first_try)
		hold_sweep(fl->hold, clock_wall(), fl->env.config->keep_failed);
	if (!on_line(fl))
		return true;
	/* The last program but a password's has been run, and no server was asked. */
	narrowing(fl->env.config, fl->hold);
	if (!fl->ids) {
		if (!hold_list(fl->hold, HOLD_HOLD, &listed, &run.count, f))
			return false;
		run.ids = (const hold_id *)listed;
	}
	run.shared = map_shared(fl, f);
	if (!run.shared) {
		free(listed);
		return false;
	}
	deliver_init(&run.deliver, &fl->env, fl->hold);
	run.deliver.ask_dead = (fl->all || fl->ids) && !fl->first_try;
	run.deliver.tell = fl->tell;
	run.deliver.tell_context = fl->context;
	run.deliver.open = run.shared->open;
	lead(&run);
	*counts = (struct flush_counts){run.count, run.shared->sent, run.shared->held,
	                                run.shared->failed};
	munmap(run.shared, shared_size(fl));
	free(listed);
	return true;
}
