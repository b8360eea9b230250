/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * outlook - what a try would come to where nobody need be asked
 *
 * While every server that could take an entry is left alone (hold/backoff), a try of it
 * ends where it began: its recipients wait for that reason. That can be known without a
 * connection, a look-up or the program that has TLS.
 */
#ifndef TRANSPORT_OUTLOOK_H
#define TRANSPORT_OUTLOOK_H

#include "text/fault.h"
#include "conf/settings.h"
#include "hold/hold.h"
#include "mail/verdict.h"

/* Would a first try of those who wait in it ask any server? True also where that is not
 * known: servers that are to be looked up, a recipient whom no relay serves, nobody who
 * waits. */
bool outlook_asks(const struct settings *c, const struct hold *h, const struct envelope *e);

/* What a first try of the held entry would do if outlook_asks says no: those who wait get
 * their verdicts in the hold, and reason says why the first of them does. False: nothing
 * is done, and the entry is to be tried. */
bool outlook_put_off(const struct settings *c, struct hold *h, const char *id,
                     char reason[VERDICT_LINE_MAX]);

/* Of an entry in which everybody waits, and whose try is known to come to that: writes it down
 * as the try would. */
bool outlook_mark_all(struct hold_entry *he, const struct verdict *why, struct fault *f)
    __attribute__((warn_unused_result));

#endif
