/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * check_hold - sendmail --check, of the hold: is it there, whose is it, can it be written
 */
#ifndef CMD_SEND_CHECK_HOLD_H
#define CMD_SEND_CHECK_HOLD_H

#include "cmd/place.h"
#include "hold/hold.h"

struct check_hold {
	const struct place *place;
	struct hold hold; /* to look into, if it is open; for the caller to close */
	bool open;
	bool closed; /* it is not for this caller to see */
	bool ok;
};

/* Prints its rows. */
void check_hold(const struct place *p, struct check_hold *s);

/* Where nothing is yet at that path, the first message makes it: may it? Else f says why not. */
bool check_can_make(const char *path, struct fault *f);

#endif
