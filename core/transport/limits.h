/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * limits - what a relay allows us, and waiting for it
 *
 * The connections of all processes (hold/slots). Nothing is locked while one waits.
 */
#ifndef TRANSPORT_LIMITS_H
#define TRANSPORT_LIMITS_H

#include "conf/settings.h"
#include "hold/hold.h"

#define CONNECTIONS_WAIT_MS  5000 /* where nobody waits for us */
#define CONNECTIONS_PAUSE_MS 75   /* on average */

/* Of one process. */
struct limits {
	const struct hold *hold;
	int64_t until; /* monotonic ms: the caller waits no longer; 0: there is none */
	const volatile int *stop; /* or NULL */
	int slot;                 /* of the connection, or -1 */
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
/* It has none any more; harmless without one. */
void limits_disconnect(struct limits *l);

#endif
