/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * dnsmsg - DNS answers read with a sticky error (RFC 1035)
 *
 * The bytes come from the resolver and are not trusted: every read is checked,
 * names cannot loop, and after the first fault all further reads give nothing.
 *
 * The C library's own ns_initparse() and dn_expand() do less, and not everywhere:
 * OpenBSD has no ns_initparse(), that of glibc and musl refuses an answer with anything
 * behind its last record, and musl's dn_expand() copies a label as it is, so that one with
 * a dot or a NUL in it becomes another host's name, and takes any of the two top bits
 * for a pointer.
 */
#ifndef NET_DNSMSG_H
#define NET_DNSMSG_H

#include <stdint.h>

#include "text/buf.h"
#include "text/fault.h"

enum dns_type { DNS_A = 1, DNS_MX = 15, DNS_AAAA = 28, DNS_SRV = 33 };

#define DNS_NAME_MAX 256

struct dns_record {
	enum dns_type type;
	uint32_t ttl;
	uint16_t preference; /* MX preference, SRV priority */
	uint16_t weight, port;
	char target[DNS_NAME_MAX]; /* MX exchange, SRV target; "." is "" */
	unsigned char data[16];    /* the address: A 4, AAAA 16 */
	size_t data_len;
};

typedef bool dnsmsg_each(void *context, const struct dns_record *r, struct fault *f);

/* All records of that type in the answer section of a whole message. *rcode is
 * the response code. CNAMEs are passed over. Malformed: FAULT_TEMP. */
bool dnsmsg_answers(struct str message, enum dns_type type, int *rcode, dnsmsg_each *each,
                    void *context, struct fault *f) __attribute__((warn_unused_result));

#endif
