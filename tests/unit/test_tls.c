/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "text/buf.h"
#include "os/clock.h"
#include "net/tls.h"
#include "net/tls_parts.h"
#include "tls_meet.h"

/* Expects success (want NULL) or a fault with that text. */
static void expect(const struct tls_setup *setup, const struct peer_server *server,
                   const char *want)
{
	struct fault f = FAULT_INIT;
	struct tls_trust *trust = tls_trust_new(setup, &f);
	ck_assert_msg(trust != NULL, "%s", f.text);
	pid_t pid;
	int fd;
	struct tls *t = meet(trust, server, &fd, &pid, &f);
	if (!want) {
		ck_assert_msg(t != NULL, "%s", f.text);
		char line[256];
		read_line(t, line, sizeof(line));
		part(t, fd, pid);
	} else {
		ck_assert_msg(!t, "accepted, but wanted: %s", want);
		ck_assert_int_eq(f.kind, FAULT_RELAY);
		ck_assert_msg(strstr(f.text, want) != NULL, "got \"%s\", wanted \"%s\"", f.text,
		              want);
	}
	tls_trust_free(trust);
}

static const unsigned char ip4[] = {192, 0, 2, 7};
static const unsigned char ip6[] = {0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1};

static const struct {
	const char *name; /* asked for */
	struct peer_spec spec;
	bool self_signed;
	const char *want;
} certs[] = {
    {NAME, {.cn = "x", .dns = NAME}, false, NULL},
    {"relay.example.org.", {.cn = "x", .dns = NAME}, false, NULL},
    {"RELAY.Example.ORG", {.cn = "x", .dns = NAME}, false, NULL},
    {NAME, {.cn = "x", .dns = "other.example", .dns2 = NAME}, false, NULL},
    {NAME, {.cn = "x", .dns = NAME, .purpose = GNUTLS_KP_TLS_WWW_SERVER}, false, NULL},
    {NAME, {.cn = "x", .dns = "*.example.org"}, false, NULL},
    {"a.b.example.org", {.cn = "x", .dns = "*.example.org"}, false, "not for a.b.example.org"},
    {"example.org", {.cn = "x", .dns = "*.example.org"}, false, "not for example.org"},
    {"relay.test", {.cn = "x", .dns = "*.test"}, false, "not for relay.test"},
    {NAME,
     {.cn = "x", .dns = "re*.example.org"},
     false,
     "not for relay.example.org (tls_name)"},
    {NAME, {.cn = NAME, .dns = "other.example"}, false, "is for other.example, not for"},
    {NAME, {.cn = NAME}, false, "no subject alternative name"},
    {NAME, {.cn = NAME, .ip = ip4, .ip_len = 4}, false, "192.0.2.7"},
    {NAME,
     {.cn = "x", .dns = NAME, .from = -9 * DAY, .until = -2 * DAY},
     false,
     "expired on 20"},
    {NAME,
     {.cn = "x", .dns = NAME, .from = 2 * DAY, .until = 9 * DAY},
     false,
     "not valid before 20"},
    {NAME, {.cn = "x", .dns = NAME}, true, "self-signed"},
    {NAME,
     {.cn = "x", .dns = NAME, .purpose = GNUTLS_KP_TLS_WWW_CLIENT},
     false,
     "not for TLS servers"},
    {NAME,
     {.cn = "x", .dns = NAME, .purpose = GNUTLS_KP_EMAIL_PROTECTION},
     false,
     "not for TLS servers"},
    {NAME, {.cn = "x", .dns = NAME, .sha1 = true}, false, "weak key or signature"},
    {NAME, {.cn = "x", .dns = NAME, .rsa_bits = 1024}, false, "weak key or signature"},
    {NAME, {.cn = "x", .dns = NAME, .must_staple = true}, false, "OCSP"},
    {"192.0.2.7", {.cn = "x", .ip = ip4, .ip_len = 4}, false, NULL},
    {"[192.0.2.7]", {.cn = "x", .ip = ip4, .ip_len = 4}, false, NULL},
    {"2001:db8::1", {.cn = "x", .ip = ip6, .ip_len = 16}, false, NULL},
    {"[IPv6:2001:DB8:0::1]", {.cn = "x", .ip = ip6, .ip_len = 16}, false, NULL},
    {"192.0.2.8", {.cn = "x", .ip = ip4, .ip_len = 4}, false, "not for 192.0.2.8"},
    {"192.0.2.7", {.cn = "192.0.2.7", .dns = "192.0.2.7"}, false, "192.0.2.7"},
    {"192.0.2.7", {.cn = "192.0.2.7"}, false, "192.0.2.7"},
};

START_TEST(certificate)
{
	struct peer_cert cert = peer_make(&certs[_i].spec, certs[_i].self_signed ? NULL : &ca);
	const struct peer_server server = {.cert = &cert};
	const struct tls_setup setup = by_ca(certs[_i].name);
	expect(&setup, &server, certs[_i].want);
	peer_drop(&cert);
}
END_TEST

START_TEST(unknown_ca)
{
	const struct peer_spec other_spec = {.cn = "Other CA", .ca = true};
	const struct peer_spec spec = {.cn = "x", .dns = NAME};
	struct peer_cert other = peer_make(&other_spec, NULL), cert = peer_make(&spec, &other);
	const struct peer_server server = {.cert = &cert, .chain = &other};
	struct tls_setup setup = by_ca(NAME);
	expect(&setup, &server, "unknown CA (CN=Other CA): tls_trust");
	/* The system's roots do not have it either, those named or all; a small
	 * system has none, and is told what is missing. */
	setup.mode = TLS_TRUST_SYSTEM;
	expect(&setup, &server, "tls_trust");
	peer_drop(&cert);
	peer_drop(&other);
}
END_TEST

START_TEST(intermediates)
{
	const struct peer_spec middle_spec = {.cn = "Middle CA", .ca = true};
	const struct peer_spec weak_spec = {.cn = "Weak CA", .ca = true, .sha1 = true};
	const struct peer_spec not_ca_spec = {.cn = "Not a CA"};
	const struct peer_spec old_spec = {
	    .cn = "Old CA", .ca = true, .from = -9 * DAY, .until = -DAY};
	const struct peer_spec spec = {.cn = "x", .dns = NAME};
	const struct {
		const struct peer_spec *issuer;
		bool sent;
		const char *want;
	} table[] = {
	    {&middle_spec, true, NULL},
	    {&middle_spec, false, "unknown CA (CN=Middle CA)"},
	    {&weak_spec, true, "weak key or signature"},
	    {&not_ca_spec, true, "not a CA's"},
	    {&old_spec, true, "a CA certificate of " NAME " has expired"},
	};
	const struct tls_setup setup = by_ca(NAME);

	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		struct peer_cert middle = peer_make(table[i].issuer, &ca);
		struct peer_cert cert = peer_make(&spec, &middle);
		const struct peer_server server = {.cert = &cert,
		                                   .chain = table[i].sent ? &middle : NULL};
		expect(&setup, &server, table[i].want);
		peer_drop(&cert);
		peer_drop(&middle);
	}
}
END_TEST

START_TEST(pins)
{
	/* Everything else about it is wrong, and does not count. */
	const struct peer_spec spec = {.cn = "x", .from = -9 * DAY, .until = -2 * DAY};
	struct peer_cert cert = peer_make(&spec, NULL);
	const struct peer_server server = {.cert = &cert};
	char *pin = peer_pin(&cert), *loud = peer_pin(&cert);
	static const char other[] =
	    "sha256:00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";
	const char *good[] = {other, pin, NULL}, *upper[] = {loud, NULL},
	           *bad[] = {other, NULL};
	struct tls_setup setup = {
	    .mode = TLS_TRUST_PINS, .pins = good, .name = NAME, .wall = clock_wall()};

	for (char *c = loud + 7; *c; c++)
		*c = (char)(*c >= 'a' ? *c - 32 : *c);
	expect(&setup, &server, NULL);
	setup.pins = upper;
	expect(&setup, &server, NULL);
	setup.pins = bad;
	expect(&setup, &server, "not in tls_fingerprint");
	setup.name = NULL;
	setup.pins = good;
	expect(&setup, &server, NULL);
	free(pin);
	free(loud);
	peer_drop(&cert);
}
END_TEST

START_TEST(pin_text)
{
	static const struct {
		const char *text;
		bool good;
	} table[] = {
	    {"sha256:00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff", true},
	    {"SHA256:00112233445566778899AABBCCDDEEFF00112233445566778899aabbccddeeff", true},
	    {"sha256:00:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:FF:00:11:22:33:44:55:66:77:"
	     "88:99:"
	     "AA:BB:CC:DD:EE:FF",
	     true},
	    {"sha256:00:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:FF:00:11:22:33:44:55:66:77:"
	     "88:99:"
	     "AA:BB:CC:DD:EE:FF:",
	     false},
	    {"sha256:00112233445566778899aabbccddeeff00112233445566778899aabbccddeef", false},
	    {"sha256:00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff0", false},
	    {"sha256:00112233445566778899aabbccddeeff00112233445566778899aabbccddeefg", false},
	    {"sha1:00112233445566778899aabbccddeeff00112233", false},
	    {"00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff", false},
	    {"sha256:", false},
	    {"", false},
	};

	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		unsigned char bytes[TLS_HASH_LEN];
		ck_assert_msg(tls_pin_parse(table[i].text, bytes) == table[i].good, "%s",
		              table[i].text);
		if (table[i].good) {
			ck_assert_uint_eq(bytes[1], 0x11);
			ck_assert_uint_eq(bytes[31], 0xff);
		}
	}
}
END_TEST

START_TEST(no_trust)
{
	const struct peer_spec spec = {.cn = "x", .from = -9 * DAY, .until = -2 * DAY};
	struct peer_cert cert = peer_make(&spec, NULL);
	const struct peer_server server = {.cert = &cert};
	const struct tls_setup setup = {.mode = TLS_TRUST_NONE, .wall = clock_wall()};
	expect(&setup, &server, NULL);
	peer_drop(&cert);
}
END_TEST

static const struct {
	const char *server, *client, *want;
} versions[] = {
    {"NORMAL:-VERS-ALL:+VERS-TLS1.3", NULL, NULL},
    {"NORMAL:-VERS-ALL:+VERS-TLS1.2", NULL, NULL},
    {"NORMAL:-VERS-ALL:+VERS-TLS1.1", NULL, "tls_priority"},
    {"NORMAL:-VERS-ALL:+VERS-TLS1.0", NULL, "tls_priority"},
    {"NORMAL:-VERS-ALL:+VERS-TLS1.2:-KX-ALL:+ANON-ECDH", NULL, "tls_priority"},
    {"NORMAL:-VERS-ALL:+VERS-TLS1.2:-CIPHER-ALL:+3DES-CBC", NULL, "tls_priority"},
    {"NORMAL:-VERS-ALL:+VERS-TLS1.2:-CIPHER-ALL:+NULL:-MAC-ALL:+SHA1", NULL, "tls_priority"},
    {"NORMAL:-VERS-ALL:+VERS-TLS1.2", "NORMAL:-VERS-ALL:+VERS-TLS1.3", "tls_priority"},
};

START_TEST(version)
{
	const struct peer_spec spec = {.cn = "x", .dns = NAME, .rsa_bits = 2048};
	struct peer_cert cert = peer_make(&spec, &ca);
	const struct peer_server server = {.cert = &cert, .priority = versions[_i].server};
	struct tls_setup setup = by_ca(NAME);
	setup.priority = versions[_i].client;
	expect(&setup, &server, versions[_i].want);
	peer_drop(&cert);
}
END_TEST

START_TEST(client_certificate)
{
	const struct peer_spec spec = {.cn = "x", .dns = NAME};
	const struct peer_spec own_spec = {.cn = "client", .purpose = GNUTLS_KP_TLS_WWW_CLIENT};
	static const char *const priorities[] = {"NORMAL:-VERS-ALL:+VERS-TLS1.2",
	                                         "NORMAL:-VERS-ALL:+VERS-TLS1.3"};
	struct peer_cert cert = peer_make(&spec, &ca), own = peer_make(&own_spec, &ca);
	struct peer_server server = {.cert = &cert, .ask_client = true, .client_ca = &ca};
	struct tls_setup setup = by_ca(NAME);
	struct fault f = FAULT_INIT;
	peer_write_pem(cert_path, &own, false);
	peer_write_pem(key_path, &own, true);
	for (size_t i = 0; i < 2; i++) {
		server.priority = priorities[i];
		setup.certificate = cert_path;
		setup.key = key_path;
		expect(&setup, &server, NULL);
	}
	/* Without one: refused in the handshake (1.2) or by the first read (1.3). */
	setup.certificate = setup.key = NULL;
	server.priority = priorities[0];
	expect(&setup, &server, "alert");
	server.priority = priorities[1];
	struct tls_trust *trust = tls_trust_new(&setup, &f);
	ck_assert_ptr_nonnull(trust);
	pid_t pid;
	int fd;
	struct tls *t = meet(trust, &server, &fd, &pid, &f);
	ck_assert_msg(t != NULL, "%s", f.text);
	char byte;
	size_t got;
	ck_assert(!tls_read(t, &byte, 1, &got, clock_deadline(LONG_MS), &f));
	ck_assert_msg(strstr(f.text, "tls_certificate") != NULL, "%s", f.text);
	part(t, fd, pid);
	tls_trust_free(trust);
	peer_drop(&cert);
	peer_drop(&own);
}
END_TEST

/* The hex that the server sent, and what we have. */
static void compare_binding(struct tls *t, const char *type, bool resumed)
{
	const struct tls_info *info = tls_info(t);
	char line[256], want[256], hex[160] = "";
	for (size_t i = 0; i < info->binding_len; i++)
		snprintf(hex + 2 * i, 3, "%02x", info->binding[i]);
	snprintf(want, sizeof(want), "binding %s resumed %d", hex, resumed);
	read_line(t, line, sizeof(line));
	ck_assert_str_eq(line, want);
	ck_assert_ptr_nonnull(info->binding_type);
	ck_assert_str_eq(info->binding_type, type);
	ck_assert_int_eq(info->resumed, resumed);
}

START_TEST(info)
{
	const struct peer_spec spec = {
	    .cn = "x", .dns = NAME, .dns2 = "*.example.net", .ip = ip4, .ip_len = 4};
	int64_t before = clock_wall();
	struct peer_cert cert = peer_make(&spec, &ca);
	const struct peer_server server = {.cert = &cert, .priority = bindings[_i].priority};
	const struct tls_setup setup = by_ca(NAME);
	struct fault f = FAULT_INIT;
	struct tls_trust *trust = tls_trust_new(&setup, &f);
	pid_t pid;
	int fd;
	struct tls *t = meet(trust, &server, &fd, &pid, &f);
	ck_assert_msg(t != NULL, "%s", f.text);
	const struct tls_info *i = tls_info(t);
	ck_assert_str_eq(i->protocol, bindings[_i].protocol);
	ck_assert_str_ne(i->cipher, "");
	ck_assert_str_eq(i->subject, NAME ", *.example.net, 192.0.2.7");
	ck_assert_str_eq(i->issuer, "CN=Test CA");
	ck_assert(strncmp(i->trust, "file ", 5) == 0);
	ck_assert_int_ge(i->expires, before + DAY);
	ck_assert_int_le(i->expires, clock_wall() + DAY);
	compare_binding(t, bindings[_i].type, false);
	part(t, fd, pid);
	tls_trust_free(trust);
	peer_drop(&cert);
}
END_TEST

START_TEST(data_and_end)
{
	const struct peer_spec spec = {.cn = "x", .dns = NAME};
	struct peer_cert cert = peer_make(&spec, &ca);
	const struct peer_server server = {.cert = &cert, .priority = bindings[_i].priority};
	const struct tls_setup setup = by_ca(NAME);
	struct fault f = FAULT_INIT;
	struct tls_trust *trust = tls_trust_new(&setup, &f);
	char *sent = mem_alloc(60000), *back = mem_alloc(60000);
	size_t have = 0;
	for (size_t i = 0; i < 60000; i++)
		sent[i] = (char)(i * 7);
	pid_t pid;
	int fd;
	struct tls *t = meet(trust, &server, &fd, &pid, &f);
	ck_assert_msg(t != NULL, "%s", f.text);
	char line[256];
	read_line(t, line, sizeof(line));
	ck_assert_msg(tls_write(t, str_make(sent, 60000), LONG_MS, CLOCK_NEVER, &f), "%s",
	              f.text);
	size_t got;
	while (have < 60000) {
		ck_assert_msg(
		    tls_read(t, back + have, 60000 - have, &got, clock_deadline(LONG_MS), &f),
		    "%s", f.text);
		ck_assert_uint_gt(got, 0);
		have += got;
	}
	ck_assert_int_eq(memcmp(sent, back, 60000), 0);
	/* Nothing comes: the deadline ends it. */
	ck_assert(!tls_read(t, back, 10, &got, clock_deadline(50), &f));
	ck_assert_int_eq(f.sys, ETIMEDOUT);
	ck_assert_int_eq(f.kind, FAULT_RELAY);
	/* The end without a goodbye is the end. */
	ck_assert(tls_write(t, STR("crash"), LONG_MS, CLOCK_NEVER, &f));
	ck_assert_msg(tls_read(t, back, 10, &got, clock_deadline(LONG_MS), &f), "%s", f.text);
	ck_assert_uint_eq(got, 0);
	part(t, fd, pid);
	tls_trust_free(trust);
	free(sent);
	free(back);
	peer_drop(&cert);
}
END_TEST

/* Servers that are no TLS servers: what they say, and what must be said of it. */
static const struct {
	const char *says, *want;
	bool hang;
} strangers[] = {
    {"220 mail.example.org ESMTP\r\n", "this port speaks clear SMTP: security = starttls?",
     false},
    {"220-mail.example.org ESMTP\r\n", "security = starttls?", true},
    {"500 what?\r\n", "in clear (\"500 what?\")", false},
    {"HTTP/1.1 400 Bad Request\r\n\r\n", "TLS: ", false},
    {"", "closed the connection", false},
    {"", "timed out", true},
    {"\x15\x03\x03\x00\x02\x02\x28", "alert 40", false},
    {"\x16\x03\x03\x00\x02\x02\x28", "TLS", true},
    {"\x16\x03\x03\xff\xff\x02\x28", "TLS", true},
    {"\x80\x2e\x01\x00\x02\x00\x15", "TLS", true},
};

START_TEST(stranger)
{
	const struct tls_setup setup = by_ca(NAME);
	struct fault f = FAULT_INIT;
	struct tls_trust *trust = tls_trust_new(&setup, &f);
	const char *says = strangers[_i].says;
	size_t len = says[0] == '\x16' || says[0] == '\x15' ? 7 : strlen(says);
	int ends[2];
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends), 0);
	ck_assert_int_eq(write(ends[1], says, len), (ssize_t)len);
	if (!strangers[_i].hang)
		shutdown(ends[1], SHUT_WR);
	struct tls *t = tls_new(ends[0], trust, &f);
	ck_assert_ptr_nonnull(t);
	ck_assert(!tls_handshake(t, clock_deadline(strangers[_i].hang ? 200 : LONG_MS), &f));
	ck_assert_int_eq(f.kind, FAULT_RELAY);
	ck_assert_msg(strstr(f.text, strangers[_i].want) != NULL, "%s", f.text);
	tls_free(t);
	tls_trust_free(trust);
	close(ends[0]);
	close(ends[1]);
}
END_TEST

START_TEST(bad_setups)
{
	static const char *const bad_pins[] = {"sha256:12", NULL}, *const none[] = {NULL};
	const struct {
		struct tls_setup setup;
		const char *want;
	} table[] = {
	    {{.mode = TLS_TRUST_FILE, .ca_file = "/nonexistent/ca.pem", .name = NAME},
	     "/nonexistent/ca.pem"},
	    {{.mode = TLS_TRUST_FILE, .ca_file = "/dev/null", .name = NAME}, "/dev/null"},
	    {{.mode = TLS_TRUST_FILE, .ca_file = "/etc/passwd", .name = NAME}, "/etc/passwd"},
	    {{.mode = TLS_TRUST_FILE, .name = NAME}, "tls_trust"},
	    {{.mode = TLS_TRUST_FILE, .ca_file = ca_path}, "tls_name"},
	    {{.mode = TLS_TRUST_SYSTEM}, "tls_name"},
	    {{.mode = TLS_TRUST_PINS, .pins = bad_pins}, "tls_fingerprint"},
	    {{.mode = TLS_TRUST_PINS, .pins = none}, "tls_fingerprint"},
	    {{.mode = TLS_TRUST_NONE, .priority = "NORMAL:+NONSENSE"}, "tls_priority"},
	    {{.mode = TLS_TRUST_NONE, .certificate = "/nonexistent/c"}, "tls_certificate"},
	    {{.mode = TLS_TRUST_NONE, .certificate = ca_path, .key = "/nonexistent/k"},
	     "tls_key"},
	    {{.mode = TLS_TRUST_NONE, .certificate = ca_path, .key = ca_path}, "tls_key"},
	};

	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		struct fault f = FAULT_INIT;
		ck_assert_ptr_null(tls_trust_new(&table[i].setup, &f));
		ck_assert_int_eq(f.kind, FAULT_CONFIG);
		ck_assert_msg(strstr(f.text, table[i].want) != NULL, "%zu: %s", i, f.text);
	}
}
END_TEST

int main(void)
{
	Suite *s = suite_create("tls");
	TCase *c = tcase_create("tls");
	tcase_add_checked_fixture(c, make_ca, drop_ca);
	tcase_set_timeout(c, 60);
	tcase_add_loop_test(c, certificate, 0, COUNT(certs));
	tcase_add_test(c, unknown_ca);
	tcase_add_test(c, intermediates);
	tcase_add_test(c, pins);
	tcase_add_test(c, pin_text);
	tcase_add_test(c, no_trust);
	tcase_add_loop_test(c, version, 0, COUNT(versions));
	tcase_add_test(c, client_certificate);
	tcase_add_loop_test(c, info, 0, COUNT(bindings));
	tcase_add_loop_test(c, data_and_end, 0, COUNT(bindings));
	tcase_add_loop_test(c, stranger, 0, COUNT(strangers));
	tcase_add_test(c, bad_setups);
	suite_add_tcase(s, c);
	SRunner *r = srunner_create(s);
	srunner_run_all(r, CK_ENV);
	int n = srunner_ntests_failed(r);
	srunner_free(r);
	return n ? 1 : 0;
}
