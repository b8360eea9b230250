/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * check_table - the rows that --check prints
 *
 * "  STEP   12 ms  TEXT" on standard output, a line each, printable whatever the
 * text was made of. What failed has FAILED for its step, what is only worth a look
 * "warning"; what to do about it is the next row.
 */
#ifndef CMD_SEND_CHECK_TABLE_H
#define CMD_SEND_CHECK_TABLE_H

#include <stdint.h>

/* ms: how long it took; negative: nothing that takes time. */
void check_table_head(const char *format, ...) __attribute__((format(printf, 1, 2)));
void check_table_row(const char *step, int64_t ms, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* "" is no advice. */
void check_table_advice(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
