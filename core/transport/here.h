/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * here - this host: its names, its aliases, and so its mail/local
 *
 * Reads for mail/local what that cannot read: gethostname(3) and /etc/hosts,
 * the resolver where those do not tell, /etc/mailname, the aliases file. Used
 * by all who take in mail or make some.
 */
#ifndef TRANSPORT_HERE_H
#define TRANSPORT_HERE_H

#include "conf/settings.h"
#include "mail/local.h"
#include "net/hostname.h"

#define HERE_NAMES_MAX 4

struct here {
	const struct settings *config; /* borrowed */
	char *hostname;                /* this host's full name */
	char *domain;                  /* for bare addresses */
	struct local local;            /* borrows from here */
	alias_warn *warn;              /* for aliases that are refused, or NULL */
	void *context;

	struct hostname found; /* what it is made of */

	/* Private. */
	char own_label[DNS_NAME_MAX];
	const char *names[HERE_NAMES_MAX];
	struct alias *aliases;
	bool aliases_read;
	size_t refused; /* lines of the aliases */
};

/* hostname: as it was found before, or NULL: as the configuration says, which
 * may ask the resolver. here must stay where it is. */
void here_find(struct here *h, const struct settings *c, const char *hostname);
void here_release(struct here *h);

/* Reads the aliases, once. No such file means no aliases. Lines that are
 * refused are logged, and told to warn. */
bool here_aliases(struct here *h, struct fault *f) __attribute__((warn_unused_result));

/* local_route, with the aliases read when the first local name comes. */
bool here_route(struct here *h, struct str mailbox, bool escaped, local_each *each,
                void *context, struct fault *f) __attribute__((warn_unused_result));

#endif
