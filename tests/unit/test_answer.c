/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "oauth/answer.h"

#include <string.h>

#include "unit.h"

START_TEST(members)
{
	bool there;
	struct answer *a = answer_read(
	    STR("{\"t\":\"x\",\"n\":7,\"s\":\"8\",\"l\":[\"a\",1],\"z\":null,\"f\":1.5}"));
	ck_assert_ptr_nonnull(a);
	ck_assert_str_eq(answer_text(a, "t"), "x");
	ck_assert_ptr_null(answer_text(a, "n"));
	ck_assert_ptr_null(answer_text(a, "z"));
	ck_assert_ptr_null(answer_text(a, "none"));
	ck_assert_int_eq(answer_number(a, "n"), 7);
	ck_assert_int_eq(answer_number(a, "s"), 8);
	ck_assert_int_eq(answer_number(a, "t") + answer_number(a, "f"), 0);
	ck_assert(answer_lists(a, "l", "a", &there) && there);
	ck_assert(!answer_lists(a, "l", "b", &there) && there);
	ck_assert(!answer_lists(a, "t", "x", &there) && !there);
	answer_free(a);
}
END_TEST

static const char *const bad[] = {"",
                                  "[1]",
                                  "{",
                                  "{\"a\":\"x\"}y",
                                  "{\"a\":1,\"a\":2}",
                                  "{\"a\":\"\\u0000\"}",
                                  "{\"a\":\"",
                                  "1",
                                  "{\"a\":01}",
                                  "{'a':1}",
                                  "\xff\xfe"};

START_TEST(no_answers)
{
	ck_assert_msg(!answer_read(str_of(bad[_i])), "%s", bad[_i]);
}
END_TEST

START_TEST(deep)
{
	char text[20000];
	memset(text, '[', sizeof(text));
	memcpy(text, "{\"a\":", 5);
	ck_assert_ptr_null(answer_read(str_make(text, sizeof(text))));
}
END_TEST

int main(void)
{
	Suite *s = suite_create("answer");
	TCase *c = unit_case(s, "answer");
	answer_begin();
	tcase_add_test(c, members);
	tcase_add_loop_test(c, no_answers, 0, COUNT(bad));
	tcase_add_test(c, deep);
	return unit_run(s);
}
