/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "transport/flush.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "unit.h"
#include "unit_hold.h"
#include "unit_server.h"

/* What a run came to. It is a process of its own, which gives up its rights: in memory that
 * it shares with the test. */
struct outcome {
	bool ok;
	struct flush_counts counts;
	size_t tried;   /* entries that were told of */
	size_t errors;  /* and how many of them with a fault */
	size_t waiting; /* and how many as waiting */
	size_t begun, readied, become;
	size_t steps; /* of the progress */
};

static char folder[UNIT_FOLDER];
static struct hold hold;
static struct unit_server server;
static struct settings config;
static struct outcome *out;

static void set_up(void)
{
	unit_hold_open(&hold, folder);
	out =
	    mmap(NULL, sizeof(*out), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	ck_assert_ptr_ne(out, MAP_FAILED);
}

static void tear_down(void)
{
	settings_release(&config);
	munmap(out, sizeof(*out));
	unit_hold_close(&hold, folder);
}

static void serve(const struct unit_answer *answers, size_t count, const char *more)
{
	char *text = mem_printf("security = none\nconnections = 1\n%s", more);
	unit_server_start(&server, answers, count);
	unit_server_settings(&server, text, &config);
	free(text);
}

static void on_tried(void *context, const char *id, const struct deliver_result *result,
                     const struct fault *f)
{
	struct outcome *o = context;
	(void)id;
	o->tried++;
	o->errors += f != NULL;
	o->waiting += result && result->waiting > 0;
}

static void on_begin(void *context)
{
	struct outcome *o = context;
	o->begun++;
}

static void on_ready(void *context, struct session_env *env)
{
	struct outcome *o = context;
	o->readied++;
	env->hostname = "me.example";
}

static bool on_become(void *context, struct fault *f)
{
	struct outcome *o = context;
	(void)f;
	o->become++;
	return true;
}

static void on_progress(void *context, const struct flush_counts *counts)
{
	struct outcome *o = context;
	o->steps += counts->sent + counts->held + counts->failed > o->steps;
}

/* wishes: what of it differs from a plain run of flushq. */
static void run(struct flush wishes)
{
	memset(out, 0, sizeof(*out));
	pid_t pid = fork();
	ck_assert_int_ge(pid, 0);
	if (pid == 0) {
		struct fault f = FAULT_INIT;
		wishes.env.config = &config;
		wishes.hold = &hold;
		wishes.context = out;
		wishes.tried = on_tried;
		wishes.begin = on_begin;
		wishes.ready = on_ready;
		wishes.progress = on_progress;
		out->ok = flush_run(&wishes, &out->counts, &f);
		_exit(0);
	}
	int status;
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_int_eq(status, 0);
	ck_assert(out->ok);
}

enum kind { DUE, LATER, DELAYED, FROZEN, SERVED, DAMAGED, KINDS };

/* One of each kind, with its name as its sender. */
static const char *const names[KINDS] = {"due",    "later",  "delayed",
                                         "frozen", "served", "damaged"};

static void put(enum kind kind, hold_id id)
{
	struct entry e;
	char sender[32];
	snprintf(sender, sizeof(sender), "%s@x.example", names[kind]);
	unit_entry(&e, sender, "a@y.example");
	if (kind == LATER) {
		e.tried = e.created - 60;
		e.attempts = 1;
	}
	if (kind == LATER || kind == DELAYED)
		e.next_try = e.created + 600;
	e.frozen = kind == FROZEN;
	if (kind == SERVED)
		e.envelope.rcpts[0].state = RCPT_DELIVERED;
	unit_hold_put(&hold, &e, 0);
	memcpy(id, e.id, sizeof(hold_id));
	if (kind == DAMAGED) {
		struct hold_entry he;
		unit_hold_claim(&hold, HOLD_QUEUE, id, &he);
		ck_assert_int_eq(ftruncate(he.fd, 700), 0);
		hold_release(&he);
	}
	entry_release(&e);
}

/* A run, which of the kinds the server was to get in it, and how many were left. */
static const struct choice_case {
	const char *name;
	bool all, by_id, first_try;
	bool sent[KINDS];
	size_t held;
} choice_cases[] = {
    {"what is due", false, false, false, {[DUE] = true}, 3},
    {"all", true, false, false, {[DUE] = true, [LATER] = true}, 2},
    {"by name",
     false,
     true,
     false,
     {[DUE] = true, [LATER] = true, [DELAYED] = true, [FROZEN] = true},
     0},
    {"handed in just now",
     false,
     true,
     true,
     {[DUE] = true, [LATER] = true, [DELAYED] = true},
     1},
};

START_TEST(which)
{
	const struct choice_case *c = &choice_cases[_i];
	hold_id ids[KINDS];
	size_t sent = 0;
	serve(NULL, 0, "");
	for (size_t i = 0; i < KINDS; i++)
		put((enum kind)i, ids[i]);
	run((struct flush){.all = c->all,
	                   .ids = c->by_id ? (const hold_id *)ids : NULL,
	                   .id_count = c->by_id ? KINDS : 0,
	                   .first_try = c->first_try});
	const char *heard = unit_server_end(&server);
	for (size_t i = 0; i < KINDS; i++) {
		char *mail = mem_printf("MAIL FROM:<%s@", names[i]);
		ck_assert_msg((strstr(heard, mail) != NULL) == c->sent[i], "%s: %s", c->name,
		              names[i]);
		free(mail);
		sent += c->sent[i];
	}
	/* What was served already is only removed. */
	ck_assert_uint_eq(out->counts.sent, sent + 1);
	ck_assert_uint_eq(out->counts.held, 0);
	ck_assert_uint_eq(out->counts.failed, 0);
	ck_assert_uint_eq(out->errors, 1);
	ck_assert_uint_eq(out->tried, sent + 2);
	ck_assert_uint_eq(unit_hold_count(&hold, HOLD_QUEUE), c->held);
	ck_assert_uint_eq(unit_hold_count(&hold, HOLD_CORRUPT), 1);
	ck_assert_uint_eq(unit_occurrences(heard, "EHLO"), 1);
}
END_TEST

/* However many wait: one connection, and no try of any. */
START_TEST(dead)
{
	static const struct unit_answer answers[] = {{"", .closes = true}};
	hold_id ids[3];
	struct hold_entry he;
	struct entry_start start;
	serve(answers, COUNT(answers), "");
	for (size_t i = 0; i < COUNT(ids); i++)
		put(DUE, ids[i]);
	run((struct flush){.all = true});
	ck_assert_uint_eq(out->counts.held, COUNT(ids));
	ck_assert_uint_eq(out->waiting, COUNT(ids));
	for (size_t i = 0; i < COUNT(ids); i++) {
		ck_assert(hold_peek(&hold, HOLD_QUEUE, ids[i], &he, &start));
		ck_assert_int_eq(he.entry.attempts, 0);
		hold_release(&he);
	}
	/* The next does not ask, unless somebody wants it. */
	run((struct flush){.all = false});
	ck_assert_uint_eq(out->counts.held, COUNT(ids));
	run((struct flush){.ids = (const hold_id *)ids, .id_count = 1, .first_try = true});
	ck_assert_uint_eq(out->counts.held, 1);
	run((struct flush){.all = true});
	ck_assert_uint_eq(unit_occurrences(unit_server_end(&server), "+"), 2);
}
END_TEST

/* The reason that everybody in it waits for; to be released. */
static void why_waits(const char *id, struct verdict *v)
{
	struct hold_entry he;
	struct fault f = FAULT_INIT;
	*v = (struct verdict){.cause = CAUSE_NONE};
	ck_assert_int_eq(hold_look(&hold, HOLD_QUEUE, id, &he, &f), CLAIM_OK);
	const struct envelope *e = &he.entry.envelope;
	for (size_t i = 0; i < e->rcpt_count; i++) {
		ck_assert(i == 0 || verdict_same(&e->rcpts[i].verdict, v));
		ck_assert_int_eq(e->rcpts[i].state, RCPT_WAITING);
		verdict_copy(v, &e->rcpts[i].verdict);
	}
	hold_release(&he);
}

static int by_id(const void *a, const void *b)
{
	return memcmp(a, b, sizeof(hold_id));
}

/* What was never tried, what waited for something else and what is odd: all come to say why
 * they wait, in the same words, and how far the run has come is told at each. */
START_TEST(dead_for_all)
{
	static const struct unit_answer answers[] = {{"", .closes = true}};
	hold_id ids[5];
	struct verdict first, other;
	serve(answers, COUNT(answers), "");
	put(DUE, ids[0]);
	for (size_t i = 1; i < COUNT(ids); i++) {
		struct entry e;
		unit_entry(&e, "me@x.example", "a@y.example b@y.example");
		struct rcpt *r = e.envelope.rcpts;
		for (size_t k = 0; k < 2 && i == 2; k++)
			verdict_set(&r[k].verdict, CAUSE_SILENT, 0, NULL, "main",
			            "old.example:25", STR(""));
		if (i == 3)
			verdict_set(&r[0].verdict, CAUSE_DEFERRED, 450, "4.2.0", "main",
			            "old.example:25", STR("later"));
		unit_hold_put(&hold, &e, 0);
		memcpy(ids[i], e.id, sizeof(hold_id));
		entry_release(&e);
	}
	run((struct flush){.all = true});
	ck_assert_uint_eq(out->waiting, COUNT(ids));
	ck_assert_uint_eq(out->steps, COUNT(ids));
	/* The one that was tried has what was found in so many words. */
	qsort(ids, COUNT(ids), sizeof(hold_id), by_id);
	why_waits(ids[1], &first);
	ck_assert_int_eq(first.cause, CAUSE_CLOSED);
	ck_assert_str_eq(first.relay, "main");
	for (size_t i = 2; i < COUNT(ids); i++) {
		why_waits(ids[i], &other);
		ck_assert_msg(verdict_same(&first, &other), "%zu", i);
		verdict_release(&other);
	}
	/* Now nothing is to be written, and each is told of all the same. */
	run((struct flush){.all = false});
	ck_assert_uint_eq(out->waiting, COUNT(ids));
	ck_assert_uint_eq(out->steps, COUNT(ids));
	verdict_release(&first);
	ck_assert_uint_eq(unit_occurrences(unit_server_end(&server), "+"), 1);
}
END_TEST

/* The report on what was refused is sent by the same run. */
START_TEST(report)
{
	static const struct unit_answer answers[] = {{"RCPT TO:<a@", .say = "550 5.1.1 who?"}};
	hold_id id;
	serve(answers, COUNT(answers), "");
	put(DUE, id);
	run((struct flush){.all = false});
	ck_assert_uint_eq(out->counts.failed, 1);
	ck_assert_uint_eq(out->counts.sent, 1);
	ck_assert_uint_eq(unit_hold_count(&hold, HOLD_QUEUE), 0);
	ck_assert_uint_eq(unit_hold_count(&hold, HOLD_FAILED), 1);
	ck_assert_uint_eq(unit_occurrences(unit_server_end(&server), "RCPT TO:<due@x.example>"),
	                  1);
}
END_TEST

/* Nothing more is begun. */
START_TEST(stopped)
{
	hold_id id;
	serve(NULL, 0, "");
	put(DUE, id);
	put(SERVED, id);
	struct flush wishes = {.all = true};
	static const volatile int stop = 1;
	wishes.stop = &stop;
	run(wishes);
	ck_assert_uint_eq(out->tried, 0);
	ck_assert_uint_eq(unit_hold_count(&hold, HOLD_QUEUE), 2);
	ck_assert_str_eq(unit_server_end(&server), "");
}
END_TEST

/* Off line nothing is tried, and whoever waits is told why. */
START_TEST(off_line)
{
	hold_id id;
	serve(NULL, 0, "[delivery]\nonline = /bin/false\n");
	put(DUE, id);
	run((struct flush){.all = true});
	ck_assert_uint_eq(out->begun, 1);
	ck_assert_uint_eq(out->tried + out->readied, 0);
	run((struct flush){.ids = (const hold_id *)&id, .id_count = 1, .first_try = true});
	ck_assert_uint_eq(out->tried, 1);
	ck_assert_uint_eq(out->errors, 1);
	ck_assert_uint_eq(unit_hold_count(&hold, HOLD_QUEUE), 1);
	ck_assert_str_eq(unit_server_end(&server), "");
}
END_TEST

/* The program without TLS is left only for what asks a server. */
START_TEST(become)
{
	hold_id id;
	serve(NULL, 0, "");
	put(DELAYED, id);
	put(FROZEN, id);
	run((struct flush){.all = false, .become = on_become});
	ck_assert_uint_eq(out->become, 0);
	ck_assert_uint_eq(out->begun, 1);
	put(DUE, id);
	run((struct flush){.all = false, .become = on_become});
	ck_assert_uint_eq(out->become, 1);
	ck_assert_uint_eq(out->begun + out->tried, 0);
	ck_assert_uint_eq(unit_hold_count(&hold, HOLD_QUEUE), 3);
	ck_assert_str_eq(unit_server_end(&server), "");
}
END_TEST

int main(void)
{
	Suite *s = suite_create("flush");
	TCase *c = unit_case(s, "flush");
	tcase_add_checked_fixture(c, set_up, tear_down);
	tcase_add_loop_test(c, which, 0, COUNT(choice_cases));
	tcase_add_test(c, dead);
	tcase_add_test(c, dead_for_all);
	tcase_add_test(c, report);
	tcase_add_test(c, stopped);
	tcase_add_test(c, off_line);
	tcase_add_test(c, become);
	return unit_run(s);
}
