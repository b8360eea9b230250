/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * rights - whether what we may do is what our caller may do
 *
 * A set-uid or set-gid program that runs us has lent us its rights, and its own
 * caller may have prepared what we would read: a file in their home, variables.
 * So nothing of that counts then; the system's configuration and hold do.
 */
#ifndef CMD_RIGHTS_H
#define CMD_RIGHTS_H

#include "text/fault.h"

/* Are they another's than the caller's? */
bool rights_borrowed(void);
/* To be called before anything is read. If they are: the environment is left
 * behind, and a configuration of the caller's (path, of -C; or NULL) is
 * refused with FAULT_NOPERM. */
bool rights_begin(const char *path, struct fault *f);
/* Leaves the environment behind, but for what our output and the password of a
 * service depend on. home: HOME in the new one, or NULL. */
bool rights_leave_environment(const char *home, struct fault *f);

#endif
