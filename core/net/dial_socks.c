/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "net/dial_socks.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

#include "os/wait.h"

#define VERSION      5
#define NO_LOGIN     0
#define CONNECT      1
#define ADDRESS_V4   1
#define ADDRESS_NAME 3
#define ADDRESS_V6   4
#define NAME_MAX_LEN 255
#define REQUEST_MAX  (4 + 1 + NAME_MAX_LEN + 2)

/* RFC 1928 section 6, with the errno that comes nearest. */
static const struct {
	const char *text;
	int sys;
} refusals[] = {
    {"succeeded", 0},
    {"general failure of the proxy", 0},
    {"not allowed by the proxy's rules", EACCES},
    {"network unreachable", ENETUNREACH},
    {"host unreachable", EHOSTUNREACH},
    {"connection refused", ECONNREFUSED},
    {"the proxy's time to live ended", ETIMEDOUT},
    {"the proxy does not know the command", 0},
    {"the proxy does not know that kind of address", 0},
};

static bool failed(struct fault *f, int sys)
{
	return fault_sys(f, FAULT_RELAY, sys, "SOCKS5");
}

static bool wait_for(int fd, short events, int64_t deadline, struct fault *f)
{
	int sys = wait_until(fd, events, deadline);
	return sys == 0 || failed(f, sys);
}

static bool send_all(int fd, struct str bytes, int64_t deadline, struct fault *f)
{
	while (bytes.len > 0) {
		ssize_t n = send(fd, bytes.at, bytes.len, MSG_NOSIGNAL);
		if (n >= 0)
			bytes = str_from(bytes, (size_t)n);
		else if (errno == EAGAIN || errno == EWOULDBLOCK) {
			if (!wait_for(fd, POLLOUT, deadline, f))
				return false;
		} else if (errno != EINTR)
			return failed(f, errno);
	}
	return true;
}

static bool read_exact(int fd, unsigned char *to, size_t len, int64_t deadline, struct fault *f)
{
	while (len > 0) {
		ssize_t n = recv(fd, to, len, 0);
		if (n == 0)
			return fault_set(f, FAULT_RELAY,
			                 "SOCKS5: the proxy closed the connection");
		if (n > 0) {
			to += n;
			len -= (size_t)n;
		} else if (errno == EAGAIN || errno == EWOULDBLOCK) {
			if (!wait_for(fd, POLLIN, deadline, f))
				return false;
		} else if (errno != EINTR) {
			return failed(f, errno);
		}
	}
	return true;
}

/* The CONNECT request; its length. */
static size_t put_request(unsigned char *to, struct str host, int port)
{
	char text[NAME_MAX_LEN + 1];
	size_t len = 0;
	memcpy(text, host.at, host.len);
	text[host.len] = '\0';
	to[len++] = VERSION;
	to[len++] = CONNECT;
	to[len++] = 0;
	if (inet_pton(AF_INET, text, to + len + 1) == 1) {
		to[len] = ADDRESS_V4;
		len += 1 + sizeof(struct in_addr);
	} else if (inet_pton(AF_INET6, text, to + len + 1) == 1) {
		to[len] = ADDRESS_V6;
		len += 1 + sizeof(struct in6_addr);
	} else {
		to[len++] = ADDRESS_NAME;
		to[len++] = (unsigned char)host.len;
		memcpy(to + len, host.at, host.len);
		len += host.len;
	}
	to[len++] = (unsigned char)(port >> 8);
	to[len++] = (unsigned char)(port & 255);
	return len;
}

/* The address in the answer is of no interest, but it must be taken off the stream. */
static bool skip_bound_address(int fd, int kind, int64_t deadline, struct fault *f)
{
	unsigned char bytes[NAME_MAX_LEN + 2];
	if (kind == ADDRESS_V4)
		return read_exact(fd, bytes, 4 + 2, deadline, f);
	if (kind == ADDRESS_V6)
		return read_exact(fd, bytes, 16 + 2, deadline, f);
	if (kind != ADDRESS_NAME)
		return fault_set(f, FAULT_RELAY, "SOCKS5: the proxy sent nonsense");
	unsigned char len;
	return read_exact(fd, &len, 1, deadline, f) &&
	       read_exact(fd, bytes, (size_t)len + 2, deadline, f);
}

bool dial_socks(int fd, const char *host, int port, int64_t deadline, struct fault *f)
{
	static const char hello[] = {VERSION, 1, NO_LOGIN};
	struct str name = str_of(host);
	if (name.len == 0 || name.len > NAME_MAX_LEN)
		return fault_set(f, FAULT_RELAY, "SOCKS5: the name is too long");
	unsigned char answer[4];
	if (!send_all(fd, str_make(hello, sizeof(hello)), deadline, f) ||
	    !read_exact(fd, answer, 2, deadline, f))
		return false;
	if (answer[0] != VERSION)
		return fault_set(f, FAULT_RELAY, "SOCKS5: this is not a SOCKS5 proxy");
	if (answer[1] != NO_LOGIN)
		return fault_set(f, FAULT_RELAY, "SOCKS5: the proxy wants a login");
	unsigned char request[REQUEST_MAX];
	size_t len = put_request(request, name, port);
	if (!send_all(fd, str_make((const char *)request, len), deadline, f) ||
	    !read_exact(fd, answer, 4, deadline, f))
		return false;
	if (answer[0] != VERSION)
		return fault_set(f, FAULT_RELAY, "SOCKS5: the proxy sent nonsense");
	if (answer[1] != 0) {
		size_t known = COUNT(refusals);
		fault_set(f, FAULT_RELAY, "SOCKS5: %s",
		          answer[1] < known ? refusals[answer[1]].text : "unknown refusal");
		f->sys = answer[1] < known ? refusals[answer[1]].sys : 0;
		return false;
	}
	return skip_bound_address(fd, answer[3], deadline, f);
}
