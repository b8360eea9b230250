/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "hold/rate.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "text/crc.h"
#include "os/clock.h"
#include "os/file.h"

#define NAME_SIZE     32
#define LOCK_TRIES    500
#define LOCK_PAUSE_MS 2
#define JITTER_MS     10
#define HEAD_SIZE     512

static const char magic[8] = "rate  1";

struct ring {
	struct rate_rule rule;
	int64_t next;   /* the place of the oldest time, and of the one to come */
	int64_t filled; /* places with a time; all once it has been full */
};

/* As it is in the file; behind it, from HEAD_SIZE on, the times of each ring. */
struct head {
	char magic[8];
	int64_t count;      /* of rings */
	int64_t offset;     /* of our clock to the wall clock, ms */
	int64_t last;       /* our clock when it was last looked at */
	int64_t slow_until; /* by our clock */
	struct ring rings[RATE_RULES_MAX];
	int64_t crc;
};

_Static_assert(sizeof(struct head) <= HEAD_SIZE, "the head of a rate file has a place");

/* A file that is at work: locked. */
struct rate {
	int fd;
	const char *name;
	struct head head;
	int64_t now;
};

int64_t rate_wait(const struct rate_rule *rule, int64_t oldest, int64_t now, bool slow)
{
	int64_t period = rule->period_ms + rule->period_ms / 32 + JITTER_MS;
	if (slow)
		period *= 2;
	/* No time is later than now: that one is damaged. */
	if (oldest > now || now - oldest >= period)
		return 0;
	return period - (now - oldest);
}

static int64_t crc_of(const struct head *h)
{
	return (int64_t)crc_add(0, (const char *)h, offsetof(struct head, crc));
}

static bool is_sound(const struct head *h, const struct rate_rule *rules, size_t count)
{
	if (memcmp(h->magic, magic, sizeof(magic)) != 0 || h->crc != crc_of(h) ||
	    h->count != (int64_t)count)
		return false;
	for (size_t i = 0; i < count; i++) {
		const struct ring *r = &h->rings[i];
		if (r->rule.count != rules[i].count ||
		    r->rule.period_ms != rules[i].period_ms || r->next < 0 ||
		    r->next >= r->rule.count || r->filled < 0 || r->filled > r->rule.count)
			return false;
	}
	return true;
}

static bool lock(const struct rate *r)
{
	struct fault f = FAULT_INIT;
	bool locked = false;
	for (int i = 0; i < LOCK_TRIES && !locked; i++) {
		if (i > 0)
			clock_pause_ms(LOCK_PAUSE_MS);
		if (!file_try_lock(r->fd, r->name, &locked, &f))
			return false;
	}
	return locked;
}

static bool open_file(struct rate *r, int state)
{
	struct fault f = FAULT_INIT;
	/* Another process may make it in between. */
	return file_open_update(state, r->name, &r->fd, NULL, &f) ||
	       (f.sys == ENOENT && (file_create(state, r->name, 0660, &r->fd, &f) ||
	                            file_open_update(state, r->name, &r->fd, NULL, &f)));
}

/* False: it cannot be had. */
static bool begin(struct rate *r, const struct hold *h, const struct rate_rule *rules,
                  size_t count, int64_t wall_ms)
{
	struct fault f = FAULT_INIT;
	size_t got;
	if (!open_file(r, h->rooms[HOLD_STATE]))
		return false;
	if (!lock(r) ||
	    !file_read_at(r->fd, r->name, 0, (char *)&r->head, sizeof(r->head), &got, &f)) {
		close(r->fd);
		return false;
	}
	if (got != sizeof(r->head) || !is_sound(&r->head, rules, count)) {
		r->head = (struct head){.count = (int64_t)count, .last = wall_ms};
		memcpy(r->head.magic, magic, sizeof(magic));
		for (size_t i = 0; i < count; i++)
			r->head.rings[i].rule = rules[i];
	}
	if (wall_ms + r->head.offset < r->head.last)
		r->head.offset = r->head.last - wall_ms;
	r->now = r->head.last = wall_ms + r->head.offset;
	return true;
}

static void end(struct rate *r)
{
	struct fault f = FAULT_INIT;
	r->head.crc = crc_of(&r->head);
	(void)!file_write_at(r->fd, r->name, 0,
	                     str_make((const char *)&r->head, sizeof(r->head)), &f);
	close(r->fd);
}

/* Where the time stands that is the next to be overwritten. */
static int64_t place_of(const struct head *h, size_t ring)
{
	int64_t at = HEAD_SIZE;
	for (size_t i = 0; i < ring; i++)
		at += h->rings[i].rule.count * (int64_t)sizeof(int64_t);
	return at + h->rings[ring].next * (int64_t)sizeof(int64_t);
}

static int64_t wait_of(const struct rate *r, size_t ring)
{
	const struct ring *at = &r->head.rings[ring];
	int64_t oldest;
	size_t got;
	struct fault f = FAULT_INIT;
	if (at->filled < at->rule.count ||
	    !file_read_at(r->fd, r->name, place_of(&r->head, ring), (char *)&oldest,
	                  sizeof(oldest), &got, &f) ||
	    got != sizeof(oldest))
		return 0;
	return rate_wait(&at->rule, oldest, r->now, r->now < r->head.slow_until);
}

/* Cut short before the head is written, the oldest time has become a late one: the next
 * waits too long once. */
static void add(struct rate *r, size_t ring)
{
	struct ring *at = &r->head.rings[ring];
	struct fault f = FAULT_INIT;
	(void)!file_write_at(r->fd, r->name, place_of(&r->head, ring),
	                     str_make((const char *)&r->now, sizeof(r->now)), &f);
	at->next = (at->next + 1) % at->rule.count;
	at->filled += at->filled < at->rule.count;
}

static void name_of(const char *relay, char name[NAME_SIZE])
{
	snprintf(name, NAME_SIZE, "rate.%08lX",
	         (unsigned long)crc_add(0, relay, strlen(relay)));
}

bool rate_take(const struct hold *h, const char *relay, const struct rate_rule *rules,
               size_t count, int64_t wall_ms, int64_t *wait_ms)
{
	char name[NAME_SIZE];
	name_of(relay, name);
	struct rate r = {.name = name};
	*wait_ms = 0;
	if (!begin(&r, h, rules, count, wall_ms))
		return true;
	for (size_t i = 0; i < count; i++) {
		int64_t wait = wait_of(&r, i);
		*wait_ms = wait > *wait_ms ? wait : *wait_ms;
	}
	for (size_t i = 0; *wait_ms == 0 && i < count; i++)
		add(&r, i);
	end(&r);
	return *wait_ms == 0;
}

void rate_slow(const struct hold *h, const char *relay, const struct rate_rule *rules,
               size_t count, int64_t wall_ms)
{
	char name[NAME_SIZE];
	name_of(relay, name);
	struct rate r = {.name = name};
	if (!begin(&r, h, rules, count, wall_ms))
		return;
	r.head.slow_until = r.now + RATE_SLOW_MS;
	end(&r);
}
