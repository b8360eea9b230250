/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "transport/limits.h"

#include "os/clock.h"
#include "os/random.h"

#define NAP_MS 1000 /* the longest without a look at what stops us */

_Static_assert(SETTINGS_RATES_MAX <= RATE_RULES_MAX, "each rate is a rule");

void limits_init(struct limits *l, const struct hold *hold, int64_t until,
                 const volatile int *stop)
{
	*l = (struct limits){.hold = hold, .until = until, .stop = stop, .slot = {.fd = -1}};
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
	return slots_take(l->hold, relay->name, most, clock_wall(), &l->slot);
}

int limits_others(const struct limits *l)
{
	return slots_others(&l->slot);
}

void limits_seen(struct limits *l)
{
	slots_seen(&l->slot, clock_wall());
}

void limits_disconnect(struct limits *l)
{
	slots_release(&l->slot);
}

/* As it is now. */
static struct rate rate_of(const struct limits *l, const struct settings_relay *relay)
{
	struct rate r = {.hold = l->hold,
	                 .relay = relay->name,
	                 .count = relay->rate.count,
	                 .clock = {clock_wall_ms(), clock_uptime_ms()}};
	for (size_t i = 0; i < r.count; i++)
		r.rules[i] = (struct rate_rule){relay->rate.at[i].count,
		                                relay->rate.at[i].seconds * 1000};
	return r;
}

bool limits_permit(const struct limits *l, const struct settings_relay *relay,
                   struct rate_permit *permit)
{
	int64_t wait;
	*permit = (struct rate_permit){.at = 0};
	if (relay->rate.count == 0)
		return true;
	const struct rate r = rate_of(l, relay);
	return rate_take(&r, permit, &wait);
}

void limits_cancel(const struct limits *l, const struct settings_relay *relay,
                   const struct rate_permit *permit)
{
	if (permit->at == 0)
		return;
	const struct rate r = rate_of(l, relay);
	rate_cancel(&r, permit);
}

void limits_ended(const struct limits *l, const struct settings_relay *relay,
                  const struct rate_permit *permit)
{
	if (permit->at == 0)
		return;
	const struct rate r = rate_of(l, relay);
	rate_ended(&r, permit);
}

int64_t limits_wait(const struct limits *l, const struct settings_relay *relay)
{
	if (relay->rate.count == 0)
		return 0;
	const struct rate r = rate_of(l, relay);
	return rate_ask(&r);
}

bool limits_wait_until(const struct limits *l, const struct settings_relay *relay,
                       int64_t until)
{
	int64_t wait;
	while ((wait = limits_wait(l, relay)) > 0) {
		if ((l->stop && *l->stop) || wait > clock_left_ms(until))
			return false;
		clock_pause_ms(wait < NAP_MS ? (int)wait : NAP_MS);
	}
	return true;
}

void limits_slow(const struct limits *l, const struct settings_relay *relay)
{
	if (relay->rate.count == 0)
		return;
	const struct rate r = rate_of(l, relay);
	rate_slow(&r);
}
