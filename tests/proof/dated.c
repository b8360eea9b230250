/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * dated - a program whose clocks are set by a test
 *
 * Loaded with LD_PRELOAD. Times of files are not touched.
 *
 *   DATED=SECONDS   are added to the wall clock, and
 *   DATED_UPTIME=1  to the other clocks too, as when time passes
 *   DATED_SPEED=N   all clocks run N times as fast
 *   DATED_FROM=S    from the second on in which the monotonic clock was at S
 *
 * At a speed its pauses, and what it waits for in poll, are as much shorter (on Linux). Programs
 * with the same two have the same clocks.
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
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
#define PPOLL_CALL SYS_ppoll_time64
#else
#define PPOLL_CALL SYS_ppoll
#endif
#define BILLION 1000000000LL

static struct {
	long long added, speed, from;
	bool all_clocks;
} set = {.speed = 1};

static long long number(const char *name, long long otherwise)
{
	const char *text = getenv(name);
	return text ? strtoll(text, NULL, 10) : otherwise;
}

/* At once: programs leave their environment behind. */
__attribute__((constructor)) static void read_environment(void)
{
	set.added = number("DATED", 0);
	set.all_clocks = getenv("DATED_UPTIME") != NULL;
	set.from = number("DATED_FROM", 0);
	set.speed = number("DATED_SPEED", 1);
}

/* What has passed by these clocks, and not by the system's. */
static void add_gain(struct timespec *now)
{
	struct timespec real;
	long long factor = set.speed - 1;
	if (factor == 0 || syscall(CLOCK_CALL, CLOCK_MONOTONIC, &real) != 0)
		return;
	long long gain =
	    ((real.tv_sec - set.from) * BILLION + real.tv_nsec) * factor + now->tv_nsec;
	now->tv_sec += (time_t)(gain / BILLION);
	now->tv_nsec = (long)(gain % BILLION);
}

int clock_gettime(clockid_t id, struct timespec *now)
{
	if (syscall(CLOCK_CALL, id, now) != 0)
		return -1;
	add_gain(now);
	if (id == CLOCK_REALTIME || set.all_clocks)
		now->tv_sec += (time_t)set.added;
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

#ifdef __linux__

static struct timespec shorter(const struct timespec *time)
{
	long long ns = (time->tv_sec * BILLION + time->tv_nsec) / set.speed;
	return (struct timespec){.tv_sec = (time_t)(ns / BILLION),
	                         .tv_nsec = (long)(ns % BILLION)};
}

int nanosleep(const struct timespec *time, struct timespec *left)
{
	const struct timespec pause = shorter(time);
	errno = clock_nanosleep(CLOCK_MONOTONIC, 0, &pause, left);
	return errno == 0 ? 0 : -1;
}

int ppoll(struct pollfd *fds, nfds_t count, const struct timespec *time, const sigset_t *mask)
{
	struct timespec pause = {.tv_sec = 0};
	if (time)
		pause = shorter(time);
	return (int)syscall(PPOLL_CALL, fds, count, time ? &pause : NULL, mask, _NSIG / 8);
}

int poll(struct pollfd *fds, nfds_t count, int ms)
{
	const struct timespec time = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000L};
	return ppoll(fds, count, ms < 0 ? NULL : &time, NULL);
}

#endif
