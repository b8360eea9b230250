/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "transport/choice.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "os/clock.h"
#include "unit.h"
#include "unit_hold.h"

static char folder[UNIT_FOLDER];
static struct hold hold;
static char *hosts[] = {"one.example", NULL};
static int ports[] = {25};
static struct settings_relay relay;
static struct settings config;

static void set_up(void)
{
	unit_hold_open(&hold, folder);
	relay = (struct settings_relay){
	    .name = (char *)"main", .host = {hosts, 1}, .port = {ports, 1}};
	config = (struct settings){.relays = &relay,
	                           .relay_count = 1,
	                           .retry = 300,
	                           .retry_max = 14400,
	                           .expire = 432000};
}

static void tear_down(void)
{
	unit_hold_close(&hold, folder);
}

/* Of two recipients that wait for those causes, last tried so long ago (0: never). */
static void put(enum cause one, enum cause two, int64_t ago, hold_id id)
{
	struct entry e;
	unit_entry(&e, "me@x.example", "a@y.example b@y.example");
	struct rcpt *r = e.envelope.rcpts;
	e.tried = ago > 0 ? e.created - ago : 0;
	if (one != CAUSE_NONE)
		verdict_set(&r[0].verdict, one, 0, NULL, "main", "one.example:25", STR(""));
	if (two != CAUSE_NONE)
		verdict_set(&r[1].verdict, two, 0, NULL, "main", "one.example:25", STR(""));
	unit_hold_put(&hold, &e, 0);
	memcpy(id, e.id, sizeof(hold_id));
	entry_release(&e);
}

static size_t kind_of(const struct choice *c, const char *id)
{
	for (size_t i = 0; i < c->count; i++)
		if (strcmp(c->ids[i], id) == 0)
			return c->kinds[i];
	ck_abort_msg("%s is not chosen", id);
}

/* What was never tried is a kind, as is what waits for one dead server. What was refused for
 * now, or is not alike, is none. */
START_TEST(kinds)
{
	hold_id fresh[2], dead[2], later, mixed;
	struct choice c;
	struct fault f = FAULT_INIT;
	const struct choice_setup setup = {.config = &config, .hold = &hold, .all = true};
	for (size_t i = 0; i < 2; i++) {
		put(CAUSE_NONE, CAUSE_NONE, 0, fresh[i]);
		put(CAUSE_SILENT, CAUSE_SILENT, 60, dead[i]);
	}
	put(CAUSE_DEFERRED, CAUSE_DEFERRED, 60, later);
	put(CAUSE_SILENT, CAUSE_NONE, 0, mixed);
	ck_assert(choice_make(&setup, &c, &f));
	ck_assert_uint_eq(c.count, 6);
	ck_assert_uint_gt(kind_of(&c, fresh[0]), 0);
	ck_assert_uint_eq(kind_of(&c, fresh[0]), kind_of(&c, fresh[1]));
	ck_assert_uint_gt(kind_of(&c, dead[0]), 0);
	ck_assert_uint_eq(kind_of(&c, dead[0]), kind_of(&c, dead[1]));
	ck_assert_uint_ne(kind_of(&c, dead[0]), kind_of(&c, fresh[0]));
	ck_assert_uint_eq(kind_of(&c, later), 0);
	ck_assert_uint_eq(kind_of(&c, mixed), 0);
	choice_release(&c);
}
END_TEST

/* What somebody else has done to an entry since then. */
static const struct change {
	const char *name;
	enum rcpt_state state;
	enum cause cause;
	bool report;
	int64_t overdue, age;
	bool still;
} changes[] = {
    {"nothing", RCPT_WAITING, CAUSE_NONE, false, 0, 0, true},
    {"one has it", RCPT_DELIVERED, CAUSE_NONE, false, 0, 0, false},
    {"one was refused", RCPT_FAILED, CAUSE_NO_SUCH_USER, false, 0, 0, false},
    {"one was put off", RCPT_WAITING, CAUSE_DEFERRED, false, 0, 0, false},
    {"its clock is doubted", RCPT_WAITING, CAUSE_NONE, false, 1, 0, false},
    {"its time is over", RCPT_WAITING, CAUSE_NONE, false, 0, 500000, false},
};

START_TEST(still)
{
	const struct change *ch = &changes[_i];
	const struct choice_kind kind = {.relay_count = 0};
	hold_id id;
	struct hold_entry he;
	put(CAUSE_NONE, CAUSE_NONE, 0, id);
	unit_hold_claim(&hold, HOLD_QUEUE, id, &he);
	struct rcpt *r = &he.entry.envelope.rcpts[1];
	r->state = ch->state;
	if (ch->cause != CAUSE_NONE)
		verdict_set(&r->verdict, ch->cause, 450, NULL, "main", "one.example:25",
		            STR("x"));
	he.entry.overdue = ch->overdue;
	he.entry.created -= ch->age;
	ck_assert_msg(choice_still(&config, &kind, &he) == ch->still, "%s", ch->name);
	hold_release(&he);
}
END_TEST

/* Once it is known that a server is to be asked the rest is left to who asks it. */
START_TEST(asks)
{
	hold_id id;
	struct choice c;
	struct fault f = FAULT_INIT;
	struct choice_setup setup = {
	    .config = &config, .hold = &hold, .all = true, .ask_dead = true, .whether = true};
	for (size_t i = 0; i < 3; i++)
		put(CAUSE_NONE, CAUSE_NONE, 0, id);
	ck_assert(choice_make(&setup, &c, &f));
	ck_assert(c.asks);
	ck_assert_uint_eq(c.count, 1);
	choice_release(&c);
	setup.whether = false;
	ck_assert(choice_make(&setup, &c, &f));
	ck_assert_uint_eq(c.count, 3);
	choice_release(&c);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("choice");
	TCase *c = unit_case(s, "choice");
	tcase_add_checked_fixture(c, set_up, tear_down);
	tcase_add_test(c, kinds);
	tcase_add_loop_test(c, still, 0, COUNT(changes));
	tcase_add_test(c, asks);
	return unit_run(s);
}
