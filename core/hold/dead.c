/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "hold/dead.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/codec.h"
#include "base/crc.h"
#include "base/file.h"

enum whose { COMMON, OWN };

/* Who is not the owner of a shared hold has files of his own. */
static bool is_guest(const struct hold *h)
{
	return h->shared && geteuid() != h->owner;
}

/* A file name that any key fits in. */
static void dead_name(const char *key, enum whose whose, char name[64])
{
	unsigned long crc = (unsigned long)crc_add(0, key, strlen(key));
	if (whose == OWN)
		snprintf(name, 64, "dead.%08lX.%lu", crc, (unsigned long)geteuid());
	else
		snprintf(name, 64, "dead.%08lX", crc);
}

static bool read_text(const struct hold *h, const char *name, enum whose whose,
                      struct buf *text)
{
	struct stat st;
	struct fault f = FAULT_INIT;
	int fd;
	if (!file_open_update(h->rooms[HOLD_STATE], name, &fd, &f))
		return false;
	bool ok = file_stat(fd, name, &st, &f) &&
	          (!h->shared || st.st_uid == (whose == OWN ? geteuid() : h->owner)) &&
	          file_read_all(fd, name, text, &f);
	close(fd);
	return ok;
}

/* The file: key, until, wait, why, a line each. The key guards against two
 * keys with one checksum. */
static bool dead_read(const struct hold *h, const char *key, enum whose whose, struct dead *d)
{
	char name[64];
	struct buf text;
	struct str rest, line[4] = {{NULL, 0}};
	long long until, wait;
	dead_name(key, whose, name);
	buf_init(&text, 4096);
	bool ok = read_text(h, name, whose, &text);
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
	struct dead own;
	bool found = dead_read(h, key, COMMON, d) && d->until - wall <= DEAD_WAIT_MAX;
	if (is_guest(h) && dead_read(h, key, OWN, &own) && own.until - wall <= DEAD_WAIT_MAX &&
	    (!found || own.until > d->until)) {
		*d = own;
		found = true;
	}
	return found;
}

void dead_set(const struct hold *h, const char *key, int64_t wall, const char *why)
{
	char name[64];
	struct dead before;
	struct fault f = FAULT_INIT;
	enum whose whose = is_guest(h) ? OWN : COMMON;
	int64_t wait = DEAD_WAIT_MIN;
	if (dead_read(h, key, whose, &before) && before.wait >= DEAD_WAIT_MIN) {
		/* Before that time it is the same silence, met by another process. */
		bool same = before.until > wall && before.until - wall <= DEAD_WAIT_MAX;
		wait = same ? before.wait : before.wait * 2;
		if (wait > DEAD_WAIT_MAX)
			wait = DEAD_WAIT_MAX;
	}
	char *text = mem_printf("%s\n%lld\n%lld\n%s\n", key, (long long)(wall + wait),
	                        (long long)wait, why);
	dead_name(key, whose, name);
	/* Nothing to be done about a failure: the relay is then asked again. */
	(void)!file_replace(h->rooms[HOLD_STATE], name, 0660, str_of(text), &f);
	free(text);
}

void dead_clear(const struct hold *h, const char *key)
{
	for (enum whose whose = COMMON; whose <= (is_guest(h) ? OWN : COMMON); whose++) {
		char name[64];
		struct stat st;
		struct fault f = FAULT_INIT;
		dead_name(key, whose, name);
		if (file_stat_name(h->rooms[HOLD_STATE], name, &st, &f))
			file_unlink(h->rooms[HOLD_STATE], name, &f);
	}
}
