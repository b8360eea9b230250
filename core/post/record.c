/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "post/record.h"

#include <errno.h>
#include <poll.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/uio.h>

/* After a call failed: 0 when it may be made again, or errno. */
static int wait_for(int fd, short events, int idle_ms)
{
	struct pollfd p = {.fd = fd, .events = events};
	if (errno != EAGAIN && errno != EWOULDBLOCK)
		return errno == EINTR ? 0 : errno;
	int n = poll(&p, 1, idle_ms);
	return n > 0 || (n < 0 && errno == EINTR) ? 0 : n == 0 ? ETIMEDOUT : errno;
}

int record_write(int fd, enum record_kind kind, const void *payload, size_t len, int idle_ms)
{
	char head[RECORD_HEAD] = {(char)kind, (char)(len >> 24), (char)(len >> 16),
	                          (char)(len >> 8), (char)len};
	for (size_t done = 0; done < RECORD_HEAD + len;) {
		size_t in_head = done < RECORD_HEAD ? done : RECORD_HEAD, in = done - in_head;
		struct iovec parts[] = {{head + in_head, RECORD_HEAD - in_head},
		                        {(char *)payload + in, len - in}};
		struct msghdr m = {.msg_iov = parts, .msg_iovlen = 2};
		ssize_t n = sendmsg(fd, &m, MSG_DONTWAIT | MSG_NOSIGNAL);
		int sys = n < 0 ? wait_for(fd, POLLOUT, idle_ms) : 0;
		if (sys)
			return sys;
		done += n > 0 ? (size_t)n : 0;
	}
	return 0;
}

/* The length that a complete head tells, as it came: it is compared before it is added to
 * anything, for a size_t may have no more bits than it has. */
static uint32_t told_length(const unsigned char head[RECORD_HEAD])
{
	return (uint32_t)head[1] << 24 | (uint32_t)head[2] << 16 | (uint32_t)head[3] << 8 |
	       head[4];
}

enum record_result record_read(struct record_reader *r, int fd, int idle_ms, struct record *out)
{
	for (;;) {
		uint32_t len = 0;
		if (r->have >= RECORD_HEAD)
			len = told_length((const unsigned char *)r->space);
		if (len > RECORD_MAX)
			return RECORD_BAD;
		size_t want = RECORD_HEAD + (size_t)len, room = sizeof(r->space) - 1 - r->have;
		if (r->have >= RECORD_HEAD && r->have == want) {
			r->space[want] = '\0';
			*out = (struct record){r->space[0], r->space + RECORD_HEAD, len};
			r->have = 0;
			return RECORD_OK;
		}
		size_t more = want - r->have < room ? want - r->have : room;
		ssize_t n = recv(fd, r->space + r->have, more, MSG_DONTWAIT);
		if (n == 0)
			return RECORD_EOF;
		r->have += n > 0 ? (size_t)n : 0;
		errno = n < 0 ? wait_for(fd, POLLIN, idle_ms) : 0;
		if (errno)
			return errno == ETIMEDOUT ? RECORD_SILENT : RECORD_FAILED;
	}
}
