/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>

#include "cmd/args.h"

#include "unit.h"

#define ARGS 6

enum { QUIET = 1, FILE_NAME, LEVEL, RELAY, COLOR, HELP };

static const struct args_row rows[] = {
    ARGS_HEADING("First:"),
    {'q', NULL, ARGS_NOTHING, NULL, QUIET, 0, "quiet"},
    {'x', "--extra", ARGS_NOTHING, NULL, QUIET, 7, "extra quiet"},
    {'f', "--file", ARGS_ARGUMENT, "FILE", FILE_NAME, 0, "reads it"},
    ARGS_HEADING("Then:"),
    {'d', NULL, ARGS_ATTACHED, "[LEVEL]", LEVEL, 0, "debugs"},
    {0, "--relay", ARGS_ARGUMENT, "NAME", RELAY, 0, "uses it"},
    {0, "--color", ARGS_ATTACHED, "[=WHEN]", COLOR, 0, "in colours"},
    {0, "--help", ARGS_ALONE, NULL, HELP, 0, "this list"},
};

static const struct args_table plain = {rows, COUNT(rows), false, 16};
static const struct args_table classic = {rows, COUNT(rows), true, 0};

/* What is found, a word an option, "=" and its argument; behind "|" the operands, or behind
 * "!" what is wrong. */
static const struct {
	const char *args[ARGS];
	const char *found;
	const char *classic; /* NULL: as found */
} cases[] = {
    {{NULL}, "|", NULL},
    {{"-q"}, "q |", NULL},
    {{"-qx", "a", "b"}, "q x |a b ", NULL},
    {{"--extra", "-q"}, "x q |", NULL},
    /* An argument is attached, or the next word, whatever that is. */
    {{"-ffile"}, "f=file |", NULL},
    {{"-f", "file", "a"}, "f=file |a ", NULL},
    {{"-qf", "-q", "-x"}, "q f=-q x |", NULL},
    {{"-qfq", "-x"}, "q f=q x |", NULL},
    {{"-f", "--", "--"}, "f=-- |", NULL},
    {{"-f", ""}, "f= |", NULL},
    {{"-f=x"}, "f==x |", NULL},
    {{"--file=a=b", "-q"}, "f=a=b q |", NULL},
    {{"--file", "--extra"}, "f=--extra |", NULL},
    {{"--relay="}, "--relay= |", NULL},
    {{"--relay", "r", "-q"}, "--relay=r q |", NULL},
    {{"-f"}, "!-f needs an argument (FILE)", "!option requires an argument -- f"},
    {{"-qxf"}, "q x !-f needs an argument (FILE)", "q x !option requires an argument -- f"},
    {{"--file"}, "!--file needs an argument (FILE)", "!--file requires an argument"},
    /* Only attached, or none: the next word is another. */
    {{"-d"}, "d |", NULL},
    {{"-d", "3"}, "d |3 ", NULL},
    {{"-qd3x", "-x"}, "q d=3x x |", NULL},
    {{"--color", "a"}, "--color |a ", NULL},
    {{"--color=never"}, "--color=never |", NULL},
    {{"--color="}, "--color= |", NULL},
    {{"--extra=1"}, "!--extra takes no argument", NULL},
    {{"-x=1"}, "x !unknown option -=", "x !illegal option -- ="},
    /* Where it ends. */
    {{"a", "-q"}, "|a -q ", NULL},
    {{"-q", "-", "-q"}, "q |- -q ", NULL},
    {{"-q", "--", "-q"}, "q |-q ", NULL},
    {{"--", "--"}, "|-- ", NULL},
    {{"--"}, "|", NULL},
    {{"", "-q"}, "| -q ", NULL},
    /* Those that there are not. */
    {{"-z"}, "!unknown option -z", "!illegal option -- z"},
    {{"-q-"}, "q !unknown option --", "q !illegal option -- -"},
    {{"-\xe9"}, "!unknown option -\\xE9", "!illegal option -- \\xE9"},
    {{"--ext"}, "!unknown option --ext", NULL},
    {{"--extras"}, "!unknown option --extras", NULL},
    {{"--none=1"}, "!unknown option --none=1", NULL},
    {{"--="}, "!unknown option --=", NULL},
    {{"--=x"}, "!unknown option --=x", NULL},
    {{"---"}, "!unknown option ---", NULL},
    /* The one that is known only without others. */
    {{"--help"}, "--help |", NULL},
    {{"--help", "a"}, "!--help must be the only argument", NULL},
    {{"-q", "--help"}, "q !--help must be the only argument", NULL},
    {{"--help="}, "!--help must be the only argument", NULL},
    {{"a", "--help"}, "|a --help ", NULL},
};

static void scan(const struct args_table *table, int argc, char **argv, const char *want)
{
	struct fault f = FAULT_INIT;
	struct args a = {.table = table, .argc = argc, .argv = argv, .at = 1};
	struct buf found;
	buf_init(&found, 1024);
	bool ok = true;
	while ((ok = args_next(&a, &f)) && a.row) {
		const char letter[] = {a.row->letter, '\0'};
		ck_assert(buf_addf(&found, "%s%s%s ", a.row->letter ? letter : a.row->name,
		                   a.argument ? "=" : "", a.argument ? a.argument : ""));
	}
	ck_assert(buf_addf(&found, "%s", ok ? "|" : "!"));
	for (int i = a.at; ok && i < argc; i++)
		ck_assert(buf_addf(&found, "%s ", argv[i]));
	ck_assert(buf_addf(&found, "%s", f.text));
	ck_assert_str_eq(buf_cstr(&found), want);
	ck_assert_int_eq(f.kind, ok ? FAULT_NONE : FAULT_USAGE);
	buf_release(&found);
}

START_TEST(test_scan)
{
	char *argv[ARGS + 2] = {mem_copy(STR("x"))};
	int argc = 1;
	for (; cases[_i].args[argc - 1]; argc++)
		argv[argc] = mem_copy(str_of(cases[_i].args[argc - 1]));
	const char *found = cases[_i].found;
	scan(&plain, argc, argv, found);
	scan(&classic, argc, argv, cases[_i].classic ? cases[_i].classic : found);
	for (int i = 0; i < argc; i++)
		free(argv[i]);
}
END_TEST

/* A program may be started without any word, its own name too. */
START_TEST(test_no_words)
{
	char *argv[] = {NULL};
	scan(&plain, 0, argv, "|");
	struct fault f = FAULT_INIT;
	ck_assert(args_printable(0, argv, &f));
}
END_TEST

/* text: of the fault, or NULL. */
static const struct {
	const char *word, *text;
} printables[] = {
    {"", NULL},
    {"a b\tc", NULL},
    {"\xc3\xa9\xff\x80", NULL},
    {"a\n", "argument 2 has a control byte (code 10)"},
    {"\r", "argument 2 has a control byte (code 13)"},
    {"\x1b[0m", "argument 2 has a control byte (code 27)"},
    {"x\x1f", "argument 2 has a control byte (code 31)"},
    {"\x7f", "argument 2 has a control byte (code 127)"},
};

START_TEST(test_printable)
{
	/* The name is whoever's who calls. */
	char *argv[] = {mem_copy(STR("a\n")), mem_copy(STR("--")),
	                mem_copy(str_of(printables[_i].word)), NULL};
	struct fault f = FAULT_INIT;
	ck_assert_int_eq(args_printable(3, argv, &f), !printables[_i].text);
	ck_assert_int_eq(f.kind, printables[_i].text ? FAULT_USAGE : FAULT_NONE);
	ck_assert_str_eq(f.text, printables[_i].text ? printables[_i].text : "");
	for (int i = 0; i < 3; i++)
		free(argv[i]);
}
END_TEST

static void helps(const struct args_table *table, const char *want)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);
	ck_assert_ptr_nonnull(out);
	args_help(table, out);
	ck_assert_int_eq(fclose(out), 0);
	ck_assert_str_eq(text, want);
	free(text);
}

START_TEST(test_help)
{
	helps(&plain, "\nFirst:\n"
	              "  -q               quiet\n"
	              "  -x, --extra      extra quiet\n"
	              "  -f, --file FILE  reads it\n"
	              "\nThen:\n"
	              "  -d[LEVEL]        debugs\n"
	              "  --relay NAME     uses it\n"
	              "  --color[=WHEN]   in colours\n"
	              "  --help           this list\n");
	const struct args_table tabs = {rows, 5, true, 0};
	helps(&tabs, "\nFirst:\n"
	             "  -q\tquiet\n"
	             "  -x, --extra\textra quiet\n"
	             "  -f, --file FILE\treads it\n"
	             "\nThen:\n");
}
END_TEST

int main(void)
{
	Suite *s = suite_create("args");
	TCase *t = unit_case(s, "args");
	tcase_add_loop_test(t, test_scan, 0, COUNT(cases));
	tcase_add_test(t, test_no_words);
	tcase_add_loop_test(t, test_printable, 0, COUNT(printables));
	tcase_add_test(t, test_help);
	return unit_run(s);
}
