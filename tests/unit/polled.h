/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * polled - what a test asked poll(2) to wait for
 *
 * Every unit test has a poll of its own that keeps count. So a test can assert
 * that nobody would have waited too long, or that nobody waited in vain, on a
 * machine of any speed and load. How long something took says nothing; only
 * that it did not end too early may be asserted of a clock.
 */
#ifndef POLLED_H
#define POLLED_H

#include <stdint.h>

#define LONG_MS 30000 /* a deadline for what ends by itself, on any machine */

struct polled {
	int64_t asked_ms; /* all waits together that were asked for; none may be endless */
	int longest_ms;   /* the longest of them */
	int in_vain;      /* waits that were longer than none and ended with nothing */
	int endless;      /* without a limit */
};

extern struct polled polled;

void polled_clear(void);
/* From now on all of them end at once, with nothing. */
void polled_skip(void);
/* What else is to happen before each, such as what the other end does. */
void polled_before(void (*hook)(void));

#endif
