/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * place - which configuration and which hold this call is about
 *
 * -C FILE, else the user's own file if it is there and the caller is not root,
 * else the system's. Both programs begin here, so that they agree.
 */
#ifndef CMD_PLACE_H
#define CMD_PLACE_H

#include "base/fault.h"
#include "conf/config.h"
#include "hold/hold.h"

struct place {
	char *config_path;
	bool personal; /* own file and hold, no privileges */
	struct config config;
	bool config_good;
	char *hold_path;
	char *hostname; /* this host's full name; NULL until place_hostname */
	char *domain;   /* for bare addresses; NULL until place_hostname */
};

/* Finds and loads the configuration; each fault is printed to standard error
 * as "PROGRAM: FILE:LINE: what". False if there was one: config_good is
 * false, but hold_path is set where it could be found (else NULL). path: of
 * -C, or NULL. */
bool place_find(struct place *p, const char *program, const char *path);
void place_release(struct place *p);

/* Fills hostname and domain: from the configuration, else as the manual says
 * for "auto". May ask the resolver. */
void place_names(struct place *p);

/* Opens the hold. */
bool place_open_hold(const struct place *p, struct hold *h, struct fault *f);
/* Opens the log as the configuration says. */
void place_open_log(const struct place *p, const char *program);

#endif
