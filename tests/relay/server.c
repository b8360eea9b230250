/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "server.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "session.h"

enum { GRACE_MS = 2000 };

static volatile sig_atomic_t told_to_end;

struct server {
	const struct options *options;
	struct store store;
	struct tls tls;
	struct quota quota;
	int listener;
	int stop[2]; /* its write end is closed to stop the sessions */
	int done[2]; /* a byte for each session that is over */
	unsigned begun, running;
	atomic_uint open; /* of those that run, without those that have heard the last word */
};

struct connection {
	struct server *server;
	struct session session;
};

static void on_signal(int number)
{
	(void)number;
	told_to_end = 1;
}

static int listen_unix(const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (strlen(path) >= sizeof address.sun_path)
		die("%s: path too long for a socket", path);
	memcpy(address.sun_path, path, strlen(path));
	unlink(path);
	if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof address) || listen(fd, 128))
		die("%s: %s", path, strerror(errno));
	printf("socket %s\n", path);
	return fd;
}

static unsigned port_of(int fd)
{
	union {
		struct sockaddr any;
		struct sockaddr_in v4;
		struct sockaddr_in6 v6;
	} address = {.v6 = {0}};
	socklen_t len = sizeof address;

	if (getsockname(fd, &address.any, &len))
		die("getsockname: %s", strerror(errno));
	return ntohs(address.any.sa_family == AF_INET6 ? address.v6.sin6_port
	                                               : address.v4.sin_port);
}

static int listen_inet(const struct options *o)
{
	const struct addrinfo hints = {.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV | AI_PASSIVE,
	                               .ai_socktype = SOCK_STREAM};
	const int yes = 1, size = (int)o->receive_buffer;
	char host[64];
	snprintf(host, sizeof host, "%s", *o->listen == '[' ? o->listen + 1 : o->listen);
	host[strcspn(host, "]")] = '\0';
	char port[16];
	snprintf(port, sizeof port, "%u", o->port);
	struct addrinfo *found;
	if (getaddrinfo(host, port, &hints, &found))
		die("--listen %s: not an address", o->listen);
	int fd = socket(found->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
	if (size)
		setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof size);
	if (fd < 0 || bind(fd, found->ai_addr, found->ai_addrlen) || listen(fd, 128))
		die("%s port %s: %s", host, port, strerror(errno));
	freeaddrinfo(found);
	printf("port %u\n", port_of(fd));
	return fd;
}

static void *serve(void *argument)
{
	struct connection *c = argument;
	int done = c->server->done[1];
	session_run(&c->session);
	free(c);
	if (write(done, "", 1) != 1)
		die("pipe: %s", strerror(errno));
	return NULL;
}

static void begin_session(struct server *server, int fd)
{
	struct connection *c = calloc(1, sizeof *c);
	const struct options *o = server->options;
	if (!c)
		die("out of memory");
	c->server = server;
	c->session = (struct session){
	    .options = o,
	    .store = &server->store,
	    .tls = &server->tls,
	    .quota = &server->quota,
	    .conn = ++server->begun,
	    .open = &server->open,
	    .too_many = atomic_fetch_add(&server->open, 1) >= o->at_once && o->at_once,
	    .began = now_ms(),
	    .tls_fault = {.alert_at = -1}};
	stream_begin(&c->session.stream, fd, server->stop[0], o->timeout_s * 1000, o->delay_ms);
	pthread_attr_t detached;
	pthread_attr_init(&detached);
	pthread_attr_setdetachstate(&detached, PTHREAD_CREATE_DETACHED);
	pthread_t thread;
	if (pthread_create(&thread, &detached, serve, c))
		die("pthread_create: %s", strerror(errno));
	pthread_attr_destroy(&detached);
	server->running++;
}

static void reap(struct server *server)
{
	char bytes[64];
	ssize_t n = read(server->done[0], bytes, sizeof bytes);
	if (n > 0)
		server->running -= (unsigned)n;
}

/* False: no further connections are wanted. */
static bool turn(struct server *server, const sigset_t *open_mask)
{
	const struct options *o = server->options;
	bool full = o->sessions && server->begun >= o->sessions;
	struct pollfd p[3] = {{.fd = full ? -1 : server->listener, .events = POLLIN},
	                      {.fd = server->done[0], .events = POLLIN},
	                      {.fd = o->with_parent ? 0 : -1, .events = POLLIN}};
	if (full && !server->running)
		return false;
	if (ppoll(p, 3, NULL, open_mask) < 0)
		return !told_to_end;
	if (p[1].revents)
		reap(server);
	char ignored[256];
	if (p[2].revents && read(0, ignored, sizeof ignored) <= 0)
		return false;
	if (p[0].revents) {
		int fd = accept4(server->listener, NULL, NULL, SOCK_CLOEXEC);
		if (fd >= 0)
			begin_session(server, fd);
	}
	return !told_to_end;
}

static void stop_sessions(struct server *server)
{
	long long until = now_ms() + GRACE_MS;
	close(server->stop[1]);
	while (server->running && now_ms() < until) {
		struct pollfd p = {.fd = server->done[0], .events = POLLIN};
		if (poll(&p, 1, (int)(until - now_ms())) > 0)
			reap(server);
	}
}

/* Signals are held back but while the server waits, so that none is missed. */
static void hold_signals(sigset_t *open_mask)
{
	struct sigaction action = {.sa_handler = on_signal};
	signal(SIGPIPE, SIG_IGN);
	sigaction(SIGTERM, &action, NULL);
	sigaction(SIGINT, &action, NULL);
	sigset_t held;
	sigemptyset(&held);
	sigaddset(&held, SIGTERM);
	sigaddset(&held, SIGINT);
	pthread_sigmask(SIG_BLOCK, &held, open_mask);
	sigdelset(open_mask, SIGTERM);
	sigdelset(open_mask, SIGINT);
}

void server_run(const struct options *o)
{
	struct server server = {.options = o};
	sigset_t open_mask;
	hold_signals(&open_mask);
	store_open(&server.store, o->dir, o->discard);
	tls_begin(&server.tls, o);
	quota_begin(&server.quota, o->rate_count, o->rate_ms);
	if (pipe2(server.stop, O_CLOEXEC) || pipe2(server.done, O_CLOEXEC))
		die("pipe: %s", strerror(errno));
	server.listener =
	    strncmp(o->listen, "unix:", 5) ? listen_inet(o) : listen_unix(o->listen + 5);
	fflush(stdout);
	while (turn(&server, &open_mask))
		continue;
	close(server.listener);
	if (!strncmp(o->listen, "unix:", 5))
		unlink(o->listen + 5);
	stop_sessions(&server);
	if (server.running)
		_exit(0);
	quota_end(&server.quota);
	tls_end(&server.tls);
	store_close(&server.store);
}
