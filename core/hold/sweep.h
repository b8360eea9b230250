/* SPDX-License-Identifier: GPL-3.0-or-later */
/* sweep - what may leave the hold without anybody asking for it */
#ifndef HOLD_SWEEP_H
#define HOLD_SWEEP_H

#include "hold/hold.h"

/* Removes files in tmp/ that are older than 36 hours and not being written,
 * and entries in failed/ that are over, or older than keep seconds (0: none).
 * Nothing, for those who do not see all. */
void sweep_run(struct hold *h, int64_t wall, int64_t keep);

#endif
