/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "transport/deliver.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "os/clock.h"
#include "unit.h"
#include "unit_hold.h"
#include "unit_server.h"

#define NOW    1700000000
#define UPTIME 100000 /* seconds */

static char folder[UNIT_FOLDER];
static struct hold hold;
static struct unit_server server;
static struct settings config;
static struct deliver_setup setup;
static struct deliver *d;

static void set_up(void)
{
	clock_test_set(NOW, (int64_t)UPTIME * 1000);
	unit_hold_open(&hold, folder);
}

static void tear_down(void)
{
	settings_release(&config);
	clock_test_set(-1, 0);
	unit_hold_close(&hold, folder);
}

/* A run; more: sections behind that of the relay. */
static void begin(const struct unit_answer *answers, size_t count, const char *more)
{
	char *text = mem_printf("security = none\n%s", more);
	unit_server_start(&server, answers, count);
	unit_server_settings(&server, text, &config);
	free(text);
	setup.env = (struct session_env){.config = &config, .hostname = "me.example"};
	setup.hold = &hold;
	d = deliver_new(&setup);
}

static const char *end(void)
{
	deliver_free(d);
	return unit_server_end(&server);
}

static enum deliver_end try_it(const char *id, struct deliver_result *result)
{
	struct hold_entry he;
	struct fault f = FAULT_INIT;
	unit_hold_claim(&hold, HOLD_QUEUE, id, &he);
	enum deliver_end how = deliver_entry(d, &he, result, &f);
	hold_release(&he);
	return how;
}

/* What is on disk of it. */
static void look(enum hold_room room, const char *id, struct hold_entry *he)
{
	struct fault f = FAULT_INIT;
	ck_assert_int_eq(hold_look(&hold, room, id, he, &f), CLAIM_OK);
}

/* Nothing is left of what was taken; one connection carries both. */
START_TEST(delivered)
{
	hold_id one, two;
	struct deliver_result result;
	begin(NULL, 0, "");
	ck_assert_uint_eq(deliver_connections(d), 0);
	unit_hold_message(&hold, "me@x.example", "a@y.example b@y.example", one);
	unit_hold_message(&hold, "me@x.example", "c@y.example", two);
	ck_assert_int_eq(try_it(one, &result), DELIVER_DONE);
	ck_assert_uint_eq(result.delivered, 2);
	ck_assert_uint_eq(result.waiting + result.failed, 0);
	ck_assert_str_eq(result.reason, "");
	ck_assert_uint_eq(deliver_connections(d), (size_t)config.relays[0].connections);
	ck_assert_int_eq(try_it(two, &result), DELIVER_DONE);
	ck_assert_uint_eq(result.delivered, 1);
	ck_assert_uint_eq(unit_hold_count(&hold, HOLD_QUEUE), 0);
	ck_assert_uint_eq(unit_hold_count(&hold, HOLD_FAILED), 0);
	ck_assert(!deliver_report(d, one));
	const char *heard = end();
	ck_assert_uint_eq(unit_occurrences(heard, "EHLO"), 1);
	ck_assert_uint_eq(unit_occurrences(heard, "\n.\n"), 2);
}
END_TEST

/* Some are taken, some wait: the entry says so, and when the next try is. */
START_TEST(put_back)
{
	static const struct unit_answer answers[] = {{"RCPT TO:<b@", .say = "451 4.2.0 later"}};
	hold_id id;
	struct hold_entry he;
	struct deliver_result result;
	begin(answers, COUNT(answers), "[delivery]\nretry = 10m\n");
	unit_hold_message(&hold, "me@x.example", "a@y.example b@y.example", id);
	ck_assert_int_eq(try_it(id, &result), DELIVER_DONE);
	ck_assert_uint_eq(result.delivered, 1);
	ck_assert_uint_eq(result.waiting, 1);
	ck_assert_ptr_nonnull(strstr(result.reason, "451 4.2.0 later"));
	end();
	look(HOLD_QUEUE, id, &he);
	ck_assert_int_eq(he.entry.envelope.rcpts[0].state, RCPT_DELIVERED);
	ck_assert_int_eq(he.entry.envelope.rcpts[1].state, RCPT_WAITING);
	ck_assert_int_eq(he.entry.envelope.rcpts[1].verdict.cause, CAUSE_DEFERRED);
	ck_assert_int_eq(he.entry.attempts, 1);
	ck_assert_int_eq(he.entry.tried, NOW);
	ck_assert_int_ge(he.entry.next_try, NOW + 540);
	ck_assert_int_le(he.entry.next_try, NOW + 660);
	hold_release(&he);
}
END_TEST

/* Refused for good, and nobody is left: the entry goes to failed/, and its sender hears of it
 * by mail that this run is to send. */
START_TEST(refused)
{
	static const struct unit_answer answers[] = {{"RCPT TO:<b@", .say = "550 5.1.1 who?"}};
	hold_id id, report;
	struct hold_entry he;
	struct deliver_result result;
	begin(answers, COUNT(answers), "");
	unit_hold_message(&hold, "me@x.example", "a@y.example b@y.example", id);
	ck_assert_int_eq(try_it(id, &result), DELIVER_DONE);
	ck_assert_uint_eq(result.failed, 1);
	look(HOLD_FAILED, id, &he);
	ck_assert_int_eq(he.entry.envelope.rcpts[1].state, RCPT_FAILED);
	hold_release(&he);
	ck_assert(deliver_report(d, report));
	look(HOLD_QUEUE, report, &he);
	ck_assert_str_eq(he.entry.envelope.sender, "");
	ck_assert_str_eq(he.entry.envelope.rcpts[0].address, "me@x.example");
	ck_assert_str_eq(he.entry.report_of, id);
	hold_release(&he);
	ck_assert(!deliver_report(d, report));
	end();
}
END_TEST

/* One refused, another waits: a copy for people goes to failed/, and the entry stays for
 * the other. The next try makes neither again. */
START_TEST(refused_and_waiting)
{
	static const struct unit_answer answers[] = {
	    {"RCPT TO:<a@", .say = "550 5.1.1 who?"},
	    {"RCPT TO:<b@", .say = "451 4.2.0 later"},
	};
	hold_id id, report;
	struct deliver_result result;
	begin(answers, COUNT(answers), "");
	unit_hold_message(&hold, "me@x.example", "a@y.example b@y.example", id);
	for (int i = 0; i < 2; i++) {
		ck_assert_int_eq(try_it(id, &result), DELIVER_DONE);
		ck_assert_uint_eq(result.failed, 1);
		ck_assert_uint_eq(result.waiting, 1);
	}
	ck_assert_uint_eq(unit_hold_count(&hold, HOLD_FAILED), 1);
	ck_assert_uint_eq(unit_hold_count(&hold, HOLD_QUEUE), 2);
	ck_assert(deliver_report(d, report));
	ck_assert(!deliver_report(d, report));
	ck_assert_uint_eq(unit_occurrences(end(), "RCPT TO:<a@"), 1);
}
END_TEST

static bool told_of(void *context, const struct hold_entry *he)
{
	size_t *failed = context;
	*failed = envelope_count(&he->entry.envelope, RCPT_FAILED);
	return true;
}

/* Whoever waits hears of it instead of a report. */
START_TEST(tell_instead)
{
	static const struct unit_answer answers[] = {{"RCPT", .say = "550 5.1.1 who?"}};
	hold_id id;
	size_t failed = 0;
	struct deliver_result result;
	setup.tell = told_of;
	setup.tell_context = &failed;
	begin(answers, COUNT(answers), "");
	unit_hold_message(&hold, "me@x.example", "a@y.example", id);
	ck_assert_int_eq(try_it(id, &result), DELIVER_DONE);
	ck_assert_uint_eq(failed, 1);
	ck_assert(!deliver_report(d, id));
	ck_assert_uint_eq(unit_hold_count(&hold, HOLD_QUEUE), 0);
	ck_assert_uint_eq(unit_hold_count(&hold, HOLD_FAILED), 1);
	end();
}
END_TEST

/* An entry of that age, tried so often, the last time an hour ago. */
static void put_old(int64_t age, int64_t attempts, hold_id id)
{
	struct entry e;
	unit_entry(&e, "me@x.example", "a@y.example");
	e.created = NOW - age;
	e.attempts = attempts;
	e.tried = attempts > 0 ? NOW - 3600 : 0;
	e.uptime = attempts > 0 ? UPTIME - 3600 : 0;
	unit_hold_put(&hold, &e, 0);
	memcpy(id, e.id, sizeof(e.id));
	entry_release(&e);
}

/* No server is no try: the entry keeps its time, so that it is due when one answers, and is
 * not given up for its age. Others that wait for the same need not be tried in this run. */
START_TEST(no_server)
{
	static const struct unit_answer answers[] = {{"", .closes = true}};
	hold_id id;
	struct hold_entry he;
	struct deliver_result result;
	begin(answers, COUNT(answers), "[delivery]\nwarn = 0\nexpire = 5d\n");
	put_old(6 * 86400, 5, id);
	for (int i = 0; i < 2; i++) {
		ck_assert_int_eq(try_it(id, &result), DELIVER_DONE);
		ck_assert_uint_eq(result.waiting, 1);
	}
	look(HOLD_QUEUE, id, &he);
	const struct verdict *v = &he.entry.envelope.rcpts[0].verdict;
	ck_assert_int_eq(v->cause, CAUSE_CLOSED);
	ck_assert_int_eq(he.entry.attempts, 5);
	ck_assert_int_eq(he.entry.next_try, 0);
	const struct settings_relay *relays[] = {config.relays};
	struct choice_kind kind = {.relays = relays, .relay_count = 1};
	ck_assert(deliver_alone(d, &kind));
	ck_assert(verdict_same(&kind.why, v));
	ck_assert_str_eq(kind.reason, result.reason);
	verdict_release(&kind.why);
	hold_release(&he);
	ck_assert_uint_eq(unit_occurrences(end(), "+"), 1);
}
END_TEST

/* One of several at work leaves the entry to the others, as it was. */
START_TEST(turned_away)
{
	static const struct unit_answer answers[] = {{"", .say = "421 4.7.0 too many"}};
	hold_id id;
	struct hold_entry he;
	struct deliver_result result;
	begin(answers, COUNT(answers), "");
	deliver_help(d, true);
	unit_hold_message(&hold, "me@x.example", "a@y.example", id);
	ck_assert_int_eq(try_it(id, &result), DELIVER_TURNED_AWAY);
	look(HOLD_QUEUE, id, &he);
	ck_assert_int_eq(he.entry.envelope.rcpts[0].verdict.cause, CAUSE_NONE);
	hold_release(&he);
	deliver_help(d, false);
	ck_assert_int_eq(try_it(id, &result), DELIVER_DONE);
	ck_assert_uint_eq(result.waiting, 1);
	end();
}
END_TEST

static const struct age_case {
	const char *name;
	int64_t age, attempts;
	bool reported, failed, warned;
} age_cases[] = {
    {"young", 3600, 5, false, false, false},
    {"late", 5 * 3600, 5, true, false, true},
    {"over", 6 * 86400, 5, true, true, false},
    /* An age alone says that a clock was wrong. */
    {"over, and hardly tried", 6 * 86400, 1, true, false, true},
};

/* The sender hears once that it is late, and once that it was given up. */
START_TEST(age)
{
	static const struct unit_answer answers[] = {{"RCPT", .say = "451 4.2.0 later"}};
	const struct age_case *c = &age_cases[_i];
	hold_id id, report;
	struct hold_entry he;
	struct deliver_result result;
	begin(answers, COUNT(answers), "[delivery]\nwarn = 4h\nexpire = 5d\n");
	put_old(c->age, c->attempts, id);
	ck_assert_int_eq(try_it(id, &result), DELIVER_DONE);
	ck_assert_msg((result.failed == 1) == c->failed, "%s", c->name);
	ck_assert_msg(deliver_report(d, report) == c->reported, "%s", c->name);
	look(c->failed ? HOLD_FAILED : HOLD_QUEUE, id, &he);
	ck_assert_msg(he.entry.warned == c->warned, "%s", c->name);
	hold_release(&he);
	if (!c->failed) {
		ck_assert_int_eq(try_it(id, &result), DELIVER_DONE);
		ck_assert_msg(!deliver_report(d, report), "%s", c->name);
	}
	end();
}
END_TEST

/* A damaged message is no reason to refuse anybody: it is put away, and none of it counts. A
 * long one is on its way when that is found out. */
START_TEST(damaged)
{
	static const size_t lines[] = {0, 30000};
	struct entry e;
	struct hold_entry he;
	struct deliver_result result;
	struct fault f = FAULT_INIT;
	begin(NULL, 0, "");
	unit_entry(&e, "me@x.example", "a@y.example");
	unit_hold_put(&hold, &e, lines[_i]);
	unit_hold_claim(&hold, HOLD_QUEUE, e.id, &he);
	int64_t last = he.entry.message_at + (int64_t)e.facts.size - 3;
	ck_assert_int_eq(pwrite(he.fd, "!", 1, last), 1);
	entry_release(&e);
	ck_assert_int_eq(deliver_entry(d, &he, &result, &f), DELIVER_ERROR);
	ck_assert_int_eq(f.kind, FAULT_DATA);
	hold_release(&he);
	ck_assert_uint_eq(unit_hold_count(&hold, HOLD_QUEUE), 0);
	ck_assert_uint_eq(unit_hold_count(&hold, HOLD_FAILED), 0);
	ck_assert_uint_eq(unit_hold_count(&hold, HOLD_CORRUPT), 1);
	hold_id id;
	ck_assert(!deliver_report(d, id));
	ck_assert_uint_eq(unit_occurrences(end(), "\n.\n"), 0);
}
END_TEST

/* A run was cut short between a report and the word in the entry that it was made: the entry
 * says so before the report is sent. */
START_TEST(report_goes_second)
{
	hold_id id, report;
	struct entry e;
	struct hold_entry he;
	struct deliver_result result;
	begin(NULL, 0, "");
	unit_entry(&e, "me@x.example", "a@y.example");
	e.envelope.rcpts[0].state = RCPT_FAILED;
	unit_hold_put(&hold, &e, 0);
	memcpy(id, e.id, sizeof(id));
	entry_release(&e);
	unit_entry(&e, "", "me@x.example");
	memcpy(e.report_of, id, sizeof(id));
	unit_hold_put(&hold, &e, 0);
	memcpy(report, e.id, sizeof(report));
	entry_release(&e);
	/* Somebody is about to say so. */
	unit_hold_claim(&hold, HOLD_QUEUE, id, &he);
	ck_assert_int_eq(try_it(report, &result), DELIVER_DONE);
	ck_assert_uint_eq(result.waiting, 1);
	hold_release(&he);
	ck_assert_int_eq(try_it(report, &result), DELIVER_DONE);
	ck_assert_uint_eq(result.delivered, 1);
	ck_assert_uint_eq(unit_hold_count(&hold, HOLD_FAILED), 1);
	end();
}
END_TEST

int main(void)
{
	Suite *s = suite_create("deliver");
	TCase *c = unit_case(s, "deliver");
	tcase_add_checked_fixture(c, set_up, tear_down);
	tcase_add_test(c, delivered);
	tcase_add_test(c, put_back);
	tcase_add_test(c, refused);
	tcase_add_test(c, refused_and_waiting);
	tcase_add_test(c, tell_instead);
	tcase_add_test(c, no_server);
	tcase_add_test(c, turned_away);
	tcase_add_loop_test(c, age, 0, COUNT(age_cases));
	tcase_add_loop_test(c, damaged, 0, 2);
	tcase_add_test(c, report_goes_second);
	return unit_run(s);
}
