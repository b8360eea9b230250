/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * smtp_command - the commands of a session that are under way, and its end
 *
 * For smtp.c and its parts: what a handler of a reply may do. Commands are put into
 * the output and into the queue of those that are unanswered; a session is left with
 * QUIT, or dropped with the reason. A command that is not one line (a control
 * character in an address) drops the session with FAULT_DATA.
 */
#ifndef SMTP_SMTP_COMMAND_H
#define SMTP_SMTP_COMMAND_H

#include "smtp/smtp_private.h"

#define SMTP_GOOD_MAX 3

/* What is said of a verb, and how its reply is looked at. */
struct smtp_verb {
	const char *name;
	enum smtp_phase phase;
	enum cause_phase at;
	int good
	    [SMTP_GOOD_MAX]; /* the codes below 400 that make sense; none: any but 220 and 221 */
};

extern const struct smtp_verb smtp_verbs[VERBS];

/* Adds a command line (CRLF is added here) and waits for its answer. False:
 * the machine has failed. shown is traced instead of the line if not NULL. */
bool smtp_command(struct smtp *s, enum verb verb, size_t rcpt, struct str line,
                  const char *shown);
/* The answer to what was put into out by hand. */
void smtp_expect(struct smtp *s, enum verb verb, size_t rcpt);
bool smtp_unanswered(const struct smtp *s);

/* The connection is given up at once, without QUIT. Returns SMTP_OVER. */
enum smtp_want smtp_drop(struct smtp *s, const struct fault *f);
/* It has been given up, and what came then shows that no reply of the flight can be believed:
 * that is the reason now. */
void smtp_doubt(struct smtp *s, const struct fault *f);
/* The session ends with QUIT; s->fault says why. */
enum smtp_want smtp_leave(struct smtp *s);
/* s->fault from a reply in that phase, with the server's words as its text. */
void smtp_blame(struct smtp *s, enum cause_phase phase, const struct reply *r);
/* A reply that makes no sense where it came. Returns SMTP_OVER. */
enum smtp_want smtp_nonsense(struct smtp *s, enum verb verb, const struct reply *r);
/* What the session has come to (enum cause_had). */
unsigned smtp_had(const struct smtp *s);
/* No verdict of the transaction counts. */
void smtp_forget(struct transaction *tx);
/* Where in the session it stands, for the cause of what goes wrong there. */
enum cause_phase smtp_where(const struct smtp *s);
/* Something was sent that nothing asked for: true, and the machine has failed. */
bool smtp_out_of_step(struct smtp *s);
void smtp_show(const struct smtp *s, bool sent, struct str line);
/* Is encryption required, and not there yet? */
bool smtp_must_encrypt(const struct smtp *s);

#endif
