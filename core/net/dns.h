/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * dns - looking up names through the system's resolver, within a deadline
 *
 * The libc resolver has no deadline of its own, so a look-up is done in a
 * child process that is ended when the time is up. "No such name" and "no
 * record of that type" are results, not faults; servers that fail or do not
 * answer are FAULT_TEMP, with ETIMEDOUT in f->sys if the deadline has passed.
 */
#ifndef NET_DNS_H
#define NET_DNS_H

#include <netinet/in.h>
#include <stdint.h>
#include <sys/socket.h>

#include "text/fault.h"
#include "text/host.h"
#include "net/dnsmsg.h"

#define DNS_ADDRESSES_MAX 128
#define DNS_RECORDS_MAX   64

enum dns_result { DNS_FOUND, DNS_NO_NAME, DNS_NO_DATA };

struct dns_addresses {
	struct sockaddr_storage at[DNS_ADDRESSES_MAX]; /* port 0 */
	size_t count;
};

struct dns_records {
	struct dns_record at[DNS_RECORDS_MAX]; /* in the order of dns_order */
	size_t count;
};

/* family: AF_UNSPEC, AF_INET, AF_INET6. In the resolver's order (RFC 6724).
 * servers: NULL or empty is the system's resolver with its hosts file and search
 * list; else only they are asked, the first three, for the name as it stands. */
bool dns_addresses(const char *name, int family, const struct host_addresses *servers,
                   int64_t deadline, struct dns_addresses *out, enum dns_result *result,
                   struct fault *f) __attribute__((warn_unused_result));

bool dns_records(const char *name, enum dns_type type, const struct host_addresses *servers,
                 int64_t deadline, struct dns_records *out, enum dns_result *result,
                 struct fault *f) __attribute__((warn_unused_result));

/* The order in which servers are to be tried: by preference, and among equals
 * by weight (SRV, RFC 2782) or by chance (MX, RFC 5321 5.1). dns_records has
 * done it. */
void dns_order(struct dns_records *r);

/* The name as it is looked up: A-labels for one that is not ASCII (IDNA). A name
 * that cannot be one is FAULT_RELAY. */
bool dns_ascii(const char *name, char to[DNS_NAME_MAX], struct fault *f)
    __attribute__((warn_unused_result));

/* The canonical name that the system's resolver has for name; "" if it tells none
 * before the deadline. */
void dns_canonical(const char *name, char to[DNS_NAME_MAX], int64_t deadline);

#endif
