/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * idna - internationalised domain names (RFC 5890, IDNA 2008)
 *
 * A name has one ASCII form, or none: nothing is left out of it, taken for
 * something similar or mapped as older versions did, since another name is
 * another person's. Only letters in upper case become those in lower case.
 */
#ifndef TEXT_IDNA_H
#define TEXT_IDNA_H

#include "text/buf.h"
#include "text/fault.h"

enum idna_mapped { IDNA_MAPPED, IDNA_NO_NAME, IDNA_FAILED };

/* Adds the A-labels of a domain that is not ASCII. IDNA_FAILED, with the fault: it could
 * not be found out. */
typedef enum idna_mapped idna_map(struct buf *out, struct str domain, struct fault *f);

/* Who converts, from now on, in this process; main says so. */
void idna_use(idna_map *by);
/* The library does (GnuTLS): whoever names this links it. */
idna_map idna_by_library;

/* Adds the domain as A-labels ("bücher" becomes "xn--bcher-kva"); one in ASCII stays
 * as it is. What IDNA 2008 does not allow is FAULT_DATA; FAULT_SYSTEM: it could not be
 * found out. */
bool idna_domain(struct buf *out, struct str domain, struct fault *f)
    __attribute__((warn_unused_result));

/* Adds the mailbox with its domain as A-labels ("bücher" becomes
 * "xn--bcher-kva"); an ASCII domain, a literal or none stays as it is. A name
 * that is no valid IDNA is FAULT_DATA, as above. */
bool idna_mailbox(struct buf *out, struct str mailbox, struct fault *f)
    __attribute__((warn_unused_result));

#endif
