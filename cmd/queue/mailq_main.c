/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cmd/queue/mailq_main.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "os/clock.h"
#include "os/file.h"
#include "os/log.h"
#include "os/sandbox.h"
#include "cmd/send/progress.h"
#include "cmd/queue/door.h"
#include "cmd/queue/flushq.h"
#include "cmd/output.h"
#include "cmd/spawn.h"
#include "cmd/queue/mailq_look.h"
#include "cmd/queue/mailq_options.h"
#include "cmd/place_access.h"
#include "cmd/rights.h"
#include "cmd/queue/admin.h"
#include "cmd/list/visit.h"
#include "cmd/with_tls.h"
#include "hold/retry.h"
#include "net/tls.h"
#include "submit/accepted.h"

/* A run of the program. */
struct mailq_run {
	const char *program;
	char *const *argv;
	const struct mailq_call *call;
	struct place place;
	bool lacks_tls; /* a relay needs what only the other program has */
	struct hold hold;
};

static struct visit visit_of(struct mailq_run *run, visit_entry *entry, void *context)
{
	return (struct visit){
	    .hold = &run->hold, .program = run->program, .entry = entry, .context = context};
}

/* The ids of entries to try. */
struct picked {
	const struct mailq_call *call;
	char **ids;
	size_t count, cap;
	bool in_failed; /* the last one visited */
};

static void choose(struct picked *c, const char *id)
{
	c->ids = mem_grow(c->ids, &c->cap, c->count + 1, sizeof(*c->ids));
	c->ids[c->count++] = mem_copy(str_of(id));
}

/* Case does not count, as in sendmail's -qI, -qR and -qS. */
static bool has_part(const char *text, const char *part)
{
	return strcasestr(text, part) != NULL; /* texts: an address, by the user's own filter */
}

/* A "!" in front of the part turns it round. */
static bool wanted(const char *text, const char *part)
{
	return *part == '!' ? !has_part(text, part + 1) : has_part(text, part);
}

/* What is to be tried is chosen by those who wait. */
static bool wanted_recipient(const struct envelope *e, const char *part, bool waiting)
{
	bool negated = *part == '!';
	for (size_t i = 0; i < e->rcpt_count; i++)
		if ((!waiting || e->rcpts[i].state == RCPT_WAITING) &&
		    has_part(e->rcpts[i].address, part + negated))
			return !negated;
	return negated;
}

static bool choose_matching(void *context, const struct hold_entry *he, bool busy)
{
	struct picked *c = context;
	const struct entry *e = &he->entry;
	bool tries = c->call->job == JOB_TRY;
	/* Only its ID, all of it, sends an entry sooner than its sender wants. */
	bool named = c->call->only_id && str_caseeq(str_of(e->id), str_of(c->call->only_id));
	bool waits = tries && !named && retry_delayed(e, clock_wall());
	if (!(tries && (busy || e->frozen)) && !waits &&
	    (!c->call->only_id || wanted(e->id, c->call->only_id)) &&
	    (!c->call->only_sender || wanted(e->envelope.sender, c->call->only_sender)) &&
	    (!c->call->only_rcpt || wanted_recipient(&e->envelope, c->call->only_rcpt, tries)))
		choose(c, e->id);
	return true;
}

static bool choose_visited(void *context, const struct hold_entry *he, bool busy)
{
	struct picked *c = context;
	(void)busy;
	c->in_failed = he->room == HOLD_FAILED;
	if (!c->in_failed)
		choose(c, he->entry.id);
	return true;
}

static int choose_ids(struct mailq_run *run, struct picked *c)
{
	const struct visit v = visit_of(run, choose_visited, c);
	bool started_by_sendmail = run->call->first || run->call->caller >= 0;
	int code = 0;
	for (size_t i = 0; i < run->call->id_count; i++) {
		struct fault f = FAULT_INIT;
		if (started_by_sendmail) {
			choose(c, run->call->ids[i]);
			continue;
		}
		c->in_failed = false;
		code = fault_worse(code, visit_id(&v, run->call->ids[i], false));
		if (!c->in_failed)
			continue;
		fault_set(&f, FAULT_DATA, "has failed; --retry puts it back");
		code = fault_worse(code, visit_complain(run->program, run->call->ids[i], &f));
	}
	return code;
}

static bool is_filtered(const struct mailq_call *call)
{
	return call->only_id || call->only_rcpt || call->only_sender;
}

static void forget_choice(struct picked *c)
{
	for (size_t i = 0; i < c->count; i++)
		free(c->ids[i]);
	free(c->ids);
}

static int steer_mail(struct mailq_run *run)
{
	struct mailq_call call = *run->call;
	struct picked c = {.call = run->call};
	int code = 0;
	if (is_filtered(&call)) {
		const struct visit v = visit_of(run, choose_matching, &c);
		if (admin_looks_into(call.verb, HOLD_QUEUE))
			code = visit_room(&v, HOLD_QUEUE);
		if (admin_looks_into(call.verb, HOLD_FAILED))
			code = fault_worse(code, visit_room(&v, HOLD_FAILED));
		call.all = false;
		call.ids = c.ids;
		call.id_count = c.count;
	}
	code = fault_worse(code, admin(&run->hold, run->program, &call));
	forget_choice(&c);
	return code;
}

static bool log_to_caller(void *context, struct str line)
{
	const struct mailq_run *run = context;
	return progress_log(run->call->caller, line);
}

/* For the user whose message it is; post knows that it was taken. */
static void log_accepted(struct mailq_run *run, const char *id)
{
	struct hold_entry he;
	struct fault f = FAULT_INIT;
	bool there = hold_look(&run->hold, HOLD_QUEUE, id, &he, &f) == CLAIM_OK;
	struct stat st;
	/* Kept because of the configuration: that is another thing than taken. */
	if (there || !file_stat_name(run->hold.rooms[HOLD_FAILED], id, &st, &f))
		accepted_note(&run->hold, id, run->call->user, there ? &he.entry : NULL);
	if (there)
		hold_release(&he);
}

static void begin(void *context)
{
	struct mailq_run *run = context;
	const struct mailq_call *call = run->call;
	if (call->for_user && (call->first || call->caller >= 0) && call->id_count == 1)
		log_accepted(run, call->ids[0]);
}

static int try_mail(struct mailq_run *run)
{
	const struct mailq_call *call = run->call;
	bool filtered = is_filtered(call);
	struct picked c = {.call = call};
	int code = 0;
	if (filtered) {
		const struct visit v = visit_of(run, choose_matching, &c);
		code = visit_room(&v, HOLD_QUEUE);
	} else if (!call->all) {
		code = choose_ids(run, &c);
	}
	if (c.count > 0 || call->all || (!filtered && call->id_count == 0)) {
		const struct flushq_call flushq = {.all = call->all && !filtered,
		                                   .tell = call->tell,
		                                   .verbose = call->verbose,
		                                   .first_try = call->first,
		                                   .caller = call->caller,
		                                   .door = call->door,
		                                   .begin = begin,
		                                   .context = run,
		                                   .argv = run->lacks_tls ? run->argv : NULL,
		                                   .ids = c.ids,
		                                   .id_count = c.count};
		code = fault_worse(code, flushq_try(&run->place, &run->hold, &flushq));
	} else if (call->tell && filtered) {
		fprintf(stderr, "%s: nothing matches\n", run->program);
	}
	forget_choice(&c);
	return code;
}

/* https://no-color.org: a NO_COLOR that is empty does not count. */
static bool wants_colour(const struct mailq_call *call)
{
	const char *no_color = getenv("NO_COLOR"), *term = getenv("TERM");
	return !call->plain && !(no_color && no_color[0]) &&
	       !(term && strcmp(term, "dumb") == 0);
}

static int look(struct mailq_run *run)
{
	const bool terminal = isatty(STDOUT_FILENO) == 1;
	const struct mailq_look l = {
	    .program = run->program,
	    .call = run->call,
	    .hold = &run->hold,
	    .config = run->place.config_good ? &run->place.config : NULL,
	    .now = clock_wall(),
	    .terminal = terminal,
	    .colour = terminal && wants_colour(run->call),
	};
	return mailq_look(&l);
}

static int do_job(struct mailq_run *run)
{
	switch (run->call->job) {
	case JOB_LIST:
	case JOB_JSON:
	case JOB_COUNT:
	case JOB_METRICS:
	case JOB_SUMMARY:
	case JOB_SHOW:
		return look(run);
	case JOB_ADMIN:
		place_open_log(&run->place, run->program);
		return steer_mail(run);
	case JOB_ACCEPTED:
		place_open_log(&run->place, run->program);
		for (size_t i = 0; run->call->for_user && i < run->call->id_count; i++)
			log_accepted(run, run->call->ids[i]);
		break;
	case JOB_TRY:
		place_open_log(&run->place, run->program);
		if (run->call->caller >= 0)
			log_read_by(log_to_caller, run);
		return try_mail(run);
	case JOB_HELP:
	case JOB_VERSION:
		break;
	}
	return 0;
}

/* Counts show nothing of anybody's mail, so that a monitor needs no rights. */
static bool only_counts(enum mailq_job job)
{
	return job == JOB_COUNT || job == JOB_METRICS;
}

/* May whoever runs us open the hold? post has let a user in. */
static bool may_enter(const struct mailq_run *run)
{
	const struct mailq_call *call = run->call;
	return call->for_user || (call->program == PROGRAM_MAILQ ? place_may_look(&run->place)
	                                                         : place_may_act(&run->place));
}

/* Opens the hold, and gives up what the caller has beyond that. */
static bool enter(struct mailq_run *run, struct fault *f)
{
	const struct mailq_call *call = run->call;
	struct place *p = &run->place;
	bool looks = call->program == PROGRAM_MAILQ;
	bool names = call->job != JOB_TRY || call->id_count > 0;
	bool own = p->personal ? geteuid() != 0 && names : call->for_user;
	uid_t user = call->for_user ? call->user : getuid();
	bool made = false;
	if (!looks && !call->for_user && !place_make_rooms(p, &made, f))
		return false;
	if (made && call->tell)
		fprintf(stderr, "%s: made the rooms of %s\n", run->program, p->hold_path);
	if (!place_become(p, f) || !place_open_hold(p, looks, &run->hold, f))
		return false;
	/* The group of the hold would do to open it, but not to speak for somebody else. */
	if (call->for_user && geteuid() != user && geteuid() != run->hold.owner) {
		hold_close(&run->hold);
		return fault_set(f, FAULT_NOPERM, "not permitted to act for another user");
	}
	run->hold.user = user;
	run->hold.view = !own ? HOLD_ALL : only_counts(call->job) ? HOLD_COUNTED : HOLD_OWN;
	return true;
}

/* A program that sendmail started has no standard error: its caller may wait for
 * the end of theirs. */
static void find_stderr(const struct mailq_run *run)
{
	const struct mailq_call *call = run->call;
	bool started = call->first || call->caller >= 0 || call->job == JOB_ACCEPTED;
	int fd;
	if (!started || run->place.config.log.to != LOG_TO_STDERR ||
	    !file_open_first_stderr(&fd))
		return;
	dup2(fd, STDERR_FILENO);
	close(fd);
}

static int do_job_in_hold(struct mailq_run *run)
{
	struct fault f = FAULT_INIT;
	if (!may_enter(run))
		return door_pass(run->call, wants_colour(run->call));
	find_stderr(run);
	if (!enter(run, &f))
		return visit_complain(run->program, "", &f);
	int code = do_job(run);
	hold_close(&run->hold);
	return code;
}

/* The hold can be looked at and steered with a faulty configuration, which is
 * when it matters; only sending needs a good one. */
static int run_in_place(struct mailq_run *run)
{
	struct fault f = FAULT_INIT;
	int code = fault_exit(FAULT_CONFIG);
	if (!rights_begin(run->call->config, &f))
		return visit_complain(run->program, "", &f);
	bool good = place_find(&run->place, run->program, run->call->config,
	                       run->call->for_user, false);
	run->lacks_tls = good && run->call->job == JOB_TRY && !tls_is_here() &&
	                 with_tls_needed(&run->place.config) && may_enter(run);
	/* Root reads what the user whom it becomes may not read: once more only as root. */
	bool early = geteuid() == 0 && !run->place.personal;
	if (run->lacks_tls && (early || with_tls_for_names(&run->place.config))) {
		place_release(&run->place);
		return spawn_become(run->program, true, run->argv);
	}
	run->place.tag = run->call->tag;
	if (run->call->door)
		door_watch();
	if (good || (run->call->job != JOB_TRY && run->place.hold_path))
		code = do_job_in_hold(run);
	log_close();
	place_release(&run->place);
	return code;
}

static int run_call(struct mailq_call *call, const char *label, char **argv)
{
	if (call->job == JOB_HELP || call->job == JOB_VERSION) {
		if (call->job == JOB_HELP)
			mailq_options_help(call->program, stdout);
		else
			printf("%s %s (Postern)\n", label, POSTERN_VERSION);
		return 0;
	}
	bool flushes = call->program == PROGRAM_FLUSHQ;
	call->tell = call->verbose || isatty(STDERR_FILENO) == 1;
	if (flushes)
		signal(SIGPIPE, SIG_IGN);
	if (flushes || call->for_user)
		sandbox_hide();
	if (call->zone)
		setenv("TZ", call->zone, 1);
	struct mailq_run run = {.program = label, .argv = argv, .call = call};
	return run_in_place(&run);
}

int mailq_main(int argc, char **argv)
{
	struct mailq_call call;
	struct fault f = FAULT_INIT;
	enum mailq_program program = mailq_options_program(argc > 0 ? argv[0] : "");
	const char *label = program == PROGRAM_FLUSHQ ? "flushq" : "mailq";
	int code;
	if (mailq_options_scan(program, argc, argv, &call, &f)) {
		code = output_end(label, run_call(&call, label, argv));
	} else {
		fprintf(stderr, "%s: %s\n", label, f.text);
		mailq_options_usage(program, stderr);
		code = fault_exit(f.kind);
	}
	if (call.door)
		door_answer(code);
	mailq_options_release(&call);
	return code;
}
