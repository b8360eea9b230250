/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "text/buf.h"

#include <check.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "unit.h"

static void same(struct str got, const char *want)
{
	ck_assert_msg(str_eq(got, str_of(want)), "got '%.*s', want '%s'", STR_FMT(got), want);
}

START_TEST(views)
{
	struct str none = str_of(NULL);
	ck_assert_uint_eq(none.len, 0);
	ck_assert_ptr_nonnull(none.at);
	ck_assert_uint_eq(str_make(NULL, 7).len, 0);
	ck_assert_uint_eq(STR("a\0b").len, 3);
	ck_assert(str_eq(none, STR("")));
	ck_assert(!str_eq(STR("a"), STR("A")));
	ck_assert(!str_eq(STR("a"), STR("ab")));
	ck_assert(str_eq((struct str){NULL, 0}, none));
	ck_assert(str_caseeq(STR("MaIl@[z"), STR("mAiL@[Z")));
	/* '@' and '`' differ in the bit that letters differ in */
	ck_assert(!str_caseeq(STR("@"), STR("`")));
	ck_assert(!str_caseeq(STR("\xC4"), STR("\xE4")));
	static const char *const words[] = {"To", "cc"};
	ck_assert(str_caseamong(STR("CC"), words, 2) && str_caseamong(STR("to"), words, 2));
	ck_assert(!str_caseamong(STR("CC"), words, 1) && !str_caseamong(STR("T"), words, 2));
}
END_TEST

START_TEST(prefixes)
{
	static const struct {
		const char *s, *part;
		bool starts, casestarts, ends, caseends;
	} row[] = {
	    {"", "", true, true, true, true},
	    {"abc", "", true, true, true, true},
	    {"abc", "abc", true, true, true, true},
	    {"abc", "ab", true, true, false, false},
	    {"abc", "bc", false, false, true, true},
	    {"abc", "AB", false, true, false, false},
	    {"abc", "BC", false, false, false, true},
	    {"abc", "abcd", false, false, false, false},
	    {"", "a", false, false, false, false},
	};

	for (size_t i = 0; i < COUNT(row); i++) {
		struct str s = str_of(row[i].s), part = str_of(row[i].part);
		ck_assert_msg(str_starts(s, part) == row[i].starts, "row %zu", i);
		ck_assert_msg(str_casestarts(s, part) == row[i].casestarts, "row %zu", i);
		ck_assert_msg(str_ends(s, part) == row[i].ends, "row %zu", i);
		ck_assert_msg(str_caseends(s, part) == row[i].caseends, "row %zu", i);
	}
}
END_TEST

START_TEST(finding)
{
	struct str s = STR("a.b.c"), none = {NULL, 0};
	ck_assert_uint_eq(str_find(s, '.'), 1);
	ck_assert_uint_eq(str_rfind(s, '.'), 3);
	ck_assert_uint_eq(str_rfind(s, 'a'), 0);
	ck_assert_uint_eq(str_find(s, 'z'), STR_NONE);
	ck_assert_uint_eq(str_rfind(s, 'z'), STR_NONE);
	ck_assert_uint_eq(str_find(none, 'z'), STR_NONE);
	same(str_from(s, 2), "b.c");
	same(str_from(s, 5), "");
	same(str_from(s, 6), "");
	same(str_from(s, SIZE_MAX), "");
	same(str_from(none, 1), "");
	same(str_first(s, 0), "");
	same(str_first(s, 3), "a.b");
	same(str_first(s, SIZE_MAX), "a.b.c");
	same(str_trim(STR(" \t\r\n a b \r\n")), "a b");
	same(str_trim(STR(" \t ")), "");
	same(str_trim(STR("a\v")), "a\v");
}
END_TEST

START_TEST(cutting)
{
	static const struct {
		const char *s, *want; /* the pieces, each followed by '|' */
	} row[] = {
	    {"", ""},      {"a", "a|"},       {"a,b", "a|b|"}, {"a,", "a|"},
	    {",a", "|a|"}, {"a,,b", "a||b|"}, {",", "|"},
	};

	for (size_t i = 0; i < COUNT(row); i++) {
		struct str rest = str_of(row[i].s);
		struct buf got;
		buf_init(&got, 100);
		struct str piece;
		while (str_cut(&rest, ',', &piece))
			ck_assert(buf_add_str(&got, piece) && buf_add_char(&got, '|'));
		same(buf_str(&got), row[i].want);
		ck_assert(!str_cut(&rest, ',', &piece));
		buf_release(&got);
	}
}
END_TEST

START_TEST(cut_tells_the_last_piece)
{
	struct str rest = STR("a,b"), piece;
	ck_assert(str_cut(&rest, ',', &piece));
	ck_assert_ptr_nonnull(rest.at);
	ck_assert(str_cut(&rest, ',', &piece));
	ck_assert_ptr_null(rest.at);
}
END_TEST

START_TEST(numbers)
{
	static const struct {
		const char *s;
		long long want; /* -1: not a number */
	} row[] = {
	    {"0", 0},
	    {"007", 7},
	    {"999999999999999999", 999999999999999999},
	    {"1000000000000000000", -1},
	    {"", -1},
	    {"-1", -1},
	    {"+1", -1},
	    {" 1", -1},
	    {"1 ", -1},
	    {"0x1", -1},
	};

	for (size_t i = 0; i < COUNT(row); i++) {
		long long got = -1;
		bool ok = str_number(str_of(row[i].s), &got);
		ck_assert_msg(ok == (row[i].want >= 0), "'%s'", row[i].s);
		ck_assert_msg(got == row[i].want, "'%s': %lld", row[i].s, got);
	}
}
END_TEST

START_TEST(ascii)
{
	for (int i = 0; i < 256; i++) {
		char c = (char)i;
		bool upper = i >= 0x41 && i <= 0x5A, lower = i >= 0x61 && i <= 0x7A;
		ck_assert_int_eq(ascii_alpha(c), upper || lower);
		ck_assert_int_eq(ascii_digit(c), i >= 0x30 && i <= 0x39);
		ck_assert_int_eq(ascii_space(c), i == 0x20 || i == 0x09);
		ck_assert_int_eq(ascii_lower(c), upper ? (char)(i + 0x20) : c);
	}
}
END_TEST

START_TEST(maximum)
{
	struct buf b;
	buf_init(&b, 5);
	same(buf_str(&b), "");
	ck_assert(buf_add(&b, "abc", 3));
	ck_assert(!buf_add(&b, "def", 3));
	same(buf_str(&b), "abc");
	const char *text = buf_cstr(&b);
	ck_assert(!buf_addf(&b, "%03d", 7));
	ck_assert_str_eq(text, "abc");
	same(buf_str(&b), "abc");
	ck_assert(buf_addf(&b, "%02d", 7));
	same(buf_str(&b), "abc07");
	ck_assert(!buf_add_char(&b, 'x'));
	ck_assert(buf_add(&b, NULL, 0));
	ck_assert(buf_add_str(&b, STR("")));
	ck_assert_str_eq(buf_cstr(&b), "abc07");
	ck_assert_ptr_null(buf_room(&b, 1));
	ck_assert_ptr_null(buf_room(&b, SIZE_MAX));
	ck_assert_ptr_nonnull(buf_room(&b, 0));
	buf_drop(&b, 2);
	same(buf_str(&b), "c07");
	buf_clear(&b);
	ck_assert(buf_add(&b, "12345", 5));
	buf_release(&b);
	same(buf_str(&b), "");
	ck_assert(!buf_add(&b, "123456", 6));
	ck_assert(buf_add(&b, "12345", 5));
	buf_release(&b);
}
END_TEST

START_TEST(maximum_zero)
{
	struct buf b;
	buf_init(&b, 0);
	ck_assert(!buf_add_char(&b, 'x'));
	ck_assert(buf_add(&b, "", 0));
	ck_assert_str_eq(buf_cstr(&b), "");
	buf_release(&b);
}
END_TEST

START_TEST(growth)
{
	struct buf b;
	buf_init(&b, SIZE_MAX);
	ck_assert_str_eq(buf_cstr(&b), "");
	for (int i = 0; i < 10000; i++)
		ck_assert(buf_add_char(&b, (char)('a' + i % 26)));
	ck_assert_uint_eq(b.len, 10000);
	for (int i = 0; i < 10000; i++)
		ck_assert_int_eq(b.at[i], 'a' + i % 26);
	char *room = buf_room(&b, 5000);
	ck_assert_ptr_nonnull(room);
	memset(room, '!', 5000);
	buf_filled(&b, 3);
	ck_assert_uint_eq(b.len, 10003);
	buf_drop(&b, 10000);
	same(buf_str(&b), "!!!");
	buf_drop(&b, 3);
	same(buf_str(&b), "");
	buf_release(&b);
}
END_TEST

START_TEST(wiping)
{
	struct buf b;
	buf_init(&b, 100);
	ck_assert(buf_add(&b, "secret", 6));
	buf_drop(&b, 3);
	buf_wipe(&b);
	ck_assert_uint_eq(b.len, 0);
	for (size_t i = 0; i < b.cap; i++)
		ck_assert_int_eq(b.at[i], 0);
	buf_release(&b);
	buf_wipe(&b);
}
END_TEST

START_TEST(memory)
{
	size_t cap = 0;
	int *list = mem_grow(NULL, &cap, 1, sizeof(*list));
	char *text = mem_copy(STR("a\0b"));
	ck_assert_uint_ge(cap, 1);
	ck_assert_int_eq(list[0], 0);
	list[0] = 5;
	list = mem_grow(list, &cap, 1000, sizeof(*list));
	ck_assert_uint_ge(cap, 1000);
	ck_assert_int_eq(list[0], 5);
	ck_assert_int_eq(list[cap - 1], 0);
	ck_assert_ptr_eq(mem_grow(list, &cap, 10, sizeof(*list)), list);
	free(list);
	ck_assert_int_eq(memcmp(text, "a\0b", 4), 0);
	free(text);
	text = mem_printf("%s-%d", "x", 12);
	ck_assert_str_eq(text, "x-12");
	free(text);
	text = mem_alloc(0);
	ck_assert_ptr_nonnull(text);
	free(text);
}
END_TEST

/* What a caller sees when memory runs out: 75 and one line. */
START_TEST(out_of_memory)
{
	char text[100] = "";
	int fds[2];
	ck_assert_int_eq(pipe(fds), 0);
	pid_t child = fork();
	ck_assert_int_ge(child, 0);
	if (child == 0) {
		size_t cap = 0;
		dup2(fds[1], STDERR_FILENO);
		mem_grow(NULL, &cap, SIZE_MAX / 2, 8);
		_exit(0);
	}
	close(fds[1]);
	ck_assert_int_gt(read(fds[0], text, sizeof(text) - 1), 0);
	close(fds[0]);
	int status;
	ck_assert_int_eq(waitpid(child, &status, 0), child);
	ck_assert(WIFEXITED(status));
	ck_assert_int_eq(WEXITSTATUS(status), 75);
	ck_assert_str_eq(text, "sendmail: out of memory\n");
}
END_TEST

int main(void)
{
	Suite *s = suite_create("buf");
	TCase *c = unit_case(s, "all");
	tcase_add_test(c, views);
	tcase_add_test(c, prefixes);
	tcase_add_test(c, finding);
	tcase_add_test(c, cutting);
	tcase_add_test(c, cut_tells_the_last_piece);
	tcase_add_test(c, numbers);
	tcase_add_test(c, ascii);
	tcase_add_test(c, maximum);
	tcase_add_test(c, maximum_zero);
	tcase_add_test(c, growth);
	tcase_add_test(c, wiping);
	tcase_add_test(c, memory);
	tcase_add_test(c, out_of_memory);
	return unit_run(s);
}
