/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The first byte says which set. The tokens joined are the input, each is what its kind
 * says, and those of the beginning up to any byte are the same but for the last; each begins
 * the same tokens again, which follows from there being no state.
 */
#include <stdint.h>
#include <stdlib.h>

#include "text/buf.h"
#include "text/token.h"

#define SETS     (TOKEN_INSIDE + 1)
#define CUTS_MAX 400 /* longer inputs are not cut everywhere */

static void check(bool fine)
{
	if (!fine)
		abort();
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* Has the token what its kind begins and ends with? */
static void check_form(struct token t)
{
	char first = t.text.len > 0 ? t.text.at[0] : '\0';
	char last = t.text.len > 0 ? t.text.at[t.text.len - 1] : '\0';
	switch (t.kind) {
	case TOKEN_END:
		check(t.text.len == 0);
		break;
	case TOKEN_BLANK:
	case TOKEN_ATOM:
		for (size_t i = 0; i < t.text.len; i++)
			check(is_blank(t.text.at[i]) == (t.kind == TOKEN_BLANK));
		break;
	case TOKEN_QUOTED:
		check(first == '"' && (t.open || (last == '"' && t.text.len > 1)));
		break;
	case TOKEN_COMMENT:
		check(first == '(' && (t.open || last == ')'));
		break;
	case TOKEN_LITERAL:
		check(first == '[' && (t.open || last == ']'));
		break;
	case TOKEN_PAIR:
		check(first == '\\' && t.text.len == (t.open ? 1 : 2));
		break;
	case TOKEN_SPECIAL:
	case TOKEN_CONTROL:
		check(t.text.len == 1 && !is_blank(first));
		break;
	}
}

static bool same(struct token a, struct token b)
{
	return a.kind == b.kind && a.open == b.open && a.text.at == b.text.at &&
	       a.text.len == b.text.len;
}

static void check_cut(struct str whole, size_t len, enum token_set set)
{
	struct str part = str_first(whole, len), rest = whole;
	while (part.len > 0) {
		struct token a = token_take(&part, set), b = token_take(&rest, set);
		check(part.len == 0 || same(a, b));
	}
}

/* What is put in quotes is one token, which stands for what was put in. */
static void check_quoted(struct str s)
{
	struct buf quoted;
	bool folds = str_find(s, '\r') != STR_NONE || str_find(s, '\n') != STR_NONE;
	buf_init(&quoted, 2 * s.len + 2);
	struct buf plain;
	buf_init(&plain, s.len);
	check(token_add_quoted(&quoted, s));
	struct token t = token_first(buf_str(&quoted), TOKEN_MAIL);
	check(t.kind == TOKEN_QUOTED && !t.open && t.text.len == quoted.len);
	check(token_add(&plain, t));
	check(folds || str_eq(buf_str(&plain), s));
	buf_release(&quoted);
	buf_release(&plain);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size == 0)
		return 0;
	enum token_set set = (enum token_set)(data[0] % SETS);
	struct str rest;
	struct str whole = rest = str_make((const char *)data + 1, size - 1);
	struct buf joined;
	buf_init(&joined, size);
	struct buf meaning;
	buf_init(&meaning, size);
	struct str next;
	while (rest.len > 0) {
		struct token t = token_first(rest, set);
		check(t.text.at == rest.at && t.text.len > 0 && t.text.len <= rest.len);
		check(!t.open || t.text.len == rest.len);
		check_form(t);
		check(buf_add_str(&joined, t.text) && token_add(&meaning, t));
		next = rest;
		check(same(token_take(&next, set), t));
		rest = str_from(rest, t.text.len);
		check(next.at == rest.at && next.len == rest.len);
	}
	check(str_eq(buf_str(&joined), whole) && meaning.len <= whole.len);
	check(!token_is_dot_atom(whole) || (whole.len > 0 && meaning.len == whole.len));
	for (size_t len = 0; len <= whole.len && len <= CUTS_MAX; len++)
		check_cut(whole, len, set);
	check_quoted(whole);
	next = whole;
	check_form(token_take_next(&next, set));
	buf_release(&joined);
	buf_release(&meaning);
	return 0;
}
