/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * sender - the person who called, and the rules for what they send
 */
#ifndef SUBMIT_SENDER_H
#define SUBMIT_SENDER_H

#include <sys/types.h>

#include "conf/settings.h"
#include "mail/rewrite.h"
#include "submit/submission_options.h"

struct sender {
	char *login;     /* user name, or "uid4242" */
	char *full_name; /* of the options, NAME, or gecos up to the first comma; "" */
	struct rewrite_sender *senders;
	struct rewrite rewrite; /* borrows from the above and from what sender_find got */
};

/* Of that user, known to the system or not. NAME counts if it is this process'. */
void sender_find(struct sender *s, uid_t user, const struct settings *c,
                 const struct local *local, const struct submission_options *o);
void sender_release(struct sender *s);

#endif
