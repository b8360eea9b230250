/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * settings_note - what is wrong with a file, or worth a word
 *
 * Internal to conf/. Some of it is found only when a section ends, and is told in the
 * order of the lines all the same.
 */
#ifndef CONF_SETTINGS_NOTE_H
#define CONF_SETTINGS_NOTE_H

#include "conf/settings.h"

struct settings_found {
	size_t line;
	bool warning;
	char *text;
};

struct settings_notes {
	const char *name; /* of the file, for the texts */
	settings_note *note;
	void *context;
	bool faulty; /* a fault was noted */
	struct settings_found *found;
	size_t found_count, found_cap;
};

/* Notes a fault, or a warning, about that line. */
void settings_fault(struct settings_notes *n, size_t line, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
void settings_warning(struct settings_notes *n, size_t line, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Tells all of them, each as "NAME:LINE: TEXT", and forgets them; those of one line stay as
 * they were found. */
void settings_tell(struct settings_notes *n);

#endif
