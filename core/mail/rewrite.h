/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * rewrite - who a message says it is from
 *
 * Pure rules of the configuration's [mail] section: which envelope sender,
 * which From, and how bare addresses are completed. The caller fills the
 * struct once; all strings are borrowed and outlive their use.
 */
#ifndef MAIL_REWRITE_H
#define MAIL_REWRITE_H

#include "text/buf.h"
#include "text/fault.h"
#include "mail/header.h"
#include "mail/local.h"

enum from_rule { FROM_MISSING, FROM_LOCAL, FROM_ALWAYS };

/* A sender that the pattern matches becomes the address: see rewrite_mailbox. */
struct rewrite_sender {
	struct str pattern, address;
};

struct rewrite {
	const struct local *local; /* whose names are ours, and the domain for bare ones */
	struct str from;           /* [mail] from, or empty */
	enum from_rule from_rule;
	const struct rewrite_sender *senders; /* the first that matches counts */
	size_t sender_count;
	struct str from_name; /* display name for a From that we write, or empty */
	struct str reply_to;  /* or empty */
	struct str login;     /* the caller's user name, or "uid4242" */
	struct str full_name; /* -F, else NAME, else gecos up to the first comma; or empty */
	bool name_given;      /* full_name is from -F: it goes before from_name */
	bool smtputf8;        /* a word beyond ASCII is a user here, not half a name */
};

/* What [senders] makes of a mailbox; false, and nothing added, if no row matches.
 * A pattern without a domain is a name at this host; others are compared with the
 * mailbox as it is and, if it is bare, with the domain. "*" as the local-part of
 * an address stands for that of the mailbox. The rows go before from_rule. */
bool rewrite_mailbox(const struct rewrite *id, struct str mailbox, struct buf *out);

/* Is the envelope sender a name of this host, whatever domain it gets? Not the null
 * reverse-path, and not [mail] from. */
bool rewrite_sender_is_local(const struct rewrite *id, bool have, struct str given);

/* The envelope sender. given: wire form from -f (empty is the null
 * reverse-path), valid if have; else login. Rule and domain are applied; the
 * null reverse-path is never changed. */
bool rewrite_sender(const struct rewrite *id, bool have, struct str given, struct buf *out,
                    struct fault *f) __attribute__((warn_unused_result));

/* Brings the header in order: From written behind the last field when missing
 * or empty (given: the address of -f if it named one; else the login) or
 * replaced by the rule (display name kept; with always the old address becomes
 * Reply-To if there is none); reply_to if there is still none; bare addresses
 * in From, Sender, Reply-To, To, Cc, and their Resent- forms get the domain,
 * international domains behind ASCII local-parts their ASCII form, all other
 * bytes of those fields staying as they are. A field that cannot be
 * parsed is left alone. resent: the message is resent, Resent-From is written
 * or replaced instead of From, in front of the first Resent- field. */
bool rewrite_apply(const struct rewrite *id, bool have, struct str given, bool resent,
                   struct header *h, struct fault *f) __attribute__((warn_unused_result));

#endif
