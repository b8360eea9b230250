/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * token - the one lexer of mail: header fields, addresses, paths, aliases
 *
 * Gives the first token of a view, a view itself; it keeps no state, so a parser may begin
 * anew at any token. All bytes are in some token: together they are the input. No recursion
 * (comments in comments are counted) and no limit but the end of the view. Bytes over 127
 * are like letters (RFC 6532).
 *
 * Fed with the beginning of a text, it gives the tokens of the whole text, but for the last
 * one, which may be longer, or another one, in the whole.
 */
#ifndef TEXT_TOKEN_H
#define TEXT_TOKEN_H

#include "text/buf.h"

/* What is an atom, and which of the others there are. */
enum token_set {
	TOKEN_MAIL,   /* RFC 5322: addresses in fields; "[" and "]" are specials */
	TOKEN_DOMAIN, /* the same behind an "@", where "[" begins a domain literal */
	TOKEN_PATH,   /* RFC 5321: the same as TOKEN_MAIL, but "(" and ")" are specials */
	TOKEN_MIME,   /* RFC 2045: names and words of Content- fields */
	TOKEN_VALUE,  /* a parameter's value, of which mailers forget the quotes: an atom
	                * ends at a blank or ";" alone, and may have control bytes */
	TOKEN_TEXT,   /* unstructured: atoms, of all bytes, and blanks */
	TOKEN_INSIDE, /* the inside of a comment: the same, pairs, "(" and ")" */
};

enum token_kind {
	TOKEN_END,     /* the view is empty, and so is the token */
	TOKEN_BLANK,   /* blanks, tabs, CRs and LFs */
	TOKEN_ATOM,    /* as many bytes as may be in one */
	TOKEN_QUOTED,  /* a quoted string with its quotes */
	TOKEN_COMMENT, /* with its parentheses, and the comments in it */
	TOKEN_LITERAL, /* a domain literal with its brackets */
	TOKEN_PAIR,    /* a backslash and the byte behind it, not in one of the above */
	TOKEN_SPECIAL, /* one byte that has a meaning */
	TOKEN_CONTROL, /* one control byte that may not be there */
};

struct token {
	enum token_kind kind;
	bool open;       /* what should end it is missing, so it has all of the view */
	struct str text; /* its bytes */
	size_t depth;    /* of a comment: 1, or more with comments in it */
};

struct token token_first(struct str text, enum token_set set);

/* Takes the first token off *rest. */
struct token token_take(struct str *rest, enum token_set set);
/* The same, but blanks and comments before it are taken off and left out. */
struct token token_take_next(struct str *rest, enum token_set set);

/* Is it that special? */
bool token_is(struct token t, char special);

/* Adds what the token stands for: the inside of what is quoted or a comment, pairs and
 * folds (their CRs and LFs) undone. false: out is full. */
bool token_add(struct buf *out, struct token t) __attribute__((warn_unused_result));

/* Adds s as a quoted string. */
bool token_add_quoted(struct buf *out, struct str s) __attribute__((warn_unused_result));

/* Is s one atom or more, with a dot between two (RFC 5321 section 4.1.2)? */
bool token_is_dot_atom(struct str s);

#endif
