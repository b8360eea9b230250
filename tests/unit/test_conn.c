/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "os/clock.h"
#include "net/conn.h"
#include "polled.h"
#include "tls_peer.h"

#define BIG ((size_t)4 * 1024 * 1024)

static struct conn *c;
static int peer; /* the other end, blocking */

static void open_pair(void)
{
	int ends[2];
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
	ck_assert_int_eq(fcntl(ends[0], F_SETFL, O_NONBLOCK), 0);
	c = conn_new(ends[0]);
	peer = ends[1];
}

static void close_pair(void)
{
	conn_free(c);
	if (peer >= 0)
		close(peer);
}

START_TEST(reads_what_is_there)
{
	struct fault f = FAULT_INIT;
	ck_assert_uint_eq(conn_pending(c), 0);
	ck_assert_int_eq(write(peer, "hello", 5), 5);
	ck_assert_uint_eq(conn_pending(c), 5);
	char to[10];
	size_t got;
	/* Even when the deadline has passed. */
	ck_assert(conn_read(c, to, 2, &got, clock_mono_ms() - 1, &f));
	ck_assert_uint_eq(got, 2);
	ck_assert(conn_read(c, to, sizeof(to), &got, clock_deadline(1000), &f));
	ck_assert_uint_eq(got, 3);
	ck_assert_int_eq(memcmp(to, "llo", 3), 0);
	ck_assert_uint_eq(conn_pending(c), 0);
	close(peer);
	peer = -1;
	got = 7;
	ck_assert(conn_read(c, to, sizeof(to), &got, clock_deadline(1000), &f));
	ck_assert_uint_eq(got, 0);
	ck_assert_ptr_null(conn_tls(c));
}
END_TEST

START_TEST(read_deadline)
{
	struct fault f = FAULT_INIT;
	int64_t before = clock_mono_ms();
	char to[10];
	size_t got;
	ck_assert(!conn_read(c, to, sizeof(to), &got, clock_deadline(100), &f));
	int64_t took = clock_mono_ms() - before;
	ck_assert_int_ge(took, 100);
	ck_assert_int_le(polled.longest_ms, 100);
	ck_assert_int_eq(f.kind, FAULT_RELAY);
	ck_assert_int_eq(f.sys, ETIMEDOUT);
}
END_TEST

/* The other end reads slowly, in a child. */
START_TEST(write_all)
{
	struct fault f = FAULT_INIT;
	char *bytes = mem_alloc(BIG);
	pid_t pid = fork();
	ck_assert_int_ge(pid, 0);
	if (pid == 0) {
		size_t sum = 0;
		char some[65536];
		ssize_t n;
		while (sum < BIG && (n = read(peer, some, sizeof(some))) > 0)
			sum += (size_t)n;
		_exit(sum == BIG ? 0 : 1);
	}
	ck_assert_msg(conn_write(c, str_make(bytes, BIG), LONG_MS, CLOCK_NEVER, &f), "%s",
	              f.text);
	ck_assert_msg(conn_write(c, STR(""), 0, CLOCK_NEVER, &f), "%s", f.text);
	peer_end(pid);
	free(bytes);
}
END_TEST

START_TEST(write_stalls)
{
	struct fault f = FAULT_INIT;
	char *bytes = mem_alloc(BIG);
	int64_t before = clock_mono_ms();
	ck_assert(!conn_write(c, str_make(bytes, BIG), 100, CLOCK_NEVER, &f));
	int64_t took = clock_mono_ms() - before;
	ck_assert_int_ge(took, 100);
	ck_assert_int_le(polled.longest_ms, 100);
	ck_assert_int_eq(f.sys, ETIMEDOUT);
	ck_assert_int_eq(f.kind, FAULT_RELAY);
	free(bytes);
}
END_TEST

static int64_t slow_ms;

/* The other end takes what is there, every 300 ms of a clock of ours. */
static void read_slowly(void)
{
	static char some[262144];
	ck_assert_int_gt(recv(peer, some, sizeof(some), MSG_DONTWAIT), 0);
	slow_ms += 300;
	clock_test_set(0, slow_ms);
}

/* Slower than stall_ms in the whole, but never in one step. */
START_TEST(write_goes_on)
{
	struct fault f = FAULT_INIT;
	size_t len = 2 * 1024 * 1024;
	char *bytes = mem_alloc(len);
	clock_test_set(0, 0);
	polled_before(read_slowly);
	ck_assert_msg(conn_write(c, str_make(bytes, len), 400, CLOCK_NEVER, &f), "%s", f.text);
	ck_assert_int_gt(slow_ms, 400);
	free(bytes);
}
END_TEST

/* In each step there is progress, but there is a limit to them all. */
START_TEST(write_has_a_limit)
{
	struct fault f = FAULT_INIT;
	char *bytes = mem_alloc(BIG);
	slow_ms = 0;
	clock_test_set(0, 0);
	polled_before(read_slowly);
	ck_assert(!conn_write(c, str_make(bytes, BIG), 400, 1000, &f));
	ck_assert_int_eq(f.sys, ETIMEDOUT);
	ck_assert_int_ge(slow_ms, 1000);
	ck_assert_int_le(slow_ms, 1500);
	free(bytes);
}
END_TEST

/* No SIGPIPE: the test would end. */
START_TEST(write_to_closed)
{
	struct fault f = FAULT_INIT;
	close(peer);
	peer = -1;
	ck_assert(!conn_write(c, STR("hello"), 1000, CLOCK_NEVER, &f));
	ck_assert_int_eq(f.sys, EPIPE);
	ck_assert_int_eq(f.kind, FAULT_RELAY);
}
END_TEST

static struct tls_trust *any_trust(void)
{
	const struct tls_setup setup = {.mode = TLS_TRUST_NONE, .wall = clock_wall()};
	struct fault f = FAULT_INIT;
	struct tls_trust *trust = tls_trust_new(&setup, &f);
	ck_assert_msg(trust != NULL, "%s", f.text);
	return trust;
}

START_TEST(early_bytes)
{
	struct fault f = FAULT_INIT;
	struct tls_trust *trust = any_trust();
	ck_assert(conn_write(c, STR("STARTTLS\r\n"), 1000, CLOCK_NEVER, &f));
	ck_assert_int_eq(write(peer, "250-INJECTED\r\n", 14), 14);
	ck_assert(!conn_start_tls(c, trust, clock_deadline(1000), &f));
	ck_assert_int_eq(f.kind, FAULT_PROTOCOL);
	tls_trust_free(trust);
}
END_TEST

START_TEST(greeting_on_tls_port)
{
	struct fault f = FAULT_INIT;
	struct tls_trust *trust = any_trust();
	ck_assert_int_eq(write(peer, "220 relay ESMTP\r\n", 17), 17);
	ck_assert(!conn_start_tls(c, trust, clock_deadline(1000), &f));
	ck_assert_int_eq(f.kind, FAULT_RELAY);
	ck_assert_msg(strstr(f.text, "this port speaks clear SMTP: security = starttls?") !=
	                  NULL,
	              "%s", f.text);
	tls_trust_free(trust);
}
END_TEST

START_TEST(handshake_deadline)
{
	struct fault f = FAULT_INIT;
	struct tls_trust *trust = any_trust();
	int64_t before = clock_mono_ms();
	ck_assert(!conn_start_tls(c, trust, clock_deadline(150), &f));
	int64_t took = clock_mono_ms() - before;
	ck_assert_int_ge(took, 150);
	ck_assert_int_le(polled.longest_ms, 150);
	ck_assert_int_eq(f.sys, ETIMEDOUT);
	ck_assert_ptr_null(conn_tls(c));
	tls_trust_free(trust);
}
END_TEST

START_TEST(over_tls)
{
	const struct peer_spec spec = {.cn = "x", .dns = "relay.example.org"};
	struct peer_cert cert = peer_make(&spec, NULL);
	const struct peer_server server = {.cert = &cert};
	struct tls_trust *trust = any_trust();
	struct fault f = FAULT_INIT;
	size_t have = 0;
	pid_t pid;
	struct conn *over = conn_new(peer_start(&server, &pid));
	ck_assert_msg(conn_start_tls(over, trust, clock_deadline(LONG_MS), &f), "%s", f.text);
	ck_assert_ptr_nonnull(conn_tls(over));
	ck_assert_str_eq(conn_tls(over)->trust, "none");
	ck_assert_str_eq(conn_tls(over)->subject, "relay.example.org");
	ck_assert(!conn_start_tls(over, trust, clock_deadline(LONG_MS), &f));
	char to[256];
	size_t got;
	do {
		ck_assert(conn_read(over, to, 1, &got, clock_deadline(LONG_MS), &f));
		ck_assert_uint_eq(got, 1);
	} while (to[0] != '\n');
	ck_assert_uint_eq(conn_pending(over), 0);
	ck_assert(conn_write(over, STR("hello"), LONG_MS, CLOCK_NEVER, &f));
	while (have < 5) {
		ck_assert(
		    conn_read(over, to + have, 5 - have, &got, clock_deadline(LONG_MS), &f));
		ck_assert_uint_gt(got, 0);
		have += got;
	}
	ck_assert_int_eq(memcmp(to, "hello", 5), 0);
	conn_goodbye(over, clock_deadline(1000));
	ck_assert(conn_read(over, to, 1, &got, clock_deadline(LONG_MS), &f));
	ck_assert_uint_eq(got, 0);
	conn_free(over);
	peer_end(pid);
	tls_trust_free(trust);
	peer_drop(&cert);
}
END_TEST

/* A server that has stopped does not hold a writer, nor a reader, for ever. */
START_TEST(tls_stalls)
{
	const struct peer_spec spec = {.cn = "x", .dns = "relay.example.org"};
	struct peer_cert cert = peer_make(&spec, NULL);
	const struct peer_server server = {.cert = &cert};
	struct tls_trust *trust = any_trust();
	struct fault f = FAULT_INIT;
	char *bytes = mem_alloc(BIG);
	pid_t pid;
	struct conn *over = conn_new(peer_start(&server, &pid));
	ck_assert_msg(conn_start_tls(over, trust, clock_deadline(LONG_MS), &f), "%s", f.text);
	char one;
	size_t got;
	do {
		ck_assert(conn_read(over, &one, 1, &got, clock_deadline(LONG_MS), &f));
		ck_assert_uint_eq(got, 1);
	} while (one != '\n');
	kill(pid, SIGSTOP);
	int64_t before = clock_mono_ms();
	polled_clear();
	ck_assert(!conn_read(over, &one, 1, &got, clock_deadline(100), &f));
	ck_assert_int_eq(f.sys, ETIMEDOUT);
	ck_assert(!conn_write(over, str_make(bytes, BIG), 150, CLOCK_NEVER, &f));
	int64_t took = clock_mono_ms() - before;
	ck_assert_int_eq(f.sys, ETIMEDOUT);
	ck_assert_str_eq(f.text, "write to the server: Connection timed out");
	ck_assert_int_ge(took, 250);
	ck_assert_int_le(polled.longest_ms, 150);
	ck_assert_int_eq(polled.endless, 0);
	kill(pid, SIGKILL);
	peer_end(pid);
	/* Now it is gone: no signal, only a fault. */
	ck_assert(!conn_write(over, str_make(bytes, BIG), 1000, CLOCK_NEVER, &f));
	ck_assert_int_eq(f.sys, EPIPE);
	conn_goodbye(over, clock_deadline(1000));
	conn_free(over);
	tls_trust_free(trust);
	peer_drop(&cert);
	free(bytes);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("conn");
	TCase *t = tcase_create("conn");
	tcase_add_checked_fixture(t, open_pair, close_pair);
	tcase_set_timeout(t, 60);
	tcase_add_test(t, reads_what_is_there);
	tcase_add_test(t, read_deadline);
	tcase_add_test(t, write_all);
	tcase_add_test(t, write_stalls);
	tcase_add_test(t, write_goes_on);
	tcase_add_test(t, write_has_a_limit);
	tcase_add_test(t, write_to_closed);
	tcase_add_test(t, early_bytes);
	tcase_add_test(t, greeting_on_tls_port);
	tcase_add_test(t, handshake_deadline);
	tcase_add_test(t, over_tls);
	tcase_add_test(t, tls_stalls);
	suite_add_tcase(s, t);
	SRunner *r = srunner_create(s);
	srunner_run_all(r, CK_ENV);
	int n = srunner_ntests_failed(r);
	srunner_free(r);
	return n ? 1 : 0;
}
