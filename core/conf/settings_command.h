/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * settings_command - a program and its arguments, as a kind of value
 *
 * Internal to conf/. The words are divided by blanks; '...', "..." and \ are as in a shell,
 * and nothing else is.
 */
#ifndef CONF_SETTINGS_COMMAND_H
#define CONF_SETTINGS_COMMAND_H

#include "conf/settings_value.h"

extern const struct settings_kind settings_command; /* struct settings_list */

#endif
