/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * tls_parts - what the files of net/tls share; included by no one else
 */
#ifndef NET_TLS_PARTS_H
#define NET_TLS_PARTS_H

#include <gnutls/gnutls.h>

#include "text/buf.h"
#include "text/fault.h"
#include "net/tls.h"

#define TLS_HASH_LEN   32
#define TLS_FIRST_LEN  64
#define TLS_TICKET_MAX 16384

/* A session to take up again. */
struct tls_ticket {
	char *data; /* NULL: none */
	size_t len;
	int64_t verified; /* when the certificate was last checked, seconds since 1970 */
	int64_t expires;  /* the certificate's end, 0 unknown */
};

struct tls_trust {
	enum tls_mode mode;
	char *name;        /* without a dot at its end; NULL if nothing is to be compared */
	char *ca_file;     /* for texts */
	struct buf ca_pem; /* what it has, as long as it may not be needed */
	char *ticket_file;
	struct tls_pin *pins;
	size_t pin_count;
	unsigned char key[TLS_HASH_LEN]; /* over all that a ticket depends on */
	unsigned char address[16]; /* name as an address, for the certificate's IP names */
	size_t address_len;        /* 0: it is a DNS name */
	int64_t wall;
	/* What of the system store has been loaded, and whether it is empty. */
	bool some_roots, all_roots, no_roots;
	bool ticket_read;
	struct tls_ticket ticket;
	gnutls_certificate_credentials_t credentials;
	gnutls_priority_t priority;
};

struct tls {
	int fd;
	struct tls_trust *trust;
	gnutls_session_t session;
	struct tls_info info;
	struct fault refusal;      /* why the certificate was refused */
	int late;                  /* rounds behind the deadline */
	int sys;                   /* errno of the last failed call on the socket */
	bool more;                 /* the next record follows at once */
	bool offered;              /* a ticket was offered */
	int64_t verified;          /* as in the ticket to be kept */
	char first[TLS_FIRST_LEN]; /* the first bytes that came, to tell what is not TLS */
	size_t first_len;
};

/* If first looks like an SMTP reply: true, and a fault that says so. */
bool tls_is_clear(struct str first, struct fault *f);

/* tls_verify: the callback inside the handshake; fills info and refusal. */
int tls_verify(gnutls_session_t session);
/* The CA file's certificates, where they are still to be read out of its text; a resumed
 * session needs none. */
bool tls_trust_load(struct tls_trust *trust, struct fault *f);

/* tls_ticket: the ticket to offer, from memory or the file; NULL if there is no
 * good one. */
const struct tls_ticket *tls_ticket_load(struct tls_trust *trust);
/* Keeps it in memory and in the file. Never fails: without it only time is lost. */
void tls_ticket_save(struct tls_trust *trust, struct str data, int64_t verified,
                     int64_t expires);
/* After a failed handshake: the ticket may be the cause. */
void tls_ticket_forget(struct tls_trust *trust);

#endif
