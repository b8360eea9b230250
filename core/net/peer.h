/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * peer - who is at the other end of a connection that this process was given
 *
 * Of a UNIX socket the system knows who connected. Of TCP it knows that only within this
 * machine, by looking up the other socket (net/peer_table), whose user is the one that
 * made it. So both ends must be addresses of the loopback: what came through another
 * address came from elsewhere, or may have.
 *
 * What cannot be told for sure is a fault, FAULT_NOPERM, for the ears of that client:
 * above all a client that has closed its end, whose socket is nobody's any more.
 */
#ifndef NET_PEER_H
#define NET_PEER_H

#include <sys/types.h>

#include "text/fault.h"

#define PEER_NAME_MAX 80 /* with NUL */

enum peer_kind {
	PEER_NONE,    /* no connection: a file, a pipe, one of a pair of sockets */
	PEER_UNIX,    /* made to a UNIX socket that has a name */
	PEER_NETWORK, /* every other socket */
};

enum peer_kind peer_kind(int fd);

/* Of a connection. */
bool peer_user(int fd, enum peer_kind kind, uid_t *user, struct fault *f)
    __attribute__((warn_unused_result));

/* "127.0.0.1:40312", "[::1]:40312", or "" where there is nothing to say. */
void peer_name(int fd, char name[PEER_NAME_MAX]);

#endif
