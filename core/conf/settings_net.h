/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * settings_net - the kinds of values that are about servers
 *
 * Internal to conf/.
 */
#ifndef CONF_SETTINGS_NET_H
#define CONF_SETTINGS_NET_H

#include "conf/settings_value.h"

extern const struct settings_kind settings_hosts;    /* struct settings_list */
extern const struct settings_kind settings_helo;     /* char *: a name, or [ADDRESS] */
extern const struct settings_kind settings_identity; /* char *: what a certificate can bear */
extern const struct settings_kind settings_source;   /* struct host_address */
extern const struct settings_kind settings_servers;  /* struct host_addresses */
extern const struct settings_kind settings_proxy;    /* struct host_port */
extern const struct settings_kind settings_ports;    /* struct settings_ports */
extern const struct settings_kind settings_rates;    /* struct settings_rates */
extern const struct settings_kind settings_auth;     /* struct settings_auth */
extern const struct settings_kind settings_pins;     /* struct settings_pins */
extern const struct settings_kind settings_trust;    /* struct settings_trust */

#endif
