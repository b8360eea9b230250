/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "text/token.h"

#include <stdint.h>

/* Sets of specials, which are all in this range. */
#define BIT(c)  (UINT64_C(1) << ((c)-32))
#define QUOTE   BIT('"')
#define PAIR    BIT('\\')
#define COMMENT BIT('(')
#define LITERAL BIT('[')
#define LISTED \
	(BIT('(') | BIT(')') | BIT('<') | BIT('>') | BIT('@') | BIT(',') | BIT(';') | BIT(':'))
#define BRACKETS (BIT('[') | BIT(']'))
#define MAIL     (LISTED | BRACKETS | QUOTE | PAIR | BIT('.'))
#define MIME     (LISTED | BRACKETS | QUOTE | PAIR | BIT('/') | BIT('?') | BIT('='))

/* What begins a token that is no atom, and what ends an atom beside blanks and, but for
 * the last three sets, control bytes. */
static const struct {
	uint64_t begins;
	uint64_t ends;
} sets[] = {
    [TOKEN_MAIL] = {QUOTE | PAIR | COMMENT, MAIL},
    [TOKEN_DOMAIN] = {QUOTE | PAIR | COMMENT | LITERAL, MAIL},
    [TOKEN_PATH] = {QUOTE | PAIR, MAIL},
    [TOKEN_MIME] = {QUOTE | PAIR | COMMENT, MIME},
    [TOKEN_VALUE] = {QUOTE | COMMENT, BIT(';')},
    [TOKEN_TEXT] = {0, 0},
    [TOKEN_INSIDE] = {PAIR, PAIR | BIT('(') | BIT(')')},
};

static bool among(char c, uint64_t these)
{
	return c >= 32 && c < 32 + 64 && (these & BIT(c));
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static bool is_control(char c)
{
	return (unsigned char)c < ' ' || c == 127;
}

static bool in_atom(char c, enum token_set set)
{
	if (is_blank(c) || (set < TOKEN_VALUE && is_control(c)))
		return false;
	return !among(c, sets[set].ends);
}

/* Up to the close of what text begins with; a backslash takes the next byte along. What
 * has an open like its close does not nest. */
static struct token enclosed(struct str text, enum token_kind kind, char open, char close)
{
	struct token t = {.kind = kind, .text = text, .depth = 1};
	size_t depth = 1;
	for (size_t at = 1; at < text.len; at++) {
		char c = text.at[at];
		if (c == '\\') {
			at++;
		} else if (c == close && --depth == 0) {
			t.text = str_first(text, at + 1);
			return t;
		} else if (c == open && ++depth > t.depth) {
			t.depth = depth;
		}
	}
	t.open = true;
	return t;
}

static struct token first(struct str text, size_t len, enum token_kind kind)
{
	return (struct token){.kind = kind, .text = str_first(text, len)};
}

struct token token_first(struct str text, enum token_set set)
{
	size_t len = 0;
	if (text.len == 0)
		return first(text, 0, TOKEN_END);
	if (!among(text.at[0], sets[set].begins))
		while (len < text.len && in_atom(text.at[len], set))
			len++;
	if (len > 0)
		return first(text, len, TOKEN_ATOM);
	while (len < text.len && is_blank(text.at[len]))
		len++;
	if (len > 0)
		return first(text, len, TOKEN_BLANK);
	if (!among(text.at[0], sets[set].begins))
		return first(text, 1, is_control(text.at[0]) ? TOKEN_CONTROL : TOKEN_SPECIAL);
	switch (text.at[0]) {
	case '"':
		return enclosed(text, TOKEN_QUOTED, '"', '"');
	case '(':
		return enclosed(text, TOKEN_COMMENT, '(', ')');
	case '[':
		return enclosed(text, TOKEN_LITERAL, ']', ']');
	default:
		return (struct token){
		    .kind = TOKEN_PAIR, .open = text.len == 1, .text = str_first(text, 2)};
	}
}

struct token token_take(struct str *rest, enum token_set set)
{
	struct token t = token_first(*rest, set);
	*rest = str_from(*rest, t.text.len);
	return t;
}

struct token token_take_next(struct str *rest, enum token_set set)
{
	struct token t;
	do
		t = token_take(rest, set);
	while (t.kind == TOKEN_BLANK || t.kind == TOKEN_COMMENT);
	return t;
}

bool token_is(struct token t, char special)
{
	return t.kind == TOKEN_SPECIAL && t.text.at[0] == special;
}

bool token_add(struct buf *out, struct token t)
{
	bool encloses = t.kind == TOKEN_QUOTED || t.kind == TOKEN_COMMENT;
	bool pairs = encloses || t.kind == TOKEN_PAIR;
	struct str s = t.text;
	if (encloses)
		s = str_from(str_first(s, s.len - (t.open ? 0 : 1)), 1);
	else if (!pairs && t.kind != TOKEN_BLANK)
		return buf_add_str(out, s);
	for (size_t i = 0; i < s.len; i++) {
		if (pairs && s.at[i] == '\\' && i + 1 < s.len)
			i++;
		if (s.at[i] != '\r' && s.at[i] != '\n' && !buf_add_char(out, s.at[i]))
			return false;
	}
	return true;
}

bool token_add_quoted(struct buf *out, struct str s)
{
	size_t before = out->len;
	bool fits = buf_add_char(out, '"');
	for (size_t i = 0; i < s.len && fits; i++) {
		if (s.at[i] == '"' || s.at[i] == '\\')
			fits = buf_add_char(out, '\\');
		fits = fits && buf_add_char(out, s.at[i]);
	}
	if (fits && buf_add_char(out, '"'))
		return true;
	out->len = before;
	return false;
}

bool token_is_dot_atom(struct str s)
{
	struct token t;
	do {
		if (token_take(&s, TOKEN_MAIL).kind != TOKEN_ATOM)
			return false;
		t = token_take(&s, TOKEN_MAIL);
	} while (token_is(t, '.'));
	return t.kind == TOKEN_END;
}
