/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "net/tls.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include "os/clock.h"
#include "os/wait.h"
#include "text/codec.h"
#include "net/tls_parts.h"

#ifndef MSG_MORE
#define MSG_MORE 0
#endif

#define ODD_MAX      16    /* warnings and the like taken before progress is made */
#define RECORD_MAX   16384 /* bytes that a record can take (RFC 8446 section 5.1) */
#define EXPORTER_LEN 32    /* RFC 9266 section 4.1 */

static const char handshaking[] = "TLS handshake";
static const char reading[] = "read from the server";
static const char writing[] = "write to the server";

static bool is_smtp_reply(const char *s, size_t len)
{
	return len >= 4 && s[0] >= '2' && s[0] <= '5' && ascii_digit(s[1]) &&
	       ascii_digit(s[2]) && (s[3] == ' ' || s[3] == '-');
}

bool tls_is_here(void)
{
	return true;
}

bool tls_is_clear(struct str first, struct fault *f)
{
	size_t end = str_find(first, '\n');
	if (!is_smtp_reply(first.at, first.len))
		return false;
	char text[TLS_FIRST_LEN * 4 + 1];
	codec_printable(text, sizeof(text), str_trim(str_first(first, end)));
	fault_set(f, FAULT_RELAY, "TLS: the server answers in clear (\"%.90s\")%s", text,
	          str_starts(first, STR("220"))
	              ? ": this port speaks clear SMTP: security = starttls?"
	              : "");
	return true;
}

static ssize_t pull(gnutls_transport_ptr_t ptr, void *to, size_t len)
{
	struct tls *t = ptr;
	ssize_t n = recv(t->fd, to, len, 0);
	if (n < 0) {
		t->sys = errno;
		gnutls_transport_set_errno(t->session, errno);
		return n;
	}
	if (t->first_len < sizeof(t->first)) {
		size_t some = sizeof(t->first) - t->first_len;
		if (some > (size_t)n)
			some = (size_t)n;
		memcpy(t->first + t->first_len, to, some);
		t->first_len += some;
	}
	return n;
}

static int pull_timeout(gnutls_transport_ptr_t ptr, unsigned ms)
{
	struct tls *t = ptr;
	struct pollfd ready = {.fd = t->fd, .events = POLLIN};
	return poll(&ready, 1, ms > 60000 ? 60000 : (int)ms);
}

static ssize_t push(gnutls_transport_ptr_t ptr, const giovec_t *at, int count)
{
	struct tls *t = ptr;
	struct msghdr message = {.msg_iov = (struct iovec *)(uintptr_t)at,
	                         .msg_iovlen = (size_t)count};
	ssize_t n = sendmsg(t->fd, &message, MSG_NOSIGNAL | (t->more ? MSG_MORE : 0));
	if (n < 0) {
		t->sys = errno;
		gnutls_transport_set_errno(t->session, errno);
	}
	return n;
}

/* For what GnuTLS waits; false: the deadline has passed. */
static bool wait_for(struct tls *t, const char *what, int64_t deadline, struct fault *f)
{
	short events = gnutls_record_get_direction(t->session) != 0 ? POLLOUT : POLLIN;
	int sys = wait_until(t->fd, events, deadline);
	/* What is there already is taken, but not for ever. */
	if (clock_left_ms(deadline) == 0 && ++t->late > ODD_MAX)
		sys = ETIMEDOUT;
	return sys == 0 || fault_sys(f, FAULT_RELAY, sys, "%s", what);
}

static void offer_ticket(struct tls *t)
{
	const struct tls_ticket *ticket = tls_ticket_load(t->trust);
	if (!ticket || gnutls_session_set_data(t->session, ticket->data, ticket->len) != 0)
		return;
	t->offered = true;
	t->verified = ticket->verified;
}

struct tls *tls_new(int fd, struct tls_trust *trust, struct fault *f)
{
	struct tls *t = mem_alloc(sizeof(*t));
	t->fd = fd;
	t->trust = trust;
	int rc = gnutls_init(&t->session, GNUTLS_CLIENT | GNUTLS_NONBLOCK | GNUTLS_NO_SIGNAL);
	if (rc == 0)
		rc = gnutls_priority_set(t->session, trust->priority);
	if (rc == 0)
		rc = gnutls_credentials_set(t->session, GNUTLS_CRD_CERTIFICATE,
		                            trust->credentials);
	if (rc == 0 && trust->name && trust->address_len == 0)
		rc = gnutls_server_name_set(t->session, GNUTLS_NAME_DNS, trust->name,
		                            strlen(trust->name));
	if (rc != 0) {
		fault_set(f, FAULT_RELAY, "TLS: %s", gnutls_strerror(rc));
		tls_free(t);
		return NULL;
	}
	gnutls_session_set_ptr(t->session, t);
	gnutls_session_set_verify_function(t->session, tls_verify);
	gnutls_transport_set_ptr(t->session, t);
	gnutls_transport_set_pull_function(t->session, pull);
	gnutls_transport_set_pull_timeout_function(t->session, pull_timeout);
	gnutls_transport_set_vec_push_function(t->session, push);
	/* The caller's deadline rules. */
	gnutls_handshake_set_timeout(t->session, 0);
	offer_ticket(t);
	return t;
}

void tls_free(struct tls *t)
{
	if (!t)
		return;
	if (t->session)
		gnutls_deinit(t->session);
	codec_wipe(&t->info, sizeof(t->info));
	free(t);
}

/* Alerts that a setting may help against. */
static const struct {
	gnutls_alert_description_t alert;
	const char *hint;
} hints[] = {
    {GNUTLS_A_HANDSHAKE_FAILURE, " (tls_priority, or it wants a client certificate: "
                                 "tls_certificate)"},
    {GNUTLS_A_PROTOCOL_VERSION, " (tls_priority)"},
    {GNUTLS_A_INSUFFICIENT_SECURITY, " (tls_priority)"},
    {GNUTLS_A_CERTIFICATE_REQUIRED, " (tls_certificate)"},
    {GNUTLS_A_BAD_CERTIFICATE, " (about our tls_certificate)"},
    {GNUTLS_A_UNSUPPORTED_CERTIFICATE, " (about our tls_certificate)"},
    {GNUTLS_A_CERTIFICATE_REVOKED, " (about our tls_certificate)"},
    {GNUTLS_A_CERTIFICATE_EXPIRED, " (about our tls_certificate)"},
    {GNUTLS_A_CERTIFICATE_UNKNOWN, " (about our tls_certificate)"},
    {GNUTLS_A_UNKNOWN_CA, " (about our tls_certificate)"},
    {GNUTLS_A_ACCESS_DENIED, " (about our tls_certificate)"},
    {GNUTLS_A_UNRECOGNIZED_NAME, " (tls_name)"},
};

static bool fail_for_alert(struct tls *t, struct fault *f)
{
	gnutls_alert_description_t alert = gnutls_alert_get(t->session);
	const char *name = gnutls_alert_get_name(alert), *hint = "";
	for (size_t i = 0; i < COUNT(hints); i++)
		if (hints[i].alert == alert)
			hint = hints[i].hint;
	return fault_set(f, FAULT_RELAY, "TLS: the server refused with alert %d, %s%s",
	                 (int)alert, name ? name : "unknown", hint);
}

static bool fail_for_system(struct tls *t, int rc, const char *what, struct fault *f)
{
	if (t->sys != 0)
		return fault_sys(f, FAULT_RELAY, t->sys, "%s", what);
	return fault_set(f, FAULT_RELAY, "%s: TLS: %s", what, gnutls_strerror(rc));
}

/* What is not TLS at all arrives as some framing error; more of it is waiting. */
static void read_more_of_first(struct tls *t)
{
	ssize_t n =
	    recv(t->fd, t->first + t->first_len, sizeof(t->first) - t->first_len, MSG_DONTWAIT);

	if (n > 0)
		t->first_len += (size_t)n;
}

static bool fail_handshake(struct tls *t, int rc, struct fault *f)
{
	if (t->refusal.kind != FAULT_NONE) {
		*f = t->refusal;
		return fault_cause(f, CAUSE_CERTIFICATE);
	}
	if (rc == GNUTLS_E_FATAL_ALERT_RECEIVED || rc == GNUTLS_E_WARNING_ALERT_RECEIVED)
		return fail_for_alert(t, f);
	if (is_smtp_reply(t->first, t->first_len))
		read_more_of_first(t);
	if (tls_is_clear(str_make(t->first, t->first_len), f)) {
		t->info.flaw = TLS_FLAW_CLEAR;
		return false;
	}
	switch (rc) {
	case GNUTLS_E_PULL_ERROR:
	case GNUTLS_E_PUSH_ERROR:
		return fail_for_system(t, rc, handshaking, f);
	case GNUTLS_E_PREMATURE_TERMINATION:
	case GNUTLS_E_SESSION_EOF:
		return fault_set(f, FAULT_RELAY,
		                 "TLS: the server closed the connection in the handshake");
	case GNUTLS_E_UNSUPPORTED_VERSION_PACKET:
		return fault_set(f, FAULT_RELAY,
		                 "TLS: the server speaks only versions that are not allowed "
		                 "(tls_priority), or not TLS");
	case GNUTLS_E_DH_PRIME_UNACCEPTABLE:
	case GNUTLS_E_INSUFFICIENT_SECURITY:
	case GNUTLS_E_UNKNOWN_CIPHER_SUITE:
	case GNUTLS_E_NO_CIPHER_SUITES:
		return fault_set(f, FAULT_RELAY,
		                 "TLS: the server's choice is too weak: %s "
		                 "(tls_priority)",
		                 gnutls_strerror(rc));
	case GNUTLS_E_UNEXPECTED_PACKET_LENGTH:
	case GNUTLS_E_RECORD_OVERFLOW:
	case GNUTLS_E_UNEXPECTED_PACKET:
		return fault_set(f, FAULT_RELAY, "TLS: what the server sends is not TLS: %s",
		                 gnutls_strerror(rc));
	default:
		return fault_set(f, FAULT_RELAY, "TLS handshake: %s", gnutls_strerror(rc));
	}
}

static void set_binding(struct tls *t)
{
	static const char label[] = "EXPORTER-Channel-Binding";
	gnutls_protocol_t version = gnutls_protocol_get_version(t->session);
	gnutls_datum_t unique = {NULL, 0};
	struct tls_info *info = &t->info;

	if (version == GNUTLS_TLS1_3) {
		if (gnutls_prf_rfc5705(t->session, sizeof(label) - 1, label, 0, NULL,
		                       EXPORTER_LEN, (char *)info->binding) != 0)
			return;
		info->binding_type = "tls-exporter";
		info->binding_len = EXPORTER_LEN;
		return;
	}
	/* Without the extended master secret it binds to nothing (RFC 7627). */
	if (gnutls_session_ext_master_secret_status(t->session) == 0 ||
	    gnutls_session_channel_binding(t->session, GNUTLS_CB_TLS_UNIQUE, &unique) != 0)
		return;
	if (unique.size > 0 && unique.size <= sizeof(info->binding)) {
		memcpy(info->binding, unique.data, unique.size);
		info->binding_type = "tls-unique";
		info->binding_len = unique.size;
	}
	gnutls_free(unique.data);
}

static void put_trust(struct tls *t)
{
	char *to = t->info.trust;
	size_t size = sizeof(t->info.trust);
	if (t->info.resumed) {
		snprintf(to, size, "resumed");
		return;
	}
	switch (t->trust->mode) {
	case TLS_TRUST_SYSTEM:
		snprintf(to, size, "system");
		break;
	case TLS_TRUST_FILE:
		snprintf(to, size, "file %.58s", t->trust->ca_file);
		break;
	case TLS_TRUST_PINS:
		snprintf(to, size, "pin");
		break;
	case TLS_TRUST_NONE:
		snprintf(to, size, "none");
		break;
	}
}

static void set_info(struct tls *t)
{
	struct tls_info *info = &t->info;
	const char *version = gnutls_protocol_get_name(gnutls_protocol_get_version(t->session));
	const char *cipher = gnutls_cipher_get_name(gnutls_cipher_get(t->session));
	snprintf(info->protocol, sizeof(info->protocol), "%.15s", version ? version : "?");
	snprintf(info->cipher, sizeof(info->cipher), "%.47s", cipher ? cipher : "?");
	info->resumed = gnutls_session_is_resumed(t->session) != 0;
	if (info->resumed)
		info->expires = t->trust->ticket.expires;
	else
		t->verified = t->trust->wall;
	put_trust(t);
	set_binding(t);
}

bool tls_handshake(struct tls *t, int64_t deadline, struct fault *f)
{
	int odd = 0;
	bool waited = true;
	t->late = 0;
	int rc;
	for (;;) {
		t->sys = 0;
		rc = gnutls_handshake(t->session);
		if (rc == 0) {
			set_info(t);
			return true;
		}
		if (rc == GNUTLS_E_AGAIN) {
			waited = wait_for(t, handshaking, deadline, f);
			if (!waited)
				break;
		} else if (rc != GNUTLS_E_INTERRUPTED &&
		           (gnutls_error_is_fatal(rc) || ++odd > ODD_MAX)) {
			break;
		}
	}
	if (waited) {
		fail_handshake(t, rc, f);
		gnutls_alert_send_appropriate(t->session, rc);
	}
	/* The ticket may have been the cause: the next time goes without. */
	if (t->offered)
		tls_ticket_forget(t->trust);
	return false;
}

bool tls_read(struct tls *t, char *to, size_t len, size_t *got, int64_t deadline,
              struct fault *f)
{
	int odd = 0;
	*got = 0;
	t->late = 0;
	for (;;) {
		t->sys = 0;
		ssize_t n = gnutls_record_recv(t->session, to, len);
		if (n >= 0) {
			*got = (size_t)n;
			return true;
		}
		switch ((int)n) {
		case GNUTLS_E_AGAIN:
			if (!wait_for(t, reading, deadline, f))
				return false;
			break;
		case GNUTLS_E_INTERRUPTED:
			break;
		case GNUTLS_E_PREMATURE_TERMINATION:
			/* No close_notify; SMTP itself tells whether a reply was complete. */
			return true;
		case GNUTLS_E_FATAL_ALERT_RECEIVED:
			return fail_for_alert(t, f);
		default:
			/* Among them a request for a new handshake, which need not be met. */
			if (gnutls_error_is_fatal((int)n) || ++odd > ODD_MAX)
				return fail_for_system(t, (int)n, reading, f);
			break;
		}
	}
}

bool tls_write(struct tls *t, struct str bytes, int64_t stall_ms, int64_t limit,
               struct fault *f)
{
	int64_t deadline = clock_sooner(clock_deadline(stall_ms), limit);
	t->late = 0;
	while (bytes.len > 0) {
		t->sys = 0;
		/* After AGAIN the same bytes must be given again: the record is made. */
		t->more = bytes.len > RECORD_MAX;
		ssize_t n = gnutls_record_send(t->session, bytes.at, bytes.len);
		t->more = false;
		if (n > 0) {
			bytes = str_from(bytes, (size_t)n);
			deadline = clock_sooner(clock_deadline(stall_ms), limit);
		} else if (n == GNUTLS_E_AGAIN) {
			if (clock_left_ms(limit) == 0)
				return fault_sys(f, FAULT_RELAY, ETIMEDOUT, "%s", writing);
			if (!wait_for(t, writing, deadline, f))
				return false;
		} else if (n != GNUTLS_E_INTERRUPTED) {
			return fail_for_system(t, (int)n, writing, f);
		}
	}
	return true;
}

void tls_goodbye(struct tls *t, int64_t deadline)
{
	struct fault f = FAULT_INIT;
	int rc;
	do {
		rc = gnutls_bye(t->session, GNUTLS_SHUT_WR);
	} while (rc == GNUTLS_E_INTERRUPTED ||
	         (rc == GNUTLS_E_AGAIN && wait_for(t, writing, deadline, &f)));
}

void tls_keep_ticket(struct tls *t)
{
	gnutls_datum_t data = {NULL, 0};
	unsigned flags = gnutls_session_get_flags(t->session);

	/* Without the flag GnuTLS would wait for a ticket to come. */
	if (t->info.protocol[0] == '\0' || (flags & GNUTLS_SFLAGS_SESSION_TICKET) == 0)
		return;
	if (gnutls_session_get_data2(t->session, &data) != 0)
		return;
	tls_ticket_save(t->trust, str_make((const char *)data.data, data.size), t->verified,
	                t->info.expires);
	codec_wipe(data.data, data.size);
	gnutls_free(data.data);
}

const struct tls_info *tls_info(const struct tls *t)
{
	return &t->info;
}
