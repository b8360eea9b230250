/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * check - sendmail --check: would mail go out?
 */
#ifndef CMD_CHECK_H
#define CMD_CHECK_H

#include "cmd/place.h"

/* For each relay (or those named): looks up, connects, secures, logs in, and
 * prints what it saw and how long each step took. Sends no mail. 0 only if
 * every server of every relay passed, 64 for an unknown name, else 75. */
int check_relays(struct place *p, char *const *names, size_t count, bool verbose);

#endif
