/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * configure_find - which servers an address's mail may go to, best first
 */
#ifndef CMD_SEND_CONFIGURE_FIND_H
#define CMD_SEND_CONFIGURE_FIND_H

#include "conf/provider.h"
#include "net/dnsmsg.h"
#include "text/host.h"

#define CONFIGURE_MAX 16

/* A row of the table, or a host and a port out of DNS. */
struct configure_guess {
	const struct provider *provider;
	char host[DNS_NAME_MAX]; /* where there is no provider */
	int port;                /* 0: the provider's */
	bool tls;                /* from the first byte */
	bool foreign;            /* DNS alone says that the domain's mail goes there */
	const char *why;         /* how it was found, in our words */
};

struct configure_guesses {
	struct configure_guess at[CONFIGURE_MAX];
	size_t count;
};

/* domain in ASCII. Says on standard error what it asks and hears. dns: the name servers;
 * empty for the system's. */
void configure_find(const char *domain, const struct host_addresses *dns,
                    struct configure_guesses *out);

#endif
