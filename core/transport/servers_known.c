/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What can be known of servers without asking anybody, a name server included: so little
 * that sendmail, too, can afford it.
 */
#include "transport/servers.h"

#include <stdlib.h>
#include <string.h>

void servers_add(struct servers *out, const struct settings_relay *relay, const char *host,
                 int port)
{
	if (out->count == SERVERS_MAX)
		return;
	out->at[out->count++] =
	    (struct server){host ? mem_copy(str_of(host)) : NULL, port, relay};
}

/* Each port of the relay's, in order. */
void servers_add_host(struct servers *out, const struct settings_relay *relay, const char *host)
{
	for (size_t i = 0; i < relay->port.count; i++)
		servers_add(out, relay, host, relay->port.at[i]);
}

bool servers_configured(const struct settings_relay *relay, struct servers *out)
{
	memset(out, 0, sizeof(*out));
	if (relay->srv || relay->mx)
		return false;
	if (relay->socket)
		servers_add(out, relay, NULL, 0);
	for (size_t i = 0; i < relay->host.count; i++)
		servers_add_host(out, relay, relay->host.words[i]);
	return true;
}

void servers_release(struct servers *s)
{
	for (size_t i = 0; i < s->count; i++)
		server_release(&s->at[i]);
	s->count = 0;
}

void server_copy(struct server *to, const struct server *from)
{
	*to = *from;
	to->host = from->host ? mem_copy(str_of(from->host)) : NULL;
}

void server_release(struct server *s)
{
	free(s->host);
	*s = (struct server){.host = NULL};
}

bool server_same(const struct server *a, const struct server *b)
{
	return a->relay == b->relay && a->port == b->port && !a->host == !b->host &&
	       (!a->host || strcmp(a->host, b->host) == 0);
}

char *server_text(const struct server *s)
{
	return s->host ? mem_printf("%s:%d", s->host, s->port)
	               : mem_copy(str_of(s->relay->socket));
}

/* Two relays may mean one host with two accounts. */
char *server_key(const struct server *server)
{
	const struct settings_relay *r = server->relay;
	return server->host ? mem_printf("%s %s:%d", r->name, server->host, server->port)
	                    : mem_printf("%s %s", r->name, r->socket);
}

void server_passed_over(const struct server *s, enum cause cause, int code, struct verdict *v)
{
	char *text = server_text(s);
	verdict_set(v, cause, code, NULL, s->relay->name, text, STR(""));
	free(text);
}
