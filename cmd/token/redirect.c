/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cmd/token/redirect.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "os/clock.h"
#include "os/wait.h"

#define BACKLOG    4
#define REQUEST_MS 3000 /* for all of it */

int redirect_listen(void)
{
	struct sockaddr_in here = {.sin_family = AF_INET, .sin_port = htons(REDIRECT_PORT)};
	int on = 1, fd = socket(AF_INET, SOCK_STREAM, 0);
	here.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (fd < 0)
		return -1;
	/* A log-in before this one may be in its last state yet. */
	if (fcntl(fd, F_SETFD, FD_CLOEXEC) == 0 && fcntl(fd, F_SETFL, O_NONBLOCK) == 0 &&
	    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) == 0 &&
	    bind(fd, (struct sockaddr *)&here, sizeof(here)) == 0 && listen(fd, BACKLOG) == 0)
		return fd;
	close(fd);
	return -1;
}

/* The head of the request, to its empty line. */
static bool read_head(int fd, struct buf *head)
{
	int64_t deadline = clock_deadline(REQUEST_MS);
	char c;
	while (!str_ends(buf_str(head), STR("\r\n\r\n")))
		if (!wait_byte(fd, &c, deadline) || !buf_add_char(head, c))
			return false;
	return true;
}

/* RFC 9112 section 3: "GET /?code=... HTTP/1.1". A browser wants other things, too, such as
 * an icon. */
static bool find_target(struct str head, struct str *target)
{
	struct str line, method, version;
	return str_cut(&head, '\r', &line) && str_cut(&line, ' ', &method) &&
	       str_eq(method, STR("GET")) && str_cut(&line, ' ', target) &&
	       str_starts(*target, STR("/?")) && str_cut(&line, ' ', &version) &&
	       str_starts(version, STR("HTTP/1.")) && line.at == NULL;
}

static void reply(int fd, struct str text)
{
	/* Best effort: the person has a terminal, too. */
	if (send(fd, text.at, text.len, MSG_NOSIGNAL) < 0)
		return;
	shutdown(fd, SHUT_WR);
}

bool redirect_take(int listener, struct buf *out)
{
	struct buf head;
	struct str target;
	int fd = accept(listener, NULL, NULL);
	if (fd < 0)
		return false;
	fcntl(fd, F_SETFD, FD_CLOEXEC);
	buf_init(&head, out->max);
	bool ok = buf_room(&head, head.max) && read_head(fd, &head) &&
	          find_target(buf_str(&head), &target) && buf_add_str(out, target);
	reply(fd, ok ? STR("HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n"
	                   "Cache-Control: no-store\r\nReferrer-Policy: no-referrer\r\n"
	                   "Connection: close\r\n\r\n"
	                   "The terminal says whether the login has worked.\r\n")
	             : STR("HTTP/1.1 404 Not Found\r\nConnection: close\r\n\r\n"));
	close(fd);
	buf_wipe(&head);
	buf_release(&head);
	return ok;
}
