/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * place - which configuration and which hold this call is about
 *
 * -C FILE, else the user's own file if it is there, the caller is not root, and
 * they have lent us no rights but their own (cmd/rights); else the system's. Both
 * programs begin here, so that they agree.
 */
#ifndef CMD_PLACE_H
#define CMD_PLACE_H

#include <sys/types.h>

#include "text/fault.h"
#include "conf/settings.h"
#include "submit/this_host.h"

struct place {
	char *config_path;
	bool personal; /* own file and hold, no privileges */
	struct settings config;
	bool config_good;
	bool owner; /* we are the hold's user: from place_become on */
	uid_t user; /* whose messages are handed in: our own user, if nothing else is found */
	const char *tag; /* the name in the log instead of the program's, or NULL; borrowed */
	char *hold_path;
	struct this_host host; /* empty until place_names */
	const char *hostname;  /* of host; NULL until then */
};

/* Finds and loads the configuration; each fault is printed to standard error
 * as "PROGRAM: FILE:LINE: what". False if there was one: config_good is
 * false, but hold_path is set where it could be found (else NULL). path: of
 * -C, or NULL. system: the system's, whatever the user has, and silently. warn:
 * of warnings too where standard error is no terminal. */
bool place_find(struct place *p, const char *program, const char *path, bool system, bool warn);
void place_release(struct place *p);

/* Fills host and hostname. May ask the resolver. */
void place_names(struct place *p);

/* Opens the log as the configuration says. Of a tag only what cannot be taken
 * for the rest of a line is used. */
void place_open_log(const struct place *p, const char *program);

#endif
