/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * backoff - servers that are left alone for a while, remembered between runs
 *
 * One small file a server in the hold's state/, so that the next caller does
 * not wait for it again: a cause, a code and times, never a text. Losing it
 * costs time, never mail; nothing here fails. Each host that uses the hold, and
 * in a shared hold each user, remembers what was found there: a process can be
 * made to fail at will (its limits, its network, a signal), and would keep
 * everybody's mail. What the owner of the rooms found counts for all.
 *
 * A dead server is asked again after a time drawn at random below a limit, which
 * doubles from BACKOFF_FIRST up to the relay's dead_max: many hosts that lose
 * one server do not come back to it in the same second.
 */
#ifndef HOLD_BACKOFF_H
#define HOLD_BACKOFF_H

#include <stdbool.h>
#include <stdint.h>

#include "text/cause.h"
#include "hold/hold.h"

#define BACKOFF_FIRST    60 /* seconds: the first limit */
#define BUSY_MIN         10 /* seconds that a busy server is left alone, at random */
#define BUSY_MAX         60
#define BUSY_REMEMBERS   600   /* seconds that it is given fewer connections */
#define WINDOW_REMEMBERS 86400 /* seconds that it gets one message after the other */

struct backoff {
	enum cause cause; /* CAUSE_NONE: nothing is known */
	int code;
	bool busy;           /* it spoke, and wants less; else it is dead */
	int64_t since;       /* wall seconds, as all times here: since when, without a break */
	int64_t until;       /* not to be asked before */
	int64_t limit;       /* seconds: of what until was drawn from */
	int64_t uptime;      /* of this machine at since */
	int64_t failures;    /* in a row */
	int64_t last;        /* the last of them */
	int64_t connections; /* busy: how many it may have; 0: as configured */
};

/* What is remembered of the server with that key (any text); false: nothing. */
bool backoff_get(const struct hold *h, const char *key, struct backoff *b);
/* May this process be the one that asks it again? *fd is then to be closed by the caller
 * when it knows more; false: another does just now. */
bool backoff_probe(const struct hold *h, const char *key, int *fd);
void backoff_set(const struct hold *h, const char *key, const struct backoff *b);
void backoff_clear(const struct hold *h, const char *key); /* it answered */

/* May several messages be under way to it on a connection? That is kept in a file of its own,
 * which its answers do not clear. */
bool backoff_window(const struct hold *h, const char *key, int64_t wall);
/* Several came to harm there, for that cause. */
void backoff_close_window(const struct hold *h, const char *key, enum cause cause,
                          int64_t wall);

/* Is it to be left alone now? A time that no sane clock wrote does not count. Pure, as
 * the next two. */
bool backoff_stands(const struct backoff *b, int64_t wall);
/* It did not come to a login. The limit (max at most) doubles once the last wait is over:
 * of many processes that meet one silence, none makes it longer. */
void backoff_dead(struct backoff *b, enum cause cause, int code, int64_t max, int64_t wall,
                  int64_t uptime, uint32_t random);
/* It is busy; connections: how many it should have from now on. */
void backoff_busy(struct backoff *b, enum cause cause, int code, int64_t connections,
                  int64_t wall, uint32_t random);

#endif
