/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * format - entries in the words that people and monitors read
 *
 * Times, ages, names of states, and the one way in which bytes of an entry get
 * into text: as printable ASCII. Pure but for the time zone.
 */
#ifndef CMD_LIST_FORMAT_H
#define CMD_LIST_FORMAT_H

#include <stdint.h>

#include "text/buf.h"
#include "mail/envelope.h"

#define FORMAT_TIME 32 /* room for a time or an age */

/* "Sat Nov 21 20:46:44", local time, whatever the locale. */
void format_time(char to[FORMAT_TIME], int64_t wall);
/* "45s", "12m", "47h", "2d": whole units, days from two on. Negative is "0s". */
void format_age(char to[FORMAT_TIME], int64_t seconds);

/* The ending of a noun after that number: "", or "s". */
const char *format_plural(uint64_t n);
/* Kbytes, rounded, as Postfix counts them. */
unsigned long long format_kbytes(uint64_t bytes);

/* Adds s as printable ASCII, other bytes as \xHH, a backslash doubled. */
bool format_add(struct buf *out, struct str s) __attribute__((warn_unused_result));
/* The same for a reason, which was escaped when it was recorded: a backslash stays. */
bool format_add_reason(struct buf *out, struct str s) __attribute__((warn_unused_result));
/* The sender, or MAILER-DAEMON for the null reverse-path, as Postfix does. */
const char *format_sender(const struct envelope *e);
/* "waiting", "delivered", "failed". */
const char *format_state(enum rcpt_state state);
/* Why it waits or has failed, or empty. failed: of an entry in failed/, where nobody waits for
 * a server: it was handed in while the configuration was faulty. */
void format_reason(const struct rcpt *r, bool failed, char to[VERDICT_LINE_MAX]);

#endif
