/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * settings_parse - from the bytes of a file to settings
 *
 * Internal to conf/; settings_parse() itself is in conf/settings.h. The file is read with
 * libinih, which gives keys and values but no line numbers, no sections without keys, and
 * cuts lines of 200 bytes or more. So the lines are handed to it by a reader that counts
 * them, refuses those it would cut, and keeps track of the sections itself. Further lines of
 * a list it does not see: not every build of it knows such lines.
 */
#ifndef CONF_SETTINGS_PARSE_H
#define CONF_SETTINGS_PARSE_H

#include "conf/settings.h"

/* Empties *c and fills it with the defaults; path is the file's. */
void settings_begin(struct settings *c, const char *path);

#endif
