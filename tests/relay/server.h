/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Listens, and runs one thread a connection.
 */
#ifndef RELAY_SERVER_H
#define RELAY_SERVER_H

#include "options.h"

/* Serves until a signal, the end of the parent, or enough sessions; open connections are
 * told and get two seconds. */
void server_run(const struct options *options);

#endif
