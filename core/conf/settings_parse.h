/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * settings_parse - what is shared by reading a configuration and checking it
 *
 * Internal to conf/. The file is read with libinih, which gives keys and
 * values but no line numbers, no sections without keys, and cuts lines of 200
 * bytes or more. So the lines are handed to it by a reader that counts them,
 * refuses those it would cut, and keeps track of the sections itself. Further
 * lines of a list it does not see: not every build of it knows such lines.
 */
#ifndef CONF_SETTINGS_PARSE_H
#define CONF_SETTINGS_PARSE_H

#include "text/buf.h"
#include "conf/settings.h"
#include "conf/settings_table.h"

/* Bytes in a line, its end not counted. libinih has room for 200, NUL and line end among
 * them: since version 59 a line that fills all but the NUL is one too long to it. */
#define SETTINGS_LINE_MAX 198

struct settings_found {
	size_t line;
	bool warning;
	char *text;
};

struct settings_reading {
	struct settings *config;
	const char *name;   /* of the file, for the texts */
	const char *folder; /* what relative paths start from */
	bool personal;
	settings_note *note;
	void *context;
	bool faulty; /* a fault was noted */
	/* What is to be noted: some is found only when a section ends, and is told in the
	 * order of the lines all the same. */
	struct settings_found *found;
	size_t found_count, found_cap;

	struct str rest;     /* what has not been read */
	size_t line;         /* the number of the last line read */
	bool pending;        /* the library has a line and has not called back yet */
	bool outside;        /* no section line yet */
	const char *section; /* of the table, or NULL: unknown or none */
	/* The list that the last key has, which may go on; NULL: no list. */
	const struct settings_row *list;
	struct buf list_text; /* of all its lines so far */
	bool list_faulty;     /* which was noted */
	/* For each row the line where its key stands, 0: nowhere (rows of [relay]:
	 * nowhere in this one). */
	size_t seen[SETTINGS_ROWS_MAX];
};

/* Empties *c and fills it with the defaults, path is the file's. */
void settings_begin(struct settings *c, const char *path);

/* Gives "PATH:LINE: TEXT" to note. */
void settings_put_note(settings_note *note, void *context, bool warning, const char *path,
                       size_t line, const char *text);

/* Notes a fault, or a warning, about that line. */
void settings_fault(struct settings_reading *r, size_t line, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
void settings_warning(struct settings_reading *r, size_t line, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* The rules between the keys of one relay, the last of the file so far; fills
 * what follows from other keys. */
void settings_check_relay(struct settings_reading *r);
/* The rules between all others, at the end. */
void settings_check_rest(struct settings_reading *r);

#endif
