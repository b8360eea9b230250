/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * dial_socks - asking a SOCKS5 proxy for a connection (RFC 1928)
 *
 * No user name. The proxy looks up the name. Not a byte more than the proxy's
 * answer is read, because the server may speak at once. Used by net/dial only.
 */
#ifndef NET_DIAL_SOCKS_H
#define NET_DIAL_SOCKS_H

#include <stdint.h>

#include "text/buf.h"
#include "text/fault.h"

/* fd: connected to the proxy, non-blocking. host is a name or a bare address. */
bool dial_socks(int fd, const char *host, int port, int64_t deadline, struct fault *f)
    __attribute__((warn_unused_result));

#endif
