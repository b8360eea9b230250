/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <check.h>
#include <stdio.h>
#include <string.h>

#include "text/buf.h"
#include "text/fault.h"
#include "mail/alias.h"
#include "unit.h"

#define ROOM (16 * 1024 * 1024)

static void note_warning(void *context, size_t line, const char *text)
{
	struct buf *b = context;
	ck_assert(buf_addf(b, "%zu:%s\n", line, text));
}

static bool note_result(void *context, struct str mailbox, struct fault *f)
{
	struct buf *b = context;
	(void)f;
	if (b->len > 0)
		ck_assert(buf_add_char(b, ' '));
	ck_assert(buf_add_str(b, mailbox));
	return true;
}

static bool refuse(void *context, struct str mailbox, struct fault *f)
{
	(void)context;
	(void)mailbox;
	return fault_set(f, FAULT_TEMP, "no");
}

static const struct expansion {
	const char *file;
	const char *name;
	const char *want;
} expansions[] = {
    {"", "root", "root"},
    {"root: a@x\n", "root", "a@x"},
    {"root: a@x\n", "other", "other"},
    {"root: a@x", "root", "a@x"},
    {"Root : a@x\n", "rOOt", "a@x"},
    {"root:a@x,b@y ,c\n", "root", "a@x b@y c"},
    {"root:\ta@x,\r\n\tb@y\r\n", "root", "a@x b@y"},
    {"# c\nroot: a@x,\n# inside\n  # and more\n\n b@y\n", "root", "a@x b@y"},
    {"root: a@x\n\nnobody: root\n", "nobody", "a@x"},
    /* nesting keeps the order */
    {"a: b, x@1\nb: c, x@2\nc: x@3\n", "a", "x@3 x@2 x@1"},
    /* a name is followed once */
    {"a: b, c\nb: d\nc: d, x@2\nd: x@1\n", "a", "x@1 x@2"},
    /* loops */
    {"root: root, a@x\n", "root", "root a@x"},
    {"a: b\nb: a\n", "a", "a"},
    {"a: b\nb: a\n", "b", "b"},
    {"a: b, x@1\nb: c\nc: a, x@2\n", "a", "a x@2 x@1"},
    {"root: \\root, a@x\n", "root", "root a@x"},
    {"root: \\admin\nadmin: a@x\n", "root", "admin"},
    /* an address with a domain is none of our names */
    {"root: admin@x\nadmin: b@y\n", "root", "admin@x"},
    /* names in quotes */
    {"\"first last\": a@x\n", "\"first last\"", "a@x"},
    {"\"first last\": a@x\nall: \"First Last\", b@y\n", "all", "a@x b@y"},
    {"\"root\": a@x\n", "root", "a@x"},
    {"root: \"a b\"@x, \"c,d\"@y\n", "root", "\"a b\"@x \"c,d\"@y"},
    {"\"a:b\": c@x\n", "\"a:b\"", "c@x"},
    /* display names and comments */
    {"root: Admin <a@x>, \"B, C\" <b@y>, c@z (all, of it)\n", "root", "a@x b@y c@z"},
    /* the first of two counts */
    {"root: a@x\nROOT: b@y\n", "root", "a@x"},
    /* what is refused leaves the rest */
    {"root: |/bin/prog, a@x\n", "root", "a@x"},
    {"root: \"|/bin/prog arg, arg\", a@x\n", "root", "a@x"},
    {"root: /var/mail/root, a@x\n", "root", "a@x"},
    {"root: a@x, \"/var/mail/root\"\n", "root", "a@x"},
    {"root: :include:/etc/list, a@x\n", "root", "a@x"},
    {"root: \":Include:/etc/list\", a@x\n", "root", "a@x"},
    {"root: a@x; |prog\n", "root", "a@x"},
    {"root: <|prog>, a@x\n", "root", "a@x"},
    {"root: a@x@y, b@y\n", "root", "b@y"},
    /* nothing left: no alias */
    {"nobody: /dev/null\n", "nobody", "nobody"},
    {"nobody:\n", "nobody", "nobody"},
};

START_TEST(expands)
{
	const struct expansion *t = &expansions[_i];
	struct buf got;
	struct fault f = FAULT_INIT;
	struct alias *a = alias_parse(str_of(t->file), NULL, NULL);
	buf_init(&got, ROOM);
	ck_assert(alias_expand(a, str_of(t->name), note_result, &got, &f));
	ck_assert_str_eq(buf_cstr(&got), t->want);
	buf_release(&got);
	alias_free(a);
}
END_TEST

/* Of each warning: the line, and a word of its text. */
static const struct warning {
	const char *file;
	size_t line;
	const char *word; /* NULL: none at all */
} warnings[] = {
    {"root: a@x\n# c: |d\n\n", 0, NULL},
    {"root: a@x, |prog\n", 1, "program"},
    {"\n# c\nroot: a@x,\n b@y,\n \"|prog x\"\n", 5, "program"},
    {"root: a@x\nnobody: a@x, /dev/null\n", 2, "file"},
    {"root: :include:/x, a@x\n", 1, "include"},
    {"root: :fail: gone, a@x\n", 1, "address"},
    {"a: b@x\nroot a@x\n", 2, "line"},
    {"a: b@x\n: c@x\n", 2, "line"},
    {"a b: c@x\n", 1, "line"},
    {" root: a@x\n", 0, "line"},
    {"a: x@1\nb: x@2\nA: x@3\n", 3, "already"},
    {"a: x@1, y@z@\n", 1, "y@z@"},
};

START_TEST(warns)
{
	const struct warning *t = &warnings[_i];
	struct buf got;
	buf_init(&got, ROOM);
	alias_free(alias_parse(str_of(t->file), note_warning, &got));
	char number[32];
	if (!t->word) {
		ck_assert_uint_eq(got.len, 0);
	} else {
		snprintf(number, sizeof(number), "%zu:", t->line);
		if (t->line > 0)
			ck_assert(str_starts(buf_str(&got), str_of(number)));
		ck_assert_ptr_nonnull(strstr(buf_cstr(&got), t->word));
	}
	buf_release(&got);
}
END_TEST

START_TEST(warning_is_printable)
{
	struct buf got;
	buf_init(&got, ROOM);
	alias_free(alias_parse(STR("x: |\033[31m\001\n"), note_warning, &got));
	ck_assert_uint_gt(got.len, 0);
	for (size_t i = 0; i < got.len; i++)
		ck_assert(got.at[i] == '\n' || (got.at[i] >= ' ' && got.at[i] <= '~'));
	buf_release(&got);
}
END_TEST

START_TEST(has)
{
	struct alias *a =
	    alias_parse(STR("Root: a@x\n\"a b\": c@x\nnobody: /dev/null\n"), NULL, NULL);

	ck_assert(alias_has(a, STR("root")));
	ck_assert(alias_has(a, STR("ROOT")));
	ck_assert(alias_has(a, STR("\"A b\"")));
	ck_assert(!alias_has(a, STR("nobody")));
	ck_assert(!alias_has(a, STR("roo")));
	ck_assert(!alias_has(a, STR("")));
	ck_assert(!alias_has(NULL, STR("root")));
	alias_free(a);
	alias_free(NULL);
}
END_TEST

START_TEST(without_file)
{
	struct buf got;
	struct fault f = FAULT_INIT;
	buf_init(&got, ROOM);
	ck_assert(alias_expand(NULL, STR("root"), note_result, &got, &f));
	ck_assert_str_eq(buf_cstr(&got), "root");
	buf_release(&got);
}
END_TEST

START_TEST(sink_stops)
{
	struct fault f = FAULT_INIT;
	struct alias *a = alias_parse(STR("root: a@x, b@y\n"), NULL, NULL);
	ck_assert(!alias_expand(a, STR("root"), refuse, NULL, &f));
	ck_assert_int_eq(f.kind, FAULT_TEMP);
	alias_free(a);
}
END_TEST

static bool count(void *context, struct str mailbox, struct fault *f)
{
	size_t *n = context;
	(void)mailbox;
	(void)f;
	++*n;
	return true;
}

/* A list of that many addresses, some on each line. */
static void add_list(struct buf *b, const char *name, size_t n)
{
	ck_assert(buf_addf(b, "%s:", name));
	for (size_t i = 0; i < n; i++)
		ck_assert(buf_addf(b, "%s u%zu@x", i == 0 ? "" : i % 8 == 0 ? ",\n" : ",", i));
	ck_assert(buf_add_char(b, '\n'));
}

START_TEST(long_list)
{
	static const struct {
		size_t list;
		size_t times;
		bool ok;
	} sizes[] = {{10000, 1, true}, {100000, 2, true}, {100001, 2, false}};
	struct buf file;
	struct fault f = FAULT_INIT;
	size_t n = 0;

	buf_init(&file, ROOM);
	add_list(&file, "one", sizes[_i].list);
	add_list(&file, "two", sizes[_i].list);
	ck_assert(buf_addf(&file, "all: %s\n", sizes[_i].times == 2 ? "one, two" : "one"));
	struct alias *a = alias_parse(buf_str(&file), NULL, NULL);
	ck_assert_int_eq(alias_expand(a, STR("all"), count, &n, &f), sizes[_i].ok);
	if (sizes[_i].ok)
		ck_assert_uint_eq(n, sizes[_i].list * sizes[_i].times);
	else
		ck_assert_int_eq(f.kind, FAULT_DATA);
	alias_free(a);
	buf_release(&file);
}
END_TEST

START_TEST(deep_chain)
{
	struct buf file;
	struct fault f = FAULT_INIT;
	size_t n = 0;
	buf_init(&file, ROOM);
	for (int i = 0; i < 50000; i++)
		ck_assert(buf_addf(&file, "n%d: n%d\n", i, i + 1));
	struct alias *a = alias_parse(buf_str(&file), NULL, NULL);
	ck_assert(alias_expand(a, STR("n0"), count, &n, &f));
	ck_assert_uint_eq(n, 1);
	alias_free(a);
	buf_release(&file);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("alias");
	TCase *t = unit_case(s, "alias");
	tcase_set_timeout(t, 60);
	tcase_add_loop_test(t, expands, 0, COUNT(expansions));
	tcase_add_loop_test(t, warns, 0, COUNT(warnings));
	tcase_add_test(t, warning_is_printable);
	tcase_add_test(t, has);
	tcase_add_test(t, without_file);
	tcase_add_test(t, sink_stops);
	tcase_add_loop_test(t, long_list, 0, 3);
	tcase_add_test(t, deep_chain);
	return unit_run(s);
}
