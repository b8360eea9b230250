/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * settings_preset - what the key provider fills in
 *
 * Internal to conf/.
 */
#ifndef CONF_SETTINGS_PRESET_H
#define CONF_SETTINGS_PRESET_H

#include "conf/settings_note.h"

/* Fills those keys of the relay that do not stand in its section from the table of
 * providers, if it names one. seen: for each row the line of its key; what is filled gets
 * the line of provider. */
void settings_preset(struct settings_relay *relay, size_t *seen, struct settings_notes *n);

#endif
