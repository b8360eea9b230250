/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * connection - standard input that is a connection: whose messages come by it
 *
 * systemd or an inetd may start sendmail -bs for each connection to a port, or to a UNIX
 * socket. Then whoever connected hands in, and not the user that we run as. This user can
 * hand in for others only if the hold is theirs; root becomes that user first. Anyone else
 * serves only themselves at a port: it has no mode that would keep others out. At a UNIX
 * socket of their own, which has one, nobody is asked, as on a pipe.
 *
 * Nothing is taken over a network: a client that is not on this machine is refused,
 * whatever address the port is bound to.
 */
#ifndef CMD_SEND_CONNECTION_H
#define CMD_SEND_CONNECTION_H

#include "net/peer.h"
#include "hold/slots.h"
#include "text/fault.h"
#include "cmd/place.h"

#define CONNECTION_USER_MAX 32 /* at once, of one user */

struct connection {
	enum peer_kind kind;
	bool foreign; /* the client may be anybody: limits hold for it */
	bool gone;    /* it went before it was greeted: there is nobody to speak to */
	/* Private. */
	bool known; /* who it is */
	uid_t user;
	char name[PEER_NAME_MAX];
	struct slot slot;
};

/* Before anything is printed: an inetd makes the connection our standard error, too, where
 * no line of ours is to be among the replies. */
void connection_find(struct connection *c);
/* May it be used? Then p->user is whose messages come by it, and root has become the hold's
 * user. What is refused is logged. good: so is the configuration; else foreign and gone are all
 * that is found out. */
bool connection_admit(struct connection *c, struct place *p, bool good, struct fault *f)
    __attribute__((warn_unused_result));

#endif
