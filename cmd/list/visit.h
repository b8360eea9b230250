/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * visit - looking at entries one after the other
 *
 * Only ids are kept in memory, never more than one entry. What the caller has
 * no right to see is passed over, what went away meanwhile too. A damaged or
 * unreadable entry gets a line on standard error; the others are still visited.
 */
#ifndef CMD_LIST_VISIT_H
#define CMD_LIST_VISIT_H

#include <sys/types.h>

#include "hold/hold.h"

/* busy: somebody works on the entry just now. False ends the visit. */
typedef bool visit_entry(void *context, const struct hold_entry *he, bool busy);

struct visit {
	struct hold *hold;
	size_t *damaged;     /* counts what cannot be read, or NULL: then that is said */
	const char *program; /* for lines on standard error */
	visit_entry *entry;
	void *context;
};

/* All entries of a room, oldest first; the exit code of what went wrong, or 0. */
int visit_room(const struct visit *v, enum hold_room room);
/* The entry of that id, in hold/, or else in failed/ (only_failed: only there).
 * 65 and a line if there is none, 77 and a line if it is another user's. */
int visit_id(const struct visit *v, const char *id, bool only_failed);
/* The line that says why the entry of that id, or all of it (""), came to nothing, on
 * standard error. Returns its exit code. */
int visit_complain(const char *program, const char *id, const struct fault *f);

#endif
