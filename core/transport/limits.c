/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "transport/limits.h"

#include <unistd.h>

#include "os/clock.h"
#include "os/random.h"
#include "hold/slots.h"

void limits_init(struct limits *l, const struct hold *hold, int64_t until,
                 const volatile int *stop)
{
	*l = (struct limits){.hold = hold, .until = until, .stop = stop, .slot = -1};
}

int64_t limits_patience(const struct limits *l, int64_t ms)
{
	return l->until > 0 ? l->until : clock_deadline(ms);
}

/* Many that wait for one thing are not to ask for it in the same moment. */
bool limits_pause(const struct limits *l, int64_t until, int ms)
{
	if ((l->stop && *l->stop) || clock_left_ms(until) == 0)
		return false;
	int third = ms / 3 + 1;
	clock_pause_ms(ms - third + (int)(random_number() % (2 * (unsigned)third)));
	return !(l->stop && *l->stop);
}

bool limits_connect(struct limits *l, const struct settings_relay *relay, int most)
{
	return slots_take(l->hold, relay->name, most, &l->slot);
}

int limits_others(const struct limits *l)
{
	return slots_others(l->slot);
}

void limits_disconnect(struct limits *l)
{
	if (l->slot >= 0)
		close(l->slot);
	l->slot = -1;
}
