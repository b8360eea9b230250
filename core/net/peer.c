/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "net/peer.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "net/address.h"
#include "net/peer_table.h"

enum peer_kind peer_kind(int fd)
{
	struct sockaddr_storage own = {0};
	socklen_t len = sizeof(own);
	if (getsockname(fd, (struct sockaddr *)&own, &len) != 0)
		return PEER_NONE;
	if (own.ss_family != AF_UNIX)
		return PEER_NETWORK;
	/* Neither a pair nor a socket that somebody connected has a name; what was accepted
	 * has that of the socket it was made to. */
	const struct sockaddr_un *at = (const struct sockaddr_un *)&own;
	return len > offsetof(struct sockaddr_un, sun_path) &&
	               (at->sun_path[0] || len > offsetof(struct sockaddr_un, sun_path) + 1)
	           ? PEER_UNIX
	           : PEER_NONE;
}

static bool unix_user(int fd, uid_t *user, struct fault *f)
{
#ifdef SO_PEERCRED
	struct ucred peer = {.uid = (uid_t)-1};
	socklen_t len = sizeof(peer);
	bool ok =
	    getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) == 0 && peer.uid != (uid_t)-1;
	*user = peer.uid;
#else
	gid_t group;
	bool ok = getpeereid(fd, user, &group) == 0;
#endif
	return ok || fault_sys(f, FAULT_NOPERM, errno, "who connected cannot be told");
}

/* ::ffff:192.0.2.1 as the address that it stands for. */
static void unmap(struct sockaddr_storage *at)
{
	struct sockaddr_in6 v6;
	struct sockaddr_in v4 = {.sin_family = AF_INET};
	memcpy(&v6, at, sizeof(v6));
	if (at->ss_family != AF_INET6 || !IN6_IS_ADDR_V4MAPPED(&v6.sin6_addr))
		return;
	v4.sin_port = v6.sin6_port;
	memcpy(&v4.sin_addr, v6.sin6_addr.s6_addr + 12, sizeof(v4.sin_addr));
	memset(at, 0, sizeof(*at));
	memcpy(at, &v4, sizeof(v4));
}

static bool is_loopback(const struct sockaddr_storage *at)
{
	const struct sockaddr_in *v4 = (const struct sockaddr_in *)at;
	const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)at;
	return at->ss_family == AF_INET
	           ? ntohl(v4->sin_addr.s_addr) >> 24 == IN_LOOPBACKNET
	           : at->ss_family == AF_INET6 && IN6_IS_ADDR_LOOPBACK(&v6->sin6_addr);
}

static bool find_ends(int fd, struct sockaddr_storage *own, struct sockaddr_storage *other)
{
	socklen_t own_len = sizeof(*own), other_len = sizeof(*other);
	memset(own, 0, sizeof(*own));
	memset(other, 0, sizeof(*other));
	if (getsockname(fd, (struct sockaddr *)own, &own_len) != 0 ||
	    getpeername(fd, (struct sockaddr *)other, &other_len) != 0)
		return false;
	unmap(own);
	unmap(other);
	return true;
}

/* Two sockets cannot have the same ends at once. So, as long as ours has not heard that the
 * other is closed, the one that was found is the one that we speak to, and no later one. */
static bool is_open(int fd)
{
#ifdef __linux__
	struct tcp_info info;
	socklen_t len = sizeof(info);
	memset(&info, 0, sizeof(info));
	return getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &len) == 0 &&
	       info.tcpi_state == TCP_ESTABLISHED;
#else
	(void)fd;
	return false;
#endif
}

static bool network_user(int fd, uid_t *user, struct fault *f)
{
	struct sockaddr_storage own, other;
	if (!find_ends(fd, &own, &other))
		return fault_sys(f, FAULT_NOPERM, errno,
		                 "whose connection this is cannot be told");
	if (!is_loopback(&own) || !is_loopback(&other))
		return fault_set(
		    f, FAULT_NOPERM,
		    "only for programs on this machine that connect to its loopback");
	return peer_table_user(&other, &own, user, f) &&
	       (is_open(fd) ||
	        fault_set(f, FAULT_NOPERM, "the other end of this connection was closed"));
}

bool peer_user(int fd, enum peer_kind kind, uid_t *user, struct fault *f)
{
	return kind == PEER_UNIX ? unix_user(fd, user, f) : network_user(fd, user, f);
}

void peer_name(int fd, char name[PEER_NAME_MAX])
{
	struct sockaddr_storage own, other;
	char text[INET6_ADDRSTRLEN] = "";
	name[0] = '\0';
	if (!find_ends(fd, &own, &other))
		return;
	bool six = other.ss_family == AF_INET6;
	const void *address = six ? (const void *)&((struct sockaddr_in6 *)&other)->sin6_addr
	                          : (const void *)&((struct sockaddr_in *)&other)->sin_addr;
	if ((six || other.ss_family == AF_INET) &&
	    inet_ntop(other.ss_family, address, text, sizeof(text)))
		snprintf(name, PEER_NAME_MAX, six ? "[%s]:%d" : "%s:%d", text,
		         address_port(&other));
}
