/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "os/command.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "os/clock.h"
#include "text/codec.h"
#include "os/file.h"

#define SLICE_MS      50 /* between looks at a command that is still writing */
#define END_SLICE_MS  2  /* and at one that has closed its output */
#define NOT_RUN       127
#define VARIABLES_MAX 16

/* What a password manager needs to find its store; PATH is not the caller's. */
static const char *const variables[] = {
    "HOME",
    "LOGNAME",
    "USER",
    "GNUPGHOME",
    "XDG_RUNTIME_DIR",
    "XDG_CONFIG_HOME",
    "XDG_DATA_HOME",
    "PASSWORD_STORE_DIR",
    "DBUS_SESSION_BUS_ADDRESS",
};
static char search_path[] = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

extern char **environ;

struct command {
	const char *key;
	char *const *argv;
	int in;  /* /dev/null, to be read */
	int err; /* and written */
	int fd;  /* its output */
	char *first;
	size_t size, len;
	pid_t pid;
	bool ended;
	int status;
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

/* In the child: only calls that are safe after a fork. */
static void become(const struct command *c, char **environment, int out)
{
	static const int signals[] = {SIGHUP,  SIGINT,  SIGQUIT, SIGPIPE,
	                              SIGALRM, SIGTERM, SIGCHLD};
	for (size_t i = 0; i < sizeof(signals) / sizeof(*signals); i++)
		signal(signals[i], SIG_DFL);
	sigset_t none;
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	setpgid(0, 0);
	/* All are above 2: 0, 1 and 2 are open in every program of ours. */
	if (dup2(c->in, STDIN_FILENO) < 0 || dup2(out, STDOUT_FILENO) < 0 ||
	    dup2(c->err, STDERR_FILENO) < 0)
		_exit(NOT_RUN);
	/* The hold's group is for flushq alone. */
	if (getegid() != getgid() && setregid(getgid(), getgid()) != 0)
		_exit(NOT_RUN);
	environ = environment;
	execvp(c->argv[0], c->argv);
	_exit(NOT_RUN);
}

static bool fork_command(struct command *c, struct fault *f)
{
	char *environment[VARIABLES_MAX];
	fill_environment(environment);
	int ends[2];
	if (pipe2(ends, O_CLOEXEC) != 0)
		return fault_sys(f, FAULT_RELAY, errno, "cannot run %s", c->key);
	c->pid = fork();
	if (c->pid == 0)
		become(c, environment, ends[1]);
	close(ends[1]);
	c->fd = ends[0];
	if (c->pid > 0)
		return true;
	fault_sys(f, FAULT_RELAY, errno, "cannot run %s", c->key);
	close(c->fd);
	return false;
}

static bool start(struct command *c, struct fault *f)
{
	if (!file_open_read(AT_FDCWD, "/dev/null", &c->in, f))
		return false;
	bool done = file_open_append(AT_FDCWD, "/dev/null", 0, &c->err, f);
	if (done) {
		done = fork_command(c, f);
		close(c->err);
	}
	close(c->in);
	if (!done)
		f->kind = FAULT_RELAY;
	return done;
}

static void look_whether_ended(struct command *c)
{
	if (c->ended)
		return;
	pid_t pid;
	do {
		pid = waitpid(c->pid, &c->status, WNOHANG);
	} while (pid < 0 && errno == EINTR);
	if (pid == 0)
		return;
	c->ended = true;
	/* Somebody else took it (SIGCHLD ignored): its status is not known. */
	if (pid < 0)
		c->status = NOT_RUN << 8;
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
	while (!c->ended && clock_left_ms(c->deadline) > 0) {
		struct pollfd p = {.fd = open ? c->fd : -1, .events = POLLIN};
		int left = clock_left_ms(c->deadline);
		int slice = open ? SLICE_MS : END_SLICE_MS;
		if (poll(&p, 1, left < slice ? left : slice) > 0)
			open = take_output(c);
		look_whether_ended(c);
	}
	/* What a command left behind in the pipe; its children may keep it open. */
	while (open && c->ended && clock_left_ms(c->deadline) > 0) {
		struct pollfd p = {.fd = c->fd, .events = POLLIN};
		open = poll(&p, 1, 0) > 0 && take_output(c);
	}
}

static bool judge(const struct command *c, struct fault *f)
{
	if (!c->ended)
		return fault_set(f, FAULT_RELAY, "%s %s did not end in time", c->key,
		                 c->argv[0]);
	if (WIFSIGNALED(c->status))
		return fault_set(f, FAULT_RELAY, "%s %s was ended by signal %d", c->key,
		                 c->argv[0], WTERMSIG(c->status));
	if (WEXITSTATUS(c->status) == NOT_RUN)
		return fault_set(f, FAULT_RELAY, "%s %s cannot be run (exit status 127)",
		                 c->key, c->argv[0]);
	if (WEXITSTATUS(c->status) != 0)
		return fault_set(f, FAULT_RELAY,
		                 "%s %s failed with exit status %d; run it by hand "
		                 "to see why",
		                 c->key, c->argv[0], WEXITSTATUS(c->status));
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
	if (!c.ended) {
		/* The group, for a script's children; the process, if it had no
		 * time to make one. */
		kill(-c.pid, SIGKILL);
		kill(c.pid, SIGKILL);
		int status;
		while (waitpid(c.pid, &status, 0) < 0 && errno == EINTR)
			;
	}
	close(c.fd);
	*len = c.len;
	return judge(&c, f);
}
