/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * answer - what a provider answers: a JSON object (RFC 6749 section 5, RFC 8414)
 *
 * Read by jansson, which is small, refuses what is no JSON, limits its own depth, and can be
 * given the functions for its memory: ours wipe what they free, since tokens are in it.
 * Built only where that library is.
 */
#ifndef OAUTH_ANSWER_H
#define OAUTH_ANSWER_H

#include <stdint.h>

#include "text/buf.h"

struct answer; /* opaque */

/* Once a process, before the first. */
void answer_begin(void);
/* NULL: it is no object, has a member twice, or more behind it. */
struct answer *answer_read(struct str bytes);
void answer_free(struct answer *a); /* wipes */

/* A member that is a text without NUL; else NULL. As long as a is there. */
const char *answer_text(const struct answer *a, const char *name);
/* A whole number, which some write as a text; else 0. */
int64_t answer_number(const struct answer *a, const char *name);
/* Is word in the list of that name? *there: is there such a list at all? */
bool answer_lists(const struct answer *a, const char *name, const char *word, bool *there);

#endif
