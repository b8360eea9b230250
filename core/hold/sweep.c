/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "hold/sweep.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "os/file.h"
#include "hold/retry.h"
#include "hold/state_file.h"

#define TMP_AGE   (36 * 3600)
#define STATE_AGE (7 * 86400) /* nothing there is of use for more than a day */

static void sweep_one(struct hold *h, enum hold_room room, const char *id, int64_t wall,
                      int64_t age)
{
	struct stat st;
	struct fault f = FAULT_INIT;
	bool locked = false;
	if (!file_stat_name(h->rooms[room], id, &st, &f) || !S_ISREG(st.st_mode) ||
	    wall - (int64_t)st.st_mtime < age)
		return;
	int fd;
	if (!file_open_update(h->rooms[room], id, &fd, NULL, &f)) {
		/* Whoever made it was killed before they opened it to others. */
		if (room == HOLD_TMP && f.kind == FAULT_NOPERM)
			file_unlink(h->rooms[room], id, &f);
		return;
	}
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

static bool read_clock(const struct hold *h, const char *name, struct retry_clock *c)
{
	struct stat st;
	struct fault f = FAULT_INIT;
	long long values[3] = {0};
	int fd, n = 0;
	if (!file_open_regular(h->rooms[HOLD_STATE], name, &fd, &st, &f))
		return false;
	struct buf text;
	buf_init(&text, 256);
	/* In a shared hold other users work there, too. */
	bool ok = (!h->shared || st.st_uid == h->owner) && file_read_all(fd, name, &text, &f);
	close(fd);
	struct str rest = buf_str(&text);
	struct str word;
	while (ok && n < 3 && str_cut(&rest, ' ', &word))
		ok = str_number(str_trim(word), &values[n++]);
	buf_release(&text);
	*c = (struct retry_clock){values[0], values[1], values[2]};
	return ok && n == 3;
}

static bool clock_is_right(const struct hold *h, int64_t wall, int64_t uptime)
{
	char name[24];
	struct retry_clock c = {0};
	struct fault f = FAULT_INIT;
	snprintf(name, sizeof(name), "clock.%08lX", (unsigned long)hold_machine());
	if (!read_clock(h, name, &c))
		c = (struct retry_clock){0};
	bool right = retry_clock_seen(&c, wall, uptime);
	char text[80];
	snprintf(text, sizeof(text), "%lld %lld %lld\n", (long long)c.wall, (long long)c.uptime,
	         (long long)c.doubt);
	/* What cannot be remembered was not seen the next time. */
	return file_replace(h->rooms[HOLD_STATE], name, 0660, str_of(text), &f) && right;
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

/* How long a file in state/ may be left alone until nobody needs it, by its
 * name; 0: for ever. What begins with a dot was to replace another (os/file). */
static int64_t state_age(const char *name)
{
	if (name[0] == '.')
		return strcmp(name, ".") == 0 || strcmp(name, "..") == 0 ? 0 : TMP_AGE;
	return state_file_is(name) ? STATE_AGE : 0;
}

static void sweep_state(struct hold *h, int64_t wall)
{
	int room = h->rooms[HOLD_STATE];
	DIR *dir;
	struct fault f = FAULT_INIT;
	if (!file_open_list(room, ".", &dir, &f))
		return;
	for (struct dirent *d; (d = readdir(dir));) {
		struct stat st;
		int64_t age = state_age(d->d_name);
		if (age > 0 && file_stat_name(room, d->d_name, &st, &f) &&
		    S_ISREG(st.st_mode) && wall - (int64_t)st.st_mtime >= age)
			file_unlink(room, d->d_name, &f);
	}
	closedir(dir);
}

void sweep_run(struct hold *h, int64_t wall, int64_t uptime, int64_t keep)
{
	if (h->view != HOLD_ALL)
		return;
	if (h->shared)
		sweep_over(h);
	if (!clock_is_right(h, wall, uptime))
		return;
	sweep_room(h, HOLD_TMP, wall, TMP_AGE);
	sweep_state(h, wall);
	if (keep > 0)
		sweep_room(h, HOLD_FAILED, wall, keep);
}
