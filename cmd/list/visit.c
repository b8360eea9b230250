/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cmd/list/visit.h"

#include <stdio.h>
#include <stdlib.h>

static int complain(const struct visit *v, const char *id, const struct fault *f)
{
	struct fault said = *f;
	fault_prefix(&said, "%s", id);
	fprintf(stderr, "%s: %s\n", v->program, said.text);
	return fault_exit(f->kind);
}

static int damaged(const struct visit *v, const char *id, const struct fault *f)
{
	if (!v->damaged)
		return complain(v, id, f);
	++*v->damaged;
	return 0;
}

/* Removed, but by somebody who could not remove the file. */
static bool is_over(const struct hold_entry *he)
{
	return he->hold->shared && hold_is_over(he);
}

/* A visit through the gate. */
struct beyond {
	const struct visit *visit;
	int code;
	bool more;
};

static bool visit_beyond(void *context, char room, const char *id, bool busy, int fd)
{
	struct beyond *b = context;
	const struct visit *v = b->visit;
	struct hold_entry he = {.room = room == 'f' ? HOLD_FAILED : HOLD_QUEUE, .fd = fd};
	struct fault f = FAULT_INIT;
	entry_init(&he.entry);
	if (!entry_read(fd, &he.entry, &f))
		b->code = fault_worse(b->code, complain(v, id, &f));
	else if (!hold_is_over(&he))
		b->more = v->entry(v->context, &he, busy);
	entry_release(&he.entry);
	return b->more;
}

static int visit_through(const struct visit *v, const char *rooms, const char *id)
{
	struct beyond b = {.visit = v, .more = true};
	struct post_client gate;
	struct fault f = FAULT_INIT;
	bool ok = place_open_gate(v->place, false, &gate, &f) &&
	          post_client_list(&gate, rooms, id, v->whole, visit_beyond, &b, &f);
	post_client_close(&gate);
	if (!ok && id)
		return fault_worse(b.code, complain(v, id, &f));
	if (!ok)
		fprintf(stderr, "%s: %s\n", v->program, f.text);
	return ok ? b.code : fault_worse(b.code, fault_exit(f.kind));
}

int visit_room(const struct visit *v, enum hold_room room)
{
	if (!v->hold)
		return visit_through(v, room == HOLD_FAILED ? "f" : "h", NULL);
	hold_id *ids;
	size_t count;
	const struct fault none = FAULT_INIT;
	struct fault f = none;
	int code = 0;
	bool more = true;
	hold_look_around(v->hold);
	if (!hold_list(v->hold, room, &ids, &count, &f)) {
		free(ids);
		fprintf(stderr, "%s: %s\n", v->program, f.text);
		return fault_exit(f.kind);
	}
	for (size_t i = 0; more && i < count; i++) {
		f = none;
		struct hold_entry he;
		enum hold_claim result = hold_look(v->hold, room, ids[i], &he, &f);
		if (result == CLAIM_ERROR)
			code = fault_worse(code, complain(v, ids[i], &f));
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
	return complain(v, id, &f);
}

int visit_id(const struct visit *v, const char *id, bool only_failed)
{
	static const enum hold_room rooms[] = {HOLD_QUEUE, HOLD_FAILED};
	struct fault f = FAULT_INIT;
	if (!v->hold)
		return visit_through(v, only_failed ? "f" : "hf", id);
	for (size_t i = only_failed; i < sizeof(rooms) / sizeof(rooms[0]); i++) {
		struct hold_entry he;
		enum hold_claim result = hold_look(v->hold, rooms[i], id, &he, &f);
		if (result == CLAIM_DAMAGED || result == CLAIM_ERROR)
			return complain(v, id, &f);
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
	return complain(v, id, &f);
}
