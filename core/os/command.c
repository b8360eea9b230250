/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "os/command.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "os/child.h"
#include "os/clock.h"
#include "text/codec.h"

#define SLICE_MS      50 /* between looks at a command that is still writing */
#define VARIABLES_MAX 16

/* By these the bus of a user's session is found, and on it their keyring. */
#define BUS     "DBUS_SESSION_BUS_ADDRESS"
#define RUNTIME "XDG_RUNTIME_DIR"

/* What a password manager needs to find its store; PATH is not the caller's. */
static const char *const variables[] = {
    "HOME",
    "LOGNAME",
    "USER",
    "GNUPGHOME",
    RUNTIME,
    "XDG_CONFIG_HOME",
    "XDG_DATA_HOME",
    "PASSWORD_STORE_DIR",
    BUS,
    "CREDENTIALS_DIRECTORY",
};
static char search_path[] = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

extern char **environ;

struct command {
	const char *key;
	char *const *argv;
	struct child child;
	int fd; /* its output */
	char *first;
	size_t size, len;
	int64_t deadline;
};

static void fill_environment(char *list[VARIABLES_MAX])
{
	size_t count = 0;
	list[count++] = search_path;
	for (size_t i = 0; i < sizeof(variables) / sizeof(*variables); i++) {
		struct str name = str_of(variables[i]);
		for (char **v = environ; v != NULL && *v != NULL; v++) {
			if (str_starts(str_of(*v), name) && (*v)[name.len] == '=') {
				list[count++] = *v;
				break;
			}
		}
	}
	list[count] = NULL;
}

static bool start(struct command *c, struct fault *f)
{
	char *environment[VARIABLES_MAX];
	fill_environment(environment);
	int ends[2];
	if (pipe2(ends, O_CLOEXEC) != 0)
		return fault_sys(f, FAULT_RELAY, errno, "cannot run %s", c->key);
	/* The hold's group is for flushq alone. */
	bool done = child_start(&c->child, &(struct child_order){.fds = {-1, ends[1], -1, -1},
	                                                         .tie = CHILD_GROUP,
	                                                         .drop_group = true,
	                                                         .argv = c->argv,
	                                                         .environment = environment});
	int sys = errno;
	close(ends[1]);
	c->fd = ends[0];
	if (done)
		return true;
	close(c->fd);
	return fault_sys(f, FAULT_RELAY, sys, "cannot run %s", c->key);
}

/* Has the first line come, or all that there is room for? */
static bool has_line(const struct command *c)
{
	return c->len == c->size || memchr(c->first, '\n', c->len);
}

/* Takes what is there; what is behind the first line is thrown away, for a
 * command whose output nobody reads would be ended by SIGPIPE. False at EOF. */
static bool take_output(struct command *c)
{
	char rest[512];
	bool keep = !has_line(c);
	ssize_t n = keep ? read(c->fd, c->first + c->len, c->size - c->len)
	                 : read(c->fd, rest, sizeof(rest));
	if (n > 0 && keep)
		c->len += (size_t)n;
	codec_wipe(rest, sizeof(rest));
	return n > 0 || (n < 0 && errno == EINTR);
}

/* Until it has ended and its output is read, or the time is up. */
static void follow(struct command *c)
{
	bool open = true;
	int left;
	while (open && !child_ended(&c->child) && (left = clock_left_ms(c->deadline)) > 0) {
		struct pollfd p = {.fd = c->fd, .events = POLLIN};
		if (poll(&p, 1, left < SLICE_MS ? left : SLICE_MS) > 0)
			open = take_output(c);
	}
	child_wait(&c->child, c->deadline);
	/* What a command left behind in the pipe; its children may keep it open. */
	while (open && c->child.ended && clock_left_ms(c->deadline) > 0) {
		struct pollfd p = {.fd = c->fd, .events = POLLIN};
		open = poll(&p, 1, 0) > 0 && take_output(c);
	}
}

/* What is done by hand has a session; a job of cron has none. */
static const char *session_note(void)
{
	if (getenv(BUS) || getenv(RUNTIME))
		return "";
	return ", and without a session, as under cron: " BUS " is not set here";
}

static bool judge(const struct command *c, struct fault *f)
{
	if (WIFSIGNALED(c->child.status))
		return fault_set(f, FAULT_RELAY, "%s %s was ended by signal %d", c->key,
		                 c->argv[0], WTERMSIG(c->child.status));
	if (WEXITSTATUS(c->child.status) == CHILD_NOT_RUN)
		return fault_set(f, FAULT_RELAY, "%s %s cannot be run (exit status 127)",
		                 c->key, c->argv[0]);
	if (WEXITSTATUS(c->child.status) != 0)
		return fault_set(f, FAULT_RELAY,
		                 "%s %s failed with exit status %d; run it by hand "
		                 "to see why%s",
		                 c->key, c->argv[0], WEXITSTATUS(c->child.status),
		                 session_note());
	return true;
}

bool command_run(const char *key, char *const *argv, int64_t deadline, char *first, size_t size,
                 size_t *len, struct fault *f)
{
	struct command c = {
	    .key = key, .argv = argv, .deadline = deadline, .first = first, .size = size};
	if (!start(&c, f))
		return false;
	follow(&c);
	bool late = !c.child.ended;
	/* With a script's children. */
	child_kill(&c.child);
	close(c.fd);
	*len = c.len;
	return late ? fault_set(f, FAULT_RELAY, "%s %s did not end in time", key, argv[0])
	            : judge(&c, f);
}
