/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "hold/retry.h"

#define GIVE_UP_TRIES 3
/* Seconds of uptime between the two failed tries of a doubtful clock. */
#define SECOND_LOOK 1800
/* Seconds by which wall clock and uptime may differ and still agree. */
#define CLOCK_SLACK 600

int64_t retry_wait(const struct retry_rules *rules, int64_t attempts, uint32_t random)
{
	int64_t wait = rules->first;
	for (int64_t i = 1; i < attempts && wait > 0 && wait < rules->max; i++)
		wait *= 2;
	if (wait > rules->max)
		wait = rules->max;
	int64_t jitter = wait / 10;
	return wait - jitter + (int64_t)(random % (uint64_t)(2 * jitter + 1));
}

bool retry_delayed(const struct entry *e, int64_t wall)
{
	return e->tried == 0 && e->next_try > wall && e->created <= wall + CLOCK_SLACK &&
	       e->next_try - e->created <= ENTRY_DELAY_MAX + CLOCK_SLACK;
}

bool retry_due(const struct retry_rules *rules, const struct entry *e, int64_t wall)
{
	if (e->next_try <= wall)
		return true;
	return !retry_delayed(e, wall) && e->next_try - wall > 2 * rules->max;
}

/* Did wall clock and uptime go on by the same since then? A boot starts uptime again. */
static bool clocks_agree(int64_t then_wall, int64_t then_uptime, int64_t wall, int64_t uptime)
{
	if (then_wall == 0 || uptime < then_uptime)
		return false;
	int64_t by_wall = wall - then_wall, by_uptime = uptime - then_uptime;
	int64_t difference = by_wall > by_uptime ? by_wall - by_uptime : by_uptime - by_wall;
	return difference <= CLOCK_SLACK;
}

/* past: its time is over, by the wall clock. agree: which can be believed. */
static bool give_up(struct entry *e, bool past, bool agree, int64_t tries, int64_t uptime)
{
	/* Agreement since a try that was past the expiry already says nothing: the
	 * clock was perhaps wrong then, and is so still. */
	bool over = past && tries >= GIVE_UP_TRIES &&
	            (e->overdue == 0 ? agree : uptime - e->overdue >= SECOND_LOOK);
	/* A boot starts uptime again: the first doubtful look is then taken anew. */
	if (!past || uptime < e->overdue)
		e->overdue = 0;
	if (past && e->overdue == 0)
		e->overdue = uptime > 0 ? uptime : 1;
	return over;
}

bool retry_failed(const struct retry_rules *rules, struct entry *e, int64_t wall,
                  int64_t uptime, uint32_t random)
{
	bool agree = clocks_agree(e->tried, e->uptime, wall, uptime);
	e->attempts++;
	bool over = give_up(e, wall - e->created > rules->expire, agree, e->attempts, uptime);
	e->tried = wall;
	e->uptime = uptime;
	e->next_try = wall + retry_wait(rules, e->attempts, random);
	return over;
}

bool retry_outlived(const struct retry_rules *rules, struct entry *e,
                    const struct retry_outage *o, int64_t wall, int64_t uptime)
{
	int64_t begin = e->created > o->since ? e->created : o->since;
	return give_up(e, wall - begin > rules->expire,
	               clocks_agree(o->since, o->uptime, wall, uptime), o->failures, uptime);
}

bool retry_clock_seen(struct retry_clock *c, int64_t wall, int64_t uptime)
{
	if (!clocks_agree(c->wall, c->uptime, wall, uptime))
		c->doubt = uptime > 0 ? uptime : 1;
	else if (c->doubt > 0 && uptime - c->doubt >= SECOND_LOOK)
		c->doubt = 0;
	c->wall = wall;
	c->uptime = uptime;
	return c->doubt == 0;
}
