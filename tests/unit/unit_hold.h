/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * unit_hold - an empty hold for one test, in a folder that goes with it
 */
#ifndef UNIT_HOLD_H
#define UNIT_HOLD_H

#include "hold/hold.h"

#define UNIT_FOLDER sizeof("/tmp/postern-unit-XXXXXX")

/* Makes the folder, and opens a hold there; the test fails where that fails. */
void unit_hold_open(struct hold *h, char folder[UNIT_FOLDER]);
/* Closes it, and removes the folder with all that is in it. */
void unit_hold_close(struct hold *h, const char *folder);

#endif
