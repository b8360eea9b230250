/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "conf/settings_guess.h"

#include <string.h>

static size_t least_of(size_t a, size_t b)
{
	return a < b ? a : b;
}

size_t settings_distance(struct str a, struct str b)
{
	size_t row[3][SETTINGS_NAME_MAX + 1];
	for (size_t j = 0; j <= b.len; j++)
		row[0][j] = j;
	for (size_t i = 1; i <= a.len; i++) {
		size_t *now = row[i % 3], *last = row[(i - 1) % 3], *before = row[(i + 1) % 3];
		char ca = ascii_lower(a.at[i - 1]);
		now[0] = i;
		for (size_t j = 1; j <= b.len; j++) {
			char cb = ascii_lower(b.at[j - 1]);
			now[j] = least_of(last[j], now[j - 1]) + 1;
			now[j] = least_of(now[j], last[j - 1] + (ca != cb));
			if (i > 1 && j > 1 && ca == ascii_lower(b.at[j - 2]) &&
			    cb == ascii_lower(a.at[i - 2]))
				now[j] = least_of(now[j], before[j - 2] + 1);
		}
	}
	return row[a.len % 3][b.len];
}

size_t settings_near_enough(struct str name)
{
	return least_of((name.len + 1) / 3, 3);
}

size_t settings_apart(struct str name, const char *known)
{
	size_t apart = STR_NONE;
	if (name.len <= SETTINGS_NAME_MAX && strlen(known) <= SETTINGS_NAME_MAX)
		apart = settings_distance(name, str_of(known));
	return apart <= settings_near_enough(name) ? apart : STR_NONE;
}
