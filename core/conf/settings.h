/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * config - what the administrator said (postern.conf, INI, read by libinih)
 *
 * One table row a key: section, name, type, default, range. All faults of a
 * file are found in one run, each as "FILE:LINE: what", with the nearest known
 * name as a hint; any fault refuses the whole file. After settings_load every
 * key has a valid value.
 *
 * Durations are seconds, sizes bytes; ready to use. All strings and arrays
 * belong to the struct settings.
 */
#ifndef CONF_SETTINGS_H
#define CONF_SETTINGS_H

#include <stdint.h>
#include <sys/types.h>

#include "text/buf.h"
#include "text/fault.h"
#include "os/log.h"

enum settings_mode { MODE_NOW, MODE_BACKGROUND, MODE_HOLD };
enum settings_from_rule { SETTINGS_FROM_MISSING, SETTINGS_FROM_LOCAL, SETTINGS_FROM_ALWAYS };
enum settings_dot { SETTINGS_DOT_SAFE, SETTINGS_DOT_CLASSIC };
enum settings_security {
	SETTINGS_TLS,
	SETTINGS_STARTTLS,
	SETTINGS_OPPORTUNISTIC,
	SETTINGS_CLEAR
};
enum settings_protocol { SETTINGS_SMTP, SETTINGS_LMTP };
enum settings_family { SETTINGS_ANY, SETTINGS_IPV4, SETTINGS_IPV6 };

/* A list of words; NULL ends words. */
struct settings_list {
	char **words;
	size_t count;
};

#define SETTINGS_WINDOW_MAX 100 /* the most that "window" may be */

/* Speaks TLS from the first byte (RFC 8314 section 3.3). */
#define SETTINGS_PORT_TLS 465

struct settings_relay {
	char *name;  /* "main" for a plain [relay], else its NAME */
	size_t line; /* of its section */
	struct settings_list host;
	char *srv;
	bool mx;
	char *socket;
	enum settings_protocol protocol;
	int *ports;
	size_t port_count; /* at least 1; filled from security if not given */
	bool port_given;
	enum settings_security security;
	char *user; /* or NULL, as all strings here */
	char *password_file;
	struct settings_list password_command;
	bool command_closed; /* it is not to be run by this process; set by no key */
	char *password;
	bool auth_none;
	unsigned auth; /* bits 1 << n of the mechanisms in the order of smtp/sasl.h; 0: auto */
	bool allow_cleartext_auth;
	bool tls_trust_none;
	char *tls_trust;                      /* CA file, or NULL for the system's */
	struct settings_list tls_fingerprint; /* "sha256:HEX", lower-case hex without colons */
	char *tls_name;
	char *tls_certificate;
	char *tls_key;
	char *tls_priority;
	struct settings_list senders;
	struct settings_list recipients;
	char *helo;
	char *source;
	enum settings_family family;
	char *proxy;
	int64_t connections;
	int64_t window; /* messages under way on one connection */
	int64_t max_messages;
	int64_t max_recipients;
	int64_t dead_max; /* seconds, as all durations */
	int64_t connect_timeout;
	int64_t timeout;
	int64_t dot_timeout;
};

/* A row of [senders]: a sender that the pattern matches becomes the address; "*" for
 * the local-part of that keeps his own. */
struct settings_sender {
	char *pattern; /* NAME: at this host; or NAME@DOMAIN; stars in both */
	char *address;
	size_t line;
};

struct settings {
	char *path;
	/* [mail] */
	char *hostname; /* NULL: auto */
	char *domain;   /* NULL: auto */
	char *from;
	enum settings_from_rule from_rule;
	char *from_name;
	char *reply_to;
	char *admin;
	char *aliases;
	size_t aliases_line; /* where it was set; 0: nowhere */
	bool received;
	enum settings_dot dot;
	uint64_t max_size;
	/* [senders], in file order */
	struct settings_sender *senders;
	size_t sender_count;
	/* [delivery] */
	enum settings_mode mode;
	int64_t wait;
	int64_t delay;
	int64_t retry;
	int64_t retry_max;
	int64_t expire;
	int64_t warn; /* 0: off */
	int64_t keep_failed;
	struct settings_list online;
	/* [hold] */
	char *directory; /* NULL: the mode's default */
	uint64_t min_free;
	/* [dns] */
	char *dns_server;
	/* [log] */
	enum log_sink log_to;
	char *log_file;
	bool log_json;
	/* relays in file order */
	struct settings_relay *relays;
	size_t relay_count;
};

/* One fault or warning: "FILE:LINE: what". */
typedef void settings_note(void *context, bool warning, const char *text);

/* Reads and checks the file, which must belong to root or, if it is personal,
 * to owner, and be writable by nobody else; else nothing in it counts.
 * personal: passwords may be in it, then it must belong to owner and be closed
 * to group and others. Every fault is given to note; the result is false if
 * there was one. c is filled as far as it was understood even then (directory,
 * log), so that a message can be kept; settings_release is due in both cases. A
 * file that is missing or unreadable is one fault. */
bool settings_load(const char *path, bool personal, uid_t owner, struct settings *c,
                   settings_note *note, void *context) __attribute__((warn_unused_result));
/* The same from bytes; name is for the texts. For tests and fuzzing. */
bool settings_parse(struct str text, const char *name, bool personal, struct settings *c,
                    settings_note *note, void *context) __attribute__((warn_unused_result));
void settings_release(struct settings *c); /* passwords are wiped */

/* Adds what is in effect, every key of every section, in a form that can be read
 * again; paths are absolute. A key without a value is a comment, and so is one
 * with a secret, which is not shown. False: out is full. */
bool settings_write(const struct settings *c, struct buf *out)
    __attribute__((warn_unused_result));

/* "30s", "5m", "2h", "1d", "0"; false if malformed or over 10 years. */
bool settings_duration(struct str text, int64_t *seconds);
/* "64M", "1G", "500K", "0", plain bytes. */
bool settings_size(struct str text, uint64_t *bytes);

/* The table, for the man page check and completion: key i as "section", "name",
 * "default"; false past the end. */
bool settings_key(size_t i, const char **section, const char **name, const char **standard);

#endif
