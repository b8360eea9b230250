/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * who - the person who called, and the rules for what he sends
 */
#ifndef CMD_SEND_WHO_H
#define CMD_SEND_WHO_H

#include "cmd/send/options.h"
#include "cmd/place.h"
#include "mail/rewrite.h"

struct who {
	char *login;     /* user name, or "uid4242" */
	char *full_name; /* -F, NAME, or gecos up to the first comma; "" */
	struct rewrite_sender *senders;
	struct rewrite identity;
};

void who_find(struct who *w, const struct place *p, const struct call *call);
void who_release(struct who *w);

#endif
