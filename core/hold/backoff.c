/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "hold/backoff.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "os/file.h"
#include "hold/state_file.h"

#define FILE_SIZE 1024 /* written whole and in place: a lock on the file lasts */
#define CAP_MOST  86400

enum whose { COMMON, OWN };

/* A line each, in this order; the key guards against two that are too long for a file name. */
static const char first_line[] = "postern-server 1";

enum number { CODE, BUSY, SINCE, UNTIL, LIMIT, FAILURES, LAST, UPTIME, CONNECTIONS, NUMBERS };
static const char *const number_names[NUMBERS] = {
    "code", "busy", "since", "until", "limit", "failures", "last", "uptime", "connections"};

/* That is this machine's, and perhaps this user's. */
static void file_name(const char *key, enum state_kind about, enum whose whose,
                      char name[STATE_NAME_SIZE])
{
	size_t len = state_file_name(name, about, key);
	len += (size_t)snprintf(name + len, STATE_NAME_SIZE - len, ".%08lX",
	                        (unsigned long)hold_machine());
	if (whose == OWN)
		snprintf(name + len, STATE_NAME_SIZE - len, ".%lu", (unsigned long)geteuid());
}

/* Opens the file; one that somebody else may have written is not believed. */
static bool open_file(const struct hold *h, const char *key, enum state_kind about,
                      enum whose whose, int *fd)
{
	char name[STATE_NAME_SIZE];
	struct fault f = FAULT_INIT;
	file_name(key, about, whose, name);
	if (!file_open_update(h->rooms[HOLD_STATE], name, fd, NULL, &f))
		return false;
	struct stat st;
	if (file_stat(*fd, name, &st, &f) &&
	    (!h->shared || st.st_uid == (whose == OWN ? geteuid() : h->owner)))
		return true;
	close(*fd);
	return false;
}

static bool cut_value(struct str *rest, const char *key, struct str *value)
{
	struct str line, word;
	if (!str_cut(rest, '\n', &line) || !str_cut(&line, ' ', &word) ||
	    !str_eq(word, str_of(key)))
		return false;
	*value = line;
	return true;
}

static bool parse(struct str text, const char *key, struct backoff *b)
{
	struct str line, value;
	long long n[NUMBERS] = {0};
	if (!str_cut(&text, '\n', &line) || !str_eq(line, str_of(first_line)) ||
	    !cut_value(&text, "key", &value) || !str_eq(value, str_of(key)) ||
	    !cut_value(&text, "cause", &value))
		return false;
	b->cause = cause_by_word(value);
	for (int i = 0; i < NUMBERS; i++)
		if (!cut_value(&text, number_names[i], &value) || !str_number(value, &n[i]))
			return false;
	b->code = (int)n[CODE];
	b->busy = n[BUSY] != 0;
	b->since = n[SINCE];
	b->until = n[UNTIL];
	b->limit = n[LIMIT];
	b->failures = n[FAILURES];
	b->last = n[LAST];
	b->uptime = n[UPTIME];
	b->connections = n[CONNECTIONS];
	return n[CODE] >= 0 && n[CODE] < 600;
}

static bool read_file(const struct hold *h, const char *key, enum state_kind about,
                      enum whose whose, struct backoff *b)
{
	size_t got = 0;
	struct fault f = FAULT_INIT;
	*b = (struct backoff){.cause = CAUSE_NONE};
	int fd;
	if (!open_file(h, key, about, whose, &fd))
		return false;
	char text[FILE_SIZE];
	bool ok = file_read_at(fd, "state", 0, text, sizeof(text), &got, &f) &&
	          parse(str_make(text, got), key, b);
	close(fd);
	if (!ok)
		*b = (struct backoff){.cause = CAUSE_NONE};
	return ok;
}

static bool get(const struct hold *h, const char *key, enum state_kind about, struct backoff *b)
{
	struct backoff own;
	bool found = read_file(h, key, about, COMMON, b);
	if (hold_is_guest(h) && read_file(h, key, about, OWN, &own) &&
	    (!found || own.until > b->until)) {
		*b = own;
		found = true;
	}
	return found;
}

bool backoff_get(const struct hold *h, const char *key, struct backoff *b)
{
	return get(h, key, STATE_SERVER, b);
}

bool backoff_window(const struct hold *h, const char *key, int64_t wall)
{
	struct backoff b;
	return !(get(h, key, STATE_WINDOW, &b) && b.until > wall &&
	         b.until - wall <= WINDOW_REMEMBERS);
}

bool backoff_probe(const struct hold *h, const char *key, int *fd)
{
	struct fault f = FAULT_INIT;
	bool locked = false;
	*fd = -1;
	if (!open_file(h, key, STATE_SERVER, hold_is_guest(h) ? OWN : COMMON, fd))
		return true;
	if (file_try_lock(*fd, "state", &locked, &f) && locked)
		return true;
	close(*fd);
	*fd = -1;
	return false;
}

static bool format(const char *key, const struct backoff *b, struct buf *out)
{
	const long long n[NUMBERS] = {b->code,     b->busy, b->since,  b->until,      b->limit,
	                              b->failures, b->last, b->uptime, b->connections};
	bool ok =
	    buf_addf(out, "%s\nkey %s\ncause %s\n", first_line, key, cause_row(b->cause)->word);
	for (int i = 0; ok && i < NUMBERS; i++)
		ok = buf_addf(out, "%s %lld\n", number_names[i], n[i]);
	/* Always of one length: the file is overwritten in place, and may have been longer. */
	while (ok && out->len < FILE_SIZE)
		ok = buf_add_char(out, out->len == FILE_SIZE - 1 ? '\n' : ' ');
	return ok;
}

static void set(const struct hold *h, const char *key, enum state_kind about,
                const struct backoff *b)
{
	enum whose whose = hold_is_guest(h) ? OWN : COMMON;
	char name[STATE_NAME_SIZE];
	struct fault f = FAULT_INIT;
	file_name(key, about, whose, name);
	struct buf text;
	buf_init(&text, FILE_SIZE);
	int fd;
	/* Where it cannot be written the server is only asked again sooner. */
	if (format(key, b, &text) && (open_file(h, key, about, whose, &fd) ||
	                              file_create(h->rooms[HOLD_STATE], name, 0660, &fd, &f))) {
		(void)!file_write_at(fd, name, 0, buf_str(&text), &f);
		close(fd);
	}
	buf_release(&text);
}

void backoff_set(const struct hold *h, const char *key, const struct backoff *b)
{
	set(h, key, STATE_SERVER, b);
}

void backoff_close_window(const struct hold *h, const char *key, enum cause cause, int64_t wall)
{
	const struct backoff b = {
	    .cause = cause, .since = wall, .until = wall + WINDOW_REMEMBERS, .last = wall};
	set(h, key, STATE_WINDOW, &b);
}

void backoff_clear(const struct hold *h, const char *key)
{
	for (enum whose whose = COMMON; whose <= (hold_is_guest(h) ? OWN : COMMON); whose++) {
		char name[STATE_NAME_SIZE];
		struct fault f = FAULT_INIT;
		file_name(key, STATE_SERVER, whose, name);
		struct stat st;
		if (file_stat_name(h->rooms[HOLD_STATE], name, &st, &f))
			file_unlink(h->rooms[HOLD_STATE], name, &f);
	}
}

static int64_t wait_most(const struct backoff *b)
{
	return b->busy ? BUSY_MAX : b->limit < CAP_MOST ? b->limit : CAP_MOST;
}

bool backoff_stands(const struct backoff *b, int64_t wall)
{
	return b->cause != CAUSE_NONE && b->until > wall && b->until - wall <= wait_most(b);
}

void backoff_dead(struct backoff *b, enum cause cause, int code, int64_t max, int64_t wall,
                  int64_t uptime, uint32_t random)
{
	bool goes_on =
	    b->cause != CAUSE_NONE && !b->busy && b->failures > 0 && b->since <= wall;
	if (!goes_on)
		*b = (struct backoff){.since = wall, .uptime = uptime};
	/* While its time lasts, another process met the same outage: the wait does not double
	 * for that. */
	if (!goes_on || !backoff_stands(b, wall)) {
		int64_t limit = goes_on ? b->limit * 2 : BACKOFF_FIRST;
		b->limit = limit < max ? limit : max;
		int64_t least = b->limit / 10 + 1;
		b->until =
		    wall + (b->limit <= 1
		                ? b->limit
		                : least + (int64_t)(random % (uint64_t)(b->limit - least + 1)));
	}
	b->cause = cause;
	b->code = code;
	b->failures++;
	b->last = wall;
}

void backoff_busy(struct backoff *b, enum cause cause, int code, int64_t connections,
                  int64_t wall, uint32_t random)
{
	if (b->busy && backoff_stands(b, wall) && b->connections <= connections)
		return;
	*b = (struct backoff){
	    .cause = cause,
	    .code = code,
	    .busy = true,
	    .since = wall,
	    .until = wall + BUSY_MIN + (int64_t)(random % (BUSY_MAX - BUSY_MIN + 1)),
	    .last = wall,
	    .connections = connections,
	};
}
