/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * settings_senders - the rows of [senders], whose keys are patterns
 *
 * Internal to conf/.
 */
#ifndef CONF_SETTINGS_SENDERS_H
#define CONF_SETTINGS_SENDERS_H

#include "conf/settings.h"

#define SETTINGS_SENDERS "senders" /* the section */

/* Checks and adds a row. The fault's text says what is wrong. */
bool settings_senders_add(struct settings *c, struct str pattern, struct str address,
                          size_t line, struct fault *f) __attribute__((warn_unused_result));
void settings_senders_release(struct settings *c);

#endif
