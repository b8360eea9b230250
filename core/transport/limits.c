/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "transport/limits.h"

#include <unistd.h>

#include "os/clock.h"
#include "os/random.h"
#include "hold/rate.h"
#include "hold/slots.h"

#define NAP_MS 1000 /* the longest without a look at what stops us */

_Static_assert(SETTINGS_RATES_MAX <= RATE_RULES_MAX, "each rate is a rule");

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

static size_t rules_of(const struct settings_relay *relay,
                       struct rate_rule rules[RATE_RULES_MAX])
{
	for (size_t i = 0; i < relay->rate.count; i++)
		rules[i] = (struct rate_rule){relay->rate.at[i].count,
		                              relay->rate.at[i].seconds * 1000};
	return relay->rate.count;
}

bool limits_permit(struct limits *l, const struct settings_relay *relay, int64_t *wait_ms)
{
	struct rate_rule rules[RATE_RULES_MAX];
	size_t count = rules_of(relay, rules);
	*wait_ms = 0;
	if (count == 0 || l->permit == relay)
		return true;
	if (!rate_take(l->hold, relay->name, rules, count, clock_wall_ms(), wait_ms))
		return false;
	l->permit = relay;
	return true;
}

bool limits_permit_soon(struct limits *l, const struct settings_relay *relay, int64_t until)
{
	int64_t wait;
	while (!limits_permit(l, relay, &wait)) {
		if ((l->stop && *l->stop) || wait > clock_left_ms(until))
			return false;
		clock_pause_ms(wait < NAP_MS ? (int)wait : NAP_MS);
	}
	return true;
}

void limits_used(struct limits *l)
{
	l->permit = NULL;
}

void limits_slow(const struct limits *l, const struct settings_relay *relay)
{
	struct rate_rule rules[RATE_RULES_MAX];
	size_t count = rules_of(relay, rules);
	if (count > 0)
		rate_slow(l->hold, relay->name, rules, count, clock_wall_ms());
}
