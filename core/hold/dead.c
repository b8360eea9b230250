/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "hold/dead.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/codec.h"
#include "base/file.h"

/* A file name that any key fits in. */
static void dead_name(const char *key, char name[32])
{
	snprintf(name, 32, "dead.%08lX", (unsigned long)codec_crc32(0, str_of(key)));
}

/* The file: key, until, wait, why, a line each. The key guards against two
 * keys with one checksum. */
static bool dead_read(const struct hold *h, const char *key, struct dead *d)
{
	char name[32];
	struct buf text;
	struct fault f = FAULT_INIT;
	struct str rest, line[4] = {{NULL, 0}};
	long long until, wait;
	dead_name(key, name);
	buf_init(&text, 4096);
	bool ok = file_read_path(h->rooms[HOLD_STATE], name, &text, &f);
	rest = buf_str(&text);
	for (int i = 0; ok && i < 4; i++)
		ok = str_cut(&rest, '\n', &line[i]);
	ok = ok && str_eq(line[0], str_of(key)) && str_number(line[1], &until) &&
	     str_number(line[2], &wait);
	if (ok) {
		d->until = until;
		d->wait = wait;
		codec_one_line(d->why, sizeof(d->why), line[3]);
	}
	buf_release(&text);
	return ok;
}

bool dead_get(const struct hold *h, const char *key, int64_t wall, struct dead *d)
{
	return dead_read(h, key, d) && d->until - wall <= DEAD_WAIT_MAX;
}

void dead_set(const struct hold *h, const char *key, int64_t wall, const char *why)
{
	char name[32];
	struct dead before;
	struct fault f = FAULT_INIT;
	int64_t wait = DEAD_WAIT_MIN;
	if (dead_read(h, key, &before) && before.wait >= DEAD_WAIT_MIN) {
		/* Before that time it is the same silence, met by another process. */
		bool same = before.until > wall && before.until - wall <= DEAD_WAIT_MAX;
		wait = same ? before.wait : before.wait * 2;
		if (wait > DEAD_WAIT_MAX)
			wait = DEAD_WAIT_MAX;
	}
	char *text = mem_printf("%s\n%lld\n%lld\n%s\n", key, (long long)(wall + wait),
	                        (long long)wait, why);
	dead_name(key, name);
	/* Nothing to be done about a failure: the relay is then asked again. */
	(void)!file_replace(h->rooms[HOLD_STATE], name, 0660, str_of(text), &f);
	free(text);
}

void dead_clear(const struct hold *h, const char *key)
{
	char name[32];
	struct stat st;
	struct fault f = FAULT_INIT;
	dead_name(key, name);
	if (file_stat_name(h->rooms[HOLD_STATE], name, &st, &f))
		file_unlink(h->rooms[HOLD_STATE], name, &f);
}
