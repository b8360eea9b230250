/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "os/log.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

#include "os/clock.h"
#include "text/codec.h"
#include "polled.h"
#include "unit.h"

#define NOON_2024 1709294405 /* 2024-03-01 12:00:05 UTC */
#define END                     \
	{                       \
		NULL,           \
		{               \
			NULL, 0 \
		}               \
	}

static char where[] = "/tmp/test_log.XXXXXX";

static void begin(void)
{
	setenv("TZ", "UTC0", 1);
	umask(0);
	ck_assert_ptr_nonnull(mkdtemp(where));
	ck_assert_int_eq(chdir(where), 0);
}

static void end(void)
{
	char *command = mem_printf("rm -rf '%s'", where);
	log_close();
	log_test_socket(NULL);
	clock_test_set(-1, 0);
	ck_assert_int_eq(chdir("/"), 0);
	ck_assert_int_eq(system(command), 0);
	free(command);
	memset(strrchr(where, '.') + 1, 'X', 6);
}

static const struct log_pair two[] = {{"id", {"A1", 2}}, {"reply", {"250 ok", 6}}, END};

/* The value as it stands in a line with the key k. */
static void formats(bool json, struct str value, const char *want)
{
	struct log_pair pairs[] = {{"k", value}, END};
	struct buf line;
	buf_init(&line, LOG_LINE_MAX);
	ck_assert(log_format(&line, json, pairs));
	ck_assert_str_eq(buf_cstr(&line), want);
	buf_release(&line);
}

START_TEST(text)
{
	formats(false, STR("plain"), "k=plain");
	formats(false, STR("<a@b.example>"), "k=<a@b.example>");
	formats(false, STR("a=b"), "k=a=b");
	formats(false, STR(""), "k=\"\"");
	formats(false, STR("a b"), "k=\"a b\"");
	formats(false, STR("a\"b"), "k=\"a\\\"b\"");
	formats(false, STR("a\\b"), "k=\"a\\\\b\"");
	formats(false, STR("a\r\nk=v"), "k=\"a\\x0D\\x0Ak=v\"");
	formats(false, STR("\0\x1B[2J\x7F"), "k=\"\\x00\\x1B[2J\\x7F\"");
	formats(false, STR("\xC3\xA9"), "k=\"\\xC3\\xA9\"");
}
END_TEST

START_TEST(json)
{
	formats(true, STR("plain"), "{\"k\":\"plain\"}");
	formats(true, STR(""), "{\"k\":\"\"}");
	formats(true, STR("a\"b\\c/"), "{\"k\":\"a\\\"b\\\\c/\"}");
	formats(true, STR("\0\r\n\x1B\x7F"), "{\"k\":\"\\u0000\\u000D\\u000A\\u001B\\u007F\"}");
	formats(true, STR("\xC3\xA9\xF0\x9F\x93\xA7"), "{\"k\":\"\xC3\xA9\xF0\x9F\x93\xA7\"}");
	formats(true, STR("\xE9\xC3"), "{\"k\":\"\\u00E9\\u00C3\"}");
	/* The control characters of ISO 8859-1, as U+009B, command a terminal too. */
	formats(true, STR("\xC2\x9B\xC2\xA0"), "{\"k\":\"\\u009B\xC2\xA0\"}");
	formats(true, STR("\xED\xA0\x80"), "{\"k\":\"\\u00ED\\u00A0\\u0080\"}");
}
END_TEST

START_TEST(several)
{
	static const struct log_pair none[] = {END};
	struct buf line;
	buf_init(&line, 2 * LOG_LINE_MAX);
	ck_assert(log_format(&line, false, two));
	ck_assert_str_eq(buf_cstr(&line), "id=A1 reply=\"250 ok\"");
	ck_assert(log_format(&line, true, two));
	ck_assert_str_eq(buf_cstr(&line),
	                 "id=A1 reply=\"250 ok\"{\"id\":\"A1\",\"reply\":\"250 ok\"}");
	buf_clear(&line);
	ck_assert(log_format(&line, false, none));
	ck_assert_uint_eq(line.len, 0);
	ck_assert(log_format(&line, true, none));
	ck_assert_str_eq(buf_cstr(&line), "{}");
	buf_release(&line);
	buf_init(&line, 19);
	ck_assert(!log_format(&line, false, two));
	ck_assert_uint_eq(line.len, 0);
	buf_release(&line);
	buf_init(&line, 20);
	ck_assert(log_format(&line, false, two));
	buf_release(&line);
}
END_TEST

/* Any mix of bytes and of lengths around the maximum gives a whole line. */
START_TEST(long_values)
{
	static const char *const units[] = {"x",    "\n", "\"",      "\xC3\xA9",
	                                    "\xFF", " ",  "\xC2\x80"};
	struct buf value;
	buf_init(&value, 4000);
	struct buf line;
	buf_init(&line, LOG_LINE_MAX);
	for (size_t u = 0; u < COUNT(units); u++) {
		buf_clear(&value);
		while (value.len < 1200) {
			struct log_pair pairs[] = {{"id", STR("A1B2")},
			                           {"reply", buf_str(&value)},
			                           {"code", STR("250")},
			                           END};
			for (int json_too = 0; json_too < 2; json_too++) {
				buf_clear(&line);
				ck_assert(log_format(&line, json_too, pairs));
				ck_assert(str_starts(buf_str(&line),
				                     json_too
				                         ? STR("{\"id\":\"A1B2\",\"reply\":\"")
				                         : STR("id=A1B2 reply=")));
				ck_assert(str_ends(buf_str(&line),
				                   json_too ? STR("\",\"code\":\"250\"}")
				                            : STR(" code=250")));
				ck_assert(codec_is_utf8(buf_str(&line)));
				ck_assert_msg(value.len < 1000 || line.len > LOG_LINE_MAX - 6,
				              "%zu bytes unused", LOG_LINE_MAX - line.len);
			}
			ck_assert(buf_add_str(&value, str_of(units[u])));
		}
	}
	buf_release(&value);
	buf_release(&line);
}
END_TEST

START_TEST(cut_between_escapes)
{
	struct log_pair pairs[] = {{"k", {NULL, 0}}, END};
	struct buf value;
	/* 3 bytes of key and quote, 1 of the last quote: 508 are left, 127 escapes. */
	buf_init(&value, 4000);
	struct buf line;
	buf_init(&line, LOG_LINE_MAX);
	for (int i = 0; i < 127; i++)
		ck_assert(buf_add_char(&value, '\n'));
	pairs[0].value = buf_str(&value);
	ck_assert(log_format(&line, false, pairs));
	ck_assert_uint_eq(line.len, LOG_LINE_MAX);
	ck_assert(buf_add_char(&value, '\n'));
	pairs[0].value = buf_str(&value);
	buf_clear(&line);
	ck_assert(log_format(&line, false, pairs));
	ck_assert_uint_eq(line.len, LOG_LINE_MAX);
	ck_assert(str_ends(buf_str(&line), STR("\\x0A\"")));
	buf_release(&value);
	buf_release(&line);
}
END_TEST

START_TEST(too_many_pairs)
{
	struct log_pair pairs[201];
	for (size_t i = 0; i < 200; i++)
		pairs[i] = (struct log_pair){"key", STR("some value")};
	pairs[200] = (struct log_pair)END;
	struct buf line;
	buf_init(&line, LOG_LINE_MAX);
	ck_assert(log_format(&line, true, pairs));
	ck_assert(str_starts(buf_str(&line), STR("{\"key\":\"")));
	ck_assert(str_ends(buf_str(&line), STR("\"}")));
	buf_clear(&line);
	ck_assert(log_format(&line, false, pairs));
	ck_assert_uint_gt(line.len, LOG_LINE_MAX - 10);
	buf_release(&line);
}
END_TEST

static void contains(const char *path, const char *want)
{
	FILE *from = fopen(path, "r");
	ck_assert_ptr_nonnull(from);
	char got[4000];
	size_t len = fread(got, 1, sizeof(got) - 1, from);
	got[len] = '\0';
	fclose(from);
	ck_assert_str_eq(got, want);
}

START_TEST(to_file)
{
	clock_test_set(NOON_2024, 0);
	log_open(LOG_TO_FILE, false, "log", "flushq");
	log_event(LOG_INFO, two);
	log_text(LOG_ERR, "it is %s", "so\n");
	contains("log", "2024-03-01T12:00:05Z id=A1 reply=\"250 ok\"\n"
	                "2024-03-01T12:00:05Z msg=\"it is so\\x0A\"\n");
	struct stat st;
	ck_assert_int_eq(stat("log", &st), 0);
	ck_assert_int_eq(st.st_mode & 07777, 0600);
	ck_assert_int_eq(rename("log", "old"), 0);
	log_text(LOG_INFO, "new");
	contains("log", "2024-03-01T12:00:05Z msg=new\n");
}
END_TEST

START_TEST(to_file_json)
{
	static const struct log_pair none[] = {END};
	clock_test_set(NOON_2024, 0);
	log_open(LOG_TO_FILE, true, "log", "flushq");
	log_event(LOG_INFO, two);
	log_event(LOG_INFO, none);
	contains("log",
	         "{\"time\":\"2024-03-01T12:00:05Z\",\"id\":\"A1\",\"reply\":\"250 ok\"}\n"
	         "{\"time\":\"2024-03-01T12:00:05Z\"}\n");
}
END_TEST

/* The line as it is written has no more than the maximum, line end included. */
START_TEST(to_file_long)
{
	char value[2000];
	memset(value, 'x', sizeof(value));
	value[sizeof(value) - 1] = '\0';
	struct stat st;
	for (int json_too = 0; json_too < 2; json_too++) {
		unlink("log");
		log_open(LOG_TO_FILE, json_too, "log", "flushq");
		log_text(LOG_INFO, "%s", value);
		ck_assert_int_eq(stat("log", &st), 0);
		ck_assert_int_eq(st.st_size, LOG_LINE_MAX);
	}
}
END_TEST

/* What cannot be written is dropped, at once and without a change to errno. */
START_TEST(to_nowhere)
{
	ck_assert_int_eq(symlink("target", "link"), 0);
	ck_assert_int_eq(mkfifo("fifo", 0600), 0);
	log_text(LOG_INFO, "before log_open");
	polled_clear();
	errno = ENOTTY;
	log_open(LOG_TO_FILE, false, "link", "x");
	log_text(LOG_INFO, "text");
	log_open(LOG_TO_FILE, false, "fifo", "x");
	log_text(LOG_INFO, "text");
	log_open(LOG_TO_FILE, false, "no/log", "x");
	log_text(LOG_INFO, "text");
	log_open(LOG_TO_FILE, false, NULL, NULL);
	log_text(LOG_INFO, "text");
	log_open(LOG_TO_NONE, false, NULL, "x");
	log_text(LOG_INFO, "text");
	log_test_socket("none");
	log_open(LOG_TO_SYSLOG, false, NULL, "x");
	log_text(LOG_INFO, "text");
	log_close();
	log_close();
	log_text(LOG_INFO, "text");
	ck_assert_int_eq(errno, ENOTTY);
	ck_assert_int_eq(polled.asked_ms, 0);
	ck_assert_int_eq(polled.endless, 0);
	ck_assert_int_ne(access("target", F_OK), 0);
}
END_TEST

START_TEST(to_stderr)
{
	static const struct {
		bool json;
		const char *want;
	} row[] = {
	    {false, "sendmail: id=A1 reply=\"250 ok\"\n"},
	    {true, "{\"id\":\"A1\",\"reply\":\"250 ok\"}\n"},
	};

	for (size_t i = 0; i < 2; i++) {
		char got[200] = "";
		int fds[2], saved = dup(STDERR_FILENO);
		ck_assert_int_eq(pipe(fds), 0);
		dup2(fds[1], STDERR_FILENO);
		log_open(LOG_TO_STDERR, row[i].json, NULL, "sendmail");
		log_event(LOG_INFO, two);
		dup2(saved, STDERR_FILENO);
		close(saved);
		close(fds[1]);
		ck_assert_int_gt(read(fds[0], got, sizeof(got) - 1), 0);
		close(fds[0]);
		ck_assert_str_eq(got, row[i].want);
	}
}
END_TEST

/* A reader of standard error that stands still costs a second, once. */
START_TEST(to_full_stderr)
{
	int fds[2], saved = dup(STDERR_FILENO);
	ck_assert_int_eq(pipe(fds), 0);
	dup2(fds[1], STDERR_FILENO);
	log_open(LOG_TO_STDERR, false, NULL, "sendmail");
	polled_skip();
	for (int i = 0; i < 20000; i++)
		log_event(LOG_INFO, two);
	dup2(saved, STDERR_FILENO);
	close(saved);
	close(fds[0]);
	close(fds[1]);
	ck_assert_int_eq(polled.asked_ms, 1000);
	ck_assert_int_eq(polled.endless, 0);
}
END_TEST

static int listener(const char *path, int type)
{
	struct sockaddr_un at = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, type, 0);
	ck_assert_int_ge(fd, 0);
	memcpy(at.sun_path, path, strlen(path));
	unlink(path);
	ck_assert_int_eq(bind(fd, (const struct sockaddr *)&at, sizeof(at)), 0);
	if (type == SOCK_STREAM)
		ck_assert_int_eq(listen(fd, 5), 0);
	return fd;
}

static void receives(int fd, const char *want, size_t len)
{
	char got[2000];
	ssize_t n = recv(fd, got, sizeof(got), MSG_DONTWAIT);
	ck_assert_int_eq(n, (ssize_t)len);
	ck_assert_int_eq(memcmp(got, want, len), 0);
}

static void receives_text(int fd, const char *want)
{
	char got[2000];
	ssize_t n = recv(fd, got, sizeof(got) - 1, MSG_DONTWAIT);
	ck_assert_int_ge(n, 0);
	got[n] = '\0';
	ck_assert_msg(strstr(got, want) != NULL, "%s in %s", want, got);
}

/* A file that cannot be written: the reason once, then the lines. */
START_TEST(to_syslog_instead)
{
	int fd = listener("socket", SOCK_DGRAM);
	log_test_socket("socket");
	log_open(LOG_TO_FILE, false, "no/log", "x");
	log_event(LOG_INFO, two);
	log_text(LOG_INFO, "next");
	receives_text(fd, "cannot log to no/log: No such file or directory");
	receives_text(fd, "id=A1 reply=");
	receives_text(fd, "msg=next");
	ck_assert_int_eq(mkdir("no", 0700), 0);
	log_text(LOG_INFO, "last");
	ck_assert_int_eq(access("no/log", F_OK), 0);
	ck_assert_int_eq(recv(fd, (char[1]){0}, 1, MSG_DONTWAIT), -1);
	close(fd);
}
END_TEST

/* A file that has room for half a line: the whole of it is there. */
START_TEST(half_a_line)
{
	struct rlimit before, small;
	int fd = listener("socket", SOCK_DGRAM);
	log_test_socket("socket");
	log_open(LOG_TO_FILE, false, "log", "x");
	signal(SIGXFSZ, SIG_IGN);
	ck_assert_int_eq(getrlimit(RLIMIT_FSIZE, &before), 0);
	small = (struct rlimit){30, before.rlim_max};
	ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &small), 0);
	log_event(LOG_INFO, two);
	ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &before), 0);
	receives_text(fd, "cannot log to log: No space left on device");
	receives_text(fd, "id=A1 reply=\"250 ok\"");
	close(fd);
}
END_TEST

struct reading {
	int count;
	bool over;
};

static bool read_line(void *context, struct str line)
{
	struct reading *r = context;
	ck_assert(str_starts(line, STR("x: msg=")));
	ck_assert(str_ends(line, STR("\n")));
	r->count += !r->over;
	return !r->over;
}

START_TEST(to_a_reader)
{
	struct reading r = {0, false};
	int fds[2], saved = dup(STDERR_FILENO);
	ck_assert_int_eq(pipe(fds), 0);
	ck_assert_int_ge(dup2(fds[1], STDERR_FILENO), 0);
	log_open(LOG_TO_STDERR, false, NULL, "x");
	log_read_by(read_line, &r);
	log_text(LOG_INFO, "one");
	r.over = true;
	log_text(LOG_INFO, "two");
	dup2(saved, STDERR_FILENO);
	close(saved);
	close(fds[1]);
	char got[100];
	ssize_t n = read(fds[0], got, sizeof(got));
	close(fds[0]);
	ck_assert_int_eq(r.count, 1);
	ck_assert_int_eq(n, (ssize_t)strlen("x: msg=two\n"));
	ck_assert_int_eq(memcmp(got, "x: msg=two\n", (size_t)n), 0);
}
END_TEST

/* Facility mail is 2: 2 * 8 + 6 for LOG_INFO (RFC 3164 section 4.1.1). */
START_TEST(to_syslog)
{
	char *want = mem_printf("<22>Mar  1 12:00:05 sendmail[%ld]: id=A1 reply=\"250 ok\"",
	                        (long)getpid());
	char *next = mem_printf("<19>Mar  1 12:00:05 sendmail[%ld]: msg=next", (long)getpid());
	int fd = listener("socket", SOCK_DGRAM);
	clock_test_set(NOON_2024, 0);
	log_test_socket("socket");
	log_open(LOG_TO_SYSLOG, false, NULL, "sendmail");
	log_event(LOG_INFO, two);
	receives(fd, want, strlen(want));
	/* A daemon that was started again is found again, within a second if it was
	 * missed meanwhile. */
	close(fd);
	log_text(LOG_ERR, "lost");
	fd = listener("socket", SOCK_DGRAM);
	log_text(LOG_ERR, "lost, too");
	ck_assert_int_eq(recv(fd, (char[1]){0}, 1, MSG_DONTWAIT), -1);
	clock_test_set(NOON_2024, 1000);
	log_text(LOG_ERR, "next");
	receives(fd, next, strlen(next));
	close(fd);
	fd = listener("socket", SOCK_DGRAM);
	log_text(LOG_ERR, "next");
	receives(fd, next, strlen(next));
	close(fd);
	free(want);
	free(next);
}
END_TEST

START_TEST(to_syslog_stream)
{
	char *want = mem_printf("<22>Mar  1 12:00:05 sendmail[%ld]: msg=one%c"
	                        "<22>Mar  1 12:00:05 sendmail[%ld]: msg=two",
	                        (long)getpid(), 0, (long)getpid());
	int fd = listener("socket", SOCK_STREAM), peer;
	size_t half = strlen(want) + 1;
	clock_test_set(NOON_2024, 0);
	log_test_socket("socket");
	log_open(LOG_TO_SYSLOG, false, NULL, "sendmail");
	log_text(LOG_INFO, "one");
	log_text(LOG_INFO, "two");
	peer = accept(fd, NULL, NULL);
	ck_assert_int_ge(peer, 0);
	receives(peer, want, half + strlen(want + half) + 1);
	close(peer);
	close(fd);
	free(want);
}
END_TEST

/* Row: datagrams or a stream. A full socket costs a second for all lines together. */
START_TEST(to_full_syslog)
{
	int fd = listener("socket", _i == 0 ? SOCK_DGRAM : SOCK_STREAM);
	log_test_socket("socket");
	log_open(LOG_TO_SYSLOG, false, NULL, "sendmail");
	polled_skip();
	for (int i = 0; i < 5000; i++)
		log_event(LOG_INFO, two);
	ck_assert_int_eq(polled.asked_ms, 1000);
	ck_assert_int_eq(polled.endless, 0);
	close(fd);
}
END_TEST

START_TEST(to_syslog_long)
{
	int fd = listener("socket", SOCK_DGRAM);
	char value[2000];
	memset(value, 'x', sizeof(value));
	value[sizeof(value) - 1] = '\0';
	log_test_socket("socket");
	log_open(LOG_TO_SYSLOG, false, NULL, "sendmail");
	log_text(LOG_INFO, "%s", value);
	char got[2000];
	ssize_t n = recv(fd, got, sizeof(got), MSG_DONTWAIT);
	ck_assert_int_gt(n, LOG_LINE_MAX - 5);
	ck_assert_int_le(n, LOG_LINE_MAX);
	close(fd);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("log");
	TCase *c = unit_case(s, "all");
	signal(SIGPIPE, SIG_IGN);
	tcase_add_checked_fixture(c, begin, end);
	tcase_set_timeout(c, 60);
	tcase_add_test(c, text);
	tcase_add_test(c, json);
	tcase_add_test(c, several);
	tcase_add_test(c, long_values);
	tcase_add_test(c, cut_between_escapes);
	tcase_add_test(c, too_many_pairs);
	tcase_add_test(c, to_file);
	tcase_add_test(c, to_file_json);
	tcase_add_test(c, to_file_long);
	tcase_add_test(c, to_nowhere);
	tcase_add_test(c, to_stderr);
	tcase_add_test(c, to_full_stderr);
	tcase_add_test(c, to_syslog);
	tcase_add_test(c, to_syslog_stream);
	tcase_add_test(c, to_syslog_instead);
	tcase_add_test(c, half_a_line);
	tcase_add_test(c, to_a_reader);
	tcase_add_loop_test(c, to_full_syslog, 0, 2);
	tcase_add_test(c, to_syslog_long);
	return unit_run(s);
}
