/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * settings_table - every section and key, one row each
 *
 * Internal to conf/. A new key is one row in settings_table.c, its field in
 * struct settings, and its paragraph in postern.conf(5).
 */
#ifndef CONF_SETTINGS_TABLE_H
#define CONF_SETTINGS_TABLE_H

#include "text/buf.h"
#include "conf/settings_value.h"

#define SETTINGS_ROWS_MAX 96

size_t settings_rows(void);
const struct settings_row *settings_row(size_t i);
/* NULL if the section has no such key. */
const struct settings_row *settings_row_find(const char *section, struct str name);
size_t settings_row_index(const struct settings_row *row);
/* The name in the table's own memory, NULL if there is no such section. */
const char *settings_section_find(struct str name);

/* The key that was probably meant by an unknown one: of the same name elsewhere, or
 * of this section if one is near enough. NULL if there is none. section may be
 * NULL. */
const struct settings_row *settings_row_guess(const char *section, struct str name);
/* A weaker guess, for people only: the key of this section that the name begins or
 * ends with, or that begins or ends with it. */
const struct settings_row *settings_row_kin(const char *section, struct str name);
const char *settings_section_guess(struct str name);

/* Reads a value of the row into its field in the object, the struct settings or, for [relay],
 * settings_relay; folder: what a relative path starts from. On a fault the field is as before. */
bool settings_row_read(const struct settings_row *row, struct str text, const char *folder,
                       void *object, struct fault *f) __attribute__((warn_unused_result));
/* The defaults into what is empty: of all sections but [relay], and of one relay. */
void settings_fill(struct settings *c);
void settings_fill_relay(struct settings_relay *r);
/* Releases what the fields of all keys own. */
void settings_empty(struct settings *c);

#endif
