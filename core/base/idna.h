/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * idna - internationalised domain names (RFC 5890) in envelope addresses
 */
#ifndef BASE_IDNA_H
#define BASE_IDNA_H

#include "base/buf.h"
#include "base/fault.h"

/* Adds the mailbox with its domain as A-labels ("bücher" becomes
 * "xn--bcher-kva"); an ASCII domain, a literal or none stays as it is. A name
 * that is no valid IDNA is FAULT_DATA. */
bool idna_mailbox(struct buf *out, struct str mailbox, struct fault *f)
    __attribute__((warn_unused_result));

#endif
