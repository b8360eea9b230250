/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "hold/rate.h"

#include <string.h>
#include <unistd.h>

#include "text/crc.h"
#include "os/file.h"
#include "hold/state_file.h"

#define LOCK_MS     1000
#define FILE_TRIES  3
#define JITTER_MS   10
#define HEAD_SIZE   512
#define NEVER       (-1) /* as a time */
#define CLOCK_FIRST 1
#define CLOCK_LAST  (INT64_MAX / 4)
#define CLOCK_SLACK 1000 /* ms that two clocks may differ by, as they are adjusted */

static const char magic[8] = "rate  2";

struct ring {
	struct rate_rule rule;
	int64_t next;   /* the place of the oldest time, and of the one to come */
	int64_t filled; /* places with a time; all once it has been full */
};

/* As it is in the file; behind it, from HEAD_SIZE on, the times of each ring. */
struct head {
	char magic[8];
	int64_t count;        /* of rings */
	int64_t last;         /* our clock, ms, when it was last looked at */
	int64_t wall, uptime; /* the others then */
	int64_t slow_until;   /* by our clock */
	int64_t passage;      /* ms that a message needs, if not much is in its way */
	struct ring rings[RATE_RULES_MAX];
	int64_t crc;
};

_Static_assert(sizeof(struct head) <= HEAD_SIZE, "the head of a rate file has a place");

/* A file that is at work: locked. */
struct work {
	int fd;
	char name[STATE_NAME_SIZE];
	struct head head;
	int64_t now;
};

int64_t rate_wait(const struct rate_rule *rule, int64_t oldest, int64_t now, bool slow)
{
	int64_t period = rule->period_ms + rule->period_ms / 32 + JITTER_MS;
	if (slow)
		period *= 2;
	/* No time is later than now: that one is damaged. */
	if (oldest <= NEVER || oldest > now || now - oldest >= period)
		return 0;
	return period - (now - oldest);
}

static int64_t crc_of(const struct head *h)
{
	return (int64_t)crc_add(0, (const char *)h, offsetof(struct head, crc));
}

static bool is_time(int64_t ms)
{
	return ms >= 0 && ms <= CLOCK_LAST;
}

static bool is_sound(const struct head *h, const struct rate *rate)
{
	if (memcmp(h->magic, magic, sizeof(magic)) != 0 || h->crc != crc_of(h) ||
	    h->count != (int64_t)rate->count || !is_time(h->last) || !is_time(h->wall) ||
	    !is_time(h->uptime) || h->slow_until > h->last + RATE_SLOW_MS || h->passage < 0 ||
	    h->passage > RATE_PASSAGE_MAX)
		return false;
	for (size_t i = 0; i < rate->count; i++) {
		const struct ring *r = &h->rings[i];
		if (r->rule.count != rate->rules[i].count ||
		    r->rule.period_ms != rate->rules[i].period_ms || r->next < 0 ||
		    r->next >= r->rule.count || r->filled < 0 || r->filled > r->rule.count)
			return false;
	}
	return true;
}

/* Or has another taken its place since it was opened? */
static bool is_current(const struct work *w, int state)
{
	struct stat own, named;
	struct fault f = FAULT_INIT;
	return file_stat(w->fd, w->name, &own, &f) &&
	       file_stat_name(state, w->name, &named, &f) && own.st_dev == named.st_dev &&
	       own.st_ino == named.st_ino;
}

/* Whoever has the lock was stopped: nobody needs it for so long. They keep the file, and
 * all others go on with a copy of it. */
static void leave_file(const struct work *w, const struct rate *rate)
{
	struct buf all;
	struct fault f = FAULT_INIT;
	size_t size = HEAD_SIZE;
	for (size_t i = 0; i < rate->count; i++)
		size += (size_t)rate->rules[i].count * sizeof(int64_t);
	buf_init(&all, size);
	/* It may be longer, if there were other rules. Where it cannot be replaced nothing is
	 * counted until the lock is free. */
	if (file_read_all(w->fd, w->name, &all, &f) || f.kind == FAULT_DATA)
		(void)!file_replace(rate->hold->rooms[HOLD_STATE], w->name, 0660, buf_str(&all),
		                    &f);
	buf_release(&all);
}

static bool open_locked(struct work *w, const struct rate *rate)
{
	int state = rate->hold->rooms[HOLD_STATE];
	struct fault f = FAULT_INIT;
	for (int i = 0; i < FILE_TRIES; i++) {
		bool locked;
		if (!file_open_or_create(state, w->name, 0660, &w->fd, &f))
			return false;
		/* False: there are no locks here. */
		bool works = file_lock_soon(w->fd, w->name, LOCK_MS, &locked, &f),
		     current = is_current(w, state);
		if (works && locked && current)
			return true;
		if (works && !locked && current)
			leave_file(w, rate);
		close(w->fd);
		if (!works)
			return false;
	}
	return false;
}

/* What has passed since the file was last looked at, and not more: who sets the wall clock
 * forward has not waited. */
static int64_t passed(const struct head *h, const struct rate_clock *clock)
{
	int64_t by_wall = clock->wall_ms - h->wall, by_uptime = clock->uptime_ms - h->uptime;
	/* The uptime of another boot, or of another host that uses the hold. */
	bool other = by_uptime < 0 || (by_wall >= 0 && by_uptime - by_wall > CLOCK_SLACK);
	if (!other)
		return by_uptime;
	return by_wall > 0 ? by_wall : 0;
}

static void set_clock(struct work *w, const struct rate_clock *clock)
{
	struct head *h = &w->head;
	h->last += passed(h, clock);
	h->wall = clock->wall_ms;
	h->uptime = clock->uptime_ms;
	w->now = h->last;
}

/* All of them; false: there are not so many, or they cannot be read. */
static bool read_bytes(const struct work *w, int64_t from, char *to, size_t len)
{
	struct fault f = FAULT_INIT;
	size_t got = 0, more = 1;
	while (got < len && more > 0) {
		if (!file_read_at(w->fd, w->name, from + (int64_t)got, to + got, len - got,
		                  &more, &f))
			return false;
		got += more;
	}
	return got == len;
}

/* False: it cannot be had. */
static bool begin(struct work *w, const struct rate *rate)
{
	state_file_name(w->name, STATE_RATE, rate->relay);
	if (!open_locked(w, rate))
		return false;
	if (!read_bytes(w, 0, (char *)&w->head, sizeof(w->head)) || !is_sound(&w->head, rate)) {
		w->head = (struct head){.count = (int64_t)rate->count, .last = CLOCK_FIRST};
		memcpy(w->head.magic, magic, sizeof(magic));
		w->head.wall = rate->clock.wall_ms;
		w->head.uptime = rate->clock.uptime_ms;
		for (size_t i = 0; i < rate->count; i++)
			w->head.rings[i].rule = rate->rules[i];
	}
	set_clock(w, &rate->clock);
	return true;
}

static void end(struct work *w)
{
	struct fault f = FAULT_INIT;
	w->head.crc = crc_of(&w->head);
	/* What cannot be written is not counted, no more; here and in write_time. */
	(void)!file_write_at(w->fd, w->name, 0,
	                     str_make((const char *)&w->head, sizeof(w->head)), &f);
	close(w->fd);
}

/* Where in the file a time of a ring stands. */
static int64_t place_of(const struct work *w, size_t ring, int64_t at)
{
	for (size_t i = 0; i < ring; i++)
		at += w->head.rings[i].rule.count;
	return HEAD_SIZE + at * (int64_t)sizeof(int64_t);
}

/* False: there is none. */
static bool read_time(const struct work *w, size_t ring, int64_t at, int64_t *time)
{
	return read_bytes(w, place_of(w, ring, at), (char *)time, sizeof(*time));
}

static void write_time(const struct work *w, size_t ring, int64_t at, int64_t time)
{
	struct fault f = FAULT_INIT;
	(void)!file_write_at(w->fd, w->name, place_of(w, ring, at),
	                     str_make((const char *)&time, sizeof(time)), &f);
}

static int64_t wait_of(const struct work *w, size_t ring)
{
	const struct ring *at = &w->head.rings[ring];
	int64_t oldest;
	if (at->filled < at->rule.count || !read_time(w, ring, at->next, &oldest))
		return 0;
	return rate_wait(&at->rule, oldest, w->now, w->now < w->head.slow_until);
}

/* Returns the place. Cut short before the head is written, the oldest time has become a late
 * one: the next waits too long once. */
static int64_t add(struct work *w, size_t ring, int64_t time)
{
	struct ring *r = &w->head.rings[ring];
	int64_t at = r->next;
	write_time(w, ring, at, time);
	r->next = (at + 1) % r->rule.count;
	r->filled += r->filled < r->rule.count;
	return at;
}

static int64_t longest_wait(const struct work *w)
{
	int64_t longest = 0;
	for (int64_t i = 0; i < w->head.count; i++) {
		int64_t wait = wait_of(w, (size_t)i);
		longest = wait > longest ? wait : longest;
	}
	return longest;
}

bool rate_take(const struct rate *r, struct rate_permit *permit, int64_t *wait_ms)
{
	struct work w;
	*permit = (struct rate_permit){.at = 0};
	*wait_ms = 0;
	if (!begin(&w, r))
		return true;
	*wait_ms = longest_wait(&w);
	for (size_t i = 0; *wait_ms == 0 && i < r->count; i++)
		permit->place[i] = add(&w, i, w.now);
	if (*wait_ms == 0)
		permit->at = w.now;
	end(&w);
	return *wait_ms == 0;
}

int64_t rate_ask(const struct rate *r)
{
	struct work w;
	if (!begin(&w, r))
		return 0;
	int64_t wait = longest_wait(&w);
	close(w.fd);
	return wait;
}

void rate_cancel(const struct rate *r, const struct rate_permit *permit)
{
	struct work w;
	int64_t there;
	if (permit->at == 0 || !begin(&w, r))
		return;
	for (size_t i = 0; i < r->count; i++) {
		struct ring *ring = &w.head.rings[i];
		int64_t at = permit->place[i];
		if ((at + 1) % ring->rule.count != ring->next ||
		    !read_time(&w, i, at, &there) || there != permit->at)
			continue;
		write_time(&w, i, at, NEVER);
		ring->next = at;
	}
	end(&w);
}

/* The least that was needed of late, rather less. */
static void learn_passage(struct head *h, int64_t took)
{
	if (took < h->passage)
		h->passage = took;
	else
		h->passage += (took - h->passage) / 16;
	if (h->passage > RATE_PASSAGE_MAX)
		h->passage = RATE_PASSAGE_MAX;
}

void rate_ended(const struct rate *r, const struct rate_permit *permit)
{
	struct work w;
	if (permit->at == 0 || !begin(&w, r))
		return;
	if (w.now >= permit->at)
		learn_passage(&w.head, w.now - permit->at);
	int64_t time = w.now - w.head.passage, there;
	for (size_t i = 0; i < r->count; i++) {
		int64_t at = permit->place[i];
		if (read_time(&w, i, at, &there) && there == permit->at)
			write_time(&w, i, at, time);
		else
			add(&w, i, time);
	}
	end(&w);
}

void rate_slow(const struct rate *r)
{
	struct work w;
	if (!begin(&w, r))
		return;
	w.head.slow_until = w.now + RATE_SLOW_MS;
	end(&w);
}
