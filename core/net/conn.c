/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "net/conn.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "os/clock.h"
#include "net/tls_parts.h"

static const char writing[] = "write to the server";

struct conn {
	int fd;
	bool talked; /* bytes have gone one way or the other */
	struct tls *tls;
	struct tls *refused; /* its handshake failed */
	bool clear;          /* the server spoke SMTP where it was to begin */
};

struct conn *conn_new(int fd)
{
	struct conn *c = mem_alloc(sizeof(*c));
	c->fd = fd;
	return c;
}

void conn_free(struct conn *c)
{
	if (!c)
		return;
	tls_free(c->tls);
	tls_free(c->refused);
	close(c->fd);
	free(c);
}

bool conn_literal(const struct conn *c, char to[CONN_LITERAL_MAX])
{
	struct sockaddr_storage at = {0};
	socklen_t len = sizeof(at);
	const char *tag = "";
	if (getsockname(c->fd, (struct sockaddr *)&at, &len) != 0)
		return false;
	struct sockaddr_in6 v6;
	memcpy(&v6, &at, sizeof(v6));
	struct in_addr v4;
	char text[INET6_ADDRSTRLEN];
	if (at.ss_family == AF_INET6 && !IN6_IS_ADDR_V4MAPPED(&v6.sin6_addr)) {
		tag = "IPv6:";
		inet_ntop(AF_INET6, &v6.sin6_addr, text, sizeof(text));
	} else if (at.ss_family == AF_INET6 || at.ss_family == AF_INET) {
		memcpy(&v4,
		       at.ss_family == AF_INET6
		           ? (const char *)&v6.sin6_addr + 12
		           : (const char *)&at + offsetof(struct sockaddr_in, sin_addr),
		       sizeof(v4));
		inet_ntop(AF_INET, &v4, text, sizeof(text));
	} else {
		return false;
	}
	snprintf(to, CONN_LITERAL_MAX, "[%s%s]", tag, text);
	return true;
}

static bool wait_for(int fd, short events, int64_t deadline, const char *what, struct fault *f)
{
	for (;;) {
		struct pollfd ready = {.fd = fd, .events = events};
		int n = poll(&ready, 1, clock_left_ms(deadline));
		if (n > 0)
			return true;
		if (n < 0 && errno != EINTR)
			return fault_sys(f, FAULT_RELAY, errno, "%s", what);
		if (n == 0 && clock_left_ms(deadline) == 0)
			return fault_sys(f, FAULT_RELAY, ETIMEDOUT, "%s", what);
	}
}

static bool is_not_ready(int sys)
{
	return sys == EAGAIN || sys == EWOULDBLOCK;
}

static bool read_clear(struct conn *c, char *to, size_t len, size_t *got, int64_t deadline,
                       struct fault *f)
{
	for (;;) {
		ssize_t n = recv(c->fd, to, len, 0);
		if (n >= 0) {
			*got = (size_t)n;
			return true;
		}
		if (is_not_ready(errno)) {
			if (!wait_for(c->fd, POLLIN, deadline, "read from the server", f))
				return false;
		} else if (errno != EINTR) {
			return fault_sys(f, FAULT_RELAY, errno, "read from the server");
		}
	}
}

bool conn_read(struct conn *c, char *to, size_t len, size_t *got, int64_t deadline,
               struct fault *f)
{
	*got = 0;
	c->talked = true;
	return c->tls ? tls_read(c->tls, to, len, got, deadline, f)
	              : read_clear(c, to, len, got, deadline, f);
}

bool conn_write(struct conn *c, struct str bytes, int64_t stall_ms, int64_t limit,
                struct fault *f)
{
	int64_t deadline = clock_sooner(clock_deadline(stall_ms), limit);
	c->talked = true;
	if (c->tls)
		return tls_write(c->tls, bytes, stall_ms, limit, f);
	while (bytes.len > 0) {
		ssize_t n = send(c->fd, bytes.at, bytes.len, MSG_NOSIGNAL);
		if (n >= 0) {
			bytes = str_from(bytes, (size_t)n);
			deadline = clock_sooner(clock_deadline(stall_ms), limit);
		} else if (is_not_ready(errno)) {
			/* However little it takes, it is ready again and again. */
			if (clock_left_ms(limit) == 0)
				return fault_sys(f, FAULT_RELAY, ETIMEDOUT, "%s", writing);
			if (!wait_for(c->fd, POLLOUT, deadline, writing, f))
				return false;
		} else if (errno != EINTR) {
			return fault_sys(f, FAULT_RELAY, errno, "%s", writing);
		}
	}
	return true;
}

size_t conn_pending(struct conn *c)
{
	int waiting = 0;
	if (c->tls || ioctl(c->fd, FIONREAD, &waiting) != 0 || waiting < 0)
		return 0;
	return (size_t)waiting;
}

/* Bytes that came before TLS could begin. */
static bool refuse_early(struct conn *c, struct fault *f)
{
	char first[TLS_FIRST_LEN];
	ssize_t n = recv(c->fd, first, sizeof(first), MSG_PEEK);
	c->clear = !c->talked && n > 0 && tls_is_clear(str_make(first, (size_t)n), f);
	if (c->clear)
		return false;
	return fault_set(f, FAULT_PROTOCOL, "the server sent data before TLS began");
}

bool conn_start_tls(struct conn *c, struct tls_trust *trust, int64_t deadline, struct fault *f)
{
	if (c->tls || c->refused)
		return fault_set(f, FAULT_PROTOCOL, "TLS has begun already");
	if (conn_pending(c) > 0)
		return refuse_early(c, f);
	struct tls *t = tls_new(c->fd, trust, f);
	if (!t)
		return false;
	if (!tls_handshake(t, deadline, f)) {
		c->refused = t;
		return false;
	}
	c->tls = t;
	return true;
}

const struct tls_info *conn_tls(const struct conn *c)
{
	return c->tls ? tls_info(c->tls) : NULL;
}

const struct tls_info *conn_tls_refused(const struct conn *c)
{
	return c->refused ? tls_info(c->refused) : NULL;
}

enum tls_flaw conn_tls_flaw(const struct conn *c)
{
	if (c->clear)
		return TLS_FLAW_CLEAR;
	return c->refused ? tls_info(c->refused)->flaw : TLS_FLAW_NONE;
}

void conn_goodbye(struct conn *c, int64_t deadline)
{
	if (!c->tls)
		return;
	tls_keep_ticket(c->tls);
	tls_goodbye(c->tls, deadline);
}
