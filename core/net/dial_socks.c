/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "net/dial_socks.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>

#include "os/clock.h"

#define VERSION      5
#define NO_LOGIN     0
#define CONNECT      1
#define ADDRESS_V4   1
#define ADDRESS_NAME 3
#define ADDRESS_V6   4
#define DEFAULT_PORT 1080
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
	for (;;) {
		struct pollfd ready = {.fd = fd, .events = events};
		int n = poll(&ready, 1, clock_left_ms(deadline));
		if (n > 0)
			return true;
		if (n < 0 && errno != EINTR)
			return failed(f, errno);
		if (n == 0 && clock_left_ms(deadline) == 0)
			return failed(f, ETIMEDOUT);
	}
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
		size_t known = sizeof(refusals) / sizeof(refusals[0]);
		fault_set(f, FAULT_RELAY, "SOCKS5: %s",
		          answer[1] < known ? refusals[answer[1]].text : "unknown refusal");
		f->sys = answer[1] < known ? refusals[answer[1]].sys : 0;
		return false;
	}
	return skip_bound_address(fd, answer[3], deadline, f);
}

bool dial_socks_parse(const char *proxy, char host[256], int *port)
{
	struct str rest = str_of(proxy);
	long long number = DEFAULT_PORT;
	if (str_casestarts(rest, STR("socks5://")))
		rest = str_from(rest, sizeof("socks5://") - 1);
	else if (str_casestarts(rest, STR("socks5h://")))
		rest = str_from(rest, sizeof("socks5h://") - 1);
	else
		return false;
	if (str_ends(rest, STR("/")))
		rest.len--;
	size_t close = str_find(rest, ']');
	size_t colon = str_rfind(rest, ':');
	if (colon != STR_NONE && close != STR_NONE && colon < close)
		colon = STR_NONE;
	struct str name = colon == STR_NONE ? rest : str_first(rest, colon);
	if (colon != STR_NONE &&
	    (!str_number(str_from(rest, colon + 1), &number) || number < 1 || number > 65535))
		return false;
	/* Also refuses user:password@, which is not supported. */
	if (name.len == 0 || name.len > 255 || str_find(name, '@') != STR_NONE ||
	    str_find(name, '/') != STR_NONE)
		return false;
	memcpy(host, name.at, name.len);
	host[name.len] = '\0';
	*port = (int)number;
	return true;
}
