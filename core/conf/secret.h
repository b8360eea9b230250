/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * secret - the password, from where the configuration says
 *
 * Read late, kept in one buffer locked in memory, wiped after use. Sources:
 * the first line of a file that others cannot read (or that a container got as a
 * mount of its own, see os/container); the first output line of a
 * command (argv, no shell, an environment of a few harmless names, standard
 * error not shown, its exit status counts, 10 s); the configuration itself; or
 * a file named relay.NAME.password in the directory $CREDENTIALS_DIRECTORY
 * (systemd). 1 to SECRET_MAX bytes without NUL. Faults are FAULT_CONFIG where
 * only a changed set-up helps, else FAULT_RELAY; they name path, owner and
 * mode, never the secret.
 */
#ifndef CONF_SECRET_H
#define CONF_SECRET_H

#include <stdint.h>

#include "text/buf.h"
#include "text/fault.h"
#include "conf/settings.h"

#define SECRET_MAX   4096
#define SECRET_TOKEN 16384 /* bytes of what secret_take reads */

struct secret; /* opaque: locked memory */

/* Is there a password to be had for this relay (without reading it), or a token? */
bool secret_exists(const struct settings_relay *relay);
/* Is password_file mounted into this container, by itself or with its directory? */
bool secret_from_outside(const struct settings_relay *relay);
/* Can others in this container read password_file, which is used all the same? */
bool secret_is_shared(const struct settings_relay *relay);
/* deadline: monotonic ms. NULL and f filled when there is none; its sys is ENODATA where
 * the first line is empty, and EPERM where the mode lets others read it. */
struct secret *secret_read(const struct settings_relay *relay, int64_t deadline,
                           struct fault *f);
/* What a process of ours hands over on fd, which is read to its end: a line that begins with
 * mark and is the secret, or another, which is added to other without its end: it says why
 * there is none. NULL with other still empty: f (FAULT_RELAY). */
struct secret *secret_take(int fd, char mark, int64_t deadline, struct buf *other,
                           struct fault *f);
struct str secret_view(const struct secret *s);
void secret_free(struct secret *s); /* wipes */

#endif
