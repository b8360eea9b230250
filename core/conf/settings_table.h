/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * config_table - every section and key, one row each
 *
 * Internal to conf/. A new key is one row in config_table.c, its field in
 * struct settings, and its paragraph in postern.conf(5).
 */
#ifndef CONF_SETTINGS_TABLE_H
#define CONF_SETTINGS_TABLE_H

#include "text/buf.h"
#include "conf/settings_value.h"

#define SETTINGS_ROWS_MAX 96

size_t config_rows(void);
const struct settings_row *settings_row(size_t i);
/* NULL if the section has no such key. */
const struct settings_row *config_row_find(const char *section, struct str name);
size_t config_row_index(const struct settings_row *row);
/* Is its value a list of words, which may go on over several lines? */
bool config_row_is_list(const struct settings_row *row);

/* The name in the table's own memory, NULL if there is no such section. */
const char *config_section_find(struct str name);

/* The key that was probably meant by an unknown one: of the same name elsewhere, or
 * of this section if one is near enough. NULL if there is none. section may be
 * NULL. */
const struct settings_row *config_row_guess(const char *section, struct str name);
/* A weaker guess, for people only: the key of this section that the name begins or
 * ends with, or that begins or ends with it. */
const struct settings_row *config_row_kin(const char *section, struct str name);
const char *config_section_guess(struct str name);

/* Fills an empty object with the defaults of the section. */
void config_row_defaults(const char *section, void *object);

#endif
