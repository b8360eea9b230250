/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * peer_table - a part of peer: whose the socket is, in the system's table of TCP sockets
 *
 * On Linux the kernel is asked for one socket by its addresses and ports, over netlink
 * (sock_diag(7)), not by reading /proc/net/tcp: that would be all sockets of the machine,
 * in a text that lacks lines while others come and go, and a service may have no such file
 * (ProcSubset=pid). Elsewhere users have no such table: nothing is ever found.
 *
 * Until Linux 6.17 a socket that its process has closed counts as root's, and the state and
 * the user in an answer are not read at once. So it must be established, and be so still when
 * it is asked for once more.
 */
#ifndef NET_PEER_TABLE_H
#define NET_PEER_TABLE_H

#include <stdint.h>
#include <sys/socket.h>
#include <sys/types.h>

#include "text/buf.h"
#include "text/fault.h"

/* The user of the established socket whose own address is near and that is connected to far; both
 * AF_INET, or both AF_INET6. FAULT_NOPERM: there is none, or it cannot be told. */
bool peer_table_user(const struct sockaddr_storage *near, const struct sockaddr_storage *far,
                     uid_t *user, struct fault *f) __attribute__((warn_unused_result));

/* What the kernel is asked, and what it answers; for peer_table_user and tests. */
#define PEER_TABLE_ASK 72

struct peer_table_row {
	uint32_t cookie[2]; /* names this socket, as long as the machine runs */
	uint32_t inode;     /* 0: no process has it */
	uid_t user;
};

/* cookie: only if it is that one; NULL: whichever. */
void peer_table_ask(const struct sockaddr_storage *near, const struct sockaddr_storage *far,
                    const uint32_t *cookie, uint32_t number, char ask[PEER_TABLE_ASK]);

enum peer_table_answer {
	PEER_TABLE_ROW,  /* an established socket */
	PEER_TABLE_NONE, /* no such, or not established */
	PEER_TABLE_BAD,  /* no answer to this question */
};

/* A whole datagram. *row is filled if there is one; *sys is the kernel's errno, or 0. */
enum peer_table_answer peer_table_read(struct str answer, const char ask[PEER_TABLE_ASK],
                                       struct peer_table_row *row, int *sys);

#endif
