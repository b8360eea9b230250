/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * resolver - the libc resolver asked from inside a child process
 *
 * The half of net/dns that runs beside the program (net/aside): it may block.
 * It answers with frames on a pipe; both ends are the same program, so a frame
 * is a plain struct. The bytes of a message come from the network unchecked.
 * Used by net/dns only.
 */
#ifndef NET_RESOLVER_H
#define NET_RESOLVER_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include "text/host.h"
#include "net/dnsmsg.h"

struct resolver_question {
	const char *name;                     /* ASCII */
	int family;                           /* for addresses: AF_UNSPEC, AF_INET, AF_INET6 */
	enum dns_type type;                   /* or 0: addresses */
	bool canonical;                       /* or the full name of this name */
	const struct host_addresses *servers; /* NULL or empty: the system's */
	int64_t deadline;
};

enum resolver_kind {
	RESOLVER_ADDRESSES, /* struct sockaddr_storage each */
	RESOLVER_MESSAGE,   /* a DNS message with answers of frame.type */
	RESOLVER_NAME,      /* text */
	RESOLVER_NO_NAME,
	RESOLVER_NO_DATA,
	RESOLVER_FAILED, /* text: why */
};

struct resolver_frame {
	enum resolver_kind kind;
	enum dns_type type;
	size_t len; /* of the bytes behind it */
};

/* An aside_task; context is the question. */
void resolver_task(void *context, int fd);

#endif
