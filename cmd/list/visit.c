/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cmd/list/visit.h"

#include <stdio.h>
#include <stdlib.h>

int visit_complain(const char *program, const char *id, const struct fault *f)
{
	struct fault said = *f;
	if (id[0])
		fault_prefix(&said, "%s", id);
	fprintf(stderr, "%s: %s\n", program, said.text);
	return fault_exit(f->kind);
}

static int damaged(const struct visit *v, const char *id, const struct fault *f)
{
	if (!v->damaged)
		return visit_complain(v->program, id, f);
	++*v->damaged;
	return 0;
}

/* Removed, but by somebody who could not remove the file. */
static bool is_over(const struct hold_entry *he)
{
	return he->hold->shared && hold_is_over(he);
}

/* Which file of the system's hold could not be opened is not for a user to know who sees only
 * their own. */
static bool is_hidden(const struct hold *h)
{
	return h->shared && h->view == HOLD_OWN;
}

int visit_room(const struct visit *v, enum hold_room room)
{
	hold_id *ids;
	size_t count;
	const struct fault none = FAULT_INIT;
	struct fault f = none;
	int code = 0;
	bool more = true;
	hold_look_around(v->hold);
	if (!hold_list(v->hold, room, &ids, &count, &f)) {
		free(ids);
		return visit_complain(v->program, "", &f);
	}
	for (size_t i = 0; more && i < count; i++) {
		f = none;
		struct hold_entry he;
		enum hold_claim result = hold_look(v->hold, room, ids[i], &he, &f);
		if (result == CLAIM_ERROR && !is_hidden(v->hold))
			code = fault_worse(code, visit_complain(v->program, ids[i], &f));
		if (result == CLAIM_DAMAGED)
			code = fault_worse(code, damaged(v, ids[i], &f));
		if (result != CLAIM_OK)
			continue;
		if (!is_over(&he))
			more = v->entry(v->context, &he, he.busy);
		hold_release(&he);
	}
	free(ids);
	return code;
}

static int not_allowed(const struct visit *v, const char *id)
{
	struct fault f = FAULT_INIT;
	fault_set(&f, FAULT_NOPERM, "is another user's");
	return visit_complain(v->program, id, &f);
}

int visit_id(const struct visit *v, const char *id, bool only_failed)
{
	static const enum hold_room rooms[] = {HOLD_QUEUE, HOLD_FAILED};
	struct fault f = FAULT_INIT;
	for (size_t i = only_failed; i < COUNT(rooms); i++) {
		struct hold_entry he;
		enum hold_claim result = hold_look(v->hold, rooms[i], id, &he, &f);
		if (result == CLAIM_DAMAGED || (result == CLAIM_ERROR && !is_hidden(v->hold)))
			return visit_complain(v->program, id, &f);
		if (result == CLAIM_FOREIGN)
			return not_allowed(v, id);
		if (result != CLAIM_OK)
			continue;
		bool over = is_over(&he);
		if (!over)
			v->entry(v->context, &he, he.busy);
		hold_release(&he);
		if (!over)
			return 0;
	}
	fault_set(&f, FAULT_DATA, "no such message%s",
	          only_failed ? " among the failed ones" : "");
	return visit_complain(v->program, id, &f);
}
