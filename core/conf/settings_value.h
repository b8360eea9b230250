/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * config_value - the text of one value -> its field
 *
 * Internal to conf/. A reader is named by a row of the table. It takes the
 * text behind the "=" (not empty, valid UTF-8, no control byte but the tab),
 * checks it and stores it, freeing what was there. On a fault nothing is
 * stored. The fault's text begins with what is wrong with the value; the
 * caller puts the key's name before it. Passwords are never quoted.
 */
#ifndef CONF_SETTINGS_VALUE_H
#define CONF_SETTINGS_VALUE_H

#include <stdint.h>

#include "text/buf.h"
#include "text/fault.h"
#include "conf/settings.h"

struct config_row;

/* object: the struct config, or the struct config_relay for keys of [relay].
 * folder: what a relative path starts from. */
typedef bool config_reader(const struct config_row *row, struct str text, const char *folder,
                           void *object, struct fault *f);

struct config_choice {
	const char *word; /* NULL ends a list */
	int value;
};

struct config_row {
	const char *section;
	const char *name;
	const char *standard; /* as it would be written; "" if the key has no default */
	config_reader *read;
	size_t at; /* offset of the field in the object */
	int64_t least;
	int64_t most;
	const struct config_choice *choices;
};

/* The field of the row in the object. */
void *config_field(const struct config_row *row, void *object);

/* Next word of a list separated by commas and blanks; false at its end. */
bool config_next_word(struct str *rest, struct str *word);
void config_list_add(struct config_list *list, struct str word);
void config_list_release(struct config_list *list);
/* The words of *from go to *list, whose old ones are freed. */
void config_list_replace(struct config_list *list, struct config_list *from);

/* char *; name, address and path with a check of their form. */
config_reader config_read_text;
config_reader config_read_secret;  /* text that is shown nowhere */
config_reader config_read_name;    /* a domain name; "auto" is NULL where that is the default */
config_reader config_read_address; /* a single plain mailbox */
config_reader config_read_path;
/* bool, an enum, int64_t seconds, uint64_t bytes, int64_t */
config_reader config_read_flag;
config_reader config_read_choice;
config_reader config_read_duration; /* "off" is 0 where that is the default */
config_reader config_read_size;
config_reader config_read_number;
config_reader config_read_format; /* bool: is it json */
/* struct config_list */
config_reader config_read_list;
config_reader config_read_command; /* words, with '...', "..." and \ as in a shell */

/* More than one field: these take the object. */
config_reader config_read_log;   /* log_to and log_file */
config_reader config_read_ports; /* ports, port_count, port_given */
config_reader config_read_auth;  /* auth, auth_none */
config_reader config_read_trust; /* tls_trust, tls_trust_none */

/* The network's forms. */
config_reader config_read_hosts;    /* names or address literals */
config_reader config_read_helo;     /* a name, or an address literal in brackets */
config_reader config_read_identity; /* a name or address that a certificate can bear */
config_reader config_read_source;   /* an address */
config_reader config_read_servers;  /* addresses, each with or without a port; kept as text */
config_reader config_read_proxy;    /* socks5://host:port */
config_reader config_read_pins;     /* sha256:HEX, made lower case without colons */

/* Is text one plain mailbox, as far as that can be told here? */
bool config_check_address(struct str text, struct fault *f);

/* The name of bit 1 << i of config_relay.auth; NULL past the end. */
const char *config_mechanism(size_t i);

/* Is text in quotes as a whole, as other programs' files have it? */
bool config_is_quoted(struct str text);

/* Is text a host name: labels of 1 to 63 bytes, letters (non-ASCII too),
 * digits, "-" and "_", at most 253 bytes? */
bool config_is_name(struct str text);

#endif
