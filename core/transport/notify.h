/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * notify - reports to senders, put into the hold like any mail
 */
#ifndef TRANSPORT_NOTIFY_H
#define TRANSPORT_NOTIFY_H

#include "conf/config.h"
#include "hold/hold.h"
#include "mail/report.h"

/* Writes the report that is due for an entry and holds it. Nothing is due, and
 * the result is true, when the sender is null, the entry is a report itself,
 * or no recipient wants one; id is that of the new entry, or "". Made once, however often it is asked for. */
bool notify_sender(const struct config *c, const char *hostname, struct hold_entry *he,
                   enum report_kind kind, char id[ENTRY_ID_LEN + 1], struct fault *f)
    __attribute__((warn_unused_result));

#endif
