/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * hostname - what this host is called
 *
 * gethostname(3) is a name of one label on many machines, and its full form is
 * the resolver's canonical name for it. That nearly always stands in /etc/hosts,
 * which the resolver reads first and which is read here, so that no message
 * waits for a look-up in a child process. (A system whose nsswitch.conf asks
 * somebody else before files gets the name in /etc/hosts all the same.)
 */
#ifndef NET_HOSTNAME_H
#define NET_HOSTNAME_H

#include <stdbool.h>
#include <stdint.h>

#include "text/buf.h"
#include "net/dnsmsg.h"

struct hostname {
	char own[DNS_NAME_MAX];       /* gethostname(3), never empty */
	char canonical[DNS_NAME_MAX]; /* a full name that it has beside it, or "" */
	bool asked;                   /* the resolver was */
};

/* No dot at the end of either. ask: where own is no full name and /etc/hosts
 * does not have it, the resolver is asked, until the deadline at the latest. */
void hostname_find(struct hostname *h, bool ask, int64_t deadline);
/* The full one of the two, else own. */
const char *hostname_full(const struct hostname *h);

/* Looks for own in the text of /etc/hosts: is it there? canonical is then the
 * first name of its line, or one that begins with own and a dot, if that is a full
 * name; else "". Of several lines the first with a full name counts. */
bool hostname_in_hosts(struct str text, struct str own, char canonical[DNS_NAME_MAX]);

#endif
