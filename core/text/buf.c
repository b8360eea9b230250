/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "text/buf.h"

#include <stdint.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#define BUF_FIRST  64 /* the first allocation, so that small texts do not grow twice */
#define DIGITS_MAX 18 /* any number of that many digits fits in a long long */

static _Noreturn void out_of_memory(void)
{
	static const char text[] = "sendmail: out of memory\n";
	ssize_t ignored = write(STDERR_FILENO, text, sizeof(text) - 1);
	(void)ignored;
	_exit(EX_TEMPFAIL);
}

struct str str_make(const char *at, size_t len)
{
	return (struct str){at ? at : "", at ? len : 0};
}

struct str str_of(const char *text)
{
	return str_make(text, text ? strlen(text) : 0);
}

bool str_eq(struct str a, struct str b)
{
	return a.len == b.len && (a.len == 0 || memcmp(a.at, b.at, a.len) == 0);
}

bool str_caseeq(struct str a, struct str b)
{
	if (a.len != b.len)
		return false;
	for (size_t i = 0; i < a.len; i++)
		if (ascii_lower(a.at[i]) != ascii_lower(b.at[i]))
			return false;
	return true;
}

bool str_caseamong(struct str s, const char *const *words, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (str_caseeq(s, str_of(words[i])))
			return true;
	return false;
}

bool str_starts(struct str s, struct str prefix)
{
	return str_eq(str_first(s, prefix.len), prefix);
}

bool str_casestarts(struct str s, struct str prefix)
{
	return str_caseeq(str_first(s, prefix.len), prefix);
}

bool str_ends(struct str s, struct str suffix)
{
	return s.len >= suffix.len && str_eq(str_from(s, s.len - suffix.len), suffix);
}

bool str_caseends(struct str s, struct str suffix)
{
	return s.len >= suffix.len && str_caseeq(str_from(s, s.len - suffix.len), suffix);
}

size_t str_find(struct str s, char c)
{
	const char *found = s.len > 0 ? memchr(s.at, c, s.len) : NULL;
	return found ? (size_t)(found - s.at) : STR_NONE;
}

size_t str_rfind(struct str s, char c)
{
	for (size_t i = s.len; i > 0; i--)
		if (s.at[i - 1] == c)
			return i - 1;
	return STR_NONE;
}

struct str str_from(struct str s, size_t at)
{
	if (!s.at)
		return str_make(NULL, 0);
	if (at > s.len)
		at = s.len;
	return (struct str){s.at + at, s.len - at};
}

struct str str_first(struct str s, size_t n)
{
	return (struct str){s.at, n < s.len ? n : s.len};
}

static bool is_trimmed(char c)
{
	return ascii_space(c) || c == '\r' || c == '\n';
}

struct str str_trim(struct str s)
{
	/* Lines of a fixed length are mostly blanks. */
	while (s.len >= 8 && memcmp(s.at + s.len - 8, "        ", 8) == 0)
		s.len -= 8;
	while (s.len > 0 && is_trimmed(s.at[s.len - 1]))
		s.len--;
	while (s.len > 0 && is_trimmed(s.at[0])) {
		s.at++;
		s.len--;
	}
	return s;
}

bool str_cut(struct str *rest, char sep, struct str *piece)
{
	if (rest->len == 0)
		return false;
	size_t at = str_find(*rest, sep);
	if (at == STR_NONE) {
		*piece = *rest;
		*rest = (struct str){NULL, 0};
	} else {
		*piece = str_first(*rest, at);
		*rest = str_from(*rest, at + 1);
	}
	return true;
}

bool str_number(struct str s, long long *number)
{
	long long value = 0;
	if (s.len == 0 || s.len > DIGITS_MAX)
		return false;
	for (size_t i = 0; i < s.len; i++) {
		if (!ascii_digit(s.at[i]))
			return false;
		value = value * 10 + (s.at[i] - '0');
	}
	*number = value;
	return true;
}

bool ascii_alpha(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

bool ascii_digit(char c)
{
	return c >= '0' && c <= '9';
}

bool ascii_space(char c)
{
	return c == ' ' || c == '\t';
}

char ascii_lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

void buf_init(struct buf *b, size_t max)
{
	*b = (struct buf){NULL, 0, 0, max};
}

void buf_release(struct buf *b)
{
	free(b->at);
	buf_init(b, b->max);
}

void buf_clear(struct buf *b)
{
	b->len = 0;
}

/* One byte more than cap is allocated always: the NUL of buf_cstr and vsnprintf. */
static void set_cap(struct buf *b, size_t cap)
{
	if (cap == SIZE_MAX)
		out_of_memory();
	char *at = realloc(b->at, cap + 1);
	if (!at)
		out_of_memory();
	b->at = at;
	b->cap = cap;
}

char *buf_room(struct buf *b, size_t n)
{
	if (b->len > b->max || n > b->max - b->len)
		return NULL;
	size_t want = b->len + n;
	size_t cap;
	if (!b->at || want > b->cap) {
		cap = b->cap > SIZE_MAX / 2 ? SIZE_MAX : b->cap * 2;
		if (cap < BUF_FIRST)
			cap = BUF_FIRST;
		if (cap > b->max)
			cap = b->max;
		set_cap(b, want > cap ? want : cap);
	}
	return b->at + b->len;
}

void buf_filled(struct buf *b, size_t n)
{
	b->len += n;
}

bool buf_add(struct buf *b, const char *at, size_t len)
{
	char *room = buf_room(b, len);
	if (!room)
		return false;
	if (len > 0)
		memcpy(room, at, len);
	buf_filled(b, len);
	return true;
}

bool buf_add_str(struct buf *b, struct str s)
{
	return buf_add(b, s.at, s.len);
}

bool buf_add_char(struct buf *b, char c)
{
	return buf_add(b, &c, 1);
}

bool buf_addf(struct buf *b, const char *format, ...)
{
	/* Most texts fit into what is there. */
	size_t end = b->cap < b->max ? b->cap : b->max;
	size_t there = b->at && b->len <= end ? end - b->len + 1 : 0;
	va_list args;
	va_start(args, format);
	int len = vsnprintf(there ? b->at + b->len : NULL, there, format, args);
	va_end(args);
	if (len < 0 || (size_t)len < there)
		goto out;
	if (there)
		b->at[b->len] = '\0'; /* as buf_cstr left it */
	char *room = buf_room(b, (size_t)len);
	if (!room)
		return false;
	va_start(args, format);
	len = vsnprintf(room, (size_t)len + 1, format, args);
	va_end(args);
out:
	if (len < 0)
		return false;
	buf_filled(b, (size_t)len);
	return true;
}

struct str buf_str(const struct buf *b)
{
	return str_make(b->at, b->len);
}

const char *buf_cstr(struct buf *b)
{
	if (!b->at)
		set_cap(b, 0);
	b->at[b->len] = '\0';
	return b->at;
}

void buf_drop(struct buf *b, size_t n)
{
	if (n > b->len)
		n = b->len;
	if (n > 0)
		memmove(b->at, b->at + n, b->len - n);
	b->len -= n;
}

void buf_wipe(struct buf *b)
{
	if (b->at)
		explicit_bzero(b->at, b->cap + 1);
	b->len = 0;
}

void *mem_alloc(size_t n)
{
	void *at = calloc(1, n > 0 ? n : 1);
	if (!at)
		out_of_memory();
	return at;
}

void *mem_room(size_t n)
{
	void *at = malloc(n > 0 ? n : 1);
	if (!at)
		out_of_memory();
	return at;
}

void *mem_grow(void *old, size_t *cap, size_t want, size_t item)
{
	size_t more = *cap > SIZE_MAX / 2 ? SIZE_MAX : *cap * 2;
	if (want == 0)
		want = 1;
	if (old && want <= *cap)
		return old;
	if (more < want)
		more = want;
	if (item == 0 || more > SIZE_MAX / item)
		out_of_memory();
	char *at = realloc(old, more * item);
	if (!at)
		out_of_memory();
	if (!old)
		*cap = 0;
	memset(at + *cap * item, 0, (more - *cap) * item);
	*cap = more;
	return at;
}

char *mem_copy(struct str s)
{
	if (s.len == SIZE_MAX)
		out_of_memory();
	char *copy = mem_alloc(s.len + 1);
	if (s.len > 0)
		memcpy(copy, s.at, s.len);
	return copy;
}

char *mem_printf(const char *format, ...)
{
	va_list args;
	va_start(args, format);
	char *text;
	int len = vasprintf(&text, format, args);
	va_end(args);
	if (len < 0)
		out_of_memory();
	return text;
}
