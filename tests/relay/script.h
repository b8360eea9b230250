/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The language that makes the relay misbehave. One step a line; # starts a comment.
 *
 * A file of plain steps is played from the first byte of each connection, in place of the
 * greeting; "good" hands over to normal behaviour, the end of the steps closes. Most tests
 * want good behaviour with one thing changed, which is a line
 *
 *     [once | first COUNT] on EVENT [N] [helo NAME] [from ADDRESS] [to ADDRESS] STEP ...
 *
 * With N only the Nth such event of a connection is meant; for BODY it is a number of bytes.
 * once (first COUNT) keeps it to the first (COUNT) connections; "once" alone on a line does so
 * for all steps of the file. Of several lines for one event the first that fits is taken.
 *
 * The rest tells who is meant, so that one relay treats one of many badly: helo, a client that
 * has given this name (from EHLO on); from, the transaction of this sender (MAIL RCPT DATA BDAT
 * BODY DOT, and the RSET that ends it); to, one with this recipient: at RCPT, and at DOT with
 * LMTP, the reply for him alone, else all that comes behind his RCPT. A name or an address may
 * be "quoted"; from "" is the null sender. In such a rule N counts events of the transaction if
 * it has from or to, and once (first COUNT) how often the rule is played, over all connections.
 *
 * The code of the first reply in the steps is what happened to the command: "on RCPT 2 reply
 * 451 later" refuses that recipient, "on DOT commit close" accepts the message and says
 * nothing. Steps with no reply, commit or normal leave the command without effect.
 *
 * TEXT is "quoted", with the escapes \r \n \t \e \0 \\ \" \xHH. The argument of reply may be
 * bare: then it is the rest of the line. The words are in script_help.
 */
#ifndef RELAY_SCRIPT_H
#define RELAY_SCRIPT_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

#include "text.h"

enum script_event {
	ON_CONNECT, /* the greeting is due */
	ON_TLS,     /* a handshake is about to begin */
	ON_EHLO,    /* EHLO and LHLO */
	ON_HELO,
	ON_STARTTLS,
	ON_AUTH,  /* the AUTH command, before any exchange */
	ON_LOGIN, /* the verdict at the end of the exchange */
	ON_MAIL,
	ON_RCPT,
	ON_DATA,
	ON_BDAT, /* a chunk that is not the last */
	ON_BODY, /* N bytes of the message have come */
	ON_DOT,  /* the message is complete (DATA or BDAT); LMTP: for each recipient */
	ON_RSET,
	ON_NOOP,
	ON_QUIT,
	ON_OTHER,
	EVENT_COUNT
};

enum step_word {
	STEP_SEND,
	STEP_REPLY,
	STEP_SEND_SLOW,
	STEP_SPLIT,
	STEP_SPLIT_AT,
	STEP_REPEAT,
	STEP_DRIP,
	STEP_PACE,
	STEP_WAIT,
	STEP_EXPECT,
	STEP_EXPECT_DATA,
	STEP_EXPECT_EOF,
	STEP_READ,
	STEP_STARTTLS,
	STEP_TLS,
	STEP_ALERT,
	STEP_WARN,
	STEP_CORRUPT,
	STEP_REPLAY,
	STEP_CIPHER,
	STEP_CLOSE,
	STEP_CUT,
	STEP_RESET,
	STEP_STALL,
	STEP_STOP_READING,
	STEP_NORMAL,
	STEP_COMMIT,
	STEP_GOOD
};

struct step {
	enum step_word word;
	long number;
	struct text text;
};

struct steps {
	struct step *list;
	size_t count;
};

struct rule {
	enum script_event event;
	long nth;       /* 0: each */
	unsigned first; /* only the first connections (or times, see played); 0: all */
	struct text *helo, *from, *to; /* who is meant; null: all */
	atomic_uint *played;           /* of a rule with first that is not for all; else null */
	struct steps steps;
};

struct script {
	struct steps steps; /* in place of the greeting; none: behave well */
	unsigned first;     /* steps is for the first connections; 0: all */
	struct rule *rules;
	size_t rule_count;
};

extern const char script_help[];

/* Adds a file, or one line ("[once] [on] EVENT ..." as given by --on, where "on" may be left
 * out). Ends the program with FILE:LINE: what is wrong. */
void script_file(struct script *script, const char *path);
void script_on(struct script *script, const char *line);
void script_free(struct script *script);

/* Where an event happens. */
struct occasion {
	unsigned conn;
	long nth;           /* of the connection; BODY: bytes */
	long nth_of_mail;   /* of the transaction */
	const char *helo;   /* what the client called itself */
	const char *sender; /* null: in no transaction */
	const char *const *recipients;
	size_t count;
};

/* The steps for it, or null. To be played: a rule that was meant to be played so often only is
 * used up by it. */
const struct steps *script_find(const struct script *script, enum script_event event,
                                const struct occasion *where);

/* The next number of body bytes above "after" at which a rule waits there; -1: none. */
long script_body_stop(const struct script *script, const struct occasion *where, long after);

/* The reply code that steps give a command whose own code would be normal; 0: no effect. */
int script_code(const struct steps *steps, int normal);

#endif
