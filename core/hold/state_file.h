/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * state_file - how the files in state/ are called that are about a relay or a server
 *
 * KIND.WORD, the word being what the file is about with all but letters, digits, "-" and "_"
 * as %HH: no two lead to one file, and none out of the folder. It has no dot in it, so that
 * a part which is appended with one cannot be taken for the word of another.
 *
 * A word has its limit, because a file name has: of what is longer it is the beginning, a "~"
 * and a checksum. The name of a relay never is (conf/settings_parse); who writes of more
 * looks into the file whether it is about the same.
 */
#ifndef HOLD_STATE_FILE_H
#define HOLD_STATE_FILE_H

#include <stdbool.h>
#include <stddef.h>

enum state_kind { STATE_SERVER, STATE_WINDOW, STATE_RATE, STATE_SLOTS, STATE_TICKET };

#define STATE_WORD_MAX  96  /* three for each byte of a relay's name */
#define STATE_NAME_SIZE 144 /* with its NUL: no file system in use takes less (eCryptfs) */

/* Writes the name and returns its length: there is room for 40 bytes behind it. */
size_t state_file_name(char name[STATE_NAME_SIZE], enum state_kind kind, const char *about);
/* Is it the name of such a file, of whatever version? All of them may be removed (hold/sweep). */
bool state_file_is(const char *name);

#endif
