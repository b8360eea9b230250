/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "net/tls.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <gnutls/crypto.h>
#include <gnutls/x509.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "text/codec.h"
#include "os/file.h"
#include "net/tls_parts.h"
#include "net/tls_roots.h"

#define NAMES_MAX  100 /* alternative names looked at */
#define CHAIN_MAX  16
#define BUNDLE_MAX ((size_t)8 * 1024 * 1024)

/* Where systems keep their roots in one file; the first that exists is used. */
static const char *const bundles[] = {
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
};

/* What the server's certificate says of itself. */
struct leaf {
	gnutls_x509_crt_t crt;
	size_t dns_names, addresses;
	int64_t from, until; /* 0: not known */
	bool self_signed;
};

/* Appends one alternative name to info.subject, as far as there is room. */
static void add_name(char *to, size_t size, const char *kind, struct str name)
{
	size_t used = strlen(to);
	if (used > 0 && size - used > 3) {
		memcpy(to + used, ", ", 3);
		used += 2;
	}
	if (size - used > strlen(kind) + 1) {
		memcpy(to + used, kind, strlen(kind) + 1);
		used += strlen(kind);
	}
	codec_printable(to + used, size - used, name);
}

static void read_names(struct tls *t, struct leaf *leaf)
{
	char *to = t->info.subject;
	size_t size = sizeof(t->info.subject);
	for (unsigned i = 0; i < NAMES_MAX; i++) {
		char name[1024];
		size_t len = sizeof(name);
		int type = gnutls_x509_crt_get_subject_alt_name(leaf->crt, i, name, &len, NULL);
		if (type == GNUTLS_E_REQUESTED_DATA_NOT_AVAILABLE)
			break;
		char text[INET6_ADDRSTRLEN];
		if (type == GNUTLS_SAN_DNSNAME) {
			leaf->dns_names++;
			add_name(to, size, "", str_make(name, len));
		} else if (type == GNUTLS_SAN_IPADDRESS && (len == 4 || len == 16)) {
			leaf->addresses++;
			if (inet_ntop(len == 4 ? AF_INET : AF_INET6, name, text, sizeof(text)))
				add_name(to, size, "", str_of(text));
		}
	}
}

/* A distinguished name in its usual text form. */
static void put_dn(char *to, size_t size, gnutls_x509_crt_t crt, bool issuer)
{
	gnutls_datum_t dn = {NULL, 0};
	int rc = issuer ? gnutls_x509_crt_get_issuer_dn3(crt, &dn, 0)
	                : gnutls_x509_crt_get_dn3(crt, &dn, 0);

	to[0] = '\0';
	if (rc == 0)
		codec_printable(to, size, str_make((const char *)dn.data, dn.size));
	gnutls_free(dn.data);
}

static struct str datum_str(const gnutls_datum_t *d)
{
	return str_make((const char *)d->data, d->size);
}

static bool make_pin(const gnutls_datum_t *leaf, struct tls_pin *pin)
{
	return gnutls_hash_fast(GNUTLS_DIG_SHA256, leaf->data, leaf->size, pin->sha256) == 0;
}

/* The first certificate, its names and dates; false if it cannot be read. The
 * caller frees leaf->crt. */
static bool read_leaf(struct tls *t, const gnutls_datum_t *chain, struct leaf *leaf)
{
	*leaf = (struct leaf){0};
	if (gnutls_x509_crt_init(&leaf->crt) != 0)
		return false;
	if (gnutls_x509_crt_import(leaf->crt, chain, GNUTLS_X509_FMT_DER) != 0) {
		gnutls_x509_crt_deinit(leaf->crt);
		return false;
	}
	t->info.subject[0] = '\0';
	read_names(t, leaf);
	if (t->info.subject[0] == '\0')
		put_dn(t->info.subject, sizeof(t->info.subject), leaf->crt, false);
	put_dn(t->info.issuer, sizeof(t->info.issuer), leaf->crt, true);
	struct tls_pin pin;
	if (make_pin(chain, &pin))
		tls_pin_text(&pin, t->info.pin);
	if (!tls_roots_dates(datum_str(chain), &leaf->from, &leaf->until))
		leaf->from = leaf->until = 0;
	t->info.expires = leaf->until;
	struct str issuer, subject;
	leaf->self_signed =
	    tls_roots_names(datum_str(chain), &issuer, &subject) && str_eq(issuer, subject);
	return true;
}

static bool check_pins(struct tls *t, const gnutls_datum_t *leaf)
{
	struct tls_pin shown;
	if (!make_pin(leaf, &shown))
		return fault_set(&t->refusal, FAULT_RELAY, "TLS: cannot compute SHA-256");
	for (size_t i = 0; i < t->trust->pin_count; i++)
		if (memcmp(&shown, &t->trust->pins[i], sizeof(shown)) == 0)
			return true;
	t->info.flaw = TLS_FLAW_PIN;
	return fault_set(&t->refusal, FAULT_RELAY,
	                 "TLS: the certificate (%.60s) has the fingerprint %s, "
	                 "which is not in tls_fingerprint",
	                 t->info.subject, t->info.pin);
}

static void add_root(void *context, struct str der)
{
	const gnutls_datum_t data = {(unsigned char *)(uintptr_t)der.at, (unsigned)der.len};

	(void)gnutls_certificate_set_x509_trust_mem(context, &data, GNUTLS_X509_FMT_DER);
}

/* Those roots of the system that the chain names. */
static void load_some_roots(struct tls_trust *trust, const gnutls_datum_t *chain,
                            unsigned count)
{
	struct str issuers[CHAIN_MAX], subject;
	size_t wanted = 0;
	struct fault f = FAULT_INIT;
	bool found = false;
	for (unsigned i = 0; i < count && wanted < CHAIN_MAX; i++)
		if (tls_roots_names(datum_str(&chain[i]), &issuers[wanted], &subject))
			wanted++;
	struct buf bundle;
	buf_init(&bundle, BUNDLE_MAX);
	for (size_t i = 0; !found && i < COUNT(bundles); i++) {
		buf_clear(&bundle);
		found = file_read_path(AT_FDCWD, bundles[i], &bundle, &f);
	}
	if (found &&
	    tls_roots_find(buf_str(&bundle), issuers, wanted, add_root, trust->credentials) > 0)
		trust->some_roots = true;
	buf_release(&bundle);
}

static void load_all_roots(struct tls_trust *trust)
{
	int count = gnutls_certificate_set_x509_system_trust(trust->credentials);
	trust->all_roots = true;
	trust->no_roots = count <= 0 && !trust->some_roots;
}

static int verify_once(struct tls *t, unsigned *status)
{
	struct tls_trust *trust = t->trust;
	gnutls_typed_vdata_st wanted[2] = {
	    {.type = GNUTLS_DT_DNS_HOSTNAME, .data = (unsigned char *)trust->name},
	    {.type = GNUTLS_DT_KEY_PURPOSE_OID,
	     .data = (unsigned char *)(uintptr_t)GNUTLS_KP_TLS_WWW_SERVER},
	};

	if (trust->address_len > 0) {
		wanted[0].type = GNUTLS_DT_IP_ADDRESS;
		wanted[0].data = trust->address;
		wanted[0].size = (unsigned)trust->address_len;
	}
	*status = 0;
	return gnutls_certificate_verify_peers(t->session, wanted, 2, status);
}

static void put_date(char to[32], int64_t seconds)
{
	time_t at = (time_t)seconds;
	struct tm tm;
	if (seconds == 0 || !gmtime_r(&at, &tm) ||
	    strftime(to, 32, "%Y-%m-%d %H:%M UTC", &tm) == 0)
		snprintf(to, 32, "a date that cannot be read");
}

/* What to say for each bit that GnuTLS may set; the first that is set counts. */
static const struct {
	unsigned bit;
	const char *text;
} reasons[] = {
    {GNUTLS_CERT_REVOKED, "has been revoked by its CA"},
    {GNUTLS_CERT_SIGNATURE_FAILURE, "has a bad signature"},
    {GNUTLS_CERT_INSECURE_ALGORITHM,
     "or one it depends on has a weak key or signature algorithm (tls_priority)"},
    {GNUTLS_CERT_SIGNER_NOT_CA, "was signed by a certificate that is not a CA's (tls_trust)"},
    {GNUTLS_CERT_SIGNER_CONSTRAINTS_FAILURE, "breaks the constraints of its CA"},
    {GNUTLS_CERT_UNKNOWN_CRIT_EXTENSIONS, "has an unknown critical extension"},
    {GNUTLS_CERT_MISSING_OCSP_STATUS,
     "demands an OCSP response with each session, and the server sent none"},
    {GNUTLS_CERT_INVALID_OCSP_STATUS, "came with an OCSP response that is not valid"},
    {GNUTLS_CERT_REVOCATION_DATA_SUPERSEDED, "came with an OCSP response that is too old"},
    {GNUTLS_CERT_REVOCATION_DATA_ISSUED_IN_FUTURE,
     "came with an OCSP response from the future: is this host's clock right?"},
    {GNUTLS_CERT_PURPOSE_MISMATCH,
     "is not for TLS servers (its extended key usage says so); tls_fingerprint can pin it"},
};

static bool refuse_for_name(struct tls *t)
{
	t->info.flaw = TLS_FLAW_NAME;
	return fault_set(&t->refusal, FAULT_RELAY,
	                 "TLS: the certificate is for %.110s, not for %.80s (tls_name)",
	                 t->info.subject, t->trust->name);
}

static bool refuse_for_no_name(struct tls *t)
{
	t->info.flaw = TLS_FLAW_UNUSABLE;
	return fault_set(&t->refusal, FAULT_RELAY,
	                 "TLS: the certificate (%.100s) has no subject alternative name "
	                 "to compare with %.80s; tls_fingerprint can pin it",
	                 t->info.subject, t->trust->name);
}

static bool refuse_for_signer(struct tls *t, const struct leaf *leaf)
{
	const char *name = t->trust->name;
	t->info.flaw = leaf->self_signed    ? TLS_FLAW_OWN
	               : t->trust->no_roots ? TLS_FLAW_NO_ROOTS
	                                    : TLS_FLAW_SIGNER;
	if (leaf->self_signed)
		return fault_set(&t->refusal, FAULT_RELAY,
		                 "TLS: the certificate of %.80s is self-signed and not trusted "
		                 "(tls_fingerprint, tls_trust)",
		                 name);
	if (t->trust->no_roots)
		return fault_set(
		    &t->refusal, FAULT_RELAY,
		    "TLS: the certificate of %.80s cannot be checked: this system has "
		    "no CA certificates (package ca-certificates, or tls_trust)",
		    name);
	return fault_set(&t->refusal, FAULT_RELAY,
	                 "TLS: the certificate of %.80s was issued by an unknown CA (%.90s): "
	                 "tls_trust",
	                 name, t->info.issuer);
}

static bool refuse_for_date(struct tls *t, const struct leaf *leaf, bool expired)
{
	char now[32];
	int64_t wall = time(NULL);
	bool above = expired ? leaf->until >= wall : leaf->from <= wall;
	put_date(now, wall);
	char date[32];
	put_date(date, expired ? leaf->until : leaf->from);
	t->info.flaw = above ? TLS_FLAW_CA_DATE : TLS_FLAW_DATE;
	if (above)
		return fault_set(&t->refusal, FAULT_RELAY,
		                 "TLS: a CA certificate of %.80s %s; this host's clock says %s",
		                 t->trust->name, expired ? "has expired" : "is not valid yet",
		                 now);
	return fault_set(&t->refusal, FAULT_RELAY,
	                 "TLS: the certificate of %.80s %s %s; this host's clock says %s",
	                 t->trust->name, expired ? "expired on" : "is not valid before", date,
	                 now);
}

static bool refuse(struct tls *t, const struct leaf *leaf, unsigned status)
{
	if ((status & GNUTLS_CERT_SIGNER_NOT_FOUND) != 0)
		return refuse_for_signer(t, leaf);
	if ((status & GNUTLS_CERT_EXPIRED) != 0)
		return refuse_for_date(t, leaf, true);
	if ((status & GNUTLS_CERT_NOT_ACTIVATED) != 0)
		return refuse_for_date(t, leaf, false);
	t->info.flaw = TLS_FLAW_UNUSABLE;
	for (size_t i = 0; i < COUNT(reasons); i++) {
		if ((status & reasons[i].bit) != 0)
			return fault_set(&t->refusal, FAULT_RELAY,
			                 "TLS: the certificate of %.80s %s", t->trust->name,
			                 reasons[i].text);
	}
	if ((status & GNUTLS_CERT_UNEXPECTED_OWNER) != 0)
		return refuse_for_name(t);
	return fault_set(&t->refusal, FAULT_RELAY,
	                 "TLS: the certificate of %.80s is not valid (status %#x)",
	                 t->trust->name, status);
}

/* True if more roots would change nothing. */
static bool is_settled(int rc, unsigned status)
{
	return rc == 0 && (status & ~(unsigned)GNUTLS_CERT_UNEXPECTED_OWNER) == 0;
}

static bool check_chain(struct tls *t, const gnutls_datum_t *chain, unsigned count,
                        const struct leaf *leaf)
{
	struct tls_trust *trust = t->trust;
	bool system = trust->mode == TLS_TRUST_SYSTEM;
	if (!tls_trust_load(trust, &t->refusal))
		return false;
	if (system && !trust->all_roots && !trust->some_roots)
		load_some_roots(trust, chain, count);
	unsigned status;
	int rc = verify_once(t, &status);
	if (system && !trust->all_roots && !is_settled(rc, status)) {
		load_all_roots(trust);
		rc = verify_once(t, &status);
	}
	if (rc != 0)
		return fault_set(&t->refusal, FAULT_RELAY,
		                 "TLS: the certificate of %.80s cannot be checked: %s",
		                 trust->name, gnutls_strerror(rc));
	if (status != 0)
		return refuse(t, leaf, status);
	/* GnuTLS would now be content with a common name (RFC 9525 section 2 is not). */
	return (trust->address_len > 0 ? leaf->addresses : leaf->dns_names) > 0 ||
	       refuse_for_no_name(t);
}

static bool check(struct tls *t)
{
	unsigned count = 0;
	const gnutls_datum_t *chain = gnutls_certificate_get_peers(t->session, &count);
	struct leaf leaf;
	bool good = false;
	if (gnutls_certificate_type_get(t->session) != GNUTLS_CRT_X509 || !chain ||
	    count == 0 || !read_leaf(t, chain, &leaf))
		return t->trust->mode == TLS_TRUST_NONE ||
		       fault_set(&t->refusal, FAULT_RELAY,
		                 "TLS: the server sent no certificate that can be read");
	switch (t->trust->mode) {
	case TLS_TRUST_NONE:
		good = true;
		break;
	case TLS_TRUST_PINS:
		good = check_pins(t, chain);
		break;
	case TLS_TRUST_SYSTEM:
	case TLS_TRUST_FILE:
		good = check_chain(t, chain, count, &leaf);
		break;
	}
	gnutls_x509_crt_deinit(leaf.crt);
	return good;
}

int tls_verify(gnutls_session_t session)
{
	return check(gnutls_session_get_ptr(session)) ? 0 : GNUTLS_E_CERTIFICATE_ERROR;
}
