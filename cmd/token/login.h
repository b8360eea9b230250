/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * login - a person logs in: by a code on another device (RFC 8628), or by a browser
 * (RFC 6749 section 4.1 with PKCE, RFC 7636)
 *
 * The browser is sent back to a port of the loopback. One on this machine finds us there
 * (RFC 8252); one elsewhere finds nobody, and the address that it shows is pasted. Both are
 * waited for at once, since we cannot know where it is. Somebody else who listens there can
 * do nothing with the code without the verifier, which stays here.
 */
#ifndef CMD_TOKEN_LOGIN_H
#define CMD_TOKEN_LOGIN_H

#include "cmd/token/job.h"

bool login_person(struct job *j, struct fault *f);

#endif
