/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tls.h"

#include <gnutls/x509.h>
#include <stdio.h>
#include <string.h>

/* The 1024-bit group of RFC 2409 section 6.2. */
static const char group2_pem[] =
    "-----BEGIN DH PARAMETERS-----\n"
    "MIGHAoGBAP//////////yQ/aoiFowjTExmKLgNwc0SkCTgiKZ8x0Agu+pjsTmyJR\n"
    "Sgh5jjQE3e+VGbPNOkMbMCsKbfJfFDdP4TVtbVHCReSFtXZiXn7G9ExC6aY37WsL\n"
    "/1y29Aa37e44a/taiZ+lrp8kEXxLH+ZJKGZR7OZTgf//////////AgEC\n"
    "-----END DH PARAMETERS-----\n";

static void must(int rc, const char *what)
{
	if (rc < 0)
		die("%s: %s", what, gnutls_strerror(rc));
}

static void load_dh(struct tls *tls)
{
	const gnutls_datum_t pem = {(unsigned char *)(size_t)group2_pem, sizeof group2_pem - 1};

	must(gnutls_dh_params_init(&tls->dh), "dh");
	must(gnutls_dh_params_import_pkcs3(tls->dh, &pem, GNUTLS_X509_FMT_PEM), "dh");
	gnutls_certificate_set_dh_params(tls->certificate, tls->dh);
}

void tls_begin(struct tls *tls, const struct options *o)
{
	*tls = (struct tls){.options = o};
	must(gnutls_certificate_allocate_credentials(&tls->certificate), "credentials");
	must(gnutls_anon_allocate_server_credentials(&tls->anonymous), "credentials");
	const char *at;
	int rc = gnutls_priority_init(&tls->priority, o->tls_priority, &at);
	if (rc == GNUTLS_E_INVALID_REQUEST)
		die("--tls-priority: error at \"%s\"", at);
	must(rc, "--tls-priority");
	if (o->cert) {
		gnutls_certificate_set_flags(tls->certificate,
		                             GNUTLS_CERTIFICATE_SKIP_KEY_CERT_MATCH);
		must(gnutls_certificate_set_x509_key_file(tls->certificate, o->cert, o->key,
		                                          GNUTLS_X509_FMT_PEM),
		     o->cert);
	}
	if (o->client_ca)
		must(gnutls_certificate_set_x509_trust_file(tls->certificate, o->client_ca,
		                                            GNUTLS_X509_FMT_PEM),
		     o->client_ca);
	if (o->dh_1024)
		load_dh(tls);
	if (!o->no_tickets)
		must(gnutls_session_ticket_key_generate(&tls->ticket_key), "ticket key");
}

void tls_end(struct tls *tls)
{
	gnutls_certificate_free_credentials(tls->certificate);
	gnutls_anon_free_server_credentials(tls->anonymous);
	gnutls_priority_deinit(tls->priority);
	if (tls->dh)
		gnutls_dh_params_deinit(tls->dh);
	gnutls_free(tls->ticket_key.data);
}

int tls_message(const char *name)
{
	static const struct {
		const char *name;
		int number;
	} messages[] = {
	    {"client-hello", GNUTLS_HANDSHAKE_CLIENT_HELLO},
	    {"server-hello", GNUTLS_HANDSHAKE_SERVER_HELLO},
	    {"encrypted-extensions", GNUTLS_HANDSHAKE_ENCRYPTED_EXTENSIONS},
	    {"certificate", GNUTLS_HANDSHAKE_CERTIFICATE_PKT},
	    {"server-key", GNUTLS_HANDSHAKE_SERVER_KEY_EXCHANGE},
	    {"certificate-verify", GNUTLS_HANDSHAKE_CERTIFICATE_VERIFY},
	    {"hello-done", GNUTLS_HANDSHAKE_SERVER_HELLO_DONE},
	    {"client-key", GNUTLS_HANDSHAKE_CLIENT_KEY_EXCHANGE},
	    {"finished", GNUTLS_HANDSHAKE_FINISHED},
	};

	for (size_t i = 0; i < sizeof messages / sizeof *messages; i++)
		if (!strcmp(messages[i].name, name))
			return messages[i].number;
	return -1;
}

static int on_message(gnutls_session_t session, unsigned type, unsigned post, unsigned incoming,
                      const gnutls_datum_t *message)
{
	const struct tls_fault *fault = gnutls_session_get_ptr(session);
	(void)post;
	(void)incoming;
	(void)message;
	if (fault->warn && type == GNUTLS_HANDSHAKE_CLIENT_HELLO)
		gnutls_alert_send(session, GNUTLS_AL_WARNING,
		                  (gnutls_alert_description_t)fault->warn);
	if (fault->alert_at != (int)type)
		return 0;
	gnutls_alert_send(session, GNUTLS_AL_FATAL, (gnutls_alert_description_t)fault->alert);
	return GNUTLS_E_USER_ERROR;
}

static void set_up(const struct tls *tls, const struct tls_fault *fault, gnutls_session_t s)
{
	const struct options *o = tls->options;
	must(gnutls_priority_set(s, tls->priority), "priority");
	must(gnutls_credentials_set(s, GNUTLS_CRD_CERTIFICATE, tls->certificate),
	     "credentials");
	if (strstr(o->tls_priority, "ANON"))
		must(gnutls_credentials_set(s, GNUTLS_CRD_ANON, tls->anonymous), "credentials");
	if (o->client_ca)
		gnutls_certificate_server_set_request(
		    s, o->require_client_cert ? GNUTLS_CERT_REQUIRE : GNUTLS_CERT_REQUEST);
	if (tls->ticket_key.size)
		must(gnutls_session_ticket_enable_server(s, &tls->ticket_key), "tickets");
	if (fault->warn || fault->alert_at >= 0) {
		gnutls_session_set_ptr(s, (void *)(size_t)fault);
		gnutls_handshake_set_hook_function(s, GNUTLS_HANDSHAKE_ANY, GNUTLS_HOOK_BOTH,
		                                   on_message);
	}
}

static void describe_client(gnutls_session_t s, struct tls_result *r)
{
	unsigned count = 0, status = 0;
	const gnutls_datum_t *list = gnutls_certificate_get_peers(s, &count);
	gnutls_x509_crt_t crt;
	if (!list || !count || gnutls_x509_crt_init(&crt))
		return;
	gnutls_datum_t name;
	if (!gnutls_x509_crt_import(crt, list, GNUTLS_X509_FMT_DER) &&
	    !gnutls_x509_crt_get_dn3(crt, &name, 0)) {
		text_add(&r->client, name.data, name.size);
		gnutls_free(name.data);
	}
	gnutls_x509_crt_deinit(crt);
	r->client_trusted = !gnutls_certificate_verify_peers2(s, &status) && !status;
}

static void describe(gnutls_session_t s, struct tls_result *r)
{
	size_t len = sizeof r->sni - 1;
	char *suite = gnutls_session_get_desc(s);
	const char *protocol = gnutls_protocol_get_name(gnutls_protocol_get_version(s));
	snprintf(r->protocol, sizeof r->protocol, "%s", protocol ? protocol : "?");
	snprintf(r->cipher, sizeof r->cipher, "%s", suite ? suite : "?");
	gnutls_free(suite);
	unsigned type;
	if (gnutls_server_name_get(s, r->sni, &len, &type, 0))
		r->sni[0] = '\0';
	r->resumed = gnutls_session_is_resumed(s) != 0;
	describe_client(s, r);
}

bool tls_shake(const struct tls *tls, const struct tls_fault *fault, struct stream *stream,
               struct tls_result *r)
{
	int error = 0;
	*r = (struct tls_result){0};
	gnutls_session_t s;
	must(gnutls_init(&s, GNUTLS_SERVER | GNUTLS_NONBLOCK | GNUTLS_NO_AUTO_SEND_TICKET |
	                         GNUTLS_NO_SIGNAL),
	     "session");
	set_up(tls, fault, s);
	r->ok = stream_handshake(stream, s, &error);
	if (r->ok)
		describe(s, r);
	else if (error == GNUTLS_E_FATAL_ALERT_RECEIVED)
		snprintf(r->error, sizeof r->error, "alert from the client: %s",
		         gnutls_alert_get_name(gnutls_alert_get(s)));
	else
		snprintf(r->error, sizeof r->error, "%s", gnutls_strerror(error));
	if (!r->ok && error != GNUTLS_E_FATAL_ALERT_RECEIVED && error != GNUTLS_E_USER_ERROR &&
	    stream->end == STREAM_TLS)
		gnutls_alert_send_appropriate(s, error);
	return r->ok;
}

bool tls_binding(const struct tls *tls, const struct stream *stream, const char *name,
                 struct text *data)
{
	if (!stream->tls)
		return false;
	if (!strcmp(name, "tls-server-end-point")) {
		unsigned char hash[64];
		size_t len = sizeof hash;
		gnutls_datum_t der;
		/* Our certificates are signed with SHA-256, which is the hash to take. */
		if (gnutls_certificate_get_crt_raw(tls->certificate, 0, 0, &der) ||
		    gnutls_fingerprint(GNUTLS_DIG_SHA256, &der, hash, &len))
			return false;
		text_add(data, hash, len);
		return true;
	}
	gnutls_channel_binding_t type;
	if (!strcmp(name, "tls-exporter"))
		type = GNUTLS_CB_TLS_EXPORTER;
	else if (!strcmp(name, "tls-unique") &&
	         gnutls_protocol_get_version(stream->tls) < GNUTLS_TLS1_3)
		type = GNUTLS_CB_TLS_UNIQUE;
	else
		return false;
	gnutls_datum_t binding;
	if (gnutls_session_channel_binding(stream->tls, type, &binding))
		return false;
	text_add(data, binding.data, binding.size);
	gnutls_free(binding.data);
	return true;
}
