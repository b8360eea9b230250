/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * job - one request: an access token, a log-in, a log-out
 *
 * A token that is good for another minute is handed out as it is. Else one process of all
 * renews it, the others wait for it, and find it in the file. It is in the file, on disk,
 * before anybody gets it: with many providers the refresh token that was used is worth
 * nothing from then on. A login that is refused (invalid_grant) is remembered, and so is
 * for how long the provider is to be left alone: mail that waits must not ask it on and on.
 *
 * What a refresh token is worth while its successor is on the way lies with the provider.
 * Here only this can lose it: an end that no process can put off, between the provider's
 * taking the old one and the first write of its answer (cmd/token/store), at a provider that
 * takes the old one no second time. An answer that did not come is asked for again at once,
 * since most take it again for some seconds. Until the login is on disk no signal is let in.
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
	bool nobody;      /* has logged in */
	/* The access token of this sum is not good enough: the relay has refused it. */
	bool spurned;
	uint32_t spurned_sum;
};

/* dir: of the hold's state/. To be ended in any case. */
bool job_begin(struct job *j, const struct order *o, int dir, int peer, struct fault *f);
void job_end(struct job *j);

/* Afterwards j->kept has an access token that is good. */
bool job_get(struct job *j, struct fault *f);
bool job_logout(struct job *j, struct fault *f);
/* The administrator was told that the login is over. */
bool job_told(struct job *j, struct fault *f);
/* After a fault: has somebody to log in? *since: since when, if the administrator is to be
 * told, or 0. */
bool job_is_over(const struct job *j, int64_t *since);

/* The file is locked from here on, and what was answered to one that was ended is taken. */
bool job_lock(struct job *j, struct fault *f);
/* For a log-in: that, and the provider is known from here on. */
bool job_open(struct job *j, struct fault *f);
/* What an answer that is no success says: the error's name, or "". */
const char *job_error(const struct answer *a);
/* Keeps the tokens of an answer that is good (cmd/token/provider). */
bool job_take(struct job *j, const struct answer *a, struct fault *f);
/* f from an answer that is not what was hoped for. */
bool job_blame(const struct answer *a, long status, struct fault *f);

/* A line to who asks. False: they are gone. */
bool job_say(const struct job *j, enum order_said kind, const char *text);
/* SAID_OVER; since as of job_is_over. */
bool job_say_over(const struct job *j, int64_t since, const char *why);

#endif
