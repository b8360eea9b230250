/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * TLS of the relay: what all connections share, the handshake of one, and what a login binds
 * to (RFC 5929, RFC 9266).
 */
#ifndef RELAY_TLS_H
#define RELAY_TLS_H

#include <gnutls/gnutls.h>

#include "options.h"
#include "stream.h"

struct tls {
	gnutls_certificate_credentials_t certificate;
	gnutls_anon_server_credentials_t anonymous;
	gnutls_dh_params_t dh;
	gnutls_priority_t priority;
	gnutls_datum_t ticket_key;
	const struct options *options;
};

/* Alerts in place of a handshake message (GnuTLS's number of it, -1: none). */
struct tls_fault {
	int alert_at, alert, warn;
};

/* What a handshake came to. */
struct tls_result {
	bool ok, resumed, client_trusted;
	char protocol[16], cipher[64], sni[256], error[160];
	struct text client; /* distinguished name of the client certificate */
};

/* Ends the program when a file cannot be used. */
void tls_begin(struct tls *tls, const struct options *options);
void tls_end(struct tls *tls);

/* GnuTLS's number for a handshake message of script_help; -1: unknown. */
int tls_message(const char *name);

/* Free result->client afterwards. */
bool tls_shake(const struct tls *tls, const struct tls_fault *fault, struct stream *stream,
               struct tls_result *result);

/* Channel binding data ("tls-exporter", "tls-unique", "tls-server-end-point"). */
bool tls_binding(const struct tls *tls, const struct stream *stream, const char *name,
                 struct text *data);

#endif
