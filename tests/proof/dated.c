/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * dated - a program whose clocks are set by a test
 *
 * Loaded with LD_PRELOAD. Times of files are not touched.
 *
 *   DATED=SECONDS   are added to the wall clock, and
 *   DATED_UPTIME=1  to the other clocks too, as when time passes
 *   DATED_FAST=N    the other clocks run N times as fast, and what poll(2) and ppoll(2) wait
 *                   for comes N times as soon
 */
#undef _FORTIFY_SOURCE
#include <poll.h>
#include <signal.h>
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

#if defined(_TIME_BITS) && defined(SYS_ppoll_time64)
#define POLL_CALL SYS_ppoll_time64
#else
#define POLL_CALL SYS_ppoll
#endif

#define NS 1000000000LL

/* Programs leave their environment behind. */
static long long fast(void)
{
	static long long times;
	const char *text = times ? NULL : getenv("DATED_FAST");
	if (!times)
		times = text ? strtoll(text, NULL, 10) : 1;
	return times;
}

int ppoll(struct pollfd *fds, nfds_t count, const struct timespec *wait, const sigset_t *mask)
{
	struct timespec less;
	if (wait) {
		long long ns = (wait->tv_sec * NS + wait->tv_nsec) / fast();
		less.tv_sec = (time_t)(ns / NS);
		less.tv_nsec = (long)(ns % NS);
	}
	return (int)syscall(POLL_CALL, fds, count, wait ? &less : NULL, mask, mask ? 8 : 0);
}

int poll(struct pollfd *fds, nfds_t count, int wait_ms)
{
	struct timespec wait = {wait_ms / 1000, wait_ms % 1000 * 1000000L};
	return ppoll(fds, count, wait_ms < 0 ? NULL : &wait, NULL);
}

/* Since the first look at it. */
static void hurry(struct timespec *now)
{
	static long long first;
	long long ns = now->tv_sec * NS + now->tv_nsec;
	first = first ? first : ns;
	ns = first + (ns - first) * fast();
	now->tv_sec = (time_t)(ns / NS);
	now->tv_nsec = (long)(ns % NS);
}

int clock_gettime(clockid_t id, struct timespec *now)
{
	if (syscall(CLOCK_CALL, id, now) != 0)
		return -1;
	if (id != CLOCK_REALTIME)
		hurry(now);
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
