/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * buf - bounded growable bytes, views of bytes, and memory
 *
 * A str is a view: it owns nothing and need not end in NUL. A buf owns its
 * bytes and has a maximum given when it is made: reaching it is an ordinary
 * error (the functions return false, the contents are as before). Running out
 * of memory is not: it ends the process with exit code 75, which tells the
 * caller to keep the mail and try again; what is held on disk is not touched.
 *
 * Everything that grows in Postern grows here.
 */
#ifndef TEXT_BUF_H
#define TEXT_BUF_H

#include <stdbool.h>
#include <stddef.h>

/* How many an array has. */
#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

struct str {
	const char *at;
	size_t len;
};

struct buf {
	char *at;
	size_t len;
	size_t cap;
	size_t max;
};

/* A view of a string literal. */
#define STR(literal) ((struct str){(literal), sizeof(literal) - 1})
/* The two arguments of a "%.*s". Only for text known to be clean. */
#define STR_FMT(s) (int)(s).len, (s).at

#define STR_NONE ((size_t)-1) /* "not found" */

struct str str_of(const char *text); /* of a C string; NULL gives an empty view */
struct str str_make(const char *at, size_t len);
bool str_eq(struct str a, struct str b);
bool str_caseeq(struct str a, struct str b); /* ASCII case only */
/* Is s one of these words, ASCII case aside? */
bool str_caseamong(struct str s, const char *const *words, size_t count);
bool str_starts(struct str s, struct str prefix);
bool str_casestarts(struct str s, struct str prefix);
bool str_ends(struct str s, struct str suffix);
bool str_caseends(struct str s, struct str suffix);
size_t str_find(struct str s, char c);        /* index of the first c, or STR_NONE */
size_t str_rfind(struct str s, char c);       /* index of the last c, or STR_NONE */
struct str str_from(struct str s, size_t at); /* the rest from at on; empty past the end */
struct str str_first(struct str s, size_t n); /* the first n bytes, or all */
struct str str_trim(struct str s);            /* without blanks, tabs, CR and LF at both ends */

/* Takes the piece before the first sep off *rest (all of it if there is no
 * sep). False when *rest is empty, so a sep at the very end adds no empty
 * piece; after a last piece without a sep behind it the at of *rest is NULL. */
bool str_cut(struct str *rest, char sep, struct str *piece);

/* A decimal number of 1 to 18 digits and nothing else. */
bool str_number(struct str s, long long *number);

/* The characters of ctype.h for ASCII only, whatever the locale. */
bool ascii_alpha(char c);
bool ascii_digit(char c);
bool ascii_space(char c); /* blank or tab */
char ascii_lower(char c);

void buf_init(struct buf *b, size_t max);
void buf_release(struct buf *b); /* frees the bytes; b may be used again, same maximum */
void buf_clear(struct buf *b);   /* length 0, memory kept */
/* Nothing that is added may lie in b itself: growing moves its bytes. */
bool buf_add(struct buf *b, const char *at, size_t len) __attribute__((warn_unused_result));
bool buf_add_str(struct buf *b, struct str s) __attribute__((warn_unused_result));
bool buf_add_char(struct buf *b, char c) __attribute__((warn_unused_result));
bool buf_addf(struct buf *b, const char *format, ...)
    __attribute__((warn_unused_result, format(printf, 2, 3)));
struct str buf_str(const struct buf *b); /* a view, good until the next change */
const char *buf_cstr(struct buf *b);     /* the same, NUL behind it (not counted) */
void buf_drop(struct buf *b, size_t n);  /* removes the first n bytes (n <= len) */
/* Overwrites all memory it has, length 0. Growing leaves a copy behind that no
 * wipe reaches: a buf for a secret gets all its room at once (buf_room). */
void buf_wipe(struct buf *b);

/* Room for at least n more bytes, to be filled by the caller, who then calls
 * buf_filled. NULL if that would pass the maximum. */
char *buf_room(struct buf *b, size_t n) __attribute__((warn_unused_result));
void buf_filled(struct buf *b, size_t n);

/* Memory; none of these returns NULL. */
void *mem_alloc(size_t n); /* zeroed */
/* What is in it is anything: for much of which little may be needed, since pages that nobody
 * writes to cost nothing. */
void *mem_room(size_t n);
/* An array of *cap items (old may be NULL with 0) gets room for at least want;
 * the new items are zeroed. */
void *mem_grow(void *old, size_t *cap, size_t want, size_t item);
char *mem_copy(struct str s); /* a C string; free() it */
char *mem_printf(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
