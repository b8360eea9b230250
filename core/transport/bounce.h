/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * bounce - reports to senders and the administrator, put into the hold like any mail
 */
#ifndef TRANSPORT_BOUNCE_H
#define TRANSPORT_BOUNCE_H

#include "conf/settings.h"
#include "hold/hold.h"
#include "mail/dsn.h"

/* Writes the report that is due for an entry and holds it. Nothing is due, and
 * the result is true, when the sender is null, the entry is a report itself,
 * or no recipient wants one; id is that of the new entry, or "". Made once,
 * however often it is asked for. */
bool bounce_sender(const struct settings *c, const char *hostname, struct hold_entry *he,
                   enum dsn_kind kind, char id[ENTRY_ID_LEN + 1], struct fault *f)
    __attribute__((warn_unused_result));

/* For a report that a server refused because of its null sender: holds it again, as
 * mail from [mail] from to admin, or where there is none to those who were to get
 * it. Nothing is done, and id is "", where from is not set, or the entry is no
 * report from the null sender: what this makes has a sender, so it is made once. */
bool bounce_again(const struct settings *c, const char *hostname, struct hold_entry *he,
                  char id[ENTRY_ID_LEN + 1], struct fault *f)
    __attribute__((warn_unused_result));

/* To admin, in words of our own: subject and text in ASCII, text with CRLF line ends. of: what
 * it is about, in the form of an entry's id; while a report about that is held there is no
 * second. Nothing is done, and *done is false, where there is no admin. */
bool bounce_admin(const struct settings *c, const char *hostname, struct hold *h,
                  const char of[ENTRY_ID_LEN + 1], const char *subject, struct str text,
                  bool *done, struct fault *f) __attribute__((warn_unused_result));

#endif
