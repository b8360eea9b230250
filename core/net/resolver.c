/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "net/resolver.h"

/* The order of these is prescribed by resolver(3). */
#include <sys/types.h>
#include <netinet/in.h>
#include <arpa/nameser.h>
#include <resolv.h>

#include <errno.h>
#include <netdb.h>
#include <stdlib.h>
#include <string.h>

#include "text/buf.h"
#include "net/address.h"
#include "net/aside.h"

#define DNS_PORT    53
#define MESSAGE_MAX 65535

static void send_frame(int fd, enum resolver_kind kind, enum dns_type type, struct str bytes)
{
	struct resolver_frame frame;
	/* No byte of the stack that has not been written goes out. */
	memset(&frame, 0, sizeof(frame));
	frame.kind = kind;
	frame.type = type;
	frame.len = bytes.len;
	aside_write(fd, str_make((const char *)&frame, sizeof(frame)));
	aside_write(fd, bytes);
}

static void send_gai_failure(int fd, int rc)
{
	const char *text = rc == EAI_SYSTEM ? strerror(errno) : gai_strerror(rc);
	if (rc == EAI_NONAME)
		send_frame(fd, RESOLVER_NO_NAME, 0, STR(""));
#ifdef EAI_NODATA
	else if (rc == EAI_NODATA)
		send_frame(fd, RESOLVER_NO_DATA, 0, STR(""));
#endif
#ifdef EAI_ADDRFAMILY
	else if (rc == EAI_ADDRFAMILY)
		send_frame(fd, RESOLVER_NO_DATA, 0, STR(""));
#endif
	else
		send_frame(fd, RESOLVER_FAILED, 0, str_of(text));
}

static void ask_system(const struct resolver_question *q, int fd)
{
	struct addrinfo hints = {.ai_family = q->canonical ? AF_UNSPEC : q->family,
	                         .ai_socktype = SOCK_STREAM,
	                         .ai_flags = q->canonical ? AI_CANONNAME : 0};
	struct addrinfo *list = NULL;
	int rc = getaddrinfo(q->name, NULL, &hints, &list);
	if (rc != 0) {
		send_gai_failure(fd, rc);
		return;
	}
	if (q->canonical) {
		send_frame(fd, RESOLVER_NAME, 0, str_of(list->ai_canonname));
		freeaddrinfo(list);
		return;
	}
	struct buf all;
	buf_init(&all, 1024 * sizeof(struct sockaddr_storage));
	for (const struct addrinfo *a = list; a != NULL; a = a->ai_next) {
		struct sockaddr_storage at;
		memset(&at, 0, sizeof(at));
		if (a->ai_addrlen > sizeof(at))
			continue;
		memcpy(&at, a->ai_addr, a->ai_addrlen);
		if (!buf_add(&all, (const char *)&at, sizeof(at)))
			break;
	}
	send_frame(fd, RESOLVER_ADDRESSES, 0, buf_str(&all));
	buf_release(&all);
	freeaddrinfo(list);
}

#ifdef HAVE_RES_NQUERY

static bool set_servers(struct __res_state *state, const struct host_addresses *servers, int fd)
{
	state->nscount = 0;
	for (size_t i = 0; i < servers->count && i < MAXNS; i++) {
		struct sockaddr_storage at;
		struct fault f = FAULT_INIT;
		int n = state->nscount;
		if (!address_fill(&servers->at[i], DNS_PORT, &at, &f)) {
			send_frame(fd, RESOLVER_FAILED, 0, str_of(f.text));
			return false;
		}
		if (at.ss_family == AF_INET) {
			memcpy(&state->nsaddr_list[n], &at, sizeof(state->nsaddr_list[n]));
			state->nscount++;
			continue;
		}
#ifdef __GLIBC__
		/* A server of no family is taken from the extension, which is only
		 * looked at when its own count is 0. There is no other way to one at an IPv6
		 * address; glibc counts on programs that write here ("patched by
		 * applications", resolv/resolv_conf.c). The process ends soon: no free. */
		state->_u._ext.nsaddrs[n] = mem_alloc(sizeof(struct sockaddr_in6));
		memcpy(state->_u._ext.nsaddrs[n], &at, sizeof(struct sockaddr_in6));
		memset(&state->nsaddr_list[n], 0, sizeof(state->nsaddr_list[n]));
		state->nscount++;
#endif
	}
#ifdef __GLIBC__
	state->_u._ext.nscount = 0;
#endif
	if (state->nscount > 0)
		return true;
	send_frame(fd, RESOLVER_FAILED, 0,
	           STR("this system's resolver takes only IPv4 addresses in [dns] server"));
	return false;
}

struct resolver_state {
	struct __res_state state;
};

static bool open_session(struct resolver_state *s, const struct host_addresses *servers, int fd)
{
	memset(s, 0, sizeof(*s));
	if (res_ninit(&s->state) != 0) {
		send_frame(fd, RESOLVER_FAILED, 0, STR("the resolver cannot be started"));
		return false;
	}
	return !servers || set_servers(&s->state, servers, fd);
}

static int query(struct resolver_state *s, const char *name, enum dns_type type,
                 unsigned char *to, int *error)
{
	int len = res_nquery(&s->state, name, ns_c_in, (int)type, to, MESSAGE_MAX);
	*error = s->state.res_h_errno;
	return len;
}

static void hurry(struct resolver_state *s)
{
	s->state.retrans = 1;
	s->state.retry = 2;
}

#else

struct resolver_state {
	bool unused;
};

static bool open_session(struct resolver_state *s, const struct host_addresses *servers, int fd)
{
	s->unused = true;
	if (!servers)
		return true;
	send_frame(
	    fd, RESOLVER_FAILED, 0,
	    STR("this system's resolver always uses resolv.conf: leave out [dns] server"));
	return false;
}

static int query(struct resolver_state *s, const char *name, enum dns_type type,
                 unsigned char *to, int *error)
{
	int len = res_query(name, 1 /* IN */, (int)type, to, MESSAGE_MAX);
	(void)s;
	*error = h_errno;
	return len;
}

static void hurry(struct resolver_state *s)
{
	(void)s;
}

#endif

/* True if there are answers. */
static bool ask_servers(struct resolver_state *s, const struct resolver_question *q,
                        enum dns_type type, int fd)
{
	unsigned char *message = mem_alloc(MESSAGE_MAX);
	int error = 0, len = query(s, q->name, type, message, &error);
	if (len >= 0)
		send_frame(fd, RESOLVER_MESSAGE, type,
		           str_make((const char *)message,
		                    len < MESSAGE_MAX ? (size_t)len : MESSAGE_MAX));
	else if (error == HOST_NOT_FOUND)
		send_frame(fd, RESOLVER_NO_NAME, 0, STR(""));
	else if (error == NO_DATA)
		send_frame(fd, RESOLVER_NO_DATA, 0, STR(""));
	else
		send_frame(fd, RESOLVER_FAILED, 0,
		           error == NO_RECOVERY
		               ? STR("the name server refused or failed")
		               : STR("the name server did not answer or failed"));
	free(message);
	return len >= 0;
}

void resolver_task(void *context, int fd)
{
	const struct resolver_question *q = context;
	const struct host_addresses *servers =
	    q->servers && q->servers->count > 0 ? q->servers : NULL;
	struct resolver_state session;

	if (q->type == 0 && (!servers || q->canonical)) {
		ask_system(q, fd);
		return;
	}
	if (!open_session(&session, servers, fd))
		return;
	if (q->type != 0) {
		ask_servers(&session, q, q->type, fd);
		return;
	}
	/* With one family at hand the other is not worth a long wait. */
	if (q->family != AF_INET6 && ask_servers(&session, q, DNS_A, fd))
		hurry(&session);
	if (q->family != AF_INET)
		ask_servers(&session, q, DNS_AAAA, fd);
}
