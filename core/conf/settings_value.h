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

struct settings_row;

/* object: the struct settings, or the struct settings_relay for keys of [relay].
 * folder: what a relative path starts from. */
typedef bool settings_reader(const struct settings_row *row, struct str text,
                             const char *folder, void *object, struct fault *f);

struct settings_choice {
	const char *word; /* NULL ends a list */
	int value;
};

struct settings_row {
	const char *section;
	const char *name;
	const char *standard; /* as it would be written; "" if the key has no default */
	settings_reader *read;
	size_t at; /* offset of the field in the object */
	int64_t least;
	int64_t most;
	const struct settings_choice *choices;
};

/* The field of the row in the object. */
void *settings_field(const struct settings_row *row, void *object);

/* Next word of a list separated by commas and blanks; false at its end. */
bool settings_next_word(struct str *rest, struct str *word);
void settings_list_add(struct settings_list *list, struct str word);
void settings_list_release(struct settings_list *list);
/* The words of *from go to *list, whose old ones are freed. */
void settings_list_replace(struct settings_list *list, struct settings_list *from);

/* char *; name, address and path with a check of their form. */
settings_reader settings_read_text;
settings_reader settings_read_secret; /* text that is shown nowhere */
settings_reader
    settings_read_name; /* a domain name; "auto" is NULL where that is the default */
settings_reader settings_read_address; /* a single plain mailbox */
settings_reader settings_read_path;
/* bool, an enum, int64_t seconds, uint64_t bytes, int64_t */
settings_reader settings_read_flag;
settings_reader settings_read_choice;
settings_reader settings_read_duration; /* "off" is 0 where that is the default */
settings_reader settings_read_size;
settings_reader settings_read_number;
settings_reader settings_read_format; /* bool: is it json */
/* struct settings_list */
settings_reader settings_read_list;
settings_reader settings_read_command; /* words, with '...', "..." and \ as in a shell */

/* More than one field: these take the object. */
settings_reader settings_read_log;   /* log_to and log_file */
settings_reader settings_read_ports; /* ports, port_count, port_given */
settings_reader settings_read_auth;  /* auth, auth_none */
settings_reader settings_read_trust; /* tls_trust, tls_trust_none */

/* The network's forms. */
settings_reader settings_read_hosts;    /* names or address literals */
settings_reader settings_read_helo;     /* a name, or an address literal in brackets */
settings_reader settings_read_identity; /* a name or address that a certificate can bear */
settings_reader settings_read_source;   /* an address */
settings_reader
    settings_read_servers;           /* addresses, each with or without a port; kept as text */
settings_reader settings_read_proxy; /* socks5://host:port */
settings_reader settings_read_pins;  /* sha256:HEX, made lower case without colons */

/* Is text one plain mailbox, as far as that can be told here? */
bool settings_check_address(struct str text, struct fault *f);

/* The name of bit 1 << i of settings_relay.auth; NULL past the end. */
const char *settings_mechanism(size_t i);

/* Is text in quotes as a whole, as other programs' files have it? */
bool settings_is_quoted(struct str text);

/* Is text a host name: labels of 1 to 63 bytes, letters (non-ASCII too),
 * digits, "-" and "_", at most 253 bytes? */
bool settings_is_name(struct str text);

#endif
