/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Throw-away certificates: a CA, a server, a client, and all the ways in which a server's
 * certificate can be bad. For each NAME there is NAME.pem (with its chain, without the CA)
 * and NAME.key.
 *
 * Always: ca, server, client (client.pem is signed by ca.pem, as server.pem is).
 * With --variants: expired, future, self-signed, unknown-ca, wrong-host, wildcard (*.DOMAIN
 * of the first name), cn-only, client-eku, email-eku, sha1 (leaf signed with SHA-1),
 * sha1-chain (intermediate signed with SHA-1), rsa1024, rsa2048, chain (with an intermediate),
 * must-staple, ip (the IP address only).
 */
#ifndef RELAY_CERTS_H
#define RELAY_CERTS_H

#include "options.h"

/* Ends the program when it cannot. */
void certs_make(const struct options *options);

#endif
