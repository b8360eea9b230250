/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "post/record.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "mail/envelope.h"
#include "unit.h"

#define BEYOND 131072

/* With what lies behind the reader, which nothing may be written to. */
static struct {
	struct record_reader reader;
	char behind[BEYOND];
} space;
#define reader (space.reader)
static int ours, theirs;

static void setup(void)
{
	int pair[2];
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	ours = pair[0];
	theirs = pair[1];
	record_init(&reader);
}

static void teardown(void)
{
	close(ours);
	close(theirs);
}

static void feed(const char *bytes, size_t len)
{
	ck_assert_int_eq(write(theirs, bytes, len), (ssize_t)len);
}

static void expect(char kind, const char *payload, size_t len)
{
	struct record r;
	ck_assert_int_eq(record_read(&reader, ours, 0, &r), RECORD_OK);
	ck_assert_int_eq(r.kind, kind);
	ck_assert_uint_eq(r.len, len);
	ck_assert(memcmp(r.at, payload, len) == 0);
	ck_assert_int_eq(r.at[len], '\0');
}

static enum record_result now(void)
{
	struct record r;
	return record_read(&reader, ours, 0, &r);
}

#define STREAM     "P\0\0\0\6hold 1s\0\0\0\0M\0\0\0\4a\r\n\0\377\0\0\0\1\0"
#define STREAM_LEN (sizeof(STREAM) - 1)

static void expect_stream(void)
{
	expect('P', "hold 1", 6);
	expect('s', "", 0);
	expect('M', "a\r\n\0", 4);
	expect('\377', "\0", 1);
}

START_TEST(whole)
{
	feed(STREAM, STREAM_LEN);
	expect_stream();
	ck_assert_int_eq(now(), RECORD_SILENT);
	close(theirs);
	ck_assert_int_eq(now(), RECORD_EOF);
}
END_TEST

/* Cut at each place: nothing but the records that are whole comes out. */
START_TEST(split)
{
	size_t done = 0;
	feed(STREAM, (size_t)_i);
	struct record r;
	for (size_t at = 0; at + RECORD_HEAD <= (size_t)_i;) {
		size_t len = RECORD_HEAD + (unsigned char)STREAM[at + 4];
		if (at + len > (size_t)_i)
			break;
		ck_assert_int_eq(record_read(&reader, ours, 0, &r), RECORD_OK);
		ck_assert_int_eq(r.kind, STREAM[at]);
		at += len;
		done++;
	}
	ck_assert_int_eq(now(), RECORD_SILENT);
	feed(&STREAM[_i], STREAM_LEN - (size_t)_i);
	for (; done < 4; done++)
		ck_assert_int_eq(now(), RECORD_OK);
	ck_assert_int_eq(now(), RECORD_SILENT);
}
END_TEST

START_TEST(bytes)
{
	static const char kinds[] = {'P', 's', 'M', '\377'};
	size_t done = 0;
	struct record r;
	for (size_t i = 0; i < STREAM_LEN; i++) {
		feed(&STREAM[i], 1);
		if (record_read(&reader, ours, 0, &r) == RECORD_OK)
			ck_assert_int_eq(r.kind, kinds[done++]);
	}
	ck_assert_uint_eq(done, 4);
}
END_TEST

START_TEST(cut)
{
	feed(STREAM, 8);
	close(theirs);
	ck_assert_int_eq(now(), RECORD_EOF);
	ck_assert_int_eq(now(), RECORD_EOF);
}
END_TEST

/* Not a byte behind a record is read: it may be for somebody else. */
START_TEST(not_further)
{
	feed("G\0\0\0\1lrest", 10);
	expect('G', "l", 1);
	char rest[16];
	ck_assert_int_eq(read(ours, rest, sizeof(rest)), 4);
}
END_TEST

static const struct {
	const char *head;
	enum record_result want;
} lengths[] = {
    {"M\0\1\0\0", RECORD_SILENT}, /* RECORD_MAX */
    {"M\0\1\0\1", RECORD_BAD},
    {"M\1\0\0\0", RECORD_BAD},
    {"M\200\0\0\0", RECORD_BAD},
    {"M\377\377\377\372", RECORD_BAD},
    /* With the head's size added these are small numbers where a size has 32 bits. */
    {"M\377\377\377\373", RECORD_BAD},
    {"M\377\377\377\374", RECORD_BAD},
    {"M\377\377\377\375", RECORD_BAD},
    {"M\377\377\377\376", RECORD_BAD},
    {"M\377\377\377\377", RECORD_BAD},
};

START_TEST(length)
{
	feed(lengths[_i].head, RECORD_HEAD);
	ck_assert_int_eq(now(), lengths[_i].want);
	feed("more", 4);
	ck_assert_int_eq(now(), lengths[_i].want);
}
END_TEST

/* A length that no record has, and as many bytes as the socket takes: what is behind the
 * reader stays as it is. */
START_TEST(never_beyond)
{
	static char flood[BEYOND];
	memset(flood, 'x', sizeof(flood));
	memset(space.behind, 0, sizeof(space.behind));
	feed(lengths[_i].head, RECORD_HEAD);
	for (size_t done = 0; done < sizeof(flood);) {
		ssize_t n = send(theirs, flood + done, sizeof(flood) - done, MSG_DONTWAIT);
		if (n <= 0)
			break;
		done += (size_t)n;
	}
	for (int i = 0; i < 4; i++)
		now();
	ck_assert_uint_le(reader.have, RECORD_HEAD + RECORD_MAX);
	for (size_t i = 0; i < sizeof(space.behind); i++)
		ck_assert_int_eq(space.behind[i], 0);
}
END_TEST

/* In a child, so that neither side waits for ever. */
static pid_t sender(size_t count, size_t len)
{
	static char payload[RECORD_MAX + 1];
	pid_t pid = fork();
	ck_assert_int_ge(pid, 0);
	if (pid > 0)
		return pid;
	memset(payload, 'a', sizeof(payload));
	for (size_t i = 0; i < count; i++)
		if (record_write(theirs, RECORD_MESSAGE, payload, len, 10000) != 0)
			_exit(1);
	_exit(0);
}

static const size_t sizes[] = {0, 1, 4095, RECORD_MAX - 1, RECORD_MAX};

/* More than a socket holds, so that writes come to wait and are done by halves. */
START_TEST(both_ways)
{
	enum { COUNT = 100 };
	pid_t pid = sender(COUNT, sizes[_i]);
	struct record r;
	int status;

	for (size_t n = 0; n < COUNT; n++) {
		ck_assert_int_eq(record_read(&reader, ours, 10000, &r), RECORD_OK);
		ck_assert_int_eq(r.kind, RECORD_MESSAGE);
		ck_assert_uint_eq(r.len, sizes[_i]);
		ck_assert_uint_eq(strspn(r.at, "a"), r.len);
	}
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_int_eq(status, 0);
}
END_TEST

START_TEST(write_errors)
{
	static char payload[RECORD_MAX + 1];
	int sys;
	do {
		sys = record_write(theirs, RECORD_MESSAGE, payload, RECORD_MAX, 0);
	} while (sys == 0);
	ck_assert_int_eq(sys, ETIMEDOUT);
	close(ours);
	ck_assert_int_eq(record_write(theirs, RECORD_MESSAGE, "", 0, 0), EPIPE);
	ck_assert_int_eq(record_write(-1, RECORD_MESSAGE, "", 0, 0), EBADF);
}
END_TEST

/* What was said before the other side went can be read, though writing to it fails. */
START_TEST(last_words)
{
	ck_assert_int_eq(record_write(theirs, RECORD_ERROR, "65 no", 5, 0), 0);
	close(theirs);
	ck_assert_int_eq(record_write(ours, RECORD_MESSAGE, "x", 1, 0), EPIPE);
	expect(RECORD_ERROR, "65 no", 5);
	ck_assert_int_eq(now(), RECORD_EOF);
}
END_TEST

START_TEST(read_errors)
{
	struct record r;
	ck_assert_int_eq(record_read(&reader, -1, 0, &r), RECORD_FAILED);
	ck_assert_int_eq(errno, EBADF);
}
END_TEST

/* Is text one of the words? */
static bool is_among(const char *words, const char *text)
{
	char all[256], *rest = all;
	snprintf(all, sizeof(all), "%s", words);
	for (char *word; (word = strsep(&rest, " "));)
		if (strcmp(word, text) == 0)
			return true;
	return false;
}

/* post cannot ask mail/envelope, which writes them. */
START_TEST(words_of_notify)
{
	const unsigned all = NOTIFY_SUCCESS | NOTIFY_FAILURE | NOTIFY_DELAY;
	size_t n = 0;
	for (unsigned bits = NOTIFY_NEVER; bits <= (NOTIFY_NEVER | all); bits++) {
		char text[32];
		if (bits != NOTIFY_NEVER && (bits & ~all))
			continue;
		envelope_format_notify(bits, text);
		ck_assert_msg(is_among(RECORD_NOTIFY_WORDS, text), "%s", text);
		n++;
	}
	/* And no more. */
	for (const char *at = RECORD_NOTIFY_WORDS; at; at = strchr(at + 1, ' '))
		n--;
	ck_assert_uint_eq(n, 0);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("record");
	TCase *c = unit_case(s, "record");
	tcase_add_checked_fixture(c, setup, teardown);
	tcase_add_test(c, whole);
	tcase_add_loop_test(c, split, 0, STREAM_LEN + 1);
	tcase_add_test(c, bytes);
	tcase_add_test(c, cut);
	tcase_add_test(c, not_further);
	tcase_add_loop_test(c, length, 0, COUNT(lengths));
	tcase_add_loop_test(c, never_beyond, 0, COUNT(lengths));
	tcase_add_loop_test(c, both_ways, 0, COUNT(sizes));
	tcase_add_test(c, write_errors);
	tcase_add_test(c, last_words);
	tcase_add_test(c, read_errors);
	tcase_add_test(c, words_of_notify);
	return unit_run(s);
}
