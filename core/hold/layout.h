/* SPDX-License-Identifier: GPL-3.0-or-later */
/* layout - how the fixed parts of an entry (hold/entry.h) are written. libc only, for post. */
#ifndef HOLD_LAYOUT_H
#define HOLD_LAYOUT_H

#include <stdbool.h>
#include <stdint.h>

#define ENTRY_VERSION      2
#define ENTRY_VERSION_MIN  1 /* the oldest that is read */
#define ENTRY_ID_LEN       12
#define ENTRY_HEAD         512
#define ENTRY_SLOT         256
#define ENTRY_TRAILER      64
#define ENTRY_RCPT_MAX     200000
#define ENTRY_ADDRESS_MAX  320
#define ENTRY_ENVELOPE_MAX (128 * 1024 * 1024)
#define HEAD_LINE          32
#define ENTRY_DELAY_MAX    (366 * 86400) /* seconds: the longest that a sender may ask for */

/* The lines of the head. HEAD_8BIT has bits, HEAD_ENVELOPE a length. */
enum { EIGHT_BODY = 1, EIGHT_HEADER = 2 };
/* clang-format off */
enum head_line {
	HEAD_VERSION, HEAD_ID, HEAD_CREATED, HEAD_UID, HEAD_RECIPIENTS, HEAD_SIZE, HEAD_LONGEST,
	HEAD_8BIT, HEAD_ATTEMPTS, HEAD_NEXT, HEAD_TRIED, HEAD_UPTIME, HEAD_OVERDUE, HEAD_FROZEN,
	HEAD_WARNED, HEAD_ENVELOPE, HEAD_LINES
};
/* clang-format on */
extern const char *const layout_keys[HEAD_LINES];

/* values: those of HEAD_VERSION and HEAD_ID are not used. */
void layout_head(char head[ENTRY_HEAD], const char *id, const long long values[HEAD_LINES]);
/* Of a recipient: state is a letter of enum rcpt_state; a long text (hold/entry) is cut. */
void layout_slot(char slot[ENTRY_SLOT], char state, bool told, int code, const char *status,
                 const char *text);
/* Of length bytes of envelope and message, with that CRC. */
void layout_trailer(char trailer[ENTRY_TRAILER], uint64_t length, uint32_t crc);

#endif
