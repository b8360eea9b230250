/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "net/tls_pin.h"

#include "unit.h"

static const struct {
	const char *text;
	bool good;
} rows[] = {
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
    {"sha256::00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff", false},
    {"sha256:0:0112233445566778899aabbccddeeff00112233445566778899aabbccddeeff", false},
    {"sha256:0011:2233445566778899aabbccddeeff00112233445566778899aabbccddeeff", true},
};

START_TEST(text)
{
	static const char bare[] =
	    "sha256:00112233445566778899AABBCCDDEEFF00112233445566778899AABBCCDDEEFF";
	struct tls_pin pin = {{0}};
	char again[TLS_PIN_TEXT_MAX];
	ck_assert_msg(tls_pin_parse(str_of(rows[_i].text), &pin) == rows[_i].good, "%s",
	              rows[_i].text);
	ck_assert_uint_eq(pin.sha256[1], rows[_i].good ? 0x11 : 0);
	ck_assert_uint_eq(pin.sha256[31], rows[_i].good ? 0xff : 0);
	if (!rows[_i].good)
		return;
	tls_pin_text(&pin, again);
	ck_assert_str_eq(again, bare);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("tls_pin");
	TCase *t = unit_case(s, "tls_pin");
	tcase_add_loop_test(t, text, 0, COUNT(rows));
	return unit_run(s);
}
