/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Growable bytes for the test relay, with base64 and JSON strings. The relay shares no code
 * with the mailer, so that a mistake there cannot hide itself here.
 *
 * data is null or ends in a NUL that len does not count. Out of memory ends the program.
 */
#ifndef RELAY_TEXT_H
#define RELAY_TEXT_H

#include <stdbool.h>
#include <stddef.h>

struct text {
	char *data;
	size_t len, room;
};

void text_add(struct text *t, const void *bytes, size_t len);
void text_str(struct text *t, const char *string);
void text_char(struct text *t, char c);
void text_printf(struct text *t, const char *format, ...)
    __attribute__((format(printf, 2, 3), nonnull));

/* Where the next bytes of it can be put, at most so many; those that were count from then on. */
char *text_room(struct text *t, size_t most);
void text_grow(struct text *t, size_t len);

/* Drops the first n bytes (all, if there are fewer). */
void text_cut(struct text *t, size_t n);

/* Empties it; the memory stays. */
void text_clear(struct text *t);
void text_free(struct text *t);

/* The string, "" when nothing was ever added. */
const char *text_z(const struct text *t);

/* Adds a JSON string with its quotes. Each byte becomes one character (Latin-1), so that a
 * reader gets the very bytes back. */
void text_json(struct text *t, const void *bytes, size_t len);

/* RFC 4648 section 4. Decoding takes canonical padded base64 and nothing else. */
void text_base64(struct text *t, const void *bytes, size_t len);
bool text_unbase64(struct text *t, const char *coded, size_t len);

/* Ends the program with a line on stderr. */
_Noreturn void die(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
