/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdlib.h>
#include <string.h>

#include "text/buf.h"
#include "text/token.h"
#include "unit.h"

/* The tokens in want: a letter each for its kind, its text, "!" if it is open, and "|". */
static const char letters[] = {
    [TOKEN_END] = 'E',    [TOKEN_BLANK] = 'b',   [TOKEN_ATOM] = 'a',
    [TOKEN_QUOTED] = 'q', [TOKEN_COMMENT] = 'c', [TOKEN_LITERAL] = 'l',
    [TOKEN_PAIR] = 'p',   [TOKEN_SPECIAL] = 's', [TOKEN_CONTROL] = 'x',
};

static const struct token_case {
	enum token_set set;
	const char *text;
	const char *want;
} cases[] = {
    {TOKEN_MAIL, "", ""},
    {TOKEN_MAIL, "a", "aa|"},
    {TOKEN_MAIL, "a b", "aa|b |ab|"},
    {TOKEN_MAIL, " \t\r\n x\n", "b \t\r\n |ax|b\n|"},
    {TOKEN_MAIL, "a.b@c-d_e", "aa|s.|ab|s@|ac-d_e|"},
    {TOKEN_MAIL, "!#$%&'*+-/=?^_`{|}~", "a!#$%&'*+-/=?^_`{|}~|"},
    {TOKEN_MAIL, "()<>[]:;@,.", "c()|s<|s>|s[|s]|s:|s;|s@|s,|s.|"},
    {TOKEN_MAIL, "J\xC3\xBC\xFF,", "aJ\xC3\xBC\xFF|s,|"},
    {TOKEN_MAIL,
     "a\x01\x7F"
     "b",
     "aa|x\x01|x\x7F|ab|"},
    /* quoted strings */
    {TOKEN_MAIL, "\"\"", "q\"\"|"},
    {TOKEN_MAIL, "\"a b\"c", "q\"a b\"|ac|"},
    {TOKEN_MAIL, "\"a\\\"b\\\\\"\"c\"", "q\"a\\\"b\\\\\"|q\"c\"|"},
    {TOKEN_MAIL, "\"(<[,", "q\"(<[,!|"},
    {TOKEN_MAIL, "\"a\\\"", "q\"a\\\"!|"},
    {TOKEN_MAIL, "\"a\r\n b\n\x01\"", "q\"a\r\n b\n\x01\"|"},
    {TOKEN_MAIL, "a\"b\"", "aa|q\"b\"|"},
    /* comments */
    {TOKEN_MAIL, "(a (b) \\) \" c)d", "c(a (b) \\) \" c)|ad|"},
    {TOKEN_MAIL, "(a(b)", "c(a(b)!|"},
    {TOKEN_MAIL, "(a\\", "c(a\\!|"},
    {TOKEN_MAIL, ")(", "s)|c(!|"},
    {TOKEN_PATH, "(a b)", "s(|aa|b |ab|s)|"},
    /* pairs */
    {TOKEN_MAIL, "\\a\\", "p\\a|p\\!|"},
    {TOKEN_MAIL, "\\\\\\\"\\ b", "p\\\\|p\\\"|p\\ |ab|"},
    /* domain literals */
    {TOKEN_DOMAIN, "[a b,\\]c].d", "l[a b,\\]c]|s.|ad|"},
    {TOKEN_DOMAIN, "[[]]", "l[[]|s]|"},
    {TOKEN_DOMAIN, "a[b", "aa|l[b!|"},
    {TOKEN_MAIL, "[a]", "s[|aa|s]|"},
    /* RFC 2045 */
    {TOKEN_MIME, "text/x; a=\"b;\"", "atext|s/|ax|s;|b |aa|s=|q\"b;\"|"},
    {TOKEN_MIME, "a.b?(c)d", "aa.b|s?|c(c)|ad|"},
    {TOKEN_VALUE, "=?a=b/c\"d(e)\\f\x01; x", "a=?a=b/c\"d(e)\\f\x01|s;|b |ax|"},
    {TOKEN_VALUE, "(c)\"a\"b", "c(c)|q\"a\"|ab|"},
    /* texts */
    {TOKEN_TEXT, "\"a(\\ b\x01,", "a\"a(\\|b |ab\x01,|"},
    {TOKEN_INSIDE, "a\\ b\"(c)", "aa|p\\ |ab\"|s(|ac|s)|"},
};

static void show(struct buf *out, struct token t)
{
	ck_assert(buf_add_char(out, letters[t.kind]) && buf_add_str(out, t.text));
	ck_assert(!t.open || buf_add_char(out, '!'));
	ck_assert(buf_add_char(out, '|'));
}

START_TEST(tokens)
{
	const struct token_case *c = &cases[_i];
	struct str rest = str_of(c->text);
	struct buf out;
	buf_init(&out, 1000);
	while (rest.len > 0) {
		struct token t = token_take(&rest, c->set);
		ck_assert(t.text.len > 0);
		show(&out, t);
	}
	ck_assert_str_eq(buf_cstr(&out), c->want);
	ck_assert_int_eq(token_take(&rest, c->set).kind, TOKEN_END);
	buf_release(&out);
}
END_TEST

/* All but the last token of each beginning are those of the whole. */
START_TEST(prefixes)
{
	const struct token_case *c = &cases[_i];
	struct str whole = str_of(c->text);
	for (size_t len = 0; len <= whole.len; len++) {
		struct str part = str_first(whole, len), rest = whole;
		size_t left = part.len;
		while (left > 0) {
			struct token a = token_first(str_from(part, part.len - left), c->set);
			struct token b = token_take(&rest, c->set);
			left -= a.text.len;
			ck_assert(left == 0 ||
			          (a.kind == b.kind && !a.open && str_eq(a.text, b.text)));
		}
	}
}
END_TEST

static const struct meaning_case {
	enum token_set set;
	const char *text;
	const char *want;
} meanings[] = {
    {TOKEN_MAIL, "a", "a"},
    {TOKEN_MAIL, "\"a \\\"b\\\\\"", "a \"b\\"},
    {TOKEN_MAIL, "\"\"", ""},
    {TOKEN_MAIL, "\"", ""},
    {TOKEN_MAIL, "\"a", "a"},
    {TOKEN_MAIL, "\"a\\", "a\\"},
    {TOKEN_MAIL, "\"a\r\n\tb\"", "a\tb"},
    {TOKEN_MAIL, "(a (b\\)) c)", "a (b)) c"},
    {TOKEN_MAIL, "(a (b)", "a (b)"},
    {TOKEN_MAIL, "\\\"", "\""},
    {TOKEN_MAIL, "\\", "\\"},
    {TOKEN_MAIL, " \r\n\t", " \t"},
    {TOKEN_DOMAIN, "[a\\b]", "[a\\b]"},
    {TOKEN_TEXT, "\"a\\b\"", "\"a\\b\""},
};

START_TEST(meaning)
{
	const struct meaning_case *c = &meanings[_i];
	struct token t = token_first(str_of(c->text), c->set);
	ck_assert_uint_eq(t.text.len, strlen(c->text));
	struct buf out;
	buf_init(&out, strlen(c->want));
	ck_assert(token_add(&out, t));
	ck_assert_str_eq(buf_cstr(&out), c->want);
	ck_assert(out.len == 0 || !token_add(&out, t));
	buf_release(&out);
}
END_TEST

START_TEST(quoted)
{
	struct buf out;
	buf_init(&out, 11);
	ck_assert(token_add_quoted(&out, STR("a \"b\\(")));
	ck_assert_str_eq(buf_cstr(&out), "\"a \\\"b\\\\(\"");
	ck_assert(!token_add_quoted(&out, STR("")));
	ck_assert_uint_eq(out.len, 10);
	buf_release(&out);
}
END_TEST

START_TEST(left_out)
{
	struct str rest = STR(" (a) \r\n (b)(c(d)) x ;");
	ck_assert(str_eq(token_take_next(&rest, TOKEN_MIME).text, STR("x")));
	ck_assert(token_is(token_take_next(&rest, TOKEN_MIME), ';'));
	ck_assert(!token_is(token_take_next(&rest, TOKEN_MIME), ';'));
	rest = STR("(a");
	ck_assert_int_eq(token_take_next(&rest, TOKEN_MIME).kind, TOKEN_END);
	rest = STR("\";\"");
	ck_assert(!token_is(token_take_next(&rest, TOKEN_MIME), '"'));
}
END_TEST

START_TEST(dot_atoms)
{
	ck_assert(token_is_dot_atom(STR("a")) && token_is_dot_atom(STR("a.b-c.\xC3\xBC")));
	ck_assert(!token_is_dot_atom(STR("")) && !token_is_dot_atom(STR(".a")));
	ck_assert(!token_is_dot_atom(STR("a.")) && !token_is_dot_atom(STR("a..b")));
	ck_assert(!token_is_dot_atom(STR("a b")) && !token_is_dot_atom(STR("\"a\"")));
	ck_assert(!token_is_dot_atom(STR("a@b")) && !token_is_dot_atom(STR("a\001")));
	ck_assert(!token_is_dot_atom(STR("a(b)")) && !token_is_dot_atom(STR("a\\b")));
	ck_assert(!token_is_dot_atom(STR("a\0b")));
}
END_TEST

/* Deep comments cost neither stack nor more than one look at each byte. */
START_TEST(deep_comment)
{
	enum { DEPTH = 1000000 };
	char *text = mem_alloc((size_t)2 * DEPTH);
	struct str s = str_make(text, (size_t)2 * DEPTH);

	memset(text, '(', DEPTH);
	memset(text + DEPTH, ')', DEPTH);
	ck_assert_uint_eq(token_first(s, TOKEN_MAIL).text.len, s.len);
	ck_assert_uint_eq(token_first(s, TOKEN_MAIL).depth, DEPTH);
	ck_assert_uint_eq(token_first(STR("(a(b)(c))"), TOKEN_MAIL).depth, 2);
	ck_assert(!token_first(s, TOKEN_MAIL).open);
	ck_assert(token_first(str_first(s, s.len - 1), TOKEN_MAIL).open);
	free(text);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("token");
	TCase *t = unit_case(s, "token");
	tcase_add_loop_test(t, tokens, 0, COUNT(cases));
	tcase_add_loop_test(t, prefixes, 0, COUNT(cases));
	tcase_add_loop_test(t, meaning, 0, COUNT(meanings));
	tcase_add_test(t, quoted);
	tcase_add_test(t, left_out);
	tcase_add_test(t, dot_atoms);
	tcase_add_test(t, deep_comment);
	return unit_run(s);
}
