/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "net/dial.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "os/clock.h"
#include "net/address.h"
#include "net/dial_socks.h"
#include "net/dns.h"
#include "net/eyeballs.h"

#define CANDIDATES_MAX 256
#define UNIX_RETRY_MS  20 /* the queue of a UNIX socket is full: nothing to poll for */

/* What may be tried, in this order. */
struct candidates {
	struct sockaddr_storage at[CANDIDATES_MAX];
	size_t count;
	size_t avoided; /* left out because they are on the list */
};

static void to_text(const struct sockaddr_storage *at, char to[HOST_TEXT_MAX])
{
	if (getnameinfo((const struct sockaddr *)at, address_len(at), to, HOST_TEXT_MAX, NULL,
	                0, NI_NUMERICHOST) != 0)
		to[0] = '\0';
}

static void put_peer(char to[80], const char *address, int port)
{
	if (strchr(address, ':'))
		snprintf(to, 80, "[%.70s]:%d", address, port);
	else
		snprintf(to, 80, "%.70s:%d", address, port);
}

static bool is_avoided(const struct dial *d, const char *peer)
{
	for (size_t i = 0; i < d->avoid_count; i++)
		if (strcmp(d->avoid[i], peer) == 0)
			return true;
	return false;
}

/* Families alternate, beginning with that of the first (RFC 8305 section 4). */
static void alternate(struct dns_addresses *a)
{
	for (size_t i = 1; i < a->count; i++) {
		size_t other = i;
		while (other < a->count && a->at[other].ss_family == a->at[i - 1].ss_family)
			other++;
		if (other == a->count)
			return;
		/* Order is kept within a family: all between move up by one. */
		for (; other > i; other--) {
			struct sockaddr_storage one = a->at[other];
			a->at[other] = a->at[other - 1];
			a->at[other - 1] = one;
		}
	}
}

static void add_candidate(const struct dial *d, struct candidates *c,
                          const struct sockaddr_storage *at, int port)
{
	char address[64];
	to_text(at, address);
	char peer[80];
	put_peer(peer, address, port);
	if (is_avoided(d, peer)) {
		c->avoided++;
		return;
	}
	if (c->count == CANDIDATES_MAX)
		return;
	c->at[c->count] = *at;
	address_set_port(&c->at[c->count], port);
	c->count++;
}

/* The addresses of host; at least one. */
static bool find_addresses(const struct dial *d, const char *host, struct dns_addresses *a,
                           struct fault *f)
{
	enum dns_result result = DNS_NO_NAME;
	struct host_address address;
	if (host_address(str_of(host), &address)) {
		a->count = 1;
		return address_fill(&address, 0, &a->at[0], f);
	}
	if (host[0] == '[')
		return fault_set(f, FAULT_RELAY, "cannot look up %s: not an address", host);
	if (!dns_addresses(host, d->family, d->dns, d->deadline, a, &result, f)) {
		f->kind = FAULT_RELAY;
		return fault_cause(f, CAUSE_LOOKUP);
	}
	switch (result) {
	case DNS_NO_NAME:
		fault_set(f, FAULT_RELAY, "cannot look up %s: there is no such name", host);
		return fault_cause(f, CAUSE_NO_NAME);
	case DNS_NO_DATA:
		fault_set(f, FAULT_RELAY, "cannot look up %s: the name has no %saddress", host,
		          d->family == AF_INET    ? "IPv4 "
		          : d->family == AF_INET6 ? "IPv6 "
		                                  : "");
		return fault_cause(f, CAUSE_NO_NAME);
	case DNS_FOUND:
		break;
	}
	return true;
}

static bool fits(const struct dial *d, const struct sockaddr_storage *at,
                 const struct sockaddr_storage *source)
{
	return (d->family == AF_UNSPEC || at->ss_family == d->family) &&
	       (!source || at->ss_family == source->ss_family);
}

static bool gather(const struct dial *d, const char *host, const int *ports, size_t port_count,
                   const struct sockaddr_storage *source, struct candidates *c, struct fault *f)
{
	struct dns_addresses *a = mem_room(sizeof(*a));
	bool done = find_addresses(d, host, a, f);
	c->count = c->avoided = 0;
	if (done)
		alternate(a);
	for (size_t p = 0; done && p < port_count; p++) {
		for (size_t i = 0; i < a->count; i++)
			if (fits(d, &a->at[i], source))
				add_candidate(d, c, &a->at[i], ports[p]);
	}
	free(a);
	if (!done || c->count > 0)
		return done;
	if (c->avoided > 0)
		return fault_set(f, FAULT_RELAY, "connect to %s: failed before in this run",
		                 host);
	return fault_set(f, FAULT_RELAY,
	                 "connect to %s: it has no address of the wanted family%s", host,
	                 source != NULL ? " (source, family)" : " (family)");
}

/* To one of host's addresses, whatever is asked of it then. */
static bool dial_tcp(const struct dial *d, const char *host, const int *ports,
                     size_t port_count, struct dialed *result, struct fault *f)
{
	struct candidates *c;
	struct sockaddr_storage source;
	struct eyeballs race = {.deadline = d->deadline};
	size_t index = 0;
	bool done;
	if (d->source && d->source->family != 0) {
		if (!address_fill(d->source, 0, &source, f))
			return fault_prefix(f, "source");
		race.source = &source;
	}
	c = mem_room(sizeof(*c));
	done = gather(d, host, ports, port_count, race.source, c, f);
	if (!done)
		goto out;
	race.at = c->at;
	race.count = c->count;
	done = eyeballs_run(&race, &result->fd, &index, f);
	to_text(&c->at[index], result->address);
	result->port = address_port(&c->at[index]);
	if (!done) {
		fault_sys(f, FAULT_RELAY, f->sys, "connect to %s[%s]:%d", host, result->address,
		          result->port);
		fault_cause(f, cause_of_connect(f->sys));
		goto out;
	}
	put_peer(result->peer, result->address, result->port);
out:
	free(c);
	return done;
}

/* Through the proxy: it is dialed anew for each port. */
static bool dial_proxy(const struct dial *d, struct dialed *result, struct fault *f)
{
	char name[DNS_NAME_MAX];
	struct dial to_proxy = *d;
	struct host_address address;
	bool is_address = host_address(str_of(d->host), &address), tried = false;
	const char *target = is_address ? address.bare : name;
	if (!is_address && !dns_ascii(d->host, name, f))
		return false;
	/* The list and the family are about the server, not about the proxy. */
	to_proxy.avoid_count = 0;
	to_proxy.family = AF_UNSPEC;
	for (size_t i = 0; i < d->port_count; i++) {
		struct dialed one = {.fd = -1};
		put_peer(one.peer, target, d->ports[i]);
		if (is_avoided(d, one.peer))
			continue;
		tried = true;
		*result = one;
		if (!dial_tcp(&to_proxy, d->proxy->host, &d->proxy->port, 1, &one, f))
			return fault_prefix(f, "proxy");
		result->fd = one.fd;
		result->port = d->ports[i];
		if (is_address)
			memcpy(result->address, address.bare, sizeof(address.bare));
		if (dial_socks(one.fd, target, d->ports[i], d->deadline, f))
			return true;
		close(one.fd);
		result->fd = -1;
		fault_prefix(f, "connect to %s:%d through socks5://%s:%d", d->host, d->ports[i],
		             d->proxy->host, d->proxy->port);
	}
	if (!tried)
		fault_set(f, FAULT_RELAY, "connect to %s: failed before in this run", d->host);
	return false;
}

static bool dial_unix(const struct dial *d, struct dialed *result, struct fault *f)
{
	struct sockaddr_un at = {.sun_family = AF_UNIX};
	size_t len = strlen(d->unix_path);
	if (len == 0 || len >= sizeof(at.sun_path))
		return fault_set(f, FAULT_RELAY,
		                 "connect to %s: the path is too long for a socket",
		                 d->unix_path);
	memcpy(at.sun_path, d->unix_path, len + 1);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0) {
		fault_sys(f, FAULT_RELAY, errno, "connect to %s", d->unix_path);
		return fault_cause(f, cause_of_connect(f->sys));
	}
	int sys;
	while (connect(fd, (const struct sockaddr *)&at, sizeof(at)) != 0) {
		sys = errno;
		if (sys == EINTR)
			continue;
		if (sys == EAGAIN && clock_left_ms(d->deadline) > UNIX_RETRY_MS) {
			poll(NULL, 0, UNIX_RETRY_MS);
			continue;
		}
		close(fd);
		fault_sys(f, FAULT_RELAY, sys == EAGAIN ? ETIMEDOUT : sys, "connect to %s",
		          d->unix_path);
		return fault_cause(f, cause_of_connect(f->sys));
	}
	result->fd = fd;
	snprintf(result->peer, sizeof(result->peer), "%.79s", d->unix_path);
	return true;
}

bool dial(const struct dial *d, struct dialed *result, struct fault *f)
{
	bool through_proxy = d->proxy && d->proxy->host;
	*result = (struct dialed){.fd = -1};
	bool done;
	if (d->unix_path)
		done = dial_unix(d, result, f);
	else if (through_proxy)
		done = dial_proxy(d, result, f);
	else
		done = dial_tcp(d, d->host, d->ports, d->port_count, result, f);
	if (!done) {
		result->fd = -1;
		/* What is left is a setting: an address that is none, a family. */
		fault_cause(f, through_proxy ? CAUSE_NO_CONNECTION : CAUSE_SETTINGS);
	}
	return done;
}
