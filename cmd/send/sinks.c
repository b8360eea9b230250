/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cmd/send/sinks.h"

#include "transport/outlook.h"
#include "cmd/place_access.h"
#include "cmd/spawn.h"

static bool open_hold(void *context, struct hold *h, struct fault *f)
{
	return place_open_hold(context, false, h, f);
}

/* While all who could take it are left alone, no process is started to find that out. */
static bool start(void *context, struct hold *h, struct sink_try *t, struct fault *f)
{
	const struct place *p = context;
	char reason[VERDICT_LINE_MAX];
	if (t->id && outlook_put_off(&p->config, h, t->id, reason))
		return fault_set(f, FAULT_TEMP, "%s", reason);
	return spawn_flushq(p, t, f);
}

static bool open_post(void *context, struct post_client *g, struct fault *f)
{
	return place_open_post(context, g, f);
}

void sinks_choose(struct sinks *s, struct place *p, bool dry_run, enum hold_room room)
{
	const struct sink_hold_hooks hooks = {open_hold, start, p};
	if (dry_run) {
		sinks_dry_init(&s->dry, &p->config);
		s->sink = &s->dry.sink;
	} else if (p->personal || p->owner) {
		sink_hold_later(&s->hold, &hooks, room);
		s->hold.min_free = p->config.min_free;
		s->hold.user = p->user;
		s->sink = &s->hold.sink;
	} else {
		sink_post_init(&s->post, room, open_post, p);
		s->sink = &s->post.sink;
	}
}
