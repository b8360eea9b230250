/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * settings - what the administrator said (postern.conf, INI, read by libinih)
 *
 * One table row a key: section, name, type, default, range. All faults of a
 * file are found in one run, each as "FILE:LINE: what", with the nearest known
 * name as a hint; any fault refuses the whole file. After settings_load every
 * key has a valid value.
 *
 * Durations are seconds, but milliseconds where a wait is meant (_ms); sizes bytes. All
 * strings and arrays belong to the struct settings.
 */
#ifndef CONF_SETTINGS_H
#define CONF_SETTINGS_H

#include <stdint.h>
#include <sys/types.h>

#include "text/buf.h"
#include "text/fault.h"
#include "text/host.h"
#include "os/log.h"
#include "mail/message.h"
#include "mail/rewrite.h"
#include "smtp/smtp.h"
#include "net/tls.h"

enum settings_mode { MODE_NOW, MODE_BACKGROUND, MODE_HOLD };
/* How a token is got; of oauth/order, in the same order. */
enum settings_grant { OAUTH_AUTO, OAUTH_DEVICE, OAUTH_CODE, OAUTH_CLIENT, OAUTH_SERVICE };
enum settings_protocol { SETTINGS_SMTP, SETTINGS_LMTP };

/* A list of words; NULL ends words. */
struct settings_list {
	char **words;
	size_t count;
};

struct settings_ports {
	int *at;
	size_t count;
};

#define SETTINGS_RATES_MAX 8

/* So many in so many seconds. */
struct settings_rate {
	int64_t count;
	int64_t seconds;
};

struct settings_rates {
	struct settings_rate *at;
	size_t count;
};

struct settings_pins {
	struct tls_pin *at;
	size_t count;
};

struct settings_auth {
	unsigned mechanisms; /* of smtp/sasl_name; 0: auto */
	bool none;
};

struct settings_trust {
	char *file;         /* of CAs, TLS_TRUST_FILE */
	enum tls_mode mode; /* a fingerprint goes before it */
};

struct settings_log {
	char *file; /* LOG_TO_FILE, or NULL */
	enum log_sink to;
};

#define SETTINGS_WINDOW_MAX 100 /* the most that "window" may be */

/* Speaks TLS from the first byte (RFC 8314 section 3.3). */
#define SETTINGS_PORT_TLS 465

struct settings_relay {
	char *name;     /* "main" for a plain [relay], else its NAME */
	size_t line;    /* of its section */
	char *provider; /* what it has filled in is in the other fields */
	struct settings_list host;
	char *srv;
	bool mx;
	char *socket;
	enum settings_protocol protocol;
	struct settings_ports port; /* at least 1; filled from security if not given */
	enum smtp_security security;
	char *user; /* or NULL, as all strings here */
	char *password_file;
	struct settings_list password_command;
	bool command_closed; /* it, or oauth, is not for this process; set by no key */
	char *password;
	char *oauth; /* "microsoft", "google" or an issuer's URL */
	char *client_id;
	char *client_secret_file;
	char *tenant;
	char *scope;
	enum settings_grant grant; /* none is OAUTH_AUTO where there is oauth */
	char *service_account_file;
	char *oauth_trust; /* a file of CAs; NULL: the system's */
	struct settings_auth auth;
	bool allow_cleartext_auth;
	struct settings_trust tls_trust;
	struct settings_pins tls_fingerprint;
	char *tls_name;
	char *tls_certificate;
	char *tls_key;
	char *tls_priority;
	struct settings_list senders;
	struct settings_list recipients;
	char *helo;
	struct host_address source;
	int family;                 /* AF_UNSPEC, AF_INET, AF_INET6 */
	struct host_port proxy;     /* SOCKS5 */
	struct settings_rates rate; /* of messages */
	int64_t connections;
	int64_t window; /* messages under way on one connection */
	int64_t max_messages;
	int64_t max_recipients;
	int64_t dead_max; /* seconds, as all durations */
	int64_t connect_timeout_ms;
	int64_t timeout_ms;
	int64_t dot_timeout_ms;
};

/* A row of [senders]: a sender that the pattern matches becomes the address; "*" for
 * the local-part of that keeps their own. */
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
	enum from_rule from_rule;
	char *from_name;
	char *reply_to;
	char *admin;
	char *aliases;
	size_t aliases_line; /* where it was set; 0: nowhere */
	bool received;
	enum message_dot dot;
	uint64_t max_size;
	/* [senders], in file order */
	struct settings_sender *senders;
	size_t sender_count;
	/* [delivery] */
	enum settings_mode mode;
	int64_t wait_ms;
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
	struct host_addresses dns_servers;
	/* [log] */
	struct settings_log log;
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

/* Adds the line of one key, of the relay or, if that is NULL, of another section; nothing if
 * it has its default. False: there is none of that name, or out is full. */
bool settings_write_key(const struct settings *c, const struct settings_relay *relay,
                        const char *name, struct buf *out) __attribute__((warn_unused_result));

/* "30s", "5m", "2h", "1d", "0"; false if malformed or over 10 years. */
bool settings_duration(struct str text, int64_t *seconds);
/* "64M", "1G", "500K", "0", plain bytes. */
bool settings_size(struct str text, uint64_t *bytes);

/* The table, for the man page check and completion: key i as "section", "name",
 * "default"; false past the end. */
bool settings_key(size_t i, const char **section, const char **name, const char **standard);

#endif
