/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * fault - the one error value
 *
 * A fault is filled once, where the cause is known, and travels unchanged to
 * the log, the exit code and the report. Its kind and its cause decide what
 * happens to the mail; its text is for people. A function that can fail returns
 * false and fills its last argument; otherwise it returns true and leaves the
 * fault alone.
 *
 * Text is one line of printable ASCII however it was made: other bytes are
 * written as \xHH when they are put in. A backslash stays as it is, so that
 * escaped text can be put in too. Longer text is cut.
 *
 * Unknown means temporary: FAULT_TEMP is the kind to take when in doubt.
 */
#ifndef TEXT_FAULT_H
#define TEXT_FAULT_H

#include <stdbool.h>

#include "text/cause.h"

#define FAULT_TEXT_MAX   256
#define FAULT_STATUS_MAX 12

enum fault_kind {
	FAULT_NONE,
	FAULT_USAGE,    /* the command line is wrong */
	FAULT_DATA,     /* the message or an address is wrong */
	FAULT_NOINPUT,  /* standard input cannot be read at all */
	FAULT_NOUSER,   /* refused for good: no such recipient (5.1.x) */
	FAULT_REFUSED,  /* refused for good: anything else */
	FAULT_SYSTEM,   /* the operating system refused */
	FAULT_CREATE,   /* a file cannot be created */
	FAULT_IO,       /* reading or writing failed half-way */
	FAULT_TEMP,     /* may work later: keep the mail */
	FAULT_RELAY,    /* about us or the relay, not the message: ask the next relay */
	FAULT_PROTOCOL, /* the peer broke the protocol: drop it, ask the next relay */
	FAULT_NOPERM,   /* not allowed */
	FAULT_CONFIG,   /* the configuration is missing or wrong */
};

struct fault {
	enum fault_kind kind;
	enum cause cause;              /* of what goes wrong between us and a server */
	int sys;                       /* errno, or 0 */
	int code;                      /* SMTP reply code, or 0 */
	char status[FAULT_STATUS_MAX]; /* enhanced status (RFC 3463), or "" */
	char text[FAULT_TEXT_MAX];     /* one printable line */
};

/* An empty fault. */
#define FAULT_INIT ((struct fault){.kind = FAULT_NONE})

/* Fills *f; always returns false, so that a caller can return it. */
bool fault_set(struct fault *f, enum fault_kind kind, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* As fault_set, with errno value sys behind the text: "TEXT: No such file or directory". */
bool fault_sys(struct fault *f, enum fault_kind kind, int sys, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/* As fault_set, for a server's reply. status may be NULL. */
bool fault_reply(struct fault *f, enum fault_kind kind, int code, const char *status,
                 const char *format, ...) __attribute__((format(printf, 5, 6)));

/* Another text; all else stays. Always returns false. */
bool fault_text(struct fault *f, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Says what it is the cause of, unless that is known already. Always returns false. */
bool fault_cause(struct fault *f, enum cause cause);

/* Puts "PREFIX: " before the text; kind and codes stay. Always returns false. */
bool fault_prefix(struct fault *f, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* The sysexits code of the kind: the only such map in the program. FAULT_NONE is 0. */
int fault_exit(enum fault_kind kind);
/* Of the exit codes of two things that were done: the one to end with, the greater. */
int fault_worse(int a, int b);

#endif
