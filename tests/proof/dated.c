/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * dated - a program whose clocks are set by a test
 *
 * Loaded with LD_PRELOAD. Times of files are not touched.
 *
 *   DATED=SECONDS   are added to the wall clock, and
 *   DATED_UPTIME=1  to the other clocks too, as when time passes
 */
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

/* What the compiler takes time_t for here may be wider than what the old call writes. */
#if defined(_TIME_BITS) && defined(SYS_clock_gettime64)
#define CLOCK_CALL SYS_clock_gettime64
#else
#define CLOCK_CALL SYS_clock_gettime
#endif

int clock_gettime(clockid_t id, struct timespec *now)
{
	if (syscall(CLOCK_CALL, id, now) != 0)
		return -1;
	const char *seconds = getenv("DATED");
	if (seconds && (id == CLOCK_REALTIME || getenv("DATED_UPTIME")))
		now->tv_sec += (time_t)strtoll(seconds, NULL, 10);
	return 0;
}

time_t time(time_t *to)
{
	struct timespec now;
	if (clock_gettime(CLOCK_REALTIME, &now) != 0)
		return (time_t)-1;
	if (to)
		*to = now.tv_sec;
	return now.tv_sec;
}
