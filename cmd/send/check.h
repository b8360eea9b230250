/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * check - sendmail --check: would mail go out?
 */
#ifndef CMD_SEND_CHECK_H
#define CMD_SEND_CHECK_H

#include "cmd/send/options.h"
#include "cmd/place.h"

/* Looks at what is here (cmd/send/check_here), then at each relay, or those that are the
 * operands (cmd/send/check_relay), and prints what it saw. Sends no mail. 0 only if all
 * passed, 64 for an unknown name, else 75. */
int check_all(struct place *p, const struct call *call);

#endif
