/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * this_host - this host: its names, its aliases, and so its mail/local
 *
 * Reads for mail/local what that cannot read: gethostname(3) and /etc/hosts,
 * the resolver where those do not tell, /etc/mailname, the aliases file. Used
 * by all who take in mail or make some.
 */
#ifndef SUBMIT_THIS_HOST_H
#define SUBMIT_THIS_HOST_H

#include "conf/settings.h"
#include "mail/local.h"
#include "net/hostname.h"

#define THIS_HOST_NAMES_MAX 4

struct this_host {
	const struct settings *config; /* borrowed */
	char *hostname;                /* this host's full name */
	char *domain;                  /* for bare addresses */
	struct local local;            /* borrows from this */
	alias_warn *warn;              /* for aliases that are refused, or NULL */
	void *context;

	struct hostname found; /* what it is made of */

	/* Private. */
	char own_label[DNS_NAME_MAX];
	const char *names[THIS_HOST_NAMES_MAX];
	struct alias *aliases;
	bool aliases_read;
	size_t refused; /* lines of the aliases */
};

/* hostname: as it was found before, or NULL: as the configuration says, which
 * may ask the resolver. h must stay where it is. */
void this_host_find(struct this_host *h, const struct settings *c, const char *hostname);
void this_host_release(struct this_host *h);

/* Reads the aliases, once. No such file means no aliases. Lines that are
 * refused are logged, and told to warn. */
bool this_host_aliases(struct this_host *h, struct fault *f)
    __attribute__((warn_unused_result));

/* local_route, with the aliases read when the first local name comes. */
bool this_host_route(struct this_host *h, struct str mailbox, bool escaped, local_each *each,
                     void *context, struct fault *f) __attribute__((warn_unused_result));

#endif
