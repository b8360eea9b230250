/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * tokens - what logs in at relays with oauth, from the program token
 *
 * That is started while this process may still start programs, and lives as long as it and
 * its workers do: they share the socket, and each request brings the stream for its answer
 * along (oauth/order). An access token is asked for at each login, so that a run which
 * outlives one goes on with the next. It is kept as a password is (conf/secret).
 */
#ifndef TRANSPORT_TOKENS_H
#define TRANSPORT_TOKENS_H

#include "conf/secret.h"
#include "conf/settings.h"
#include "hold/hold.h"
#include "oauth/order.h"

struct tokens;

/* The path of that program, to be freed; that it cannot be run is told by whoever asks it. */
typedef char *tokens_program(void);

/* NULL: no relay has oauth that is for this process, or no process is to be had. find: only
 * called for a relay with oauth. */
struct tokens *tokens_new(const struct settings *c, const struct hold *hold,
                          tokens_program *find);
void tokens_free(struct tokens *t); /* NULL is fine */

/* t may be NULL, where there is no such program. spurned: the relay has refused the token of
 * that order_sum, though it was good by its time; NULL: any will do. deadline: monotonic ms.
 * NULL with f: FAULT_RELAY and its cause; with CAUSE_LOGIN_OVER *over is since when (seconds
 * since 1970) somebody has to log in, if the administrator is to be told, or 0. For
 * secret_free. */
struct secret *tokens_read(const struct tokens *t, const struct settings_relay *relay,
                           const uint32_t *spurned, int64_t deadline, int64_t *over,
                           struct fault *f);
/* The administrator was told. */
bool tokens_told(const struct tokens *t, const struct settings_relay *relay, struct fault *f);

/* A line for the person; where one is wanted back it is added to answer, else that is NULL.
 * It is no longer wanted when there is something to be read from until, and need not come,
 * unless that is below 0. False: they have gone. */
typedef bool tokens_person(void *context, const char *text, struct buf *answer, int until);
/* ORDER_LOGIN or ORDER_LOGOUT. */
bool tokens_talk(const struct tokens *t, enum order_kind kind,
                 const struct settings_relay *relay, tokens_person *person, void *context,
                 struct fault *f);

#endif
