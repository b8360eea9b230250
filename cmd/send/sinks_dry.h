/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * sinks_dry - a sink that holds nothing: it prints envelope, routes and message
 */
#ifndef CMD_SEND_SINKS_DRY_H
#define CMD_SEND_SINKS_DRY_H

#include "conf/settings.h"
#include "submit/sink.h"

struct sinks_dry {
	struct sink sink;
	const struct settings *config; /* borrowed: its relays */
};

void sinks_dry_init(struct sinks_dry *d, const struct settings *c);

#endif
