/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * limits - what a relay allows us, and waiting for it
 *
 * The connections and the messages of all processes (hold/slots, hold/rate). Nothing is
 * locked while one waits.
 */
#ifndef TRANSPORT_LIMITS_H
#define TRANSPORT_LIMITS_H

#include "conf/settings.h"
#include "hold/hold.h"
#include "hold/rate.h"
#include "hold/slots.h"

#define CONNECTIONS_WAIT_MS  5000  /* where nobody waits for us */
#define CONNECTIONS_PAUSE_MS 75    /* on average */
#define RATE_WAIT_MS         65000 /* where nobody waits: the rate of a minute is kept to */

/* Of one process. */
struct limits {
	const struct hold *hold;
	int64_t until; /* monotonic ms: the caller waits no longer; 0: there is none */
	const volatile int *stop; /* or NULL */
	struct slot slot;         /* of the connection */
};

void limits_init(struct limits *l, const struct hold *hold, int64_t until,
                 const volatile int *stop);
/* Until when (monotonic ms) something is waited for: as long as the caller does, or for so
 * long from now. */
int64_t limits_patience(const struct limits *l, int64_t ms);
/* Waits for about so long; false: the time is over. */
bool limits_pause(const struct limits *l, int64_t until, int ms);

/* May this process open a connection to it beside those of all others? It has none yet. */
bool limits_connect(struct limits *l, const struct settings_relay *relay, int most)
    __attribute__((warn_unused_result));
int limits_others(const struct limits *l); /* that have one */
void limits_seen(struct limits *l);        /* a message has gone over it */
/* It has none any more; harmless without one. */
void limits_disconnect(struct limits *l);

/* May a message go to it now, beside those of all others? It is counted then. */
bool limits_permit(const struct limits *l, const struct settings_relay *relay,
                   struct rate_permit *permit) __attribute__((warn_unused_result));
/* It does not go. */
void limits_cancel(const struct limits *l, const struct settings_relay *relay,
                   const struct rate_permit *permit);
/* What became of it is known. */
void limits_ended(const struct limits *l, const struct settings_relay *relay,
                  const struct rate_permit *permit);
/* For how long none may, about, in ms; nothing is counted. */
int64_t limits_wait(const struct limits *l, const struct settings_relay *relay);
/* Waits until one may. False: not until then. */
bool limits_wait_until(const struct limits *l, const struct settings_relay *relay,
                       int64_t until) __attribute__((warn_unused_result));
/* The server says that we are too fast. */
void limits_slow(const struct limits *l, const struct settings_relay *relay);

#endif
