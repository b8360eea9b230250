/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * tls_roots - finding single roots in a bundle of many, and reading a certificate
 *
 * Reading all of a system's roots into GnuTLS costs more than the rest of a
 * session. Here a bundle (PEM) is only walked: of each certificate the bounds
 * of the subject are found in the DER bytes, and the few whose subject is
 * wanted are handed on. This chooses; it trusts nothing: whatever is chosen
 * comes from the bundle, and GnuTLS does all the checking.
 */
#ifndef NET_TLS_ROOTS_H
#define NET_TLS_ROOTS_H

#include <stdint.h>

#include "text/buf.h"

/* The names inside a certificate, as DER; false if it is not a certificate. */
bool tls_roots_names(struct str der, struct str *issuer, struct str *subject);

/* From when and until when it is valid, seconds since 1970; false if it does not
 * say so as RFC 5280 wants it. GnuTLS knows it too, but tells it as a time_t, which
 * may have another width there than here (32-bit machines). */
bool tls_roots_dates(struct str der, int64_t *from, int64_t *until);

typedef void tls_roots_each(void *context, struct str der);

/* Calls each for every certificate of the bundle whose subject is one of the
 * names. Blocks that cannot be read are passed over. Returns how many. */
size_t tls_roots_find(struct str bundle, const struct str *names, size_t count,
                      tls_roots_each *each, void *context);

#endif
