/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "hold/backoff.h"

#include <check.h>
#include <dirent.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "unit.h"
#include "unit_hold.h"

#define NOW 1700000000
#define KEY "main mx.example:25"

static char folder[UNIT_FOLDER];
static struct hold hold;

static void set_up(void)
{
	unit_hold_open(&hold, folder);
}

static void tear_down(void)
{
	unit_hold_close(&hold, folder);
}

/* In order: the wait that begins, with the least and the most of chance. */
START_TEST(limit_doubles)
{
	static const int64_t limits[] = {60, 120, 240, 480, 600, 600};
	for (uint32_t random = 0; random < 3; random++) {
		struct backoff b = {.cause = CAUSE_NONE};
		int64_t now = NOW;
		for (size_t i = 0; i < COUNT(limits); i++) {
			backoff_dead(&b, CAUSE_SILENT, 0, 600, now, 5000, random * 7919);
			ck_assert_int_eq(b.limit, limits[i]);
			ck_assert_int_gt(b.until - now, limits[i] / 10);
			ck_assert_int_le(b.until - now, limits[i]);
			ck_assert(backoff_stands(&b, now) && backoff_stands(&b, b.until - 1));
			ck_assert(!backoff_stands(&b, b.until));
			ck_assert_int_eq(b.failures, (int64_t)i + 1);
			ck_assert_int_eq(b.last, now);
			ck_assert_int_eq(b.since, NOW);
			ck_assert_int_eq(b.uptime, 5000);
			now = b.until;
		}
	}
}
END_TEST

/* Every wait below the limit comes up, and none beyond. */
START_TEST(drawn_at_random)
{
	bool seen[61] = {false};
	for (uint32_t random = 0; random < 1000; random++) {
		struct backoff b = {.cause = CAUSE_NONE};
		backoff_dead(&b, CAUSE_SILENT, 0, 600, NOW, 0, random);
		seen[b.until - NOW] = true;
	}
	for (int wait = 0; wait <= 60; wait++)
		ck_assert_msg(seen[wait] == (wait > 6), "%d", wait);
}
END_TEST

START_TEST(one_silence_met_by_many)
{
	struct backoff b = {.cause = CAUSE_NONE};
	backoff_dead(&b, CAUSE_SILENT, 0, 600, NOW, 0, 0);
	int64_t until = b.until;
	backoff_dead(&b, CAUSE_CLOSED, 421, 600, NOW + 1, 0, 9);
	ck_assert_int_eq(b.until, until);
	ck_assert_int_eq(b.limit, BACKOFF_FIRST);
	ck_assert_int_eq(b.failures, 2);
	ck_assert_int_eq(b.cause, CAUSE_CLOSED);
	ck_assert_int_eq(b.code, 421);
}
END_TEST

/* max is the relay's; a clock that was put back, or a server that was only busy, begins anew. */
START_TEST(begins_anew)
{
	struct backoff b = {.cause = CAUSE_NONE};
	backoff_dead(&b, CAUSE_SILENT, 0, 1, NOW, 0, 12345);
	ck_assert_int_eq(b.until, NOW + 1);
	backoff_dead(&b, CAUSE_SILENT, 0, 0, NOW + 1, 0, 12345);
	ck_assert_int_eq(b.until, NOW + 1);
	backoff_dead(&b, CAUSE_SILENT, 0, 600, NOW + 5, 0, 0);
	ck_assert_int_eq(b.failures, 3);
	backoff_dead(&b, CAUSE_SILENT, 0, 600, NOW - 5, 0, 0);
	ck_assert_int_eq(b.failures, 1);
	ck_assert_int_eq(b.since, NOW - 5);
	backoff_busy(&b, CAUSE_BUSY, 421, 2, NOW, 0);
	backoff_dead(&b, CAUSE_SILENT, 0, 600, NOW + 1, 0, 0);
	ck_assert_int_eq(b.failures, 1);
	ck_assert(!b.busy);
}
END_TEST

START_TEST(busy)
{
	struct backoff b = {.cause = CAUSE_NONE};
	for (uint32_t random = 0; random < 200; random++) {
		b = (struct backoff){.cause = CAUSE_NONE};
		backoff_busy(&b, CAUSE_BUSY, 421, 4, NOW, random);
		ck_assert_int_ge(b.until, NOW + BUSY_MIN);
		ck_assert_int_le(b.until, NOW + BUSY_MAX);
	}
	/* It stays with the fewest connections while the wait lasts. */
	struct backoff before = b;
	backoff_busy(&b, CAUSE_BUSY, 450, 4, NOW + 1, 0);
	ck_assert_mem_eq(&b, &before, sizeof(b));
	backoff_busy(&b, CAUSE_BUSY, 450, 2, NOW + 1, 0);
	ck_assert_int_eq(b.connections, 2);
	backoff_busy(&b, CAUSE_BUSY, 450, 8, NOW + 1000, 0);
	ck_assert_int_eq(b.connections, 8);
}
END_TEST

static const struct {
	struct backoff b;
	bool want;
} times[] = {
    {{.cause = CAUSE_NONE, .until = NOW + 1, .limit = 60}, false},
    {{.cause = CAUSE_SILENT, .until = NOW + 60, .limit = 60}, true},
    {{.cause = CAUSE_SILENT, .until = NOW + 61, .limit = 60}, false},
    {{.cause = CAUSE_SILENT, .until = NOW, .limit = 60}, false},
    {{.cause = CAUSE_SILENT, .until = NOW + 86401, .limit = 1 << 30}, false},
    {{.cause = CAUSE_SILENT, .until = NOW + 86400, .limit = 1 << 30}, true},
    {{.cause = CAUSE_BUSY, .busy = true, .until = NOW + BUSY_MAX}, true},
    {{.cause = CAUSE_BUSY, .busy = true, .until = NOW + BUSY_MAX + 1}, false},
};

/* No sane clock wrote a time that is further off than the longest wait. */
START_TEST(stands)
{
	ck_assert_int_eq(backoff_stands(&times[_i].b, NOW), times[_i].want);
}
END_TEST

static const struct backoff written = {.cause = CAUSE_SILENT,
                                       .code = 421,
                                       .since = NOW,
                                       .until = NOW + 30,
                                       .limit = 60,
                                       .uptime = 12,
                                       .failures = 3,
                                       .last = NOW + 1,
                                       .connections = 5};

START_TEST(kept)
{
	struct backoff b;
	ck_assert(!backoff_get(&hold, KEY, &b));
	ck_assert_int_eq(b.cause, CAUSE_NONE);
	backoff_set(&hold, KEY, &written);
	ck_assert(backoff_get(&hold, KEY, &b));
	ck_assert_mem_eq(&b, &written, sizeof(b));
	ck_assert(!backoff_get(&hold, "main mx.example:26", &b));
	/* Over a longer text. */
	struct backoff shorter = {.cause = CAUSE_BUSY, .busy = true, .until = 1};
	backoff_set(&hold, KEY, &shorter);
	ck_assert(backoff_get(&hold, KEY, &b));
	ck_assert_mem_eq(&b, &shorter, sizeof(b));
	backoff_clear(&hold, KEY);
	ck_assert(!backoff_get(&hold, KEY, &b));
	backoff_clear(&hold, KEY);
}
END_TEST

/* Their names have one CRC-32. */
START_TEST(each_server_has_its_own)
{
	struct backoff b, other = written;
	other.code = 450;
	backoff_set(&hold, "out_backup_ses mx.example:25", &written);
	backoff_set(&hold, "main-ses95 mx.example:25", &other);
	ck_assert(backoff_get(&hold, "out_backup_ses mx.example:25", &b));
	ck_assert_int_eq(b.code, written.code);
	ck_assert(backoff_get(&hold, "main-ses95 mx.example:25", &b));
	ck_assert_int_eq(b.code, other.code);
}
END_TEST

/* The one file in state/. */
static void spoil(const char *from, const char *to)
{
	char text[2048], *at;
	DIR *d = opendir("state");
	struct dirent *e;
	ck_assert_ptr_nonnull(d);
	while ((e = readdir(d)))
		if (strncmp(e->d_name, "server.", 7) == 0)
			break;
	ck_assert_ptr_nonnull(e);
	int fd = openat(dirfd(d), e->d_name, O_RDWR);
	ssize_t got = read(fd, text, sizeof(text) - 1);
	ck_assert_int_gt(got, 0);
	text[got] = '\0';
	at = strstr(text, from);
	ck_assert_ptr_nonnull(at);
	ck_assert_int_eq(pwrite(fd, to, strlen(to), at - text), (ssize_t)strlen(to));
	close(fd);
	closedir(d);
}

static const struct {
	const char *from, *to;
	bool known;
} spoilt[] = {
    {"main", "MAIN", false},   {"postern-server 1", "postern-server 2", false},
    {"421", "4x1", false},     {"421", "900", false},
    {"since", "SINCE", false}, {"limit 60", "limit  6", false},
    {"421", "422", true},
};

/* What is not whole is not known: the server is asked again. */
START_TEST(spoilt_is_nothing)
{
	struct backoff b;
	ck_assert_int_eq(chdir(folder), 0);
	backoff_set(&hold, KEY, &written);
	spoil(spoilt[_i].from, spoilt[_i].to);
	ck_assert_int_eq(backoff_get(&hold, KEY, &b), spoilt[_i].known);
	ck_assert_int_eq(b.cause, spoilt[_i].known ? CAUSE_SILENT : CAUSE_NONE);
	ck_assert_int_eq(chdir("/"), 0);
}
END_TEST

/* Of two processes one asks again; nothing known: both may. */
START_TEST(one_asks_again)
{
	int fd, other;
	ck_assert(backoff_probe(&hold, KEY, &fd));
	ck_assert_int_eq(fd, -1);
	backoff_set(&hold, KEY, &written);
	ck_assert(backoff_probe(&hold, KEY, &fd));
	ck_assert_int_ge(fd, 0);
	pid_t pid = fork();
	if (pid == 0)
		_exit(backoff_probe(&hold, KEY, &other) ? 1 : other == -1 ? 0 : 2);
	int status;
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_int_eq(status, 0);
	close(fd);
	ck_assert(backoff_probe(&hold, KEY, &other));
	ck_assert_int_ge(other, 0);
	close(other);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("backoff");
	TCase *pure = unit_case(s, "pure"), *files = unit_case(s, "files");
	tcase_add_test(pure, limit_doubles);
	tcase_add_test(pure, drawn_at_random);
	tcase_add_test(pure, one_silence_met_by_many);
	tcase_add_test(pure, begins_anew);
	tcase_add_test(pure, busy);
	tcase_add_loop_test(pure, stands, 0, COUNT(times));
	tcase_add_checked_fixture(files, set_up, tear_down);
	tcase_add_test(files, kept);
	tcase_add_test(files, each_server_has_its_own);
	tcase_add_loop_test(files, spoilt_is_nothing, 0, COUNT(spoilt));
	tcase_add_test(files, one_asks_again);
	return unit_run(s);
}
