/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * clock - now, deadlines and the date
 *
 * Waiting uses the monotonic clock in milliseconds and absolute deadlines, so
 * that a chain of small waits cannot add up. The wall clock in seconds since
 * 1970 is for dates and for the hold. Both can be set by tests.
 */
#ifndef OS_CLOCK_H
#define OS_CLOCK_H

#include <stdint.h>

#define CLOCK_NEVER INT64_MAX

int64_t clock_mono_ms(void);   /* monotonic, milliseconds */
int64_t clock_wall(void);      /* seconds since 1970-01-01 UTC */
int64_t clock_wall_ms(void);   /* the same in milliseconds */
int64_t clock_uptime(void);    /* seconds the machine has run, sleep included where known */
int64_t clock_uptime_ms(void); /* the same in milliseconds */

/* Now plus ms, never overflowing. */
int64_t clock_deadline(int64_t ms);
/* The one of two deadlines that comes first. */
int64_t clock_sooner(int64_t a, int64_t b);
/* Milliseconds left until deadline: 0 if past, at most INT_MAX; for poll(2). */
int clock_left_ms(int64_t deadline);

/* Sleeps for so long, or until a signal comes. */
void clock_pause_ms(int ms);

/* Offset of local time from UTC at that second, in minutes (TZ is honoured). */
int clock_zone_min(int64_t wall);

/* Tests: fixes both clocks; a negative wall gives them back to the system. */
void clock_test_set(int64_t wall, int64_t mono_ms);

#endif
