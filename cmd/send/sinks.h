/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * sinks - where a call's messages go: the user's own hold, the system's by way of
 * post or, for its owner who works for others, at once, or for a dry run standard output
 */
#ifndef CMD_SEND_SINKS_H
#define CMD_SEND_SINKS_H

#include "cmd/place.h"
#include "cmd/send/sinks_dry.h"
#include "submit/sink_hold.h"
#include "submit/sink_post.h"

struct sinks {
	struct sink *sink; /* the one to use; sink_close is due in the end */
	/* Private. */
	struct sink_hold hold;
	struct sink_post post;
	struct sinks_dry dry;
};

/* Opens nothing. s must stay where it is, and p live as long. */
void sinks_choose(struct sinks *s, struct place *p, bool dry_run, enum hold_room room);

#endif
