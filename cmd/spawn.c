/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cmd/spawn.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "os/clock.h"
#include "text/codec.h"
#include "os/child.h"
#include "os/command.h"
#include "cmd/with_tls.h"

#define ASCII_MAX 1024
#define PATIENCE  10000 /* ms */
#define WORDS_MAX 6

/* "flushq -C FILE -v ID", named as mailq_options has it; name: to be freed by the caller. */
static char *fill_words(const char *words[WORDS_MAX], const struct place *p,
                        const struct sink_try *t)
{
	int n = 0;
	char *name = mem_printf("flushq %s%s%s", t->listen ? "caller" : "first",
	                        p->tag ? " tag=" : "", p->tag ? p->tag : "");
	words[n++] = name;
	if (p->personal) {
		words[n++] = "-C";
		words[n++] = p->config_path;
	}
	if (t->verbose)
		words[n++] = "-v";
	words[n++] = t->id;
	words[n] = NULL;
	return name;
}

bool spawn_flushq(const struct place *p, struct sink_try *t, struct fault *f)
{
	int pair[2] = {-1, -1};
	if (t->listen && socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0)
		return fault_sys(f, FAULT_SYSTEM, errno, "socketpair");
	const char *words[WORDS_MAX];
	char *name = fill_words(words, p, t);
	char *program = with_tls_program(with_tls_needed(&p->config));
	struct child flushq;
	bool started = child_start(&flushq, &(struct child_order){.fds = {-1, -1, -1, pair[1]},
	                                                          .tie = CHILD_SESSION,
	                                                          .program = program,
	                                                          .argv = (char **)words});
	if (!started)
		fault_sys(f, FAULT_SYSTEM, errno, "cannot start %s", program);
	free(program);
	free(name);
	if (pair[1] >= 0)
		close(pair[1]);
	if (!started && pair[0] >= 0)
		close(pair[0]);
	t->fd = pair[0];
	t->pid = flushq.pid;
	return started;
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
