/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "quota.h"

#include <stdlib.h>
#include <time.h>

#include "text.h"

void quota_begin(struct quota *quota, unsigned count, unsigned period_ms)
{
	*quota = (struct quota){.count = count, .period_ms = period_ms};
	pthread_mutex_init(&quota->lock, NULL);
	for (int i = 0; count && i < QUOTA_PLACES; i++) {
		quota->ring[i].us = calloc(count, sizeof(long long));
		if (!quota->ring[i].us)
			die("out of memory");
	}
}

void quota_end(struct quota *quota)
{
	for (int i = 0; i < QUOTA_PLACES; i++)
		free(quota->ring[i].us);
	pthread_mutex_destroy(&quota->lock);
}

static long long now_us(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000000LL + now.tv_nsec / 1000;
}

bool quota_take(struct quota *quota, enum quota_place place, long long *us)
{
	struct quota_ring *ring = &quota->ring[place];
	pthread_mutex_lock(&quota->lock);
	*us = now_us();
	long long *oldest = quota->count ? &ring->us[ring->counted % quota->count] : NULL;
	bool taken = !oldest || ring->counted < quota->count ||
	             *us - *oldest >= quota->period_ms * 1000LL;
	if (taken && oldest) {
		*oldest = *us;
		ring->counted++;
	}
	pthread_mutex_unlock(&quota->lock);
	return taken;
}
