/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * tls_meet - what the tests of net/tls share: a CA in a folder of its own, and
 * a session from its beginning to its end
 */
#ifndef TESTS_TLS_MEET_H
#define TESTS_TLS_MEET_H

#include <check.h>
#include <stdlib.h>
#include <unistd.h>

#include "os/clock.h"
#include "net/tls.h"
#include "polled.h"
#include "tls_peer.h"

#define COUNT(table) (int)(sizeof(table) / sizeof((table)[0]))
#define NAME         "relay.example.org"

static struct peer_cert ca;
static char dir[32];
static char ca_path[64], ticket_path[64], cert_path[64], key_path[64];

static inline void make_ca(void)
{
	const struct peer_spec spec = {.cn = "Test CA", .ca = true};
	snprintf(dir, sizeof(dir), "/tmp/postern-tls-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(dir));
	snprintf(ca_path, sizeof(ca_path), "%s/ca.pem", dir);
	snprintf(ticket_path, sizeof(ticket_path), "%s/ticket", dir);
	snprintf(cert_path, sizeof(cert_path), "%s/cert.pem", dir);
	snprintf(key_path, sizeof(key_path), "%s/key.pem", dir);
	ca = peer_make(&spec, NULL);
	peer_write_pem(ca_path, &ca, false);
}

static inline void drop_ca(void)
{
	peer_drop(&ca);
	unlink(ca_path);
	unlink(ticket_path);
	unlink(cert_path);
	unlink(key_path);
	rmdir(dir);
}

static inline struct tls_setup by_ca(const char *name)
{
	return (struct tls_setup){
	    .mode = TLS_TRUST_FILE, .ca_file = ca_path, .name = name, .wall = clock_wall()};
}

/* Reads one line from the server. */
static inline void read_line(struct tls *t, char *to, size_t size)
{
	size_t len = 0;
	for (;;) {
		struct fault f = FAULT_INIT;
		ck_assert_uint_lt(len, size - 1);
		size_t got;
		ck_assert_msg(tls_read(t, to + len, 1, &got, clock_deadline(LONG_MS), &f), "%s",
		              f.text);
		ck_assert_uint_eq(got, 1);
		if (to[len] == '\n')
			break;
		len++;
	}
	to[len] = '\0';
}

/* One handshake; the session, or NULL with the reason in *f. */
static inline struct tls *meet(struct tls_trust *trust, const struct peer_server *server,
                               int *fd, pid_t *pid, struct fault *f)
{
	*fd = peer_start(server, pid);
	struct tls *t = tls_new(*fd, trust, f);
	ck_assert_ptr_nonnull(t);
	if (tls_handshake(t, clock_deadline(LONG_MS), f))
		return t;
	tls_free(t);
	close(*fd);
	peer_end(*pid);
	return NULL;
}

static inline void part(struct tls *t, int fd, pid_t pid)
{
	tls_keep_ticket(t);
	tls_goodbye(t, clock_deadline(1000));
	tls_free(t);
	close(fd);
	peer_end(pid);
}

static const struct {
	const char *priority, *protocol, *type;
} bindings[] = {
    {"NORMAL:-VERS-ALL:+VERS-TLS1.3", "TLS1.3", "tls-exporter"},
    {"NORMAL:-VERS-ALL:+VERS-TLS1.2", "TLS1.2", "tls-unique"},
};

#endif
