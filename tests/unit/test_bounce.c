/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <check.h>
#include <string.h>

#include "transport/bounce.h"
#include "unit.h"
#include "unit_hold.h"

/* A report that is held; of: what it is about. */
static void put(struct hold *hold, const char *sender, const char *of, hold_id id)
{
	struct entry e;
	unit_entry(&e, sender, "who@sent.example");
	memcpy(e.report_of, of, strlen(of) + 1);
	unit_hold_put(hold, &e, 0);
	memcpy(id, e.id, sizeof(hold_id));
	entry_release(&e);
}

static const struct again_case {
	const char *sender, *of;
	char *from, *admin;
	const char *want_from, *want_to; /* NULL: nothing is done */
} again_cases[] = {
    {"", "0123456789AB", "box@x.example", "adm@z.example", "box@x.example", "adm@z.example"},
    {"", "0123456789AB", "box", "adm", "box@corp.example", "adm@corp.example"},
    {"", "0123456789AB", "box@x.example", NULL, "box@x.example", "who@sent.example"},
    {"", "0123456789AB", NULL, "adm@z.example", NULL, NULL},
    {"", "", "box@x.example", "adm@z.example", NULL, NULL},
    {"box@x.example", "0123456789AB", "box@x.example", "adm@z.example", NULL, NULL},
};

static void check_made(struct hold *hold, const char *made, const char *of,
                       const struct again_case *c)
{
	struct hold_entry he;
	struct fault f = FAULT_INIT;
	unit_hold_claim(hold, HOLD_QUEUE, made, &he);
	ck_assert_str_eq(he.entry.envelope.sender, c->want_from);
	ck_assert_uint_eq(he.entry.envelope.rcpt_count, 1);
	ck_assert_str_eq(he.entry.envelope.rcpts[0].address, c->want_to);
	ck_assert_str_eq(he.entry.report_of, of);
	char bytes[100];
	size_t got;
	ck_assert(entry_read_message(he.fd, &he.entry, 0, bytes, sizeof(bytes), &got, &f));
	ck_assert(str_eq(str_make(bytes, got), STR(UNIT_MESSAGE)));
	hold_release(&he);
}

START_TEST(again)
{
	const struct again_case *c = &again_cases[_i];
	char folder[UNIT_FOLDER], made[ENTRY_ID_LEN + 1];
	struct settings config = {
	    .domain = (char *)"corp.example", .from = c->from, .admin = c->admin};
	struct fault f = FAULT_INIT;
	struct hold hold;
	unit_hold_open(&hold, folder);
	hold_id id;
	put(&hold, c->sender, c->of, id);
	struct hold_entry he;
	unit_hold_claim(&hold, HOLD_QUEUE, id, &he);
	ck_assert_msg(bounce_again(&config, "host.example", &he, made, &f), "%s", f.text);
	hold_release(&he);
	ck_assert_int_eq(made[0] != '\0', c->want_to != NULL);
	if (c->want_to)
		check_made(&hold, made, id, c);
	unit_hold_close(&hold, folder);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("bounce");
	TCase *t = unit_case(s, "bounce");
	tcase_add_loop_test(t, again, 0, COUNT(again_cases));
	return unit_run(s);
}
