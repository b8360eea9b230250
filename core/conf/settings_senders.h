/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * config_senders - the rows of [senders], whose keys are patterns
 *
 * Internal to conf/.
 */
#ifndef CONF_SETTINGS_SENDERS_H
#define CONF_SETTINGS_SENDERS_H

#include "conf/settings.h"

#define CONFIG_SENDERS "senders" /* the section */

/* Checks and adds a row. The fault's text says what is wrong. */
bool config_senders_add(struct config *c, struct str pattern, struct str address, size_t line,
                        struct fault *f) __attribute__((warn_unused_result));
void config_senders_release(struct config *c);

#endif
