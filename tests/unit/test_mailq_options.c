/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cmd/queue/mailq_options.h"

#define ARGS 8
#define ID   "0123456789AB"
#define ID2  "FFFFFFFFFFFF"

struct scan_case {
	enum mailq_program program;
	const char *args[ARGS];
	bool ok;
	enum mailq_job job;
	size_t ids;
	bool all, verbose, failed;
	const char *config, *show, *only_id;
};

#define M PROGRAM_MAILQ
#define F PROGRAM_FLUSHQ

static const struct scan_case cases[] = {
    {M, {NULL}, true, JOB_LIST, 0, false, false, false, NULL, NULL, NULL},
    {M, {"-v"}, true, JOB_LIST, 0, false, true, false, NULL, NULL, NULL},
    {M, {"-vj"}, true, JOB_JSON, 0, false, true, false, NULL, NULL, NULL},
    {M, {"-Cfile", "--json"}, true, JOB_JSON, 0, false, false, false, "file", NULL, NULL},
    {M, {"-vC", "file", ID}, true, JOB_LIST, 1, false, true, false, "file", NULL, NULL},
    {M, {"-C", "a", "-C", "b"}, true, JOB_LIST, 0, false, false, false, "b", NULL, NULL},
    {M, {"-C", ""}, true, JOB_LIST, 0, false, false, false, "", NULL, NULL},
    {M, {"-C"}, false, 0, 0, false, false, false, NULL, NULL, NULL},
    {M, {"-Ac", "-q5m", "-q", "-Am"}, true, JOB_LIST, 0, false, false, false, NULL, NULL, NULL},
    {M, {"--failed", "--count"}, true, JOB_COUNT, 0, false, false, true, NULL, NULL, NULL},
    {M, {"--show", ID}, true, JOB_SHOW, 0, false, false, false, NULL, ID, NULL},
    {M, {"--show=" ID}, true, JOB_SHOW, 0, false, false, false, NULL, ID, NULL},
    {M, {"--show"}, false, 0, 0, false, false, false, NULL, NULL, NULL},
    {M, {"--show", "x"}, false, 0, 0, false, false, false, NULL, NULL, NULL},
    {M, {"--show", ID, ID2}, false, 0, 0, false, false, false, NULL, NULL, NULL},
    {M, {"--summary", "--metrics"}, false, 0, 0, false, false, false, NULL, NULL, NULL},
    {M, {"--json", "-j"}, true, JOB_JSON, 0, false, false, false, NULL, NULL, NULL},
    {M, {"--count=3"}, false, 0, 0, false, false, false, NULL, NULL, NULL},
    {M, {"--cou"}, false, 0, 0, false, false, false, NULL, NULL, NULL},
    {M, {"--remove", ID}, false, 0, 0, false, false, false, NULL, NULL, NULL},
    {M, {"-x"}, false, 0, 0, false, false, false, NULL, NULL, NULL},
    {M, {"all"}, false, 0, 0, false, false, false, NULL, NULL, NULL},
    {M, {"0123456789ab"}, false, 0, 0, false, false, false, NULL, NULL, NULL},
    {M, {"0123456789A"}, false, 0, 0, false, false, false, NULL, NULL, NULL},
    {M, {"0123456789ABC"}, false, 0, 0, false, false, false, NULL, NULL, NULL},
    {M, {""}, false, 0, 0, false, false, false, NULL, NULL, NULL},
    {M, {"-"}, false, 0, 0, false, false, false, NULL, NULL, NULL},
    {M, {ID, "-v"}, false, 0, 0, false, false, false, NULL, NULL, NULL},
    {M, {"--", ID, ID2}, true, JOB_LIST, 2, false, false, false, NULL, NULL, NULL},
    {M, {"--", "-v"}, false, 0, 0, false, false, false, NULL, NULL, NULL},
    {M, {"--help", "nonsense"}, true, JOB_HELP, 0, false, false, false, NULL, NULL, NULL},
    {F, {NULL}, true, JOB_TRY, 0, false, false, false, NULL, NULL, NULL},
    {F, {"-av"}, true, JOB_TRY, 0, true, true, false, NULL, NULL, NULL},
    {F, {"--all", ID}, true, JOB_TRY, 1, true, false, false, NULL, NULL, NULL},
    {F, {"all"}, true, JOB_TRY, 1, true, false, false, NULL, NULL, NULL},
    {F, {"--remove"}, false, 0, 0, false, false, false, NULL, NULL, NULL},
    {F, {"--remove", ID, ID2}, true, JOB_REMOVE, 2, false, false, false, NULL, NULL, NULL},
    {F, {"--freeze", "all"}, true, JOB_FREEZE, 1, true, false, false, NULL, NULL, NULL},
    {F, {"--thaw", "--retry", ID}, false, 0, 0, false, false, false, NULL, NULL, NULL},
    {F, {"--retry", "bad"}, true, JOB_RETRY, 1, false, false, false, NULL, NULL, NULL},
    {F, {"--id", "12"}, true, JOB_TRY, 0, false, false, false, NULL, NULL, "12"},
    {F, {"--id", "12", ID}, false, 0, 0, false, false, false, NULL, NULL, NULL},
    {F,
     {"--sender=a", "--remove", "all"},
     true,
     JOB_REMOVE,
     1,
     true,
     false,
     false,
     NULL,
     NULL,
     NULL},
    {F, {"--freeze", "--id=12"}, true, JOB_FREEZE, 0, false, false, false, NULL, NULL, "12"},
    {F, {"--sender=a", "--remove", ID}, false, 0, 0, false, false, false, NULL, NULL, NULL},
    {F, {"--remove", "--recipient", ""}, false, 0, 0, false, false, false, NULL, NULL, NULL},
    {F, {"--remove", "all", "--id=1"}, false, 0, 0, false, false, false, NULL, NULL, NULL},
    {F, {"--remove", "--id=", "all"}, false, 0, 0, false, false, false, NULL, NULL, NULL},
    {F, {"--caller", "x"}, false, 0, 0, false, false, false, NULL, NULL, NULL},
    {F, {"--caller", "-1"}, false, 0, 0, false, false, false, NULL, NULL, NULL},
    {F, {"--caller", "99999999999"}, false, 0, 0, false, false, false, NULL, NULL, NULL},
    {F, {"--json"}, false, 0, 0, false, false, false, NULL, NULL, NULL},
    {F, {"-qf", "-v"}, true, JOB_TRY, 0, false, true, false, NULL, NULL, NULL},
};

static void same(const char *got, const char *want)
{
	ck_assert((!got) == (!want));
	if (want)
		ck_assert_str_eq(got, want);
}

START_TEST(test_scan)
{
	const struct scan_case *c = &cases[_i];
	char *argv[ARGS + 2] = {mem_copy(STR("mailq"))};
	int argc = 1;
	struct fault f = FAULT_INIT;
	while (c->args[argc - 1]) {
		argv[argc] = mem_copy(str_of(c->args[argc - 1]));
		argc++;
	}
	struct mailq_call call;
	bool ok = mailq_options_scan(c->program, argc, argv, &call, &f);
	ck_assert_msg(ok == c->ok, "%s: %s", c->args[0] ? c->args[0] : "", f.text);
	if (!ok) {
		ck_assert_int_eq(f.kind, FAULT_USAGE);
	} else {
		ck_assert_int_eq(call.job, c->job);
		ck_assert_uint_eq(call.id_count, c->ids);
		ck_assert(call.all == c->all && call.verbose == c->verbose);
		ck_assert(call.failed == c->failed);
		ck_assert_int_eq(call.caller, -1);
		same(call.config, c->config);
		same(call.show, c->show);
		same(call.only_id, c->only_id);
	}
	for (int i = 0; i < argc; i++)
		free(argv[i]);
}
END_TEST

/* As sendmail starts it. */
START_TEST(test_from_sendmail)
{
	char *argv[] = {(char[]){"flushq"}, (char[]){"-C"}, (char[]){"f"}, (char[]){"--caller"},
	                (char[]){"3"},      (char[]){ID},   NULL};
	char *first[] = {(char[]){"flushq"}, (char[]){"--first"}, (char[]){ID}, NULL};
	struct mailq_call call;
	struct fault f = FAULT_INIT;
	ck_assert(mailq_options_scan(PROGRAM_FLUSHQ, 6, argv, &call, &f));
	ck_assert_int_eq(call.caller, 3);
	ck_assert(!call.first);
	ck_assert_str_eq(call.ids[0], ID);
	ck_assert(mailq_options_scan(PROGRAM_FLUSHQ, 3, first, &call, &f));
	ck_assert(call.first && call.caller == -1 && call.id_count == 1);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("mailq_options");
	TCase *t = tcase_create("mailq_options");
	tcase_add_loop_test(t, test_scan, 0, (int)(sizeof(cases) / sizeof(cases[0])));
	tcase_add_test(t, test_from_sendmail);
	suite_add_tcase(s, t);
	SRunner *r = srunner_create(s);
	srunner_run_all(r, CK_ENV);
	int n = srunner_ntests_failed(r);
	srunner_free(r);
	return n ? 1 : 0;
}
