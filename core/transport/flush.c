/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "transport/flush.h"

#include <errno.h>
#include <signal.h>
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

#define CLAIM_TRIES    40 /* for an entry asked for by id that somebody works on just now */
#define CLAIM_PAUSE_MS 5
#define WAIT_PAUSE_MS  20
#define ONLINE_WAIT_MS 10000

/* Shared by the workers of a run. */
struct shared {
	atomic_size_t next; /* place in the list */
	atomic_size_t sent, held, failed;
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
		if (due && ok) {
			count(run, &result);
			if (fl->tried)
				fl->tried(fl->context, id, &result, NULL);
		}
		hold_release(&he);
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

static bool take(struct run *run, size_t *at)
{
	*at = atomic_fetch_add(&run->shared->next, 1);
	return *at < run->count && !(run->flush->stop && *run->flush->stop);
}

static void work(struct run *run)
{
	size_t at;
	while (take(run, &at))
		work_on(run, run->ids[at]);
}

/* So many that all may use the same relay, whichever it is, and no more than
 * there are entries left. */
static size_t workers_wanted(const struct run *run)
{
	const struct config *c = run->flush->env.config;
	size_t next = atomic_load(&run->shared->next);
	size_t left = next < run->count ? run->count - next : 0, most = SIZE_MAX;
	for (size_t i = 0; i < c->relay_count; i++)
		if ((size_t)c->relays[i].connections < most)
			most = (size_t)c->relays[i].connections;
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
		run->flush->tried = NULL;
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

/* A worker ends by itself when the list is done; asked to stop, it finishes
 * the entry in hand. */
static void wait_for(struct run *run, pid_t pid)
{
	bool told = false;
	pid_t ended;
	while ((ended = waitpid(pid, NULL, WNOHANG)) == 0 || (ended < 0 && errno == EINTR)) {
		if (!told && run->flush->stop && *run->flush->stop)
			told = kill(pid, SIGTERM) == 0;
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
	deliver_release(&run->deliver);
	for (size_t i = 0; i < run->worker_count; i++)
		wait_for(run, run->workers[i]);
	tell_progress(run);
	free(run->workers);
}

static struct shared *map_shared(struct fault *f)
{
	struct shared *s =
	    mmap(NULL, sizeof(*s), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
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
	if (!fl->ids) {
		if (!hold_list(fl->hold, HOLD_HOLD, &listed, &run.count, f))
			return false;
		run.ids = (const hold_id *)listed;
	}
	run.shared = map_shared(f);
	if (!run.shared) {
		free(listed);
		return false;
	}
	deliver_init(&run.deliver, &fl->env, fl->hold);
	run.deliver.ask_dead = (fl->all || fl->ids) && !fl->first_try;
	run.deliver.tell = fl->tell;
	run.deliver.tell_context = fl->context;
	lead(&run);
	*counts = (struct flush_counts){run.count, run.shared->sent, run.shared->held,
	                                run.shared->failed};
	munmap(run.shared, sizeof(*run.shared));
	free(listed);
	return true;
}
