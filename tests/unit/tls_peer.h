/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * tls_peer - certificates made on the spot and a small TLS server, for tests
 *
 * The server is a child process at the other end of a socket pair. After the
 * handshake it sends one line, "binding HEX resumed N\n" (its own idea of the
 * channel binding), then returns every byte it gets until the end.
 */
#ifndef TESTS_TLS_PEER_H
#define TESTS_TLS_PEER_H

#include <check.h>
#include <fcntl.h>
#include <gnutls/abstract.h>
#include <gnutls/crypto.h>
#include <gnutls/gnutls.h>
#include <gnutls/x509-ext.h>
#include <gnutls/x509.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define DAY 86400

struct peer_cert {
	gnutls_x509_crt_t crt;
	gnutls_x509_privkey_t key;
};

/* All that is 0 is left out; the defaults make a good server certificate. */
struct peer_spec {
	const char *cn;
	const char *dns, *dns2;
	const unsigned char *ip;
	size_t ip_len;
	const char *purpose;
	long from, until;  /* seconds from now; both 0: a day each way */
	unsigned rsa_bits; /* 0: ECDSA with P-256 */
	bool sha1, must_staple, ca;
};

struct peer_server {
	const struct peer_cert *cert, *chain; /* chain: sent behind cert, or NULL */
	const char *priority;
	const gnutls_datum_t *ticket_key; /* NULL: no tickets */
	bool ask_client;                  /* and insist */
	const struct peer_cert *client_ca;
};

static inline void peer_must(int rc)
{
	if (rc < 0)
		ck_abort_msg("GnuTLS: %s", gnutls_strerror(rc));
}

static inline void peer_put_names(gnutls_x509_crt_t crt, const struct peer_spec *s)
{
	if (s->dns)
		peer_must(gnutls_x509_crt_set_subject_alt_name(crt, GNUTLS_SAN_DNSNAME, s->dns,
		                                               (unsigned)strlen(s->dns),
		                                               GNUTLS_FSAN_SET));
	if (s->dns2)
		peer_must(gnutls_x509_crt_set_subject_alt_name(crt, GNUTLS_SAN_DNSNAME, s->dns2,
		                                               (unsigned)strlen(s->dns2),
		                                               GNUTLS_FSAN_APPEND));
	if (s->ip)
		peer_must(gnutls_x509_crt_set_subject_alt_name(
		    crt, GNUTLS_SAN_IPADDRESS, s->ip, (unsigned)s->ip_len, GNUTLS_FSAN_APPEND));
}

static inline struct peer_cert peer_make(const struct peer_spec *s,
                                         const struct peer_cert *issuer)
{
	static unsigned char serial = 1;
	struct peer_cert c;
	time_t now = time(NULL);
	bool plain = s->from == 0 && s->until == 0;
	peer_must(gnutls_x509_privkey_init(&c.key));
	if (s->rsa_bits > 0)
		peer_must(gnutls_x509_privkey_generate(c.key, GNUTLS_PK_RSA, s->rsa_bits, 0));
	else
		peer_must(gnutls_x509_privkey_generate(
		    c.key, GNUTLS_PK_ECDSA, GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_SECP256R1),
		    0));
	peer_must(gnutls_x509_crt_init(&c.crt));
	peer_must(gnutls_x509_crt_set_version(c.crt, 3));
	peer_must(gnutls_x509_crt_set_serial(c.crt, &serial, 1));
	serial++;
	peer_must(gnutls_x509_crt_set_dn_by_oid(c.crt, GNUTLS_OID_X520_COMMON_NAME, 0, s->cn,
	                                        (unsigned)strlen(s->cn)));
	peer_must(gnutls_x509_crt_set_activation_time(c.crt, now + (plain ? -DAY : s->from)));
	peer_must(gnutls_x509_crt_set_expiration_time(c.crt, now + (plain ? DAY : s->until)));
	peer_must(gnutls_x509_crt_set_key(c.crt, c.key));
	peer_put_names(c.crt, s);
	if (s->purpose)
		peer_must(gnutls_x509_crt_set_key_purpose_oid(c.crt, s->purpose, 0));
	peer_must(gnutls_x509_crt_set_basic_constraints(c.crt, s->ca, -1));
	if (s->ca)
		peer_must(gnutls_x509_crt_set_key_usage(c.crt, GNUTLS_KEY_KEY_CERT_SIGN));
	if (s->must_staple) {
		gnutls_x509_tlsfeatures_t features;
		peer_must(gnutls_x509_tlsfeatures_init(&features));
		peer_must(gnutls_x509_tlsfeatures_add(features, 5));
		peer_must(gnutls_x509_crt_set_tlsfeatures(c.crt, features));
		gnutls_x509_tlsfeatures_deinit(features);
	}
	const struct peer_cert *by = issuer ? issuer : &c;
	peer_must(gnutls_x509_crt_sign2(c.crt, by->crt, by->key,
	                                s->sha1 ? GNUTLS_DIG_SHA1 : GNUTLS_DIG_SHA256, 0));
	gnutls_datum_t der;
	/* GnuTLS cannot put one it has made into a chain, only one it has read. */
	peer_must(gnutls_x509_crt_export2(c.crt, GNUTLS_X509_FMT_DER, &der));
	gnutls_x509_crt_deinit(c.crt);
	peer_must(gnutls_x509_crt_init(&c.crt));
	peer_must(gnutls_x509_crt_import(c.crt, &der, GNUTLS_X509_FMT_DER));
	gnutls_free(der.data);
	return c;
}

static inline void peer_drop(struct peer_cert *c)
{
	gnutls_x509_crt_deinit(c->crt);
	gnutls_x509_privkey_deinit(c->key);
}

static inline void peer_write_pem(const char *path, const struct peer_cert *c, bool key)
{
	FILE *file = fopen(path, "w");
	ck_assert_ptr_nonnull(file);
	gnutls_datum_t pem;
	if (key)
		peer_must(gnutls_x509_privkey_export2(c->key, GNUTLS_X509_FMT_PEM, &pem));
	else
		peer_must(gnutls_x509_crt_export2(c->crt, GNUTLS_X509_FMT_PEM, &pem));
	ck_assert_uint_eq(fwrite(pem.data, 1, pem.size, file), pem.size);
	fclose(file);
	gnutls_free(pem.data);
}

/* "sha256:HEX" of the certificate; free() it. */
static inline char *peer_pin(const struct peer_cert *c)
{
	char *pin = calloc(1, 7 + 64 + 1);
	ck_assert_ptr_nonnull(pin);
	gnutls_datum_t der;
	peer_must(gnutls_x509_crt_export2(c->crt, GNUTLS_X509_FMT_DER, &der));
	unsigned char hash[32];
	peer_must(gnutls_hash_fast(GNUTLS_DIG_SHA256, der.data, der.size, hash));
	gnutls_free(der.data);
	memcpy(pin, "sha256:", 7);
	for (size_t i = 0; i < sizeof(hash); i++)
		snprintf(pin + 7 + 2 * i, 3, "%02x", hash[i]);
	return pin;
}

/* The server's own channel binding, as hex. */
static inline void peer_binding(gnutls_session_t session, char *hex)
{
	size_t len = 0;
	gnutls_datum_t unique = {NULL, 0};

	unsigned char bytes[64];
	if (gnutls_protocol_get_version(session) == GNUTLS_TLS1_3) {
		len = 32;
		(void)gnutls_prf_rfc5705(session, 24, "EXPORTER-Channel-Binding", 0, "", 32,
		                         (char *)bytes);
	} else if (gnutls_session_channel_binding(session, GNUTLS_CB_TLS_UNIQUE, &unique) ==
	           0) {
		len = unique.size;
		memcpy(bytes, unique.data, len);
	}
	hex[0] = '\0';
	for (size_t i = 0; i < len; i++)
		snprintf(hex + 2 * i, 3, "%02x", bytes[i]);
}

static inline void peer_serve(const struct peer_server *s, int fd)
{
	gnutls_x509_crt_t chain[2];
	chain[0] = s->cert->crt;
	if (s->chain)
		chain[1] = s->chain->crt;
	gnutls_certificate_credentials_t cred;
	gnutls_certificate_allocate_credentials(&cred);
	int rc = gnutls_certificate_set_x509_key(cred, chain, s->chain ? 2 : 1, s->cert->key);
	if (rc < 0)
		_exit(3);
	if (s->client_ca)
		gnutls_certificate_set_x509_trust(cred, (gnutls_x509_crt_t *)&s->client_ca->crt,
		                                  1);
	gnutls_session_t session;
	gnutls_init(&session, GNUTLS_SERVER);
	if (gnutls_priority_set_direct(session, s->priority ? s->priority : "NORMAL", NULL) !=
	    0)
		_exit(4);
	gnutls_credentials_set(session, GNUTLS_CRD_CERTIFICATE, cred);
	if (s->ticket_key)
		gnutls_session_ticket_enable_server(session, s->ticket_key);
	if (s->ask_client)
		gnutls_certificate_server_set_request(session, GNUTLS_CERT_REQUIRE);
	gnutls_transport_set_int(session, fd);
	do {
		rc = gnutls_handshake(session);
	} while (rc < 0 && !gnutls_error_is_fatal(rc));
	if (rc != 0) {
		gnutls_alert_send_appropriate(session, rc);
		_exit(5);
	}
	char hex[160];
	peer_binding(session, hex);
	char line[256];
	ssize_t n = snprintf(line, sizeof(line), "binding %s resumed %d\n", hex,
	                     gnutls_session_is_resumed(session) != 0);
	gnutls_record_send(session, line, (size_t)n);
	char bytes[4096];
	for (;;) {
		n = gnutls_record_recv(session, bytes, sizeof(bytes));
		if (n == GNUTLS_E_AGAIN || n == GNUTLS_E_INTERRUPTED)
			continue;
		if (n <= 0)
			break;
		/* A line "crash" ends the stream without a goodbye. */
		if (n >= 5 && memcmp(bytes, "crash", 5) == 0)
			_exit(0);
		gnutls_record_send(session, bytes, (size_t)n);
	}
	gnutls_bye(session, GNUTLS_SHUT_WR);
	_exit(0);
}

/* Starts it; the client's end comes back, non-blocking. */
static inline int peer_start(const struct peer_server *s, pid_t *pid)
{
	int ends[2];
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
	*pid = fork();
	ck_assert_int_ge(*pid, 0);
	if (*pid == 0) {
		signal(SIGPIPE, SIG_IGN);
		close(ends[0]);
		alarm(60);
		peer_serve(s, ends[1]);
	}
	close(ends[1]);
	ck_assert_int_eq(fcntl(ends[0], F_SETFL, O_NONBLOCK), 0);
	return ends[0];
}

static inline void peer_end(pid_t pid)
{
	int status;
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
}

#endif
