/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "text/host.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#define COUNT(array) (sizeof(array) / sizeof(*(array)))

/* 63 letters */
#define LABEL "abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyz12345678901"

static const struct {
	const char *text;
	bool good;
} names[] = {
    {"example.org", true},
    {"a", true},
    {"a.", true},
    {"_dmarc.a-b.example", true},
    {"1.2.3.4", true},
    {"m\xC3\xBCnchen.example", true},
    {LABEL ".a", true},
    {LABEL "x.a", false},
    {LABEL "\xC3\xBC.a", true},
    {LABEL "." LABEL "." LABEL "." LABEL, true},
    {LABEL "." LABEL "." LABEL "." LABEL ".", false},
    {"", false},
    {".", false},
    {"a..", false},
    {"a..b", false},
    {".a", false},
    {"a b", false},
    {"a@b", false},
    {"a:b", false},
    {"a/b", false},
    {"a\n", false},
    {"[a]", false},
};

START_TEST(name)
{
	ck_assert_msg(host_is_name(str_of(names[_i].text)) == names[_i].good, "%s",
	              names[_i].text);
}
END_TEST

static const struct {
	const char *text, *want; /* NULL: not an address */
} literals[] = {
    {"192.0.2.1", "192.0.2.1"},
    {"[192.0.2.1]", "192.0.2.1"},
    {"2001:db8::1", "2001:db8::1"},
    {"[2001:db8::1]", "2001:db8::1"},
    {"[IPv6:2001:db8::1]", "2001:db8::1"},
    {"[ipv6:::1]", "::1"},
    {"::ffff:192.0.2.1", "::ffff:192.0.2.1"},
    {"fe80::1%eth0", "fe80::1%eth0"},
    {"[fe80::1%3]", "fe80::1%3"},
    {"[IPv6:fe80::1%eth0]", "fe80::1%eth0"},
    {"IPv6:::1", NULL},
    {"[IPv6:192.0.2.1]", NULL},
    {"fe80::1%", NULL},
    {"fe80::1%averyveryverylongname", NULL},
    {"fe80::1%a b", NULL},
    {"192.0.2.1%eth0", NULL},
    {"[192.0.2.1", NULL},
    {"192.0.2.1]", NULL},
    {"[]", NULL},
    {"", NULL},
    {"1", NULL},
    {"127.1", NULL},
    {"0x7f.0.0.1", NULL},
    {"192.0.2.256", NULL},
    {"192.0.2.1 ", NULL},
    {"2001:db8::1::2", NULL},
    {"localhost", NULL},
    {"1111:2222:3333:4444:5555:6666:7777:8888:9999:aaaa:bbbb:cccc:dddd:eeee", NULL},
    {"[::1", NULL},
    {"[", NULL},
    {"[IPv6:]", NULL},
    {"fe80::1%eth]0", NULL},
    {"fe80::1%a%b", "fe80::1%a%b"},
    {"fe80::1%123456789012345", "fe80::1%123456789012345"},
    {"fe80::1%1234567890123456", NULL},
};

START_TEST(address)
{
	struct host_address a = {.family = -1};
	bool good = host_address(str_of(literals[_i].text), &a);
	ck_assert_msg(good == (literals[_i].want != NULL), "%s", literals[_i].text);
	if (!good) {
		ck_assert_int_eq(a.family, -1);
		return;
	}
	ck_assert_str_eq(a.bare, literals[_i].want);
	ck_assert_int_eq(a.family, strchr(a.bare, ':') ? AF_INET6 : AF_INET);
	ck_assert_int_eq(a.port, 0);
	ck_assert_str_eq(a.zone, strchr(a.bare, '%') ? strchr(a.bare, '%') + 1 : "");
	/* Brackets and no brackets are two forms. */
	ck_assert(host_literal(str_of(literals[_i].text), &a) == (literals[_i].text[0] == '['));
	ck_assert(host_bare(str_of(literals[_i].text), &a) == (literals[_i].text[0] != '['));
}
END_TEST

START_TEST(bytes)
{
	struct host_address a;
	ck_assert(host_address(STR("192.0.2.255"), &a));
	ck_assert_int_eq(memcmp(a.bytes, "\xC0\x00\x02\xFF", 4), 0);
	ck_assert(host_address(STR("[IPv6:2001:db8::ff%x]"), &a));
	ck_assert_int_eq(memcmp(a.bytes, "\x20\x01\x0D\xB8", 4), 0);
	ck_assert_int_eq(a.bytes[15], 0xFF);
	ck_assert(!host_address(STR("192.0.2.1\0"), &a));
	ck_assert(!host_address(STR("::1\0x"), &a));
}
END_TEST

static const struct {
	const char *text, *want; /* NULL: refused */
	int port;
} servers[] = {
    {"192.0.2.1", "192.0.2.1", 0},
    {"192.0.2.1:53", "192.0.2.1", 53},
    {"[192.0.2.1]:53", "192.0.2.1", 53},
    {"2001:db8::2", "2001:db8::2", 0},
    {"[2001:db8::1]", "2001:db8::1", 0},
    {"[2001:db8::1]:5353", "2001:db8::1", 5353},
    {"[IPv6:2001:db8::1]:65535", "2001:db8::1", 65535},
    {"[fe80::1%eth0]:1", "fe80::1%eth0", 1},
    {"ns.example.org", NULL, 0},
    {"ns.example.org:53", NULL, 0},
    {"192.0.2.1:0", NULL, 0},
    {"192.0.2.1:65536", NULL, 0},
    {"192.0.2.1:", NULL, 0},
    {"192.0.2.1:x", NULL, 0},
    {"192.0.2.1:+1", NULL, 0},
    {"[2001:db8::1", NULL, 0},
    {"[2001:db8::1]x", NULL, 0},
    {"[2001:db8::1]53", NULL, 0},
    {"192.0.2.256", NULL, 0},
    {":53", NULL, 0},
    {"", NULL, 0},
};

START_TEST(server)
{
	struct host_address a;
	bool good = host_server(str_of(servers[_i].text), &a);
	ck_assert_msg(good == (servers[_i].want != NULL), "%s", servers[_i].text);
	if (!good)
		return;
	ck_assert_str_eq(a.bare, servers[_i].want);
	ck_assert_int_eq(a.port, servers[_i].port);
}
END_TEST

static const struct {
	const char *text, *host; /* NULL: refused */
	int port;
} ports[] = {
    {"127.0.0.1:9050", "127.0.0.1", 9050},
    {"proxy.example.org:1", "proxy.example.org", 1},
    {"[::1]:9050", "[::1]", 9050},
    {"proxy.example.org", NULL, 0},
    {"[::1]", NULL, 0},
    {"::1:9050", NULL, 0},
    {"", NULL, 0},
    {":9050", NULL, 0},
    {"x:0", NULL, 0},
    {"x:65536", NULL, 0},
    {"x:y", NULL, 0},
    {"x:1/", NULL, 0},
    {"user:pass@x:1080", NULL, 0},
    {"http://x:1080", NULL, 0},
};

START_TEST(name_and_port)
{
	struct host_port at = {NULL, 0};
	bool good = host_port_of(str_of(ports[_i].text), &at);
	ck_assert_msg(good == (ports[_i].host != NULL), "%s", ports[_i].text);
	if (good) {
		ck_assert_str_eq(at.host, ports[_i].host);
		ck_assert_int_eq(at.port, ports[_i].port);
	}
	free(at.host);
}
END_TEST

static const struct {
	const char *text, *name, *server, *port;
} peers[] = {
    {"mx.example[192.0.2.1]:25", "mx.example", "mx.example[192.0.2.1]", ":25"},
    {"mx.example[2001:db8::1]:25", "mx.example", "mx.example[2001:db8::1]", ":25"},
    {"192.0.2.1[192.0.2.1]:25", "192.0.2.1", "192.0.2.1[192.0.2.1]", ":25"},
    {"[192.0.2.1][192.0.2.1]:25", "[192.0.2.1]", "[192.0.2.1][192.0.2.1]", ":25"},
    {"2001:db8::1[2001:db8::1]:25", "2001:db8::1", "2001:db8::1[2001:db8::1]", ":25"},
    {"[::1][::1]:25", "[::1]", "[::1][::1]", ":25"},
    {"mx.example:25", "mx.example", "mx.example", ":25"},
    {"[::1]:25", "[::1]", "[::1]", ":25"},
    {"mx.example", "mx.example", "mx.example", ""},
    {"mx.example[192.0.2.1]", "mx.example[192.0.2.1]", "mx.example[192.0.2.1]", ""},
    {"/run/lmtp", "/run/lmtp", "/run/lmtp", ""},
    {"/run/a]:25", "/run/a]:25", "/run/a]:25", ""},
    {"", "", "", ""},
};

START_TEST(peer)
{
	struct host_peer p = host_peer(str_of(peers[_i].text));
	ck_assert_msg(str_eq(p.name, str_of(peers[_i].name)) &&
	                  str_eq(p.server, str_of(peers[_i].server)) &&
	                  str_eq(p.port, str_of(peers[_i].port)),
	              "%s: %.*s %.*s %.*s", peers[_i].text, STR_FMT(p.name), STR_FMT(p.server),
	              STR_FMT(p.port));
}
END_TEST

int main(void)
{
	Suite *s = suite_create("host");
	TCase *t = tcase_create("host");
	tcase_add_loop_test(t, name, 0, COUNT(names));
	tcase_add_loop_test(t, address, 0, COUNT(literals));
	tcase_add_test(t, bytes);
	tcase_add_loop_test(t, server, 0, COUNT(servers));
	tcase_add_loop_test(t, name_and_port, 0, COUNT(ports));
	tcase_add_loop_test(t, peer, 0, COUNT(peers));
	suite_add_tcase(s, t);
	SRunner *r = srunner_create(s);
	srunner_run_all(r, CK_ENV);
	int failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
