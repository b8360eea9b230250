/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "stream.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum {
	READ_SIZE = 65536,
	READ_MOST = 1 << 20 /* in one go, so that a flood does not fill the memory */
};

long long now_ms(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (long long)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

void stream_begin(struct stream *s, int fd, int stop, unsigned timeout_ms, unsigned delay_ms)
{
	const int yes = 1;
	*s = (struct stream){.fd = fd,
	                     .stop = stop,
	                     .timeout_ms = timeout_ms,
	                     .delay_ms = delay_ms,
	                     .flights = 1,
	                     .unanswered = true};
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
}

static bool ended(struct stream *s, enum stream_end how)
{
	if (s->end == STREAM_OPEN)
		s->end = how;
	return false;
}

/* Waits for the events; false: the time is over, or the relay is to end. */
static bool await(struct stream *s, short events, long long timeout_ms)
{
	struct pollfd p[2] = {{.fd = s->fd, .events = events},
	                      {.fd = s->stop, .events = POLLIN}};
	long long until = now_ms() + timeout_ms;
	for (;;) {
		long long left = until - now_ms();
		int n = poll(p, 2, left > 0 ? (int)left : 0);
		if (n > 0 && p[0].revents)
			return true;
		if (n > 0)
			return ended(s, STREAM_STOP);
		if (!n || errno != EINTR)
			return false;
	}
}

void stream_sleep(struct stream *s, unsigned ms)
{
	struct pollfd p = {.fd = s->stop, .events = POLLIN};
	if (poll(&p, 1, (int)ms) > 0)
		ended(s, STREAM_STOP);
}

static bool send_all(struct stream *s, const char *bytes, size_t len)
{
	while (len) {
		ssize_t n = send(s->fd, bytes, len, MSG_NOSIGNAL | MSG_DONTWAIT);
		if (n >= 0) {
			s->sent += (size_t)n;
			bytes += n;
			len -= (size_t)n;
		} else if (errno == EAGAIN || errno == EWOULDBLOCK) {
			if (!await(s, POLLOUT, s->timeout_ms))
				return ended(s, STREAM_TIMEOUT);
		} else if (errno != EINTR) {
			return ended(s, STREAM_RST);
		}
	}
	return true;
}

/* To the socket, in the pieces that the faults ask for. */
static bool send_out(struct stream *s, const char *bytes, size_t len)
{
	if (!len)
		return true;
	if (s->unanswered)
		s->flights++;
	s->unanswered = false;
	if (s->split_at && s->split_at < len) {
		size_t first = s->split_at;
		s->split_at = 0;
		if (!send_all(s, bytes, first))
			return false;
		stream_sleep(s, 20);
		return send_all(s, bytes + first, len - first);
	}
	if (!s->pace_ms)
		return send_all(s, bytes, len);
	for (size_t i = 0; i < len; i++) {
		if (s->end == STREAM_STOP || !send_all(s, bytes + i, 1))
			return false;
		stream_sleep(s, s->pace_ms);
	}
	return true;
}

/* The cipher suite stands behind the record head (5), the handshake head (4), the version (2),
 * the random bytes (32) and the session id. */
static void forge_cipher(struct text *wire, unsigned cipher)
{
	unsigned char *p = (unsigned char *)wire->data;
	if (wire->len < 44 || p[0] != 22 || p[5] != 2)
		return;
	size_t at = 44 + (size_t)p[43];
	if (at + 2 > wire->len)
		return;
	p[at] = (unsigned char)(cipher >> 8);
	p[at + 1] = (unsigned char)cipher;
}

static bool flush_wire(struct stream *s)
{
	bool ok = true;
	if (!s->wire.len)
		return true;
	if (s->shaking && s->cipher)
		forge_cipher(&s->wire, s->cipher);
	if (!s->shaking) {
		s->writes++;
		if (s->writes == s->corrupt)
			s->wire.data[s->wire.len - 1] ^= 1;
	}
	ok = send_out(s, s->wire.data, s->wire.len);
	if (ok && !s->shaking && s->writes == s->replay)
		ok = send_out(s, s->wire.data, s->wire.len);
	text_clear(&s->wire);
	return ok;
}

/* Reads what the socket has: the bytes, 0 at the end, -1 with errno. */
static ssize_t read_socket(struct stream *s, void *bytes, size_t len)
{
	ssize_t n;
	do {
		n = recv(s->fd, bytes, len, MSG_DONTWAIT);
	} while (n < 0 && errno == EINTR);
	if (n > 0) {
		s->received += (size_t)n;
		s->unanswered = true;
	}
	return n;
}

static ssize_t tls_push(gnutls_transport_ptr_t where, const void *bytes, size_t len)
{
	struct stream *s = where;
	text_add(&s->wire, bytes, len);
	return (ssize_t)len;
}

static ssize_t tls_pull(gnutls_transport_ptr_t where, void *bytes, size_t len)
{
	struct stream *s = where;
	if (!flush_wire(s)) {
		gnutls_transport_set_errno(s->tls, ECONNRESET);
		return -1;
	}
	ssize_t n = read_socket(s, bytes, len);
	if (n < 0)
		gnutls_transport_set_errno(s->tls, errno);
	return n;
}

static int tls_wait(gnutls_transport_ptr_t where, unsigned ms)
{
	struct stream *s = where;
	if (!flush_wire(s))
		return -1;
	return await(s, POLLIN, ms == GNUTLS_INDEFINITE_TIMEOUT ? s->timeout_ms : ms);
}

bool stream_handshake(struct stream *s, gnutls_session_t tls, int *error)
{
	long long until = now_ms() + s->timeout_ms;
	s->tls = tls;
	s->shaking = true;
	gnutls_transport_set_ptr(tls, s);
	gnutls_transport_set_push_function(tls, tls_push);
	gnutls_transport_set_pull_function(tls, tls_pull);
	gnutls_transport_set_pull_timeout_function(tls, tls_wait);
	int rc;
	for (;;) {
		rc = gnutls_handshake(tls);
		flush_wire(s);
		if (rc == GNUTLS_E_AGAIN || rc == GNUTLS_E_INTERRUPTED) {
			if (!await(s, POLLIN, until - now_ms())) {
				rc = GNUTLS_E_TIMEDOUT;
				break;
			}
		} else if (rc == 0 || gnutls_error_is_fatal(rc)) {
			break;
		}
	}
	*error = rc;
	if (rc == 0 && gnutls_protocol_get_version(tls) >= GNUTLS_TLS1_3) {
		bool was = s->unanswered;
		gnutls_session_ticket_send(tls, 1, 0);
		s->unanswered = false;
		flush_wire(s);
		s->unanswered = was;
	}
	s->shaking = false;
	if (rc)
		return ended(s, rc == GNUTLS_E_TIMEDOUT ? STREAM_TIMEOUT : STREAM_TLS);
	return s->end == STREAM_OPEN;
}

bool stream_flush(struct stream *s)
{
	/* A client that has shut down its side may still read. */
	bool ok = s->end == STREAM_OPEN || s->end == STREAM_EOF;
	if (ok && s->tls) {
		for (size_t at = 0; ok && at < s->out.len;) {
			ssize_t n =
			    gnutls_record_send(s->tls, s->out.data + at, s->out.len - at);

			if (n < 0 && gnutls_error_is_fatal((int)n))
				ok = ended(s, STREAM_TLS);
			else if (n > 0)
				at += (size_t)n;
		}
		ok = ok && flush_wire(s);
	} else if (ok) {
		ok = send_out(s, s->out.data, s->out.len);
	}
	text_clear(&s->out);
	s->reply_at = 0;
	return ok;
}

/* One read: 1: bytes were added, 0: nothing there now, -1: over. */
static int read_once(struct stream *s)
{
	char *room = text_room(&s->in, READ_SIZE);
	ssize_t n = s->tls ? gnutls_record_recv(s->tls, room, READ_SIZE)
	                   : read_socket(s, room, READ_SIZE);
	if (n > 0) {
		text_grow(&s->in, (size_t)n);
		return 1;
	}
	if (!n || (s->tls && n == GNUTLS_E_PREMATURE_TERMINATION)) {
		ended(s, STREAM_EOF);
		return -1;
	}
	if (s->tls) {
		if (!gnutls_error_is_fatal((int)n))
			return 0;
		ended(s, n == GNUTLS_E_PULL_ERROR ? STREAM_RST : STREAM_TLS);
		return -1;
	}
	if (errno == EAGAIN || errno == EWOULDBLOCK)
		return 0;
	ended(s, STREAM_RST);
	return -1;
}

/* All that is there: true if it was anything. An end that comes behind bytes is kept. */
static bool read_all(struct stream *s)
{
	size_t before = s->in.len;
	while (s->in.len - before < READ_MOST && read_once(s) > 0)
		continue;
	return s->in.len > before;
}

bool stream_fill(struct stream *s)
{
	if (s->end != STREAM_OPEN) {
		stream_flush(s);
		return false;
	}
	if (s->out.len && s->delay_ms) {
		if (!s->reply_at)
			s->reply_at = now_ms() + s->delay_ms;
		long long left = s->reply_at - now_ms();
		if (left > 0 && await(s, POLLIN, left) && read_all(s))
			return true;
	}
	if (s->out.len && !stream_flush(s))
		return false;
	for (;;) {
		if (read_all(s))
			return true;
		if (s->end != STREAM_OPEN)
			return false;
		if (!await(s, POLLIN, s->timeout_ms))
			return ended(s, STREAM_TIMEOUT);
	}
}

bool stream_pending(struct stream *s)
{
	if (s->end == STREAM_OPEN)
		read_all(s);
	return s->in.len > 0;
}

void stream_outlast(struct stream *s, bool read_on)
{
	while (s->end == STREAM_OPEN) {
		if (!await(s, read_on ? POLLIN : POLLRDHUP, s->timeout_ms)) {
			ended(s, STREAM_TIMEOUT);
		} else if (read_on) {
			read_all(s);
			text_clear(&s->in);
		} else {
			int error = 0;
			socklen_t len = sizeof error;
			getsockopt(s->fd, SOL_SOCKET, SO_ERROR, &error, &len);
			ended(s, error ? STREAM_RST : STREAM_EOF);
		}
	}
}

void stream_close(struct stream *s, bool bye)
{
	if (s->tls && bye && s->end == STREAM_OPEN) {
		gnutls_bye(s->tls, GNUTLS_SHUT_WR);
		flush_wire(s);
	}
	char unread[READ_SIZE];
	/* Bytes left in the socket would turn the FIN into a reset. */
	while (s->fd >= 0 && recv(s->fd, unread, sizeof unread, MSG_DONTWAIT) > 0)
		continue;
	if (s->fd >= 0)
		close(s->fd);
	s->fd = -1;
	ended(s, STREAM_OURS);
}

void stream_reset(struct stream *s)
{
	const struct linger none = {.l_onoff = 1, .l_linger = 0};
	setsockopt(s->fd, SOL_SOCKET, SO_LINGER, &none, sizeof none);
	close(s->fd);
	s->fd = -1;
	ended(s, STREAM_OURS);
}

void stream_free(struct stream *s)
{
	if (s->tls)
		gnutls_deinit(s->tls);
	text_free(&s->in);
	text_free(&s->out);
	text_free(&s->wire);
}
