/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <arpa/inet.h>
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "os/clock.h"
#include "net/dial.h"
#include "net/eyeballs.h"
#include "polled.h"
#include "unit.h"

/* A listener on that address, port chosen by the system. -1: no such address here. */
static int listen_on(const char *address, int backlog, int *port)
{
	struct sockaddr_in v4 = {.sin_family = AF_INET};
	struct sockaddr_in6 v6 = {.sin6_family = AF_INET6};
	bool is_v4 = inet_pton(AF_INET, address, &v4.sin_addr) == 1;
	struct sockaddr *at = is_v4 ? (struct sockaddr *)&v4 : (struct sockaddr *)&v6;
	socklen_t len = is_v4 ? sizeof(v4) : sizeof(v6);
	*port = 0;
	if (!is_v4)
		ck_assert_int_eq(inet_pton(AF_INET6, address, &v6.sin6_addr), 1);
	int fd = socket(at->sa_family, SOCK_STREAM, 0);
	if (fd < 0 || bind(fd, at, len) != 0 || listen(fd, backlog) != 0) {
		if (fd >= 0)
			close(fd);
		return -1;
	}
	ck_assert_int_eq(getsockname(fd, at, &len), 0);
	*port = ntohs(is_v4 ? v4.sin_port : v6.sin6_port);
	return fd;
}

/* A port on which nothing listens. */
static int free_port(void)
{
	int port, fd = listen_on("127.0.0.1", 1, &port);
	ck_assert_int_ge(fd, 0);
	close(fd);
	return port;
}

/* A listener whose queue is full: further SYNs are dropped, like in a black hole. */
static int black_hole(const char *address, int *port, int fill[2])
{
	struct sockaddr_in v4 = {.sin_family = AF_INET};
	int fd = listen_on(address, 0, port);
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(inet_pton(AF_INET, address, &v4.sin_addr), 1);
	v4.sin_port = htons((uint16_t)*port);
	for (int i = 0; i < 2; i++) {
		fill[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
		ck_assert(connect(fill[i], (struct sockaddr *)&v4, sizeof(v4)) == 0 ||
		          errno == EINPROGRESS);
	}
	usleep(20000);
	return fd;
}

static char own_host[] = "127.0.0.1";

static struct dial to_host(const char *host, const int *ports, size_t count)
{
	return (struct dial){.host = host,
	                     .ports = ports,
	                     .port_count = count,
	                     .deadline = clock_deadline(LONG_MS)};
}

static void check_socket(int fd)
{
	int value = 0;
	socklen_t len = sizeof(value);
	ck_assert_int_ge(fd, 0);
	ck_assert(fcntl(fd, F_GETFL) & O_NONBLOCK);
	ck_assert(fcntl(fd, F_GETFD) & FD_CLOEXEC);
	ck_assert_int_eq(getsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &value, &len), 0);
	ck_assert_int_ne(value, 0);
}

START_TEST(connects)
{
	static const char *const hosts[] = {"127.0.0.1", "[127.0.0.1]", "localhost"};
	struct fault f = FAULT_INIT;
	char want[80];
	int port, listener = listen_on("127.0.0.1", 5, &port);
	snprintf(want, sizeof(want), "127.0.0.1:%d", port);
	struct dialed got;
	for (size_t i = 0; i < COUNT(hosts); i++) {
		struct dial d = to_host(hosts[i], &port, 1);
		ck_assert_msg(dial(&d, &got, &f), "%s", f.text);
		check_socket(got.fd);
		ck_assert_str_eq(got.address, "127.0.0.1");
		ck_assert_str_eq(got.peer, want);
		ck_assert_int_eq(got.port, port);
		close(got.fd);
	}
	close(listener);
}
END_TEST

START_TEST(connects_v6)
{
	struct fault f = FAULT_INIT;
	int port, listener = listen_on("::1", 5, &port);
	if (listener < 0)
		return;
	struct dial d = to_host("[IPv6:::1]", &port, 1);
	char want[80];
	snprintf(want, sizeof(want), "[::1]:%d", port);
	struct dialed got;
	ck_assert_msg(dial(&d, &got, &f), "%s", f.text);
	ck_assert_str_eq(got.address, "::1");
	ck_assert_str_eq(got.peer, want);
	close(got.fd);
	d.family = AF_INET;
	ck_assert(!dial(&d, &got, &f));
	ck_assert_int_eq(got.fd, -1);
	ck_assert_msg(strstr(f.text, "family") != NULL, "%s", f.text);
	close(listener);
}
END_TEST

START_TEST(refused)
{
	int port = free_port();
	struct dial d = to_host("localhost", &port, 1);
	struct fault f = FAULT_INIT;
	d.family = AF_INET;
	struct dialed got;
	ck_assert(!dial(&d, &got, &f));
	char want[100];
	snprintf(want, sizeof(want), "connect to localhost[127.0.0.1]:%d: Connection refused",
	         port);
	ck_assert_str_eq(f.text, want);
	ck_assert_int_eq(f.kind, FAULT_RELAY);
	ck_assert_int_eq(f.sys, ECONNREFUSED);
	ck_assert_int_eq(got.fd, -1);
}
END_TEST

START_TEST(ports_in_turn)
{
	int good, listener = listen_on("127.0.0.1", 5, &good);
	int ports[] = {free_port(), good};
	struct dial d = to_host("127.0.0.1", ports, 2);
	struct fault f = FAULT_INIT;
	struct dialed got;
	ck_assert_msg(dial(&d, &got, &f), "%s", f.text);
	ck_assert_int_eq(got.port, good);
	/* A refusal is not waited for. */
	ck_assert_int_eq(polled.in_vain, 0);
	close(got.fd);
	close(listener);
}
END_TEST

START_TEST(avoids)
{
	int good, listener = listen_on("127.0.0.1", 5, &good);
	int ports[] = {good, free_port()};
	struct dial d = to_host("127.0.0.1", ports, 1);
	struct fault f = FAULT_INIT;
	char peer[80];
	const char *avoid[] = {"192.0.2.1:25", peer};
	snprintf(peer, sizeof(peer), "127.0.0.1:%d", good);
	d.avoid = avoid;
	d.avoid_count = 2;
	struct dialed got;
	ck_assert(!dial(&d, &got, &f));
	ck_assert_int_eq(f.kind, FAULT_RELAY);
	ck_assert_str_eq(f.text, "connect to 127.0.0.1: failed before in this run");
	d.port_count = 2;
	ck_assert(!dial(&d, &got, &f));
	ck_assert_int_eq(f.sys, ECONNREFUSED);
	d.avoid_count = 1;
	ck_assert(dial(&d, &got, &f));
	close(got.fd);
	close(listener);
}
END_TEST

START_TEST(source)
{
	int port, listener = listen_on("127.0.0.1", 5, &port), fd;
	struct dial d = to_host("127.0.0.1", &port, 1);
	struct host_address own;
	struct sockaddr_in from;
	socklen_t len = sizeof(from);
	struct fault f = FAULT_INIT;
	ck_assert(host_bare(STR("127.0.0.9"), &own));
	d.source = &own;
	struct dialed got;
	ck_assert_msg(dial(&d, &got, &f), "%s", f.text);
	fd = accept(listener, (struct sockaddr *)&from, &len);
	char text[INET_ADDRSTRLEN];
	ck_assert_ptr_nonnull(inet_ntop(AF_INET, &from.sin_addr, text, sizeof(text)));
	ck_assert_str_eq(text, "127.0.0.9");
	close(fd);
	close(got.fd);
	ck_assert(host_bare(STR("::1"), &own));
	ck_assert(!dial(&d, &got, &f));
	ck_assert_msg(strstr(f.text, "source") != NULL, "%s", f.text);
	ck_assert(host_bare(STR("192.0.2.1"), &own)); /* not one of this host's */
	ck_assert(!dial(&d, &got, &f));
	ck_assert_int_eq(f.sys, EADDRNOTAVAIL);
	ck_assert(host_bare(STR("fe80::1%no-such-one"), &own));
	ck_assert(!dial(&d, &got, &f));
	ck_assert_str_eq(f.text, "source: fe80::1%no-such-one: this host has no network "
	                         "interface no-such-one");
	own = (struct host_address){.family = 0};
	ck_assert(dial(&d, &got, &f)); /* none is wanted */
	close(got.fd);
	close(listener);
}
END_TEST

static struct sockaddr_storage v4_at(const char *address, int port)
{
	struct sockaddr_storage at = {0};
	struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
	ck_assert_int_eq(inet_pton(AF_INET, address, &v4.sin_addr), 1);
	memcpy(&at, &v4, sizeof(v4));
	return at;
}

START_TEST(race_past_black_hole)
{
	int hole_port, good_port, fill[2], fd;
	int hole = black_hole("127.0.0.2", &hole_port, fill);
	int listener = listen_on("127.0.0.1", 5, &good_port);
	struct sockaddr_storage at[] = {v4_at("127.0.0.2", hole_port),
	                                v4_at("127.0.0.2", hole_port),
	                                v4_at("127.0.0.1", good_port)};
	struct eyeballs r = {.at = at, .count = 3, .deadline = clock_deadline(LONG_MS)};
	struct fault f = FAULT_INIT;
	int64_t before = clock_mono_ms();
	size_t index;
	ck_assert_msg(eyeballs_run(&r, &fd, &index, &f), "%s", f.text);
	int64_t took = clock_mono_ms() - before;
	ck_assert_uint_eq(index, 2);
	ck_assert_int_ge(took, 2 * EYEBALLS_STAGGER_MS - 10);
	/* What came after two waits needed no third. */
	ck_assert_int_le(polled.in_vain, 2);
	close(fd);
	close(fill[0]);
	close(fill[1]);
	close(hole);
	close(listener);
}
END_TEST

/* A hundred of them share one deadline, and no descriptor is left over. */
START_TEST(all_black_holes)
{
	int port, fill[2], hole = black_hole("127.0.0.2", &port, fill);
	struct sockaddr_storage at[100];
	struct eyeballs r = {.at = at, .count = 100, .deadline = clock_deadline(700)};
	struct fault f = FAULT_INIT;
	int64_t before = clock_mono_ms();
	int probe = dup(0);
	close(probe);
	for (size_t i = 0; i < 100; i++)
		at[i] = v4_at("127.0.0.2", port);
	int fd;
	size_t index;
	ck_assert(!eyeballs_run(&r, &fd, &index, &f));
	int64_t took = clock_mono_ms() - before;
	ck_assert_int_ge(took, 700);
	ck_assert_int_le(polled.longest_ms, 700);
	ck_assert_int_eq(polled.endless, 0);
	ck_assert_int_eq(f.sys, ETIMEDOUT);
	ck_assert_uint_eq(index, 0);
	int probe_after = dup(0);
	ck_assert_int_eq(probe_after, probe);
	close(probe_after);
	close(fill[0]);
	close(fill[1]);
	close(hole);
}
END_TEST

/* An unreachable network does not hide what another address said. */
START_TEST(reasons)
{
	struct sockaddr_storage at[3] = {0};
	struct sockaddr_in6 v6 = {.sin6_family = AF_INET6, .sin6_port = htons(25)};
	struct eyeballs r = {.at = at, .count = 3, .deadline = clock_deadline(LONG_MS)};
	struct fault f = FAULT_INIT;
	/* Link-local without a zone: never reachable. */
	ck_assert_int_eq(inet_pton(AF_INET6, "fe80::1", &v6.sin6_addr), 1);
	memcpy(&at[0], &v6, sizeof(v6));
	at[1] = v4_at("127.0.0.1", free_port());
	memcpy(&at[2], &v6, sizeof(v6));
	size_t index;
	int fd;
	ck_assert(!eyeballs_run(&r, &fd, &index, &f));
	ck_assert_int_eq(f.sys, ECONNREFUSED);
	ck_assert_uint_eq(index, 1);
	ck_assert_int_eq(polled.in_vain, 0);
	r.count = 1;
	ck_assert(!eyeballs_run(&r, &fd, &index, &f));
	ck_assert_int_ne(f.sys, ETIMEDOUT);
}
END_TEST

START_TEST(bad_hosts)
{
	static const struct {
		const char *host, *want;
	} table[] = {
	    {"[127.0.0.1", "not an address"},
	    {"[nonsense]", "not an address"},
	    {"fe80::1%nosuchif", "no network interface nosuchif"},
	    {"", "not a host name"},
	    {"no such name", "cannot look up"},
	};
	int port = 25;

	for (size_t i = 0; i < COUNT(table); i++) {
		struct dial d = to_host(table[i].host, &port, 1);
		struct fault f = FAULT_INIT;
		struct dialed got;
		ck_assert(!dial(&d, &got, &f));
		ck_assert_int_eq(f.kind, FAULT_RELAY);
		ck_assert_msg(strstr(f.text, table[i].want) != NULL, "%s", f.text);
	}
}
END_TEST

START_TEST(unix_socket)
{
	char path[] = "/tmp/postern-dial-XXXXXX", name[64];
	struct sockaddr_un at = {.sun_family = AF_UNIX};
	struct dial d = {.unix_path = name};
	struct fault f = FAULT_INIT;
	ck_assert_ptr_nonnull(mkdtemp(path));
	snprintf(name, sizeof(name), "%s/lmtp", path);
	memcpy(at.sun_path, name, strlen(name) + 1);
	d.deadline = clock_deadline(LONG_MS);
	struct dialed got;
	ck_assert(!dial(&d, &got, &f));
	ck_assert_int_eq(f.sys, ENOENT);
	ck_assert_int_eq(f.kind, FAULT_RELAY);
	int listener = socket(AF_UNIX, SOCK_STREAM, 0);
	ck_assert_int_eq(bind(listener, (struct sockaddr *)&at, sizeof(at)), 0);
	ck_assert_int_eq(listen(listener, 5), 0);
	ck_assert_msg(dial(&d, &got, &f), "%s", f.text);
	ck_assert_str_eq(got.address, "");
	ck_assert_str_eq(got.peer, name);
	ck_assert(fcntl(got.fd, F_GETFL) & O_NONBLOCK);
	close(got.fd);
	close(listener);
	char longer[200];
	memset(longer, 'a', sizeof(longer) - 1);
	longer[sizeof(longer) - 1] = '\0';
	d.unix_path = longer;
	ck_assert(!dial(&d, &got, &f));
	unlink(name);
	rmdir(path);
}
END_TEST

/* What the proxy is asked, what it answers, and what must come of it. */
struct talk {
	const char *host;
	const char *request;
	size_t request_len;
	const char *hello, *answer; /* NULL answer: close */
	size_t answer_len;
	const char *want; /* NULL: connected */
	int sys;
};

#define B(literal) literal, sizeof(literal) - 1

static const struct talk talks[] = {
    {"relay.example.org", B("\5\1\0\3\21relay.example.org\2\113"), "\5\0",
     B("\5\0\0\1\0\0\0\0\0\0"), NULL, 0},
    {"192.0.2.1", B("\5\1\0\1\300\0\2\1\2\113"), "\5\0", B("\5\0\0\3\4name\0\0"), NULL, 0},
    {"[2001:db8::1]", B("\5\1\0\4\40\1\15\270\0\0\0\0\0\0\0\0\0\0\0\1\2\113"), "\5\0",
     B("\5\0\0\4\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"), NULL, 0},
    {"relay.example.org", B("\5\1\0\3\21relay.example.org\2\113"), "\5\0",
     B("\5\5\0\1\0\0\0\0\0\0"), "connection refused", ECONNREFUSED},
    {"relay.example.org", B("\5\1\0\3\21relay.example.org\2\113"), "\5\0",
     B("\5\4\0\1\0\0\0\0\0\0"), "host unreachable", EHOSTUNREACH},
    {"relay.example.org", B("\5\1\0\3\21relay.example.org\2\113"), "\5\0",
     B("\5\143\0\1\0\0\0\0\0\0"), "unknown refusal", 0},
    {"relay.example.org", B("\5\1\0\3\21relay.example.org\2\113"), "\5\0",
     B("\5\0\0\7\0\0\0\0\0\0"), "nonsense", 0},
    {"relay.example.org", B("\5\1\0\3\21relay.example.org\2\113"), "\5\0", NULL, 0,
     "closed the connection", 0},
    {"relay.example.org", NULL, 0, "\5\377", NULL, 0, "wants a login", 0},
    {"relay.example.org", NULL, 0, "HT", NULL, 0, "not a SOCKS5 proxy", 0},
};

/* The proxy: exits with 0 if it was asked what it should be. */
static void be_proxy(int listener, const struct talk *talk)
{
	int fd = accept(listener, NULL, NULL);
	char bytes[300];
	if (recv(fd, bytes, 3, MSG_WAITALL) != 3 || memcmp(bytes, "\5\1\0", 3) != 0)
		_exit(2);
	if (send(fd, talk->hello, 2, 0) != 2)
		_exit(3);
	if (!talk->request)
		_exit(0);
	if (recv(fd, bytes, talk->request_len, MSG_WAITALL) != (ssize_t)talk->request_len ||
	    memcmp(bytes, talk->request, talk->request_len) != 0)
		_exit(4);
	if (!talk->answer)
		_exit(0);
	/* One byte at a time, and the server's greeting close behind. */
	for (size_t i = 0; i < talk->answer_len; i++)
		if (send(fd, talk->answer + i, 1, MSG_NOSIGNAL) != 1)
			_exit(0);
	send(fd, "220", 3, MSG_NOSIGNAL);
	_exit(0);
}

START_TEST(socks)
{
	const struct talk *talk = &talks[_i];
	int port, listener = listen_on("127.0.0.1", 5, &port), remote = 587, status;
	struct dial d = to_host(talk->host, &remote, 1);
	struct fault f = FAULT_INIT;
	struct host_port proxy = {own_host, port};
	char greeting[4] = "";
	pid_t pid = fork();
	if (pid == 0) {
		alarm(60);
		be_proxy(listener, talk);
	}
	d.proxy = &proxy;
	struct dialed got;
	if (!talk->want) {
		ck_assert_msg(dial(&d, &got, &f), "%s", f.text);
		ck_assert_int_eq(got.port, 587);
		ck_assert_int_eq(fcntl(got.fd, F_SETFL, 0), 0);
		ck_assert_int_eq(recv(got.fd, greeting, 3, MSG_WAITALL), 3);
		ck_assert_str_eq(greeting, "220");
		close(got.fd);
	} else {
		ck_assert(!dial(&d, &got, &f));
		ck_assert_int_eq(got.fd, -1);
		ck_assert_msg(strstr(f.text, talk->want) != NULL, "%s", f.text);
		ck_assert_int_eq(f.kind, FAULT_RELAY);
		ck_assert_int_eq(f.sys, talk->sys);
	}
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_int_eq(status, 0);
	close(listener);
}
END_TEST

START_TEST(socks_is_silent)
{
	int port, listener = listen_on("127.0.0.1", 5, &port), remote = 587;
	struct dial d = to_host("relay.example.org", &remote, 1);
	struct fault f = FAULT_INIT;
	struct host_port proxy = {own_host, port};
	d.proxy = &proxy;
	d.deadline = clock_deadline(150);
	struct dialed got;
	ck_assert(!dial(&d, &got, &f));
	ck_assert_int_eq(f.sys, ETIMEDOUT);
	close(listener);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("dial");
	TCase *c = unit_case(s, "dial");
	tcase_set_timeout(c, 60);
	tcase_add_test(c, connects);
	tcase_add_test(c, connects_v6);
	tcase_add_test(c, refused);
	tcase_add_test(c, ports_in_turn);
	tcase_add_test(c, avoids);
	tcase_add_test(c, source);
	tcase_add_test(c, race_past_black_hole);
	tcase_add_test(c, all_black_holes);
	tcase_add_test(c, reasons);
	tcase_add_test(c, bad_hosts);
	tcase_add_test(c, unix_socket);
	tcase_add_loop_test(c, socks, 0, COUNT(talks));
	tcase_add_test(c, socks_is_silent);
	return unit_run(s);
}
