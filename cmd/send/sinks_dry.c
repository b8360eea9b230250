/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cmd/send/sinks_dry.h"

#include <errno.h>
#include <stdio.h>

#include "transport/route.h"

static void print_route(const struct route *r, const struct envelope *e)
{
	printf("route:");
	for (size_t i = 0; i < r->relay_count; i++)
		printf("%s relay %s", i ? ", then" : "", r->relays[i]->name);
	printf("%s\n", r->relay_count ? "" : " no relay serves these recipients");
	for (size_t i = 0; i < r->rcpt_count; i++)
		printf("recipient: <%s>\n", e->rcpts[r->rcpts[i]].address);
}

static bool begin(struct sink *sink, int64_t delay, struct fault *f)
{
	const struct sinks_dry *d = (const struct sinks_dry *)sink;
	const struct envelope *e = &sink->entry->envelope;
	struct routes routes;
	(void)delay, (void)f;
	printf("sender: <%s>\n", e->sender);
	routes_plan(d->config, e, &routes);
	for (size_t i = 0; i < routes.count; i++)
		print_route(&routes.at[i], e);
	routes_release(&routes);
	printf("message:\n");
	return true;
}

/* Lines as people know them. */
static bool bytes(struct sink *sink, struct str piece, struct fault *f)
{
	(void)sink;
	for (size_t i = 0; i < piece.len; i++)
		if (piece.at[i] != '\r' && putchar(piece.at[i]) == EOF)
			return fault_sys(f, FAULT_IO, errno, "standard output");
	return true;
}

static bool end(struct sink *sink, struct fault *f)
{
	(void)sink;
	return fflush(stdout) == 0 || fault_sys(f, FAULT_IO, errno, "standard output");
}

static const struct sink_kind kind = {.begin = begin, .bytes = bytes, .end = end};

void sinks_dry_init(struct sinks_dry *d, const struct settings *c)
{
	*d = (struct sinks_dry){.sink = {.kind = &kind}, .config = c};
}
