/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * sandbox_policy - what a delivering process still needs, by the configuration
 *
 * From here on it reads from the network. It keeps the rooms of the hold, the
 * files that the relays' sections name (CA, certificate, key, password), the
 * aliases, the directory of systemd's credentials and the log; os/sandbox says
 * what else.
 * Where a relay has a password_command nothing is known of what that needs: in
 * the system's hold files are not narrowed then, and programs can be run, but
 * none gains privileges by its set-id bits (sudo); a user's own process stays
 * as it is, for their password manager may be such a program.
 */
#ifndef TRANSPORT_SANDBOX_POLICY_H
#define TRANSPORT_SANDBOX_POLICY_H

#include "conf/settings.h"
#include "hold/hold.h"

/* Hides and narrows this process and all its children for good; "online" has
 * been run, hold and log are open. hold: NULL if there is none. Returns bits of
 * enum sandbox_done. */
unsigned sandbox_policy(const struct settings *c, const struct hold *hold);

#endif
