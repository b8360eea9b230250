/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "net/peer.h"

#include <arpa/inet.h>
#include <check.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "net/address.h"
#include "unit.h"

#define OTHER_USER 60777

static int listener, server, client; /* -1: not open */

static void set_up(void)
{
	listener = server = client = -1;
}

static void tear_down(void)
{
	const int fds[] = {listener, server, client};
	for (size_t i = 0; i < COUNT(fds); i++)
		if (fds[i] >= 0)
			close(fds[i]);
}

static struct sockaddr_storage address(const char *text)
{
	struct host_address a;
	struct sockaddr_storage at;
	struct fault f = FAULT_INIT;
	ck_assert(host_bare(str_of(text), &a));
	ck_assert(address_fill(&a, 0, &at, &f));
	return at;
}

/* False: this machine has no such address. */
static bool listen_on(const char *text)
{
	struct sockaddr_storage at = address(text);
	socklen_t len = address_len(&at);
	int off = 0;
	listener = socket(at.ss_family, SOCK_STREAM, 0);
	if (listener < 0)
		return false;
	if (at.ss_family == AF_INET6)
		setsockopt(listener, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off));
	return bind(listener, (struct sockaddr *)&at, len) == 0 && listen(listener, 4) == 0;
}

/* From that address, or from any, to the one of "to" at the port that is listened on. */
static void meet(const char *from, const char *to)
{
	struct sockaddr_storage at = address(to), own;
	socklen_t len = sizeof(own);
	ck_assert_int_eq(getsockname(listener, (struct sockaddr *)&own, &len), 0);
	address_set_port(&at, address_port(&own));
	client = socket(at.ss_family, SOCK_STREAM, 0);
	if (from) {
		struct sockaddr_storage near = address(from);
		ck_assert_int_eq(bind(client, (struct sockaddr *)&near, address_len(&near)), 0);
	}
	ck_assert_int_eq(connect(client, (struct sockaddr *)&at, address_len(&at)), 0);
	server = accept(listener, NULL, NULL);
	ck_assert_int_ge(server, 0);
}

static void check_user(uid_t want)
{
	struct fault f = FAULT_INIT;
	uid_t user = (uid_t)-1;
	ck_assert_int_eq(peer_kind(server), PEER_NETWORK);
	ck_assert_msg(peer_user(server, PEER_NETWORK, &user, &f), "%s", f.text);
	ck_assert_uint_eq(user, want);
}

static void check_refused(const char *why)
{
	struct fault f = FAULT_INIT;
	uid_t user = (uid_t)-1;
	ck_assert(!peer_user(server, PEER_NETWORK, &user, &f));
	ck_assert_int_eq(f.kind, FAULT_NOPERM);
	ck_assert_msg(strstr(f.text, why) != NULL, "%s", f.text);
}

static const struct meeting {
	const char *listens, *from, *to;
	const char *name; /* of the client, up to its port */
} meetings[] = {
    {"127.0.0.1", NULL, "127.0.0.1", "127.0.0.1:"},
    {"127.0.0.1", "127.9.8.7", "127.0.0.1", "127.9.8.7:"},
    {"127.3.2.1", NULL, "127.3.2.1", "127."},
    {"0.0.0.0", NULL, "127.0.0.1", "127.0.0.1:"},
    {"::1", NULL, "::1", "[::1]:"},
    {"::", NULL, "::1", "[::1]:"},
    {"::", NULL, "127.0.0.1", "127.0.0.1:"},
    {"::", NULL, "::ffff:127.0.0.1", "127.0.0.1:"},
    {"127.0.0.1", NULL, "::ffff:127.0.0.1", "127.0.0.1:"},
};

START_TEST(the_user_of_the_other_socket)
{
	const struct meeting *m = &meetings[_i];
	char name[PEER_NAME_MAX];
	if (!listen_on(m->listens))
		return;
	meet(m->from, m->to);
	check_user(getuid());
	peer_name(server, name);
	ck_assert_msg(strncmp(name, m->name, strlen(m->name)) == 0, "%s", name);
	/* What was written does not matter. */
	ck_assert_int_eq(write(client, "x", 1), 1);
	check_user(getuid());
}
END_TEST

/* The socket counts, whoever has it now. */
START_TEST(the_one_who_made_the_socket)
{
	if (getuid() != 0 || !listen_on("127.0.0.1"))
		return;
	struct sockaddr_storage at;
	socklen_t len = sizeof(at);
	ck_assert_int_eq(getsockname(listener, (struct sockaddr *)&at, &len), 0);
	int ready[2];
	ck_assert_int_eq(pipe(ready), 0);
	pid_t pid = fork();
	if (pid == 0) {
		char byte;
		close(ready[1]);
		if (setuid(OTHER_USER) != 0)
			_exit(1);
		int s = socket(AF_INET, SOCK_STREAM, 0);
		if (connect(s, (struct sockaddr *)&at, len) != 0)
			_exit(1);
		_exit(read(ready[0], &byte, 1) != 0);
	}
	server = accept(listener, NULL, NULL);
	check_user(OTHER_USER);
	int status;
	close(ready[1]);
	close(ready[0]);
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_int_eq(status, 0);
	/* Its process has ended, and the socket is nobody's: above all not root's. */
	check_refused("this connection");
}
END_TEST

START_TEST(a_client_that_has_closed_is_nobody)
{
	if (!listen_on("127.0.0.1"))
		return;
	meet(NULL, "127.0.0.1");
	close(client);
	client = -1;
	check_refused("no program of this machine");
}
END_TEST

START_TEST(a_client_that_has_half_closed_is_nobody)
{
	if (!listen_on("127.0.0.1"))
		return;
	meet(NULL, "127.0.0.1");
	ck_assert_int_eq(shutdown(client, SHUT_WR), 0);
	check_refused("no program of this machine");
}
END_TEST

/* The client goes without a word, or with one, and another has its port at once. */
static bool take_its_port(const char *word)
{
	const struct linger reset = {.l_onoff = 1};
	struct sockaddr_storage at;
	socklen_t len = sizeof(at);
	int on = 1;
	ck_assert_int_eq(getsockname(client, (struct sockaddr *)&at, &len), 0);
	ck_assert_int_eq(write(client, word, strlen(word)), (ssize_t)strlen(word));
	ck_assert_int_eq(setsockopt(client, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset)), 0);
	close(client);
	client = socket(AF_INET, SOCK_STREAM, 0);
	setsockopt(client, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	return bind(client, (struct sockaddr *)&at, len) == 0;
}

/* Some other program of this machine may be faster. */
static void meet_and_take_its_port(const char *word)
{
	meet(NULL, "127.0.0.1");
	for (int i = 0; !take_its_port(word); i++) {
		ck_assert_int_lt(i, 100);
		close(client);
		close(server);
		meet(NULL, "127.0.0.1");
	}
}

/* Its port is another's, who listens there. */
START_TEST(a_client_that_was_reset_is_nobody)
{
	if (!listen_on("127.0.0.1"))
		return;
	meet_and_take_its_port("");
	ck_assert_int_eq(listen(client, 1), 0);
	check_refused("connection");
}
END_TEST

/* Another connection from the very same port, while we still have the first. */
START_TEST(a_port_that_was_used_again_is_not_the_first_one)
{
	struct sockaddr_storage to;
	socklen_t len = sizeof(to);
	if (!listen_on("127.0.0.1"))
		return;
	meet_and_take_its_port("QUIT\r\n");
	ck_assert_int_eq(getsockname(listener, (struct sockaddr *)&to, &len), 0);
	ck_assert_int_eq(connect(client, (struct sockaddr *)&to, len), 0);
	check_refused("connection");
	close(server);
	server = accept(listener, NULL, NULL);
	check_user(getuid());
}
END_TEST

START_TEST(what_is_no_connection)
{
	char path[] = "/tmp/test_peer.XXXXXX";
	int pair[2];
	ck_assert_int_eq(pipe(pair), 0);
	ck_assert_int_eq(peer_kind(pair[0]), PEER_NONE);
	close(pair[0]);
	close(pair[1]);
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	ck_assert_int_eq(peer_kind(pair[0]), PEER_NONE);
	ck_assert_int_eq(peer_kind(pair[1]), PEER_NONE);
	close(pair[0]);
	close(pair[1]);
	int file = mkstemp(path);
	ck_assert_int_eq(peer_kind(file), PEER_NONE);
	close(file);
	unlink(path);
	ck_assert_int_eq(peer_kind(-1), PEER_NONE);
}
END_TEST

START_TEST(a_unix_socket_with_a_name)
{
	char folder[] = "/tmp/test_peer.XXXXXX", name[PEER_NAME_MAX];
	struct sockaddr_un at = {.sun_family = AF_UNIX};
	struct fault f = FAULT_INIT;
	uid_t user = (uid_t)-1;
	ck_assert_ptr_nonnull(mkdtemp(folder));
	snprintf(at.sun_path, sizeof(at.sun_path), "%s/s", folder);
	listener = socket(AF_UNIX, SOCK_STREAM, 0);
	client = socket(AF_UNIX, SOCK_STREAM, 0);
	ck_assert_int_eq(bind(listener, (struct sockaddr *)&at, sizeof(at)), 0);
	ck_assert_int_eq(listen(listener, 1), 0);
	ck_assert_int_eq(connect(client, (struct sockaddr *)&at, sizeof(at)), 0);
	server = accept(listener, NULL, NULL);
	unlink(at.sun_path);
	rmdir(folder);
	ck_assert_int_eq(peer_kind(server), PEER_UNIX);
	ck_assert_int_eq(peer_kind(client), PEER_NONE);
	ck_assert(peer_user(server, PEER_UNIX, &user, &f));
	ck_assert_uint_eq(user, getuid());
	peer_name(server, name);
	ck_assert_str_eq(name, "");
}
END_TEST

/* Sockets of the network that are no TCP connection, or not one within this machine. */
START_TEST(other_sockets)
{
	int udp = socket(AF_INET, SOCK_DGRAM, 0);
	struct sockaddr_storage at = address("127.0.0.1");
	socklen_t len = address_len(&at);
	server = udp;
	check_refused("cannot be told");
	ck_assert_int_eq(bind(udp, (struct sockaddr *)&at, len), 0);
	ck_assert_int_eq(getsockname(udp, (struct sockaddr *)&at, &len), 0);
	ck_assert_int_eq(connect(udp, (struct sockaddr *)&at, len), 0);
	check_refused("");
	at = address("192.0.2.1");
	address_set_port(&at, 25);
	close(udp);
	server = socket(AF_INET, SOCK_DGRAM, 0);
	if (connect(server, (struct sockaddr *)&at, address_len(&at)) == 0)
		check_refused("loopback");
}
END_TEST

int main(void)
{
	Suite *s = suite_create("peer");
	TCase *t = unit_case(s, "network");
	tcase_add_checked_fixture(t, set_up, tear_down);
#ifdef __linux__
	tcase_add_loop_test(t, the_user_of_the_other_socket, 0, COUNT(meetings));
	tcase_add_test(t, the_one_who_made_the_socket);
	tcase_add_test(t, a_client_that_has_closed_is_nobody);
	tcase_add_test(t, a_client_that_has_half_closed_is_nobody);
	tcase_add_test(t, a_client_that_was_reset_is_nobody);
	tcase_add_test(t, a_port_that_was_used_again_is_not_the_first_one);
#endif
	tcase_add_test(t, other_sockets);
	t = unit_case(s, "others");
	tcase_add_checked_fixture(t, set_up, tear_down);
	tcase_add_test(t, what_is_no_connection);
	tcase_add_test(t, a_unix_socket_with_a_name);
	return unit_run(s);
}
