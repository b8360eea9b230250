/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "tls_meet.h"

#include "unit.h"

/* One session with the ticket file; was it resumed? */
static bool with_ticket(const struct tls_setup *setup, const struct peer_server *server)
{
	struct fault f = FAULT_INIT;
	struct tls_trust *trust = tls_trust_new(setup, &f);
	ck_assert_msg(trust != NULL, "%s", f.text);
	pid_t pid;
	int fd;
	struct tls *t = meet(trust, server, &fd, &pid, &f);
	ck_assert_msg(t != NULL, "%s", f.text);
	bool resumed = tls_info(t)->resumed;
	char line[256];
	read_line(t, line, sizeof(line));
	ck_assert(strstr(line, resumed ? "resumed 1" : "resumed 0") != NULL);
	ck_assert_str_eq(tls_info(t)->subject, resumed ? "" : NAME);
	ck_assert_int_gt(tls_info(t)->expires, clock_wall());
	if (resumed)
		ck_assert_str_eq(tls_info(t)->trust, "resumed");
	part(t, fd, pid);
	tls_trust_free(trust);
	return resumed;
}

static void spoil(size_t at)
{
	int fd = open(ticket_path, O_RDWR);
	ck_assert_int_ge(fd, 0);
	char c;
	ck_assert_int_eq(pread(fd, &c, 1, (off_t)at), 1);
	c = (char)(c ^ 0x55);
	ck_assert_int_eq(pwrite(fd, &c, 1, (off_t)at), 1);
	close(fd);
}

START_TEST(tickets)
{
	const struct peer_spec spec = {.cn = "x", .dns = NAME};
	struct peer_cert cert = peer_make(&spec, &ca);
	gnutls_datum_t key;
	struct peer_server server = {.cert = &cert, .priority = bindings[_i].priority};
	struct tls_setup setup = by_ca(NAME);
	gnutls_session_ticket_key_generate(&key);
	gnutls_datum_t key2;
	gnutls_session_ticket_key_generate(&key2);
	server.ticket_key = &key;
	setup.ticket_file = ticket_path;
	ck_assert(!with_ticket(&setup, &server));
	struct stat st;
	ck_assert_int_eq(stat(ticket_path, &st), 0);
	ck_assert_uint_eq(st.st_mode & 07777, 0600);
	ck_assert(with_ticket(&setup, &server));
	ck_assert(with_ticket(&setup, &server));
	/* The day counts from the last time the certificate was checked. */
	struct tls_setup other = setup;
	other.wall += 86401;
	ck_assert(!with_ticket(&other, &server));
	other = setup;
	ck_assert(!with_ticket(&other, &server)); /* from the future */
	ck_assert(with_ticket(&setup, &server));
	/* Other trust: not the same ticket. */
	other = setup;
	other.priority = "NORMAL:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2";
	ck_assert(!with_ticket(&other, &server));
	ck_assert(!with_ticket(&setup, &server));
	other.priority = NULL;
	other.mode = TLS_TRUST_NONE;
	ck_assert(!with_ticket(&other, &server));
	ck_assert(!with_ticket(&setup, &server));
	ck_assert(with_ticket(&setup, &server));
	/* A server that has forgotten the key. */
	server.ticket_key = &key2;
	ck_assert(!with_ticket(&setup, &server));
	ck_assert(with_ticket(&setup, &server));
	/* Others may read it: not used. */
	ck_assert_int_eq(chmod(ticket_path, 0644), 0);
	ck_assert(!with_ticket(&setup, &server));
	ck_assert(with_ticket(&setup, &server));
	gnutls_free(key.data);
	gnutls_free(key2.data);
	peer_drop(&cert);
}
END_TEST

/* A server that gives tickets, and a client that keeps them. */
struct giver {
	struct peer_cert cert;
	gnutls_datum_t key;
	struct peer_server server;
	struct tls_setup setup;
};

static void begin(struct giver *g, const char *priority)
{
	const struct peer_spec spec = {.cn = "x", .dns = NAME};
	g->cert = peer_make(&spec, &ca);
	gnutls_session_ticket_key_generate(&g->key);
	g->server =
	    (struct peer_server){.cert = &g->cert, .priority = priority, .ticket_key = &g->key};
	g->setup = by_ca(NAME);
	g->setup.ticket_file = ticket_path;
}

static void end(struct giver *g)
{
	gnutls_free(g->key.data);
	peer_drop(&g->cert);
}

/* As many bytes go over what is there, and some of both are not believed. */
START_TEST(written_over)
{
	struct giver g;
	begin(&g, bindings[_i].priority);
	ck_assert(!with_ticket(&g.setup, &g.server));
	struct stat first, st;
	ck_assert_int_eq(stat(ticket_path, &first), 0);
	ck_assert(with_ticket(&g.setup, &g.server));
	ck_assert_int_eq(stat(ticket_path, &st), 0);
	ck_assert(st.st_size != first.st_size || st.st_ino == first.st_ino);
	char head[256];
	FILE *file = fopen(ticket_path, "re+");
	ck_assert(file && fgets(head, sizeof(head), file));
	/* The last digit of the time when it expires. */
	char *crc = strrchr(head, ' ');
	ck_assert(crc != NULL);
	crc[-1] = (char)(crc[-1] ^ 1);
	rewind(file);
	ck_assert_int_ge(fputs(head, file), 0);
	ck_assert_int_eq(fclose(file), 0);
	ck_assert(!with_ticket(&g.setup, &g.server));
	ck_assert(with_ticket(&g.setup, &g.server));
	end(&g);
}
END_TEST

/* A file that has another name, too, is perhaps no ticket: it is left, and the name is ours. */
START_TEST(second_name)
{
	gnutls_datum_t fresh;
	struct giver g;
	begin(&g, bindings[_i].priority);
	char *other = mem_printf("%s.other", ticket_path);
	gnutls_session_ticket_key_generate(&fresh);
	ck_assert(!with_ticket(&g.setup, &g.server));
	ck_assert_int_eq(link(ticket_path, other), 0);
	g.server.ticket_key = &fresh;
	ck_assert(!with_ticket(&g.setup, &g.server));
	struct stat st, now;
	ck_assert_int_eq(stat(other, &st), 0);
	ck_assert_int_eq(stat(ticket_path, &now), 0);
	ck_assert(st.st_ino != now.st_ino);
	ck_assert_uint_eq(now.st_nlink, 1);
	ck_assert_int_eq(unlink(other), 0);
	free(other);
	gnutls_free(fresh.data);
	end(&g);
}
END_TEST

/* Whatever is in the file, a session comes about, at the second try at the latest. */
START_TEST(broken_ticket)
{
	struct giver g;
	begin(&g, bindings[_i].priority);
	with_ticket(&g.setup, &g.server);
	struct stat st;
	ck_assert_int_eq(stat(ticket_path, &st), 0);
	size_t step = (size_t)st.st_size / 40 + 1;
	for (size_t at = 0; at < (size_t)st.st_size; at += step) {
		struct fault f = FAULT_INIT;
		spoil(at);
		struct tls_trust *trust = tls_trust_new(&g.setup, &f);
		pid_t pid;
		int fd;
		struct tls *t = meet(trust, &g.server, &fd, &pid, &f);
		if (!t)
			t = meet(trust, &g.server, &fd, &pid, &f);
		ck_assert_msg(t != NULL, "byte %zu: %s", at, f.text);
		part(t, fd, pid);
		tls_trust_free(trust);
		with_ticket(&g.setup, &g.server);
	}
	for (size_t len = 0; len < (size_t)st.st_size; len += step) {
		with_ticket(&g.setup, &g.server);
		ck_assert_int_eq(truncate(ticket_path, (off_t)len), 0);
		ck_assert(!with_ticket(&g.setup, &g.server));
	}
	end(&g);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("tls_ticket");
	TCase *c = unit_case(s, "tls_ticket");
	tcase_add_checked_fixture(c, make_ca, drop_ca);
	tcase_set_timeout(c, 60);
	tcase_add_loop_test(c, tickets, 0, COUNT(bindings));
	tcase_add_loop_test(c, written_over, 0, COUNT(bindings));
	tcase_add_loop_test(c, second_name, 0, COUNT(bindings));
	tcase_add_loop_test(c, broken_ticket, 0, COUNT(bindings));
	return unit_run(s);
}
