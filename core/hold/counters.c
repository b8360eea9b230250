/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "hold/counters.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "os/file.h"

#define NAME      "counters" /* with ".UID" behind it: a guest's */
#define NAME_SIZE 40
#define TEXT_SIZE 512
#define LOCK_MS   200

/* A line each, of a fixed width: the file is overwritten in place. */
static const char format[] = "accepted %020llu\ndelivered %020llu\nfailed %020llu\n"
                             "recipients delivered %020llu\nrecipients failed %020llu\n"
                             "bytes %020llu\nlast success %020llu\nlast flush %020llu\n";
static const char scan[] = "accepted %20llu\ndelivered %20llu\nfailed %20llu\n"
                           "recipients delivered %20llu\nrecipients failed %20llu\n"
                           "bytes %20llu\nlast success %20llu\nlast flush %20llu\n";

static void own_name(const struct hold *h, char name[NAME_SIZE])
{
	if (hold_is_guest(h))
		snprintf(name, NAME_SIZE, NAME ".%lu", (unsigned long)geteuid());
	else
		snprintf(name, NAME_SIZE, NAME);
}

/* What cannot be read is taken for nothing: a torn write, an older version. */
static void parse(const char *text, struct counters *c)
{
	*c = (struct counters){0};
	unsigned long long v[8];
	if (sscanf(text, scan, &v[0], &v[1], &v[2], &v[3], &v[4], &v[5], &v[6], &v[7]) != 8)
		return;
	*c =
	    (struct counters){v[0], v[1], v[2], v[3], v[4], v[5], (int64_t)v[6], (int64_t)v[7]};
}

static bool read_file(int fd, const char *name, struct counters *c)
{
	char text[TEXT_SIZE];
	size_t got;
	struct fault f = FAULT_INIT;
	if (!file_read_at(fd, name, 0, text, sizeof(text) - 1, &got, &f))
		return false;
	text[got] = '\0';
	parse(text, c);
	return true;
}

static int64_t later(int64_t a, int64_t b)
{
	return a > b ? a : b;
}

static void add(struct counters *to, const struct counters *more)
{
	to->accepted += more->accepted;
	to->delivered += more->delivered;
	to->failed += more->failed;
	to->rcpts_delivered += more->rcpts_delivered;
	to->rcpts_failed += more->rcpts_failed;
	to->bytes += more->bytes;
	to->last_success = later(to->last_success, more->last_success);
	to->last_flush = later(to->last_flush, more->last_flush);
}

void counters_add(const struct hold *h, const struct counters *more)
{
	static const struct counters none;
	struct fault f = FAULT_INIT;
	if (memcmp(more, &none, sizeof(none)) == 0)
		return;
	char name[NAME_SIZE];
	own_name(h, name);
	int fd;
	if (!file_open_or_create(h->rooms[HOLD_STATE], name, 0660, &fd, &f))
		return;
	char text[TEXT_SIZE];
	struct counters c;
	bool locked;
	if (file_lock_soon(fd, name, LOCK_MS, &locked, &f) && locked &&
	    read_file(fd, name, &c)) {
		add(&c, more);
		int len = snprintf(
		    text, sizeof(text), format, (unsigned long long)c.accepted,
		    (unsigned long long)c.delivered, (unsigned long long)c.failed,
		    (unsigned long long)c.rcpts_delivered, (unsigned long long)c.rcpts_failed,
		    (unsigned long long)c.bytes, (unsigned long long)c.last_success,
		    (unsigned long long)c.last_flush);
		/* Where it cannot be written these are missing in the counts, no more. */
		(void)!file_write_at(fd, name, 0, str_make(text, (size_t)len), &f);
	}
	close(fd);
}

/* Of the common file, or a guest's? What somebody else has made does not count. */
static bool is_counters(const struct hold *h, const char *name, const struct stat *st)
{
	if (!S_ISREG(st->st_mode))
		return false;
	if (strcmp(name, NAME) == 0)
		return !h->shared || st->st_uid == h->owner;
	char own[NAME_SIZE];
	snprintf(own, sizeof(own), NAME ".%lu", (unsigned long)st->st_uid);
	return h->shared && strcmp(name, own) == 0;
}

static void read_one(const struct hold *h, const char *name, struct counters *sum)
{
	struct fault f = FAULT_INIT;
	int fd;
	if (!file_open_read(h->rooms[HOLD_STATE], name, &fd, &f))
		return;
	struct counters c;
	struct stat st;
	if (file_stat(fd, name, &st, &f) && is_counters(h, name, &st) &&
	    read_file(fd, name, &c))
		add(sum, &c);
	close(fd);
}

void counters_read(const struct hold *h, struct counters *sum)
{
	struct fault f = FAULT_INIT;
	*sum = (struct counters){0};
	DIR *dir;
	if (!file_open_list(h->rooms[HOLD_STATE], ".", &dir, &f))
		return;
	for (struct dirent *d; (d = readdir(dir));)
		if (strncmp(d->d_name, NAME, strlen(NAME)) == 0)
			read_one(h, d->d_name, sum);
	closedir(dir);
}
