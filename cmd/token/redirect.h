/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * redirect - a browser on this machine comes back from the provider (RFC 8252 section 7.3)
 *
 * A listener on the loopback. Whoever connects may be anybody on this machine: what they ask
 * for proves nothing until its state was looked at, they are waited for only briefly, and
 * nothing of it is sent back to them.
 */
#ifndef CMD_TOKEN_REDIRECT_H
#define CMD_TOKEN_REDIRECT_H

#include "text/buf.h"

/* Registered with the provider. Not by the address, as RFC 8252 section 8.3 would have it:
 * Microsoft takes only this name. */
#define REDIRECT      "http://localhost:53682/"
#define REDIRECT_PORT 53682

/* -1: the port is somebody else's, and only pasting is left. */
int redirect_listen(void);
/* Takes one connection and one request, answers it, and adds what it asks for to out, as
 * "/?code=...". False: that was none. */
bool redirect_take(int listener, struct buf *out);

#endif
