/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * login - sendmail --login and --logout: a person and the program token
 */
#ifndef CMD_SEND_LOGIN_H
#define CMD_SEND_LOGIN_H

#include "cmd/place.h"
#include "cmd/send/options.h"
#include "hold/hold.h"
#include "transport/tokens.h"

/* The hold and the program, for who may have the tokens; NULL with f, or without where no
 * relay has oauth. Before the process is narrowed; *h is to be closed if it is not NULL. */
struct tokens *login_open(const struct place *p, struct hold *h, struct fault *f);

/* The relay that the call is about, or NULL with f. */
const struct settings_relay *login_relay(const struct settings *c, const struct call *call,
                                         struct fault *f);

/* Either of them, as the call says. */
bool login_run(const struct tokens *t, const struct call *call,
               const struct settings_relay *relay, struct fault *f);

#endif
