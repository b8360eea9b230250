/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * spawn - starting flushq on an entry, or for what else sendmail does not do itself
 */
#ifndef CMD_SPAWN_H
#define CMD_SPAWN_H

#include <sys/types.h>

#include "text/fault.h"
#include "text/idna.h"
#include "cmd/place.h"
#include "submit/sink.h"

/* Starts flushq for the try, in a session of its own, so that it goes on whatever becomes
 * of the caller. False: it could not be started; the entry stays held. */
bool spawn_flushq(const struct place *p, struct sink_try *t, struct fault *f);

/* Becomes the program of the hold, or that with TLS too, under the name argv[0]. Returns
 * only if it cannot, which is said for label: the exit status. */
int spawn_become(const char *label, bool tls, char *const *argv);

/* The same; false: f says why it cannot. */
bool spawn_exec(bool tls, char *const *argv, struct fault *f);

/* Has it convert a domain (text/idna). */
idna_map spawn_to_ascii;

#endif
