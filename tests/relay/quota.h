/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * How many messages the relay takes in a time, over all connections.
 *
 * Counted twice, as providers do it either way: at MAIL, and at the end of the message. In no
 * period, wherever it begins, come more than so many; what would be one too many is refused
 * and not counted.
 */
#ifndef RELAY_QUOTA_H
#define RELAY_QUOTA_H

#include <pthread.h>
#include <stdbool.h>

enum quota_place { QUOTA_MAIL, QUOTA_END, QUOTA_PLACES };

/* The last ones counted at a place: as many as are allowed, in a ring. */
struct quota_ring {
	long long *us;
	unsigned long long counted;
};

struct quota {
	unsigned count; /* 0: any number */
	unsigned period_ms;
	struct quota_ring ring[QUOTA_PLACES];
	pthread_mutex_t lock;
};

void quota_begin(struct quota *quota, unsigned count, unsigned period_ms);
void quota_end(struct quota *quota);

/* Counts a message; false: it is one too many. us: when that was, by a clock that all
 * connections share. */
bool quota_take(struct quota *quota, enum quota_place place, long long *us);

#endif
