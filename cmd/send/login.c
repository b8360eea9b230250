/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cmd/send/login.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cmd/place_access.h"
#include "cmd/with_tls.h"
#include "os/wait.h"

#define LINE_MAX 4096

struct tokens *login_open(const struct place *p, struct hold *h, struct fault *f)
{
	bool any = false;
	for (size_t i = 0; i < p->config.relay_count; i++)
		any = any || p->config.relays[i].oauth;
	if (!any)
		return NULL;
	if (!place_may_act(p)) {
		fault_set(f, FAULT_NOPERM, "the system's login is for root to use");
		return NULL;
	}
	if (!place_open_hold(p, false, h, f))
		return NULL;
	struct tokens *t = tokens_new(&p->config, h, with_tls_token);
	if (t)
		return t;
	hold_close(h);
	fault_set(f, FAULT_SYSTEM, "the program token cannot be started");
	return NULL;
}

const struct settings_relay *login_relay(const struct settings *c, const struct call *call,
                                         struct fault *f)
{
	const char *name = call->operand_count > 0 ? call->operands[0] : NULL;
	const struct settings_relay *found = NULL;
	size_t count = 0;
	for (size_t i = 0; i < c->relay_count; i++) {
		const struct settings_relay *r = &c->relays[i];
		if (!r->oauth || (name && strcmp(r->name, name) != 0))
			continue;
		found = r;
		count++;
	}
	if (count == 1 && call->operand_count <= 1)
		return found;
	if (call->operand_count > 1)
		fault_set(f, FAULT_USAGE, "the name of one relay is taken");
	else if (count > 1)
		fault_set(f, FAULT_USAGE, "%s has several relays with oauth: name one",
		          c->path);
	else if (name)
		fault_set(f, FAULT_USAGE, "%s has no [relay %s] with oauth", c->path, name);
	else
		fault_set(f, FAULT_USAGE, "%s has no relay with oauth", c->path);
	return NULL;
}

/* A line that is not empty. Byte by byte: what is behind it is not ours. */
static bool read_answer(struct buf *line, int until)
{
	struct pollfd fds[] = {{.fd = until, .events = POLLIN},
	                       {.fd = STDIN_FILENO, .events = POLLIN}};
	char c = '\0';
	while (wait_open(fds, COUNT(fds), -1) >= 0 || errno == EINTR) {
		if (fds[0].revents) {
			buf_clear(line);
			return true;
		}
		if (!fds[1].revents)
			continue;
		ssize_t n = read(STDIN_FILENO, &c, 1);
		if (n < 0 && errno == EINTR)
			continue;
		/* Nobody to ask any more; what was asked may come another way. */
		if (n == 0 && until >= 0)
			fds[1].fd = -1;
		else if (n <= 0 || (c != '\n' && !buf_add_char(line, c)))
			return false;
		if (n > 0 && c == '\n' && str_trim(buf_str(line)).len > 0)
			return true;
	}
	return false;
}

static bool person(void *context, const char *text, struct buf *answer, int until)
{
	(void)context;
	struct buf line;
	printf("%s\n", text);
	if (fflush(stdout) != 0)
		return false;
	if (!answer)
		return true;
	buf_init(&line, LINE_MAX);
	bool ok = buf_room(&line, LINE_MAX) && read_answer(&line, until) &&
	          buf_add_str(answer, str_trim(buf_str(&line)));
	buf_wipe(&line);
	buf_release(&line);
	return ok;
}

bool login_run(const struct tokens *t, const struct call *call,
               const struct settings_relay *relay, struct fault *f)
{
	bool in = call->mode == CALL_LOGIN;
	if (!tokens_talk(t, in ? ORDER_LOGIN : ORDER_LOGOUT, relay, person, NULL, f))
		return false;
	printf("relay %s: %s\n", relay->name, in ? "logged in" : "logged out");
	return true;
}
