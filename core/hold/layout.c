/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "hold/layout.h"

#include <stdio.h>

const char *const layout_keys[HEAD_LINES] = {"postern-entry", "id",     "created", "uid",
                                             "recipients",    "size",   "longest", "8bit",
                                             "attempts",      "next",   "tried",   "uptime",
                                             "overdue",       "frozen", "warned",  "envelope"};

/* Blanks behind the text of a line that was n long, or wanted to be. */
static void fill(char *line, size_t len, int n)
{
	for (size_t i = (size_t)n; i < len; i++)
		line[i] = ' ';
	line[len - 1] = '\n';
}

void layout_head(char head[ENTRY_HEAD], const char *id, const long long values[HEAD_LINES])
{
	for (int i = 0; i < HEAD_LINES; i++) {
		char *at = head + i * HEAD_LINE;
		long long value = i == HEAD_VERSION ? ENTRY_VERSION : values[i];
		fill(at, HEAD_LINE,
		     i == HEAD_ID ? snprintf(at, HEAD_LINE, "%s %s", layout_keys[i], id)
		                  : snprintf(at, HEAD_LINE, "%s %lld", layout_keys[i], value));
	}
}

void layout_slot(char slot[ENTRY_SLOT], char state, bool told, int code, const char *status,
                 const char *text)
{
	fill(slot, ENTRY_SLOT,
	     snprintf(slot, ENTRY_SLOT, "%c%c%03d:%-11.11s %s", state, told ? '*' : ' ', code,
	              status, text));
}

void layout_trailer(char trailer[ENTRY_TRAILER], uint64_t length, uint32_t crc)
{
	fill(trailer, ENTRY_TRAILER,
	     snprintf(trailer, ENTRY_TRAILER, "postern-end %020llu %08lX",
	              (unsigned long long)length, (unsigned long)crc));
}
