/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "net/address.h"

#include <net/if.h>
#include <netinet/in.h>
#include <stdint.h>
#include <string.h>

/* An interface by name, or by number. */
static bool find_zone(const struct host_address *a, uint32_t *scope, struct fault *f)
{
	long long number;
	*scope = if_nametoindex(a->zone);
	if (*scope == 0 && str_number(str_of(a->zone), &number) && number <= UINT32_MAX)
		*scope = (uint32_t)number;
	return *scope != 0 ||
	       fault_set(f, FAULT_RELAY, "%s: this host has no network interface %s", a->bare,
	                 a->zone);
}

bool address_fill(const struct host_address *a, int port, struct sockaddr_storage *at,
                  struct fault *f)
{
	struct sockaddr_in v4 = {.sin_family = AF_INET};
	struct sockaddr_in6 v6 = {.sin6_family = AF_INET6};
	memset(at, 0, sizeof(*at));
	memcpy(&v4.sin_addr, a->bytes, sizeof(v4.sin_addr));
	memcpy(&v6.sin6_addr, a->bytes, sizeof(v6.sin6_addr));
	if (a->zone[0] && !find_zone(a, &v6.sin6_scope_id, f))
		return false;
	if (a->family == AF_INET)
		memcpy(at, &v4, sizeof(v4));
	else
		memcpy(at, &v6, sizeof(v6));
	address_set_port(at, a->port ? a->port : port);
	return true;
}

socklen_t address_len(const struct sockaddr_storage *at)
{
	return at->ss_family == AF_INET6 ? sizeof(struct sockaddr_in6)
	                                 : sizeof(struct sockaddr_in);
}

int address_port(const struct sockaddr_storage *at)
{
	return ntohs(at->ss_family == AF_INET6 ? ((const struct sockaddr_in6 *)at)->sin6_port
	                                       : ((const struct sockaddr_in *)at)->sin_port);
}

void address_set_port(struct sockaddr_storage *at, int port)
{
	if (at->ss_family == AF_INET6)
		((struct sockaddr_in6 *)at)->sin6_port = htons((uint16_t)port);
	else
		((struct sockaddr_in *)at)->sin_port = htons((uint16_t)port);
}
