/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * host - what a host is called in text: names, addresses, ports
 *
 * The one grammar of these for the configuration, addresses of mail, and what is
 * connected to. Nothing is looked up. Addresses are those of inet_pton; an IPv6 address
 * may have a zone ("fe80::1%eth0", RFC 4007 section 11).
 */
#ifndef TEXT_HOST_H
#define TEXT_HOST_H

#include "text/buf.h"

#define HOST_TEXT_MAX     64 /* an address with its zone, and NUL */
#define HOST_ZONE_MAX     16 /* IF_NAMESIZE */
#define HOST_NAME_MAX_LEN 255

struct host_address {
	int family;              /* AF_INET, AF_INET6; 0: none */
	unsigned char bytes[16]; /* network order; the first 4 for IPv4 */
	char zone[HOST_ZONE_MAX];
	int port;                 /* 0: none was given */
	char bare[HOST_TEXT_MAX]; /* with its zone, without brackets and port */
};

/* at is NULL if there are none. */
struct host_addresses {
	struct host_address *at;
	size_t count;
};

/* A name, or an address in brackets or without, and a port. */
struct host_port {
	char *host; /* NULL: none */
	int port;
};

/* Labels of letters (any beyond ASCII too), digits, "-" and "_", with dots between and
 * perhaps at the end: at most 255 bytes, and 63 for a label in ASCII. */
bool host_is_name(struct str text);

/* "192.0.2.1", "2001:db8::1", "fe80::1%eth0". to is not touched if it is none of these;
 * the same below. */
bool host_bare(struct str text, struct host_address *to);
/* In brackets: "[192.0.2.1]", "[2001:db8::1]", "[IPv6:2001:db8::1]" (RFC 5321 section
 * 4.1.3, with the tag optional; what has it must be IPv6). */
bool host_literal(struct str text, struct host_address *to);
/* Either of them. */
bool host_address(struct str text, struct host_address *to);
/* Either, or one with a port: "192.0.2.1:5353", "[2001:db8::1]:5353". */
bool host_server(struct str text, struct host_address *to);

/* How a server is called that we spoke to: "NAME[ADDRESS]:PORT", the name being as it was
 * configured. Views of it; where it has no port all of it is the name (a socket's path). */
struct host_peer {
	struct str name;
	struct str server; /* "NAME[ADDRESS]" */
	struct str port;   /* ":PORT", or empty */
};

struct host_peer host_peer(struct str text);

/* 1 to 65535. */
bool host_read_port(struct str text, int *port);
/* "NAME:PORT" or "[ADDRESS]:PORT" into the part before the last colon, not checked, and the
 * port; false if there is no port. */
bool host_cut_port(struct str text, struct str *host, int *port);
/* The same, with a name or an address in brackets; *to owns a copy of it. */
bool host_port_of(struct str text, struct host_port *to);

#endif
