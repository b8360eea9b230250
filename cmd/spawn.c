/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cmd/spawn.h"

#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "os/clock.h"
#include "text/codec.h"
#include "os/command.h"
#include "os/file.h"
#include "cmd/with_tls.h"

#define CALLER_FD 3
#define OPEN_MOST 65536
#define ASCII_MAX 1024
#define PATIENCE  10000 /* ms */

/* What else the caller has open (a lock, a pipe that somebody reads to its end)
 * must not stay so for as long as the try goes on. */
static void close_from(int first)
{
#ifdef HAVE_CLOSE_RANGE
	if (close_range((unsigned)first, ~0U, 0) == 0)
		return;
#endif
	long most = sysconf(_SC_OPEN_MAX);
	for (long fd = first; fd < (most > 0 && most < OPEN_MOST ? most : OPEN_MOST); fd++)
		close((int)fd);
}

/* In the child; never returns. */
static void become_flushq(const char *program, const struct place *p, const char *id,
                          bool verbose, int fd)
{
	const char *argv[16];
	int n = 0;
	argv[n++] = "flushq";
	if (p->personal) {
		argv[n++] = "-C";
		argv[n++] = p->config_path;
	}
	if (verbose)
		argv[n++] = "-v";
	if (p->tag) {
		argv[n++] = "--tag";
		argv[n++] = p->tag;
	}
	char caller[16];
	if (fd >= 0) {
		snprintf(caller, sizeof(caller), "%d", CALLER_FD);
		argv[n++] = "--caller";
		argv[n++] = caller;
	} else {
		argv[n++] = "--first";
	}
	argv[n++] = id;
	argv[n] = NULL;
	setsid();
	if (fd >= 0 && dup2(fd, CALLER_FD) < 0)
		_exit(71);
	if (fd == CALLER_FD)
		fcntl(fd, F_SETFD, 0);
	close_from(fd >= 0 ? CALLER_FD + 1 : CALLER_FD);
	for (int i = 0; i < 3; i++)
		close(i);
	file_std_open();
	sigset_t none;
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	execv(program, (char *const *)argv);
	_exit(71);
}

bool spawn_flushq(const struct place *p, const char *id, bool verbose, bool listen, int *fd,
                  pid_t *pid, struct fault *f)
{
	int pair[2] = {-1, -1};
	if (listen && socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0)
		return fault_sys(f, FAULT_SYSTEM, errno, "socketpair");
	char *program = with_tls_program(with_tls_needed(&p->config));
	*pid = fork();
	if (*pid == 0)
		become_flushq(program, p, id, verbose, pair[1]);
	if (*pid < 0)
		fault_sys(f, FAULT_SYSTEM, errno, "cannot start %s", program);
	free(program);
	if (pair[1] >= 0)
		close(pair[1]);
	if (*pid < 0 && pair[0] >= 0)
		close(pair[0]);
	*fd = pair[0];
	return *pid > 0;
}

bool spawn_exec(bool tls, char *const *argv, struct fault *f)
{
	char *program = with_tls_program(tls);
	execv(program, argv);
	fault_sys(f, FAULT_SYSTEM, errno, "cannot start %s", program);
	free(program);
	return false;
}

int spawn_become(const char *label, bool tls, char *const *argv)
{
	struct fault f = FAULT_INIT;
	spawn_exec(tls, argv, &f);
	fprintf(stderr, "%s: %s\n", label, f.text);
	return fault_exit(f.kind);
}

enum idna_mapped spawn_to_ascii(struct buf *out, struct str domain, struct fault *f)
{
	char ascii[ASCII_MAX], option[] = "--to-ascii";
	size_t len = 0;
	char *program = with_tls_program(true);
	char *name = mem_copy(domain);
	char *argv[] = {program, option, name, NULL};
	bool ran =
	    command_run("idna", argv, clock_deadline(PATIENCE), ascii, sizeof(ascii), &len, f);
	struct str found = str_trim(str_make(ascii, len));
	enum idna_mapped mapped = !ran             ? IDNA_FAILED
	                          : found.len == 0 ? IDNA_NO_NAME
	                                           : IDNA_MAPPED;
	if (mapped == IDNA_MAPPED && (!codec_is_ascii(found) || !buf_add_str(out, found)))
		mapped = IDNA_NO_NAME;
	free(name);
	free(program);
	return mapped;
}
