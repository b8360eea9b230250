/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * dial - from a host and port to a connected socket
 *
 * All addresses of all ports share one deadline. Addresses are tried in the
 * order of the resolver, families alternating, the next 250 ms after the one
 * before or as soon as it failed (RFC 8305). SOCKS5 (RFC 1928, user names not
 * supported) asks the proxy to look up the name. The socket is non-blocking,
 * close-on-exec, with TCP_NODELAY.
 */
#ifndef NET_DIAL_H
#define NET_DIAL_H

#include <stdint.h>

#include "text/buf.h"
#include "text/fault.h"
#include "text/host.h"

#define DIAL_AVOID_MAX 64

/* All borrowed. */
struct dial {
	/* Name or address: "192.0.2.1", "[2001:db8::1]", "[IPv6:2001:db8::1]". */
	const char *host;
	const char *unix_path; /* instead of host */
	const int *ports;      /* tried in order */
	size_t port_count;
	int family;                        /* AF_UNSPEC, AF_INET, AF_INET6 */
	const struct host_address *source; /* of this host; NULL or empty: any */
	const struct host_port *proxy;     /* SOCKS5; NULL or empty: none */
	const struct host_addresses *dns;  /* servers; NULL or empty: the system's */
	int64_t deadline;
	/* Addresses that must not be tried (again in this run), as dialed.peer: */
	const char *const *avoid;
	size_t avoid_count;
};

struct dialed {
	int fd;
	/* Numeric, without port; "" for a UNIX socket or a name given to a proxy. */
	char address[HOST_TEXT_MAX];
	int port;
	/* "192.0.2.1:587", "[2001:db8::1]:587"; with a proxy "NAME:587", perhaps cut. */
	char peer[80];
};

/* Faults are FAULT_RELAY: "connect to HOST[ADDRESS]:PORT: REASON" of the last
 * one, "cannot look up HOST: ..." (a name that does not exist says so). The cause
 * tells what is about us (cause_of_connect) from what is about the server. */
bool dial(const struct dial *d, struct dialed *result, struct fault *f)
    __attribute__((warn_unused_result));

#endif
