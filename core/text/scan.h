/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * scan - bytes copied up to the first that is no ordinary one, at the speed of memory
 *
 * As many at once as the processor compares; byte by byte it is the same.
 */
#ifndef TEXT_SCAN_H
#define TEXT_SCAN_H

#include <stdbool.h>
#include <stddef.h>

#define SCAN_LAST '\r' /* NUL, tab and LF are below it, and little else of a text */

/* Copies bytes to the first that is at most SCAN_LAST, and no more than len, at the speed of
 * memory; to has room for len. Returns how many; *has_8bit becomes true if one of these is
 * over 127. */
size_t scan_copy(char *to, const char *from, size_t len, bool *has_8bit);

#endif
