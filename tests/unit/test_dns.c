/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <arpa/inet.h>
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/wait.h>
#include <unistd.h>

#include "text/idna.h"
#include "os/clock.h"
#include "net/aside.h"
#include "net/dns.h"
#include "polled.h"
#include "unit.h"

/* A name server on the loopback, in a child; it knows the names below. */
static struct host_address address;
static const struct host_addresses servers = {&address, 1};
static pid_t server;

#define PACKET_MAX 1500

struct packet {
	unsigned char at[PACKET_MAX];
	size_t len;
};

static void add(struct packet *p, const char *bytes, size_t len)
{
	memcpy(p->at + p->len, bytes, len);
	p->len += len;
}

static void answer(struct packet *p, int type, const char *data, size_t len)
{
	const char head[] = {(char)0xC0, 12, 0, (char)type, 0, 1, 0, 0, 0, 60, 0, (char)len};
	add(p, head, sizeof(head));
	add(p, data, len);
	p->at[7]++;
}

#define ANSWER(p, type, literal) answer(p, type, literal, sizeof(literal) - 1)

/* The first label of the question decides. False: no answer at all. */
static bool fill(struct packet *p, int type)
{
	const char *name = (const char *)p->at + 13;
	size_t len = p->at[12];
#define IS(label) (len == sizeof(label) - 1 && memcmp(name, label, len) == 0)
	p->at[2] = 0x81;
	p->at[3] = 0x80;
	memset(p->at + 6, 0, 6);
	if (IS("silent"))
		return false;
	if (IS("nobody"))
		p->at[3] |= 3;
	if (IS("broken"))
		p->at[3] |= 2;
	if (IS("refused"))
		p->at[3] |= 5;
	if ((IS("both") || IS("four")) && type == 1)
		ANSWER(p, 1, "\xC0\x00\x02\x01");
	if ((IS("both") || IS("six")) && type == 28)
		ANSWER(p, 28, "\x20\x01\x0D\xB8\0\0\0\0\0\0\0\0\0\0\0\1");
	if (IS("half") && type == 1)
		ANSWER(p, 1, "\xC0\x00\x02\x02");
	if (IS("half") && type == 28)
		p->at[3] |= 2;
	if (IS("garbage") && type == 1)
		ANSWER(p, 1, "\xC0\x00\x02");
	if (IS("mail") && type == 15) {
		ANSWER(p, 15, "\0\24\6second\xC0\x0C");
		ANSWER(p, 15, "\0\12\5first\xC0\x0C");
	}
	if (IS("null") && type == 15)
		ANSWER(p, 15, "\0\0\0");
	if (IS("_submissions") && type == 33)
		ANSWER(p, 33, "\0\0\0\1\1\xD1\5smtps\7example\3net\0");
#undef IS
	return true;
}

static void serve(int fd)
{
	for (;;) {
		struct sockaddr_storage from;
		socklen_t from_len = sizeof(from);
		struct packet p;
		ssize_t n = recvfrom(fd, p.at, 512, 0, (struct sockaddr *)&from, &from_len);
		size_t end = 12;
		if (n < 17)
			continue;
		while (end < (size_t)n && p.at[end] != 0)
			end += p.at[end] + 1U;
		if (end + 5 > (size_t)n)
			continue;
		p.len = end + 5;
		if (fill(&p, p.at[end + 2]))
			sendto(fd, p.at, p.len, 0, (struct sockaddr *)&from, from_len);
	}
}

/* False: this machine has no such loopback. */
static bool start(int family, const char *literal)
{
	struct sockaddr_in v4 = {.sin_family = AF_INET};
	struct sockaddr_in6 v6 = {.sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT};
	const struct sockaddr *at =
	    family == AF_INET ? (struct sockaddr *)&v4 : (struct sockaddr *)&v6;
	socklen_t len = family == AF_INET ? sizeof(v4) : sizeof(v6);
	int fd = socket(family, SOCK_DGRAM, 0);

	v4.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (fd < 0 || bind(fd, at, len) != 0)
		return false;
	ck_assert_int_eq(
	    getsockname(fd, family == AF_INET ? (struct sockaddr *)&v4 : (struct sockaddr *)&v6,
	                &len),
	    0);
	ck_assert(host_address(str_of(literal), &address));
	address.port = ntohs(family == AF_INET ? v4.sin_port : v6.sin6_port);
	server = fork();
	ck_assert_int_ge(server, 0);
	if (server == 0) {
		alarm(60);
		serve(fd);
	}
	close(fd);
	return true;
}

static void start_v4(void)
{
	ck_assert(start(AF_INET, "127.0.0.1"));
}

static void stop(void)
{
	kill(server, SIGKILL);
	ck_assert_int_eq(waitpid(server, NULL, 0), server);
}

static bool addresses(const char *name, int family, struct dns_addresses *out,
                      enum dns_result *result, struct fault *f)
{
	*f = FAULT_INIT;
	return dns_addresses(name, family, &servers, clock_deadline(LONG_MS), out, result, f);
}

static void check_address(const struct sockaddr_storage *at, const char *want)
{
	const struct sockaddr_in *v4 = (const struct sockaddr_in *)at;
	const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)at;
	char text[INET6_ADDRSTRLEN];
	bool is_v4 = at->ss_family == AF_INET;
	ck_assert_ptr_nonnull(inet_ntop(
	    at->ss_family, is_v4 ? (const void *)&v4->sin_addr : (const void *)&v6->sin6_addr,
	    text, sizeof(text)));
	ck_assert_str_eq(text, want);
	ck_assert_int_eq(is_v4 ? v4->sin_port : v6->sin6_port, 0);
}

START_TEST(from_server)
{
	static struct dns_addresses out;
	enum dns_result result;
	struct fault f;
	ck_assert_msg(addresses("both.test", AF_UNSPEC, &out, &result, &f), "%s", f.text);
	ck_assert_int_eq(result, DNS_FOUND);
	ck_assert_uint_eq(out.count, 2);
	check_address(&out.at[0], "192.0.2.1");
	check_address(&out.at[1], "2001:db8::1");
	ck_assert(addresses("both.test", AF_INET6, &out, &result, &f));
	ck_assert_uint_eq(out.count, 1);
	check_address(&out.at[0], "2001:db8::1");
	ck_assert(addresses("four.test.", AF_UNSPEC, &out, &result, &f));
	ck_assert_uint_eq(out.count, 1);
	ck_assert(addresses("four.test", AF_INET6, &out, &result, &f));
	ck_assert_int_eq(result, DNS_NO_DATA);
	ck_assert_uint_eq(out.count, 0);
	ck_assert(addresses("six.test", AF_UNSPEC, &out, &result, &f));
	ck_assert_uint_eq(out.count, 1);
	ck_assert(addresses("nobody.test", AF_UNSPEC, &out, &result, &f));
	ck_assert_int_eq(result, DNS_NO_NAME);
	ck_assert(addresses("localhost", AF_INET, &out, &result, &f));
	check_address(&out.at[0], "127.0.0.1");
}
END_TEST

START_TEST(server_fails)
{
	static const char *const names[] = {"broken.test", "refused.test", "garbage.test"};
	static struct dns_addresses out;
	enum dns_result result;
	struct fault f;
	for (size_t i = 0; i < COUNT(names); i++) {
		ck_assert(!addresses(names[i], AF_INET, &out, &result, &f));
		ck_assert_int_eq(f.kind, FAULT_TEMP);
		ck_assert_msg(strstr(f.text, names[i]) != NULL, "%s", f.text);
	}
	/* One family is enough. */
	ck_assert_msg(addresses("half.test", AF_UNSPEC, &out, &result, &f), "%s", f.text);
	ck_assert_uint_eq(out.count, 1);
}
END_TEST

START_TEST(server_is_silent)
{
	static struct dns_addresses out;
	enum dns_result result;
	struct fault f = FAULT_INIT;
	int64_t before = clock_mono_ms();
	ck_assert(!dns_addresses("silent.test", AF_INET, &servers, clock_deadline(300), &out,
	                         &result, &f));
	int64_t took = clock_mono_ms() - before;
	ck_assert_int_ge(took, 300);
	ck_assert_int_le(polled.longest_ms, 300);
	ck_assert_int_eq(polled.endless, 0);
	ck_assert_int_eq(f.kind, FAULT_TEMP);
	/* Its child is gone; only the name server is left. */
	ck_assert_int_eq(waitpid(-1, NULL, WNOHANG), 0);
}
END_TEST

START_TEST(records)
{
	static struct dns_records out;
	enum dns_result result;
	struct fault f = FAULT_INIT;
	int64_t deadline = clock_deadline(LONG_MS);
	ck_assert_msg(dns_records("mail.test", DNS_MX, &servers, deadline, &out, &result, &f),
	              "%s", f.text);
	ck_assert_int_eq(result, DNS_FOUND);
	ck_assert_uint_eq(out.count, 2);
	ck_assert_str_eq(out.at[0].target, "first.mail.test");
	ck_assert_uint_eq(out.at[0].preference, 10);
	ck_assert_str_eq(out.at[1].target, "second.mail.test");
	ck_assert(dns_records("null.test", DNS_MX, &servers, deadline, &out, &result, &f));
	ck_assert_uint_eq(out.count, 1);
	ck_assert_str_eq(out.at[0].target, "");
	ck_assert(dns_records("both.test", DNS_MX, &servers, deadline, &out, &result, &f));
	ck_assert_int_eq(result, DNS_NO_DATA);
	ck_assert(dns_records("nobody.test", DNS_MX, &servers, deadline, &out, &result, &f));
	ck_assert_int_eq(result, DNS_NO_NAME);
	ck_assert(dns_records("_submissions._tcp.test", DNS_SRV, &servers, deadline, &out,
	                      &result, &f));
	ck_assert_uint_eq(out.count, 1);
	ck_assert_uint_eq(out.at[0].port, 465);
	ck_assert_str_eq(out.at[0].target, "smtps.example.net");
	ck_assert(!dns_records("broken.test", DNS_MX, &servers, deadline, &out, &result, &f));
	ck_assert_int_eq(f.kind, FAULT_TEMP);
}
END_TEST

START_TEST(over_ipv6)
{
	static struct dns_addresses out;
	if (!start(AF_INET6, "[::1]"))
		return;
	enum dns_result result;
	struct fault f;
	ck_assert_msg(addresses("four.test", AF_UNSPEC, &out, &result, &f), "%s", f.text);
	ck_assert_uint_eq(out.count, 1);
	stop();
}
END_TEST

START_TEST(bad_names)
{
	static struct dns_addresses out;
	struct fault f = FAULT_INIT;
	char *name = malloc(400);
	ck_assert_ptr_nonnull(name);
	memset(name, 'a', 399);
	name[399] = '\0';
	enum dns_result result;
	ck_assert(
	    !dns_addresses("", AF_UNSPEC, NULL, clock_deadline(LONG_MS), &out, &result, &f));
	ck_assert_int_eq(f.kind, FAULT_RELAY);
	ck_assert(
	    !dns_addresses(name, AF_UNSPEC, NULL, clock_deadline(LONG_MS), &out, &result, &f));
	ck_assert_int_eq(f.kind, FAULT_RELAY);
	name[255] = '\0';
	char ascii[DNS_NAME_MAX];
	ck_assert(dns_ascii(name, ascii, &f));
	ck_assert_str_eq(ascii, name);
	free(name);
	ck_assert_msg(dns_ascii("m\xC3\xBCnchen.example", ascii, &f), "%s", f.text);
	ck_assert_str_eq(ascii, "xn--mnchen-3ya.example");
	ck_assert(!dns_ascii("\xFF\xFE.example", ascii, &f));
}
END_TEST

START_TEST(system_localhost)
{
	static struct dns_addresses out;
	enum dns_result result;
	struct fault f = FAULT_INIT;
	ck_assert_msg(dns_addresses("localhost", AF_INET, NULL, clock_deadline(LONG_MS), &out,
	                            &result, &f),
	              "%s", f.text);
	ck_assert_int_eq(result, DNS_FOUND);
	ck_assert_uint_eq(out.count, 1);
	check_address(&out.at[0], "127.0.0.1");
	ck_assert(dns_addresses("relay.LOCALHOST.", AF_INET6, NULL, clock_deadline(LONG_MS),
	                        &out, &result, &f));
	ck_assert_uint_eq(out.count, 1);
	check_address(&out.at[0], "::1");
	ck_assert(dns_addresses("localhost", AF_UNSPEC, NULL, clock_deadline(LONG_MS), &out,
	                        &result, &f));
	ck_assert_uint_eq(out.count, 2);
}
END_TEST

/* Over many draws: preference is never broken, weights show, none is starved. */
START_TEST(order)
{
	int first[4] = {0};
	for (int i = 0; i < 4000; i++) {
		static struct dns_records r;
		r.count = 4;
		for (size_t n = 0; n < 4; n++)
			r.at[n] = (struct dns_record){.type = DNS_SRV, .port = (uint16_t)n};
		r.at[0].preference = 9;
		r.at[1].weight = 30;
		r.at[2].weight = 10;
		dns_order(&r);
		ck_assert_uint_eq(r.at[3].port, 0);
		first[r.at[0].port]++;
	}
	ck_assert_int_eq(first[0], 0);
	ck_assert_int_gt(first[1], 2600);
	ck_assert_int_lt(first[1], 3300);
	ck_assert_int_gt(first[2], 700);
	ck_assert_int_gt(first[3], 0);
	ck_assert_int_lt(first[3], 300);
}
END_TEST

START_TEST(order_by_chance)
{
	int first[3] = {0};
	for (int i = 0; i < 3000; i++) {
		static struct dns_records r;
		r.count = 3;
		for (size_t n = 0; n < 3; n++)
			r.at[n] = (struct dns_record){.type = DNS_MX, .port = (uint16_t)n};
		dns_order(&r);
		first[r.at[0].port]++;
	}
	for (size_t n = 0; n < 3; n++)
		ck_assert_int_gt(first[n], 800);
}
END_TEST

static int inherited;

/* What the child must not have: other descriptors, the parent's handlers. */
static void look_around(void *context, int fd)
{
	(void)context;
	struct sigaction now;
	sigaction(SIGTERM, NULL, &now);
	char text[64];
	snprintf(text, sizeof(text), "%d %d", fcntl(inherited, F_GETFD) == -1,
	         now.sa_handler == SIG_DFL);
	aside_write(fd, str_make(text, strlen(text)));
}

static void on_term(int number)
{
	(void)number;
}

static void at_exit(void)
{
	(void)!write(inherited, "exit", 4);
}

START_TEST(aside_is_tidy)
{
	struct fault f = FAULT_INIT;
	int ends[2];
	ck_assert_int_eq(pipe(ends), 0);
	inherited = ends[1];
	atexit(at_exit);
	signal(SIGTERM, on_term);
	struct buf out;
	buf_init(&out, 65536);
	bool ended;
	ck_assert_msg(aside_run(look_around, NULL, clock_deadline(LONG_MS), &out, &ended, &f),
	              "%s", f.text);
	ck_assert(ended);
	ck_assert(str_eq(buf_str(&out), STR("1 1")));
	buf_release(&out);
	/* Nothing ran at the child's exit, and it has no copy of the pipe. */
	close(ends[1]);
	inherited = -1;
	char some[8];
	ck_assert_int_eq(read(ends[0], some, sizeof(some)), 0);
	close(ends[0]);
	ck_assert_int_eq(waitpid(-1, NULL, WNOHANG), -1);
	ck_assert_int_eq(errno, ECHILD);
}
END_TEST

static void never_end(void *context, int fd)
{
	(void)context;
	aside_write(fd, STR("part"));
	for (;;)
		pause();
}

/* The time is up when the first part has been read, however long that took. */
static void late_at_second(void)
{
	static int polls;
	if (++polls < 2)
		return;
	clock_test_set(0, LONG_MS);
	polled_skip();
}

START_TEST(aside_deadline)
{
	struct fault f = FAULT_INIT;
	struct buf out;
	buf_init(&out, 65536);
	clock_test_set(0, 0);
	polled_before(late_at_second);
	bool ended;
	ck_assert(aside_run(never_end, NULL, clock_deadline(LONG_MS), &out, &ended, &f));
	ck_assert(!ended);
	ck_assert(str_eq(buf_str(&out), STR("part")));
	buf_release(&out);
	ck_assert_int_eq(waitpid(-1, NULL, WNOHANG), -1);
}
END_TEST

int main(void)
{
	idna_use(idna_by_library);
	Suite *s = suite_create("dns");
	TCase *served = unit_case(s, "served"), *alone = unit_case(s, "alone");
	tcase_add_checked_fixture(served, start_v4, stop);
	tcase_set_timeout(served, 60);
	tcase_set_timeout(alone, 60);
#ifdef HAVE_RES_NQUERY
	tcase_add_test(served, from_server);
	tcase_add_test(served, server_fails);
	tcase_add_test(served, server_is_silent);
	tcase_add_test(served, records);
#ifdef __GLIBC__
	tcase_add_test(alone, over_ipv6);
#endif
#endif
	tcase_add_test(alone, bad_names);
	tcase_add_test(alone, system_localhost);
	tcase_add_test(alone, order);
	tcase_add_test(alone, order_by_chance);
	tcase_add_test(alone, aside_is_tidy);
	tcase_add_test(alone, aside_deadline);
	return unit_run(s);
}
