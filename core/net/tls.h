/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * tls - GnuTLS as a client that verifies
 *
 * Verification happens inside the handshake, with the host name, server
 * purpose and a subject alternative name (a bare CN does not count, RFC 9525).
 * Ways to trust: the system's roots, a CA file, fingerprints, or nothing at
 * all (an explicit choice). "Cannot verify" is a failure. Of the system's
 * roots only those that the server's chain names are loaded; all of them if
 * that does not verify. A session that is resumed was verified, within a day,
 * under the same settings: it needs no roots. Faults are FAULT_RELAY and name the reason and the
 * setting to look at.
 */
#ifndef NET_TLS_H
#define NET_TLS_H

#include <stdint.h>

#include "text/buf.h"
#include "text/fault.h"
#include "net/tls_pin.h"

enum tls_mode { TLS_TRUST_SYSTEM, TLS_TRUST_FILE, TLS_TRUST_PINS, TLS_TRUST_NONE };

/* All borrowed. */
struct tls_setup {
	enum tls_mode mode;
	const char *ca_file;        /* TLS_TRUST_FILE */
	const struct tls_pin *pins; /* TLS_TRUST_PINS */
	size_t pin_count;
	const char *name;        /* that the certificate must bear: DNS name, or IP literal */
	const char *certificate; /* client certificate and key, PEM files, or NULL */
	const char *key;
	const char *priority;    /* GnuTLS priority string; NULL: the default */
	const char *ticket_file; /* session tickets kept here (0600), or NULL */
	int64_t wall;            /* now: a ticket older than a day is not used */
};

/* What is wrong with what the server showed: what to do about it depends on that. */
enum tls_flaw {
	TLS_FLAW_NONE,
	TLS_FLAW_DATE,     /* the certificate is not valid yet, or not any more */
	TLS_FLAW_CA_DATE,  /* the same of one that it depends on */
	TLS_FLAW_NAME,     /* it is for others */
	TLS_FLAW_SIGNER,   /* nobody that is trusted stands for it */
	TLS_FLAW_OWN,      /* nor anybody else: it is self-signed */
	TLS_FLAW_NO_ROOTS, /* this system trusts nobody */
	TLS_FLAW_PIN,      /* it is not the one that was pinned */
	TLS_FLAW_UNUSABLE, /* revoked, weak, for other use, without a name */
	TLS_FLAW_CLEAR     /* there is none: it speaks SMTP in clear */
};

#define TLS_PRIORITY "NORMAL:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2:%PROFILE_MEDIUM"

/* What came of it, for log, --check and SASL. Of a handshake that failed: what the
 * server had shown by then. */
struct tls_info {
	char protocol[16]; /* "TLS1.3" */
	char cipher[48];
	/* DNS and IP names of the certificate, printable. These three: "" of a session that was
	 * resumed, which shows none. */
	char subject[256];
	char issuer[256];
	char pin[TLS_PIN_TEXT_MAX]; /* of it, as tls_fingerprint has it; or "" */
	/* How it was trusted: "system", "file PATH", "pin", "none", "resumed". */
	char trust[64];
	int64_t expires; /* of the server's certificate, seconds since 1970; 0 unknown */
	bool resumed;
	enum tls_flaw flaw;       /* why the handshake failed, if that is known */
	const char *binding_type; /* "tls-exporter", "tls-unique" or NULL (RFC 9266, 5929) */
	unsigned char binding[64];
	size_t binding_len;
};

struct tls_trust;
struct tls;

/* False: this program was linked without the library; all that follows fails. */
bool tls_is_here(void);

/* Credentials for one relay; may serve many connections. Files that cannot be
 * read are FAULT_CONFIG. */
struct tls_trust *tls_trust_new(const struct tls_setup *setup, struct fault *f);
void tls_trust_free(struct tls_trust *t);

/* Used by net/conn only: fd is non-blocking. */
struct tls *tls_new(int fd, struct tls_trust *trust, struct fault *f);
void tls_free(struct tls *t);
bool tls_handshake(struct tls *t, int64_t deadline, struct fault *f)
    __attribute__((warn_unused_result));
bool tls_read(struct tls *t, char *to, size_t len, size_t *got, int64_t deadline,
              struct fault *f) __attribute__((warn_unused_result));
bool tls_write(struct tls *t, struct str bytes, int64_t stall_ms, int64_t limit,
               struct fault *f) __attribute__((warn_unused_result));
void tls_goodbye(struct tls *t, int64_t deadline);
/* Saves the ticket that came during the session, if any. */
void tls_keep_ticket(struct tls *t);
const struct tls_info *tls_info(const struct tls *t);

#endif
