/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * place_access - who may open the hold of a place, and how
 *
 * The user's own hold is used directly. The system's is used directly by root
 * (who becomes its user first), by that user, and by members of its group who
 * only look; all others go through post/post_client.
 */
#ifndef CMD_PLACE_ACCESS_H
#define CMD_PLACE_ACCESS_H

#include "text/fault.h"
#include "post/post_client.h"
#include "hold/hold.h"
#include "cmd/place.h"

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
/* For root's flushq, before it becomes that user: an empty folder in place of the
 * system's hold gets its rooms. *made: it had none. */
bool place_make_rooms(const struct place *p, bool *made, struct fault *f);
/* look: nothing is to be changed, and a user's hold that is missing is empty. */
bool place_open_hold(const struct place *p, bool look, struct hold *h, struct fault *f);
/* A conversation with post, to hand in a message that there is space for. Where only a
 * service has the password that is the one behind the socket, if there is one. */
bool place_open_post(const struct place *p, struct post_client *g, struct fault *f);

#endif
