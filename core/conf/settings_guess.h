/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * settings_guess - which known name an unknown one was meant for
 *
 * Internal to conf/; for hints only.
 */
#ifndef CONF_SETTINGS_GUESS_H
#define CONF_SETTINGS_GUESS_H

#include "text/buf.h"

#define SETTINGS_NAME_MAX 32 /* longer unknown names get no hint */

/* Insertions, deletions, replacements and swaps of neighbours that make b of a, letters
 * without case (the restricted Damerau-Levenshtein distance). Neither may be longer than
 * SETTINGS_NAME_MAX. */
size_t settings_distance(struct str a, struct str b);
/* The most that may differ for a hint to be worth giving: a third of the letters, and three. */
size_t settings_near_enough(struct str name);
/* The distance, or STR_NONE if it is too far for a hint. */
size_t settings_apart(struct str name, const char *known);

#endif
