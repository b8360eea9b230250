/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * gate - into the system's hold, for those who may not open it
 *
 * One conversation with post, the program that may: started by us (it is
 * set-gid), or, where that bit is switched off (no new privileges, a file
 * system without it), as a service behind a socket. What is said is in
 * post/record.h.
 *
 * Faults: what post answers, with the class of its code; FAULT_NOPERM when
 * neither way is open; FAULT_TEMP when post does not answer or is cut short.
 */
#ifndef POST_POST_CLIENT_H
#define POST_POST_CLIENT_H

#include <sys/types.h>

#include "text/buf.h"
#include "text/fault.h"
#include "hold/entry.h"
#include "post/record.h"

struct gate {
	int fd;    /* -1: closed */
	pid_t pid; /* of the post that we started, or -1 */
	struct record_reader *reader;
};

void gate_init(struct gate *g);
/* Opens a conversation; post has then found that it may use the hold.
 * socket_first: ask the service even if post could be started. */
bool gate_open(struct gate *g, bool socket_first, struct fault *f)
    __attribute__((warn_unused_result));
void gate_close(struct gate *g); /* what was not ended is given up; harmless twice */

/* Puts a message: begin with the complete envelope, pieces, end. room: "hold"
 * or "failed"; delay in seconds. After end returned true it is durable and e->id
 * names it. */
bool gate_put_begin(struct gate *g, const char *room, const struct envelope *v, int64_t delay,
                    struct fault *f) __attribute__((warn_unused_result));
bool gate_put_message(struct gate *g, struct str bytes, struct fault *f)
    __attribute__((warn_unused_result));
bool gate_put_end(struct gate *g, char id[ENTRY_ID_LEN + 1], struct fault *f)
    __attribute__((warn_unused_result));

/* post becomes flushq: on the entry just put, or, as the first that is said, on
 * all of ours that is due. listen: *fd is where it tells how it goes
 * (cmd/send/progress); the caller closes it. The gate is closed. */
bool gate_go(struct gate *g, bool verbose, bool listen, int *fd, struct fault *f);

/* Called for an entry of ours: the file's bytes are in fd, as far as they were
 * asked for. room: 'h' or 'f'. False ends the list. */
typedef bool gate_each(void *context, char room, const char *id, bool busy, int fd);

/* Our entries in the rooms (letters h and f), or the one of that id (or NULL);
 * whole: with the message. */
bool gate_list(struct gate *g, const char *rooms, const char *id, bool whole, gate_each *each,
               void *context, struct fault *f);

/* Has post do something on our entries: "remove ID ID" and so on. What that
 * prints goes to out; *code is its exit code. */
bool gate_act(struct gate *g, const char *words, int out, int *code, struct fault *f);

#endif
