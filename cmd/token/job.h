/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * job - one request: an access token, a log-in, a log-out
 *
 * A token that is good for another minute is handed out as it is. Else one process of all
 * renews it, the others wait for it, and find it in the file. It is in the file, on disk,
 * before anybody gets it: with many providers the refresh token that was used is worth
 * nothing from then on. A login that is refused (invalid_grant) is remembered, and so is
 * for how long the provider is to be left alone: mail that waits must not ask it on and on.
 */
#ifndef CMD_TOKEN_JOB_H
#define CMD_TOKEN_JOB_H

#include <stdint.h>

#include "cmd/token/provider.h"
#include "cmd/token/store.h"
#include "oauth/kept.h"
#include "oauth/order.h"

struct job {
	const struct order *order; /* borrowed */
	struct store store;
	struct kept kept;
	struct provider provider;
	int64_t deadline; /* monotonic ms */
	int peer;         /* descriptor of who asks; borrowed */
};

/* dir: of the hold's state/. To be ended in any case. */
bool job_begin(struct job *j, const struct order *o, int dir, int peer, struct fault *f);
void job_end(struct job *j);

/* Afterwards j->kept has an access token that is good. */
bool job_get(struct job *j, struct fault *f);
bool job_logout(struct job *j, struct fault *f);

/* For a log-in: the file is locked and the provider known from here on. */
bool job_open(struct job *j, struct fault *f);
/* The form goes to the token endpoint, and what comes back is kept. */
bool job_redeem(struct job *j, struct buf *form, struct fault *f);
/* What an answer that is no success says: the error's name, or "". */
const char *job_error(const struct answer *a);
/* Keeps the tokens of an answer, which has the status 200. */
bool job_take(struct job *j, const struct answer *a, struct fault *f);
/* f from an answer that is not what was hoped for. */
bool job_blame(const struct answer *a, long status, struct fault *f);

/* A line to who asks. False: they are gone. */
bool job_say(const struct job *j, enum order_said kind, const char *text);

#endif
