/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cmd/visit.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

bool visit_allowed(uid_t owner)
{
	return geteuid() == 0 || owner == getuid();
}

static int complain(const struct visit *v, const char *id, const struct fault *f)
{
	fprintf(stderr, "%s: %s: %s\n", v->program, id, f->text);
	return fault_exit(f->class);
}

/* A file that may not be opened is another user's. */
static bool is_foreign(const struct fault *f)
{
	return f->class == FAULT_NOPERM && (f->sys == EACCES || f->sys == EPERM);
}

static int later(int a, int b)
{
	return a > b ? a : b;
}

int visit_room(const struct visit *v, enum hold_room room)
{
	hold_id *ids;
	size_t count;
	const struct fault none = FAULT_INIT;
	struct fault f = none;
	int code = 0;
	bool more = true;
	if (!hold_list(v->hold, room, &ids, &count, &f)) {
		free(ids);
		fprintf(stderr, "%s: %s\n", v->program, f.text);
		return fault_exit(f.class);
	}
	for (size_t i = 0; more && i < count; i++) {
		struct hold_entry he;
		enum hold_claim result;
		bool busy;
		f = none;
		if (!hold_look(v->hold, room, ids[i], &he, &busy, &result, &f)) {
			if (!is_foreign(&f))
				code = later(code, complain(v, ids[i], &f));
			continue;
		}
		if (result == CLAIM_DAMAGED)
			code = later(code, complain(v, ids[i], &f));
		if (result != CLAIM_OK)
			continue;
		if (visit_allowed(he.entry.uid))
			more = v->entry(v->context, &he, busy);
		hold_release(&he);
	}
	free(ids);
	return code;
}

static int not_allowed(const struct visit *v, const char *id)
{
	struct fault f = FAULT_INIT;
	fault_set(&f, FAULT_NOPERM, "is another user's");
	return complain(v, id, &f);
}

int visit_id(const struct visit *v, const char *id, bool only_failed)
{
	static const enum hold_room rooms[] = {HOLD_HOLD, HOLD_FAILED};
	struct fault f = FAULT_INIT;
	for (size_t i = only_failed; i < sizeof(rooms) / sizeof(rooms[0]); i++) {
		struct hold_entry he;
		enum hold_claim result;
		bool busy;
		if (!hold_look(v->hold, rooms[i], id, &he, &busy, &result, &f))
			return is_foreign(&f) ? not_allowed(v, id) : complain(v, id, &f);
		if (result == CLAIM_DAMAGED)
			return complain(v, id, &f);
		if (result != CLAIM_OK)
			continue;
		bool allowed = visit_allowed(he.entry.uid);
		if (allowed)
			v->entry(v->context, &he, busy);
		hold_release(&he);
		return allowed ? 0 : not_allowed(v, id);
	}
	fault_set(&f, FAULT_DATA, "no such message%s",
	          only_failed ? " among the failed ones" : "");
	return complain(v, id, &f);
}
