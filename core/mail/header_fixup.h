/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * header_fixup - the header of a submitted message brought into its final form
 *
 * The part of mail/message that works on the whole header: hop count,
 * recipients for -t, fields removed and added, senders rewritten, encoding, folding.
 * Fields that need nothing keep their bytes and their order; fields added go
 * behind the others (Resent- ones in front of the first Resent- field,
 * Received on top). mail/message is its only caller.
 */
#ifndef MAIL_HEADER_FIXUP_H
#define MAIL_HEADER_FIXUP_H

#include "text/fault.h"
#include "mail/header.h"
#include "mail/message_rules.h"

/* Calls hooks->recipient for each recipient if rules->take_recipients: from
 * Resent-To, -Cc and -Bcc if there is one of them, else from To, Cc and Bcc
 * (a field that cannot be parsed is FAULT_DATA). Over 100 Received fields are
 * FAULT_REFUSED, as RFC 5321 section 6.3 has it. */
bool header_fixup(struct header *h, const struct message_rules *rules,
                  const struct message_hooks *hooks, struct fault *f)
    __attribute__((warn_unused_result));

#endif
