/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cmd/queue/mailq_options.h"

#include "unit.h"

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
    {F, {"--remove", ID, ID2}, true, JOB_ADMIN, 2, false, false, false, NULL, NULL, NULL},
    {F, {"--freeze", "all"}, true, JOB_ADMIN, 1, true, false, false, NULL, NULL, NULL},
    {F, {"--thaw", "--retry", ID}, false, 0, 0, false, false, false, NULL, NULL, NULL},
    {F, {"--freeze", "--thaw", ID}, false, 0, 0, false, false, false, NULL, NULL, NULL},
    {F, {"--thaw", "--thaw", ID}, true, JOB_ADMIN, 1, false, false, false, NULL, NULL, NULL},
    {F, {"--all", "--retry", "bad"}, true, JOB_ADMIN, 1, true, false, false, NULL, NULL, NULL},
    {F, {"--retry", "bad"}, true, JOB_ADMIN, 1, false, false, false, NULL, NULL, NULL},
    {F, {"--id", "12"}, true, JOB_TRY, 0, false, false, false, NULL, NULL, "12"},
    {F, {"--id", "12", ID}, false, 0, 0, false, false, false, NULL, NULL, NULL},
    {F,
     {"--sender=a", "--remove", "all"},
     true,
     JOB_ADMIN,
     1,
     true,
     false,
     false,
     NULL,
     NULL,
     NULL},
    {F, {"--freeze", "--id=12"}, true, JOB_ADMIN, 0, false, false, false, NULL, NULL, "12"},
    {F, {"--sender=a", "--remove", ID}, false, 0, 0, false, false, false, NULL, NULL, NULL},
    {F, {"--remove", "--recipient", ""}, false, 0, 0, false, false, false, NULL, NULL, NULL},
    {F, {"--remove", "all", "--id=1"}, false, 0, 0, false, false, false, NULL, NULL, NULL},
    {F, {"--remove", "--id=", "all"}, false, 0, 0, false, false, false, NULL, NULL, NULL},
    /* Words of our own programs stand in argv[0] alone. */
    {F, {"--caller", "3"}, false, 0, 0, false, false, false, NULL, NULL, NULL},
    {F, {"--first"}, false, 0, 0, false, false, false, NULL, NULL, NULL},
    {F, {"--for", "0"}, false, 0, 0, false, false, false, NULL, NULL, NULL},
    {F, {"--tag", "x"}, false, 0, 0, false, false, false, NULL, NULL, NULL},
    {F, {"first", "for=0"}, true, JOB_TRY, 2, false, false, false, NULL, NULL, NULL},
    {M, {"for=0"}, false, 0, 0, false, false, false, NULL, NULL, NULL},
    {M, {"TZ=UTC"}, false, 0, 0, false, false, false, NULL, NULL, NULL},
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
		ck_assert(!call.for_user && !call.door && !call.first && !call.tag &&
		          !call.zone);
		if (call.job == JOB_ADMIN)
			ck_assert_ptr_nonnull(strstr(buf_cstr(&call.options), call.verb));
		same(call.config, c->config);
		same(call.show, c->show);
		same(call.only_id, c->only_id);
	}
	mailq_options_release(&call);
	for (int i = 0; i < argc; i++)
		free(argv[i]);
}
END_TEST

/* What goes on to another program, and so what post is asked to let through. */
static const struct {
	enum mailq_program program;
	const char *args[ARGS];
	const char *options;
} lines[] = {
    {M, {NULL}, ""},
    {M, {"-vjAc", "--failed", ID}, "\n-v\n--json\n--failed"},
    {M, {"-q5m", "--show", ID}, "\n--show=" ID},
    {F, {"-av", "--recipient", "-C x"}, "\n--all\n-v\n--recipient=-C x"},
    {F, {"-Cfile", "--remove", "--id=", "--", ID}, "\n--remove\n--id="},
};

START_TEST(test_options_again)
{
	char *argv[ARGS + 2] = {(char[]){"x"}};
	int argc = 1;
	struct fault f = FAULT_INIT;
	for (; lines[_i].args[argc - 1]; argc++)
		argv[argc] = (char *)lines[_i].args[argc - 1];
	struct mailq_call call;
	bool ok = mailq_options_scan(lines[_i].program, argc, argv, &call, &f);
	ck_assert(ok || strstr(f.text, "without a text"));
	ck_assert_str_eq(buf_cstr(&call.options), lines[_i].options);
	mailq_options_release(&call);
}
END_TEST

/* argv[0]: the program, and what stands behind it. tag "?": refused. */
static const struct {
	const char *name;
	enum mailq_program program;
	bool first, door, accepted, for_user;
	uid_t user;
	int caller;
	const char *tag;
} names[] = {
    {"flushq", F, false, false, false, false, 0, -1, NULL},
    {"", M, false, false, false, false, 0, -1, NULL},
    {"/usr/sbin/flushq", F, false, false, false, false, 0, -1, NULL},
    {"/x/runq", F, false, false, false, false, 0, -1, NULL},
    {"/my flushq/mailq", M, false, false, false, false, 0, -1, NULL},
    {"my x/flushq", F, false, false, false, false, 0, -1, NULL},
    {"./flushq first", M, false, false, false, false, 0, -1, NULL},
    {"flushq first", F, true, false, false, false, 0, -1, NULL},
    {"flushq caller", F, false, false, false, false, 0, CHILD_FD, NULL},
    {"flushq caller tag=a b/c first", F, false, false, false, false, 0, CHILD_FD,
     "a b/c first"},
    {"flushq for=7 accepted", F, false, false, true, true, 7, -1, NULL},
    {"mailq for=4294967295 door", M, false, true, false, true, 4294967295, -1, NULL},
    {"flushq for=4294967296 door", F, false, false, false, false, 0, -1, "?"},
    {"flushq for=-1", F, false, false, false, false, 0, -1, "?"},
    {"flushq for=", F, false, false, false, false, 0, -1, "?"},
    {"flushq for=0x1", F, false, false, false, false, 0, -1, "?"},
    {"flushq first x", F, true, false, false, false, 0, -1, "?"},
    {"flushq  first", F, false, false, false, false, 0, -1, "?"},
};

START_TEST(test_name)
{
	char id[] = ID;
	char *argv[] = {mem_copy(str_of(names[_i].name)), id, NULL};
	struct fault f = FAULT_INIT;
	bool bad = names[_i].tag && strcmp(names[_i].tag, "?") == 0;
	ck_assert_int_eq(mailq_options_program(argv[0]), names[_i].program);
	struct mailq_call call;
	bool ok = mailq_options_scan(names[_i].program, 2, argv, &call, &f);
	ck_assert_int_eq(ok, !bad);
	ck_assert(call.first == names[_i].first && call.door == names[_i].door);
	ck_assert(call.for_user == names[_i].for_user && call.user == names[_i].user);
	ck_assert_int_eq(call.caller, names[_i].caller);
	if (ok) {
		ck_assert_int_eq(call.job == JOB_ACCEPTED, names[_i].accepted);
		same(call.tag, names[_i].tag);
		ck_assert_uint_eq(call.id_count, 1);
	}
	mailq_options_release(&call);
	free(argv[0]);
}
END_TEST

/* -C with somebody's rights. */
START_TEST(test_no_file_for_a_user)
{
	char *argv[] = {(char[]){"flushq for=7 door"}, (char[]){"-Cx"}, NULL};
	struct mailq_call call;
	struct fault f = FAULT_INIT;
	ck_assert(!mailq_options_scan(F, 2, argv, &call, &f));
	ck_assert_int_eq(f.kind, FAULT_USAGE);
	ck_assert(call.door);
	mailq_options_release(&call);
}
END_TEST

static const struct {
	const char *name, *word, *zone;
	bool plain, ok;
} variables[] = {
    {"mailq for=7 door", "NO_COLOR=1", NULL, true, true},
    {"mailq for=7 door", "TZ=UTC", "UTC", false, true},
    {"mailq for=7 door", "TZ=", "", false, true},
    {"mailq for=7 door", "TZ=America/Argentina/Salta", "America/Argentina/Salta", false, true},
    {"mailq for=7 door", "TZ=<-03>3:30,M3.2.0/2:00,M11.1.0", "<-03>3:30,M3.2.0/2:00,M11.1.0",
     false, true},
    {"mailq for=7 door", "TZ=/etc/shadow", NULL, false, true},
    {"mailq for=7 door", "TZ=:/etc/shadow", NULL, false, true},
    {"mailq for=7 door", "TZ=./x", NULL, false, true},
    {"mailq for=7 door", "TZ=Europe/../../../etc/shadow", NULL, false, true},
    {"mailq for=7 door", "TZ=aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
     NULL, false, true},
    {"mailq for=7 door", "NO_COLOR=2", NULL, false, false},
    {"mailq for=7 door", "LD_PRELOAD=x", NULL, false, false},
    {"flushq for=7 door", "TZ=UTC", NULL, false, true}, /* an ID that there is not */
    {"mailq for=7", "TZ=UTC", NULL, false, false},
};

START_TEST(test_variable)
{
	char *argv[] = {mem_copy(str_of(variables[_i].name)),
	                mem_copy(str_of(variables[_i].word)), NULL};
	struct mailq_call call;
	struct fault f = FAULT_INIT;
	bool ok = mailq_options_scan(mailq_options_program(argv[0]), 2, argv, &call, &f);
	ck_assert_int_eq(ok, variables[_i].ok);
	ck_assert_int_eq(call.plain, variables[_i].plain);
	same(call.zone, variables[_i].zone);
	mailq_options_release(&call);
	free(argv[0]);
	free(argv[1]);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("mailq_options");
	TCase *t = unit_case(s, "mailq_options");
	tcase_add_loop_test(t, test_scan, 0, COUNT(cases));
	tcase_add_loop_test(t, test_options_again, 0, COUNT(lines));
	tcase_add_loop_test(t, test_name, 0, COUNT(names));
	tcase_add_test(t, test_no_file_for_a_user);
	tcase_add_loop_test(t, test_variable, 0, COUNT(variables));
	return unit_run(s);
}
