/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "transport/failures.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "unit.h"
#include "unit_hold.h"

static char folder[UNIT_FOLDER];
static struct hold hold;

static void set_up(void)
{
	unit_hold_open(&hold, folder);
}

static void tear_down(void)
{
	unit_hold_close(&hold, folder);
}

static const struct {
	enum rcpt_state state;
	bool told;
} rcpts[] = {
    {RCPT_WAITING, false},   {RCPT_FAILED, false}, {RCPT_FAILED, true},
    {RCPT_DELIVERED, false}, {RCPT_FAILED, false},
};

static void settle(struct envelope *e)
{
	for (size_t i = 0; i < COUNT(rcpts); i++) {
		struct rcpt *r = &e->rcpts[i];
		r->state = rcpts[i].state;
		r->told = rcpts[i].told;
		if (r->state == RCPT_FAILED)
			verdict_set(&r->verdict, CAUSE_NO_SUCH_USER, 550, "5.1.1", "main",
			            "mx:25", STR("no"));
	}
}

static void held(hold_id id)
{
	struct entry entry;
	struct envelope *e = &entry.envelope;
	unit_entry(&entry, "from@x.example",
	           "0@x.example 1@x.example 2@x.example 3@x.example 4@x.example");
	e->ret = RET_HDRS;
	e->envid = mem_copy(STR("id+20x"));
	for (size_t i = 0; i < COUNT(rcpts); i++) {
		e->rcpts[i].notify = NOTIFY_FAILURE;
		e->rcpts[i].orcpt = mem_printf("rfc822;o%s", e->rcpts[i].address);
	}
	unit_hold_put(&hold, &entry, 0);
	memcpy(id, entry.id, sizeof(hold_id));
	entry_release(&entry);
}

/* Those who failed and were not told of are copied with all that is known of them, and
 * told of from then on; of the others nothing changes. */
START_TEST(splits)
{
	struct hold_entry he;
	struct fault f = FAULT_INIT;
	hold_id id;
	held(id);
	unit_hold_claim(&hold, HOLD_QUEUE, id, &he);
	settle(&he.entry.envelope);
	ck_assert_uint_eq(failures_new(&he.entry.envelope), 2);
	ck_assert_msg(failures_split(&he, &f), "%s", f.text);
	ck_assert_uint_eq(failures_new(&he.entry.envelope), 0);
	hold_release(&he);

	unit_hold_claim(&hold, HOLD_QUEUE, id, &he);
	ck_assert_uint_eq(he.entry.envelope.rcpt_count, COUNT(rcpts));
	static const bool written[] = {false, true, false, false, true};
	for (size_t i = 0; i < COUNT(rcpts); i++)
		ck_assert_int_eq(he.entry.envelope.rcpts[i].told, written[i]);
	hold_release(&he);

	hold_id *ids;
	size_t count;
	ck_assert_msg(hold_list(&hold, HOLD_FAILED, &ids, &count, &f), "%s", f.text);
	ck_assert_uint_eq(count, 1);
	unit_hold_claim(&hold, HOLD_FAILED, ids[0], &he);
	const struct envelope *e = &he.entry.envelope;
	ck_assert_str_eq(e->sender, "from@x.example");
	ck_assert_int_eq(e->ret, RET_HDRS);
	ck_assert_str_eq(e->envid, "id+20x");
	ck_assert_uint_eq(e->rcpt_count, 2);
	static const char *const want[] = {"1@x.example", "4@x.example"};
	for (size_t i = 0; i < 2; i++) {
		const struct rcpt *r = &e->rcpts[i];
		ck_assert_str_eq(r->address, want[i]);
		ck_assert_int_eq(r->state, RCPT_FAILED);
		ck_assert_uint_eq(r->notify, NOTIFY_FAILURE);
		ck_assert_str_eq(r->orcpt + strlen("rfc822;o"), want[i]);
		ck_assert_int_eq(r->verdict.cause, CAUSE_NO_SUCH_USER);
		ck_assert_int_eq(r->verdict.code, 550);
		ck_assert_str_eq(r->verdict.text, "no");
	}
	char bytes[100];
	size_t got;
	ck_assert(entry_read_message(he.fd, &he.entry, 0, bytes, sizeof(bytes), &got, &f));
	ck_assert(str_eq(str_make(bytes, got), STR(UNIT_MESSAGE)));
	hold_release(&he);
	free(ids);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("failures");
	TCase *c = unit_case(s, "failures");
	tcase_add_checked_fixture(c, set_up, tear_down);
	tcase_add_test(c, splits);
	return unit_run(s);
}
