/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "text/host.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

#define LABEL_MAX 63
#define PORT_MAX  65535

static bool may_be_in_label(unsigned char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       c == '-' || c == '_' || c >= 0x80;
}

/* One pass over the bytes: every address of every message comes by here. */
bool host_is_name(struct str text)
{
	size_t begin = 0;
	bool ascii = true;
	if (text.len > HOST_NAME_MAX_LEN)
		return false;
	for (size_t i = 0; i <= text.len; i++) {
		unsigned char c = i < text.len ? (unsigned char)text.at[i] : '.';
		ascii = ascii && c < 0x80;
		if (c != '.' && !may_be_in_label(c))
			return false;
		if (c != '.')
			continue;
		if (i == begin) /* nothing behind the last dot is allowed */
			return i > 0 && i == text.len;
		if (ascii && i - begin > LABEL_MAX)
			return false;
		begin = i + 1;
		ascii = true;
	}
	return true;
}

static bool copy_zone(struct str zone, char to[HOST_ZONE_MAX])
{
	if (zone.len == 0 || zone.len >= HOST_ZONE_MAX)
		return false;
	for (size_t i = 0; i < zone.len; i++)
		if (zone.at[i] <= ' ' || zone.at[i] > '~' || zone.at[i] == ']')
			return false;
	memcpy(to, zone.at, zone.len);
	to[zone.len] = '\0';
	return true;
}

bool host_bare(struct str text, struct host_address *to)
{
	struct host_address a = {.family = 0};
	size_t percent = str_find(text, '%');
	if (text.len >= sizeof(a.bare) || str_find(text, '\0') != STR_NONE)
		return false;
	if (percent != STR_NONE && !copy_zone(str_from(text, percent + 1), a.zone))
		return false;
	memcpy(a.bare, text.at, percent == STR_NONE ? text.len : percent);
	if (inet_pton(AF_INET6, a.bare, a.bytes) == 1)
		a.family = AF_INET6;
	else if (percent == STR_NONE && inet_pton(AF_INET, a.bare, a.bytes) == 1)
		a.family = AF_INET;
	else
		return false;
	memcpy(a.bare, text.at, text.len);
	*to = a;
	return true;
}

bool host_literal(struct str text, struct host_address *to)
{
	const struct str tag = STR("IPv6:");
	if (text.len < 2 || text.at[0] != '[' || !str_ends(text, STR("]")))
		return false;
	text = str_make(text.at + 1, text.len - 2);
	if (!str_casestarts(text, tag))
		return host_bare(text, to);
	text = str_from(text, tag.len);
	return str_find(text, ':') != STR_NONE && host_bare(text, to);
}

bool host_address(struct str text, struct host_address *to)
{
	return host_bare(text, to) || host_literal(text, to);
}

bool host_read_port(struct str text, int *port)
{
	long long number;
	if (!str_number(text, &number) || number < 1 || number > PORT_MAX)
		return false;
	*port = (int)number;
	return true;
}

bool host_cut_port(struct str text, struct str *host, int *port)
{
	size_t colon = str_rfind(text, ':');
	*host = str_first(text, colon);
	return colon != STR_NONE && host_read_port(str_from(text, colon + 1), port);
}

bool host_server(struct str text, struct host_address *to)
{
	struct str host;
	int port;
	if (host_address(text, to))
		return true;
	/* An IPv6 address without brackets would swallow the port, or be torn by it. */
	if (!host_cut_port(text, &host, &port) ||
	    !(str_find(host, ':') == STR_NONE ? host_address(host, to)
	                                      : host_literal(host, to)))
		return false;
	to->port = port;
	return true;
}

bool host_port_of(struct str text, struct host_port *to)
{
	struct host_address ignored;
	struct str host;
	int port;
	if (!host_cut_port(text, &host, &port) ||
	    (!host_is_name(host) && !host_literal(host, &ignored)))
		return false;
	*to = (struct host_port){mem_copy(host), port};
	return true;
}

struct host_peer host_peer(struct str text)
{
	struct host_peer p = {text, text, STR("")};
	struct str server;
	int port;
	if (str_starts(text, STR("/")) || !host_cut_port(text, &server, &port))
		return p;
	size_t bracket = str_ends(server, STR("]")) ? str_rfind(server, '[') : STR_NONE;
	p.server = server;
	p.name = str_first(server, bracket == 0 ? STR_NONE : bracket);
	p.port = str_from(text, server.len);
	return p;
}
