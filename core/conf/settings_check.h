/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * settings_check - the rules between several keys
 *
 * Internal to conf/. seen: for each row of the table the line where its key stands, 0 if
 * it does not; those of [relay] are about that relay.
 */
#ifndef CONF_SETTINGS_CHECK_H
#define CONF_SETTINGS_CHECK_H

#include "conf/settings.h"
#include "conf/settings_note.h"

/* Between the keys of one relay; fills what follows from others. */
void settings_check_relay(struct settings_relay *relay, const size_t *seen, bool personal,
                          struct settings_notes *n);
/* Between all others, at the end of the file, whose last line that is. */
void settings_check_rest(struct settings *c, const size_t *seen, size_t last,
                         struct settings_notes *n);

#endif
