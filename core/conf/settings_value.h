/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * settings_value - the kinds of values: their text, their field, and back
 *
 * Internal to conf/. A row of the table names a kind; a kind is what reads the text behind
 * the "=" into the field, writes the field as a file has it, and releases it. Passwords are
 * never quoted. The kinds of the network are in settings_net.
 */
#ifndef CONF_SETTINGS_VALUE_H
#define CONF_SETTINGS_VALUE_H

#include <stdint.h>

#include "text/buf.h"
#include "text/fault.h"
#include "conf/settings.h"

/* Bytes in a line of a file, its end not counted. libinih has room for 200, NUL and line end
 * among them: since version 59 a line that fills all but the NUL is one too long to it. */
#define SETTINGS_LINE_MAX 198

/* The arguments of "'%.*s'" for a value in a fault. */
#define SETTINGS_QUOTED(text) STR_FMT(str_first(text, 64))

struct settings_choice {
	const char *word; /* NULL ends a list */
	int value;
};

struct settings_kind;

struct settings_row {
	const char *section;
	const char *name;
	const char *standard; /* as it would be written; "" if the key has no default */
	const struct settings_kind *kind;
	size_t at, size; /* the field in the struct settings or settings_relay */
	int64_t least, most;
	const struct settings_choice *choices;
};

/* What a value is read from and into. */
struct settings_value {
	const struct settings_row *row;
	struct str given;   /* not empty, valid UTF-8, no control byte but the tab */
	const char *folder; /* what a relative path starts from */
	void *field;        /* all zero */
};

struct settings_kind {
	/* False: the fault's text begins with what is wrong with the value; the caller puts
	 * the key's name before it, and releases the field. */
	bool (*read)(const struct settings_value *v, struct fault *f);
	/* Adds nothing if there is no value. False: out is full. NULL: a secret. */
	bool (*write)(const struct settings_row *row, const void *field, struct buf *out);
	void (*release)(void *field); /* NULL: it owns nothing */
	bool list;                    /* of words, and may go on over several lines */
	bool quotes;                  /* has a syntax with quotes of its own */
};

extern const struct settings_kind settings_text;    /* char * */
extern const struct settings_kind settings_secret;  /* char *, shown nowhere and wiped */
extern const struct settings_kind settings_name;    /* char *, NULL for "auto": a domain */
extern const struct settings_kind settings_mailbox; /* char *: one plain mailbox */
extern const struct settings_kind settings_path;    /* char *, made absolute */
extern const struct settings_kind settings_either;  /* bool, of the two row->choices */
extern const struct settings_kind settings_one_of;  /* an enum, of row->choices */
extern const struct settings_kind settings_seconds; /* int64_t; 0 for "off" */
extern const struct settings_kind settings_ms;      /* int64_t, of whole seconds */
extern const struct settings_kind settings_bytes;   /* uint64_t */
extern const struct settings_kind settings_number;  /* int64_t */
extern const struct settings_kind settings_words;   /* struct settings_list */
extern const struct settings_kind settings_sink;    /* struct settings_log */

/* What kinds are made of. */
bool settings_write_text(const struct settings_row *row, const void *field, struct buf *out);
/* Frees what the field begins with: a pointer. */
void settings_release_pointer(void *field);
bool settings_read_words(const struct settings_value *v, struct fault *f);
bool settings_write_words(const struct settings_row *row, const void *field, struct buf *out);
void settings_release_words(void *field);
bool settings_read_path(const struct settings_value *v, struct fault *f);
/* Gives each word of a list to take; where that returns false, "WORD is WRONG" is the fault.
 * So is a list without words. */
typedef bool settings_take(struct str word, void *field);
bool settings_each_word(const struct settings_value *v, settings_take *take, const char *wrong,
                        struct fault *f);
void settings_add_word(struct settings_list *list, struct str word);
/* A path in memory of its own, made absolute; NULL and f if it cannot be. */
char *settings_make_path(struct str text, const char *folder, struct fault *f);
/* Adds a word of a list, behind those that stand there. */
bool settings_write_word(struct buf *out, bool first, const char *word);

/* Next word of a list separated by commas and blanks; false at its end. */
bool settings_next_word(struct str *rest, struct str *word);

/* One mailbox and nothing beside it, in wire form; *to is to be freed. */
bool settings_take_mailbox(struct str text, char **to, struct fault *f);

/* Is text in quotes as a whole, as other programs' files have it? */
bool settings_is_quoted(struct str text);

#endif
