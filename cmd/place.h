/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * place - which configuration and which hold this call is about
 *
 * -C FILE, else the user's own file if it is there, the caller is not root, and
 * he has lent us no rights but his own (cmd/rights); else the system's. Both
 * programs begin here, so that they agree.
 *
 * The user's own hold is used directly. The system's is used directly by root
 * (who becomes its user first), by that user, and by members of its group who
 * only look; all others go through post/post_client.
 */
#ifndef CMD_PLACE_H
#define CMD_PLACE_H

#include "text/fault.h"
#include "conf/settings.h"
#include "post/post_client.h"
#include "hold/hold.h"
#include "transport/here.h"

struct place {
	char *config_path;
	bool personal; /* own file and hold, no privileges */
	struct settings config;
	bool config_good;
	bool owner;      /* we are the hold's user: from place_become on */
	const char *tag; /* the name in the log instead of the program's, or NULL; borrowed */
	char *hold_path;
	struct here here;     /* empty until place_names */
	const char *hostname; /* of here; NULL until then */
};

/* Finds and loads the configuration; each fault is printed to standard error
 * as "PROGRAM: FILE:LINE: what". False if there was one: config_good is
 * false, but hold_path is set where it could be found (else NULL). path: of
 * -C, or NULL. system: the system's, whatever the user has, and silently. warn:
 * of warnings too where standard error is no terminal. */
bool place_find(struct place *p, const char *program, const char *path, bool system, bool warn);
void place_release(struct place *p);

/* Fills here and hostname. May ask the resolver. */
void place_names(struct place *p);

/* May the caller open this hold, to look, or to act on what is there? In the
 * system's hold members of its group look; to act is for root and its user,
 * since the sticky bit lets nobody else move what is another's. */
bool place_may_look(const struct place *p);
bool place_may_act(const struct place *p);
/* Before anything of the hold is opened: in system mode root becomes the hold's
 * user for good, what is made is open to its group, and the environment is
 * left behind. A process of another user, started by post, runs no
 * password_command: that user could meddle with it. */
bool place_become(struct place *p, struct fault *f);
/* For root's flushq, before he becomes that user: an empty folder in place of the
 * system's hold gets its rooms. *made: it had none. */
bool place_make_rooms(const struct place *p, bool *made, struct fault *f);
/* look: nothing is to be changed, and a user's hold that is missing is empty. */
bool place_open_hold(const struct place *p, bool look, struct hold *h, struct fault *f);
/* A conversation with post, to hand in a message that there is space for. Where only a
 * service has the password that is the one behind the socket, if there is one. */
bool place_open_gate(const struct place *p, struct post_client *g, struct fault *f);
/* Opens the log as the configuration says. Of a tag only what cannot be taken
 * for the rest of a line is used. */
void place_open_log(const struct place *p, const char *program);

#endif
