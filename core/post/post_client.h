/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * post_client - into the system's hold, for those who may not open it
 *
 * One conversation with post, the program that may: started by us (it is
 * set-gid), or, where that bit is switched off (no new privileges, a file
 * system without it), as a service behind a socket. What is said is in
 * post/record.h.
 *
 * Faults: what post answers, with the kind of its code; FAULT_NOPERM when
 * neither way is open; FAULT_TEMP when post does not answer or is cut short.
 */
#ifndef POST_POST_CLIENT_H
#define POST_POST_CLIENT_H

#include <sys/types.h>

#include "text/buf.h"
#include "text/fault.h"
#include "hold/hold.h"
#include "post/record.h"

struct post_client {
	int fd;    /* -1: closed */
	pid_t pid; /* of the post that we started, or -1 */
	struct record_reader *reader;
};

void post_client_init(struct post_client *g);
/* Opens a conversation; post has then found that it may use the hold.
 * socket_first: ask the service even if post could be started. */
bool post_client_open(struct post_client *g, bool socket_first, struct fault *f)
    __attribute__((warn_unused_result));
/* What was not ended is given up; harmless twice. */
void post_client_close(struct post_client *g);

/* Puts a message: begin with the complete envelope, pieces, end. room: HOLD_QUEUE
 * or HOLD_FAILED; delay in seconds. After end returned true it is durable, and id
 * names it. */
bool post_client_put_begin(struct post_client *g, enum hold_room room, const struct envelope *v,
                           int64_t delay, struct fault *f) __attribute__((warn_unused_result));
bool post_client_put_message(struct post_client *g, struct str bytes, struct fault *f)
    __attribute__((warn_unused_result));
bool post_client_put_end(struct post_client *g, char id[ENTRY_ID_LEN + 1], struct fault *f)
    __attribute__((warn_unused_result));

/* How flushq is to go, as bits. */
enum post_go {
	POST_GO_VERBOSE = 1,
	POST_GO_LISTEN = 2 /* somebody wants to be told how it goes */
};

/* post becomes flushq: on the entry just put, or, as the first that is said, on
 * all of ours that is due. how: bits of enum post_go. Of POST_GO_LISTEN *fd is where it
 * tells how it goes (cmd/send/progress); the caller closes it. The conversation is
 * closed. */
bool post_client_go(struct post_client *g, unsigned how, int *fd, struct fault *f);

/* post becomes mailq or flushq, for us alone; its output and errors go where ours do. words: the
 * name of one of the two, its options, of which none has a capital letter and a text is joined by
 * "=", and its operands, with a line feed between each; at most RECORD_MAX bytes and RECORD_WORDS
 * words. Waits until it ends; *code is its exit code. Closing the conversation before that (or our
 * own end) ends it. */
bool post_client_command(struct post_client *g, struct str words, int *code, struct fault *f);

#endif
