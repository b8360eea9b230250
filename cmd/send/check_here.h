/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * check_here - what --check sees on this host
 *
 * Host name, hold, post, log, aliases, clock and the last flush, each a row; what
 * the caller may not see is said to be so. Nothing is made or changed.
 */
#ifndef CMD_SEND_CHECK_HERE_H
#define CMD_SEND_CHECK_HERE_H

#include "cmd/place.h"

/* After place_names, which took names_ms, and place_become, before sandbox_policy.
 * False: something failed. */
bool check_here(struct place *p, int64_t names_ms);

#endif
