/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "hold/sweep.h"

#include <stdlib.h>
#include <unistd.h>

#include "base/file.h"

#define TMP_AGE (36 * 3600)

static void sweep_one(struct hold *h, enum hold_room room, const char *id, int64_t wall,
                      int64_t age)
{
	struct stat st;
	struct fault f = FAULT_INIT;
	bool locked = false;
	int fd;
	if (!file_stat_name(h->rooms[room], id, &st, &f) || !S_ISREG(st.st_mode) ||
	    wall - (int64_t)st.st_mtime < age || !file_open_update(h->rooms[room], id, &fd, &f))
		return;
	/* Until the lock was ours it may have gone to hold/ and come back. */
	if (file_try_lock(fd, id, &locked, &f) && locked && file_stat(fd, id, &st, &f) &&
	    wall - (int64_t)st.st_mtime >= age)
		file_unlink(h->rooms[room], id, &f);
	close(fd);
}

static void sweep_room(struct hold *h, enum hold_room room, int64_t wall, int64_t age)
{
	hold_id *ids;
	size_t count;
	struct fault f = FAULT_INIT;
	if (!hold_list(h, room, &ids, &count, &f))
		return;
	for (size_t i = 0; i < count; i++)
		sweep_one(h, room, ids[i], wall, age);
	free(ids);
}

/* Removed by somebody who could not remove the file (hold_remove). */
static void sweep_over(struct hold *h)
{
	hold_id *ids;
	size_t count;
	struct fault f = FAULT_INIT;
	if (!hold_list(h, HOLD_FAILED, &ids, &count, &f))
		return;
	for (size_t i = 0; i < count; i++) {
		struct hold_entry he;
		if (hold_claim(h, HOLD_FAILED, ids[i], &he, &f) != CLAIM_OK)
			continue;
		if (hold_is_over(&he))
			file_unlink(h->rooms[HOLD_FAILED], ids[i], &f);
		hold_release(&he);
	}
	free(ids);
}

void sweep_run(struct hold *h, int64_t wall, int64_t keep)
{
	if (h->view != HOLD_ALL)
		return;
	if (h->shared)
		sweep_over(h);
	sweep_room(h, HOLD_TMP, wall, TMP_AGE);
	if (keep > 0)
		sweep_room(h, HOLD_FAILED, wall, keep);
}
