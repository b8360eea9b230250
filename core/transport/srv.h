/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * srv - which servers that DNS names for a domain may be believed in; pure
 *
 * The certificate of a server is compared with its name. Where that name comes
 * from DNS, one forged answer would choose it, and be sent the password. So it
 * must lie in the domain that the configuration names (RFC 6186 section 6, RFC
 * 7817 section 3), or the configuration says itself what the certificate is:
 * tls_name, tls_fingerprint.
 */
#ifndef TRANSPORT_SRV_H
#define TRANSPORT_SRV_H

#include "text/buf.h"
#include "text/fault.h"
#include "conf/settings.h"
#include "net/dns.h"

/* Is name the domain or below it? Labels count, case and a dot at the end do not. */
bool srv_is_within(struct str name, struct str domain);
/* Leaves only those that may be believed in. False (FAULT_RELAY) if there were
 * servers and none is left: the text says what to set. */
bool srv_keep_believed(const struct settings_relay *relay, struct dns_records *records,
                       struct fault *f) __attribute__((warn_unused_result));

#endif
