/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * settings_provider - the kind of value that names a provider
 *
 * Internal to conf/. What follows from it for other keys is in settings_preset.
 */
#ifndef CONF_SETTINGS_PROVIDER_H
#define CONF_SETTINGS_PROVIDER_H

#include "conf/settings_value.h"

extern const struct settings_kind settings_provider; /* char *: "NAME" or "NAME:REGION" */

#endif
