/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * local - whose name is this, and where does its mail go
 *
 * The one place that knows which mailboxes are this host's and what becomes of
 * mail for them: an alias, else the administrator, else the same local-part at
 * the domain for bare addresses. Submission, reports, -bv and --dry-run all
 * ask here, so that they agree. What comes out has a domain, in ASCII.
 *
 * Pure: the names of this host and the aliases come in; the caller fills the
 * struct once, all of it is borrowed.
 */
#ifndef MAIL_LOCAL_H
#define MAIL_LOCAL_H

#include "text/buf.h"
#include "text/fault.h"
#include "mail/alias.h"

struct local {
	struct str hostname;         /* this host's full name */
	struct str domain;           /* for bare addresses */
	const char *const *names;    /* other names of this host */
	size_t name_count;           /* beside hostname and those of the loopback */
	struct str admin;            /* for local mail that no alias covers, or empty */
	const struct alias *aliases; /* or NULL; see local_aliases */
};

/* Is the mailbox one of this host: bare, or at one of its names, or at localhost
 * (also localhost.localdomain)? */
bool local_is_ours(const struct local *l, struct str mailbox);

/* Is that domain, by its own look, a name of the host that is called own (its
 * first label, or all of it)? At least three labels: "mail" may be mail.example.org,
 * but "example" is not all of example.org. */
bool local_is_host_name(struct str domain, struct str own);

/* Gives it the aliases, in which our own addresses are followed like bare ones. */
void local_aliases(struct local *l, struct alias *aliases);

typedef bool local_each(void *context, struct str mailbox, struct fault *f);

/* Calls each for every mailbox that mail to this one goes to: itself, if it is
 * not ours; an address may come more than once. escaped: no alias is looked up.
 * An empty mailbox, and one whose domain has no ASCII form, is FAULT_DATA. */
bool local_route(const struct local *l, struct str mailbox, bool escaped, local_each *each,
                 void *context, struct fault *f) __attribute__((warn_unused_result));

/* Adds the mailbox with the domain, if it is bare, and the domain in ASCII. */
bool local_complete(const struct local *l, struct str mailbox, struct buf *out, struct fault *f)
    __attribute__((warn_unused_result));

#endif
