/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cmd/queue/flushq.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sysexits.h>

#include "os/child.h"
#include "os/clock.h"
#include "cmd/queue/door.h"
#include "cmd/send/progress.h"
#include "cmd/spawn.h"
#include "cmd/with_tls.h"
#include "transport/flush.h"

#define HEARD_MS 5000 /* the longest that a terminal is waited for, once */

struct flushing {
	struct place *place;
	const struct flushq_call *call;
	bool terminal;
	bool deaf;            /* nobody takes what we say */
	struct child carrier; /* takes it to the client of a door */
	int64_t begun;        /* monotonic ms */
	int64_t shown;
};

/* Where a run can have workers, in memory that they share: all of them begin nothing more
 * from the moment of the signal. */
static volatile sig_atomic_t alone, *stop = &alone;

static void note_signal(int number)
{
	(void)number;
	*stop = 1;
}

static bool share_stop(struct fault *f)
{
	void *page = mmap(NULL, sizeof(*stop), PROT_READ | PROT_WRITE,
	                  MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (page == MAP_FAILED)
		return fault_sys(f, FAULT_TEMP, errno, "shared memory");
	stop = page;
	return true;
}

static void set_signals(void)
{
	struct sigaction note = {.sa_handler = note_signal}, ignore = {.sa_handler = SIG_IGN};
	struct sigaction usual = {.sa_handler = SIG_DFL};
	sigaction(SIGTERM, &note, NULL);
	sigaction(SIGINT, &note, NULL);
	sigaction(SIGHUP, &note, NULL);
	sigaction(SIGIO, &note, NULL); /* cmd/queue/door: who waited has gone */
	sigaction(SIGPIPE, &ignore, NULL);
	sigaction(SIGXFSZ, &ignore, NULL);
	sigaction(SIGCHLD, &usual, NULL);
}

/* May something be said? A user who reads nothing must not stop us where we hold what others wait
 * for: a connection, or the mark of a server. */
static bool is_heard(struct flushing *fl)
{
	struct pollfd err = {.fd = STDERR_FILENO, .events = POLLOUT};
	if (!fl->call->door)
		return true;
	if (*stop || (!fl->deaf && poll(&err, 1, HEARD_MS) <= 0))
		fl->deaf = true;
	return !fl->deaf;
}

static void trace(void *context, bool sent, struct str line)
{
	struct flushing *fl = context;
	if (fl->call->caller >= 0)
		progress_trace(fl->call->caller, sent, line);
	else if (is_heard(fl))
		fprintf(stderr, "%s %.*s\n", sent ? ">>>" : "<<<", STR_FMT(line));
}

static bool tell(void *context, const struct hold_entry *he)
{
	const struct flushing *fl = context;
	return progress_refused(fl->call->caller, he);
}

static void tried(void *context, const char *id, const struct deliver_result *result,
                  const struct fault *f)
{
	struct flushing *fl = context;
	if (f && is_heard(fl))
		fprintf(stderr, "flushq: %s: %s\n", id, f->text);
	if (fl->call->caller >= 0 && (f || result->waiting > 0))
		progress_held(fl->call->caller, f ? f->text : result->reason);
	else
		progress_done(fl->call->caller);
	if (!fl->call->verbose || fl->call->caller >= 0 || f || !is_heard(fl))
		return;
	if (result->waiting > 0)
		fprintf(stderr, "%s: held: %s\n", id, result->reason);
	else
		fprintf(stderr, "%s: %s\n", id, result->failed ? "failed" : "sent");
}

/* The last word; where the line of the progress stands, that is it. */
static void tell_counts(struct flushing *fl, const struct flush_counts *counts)
{
	const struct flushq_call *call = fl->call;
	if (!call->tell || call->caller >= 0 || call->first_try || fl->shown || !is_heard(fl))
		return;
	if (counts->off_line)
		fprintf(stderr, "flushq: off line, nothing was tried; the log says why\n");
	else if (counts->sent + counts->held + counts->failed == 0)
		fprintf(stderr, "flushq: nothing %s\n",
		        call->all || call->id_count > 0 ? "was tried" : "is due");
	else
		fprintf(stderr, "flushq: %zu sent, %zu held, %zu failed\n", counts->sent,
		        counts->held, counts->failed);
}

static bool become(void *context, struct fault *f)
{
	const struct flushing *fl = context;
	/* Who waits there waits for it, too. */
	if (fl->call->caller >= 0 || fl->call->door)
		fcntl(CHILD_FD, F_SETFD, 0);
	return spawn_exec(true, fl->call->argv, f);
}

static void begin(void *context)
{
	struct flushing *fl = context;
	if (fl->call->door)
		door_errors_begin(&fl->carrier);
	fl->call->begin(fl->call->context);
}

/* It may take a look-up. */
static void ready(void *context, struct session_env *env)
{
	const struct flushing *fl = context;
	place_names(fl->place);
	env->hostname = fl->place->hostname;
}

/* "12 sent, 3 held, 0 failed of 40, 6/s, 4 s left" on one line that is written over. */
static void progress(void *context, const struct flush_counts *counts)
{
	struct flushing *fl = context;
	int64_t now = clock_mono_ms(), spent = now - fl->begun;
	size_t done = counts->sent + counts->held + counts->failed;
	if (!fl->terminal || counts->entries < 2 ||
	    (now - fl->shown < 200 && done < counts->entries) || !is_heard(fl))
		return;
	fl->shown = now;
	fprintf(stderr, "\r%zu sent, %zu held, %zu failed of %zu", counts->sent, counts->held,
	        counts->failed, counts->entries);
	if (done > 0 && spent > 0)
		fprintf(stderr, ", %.1f/s, %lld s left ", (double)done * 1000 / (double)spent,
		        (long long)((int64_t)(counts->entries - done) * spent / (int64_t)done /
		                    1000));
}

int flushq_try(struct place *p, struct hold *h, const struct flushq_call *call)
{
	struct flushing flushing = {.place = p, .call = call, .begun = clock_mono_ms()};
	struct fault f = FAULT_INIT;
	hold_id *ids = NULL;
	flushing.terminal = call->tell && !call->verbose && call->caller < 0;
	if (call->id_count != 1 && !share_stop(&f)) {
		fprintf(stderr, "flushq: %s\n", f.text);
		return fault_exit(f.kind);
	}
	set_signals();
	/* A program that the configuration names may leave others behind it. */
	if (call->caller >= 0)
		fcntl(call->caller, F_SETFD, FD_CLOEXEC);
	if (call->id_count) {
		ids = mem_alloc(call->id_count * sizeof(*ids));
		for (size_t i = 0; i < call->id_count; i++)
			snprintf(ids[i], sizeof(ids[i]), "%s", call->ids[i]);
	}
	struct flush flush = {
	    .env = {.config = &p->config,
	            .hold = h,
	            .trace = call->verbose ? trace : NULL,
	            .trace_context = &flushing},
	    .hold = h,
	    .all = call->all,
	    .ids = (const hold_id *)ids,
	    .id_count = call->id_count,
	    .first_try = call->first_try || call->caller >= 0,
	    .tell = tell,
	    .tried = tried,
	    .progress = progress,
	    .become = call->argv ? become : NULL,
	    .begin = begin,
	    .token = with_tls_token,
	    .ready = ready,
	    .context = &flushing,
	    .stop = stop,
	};
	struct flush_counts counts;
	bool ok = flush_run(&flush, &counts, &f);
	if (flushing.shown)
		fprintf(stderr, "\n");
	if (ok)
		tell_counts(&flushing, &counts);
	else
		fprintf(stderr, "flushq: %s\n", f.text);
	door_errors_end(&flushing.carrier);
	free(ids);
	return ok ? EX_OK : fault_exit(f.kind);
}
