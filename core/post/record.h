/* SPDX-License-Identifier: GPL-3.0-or-later */
/* record - what sendmail and post say to each other over a stream socket, in frames: a
 * kind (1 byte), the length of the payload (4 bytes, the highest first), the payload.
 * libc only, as post is made of it. */
#ifndef POST_RECORD_H
#define POST_RECORD_H

#include <stddef.h>

#define RECORD_HEAD     5
#define RECORD_MAX      65536          /* bytes of a payload */
#define RECORD_FACT_MAX 1024           /* of those of one fact of a message */
#define RECORD_WORDS    4096           /* of one command */
#define RECORD_IDLE_MS  (86400 * 1000) /* a job that is sent as it runs may be silent for long */
#define RECORD_GREETING "postern 1"    /* of RECORD_HELLO; the digit counts changes */
#define RECORD_NOTIFY_WORDS                                                        \
	"NEVER SUCCESS FAILURE DELAY SUCCESS,FAILURE SUCCESS,DELAY FAILURE,DELAY " \
	"SUCCESS,FAILURE,DELAY"

enum record_kind {
	/* post to client */
	RECORD_HELLO = 'H', /* it can write into the hold */
	/* "CODE text" of sysexits, a line; the last record. EX_OSFILE: no hold for this process */
	RECORD_ERROR = 'X',
	RECORD_ID = 'I',   /* the message is held, durably, under this id */
	RECORD_DONE = 'Z', /* a command has ended: its exit code, decimal */
	/* client to post: a message, in this order, those in brackets may be missing */
	RECORD_PUT = 'P',      /* "hold N" or "failed N": the room, the number of recipients */
	RECORD_SENDER = 's',   /* empty: the null reverse-path */
	RECORD_LOCAL = 'h',    /* [empty]: the sender is a name of this host */
	RECORD_BODY = 'b',     /* [7BIT or 8BITMIME] */
	RECORD_SMTPUTF8 = 'u', /* [empty] */
	RECORD_RET = 'r',      /* [FULL or HDRS] */
	RECORD_ENVID = 'e',    /* [xtext] */
	RECORD_RELAY = 'l',    /* [the only relay to use] */
	RECORD_DELAY = 'd',    /* [seconds until the first try] */
	RECORD_RCPT = 'R',     /* N times, each with the next two behind it */
	RECORD_NOTIFY = 'n',   /* [one of RECORD_NOTIFY_WORDS] */
	RECORD_ORCPT = 'o',    /* ["rfc822;" and xtext] */
	RECORD_MESSAGE = 'M',  /* bytes of the final form, cut anywhere */
	RECORD_END = 'E',      /* empty */
	/* client to post: a request, also after a message, on that one */
	RECORD_GO = 'G', /* try now; letters: l the client listens, v verbose */
	/* client to post: a command. Its second record is sent by itself, with two descriptors
	 * (SCM_RIGHTS) for output and errors. It ends when the client goes, or says a word more. */
	RECORD_COMMAND = 'Q', /* "mailq" or "flushq", and words, with line feeds between them */
	RECORD_OUTPUTS = 'O'  /* empty */
};

/* At most RECORD_MAX bytes. 0, or errno: ETIMEDOUT if none was taken for idle_ms (-1: no
 * limit), EPIPE if the other side has gone; its last words can be read still. No signal. */
int record_write(int fd, enum record_kind kind, const void *payload, size_t len, int idle_ms)
    __attribute__((warn_unused_result));

struct record {
	char kind; /* any byte */
	char *at;  /* the payload; a NUL behind it is not counted */
	size_t len;
};
struct record_reader {
	size_t have; /* of the record that is under way */
	char space[RECORD_HEAD + RECORD_MAX + 1];
};
/* EOF: the other side has gone, maybe within a record. BAD: a length over
 * RECORD_MAX. SILENT: not a byte for idle_ms. FAILED: errno says why. */
enum record_result { RECORD_OK, RECORD_EOF, RECORD_BAD, RECORD_SILENT, RECORD_FAILED };

static inline void record_init(struct record_reader *r)
{
	r->have = 0;
}

/* The next record, and not a byte behind it; good until the next call. */
enum record_result record_read(struct record_reader *r, int fd, int idle_ms,
                               struct record *out);

#endif
