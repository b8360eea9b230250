/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "os/clock.h"

#include <limits.h>
#include <stdbool.h>
#include <time.h>

/* As config.h has it: no clock of ours ends in 2038. */
_Static_assert(sizeof(time_t) >= 8, "times have 64 bits");

/* The only state: what a test has set. */
static bool test_set;
static int64_t test_wall, test_mono_ms;

static bool read_clock(clockid_t id, struct timespec *now)
{
	*now = (struct timespec){0};
	return clock_gettime(id, now) == 0;
}

static int64_t in_ms(const struct timespec *time)
{
	return (int64_t)time->tv_sec * 1000 + time->tv_nsec / 1000000;
}

int64_t clock_mono_ms(void)
{
	if (test_set)
		return test_mono_ms;
	struct timespec now;
	read_clock(CLOCK_MONOTONIC, &now);
	return in_ms(&now);
}

int64_t clock_wall(void)
{
	if (test_set)
		return test_wall;
	struct timespec now;
	read_clock(CLOCK_REALTIME, &now);
	return now.tv_sec;
}

int64_t clock_wall_ms(void)
{
	if (test_set)
		return test_wall * 1000;
	struct timespec now;
	read_clock(CLOCK_REALTIME, &now);
	return in_ms(&now);
}

int64_t clock_uptime_ms(void)
{
	struct timespec now;
	if (test_set)
		return test_mono_ms;
#ifdef CLOCK_BOOTTIME
	if (read_clock(CLOCK_BOOTTIME, &now))
		return in_ms(&now);
#endif
	read_clock(CLOCK_MONOTONIC, &now);
	return in_ms(&now);
}

int64_t clock_uptime(void)
{
	return clock_uptime_ms() / 1000;
}

int64_t clock_deadline(int64_t ms)
{
	int64_t now = clock_mono_ms();
	if (ms <= 0)
		return now;
	return ms > CLOCK_NEVER - now ? CLOCK_NEVER : now + ms;
}

int64_t clock_sooner(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

int clock_left_ms(int64_t deadline)
{
	int64_t now = clock_mono_ms();
	if (deadline <= now)
		return 0;
	if (now < 0 && deadline > INT_MAX + now)
		return INT_MAX;
	return deadline - now > INT_MAX ? INT_MAX : (int)(deadline - now);
}

void clock_pause_ms(int ms)
{
	const struct timespec pause = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000L};
	nanosleep(&pause, NULL);
}

int clock_zone_min(int64_t wall)
{
	time_t at = (time_t)wall;
	tzset();
	struct tm local, utc;
	if (!localtime_r(&at, &local) || !gmtime_r(&at, &utc))
		return 0;
	int days = local.tm_yday - utc.tm_yday;
	if (local.tm_year != utc.tm_year)
		days = local.tm_year < utc.tm_year ? -1 : 1;
	return (days * 24 + local.tm_hour - utc.tm_hour) * 60 + local.tm_min - utc.tm_min;
}

void clock_test_set(int64_t wall, int64_t mono_ms)
{
	test_set = wall >= 0;
	test_wall = wall;
	test_mono_ms = mono_ms;
}
