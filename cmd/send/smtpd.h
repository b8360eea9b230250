/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * smtpd - SMTP on standard input and output (-bs)
 *
 * Each message is durable before its 250. What becomes of it then is not the
 * session's matter: flushq is started beside it, and failures are reported to
 * the sender. Replies wait in memory while the client writes without reading,
 * so that one which writes all its commands first gets stuck only after some
 * hundred thousand of them.
 *
 * A foreign client (cmd/send/connection) is given so much time and no more, and what it says
 * must be SMTP from the first line.
 */
#ifndef CMD_SEND_SMTPD_H
#define CMD_SEND_SMTPD_H

#include "text/fault.h"
#include "cmd/send/options.h"
#include "cmd/place.h"

/* One session; the exit code: 0 after QUIT or the end of the input between
 * messages. Of the call only what is for every message counts: -F, -G, --hold,
 * --delay, --relay. closed: NULL, or why no mail can be taken; then that is
 * all the client is told, and the exit code is that of its kind. foreign: so is the client. */
int smtpd_run(struct place *p, const struct call *call, const struct fault *closed,
              bool foreign);

#endif
