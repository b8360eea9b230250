/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "smtp/saslprep.h"

#include <stdint.h>

#include <gnutls/gnutls.h>

#include "text/codec.h"

struct range {
	uint32_t first, last;
};

struct run {
	uint32_t first, last, to; /* first stands for to, the next for to + 1, ... */
};

struct single {
	uint32_t from;
	const char *to; /* UTF-8 */
};

/* RFC 3454 table C.1.2: a blank. */
static const struct range blanks[] = {
    {0x00A0, 0x00A0}, {0x1680, 0x1680}, {0x2000, 0x200B},
    {0x202F, 0x202F}, {0x205F, 0x205F}, {0x3000, 0x3000},
};

/* RFC 3454 table B.1: nothing. */
static const struct range invisible[] = {
    {0x00AD, 0x00AD}, {0x034F, 0x034F}, {0x1806, 0x1806}, {0x180B, 0x180D},
    {0x200C, 0x200D}, {0x2060, 0x2060}, {0xFE00, 0xFE0F}, {0xFEFF, 0xFEFF},
};

/* Compatibility decompositions of Unicode 3.2. */
/* clang-format off */
static const struct run runs[] = {
	{0x2074, 0x2079, 0x0034}, {0x2080, 0x2089, 0x0030}, {0x2119, 0x211B, 0x0050},
	{0x2135, 0x2138, 0x05D0}, {0x2460, 0x2468, 0x0031}, {0x24B6, 0x24CF, 0x0041},
	{0x24D0, 0x24E9, 0x0061}, {0xFF01, 0xFF5E, 0x0021},
};

static const struct single singles[] = {
	{0x00A8, " \314\210"}, {0x00AA, "a"}, {0x00AF, " \314\204"}, {0x00B2, "2"},
	{0x00B3, "3"}, {0x00B4, " \314\201"}, {0x00B5, "\316\274"}, {0x00B8, " \314\247"},
	{0x00B9, "1"}, {0x00BA, "o"}, {0x00BC, "1\342\201\2044"}, {0x00BD, "1\342\201\2042"},
	{0x00BE, "3\342\201\2044"}, {0x0132, "IJ"}, {0x0133, "ij"}, {0x013F, "L\302\267"},
	{0x0140, "l\302\267"}, {0x0149, "\312\274n"}, {0x017F, "s"}, {0x01C4, "D\305\275"},
	{0x01C5, "D\305\276"}, {0x01C6, "d\305\276"}, {0x01C7, "LJ"}, {0x01C8, "Lj"},
	{0x01C9, "lj"}, {0x01CA, "NJ"}, {0x01CB, "Nj"}, {0x01CC, "nj"}, {0x01F1, "DZ"},
	{0x01F2, "Dz"}, {0x01F3, "dz"}, {0x02B0, "h"}, {0x02B1, "\311\246"}, {0x02B2, "j"},
	{0x02B3, "r"}, {0x02B4, "\311\271"}, {0x02B5, "\311\273"}, {0x02B6, "\312\201"},
	{0x02B7, "w"}, {0x02B8, "y"}, {0x02D8, " \314\206"}, {0x02D9, " \314\207"},
	{0x02DA, " \314\212"}, {0x02DB, " \314\250"}, {0x02DC, " \314\203"},
	{0x02DD, " \314\213"}, {0x02E0, "\311\243"}, {0x02E1, "l"}, {0x02E2, "s"},
	{0x02E3, "x"}, {0x02E4, "\312\225"}, {0x037A, " \315\205"}, {0x0384, " \314\201"},
	{0x0385, " \314\210\314\201"}, {0x03D0, "\316\262"}, {0x03D1, "\316\270"},
	{0x03D2, "\316\245"}, {0x03D3, "\316\216"}, {0x03D4, "\316\253"}, {0x03D5, "\317\206"},
	{0x03D6, "\317\200"}, {0x03F0, "\316\272"}, {0x03F1, "\317\201"}, {0x03F2, "\317\202"},
	{0x03F4, "\316\230"}, {0x03F5, "\316\265"}, {0x1E9B, "\341\271\241"},
	{0x1FBD, " \314\223"}, {0x1FBF, " \314\223"}, {0x1FC0, " \315\202"},
	{0x1FC1, " \314\210\315\202"}, {0x1FCD, " \314\223\314\200"},
	{0x1FCE, " \314\223\314\201"}, {0x1FCF, " \314\223\315\202"},
	{0x1FDD, " \314\224\314\200"}, {0x1FDE, " \314\224\314\201"},
	{0x1FDF, " \314\224\315\202"}, {0x1FED, " \314\210\314\200"},
	{0x1FEE, " \314\210\314\201"}, {0x1FFD, " \314\201"}, {0x1FFE, " \314\224"},
	{0x2011, "\342\200\220"}, {0x2017, " \314\263"}, {0x2024, "."}, {0x2025, ".."},
	{0x2026, "..."}, {0x2033, "\342\200\262\342\200\262"},
	{0x2034, "\342\200\262\342\200\262\342\200\262"}, {0x2036, "\342\200\265\342\200\265"},
	{0x2037, "\342\200\265\342\200\265\342\200\265"}, {0x203C, "!!"}, {0x203E, " \314\205"},
	{0x2047, "??"}, {0x2048, "?!"}, {0x2049, "!?"},
	{0x2057, "\342\200\262\342\200\262\342\200\262\342\200\262"}, {0x2070, "0"},
	{0x2071, "i"}, {0x207A, "+"}, {0x207B, "\342\210\222"}, {0x207C, "="}, {0x207D, "("},
	{0x207E, ")"}, {0x207F, "n"}, {0x208A, "+"}, {0x208B, "\342\210\222"}, {0x208C, "="},
	{0x208D, "("}, {0x208E, ")"}, {0x20A8, "Rs"}, {0x2100, "a/c"}, {0x2101, "a/s"},
	{0x2102, "C"}, {0x2103, "\302\260C"}, {0x2105, "c/o"}, {0x2106, "c/u"},
	{0x2107, "\306\220"}, {0x2109, "\302\260F"}, {0x210A, "g"}, {0x210B, "H"},
	{0x210C, "H"}, {0x210D, "H"}, {0x210E, "h"}, {0x210F, "\304\247"}, {0x2110, "I"},
	{0x2111, "I"}, {0x2112, "L"}, {0x2113, "l"}, {0x2115, "N"}, {0x2116, "No"},
	{0x211C, "R"}, {0x211D, "R"}, {0x2120, "SM"}, {0x2121, "TEL"}, {0x2122, "TM"},
	{0x2124, "Z"}, {0x2128, "Z"}, {0x212C, "B"}, {0x212D, "C"}, {0x212F, "e"},
	{0x2130, "E"}, {0x2131, "F"}, {0x2133, "M"}, {0x2134, "o"}, {0x2139, "i"},
	{0x213D, "\316\263"}, {0x213E, "\316\223"}, {0x213F, "\316\240"},
	{0x2140, "\342\210\221"}, {0x2145, "D"}, {0x2146, "d"}, {0x2147, "e"}, {0x2148, "i"},
	{0x2149, "j"}, {0x2153, "1\342\201\2043"}, {0x2154, "2\342\201\2043"},
	{0x2155, "1\342\201\2045"}, {0x2156, "2\342\201\2045"}, {0x2157, "3\342\201\2045"},
	{0x2158, "4\342\201\2045"}, {0x2159, "1\342\201\2046"}, {0x215A, "5\342\201\2046"},
	{0x215B, "1\342\201\2048"}, {0x215C, "3\342\201\2048"}, {0x215D, "5\342\201\2048"},
	{0x215E, "7\342\201\2048"}, {0x215F, "1\342\201\204"}, {0x2160, "I"}, {0x2161, "II"},
	{0x2162, "III"}, {0x2163, "IV"}, {0x2164, "V"}, {0x2165, "VI"}, {0x2166, "VII"},
	{0x2167, "VIII"}, {0x2168, "IX"}, {0x2169, "X"}, {0x216A, "XI"}, {0x216B, "XII"},
	{0x216C, "L"}, {0x216D, "C"}, {0x216E, "D"}, {0x216F, "M"}, {0x2170, "i"},
	{0x2171, "ii"}, {0x2172, "iii"}, {0x2173, "iv"}, {0x2174, "v"}, {0x2175, "vi"},
	{0x2176, "vii"}, {0x2177, "viii"}, {0x2178, "ix"}, {0x2179, "x"}, {0x217A, "xi"},
	{0x217B, "xii"}, {0x217C, "l"}, {0x217D, "c"}, {0x217E, "d"}, {0x217F, "m"},
	{0x2469, "10"}, {0x246A, "11"}, {0x246B, "12"}, {0x246C, "13"}, {0x246D, "14"},
	{0x246E, "15"}, {0x246F, "16"}, {0x2470, "17"}, {0x2471, "18"}, {0x2472, "19"},
	{0x2473, "20"}, {0x2474, "(1)"}, {0x2475, "(2)"}, {0x2476, "(3)"}, {0x2477, "(4)"},
	{0x2478, "(5)"}, {0x2479, "(6)"}, {0x247A, "(7)"}, {0x247B, "(8)"}, {0x247C, "(9)"},
	{0x247D, "(10)"}, {0x247E, "(11)"}, {0x247F, "(12)"}, {0x2480, "(13)"},
	{0x2481, "(14)"}, {0x2482, "(15)"}, {0x2483, "(16)"}, {0x2484, "(17)"},
	{0x2485, "(18)"}, {0x2486, "(19)"}, {0x2487, "(20)"}, {0x2488, "1."}, {0x2489, "2."},
	{0x248A, "3."}, {0x248B, "4."}, {0x248C, "5."}, {0x248D, "6."}, {0x248E, "7."},
	{0x248F, "8."}, {0x2490, "9."}, {0x2491, "10."}, {0x2492, "11."}, {0x2493, "12."},
	{0x2494, "13."}, {0x2495, "14."}, {0x2496, "15."}, {0x2497, "16."}, {0x2498, "17."},
	{0x2499, "18."}, {0x249A, "19."}, {0x249B, "20."}, {0x249C, "(a)"}, {0x249D, "(b)"},
	{0x249E, "(c)"}, {0x249F, "(d)"}, {0x24A0, "(e)"}, {0x24A1, "(f)"}, {0x24A2, "(g)"},
	{0x24A3, "(h)"}, {0x24A4, "(i)"}, {0x24A5, "(j)"}, {0x24A6, "(k)"}, {0x24A7, "(l)"},
	{0x24A8, "(m)"}, {0x24A9, "(n)"}, {0x24AA, "(o)"}, {0x24AB, "(p)"}, {0x24AC, "(q)"},
	{0x24AD, "(r)"}, {0x24AE, "(s)"}, {0x24AF, "(t)"}, {0x24B0, "(u)"}, {0x24B1, "(v)"},
	{0x24B2, "(w)"}, {0x24B3, "(x)"}, {0x24B4, "(y)"}, {0x24B5, "(z)"}, {0x24EA, "0"},
	{0xFB00, "ff"}, {0xFB01, "fi"}, {0xFB02, "fl"}, {0xFB03, "ffi"}, {0xFB04, "ffl"},
	{0xFB05, "st"}, {0xFB06, "st"}, {0xFFE0, "\302\242"}, {0xFFE1, "\302\243"},
	{0xFFE2, "\302\254"}, {0xFFE3, " \314\204"}, {0xFFE4, "\302\246"}, {0xFFE5, "\302\245"},
	{0xFFE6, "\342\202\251"},
};

/* Blocks with compatibility characters that are not in the tables above. */
static const struct range unknown[] = {
	{0x0587, 0x0587}, {0x0675, 0x0678}, {0x0E33, 0x0E33}, {0x0EB3, 0x0EB3},
	{0x0EDC, 0x0EDD}, {0x0F0C, 0x0F0C}, {0x0F77, 0x0F77}, {0x0F79, 0x0F79},
	{0x1E9A, 0x1E9A}, {0x222C, 0x222D}, {0x222F, 0x2230}, {0x2A0C, 0x2A0C},
	{0x2A74, 0x2A76}, {0x2E9F, 0x2E9F}, {0x2EF3, 0x2FD5}, {0x3036, 0x3036},
	{0x3038, 0x303A}, {0x309B, 0x309C}, {0x309F, 0x309F}, {0x30FF, 0x30FF},
	{0x3131, 0x318E}, {0x3192, 0x319F}, {0x3200, 0x327B}, {0x3280, 0x33FE},
	{0xFB13, 0xFB17}, {0xFB20, 0xFB29}, {0xFB4F, 0xFD3D}, {0xFD50, 0xFDFC},
	{0xFE30, 0xFE44}, {0xFE49, 0xFE72}, {0xFE74, 0xFEFC}, {0xFF5F, 0xFFDC},
	{0xFFE8, 0xFFEE}, {0x1D400, 0x1D7FF},
};
/* clang-format on */

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

static bool in_ranges(const struct range *ranges, size_t count, uint32_t c)
{
	for (size_t i = 0; i < count; i++)
		if (c >= ranges[i].first && c <= ranges[i].last)
			return true;
	return false;
}

/* Takes one character off *s, which is valid UTF-8. */
static uint32_t next_char(struct str *s)
{
	unsigned char lead = (unsigned char)s->at[0];
	size_t len = lead < 0x80 ? 1 : lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
	uint32_t c = len == 1 ? lead : lead & (0xFFu >> (len + 1));
	for (size_t i = 1; i < len && i < s->len; i++)
		c = c << 6 | ((unsigned char)s->at[i] & 0x3F);
	*s = str_from(*s, len);
	return c;
}

static bool add_char(struct buf *out, uint32_t c)
{
	char utf8[3] = {(char)(0xE0 | c >> 12), (char)(0x80 | (c >> 6 & 0x3F)),
	                (char)(0x80 | (c & 0x3F))};
	if (c < 0x80)
		return buf_add_char(out, (char)c);
	if (c >= 0x800)
		return buf_add(out, utf8, 3);
	utf8[1] = (char)(0xC0 | c >> 6);
	return buf_add(out, utf8 + 1, 2);
}

/* Adds what the character stands for; raw are its own bytes. */
static bool map_char(struct buf *out, uint32_t c, struct str raw)
{
	if (c < 0x80)
		return buf_add_str(out, raw);
	if (in_ranges(blanks, COUNT(blanks), c))
		return buf_add_char(out, ' ');
	if (in_ranges(invisible, COUNT(invisible), c))
		return true;
	for (size_t i = 0; i < COUNT(runs); i++)
		if (c >= runs[i].first && c <= runs[i].last)
			return add_char(out, runs[i].to + (c - runs[i].first));
	for (size_t i = 0; i < COUNT(singles); i++)
		if (c == singles[i].from)
			return buf_add_str(out, str_of(singles[i].to));
	return buf_add_str(out, raw);
}

static bool map(struct str s, const char *what, struct buf *out, struct fault *f)
{
	while (s.len > 0) {
		struct str before = s;
		uint32_t c = next_char(&s);
		if (c < 0x20 || c == 0x7F)
			return fault_set(f, FAULT_RELAY,
			                 "the %s has a control character, which SCRAM forbids",
			                 what);
		if (in_ranges(unknown, COUNT(unknown), c))
			return fault_set(f, FAULT_RELAY,
			                 "the %s has a character that SCRAM would change in a "
			                 "way not known here; set auth = plain or change it",
			                 what);
		if (!map_char(out, c, str_first(before, before.len - s.len)))
			return fault_set(f, FAULT_RELAY, "the %s is too long", what);
	}
	return true;
}

/* Canonical composition; GnuTLS refuses what no password may have (RFC 8264). */
static bool compose(struct buf *mapped, const char *what, struct buf *out, struct fault *f)
{
	gnutls_datum_t nfc = {NULL, 0};
	struct str made;
	bool fits;

	if (gnutls_utf8_password_normalize((const unsigned char *)mapped->at,
	                                   (unsigned)mapped->len, &nfc, 0) != 0)
		return fault_set(f, FAULT_RELAY,
		                 "the %s has a character that SCRAM forbids; set auth = plain",
		                 what);
	made = str_make((const char *)nfc.data, nfc.size);
	fits = buf_add_str(out, made);
	codec_wipe(nfc.data, nfc.size);
	gnutls_free(nfc.data);
	return fits || fault_set(f, FAULT_RELAY, "the %s is too long", what);
}

bool saslprep(struct str s, const char *what, struct buf *out, struct fault *f)
{
	if (!codec_is_utf8(s))
		return fault_set(f, FAULT_RELAY,
		                 "the %s is not UTF-8, which SCRAM needs; set auth = plain",
		                 what);
	struct buf mapped;
	/* The longest mapping trebles a character; room at once, so that no copy
	 * is left behind by growing. */
	buf_init(&mapped, 16 + 4 * s.len);
	if (!buf_room(&mapped, mapped.max) || !buf_room(out, mapped.max))
		return fault_set(f, FAULT_RELAY, "the %s is too long", what);
	bool ok = map(s, what, &mapped, f);
	if (ok && codec_is_ascii(buf_str(&mapped)))
		ok = buf_add_str(out, buf_str(&mapped)) ||
		     fault_set(f, FAULT_RELAY, "the %s is too long", what);
	else if (ok)
		ok = compose(&mapped, what, out, f);
	buf_wipe(&mapped);
	buf_release(&mapped);
	return ok;
}
