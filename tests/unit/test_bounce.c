/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "submit/submit.h"
#include "transport/bounce.h"

#define COUNT(array) (int)(sizeof(array) / sizeof((array)[0]))

static const char message[] = "Subject: a report\r\n\r\nbody\r\n";

/* A report that is held; of: what it is about. */
static void put(struct hold *hold, const char *sender, const char *of, hold_id id)
{
	struct submit s;
	struct fault f = FAULT_INIT;
	struct message_facts facts = {.longest_line = 17};
	submit_init(&s, hold, NULL);
	envelope_set_sender(&s.entry.envelope, str_of(sender));
	envelope_add(&s.entry.envelope, STR("who@sent.example"));
	memcpy(s.entry.report_of, of, strlen(of) + 1);
	ck_assert_msg(submit_begin(&s, &f), "%s", f.text);
	ck_assert(submit_message(&s, STR(message), &f));
	ck_assert_msg(submit_end(&s, &facts, &f), "%s", f.text);
	memcpy(id, s.entry.id, sizeof(hold_id));
	submit_release(&s);
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
	ck_assert_int_eq(hold_claim(hold, HOLD_QUEUE, made, &he, &f), CLAIM_OK);
	ck_assert_str_eq(he.entry.envelope.sender, c->want_from);
	ck_assert_uint_eq(he.entry.envelope.rcpt_count, 1);
	ck_assert_str_eq(he.entry.envelope.rcpts[0].address, c->want_to);
	ck_assert_str_eq(he.entry.report_of, of);
	char bytes[100];
	size_t got;
	ck_assert(entry_read_message(he.fd, &he.entry, 0, bytes, sizeof(bytes), &got, &f));
	ck_assert(str_eq(str_make(bytes, got), STR(message)));
	hold_release(&he);
}

START_TEST(again)
{
	const struct again_case *c = &again_cases[_i];
	char root[] = "/tmp/test-notify-XXXXXX", path[64], command[64], made[ENTRY_ID_LEN + 1];
	struct settings config = {
	    .domain = (char *)"corp.example", .from = c->from, .admin = c->admin};
	struct fault f = FAULT_INIT;
	ck_assert_ptr_nonnull(mkdtemp(root));
	snprintf(path, sizeof(path), "%s/hold", root);
	struct hold hold;
	ck_assert_msg(hold_open(path, &hold, &f), "%s", f.text);
	hold_id id;
	put(&hold, c->sender, c->of, id);
	struct hold_entry he;
	ck_assert_int_eq(hold_claim(&hold, HOLD_QUEUE, id, &he, &f), CLAIM_OK);
	ck_assert_msg(bounce_again(&config, "host.example", &he, made, &f), "%s", f.text);
	hold_release(&he);
	ck_assert_int_eq(made[0] != '\0', c->want_to != NULL);
	if (c->want_to)
		check_made(&hold, made, id, c);
	hold_close(&hold);
	snprintf(command, sizeof(command), "rm -rf %s", root);
	ck_assert_int_eq(system(command), 0);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("notify");
	TCase *t = tcase_create("notify");
	tcase_add_loop_test(t, again, 0, COUNT(again_cases));
	suite_add_tcase(s, t);
	SRunner *r = srunner_create(s);
	srunner_run_all(r, CK_ENV);
	int failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
