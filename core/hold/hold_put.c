/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A message on its way into the hold: written in tmp/, and published when it is whole.
 */
#include "hold/hold.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "os/clock.h"
#include "os/file.h"
#include "os/random.h"

static void id_make(char id[ENTRY_ID_LEN + 1])
{
	unsigned char random[2];
	random_fill(random, sizeof(random));
	snprintf(id, ENTRY_ID_LEN + 1, "%08lX%02X%02X",
	         (unsigned long)clock_wall() & 0xffffffffUL, random[0], random[1]);
}

bool hold_put_begin(struct hold_put *p, struct hold *h, struct entry *e, uint64_t min_free,
                    struct fault *f)
{
	*p = (struct hold_put){.hold = h, .entry = e, .fd = -1};
	if (!hold_has_space(h->path, min_free, f))
		return false;
	for (int tries = 0; p->fd < 0; tries++) {
		id_make(e->id);
		if (!file_create(h->rooms[HOLD_TMP], e->id, 0660, &p->fd, f) &&
		    (f->sys != EEXIST || tries == 100))
			return fault_prefix(f, "%s/tmp", h->path);
	}
	memcpy(p->tmp, e->id, sizeof(p->tmp));
	bool locked;
	if (!file_try_lock(p->fd, e->id, &locked, f) ||
	    !entry_write_begin(&p->writer, p->fd, e, f)) {
		hold_put_abort(p);
		return false;
	}
	return true;
}

bool hold_put_message(struct hold_put *p, struct str bytes, struct fault *f)
{
	return entry_write_message(&p->writer, bytes, f);
}

/* Gives the file its name in a room and makes that name durable. If the sync
 * of the directory fails the name is taken back: nobody was told of it yet. */
static bool publish(struct hold_put *p, enum hold_room room, struct fault *f)
{
	struct hold *h = p->hold;
	if (!file_publish(h->rooms[HOLD_TMP], p->tmp, h->rooms[room], p->entry->id, f))
		return false;
	if (file_sync(h->rooms[room], hold_room_name(room), f)) {
		close(p->fd);
		p->fd = -1;
		return true;
	}
	struct fault undo = FAULT_INIT;
	f->kind = FAULT_TEMP;
	if (!file_unlink(h->rooms[room], p->entry->id, &undo))
		fault_prefix(f, "%s may be held all the same", p->entry->id);
	close(p->fd);
	p->fd = -1;
	return false;
}

bool hold_put_end(struct hold_put *p, enum hold_room room, struct fault *f)
{
	for (int tries = 0; tries < 100; tries++) {
		bool written = tries == 0 ? entry_write_end(&p->writer, f)
		                          : entry_mark_head(p->fd, p->entry, f);
		if (!written || !file_sync(p->fd, p->entry->id, f))
			break;
		if (publish(p, room, f))
			return true;
		if (p->fd < 0 || f->sys != EEXIST)
			break;
		/* Somebody took that id in the same second: the file gets another. */
		id_make(p->entry->id);
	}
	hold_put_abort(p);
	return false;
}

/* The id of the report on an entry: of a later second, so that it comes behind
 * it in every list, the last digits turned round. */
static void id_of_report(const char *of, size_t failed, char id[ENTRY_ID_LEN + 1])
{
	char second[9];
	memcpy(second, of, 8);
	second[8] = '\0';
	unsigned long last = strtoul(of + 8, NULL, 16) ^ (failed & 0xffff) ^ 0xffff;
	snprintf(id, ENTRY_ID_LEN + 1, "%08lX%04lX",
	         (strtoul(second, NULL, 16) + 1 + (failed >> 16)) & 0xffffffffUL, last);
}

/* Is the entry of that id a report on the entry of? *taken: there is one, of whatever kind. */
static bool is_report_on(struct hold *h, const char *id, const char *of, bool *taken)
{
	static const enum hold_room rooms[] = {HOLD_QUEUE, HOLD_FAILED};
	*taken = false;
	for (int i = 0; i < 2; i++) {
		struct fault f = FAULT_INIT;
		struct hold_entry he;
		if (hold_look(h, rooms[i], id, &he, &f) != CLAIM_OK)
			continue;
		*taken = true;
		bool same = strcmp(he.entry.report_of, of) == 0;
		hold_release(&he);
		if (same)
			return true;
	}
	return false;
}

bool hold_put_end_report(struct hold_put *p, size_t failed, bool *exists, struct fault *f)
{
	char id[ENTRY_ID_LEN + 1];
	id_of_report(p->entry->report_of, failed, id);
	bool taken;
	*exists = is_report_on(p->hold, id, p->entry->report_of, &taken);
	if (*exists) {
		hold_put_abort(p);
		return true;
	}
	if (!taken)
		memcpy(p->entry->id, id, sizeof(id));
	return hold_put_end(p, HOLD_QUEUE, f);
}

void hold_put_abort(struct hold_put *p)
{
	struct fault f = FAULT_INIT;
	if (p->fd < 0)
		return;
	file_unlink(p->hold->rooms[HOLD_TMP], p->tmp, &f);
	close(p->fd);
	p->fd = -1;
}
