/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <check.h>
#include <string.h>

#include "text/buf.h"
#include "text/codec.h"
#include "text/fault.h"
#include "mail/mime.h"
#include "unit.h"

#define ROOM (64 * 1024 * 1024)

static bool collect(void *context, struct str bytes, struct fault *f)
{
	(void)f;
	ck_assert(buf_add_str(context, bytes));
	return true;
}

static bool feed(struct mime *m, struct str bytes, struct buf *out, struct fault *f)
{
	if (!out)
		return mime_scan(m, bytes, f);
	return mime_convert(m, bytes, collect, out, f);
}

/* Feeds two pieces; the first in bytes if cut is STR_NONE. */
static bool feed_cut(struct mime *m, struct str in, size_t cut, struct buf *out,
                     struct fault *f)
{
	if (cut != STR_NONE)
		return feed(m, str_first(in, cut), out, f) &&
		       feed(m, str_from(in, cut), out, f);
	for (size_t i = 0; i < in.len; i++)
		if (!feed(m, str_make(in.at + i, 1), out, f))
			return false;
	return true;
}

static bool run(struct str in, bool seven_bit, size_t cut, struct buf *out, bool *needed,
                struct fault *f)
{
	struct mime *m = mime_new(seven_bit);
	bool ok = feed_cut(m, in, cut, NULL, f) && mime_scan_end(m, f);
	buf_clear(out);
	if (ok) {
		*needed = mime_needed(m);
		ck_assert(feed_cut(m, in, cut, out, f));
		ck_assert(mime_convert_end(m, collect, out, f));
	}
	mime_free(m);
	return ok;
}

/* Lines in the tables end in "\n", which becomes CRLF. */
static void to_crlf(struct buf *b, const char *text)
{
	for (; *text != '\0'; text++) {
		if (*text == '\n')
			ck_assert(buf_add_char(b, '\r'));
		ck_assert(buf_add_char(b, *text));
	}
}

/* want NULL: passes as it is. */
static void check(const char *in_text, bool seven_bit, const char *want_text)
{
	struct buf in;
	struct fault f = FAULT_INIT;
	buf_init(&in, ROOM);
	struct buf want;
	buf_init(&want, ROOM);
	struct buf got;
	buf_init(&got, ROOM);
	to_crlf(&in, in_text);
	to_crlf(&want, want_text != NULL ? want_text : in_text);
	bool needed;
	ck_assert_msg(run(buf_str(&in), seven_bit, in.len, &got, &needed, &f), "%s", f.text);
	ck_assert_str_eq(buf_cstr(&got), buf_cstr(&want));
	ck_assert_int_eq(needed, want_text != NULL);
	ck_assert(run(buf_str(&in), seven_bit, STR_NONE, &got, &needed, &f));
	ck_assert_str_eq(buf_cstr(&got), buf_cstr(&want));
	for (size_t cut = 0; cut < in.len && in.len < 3000; cut++) {
		ck_assert(run(buf_str(&in), seven_bit, cut, &got, &needed, &f));
		ck_assert_str_eq(buf_cstr(&got), buf_cstr(&want));
	}
	buf_release(&in);
	buf_release(&want);
	buf_release(&got);
}

static const struct conversion {
	const char *name;
	const char *in;
	const char *want; /* NULL: as it is */
} conversions[] = {
    {"7-bit text passes", "A: b\n\ntext = \n.\n-- \n", NULL},
    {"no body", "A: b\n\n", NULL},
    {"only a header", "A: b\n", NULL},
    {"a message without MIME fields", "A: b\n\ngr\xC3\xBC\xC3\x9F\n",
     "A: b\n"
     "MIME-Version: 1.0\nContent-Type: text/plain; charset=utf-8\n"
     "Content-Transfer-Encoding: base64\n\nZ3LDvMOfDQo=\n"},
    {"mostly ASCII stays readable",
     "A: b\n\nviele Gr\xC3\xBC\xC3\x9F"
     "e\n",
     "A: b\n"
     "MIME-Version: 1.0\nContent-Type: text/plain; charset=utf-8\n"
     "Content-Transfer-Encoding: quoted-printable\n\nviele Gr=C3=BC=C3=9Fe\n"},
    {"other than UTF-8",
     "A: b\n\nviele Gr\xFC\xDF"
     "e\n",
     "A: b\n"
     "MIME-Version: 1.0\nContent-Type: text/plain; charset=unknown-8bit\n"
     "Content-Transfer-Encoding: quoted-printable\n\nviele Gr=FC=DFe\n"},
    {"a character cut by the end is no UTF-8", "A: b\n\nabcdef \xE2\x82\n",
     "A: b\n"
     "MIME-Version: 1.0\nContent-Type: text/plain; charset=unknown-8bit\n"
     "Content-Transfer-Encoding: quoted-printable\n\nabcdef =E2=82\n"},
    {"blanks at line ends, equal signs, controls",
     "MIME-Version: 1.0\nContent-Type: text/x\n\na=b \nc\t\n  \n\n\x01\x7F"
     "d \xC3\xBC\n-- \n.\n",
     "MIME-Version: 1.0\nContent-Type: text/x\n"
     "Content-Transfer-Encoding: quoted-printable\n\n"
     "a=3Db=20\nc=09\n =20\n\n=01=7Fd =C3=BC\n--=20\n.\n"},
    {"the old encoding is replaced, a second one goes",
     "MIME-Version: 1.0\ncontent-transfer-encoding : 8bit\nContent-Type: text/html\n"
     "Content-Transfer-Encoding:\n binary\n\n<p>gr\xC3\xBCn</p>\n",
     "MIME-Version: 1.0\nContent-Transfer-Encoding: quoted-printable\n"
     "Content-Type: text/html\n\n<p>gr=C3=BCn</p>\n"},
    {"7bit may be a lie",
     "MIME-Version: 1.0\nContent-Type: text/x\n"
     "Content-Transfer-Encoding: 7bit\n\nabcde \xC3\xBC\n",
     "MIME-Version: 1.0\nContent-Type: text/x\n"
     "Content-Transfer-Encoding: quoted-printable\n\nabcde =C3=BC\n"},
    {"Content-Type but no MIME-Version", "Content-Type: text/x\n\nabcde \xC3\xBC\n",
     "Content-Type: text/x\nMIME-Version: 1.0\n"
     "Content-Transfer-Encoding: quoted-printable\n\nabcde =C3=BC\n"},
    {"only the part that needs it",
     "MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=\"a b\"\n"
     "Content-Transfer-Encoding: 8bit\n\npre\n--a b\n\nplain =\n--a b  \n"
     "Content-Type: text/x\nContent-Transfer-Encoding: 8bit\n\nabcdef \xC3\xBC\n\n--a "
     "b--\nend\n",
     "MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=\"a b\"\n"
     "Content-Transfer-Encoding: 7bit\n\npre\n--a b\n\nplain =\n--a b  \n"
     "Content-Type: text/x\nContent-Transfer-Encoding: quoted-printable\n\n"
     "abcdef =C3=BC\n\n--a b--\nend\n"},
    {"the line end before a boundary is not encoded",
     "MIME-Version: 1.0\nContent-Type: multipart/mixed; "
     "boundary=b\n\n--b\n\n\xFF\xFE\xFD\n\n--b\n\n"
     "\xFF\xFE\xFD\n--b--\n",
     "MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=b\n\n--b\n"
     "Content-Transfer-Encoding: base64\n\n//79DQo=\n--b\n"
     "Content-Transfer-Encoding: base64\n\n//79\n--b--\n"},
    {"no line begins with a dash in a multipart",
     "MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=b\n\n--b\n\n"
     "- abcdef \xC3\xBC\n--bb\n --b\n--b--\n",
     "MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=b\n\n--b\n"
     "Content-Transfer-Encoding: quoted-printable\n\n"
     "=2D abcdef =C3=BC\n=2D-bb\n --b\n--b--\n"},
    {"no end",
     "MIME-Version: 1.0\nContent-Type: multipart/x; boundary=b\n\n--b\n\nabcdef \xC3\xBC\n",
     "MIME-Version: 1.0\nContent-Type: multipart/x; boundary=b\n\n--b\n"
     "Content-Transfer-Encoding: quoted-printable\n\nabcdef =C3=BC\n"},
    {"an outer boundary ends the inner multipart",
     "MIME-Version: 1.0\nContent-Type: multipart/x; boundary=b\n\n--b\n"
     "Content-Type: multipart/y; boundary=c\n\n--c\n\nx\n--b\n\nabcdef "
     "\xC3\xBC\n--c\nx\n--b--\n",
     "MIME-Version: 1.0\nContent-Type: multipart/x; boundary=b\n\n--b\n"
     "Content-Type: multipart/y; boundary=c\n\n--c\n\nx\n--b\n"
     "Content-Transfer-Encoding: quoted-printable\n\nabcdef =C3=BC\n=2D-c\nx\n--b--\n"},
    {"a boundary that begins like another",
     "MIME-Version: 1.0\nContent-Type: multipart/x; boundary=bc\n\n--bc\n"
     "Content-Type: multipart/y; boundary=b\n\n--b\n\nx\n--bc\n\nabcdef \xC3\xBC\n--bc--\n",
     "MIME-Version: 1.0\nContent-Type: multipart/x; boundary=bc\n\n--bc\n"
     "Content-Type: multipart/y; boundary=b\n\n--b\n\nx\n--bc\n"
     "Content-Transfer-Encoding: quoted-printable\n\nabcdef =C3=BC\n--bc--\n"},
    {"a message in a message",
     "MIME-Version: 1.0\nContent-Type: message/rfc822\nContent-Transfer-Encoding: 8bit\n\n"
     "Subject: x\n\nabcdef \xC3\xBC\n",
     "MIME-Version: 1.0\nContent-Type: message/rfc822\nContent-Transfer-Encoding: 7bit\n\n"
     "Subject: x\nMIME-Version: 1.0\nContent-Type: text/plain; charset=utf-8\n"
     "Content-Transfer-Encoding: quoted-printable\n\nabcdef =C3=BC\n"},
    {"parts of a digest are messages",
     "MIME-Version: 1.0\nContent-Type: multipart/digest; boundary=b\n\n--b\n\nA: b\n"
     "MIME-Version: 1.0\nContent-Type: text/x\n\nabcdef \xC3\xBC\n--b--\n",
     "MIME-Version: 1.0\nContent-Type: multipart/digest; boundary=b\n\n--b\n\nA: b\n"
     "MIME-Version: 1.0\nContent-Type: text/x\n"
     "Content-Transfer-Encoding: quoted-printable\n\nabcdef =C3=BC\n--b--\n"},
    {"message/global may be encoded (RFC 6532 section 3.7)",
     "MIME-Version: 1.0\nContent-Type: message/global\n\nFrom: \xC3\xBC@x\n\nabcdefghi\n",
     "MIME-Version: 1.0\nContent-Type: message/global\n"
     "Content-Transfer-Encoding: quoted-printable\n\nFrom: =C3=BC@x\n\nabcdefghi\n"},
    {"8-bit in quoted-printable",
     "MIME-Version: 1.0\nContent-Transfer-Encoding: quoted-printable\n\n"
     "a=c3=BC =\nb \xC3\xBC  \n=3D=2\n=\n",
     "MIME-Version: 1.0\nContent-Transfer-Encoding: quoted-printable\n\n"
     "a=C3=BC b =C3=BC\n=3D=3D2\n=\n"},
    {"8-bit in base64",
     "MIME-Version: 1.0\nContent-Transfer-Encoding: base64\n\naGVs\nbG8\xC3\xBC=\n",
     "MIME-Version: 1.0\nContent-Transfer-Encoding: base64\n\naGVsbG8=\n"},
    {"fields of a part",
     "MIME-Version: 1.0\nContent-Type: multipart/x; boundary=b\n\n--b\n"
     "Content-Disposition: attachment; size=1; filename=\"\xC3\xBC "
     "\\\"x\\\".txt\"\n\nx\n--b--\n",
     "MIME-Version: 1.0\nContent-Type: multipart/x; boundary=b\n\n--b\n"
     "Content-Disposition: attachment; size=1; filename*=utf-8''%C3%BC%20%22x%22.txt\n\n"
     "x\n--b--\n"},
    {"between the parts",
     "MIME-Version: 1.0\nContent-Type: multipart/x; boundary=b\n\n\xC3\xBC"
     "a\n--b\n\nx\n--b--\n"
     "\xC3\xBC\n",
     "MIME-Version: 1.0\nContent-Type: multipart/x; boundary=b\n\n??a\n--b\n\nx\n--b--\n??\n"},
    {"a part without its blank line",
     "MIME-Version: 1.0\nContent-Type: multipart/x; boundary=b\n\n--b\nabcdef "
     "\xC3\xBC\n--b--\n",
     "MIME-Version: 1.0\nContent-Type: multipart/x; boundary=b\n\n--b\n"
     "Content-Transfer-Encoding: quoted-printable\n\nabcdef =C3=BC\n--b--\n"},
    {"a part that is nothing",
     "MIME-Version: 1.0\nContent-Type: multipart/x; boundary=b\n\n--b\n--b\n\n\xC3\xBC"
     "abcdef\n"
     "--b\nA: b\n--b--\n",
     "MIME-Version: 1.0\nContent-Type: multipart/x; boundary=b\n\n--b\n--b\n"
     "Content-Transfer-Encoding: quoted-printable\n\n=C3=BCabcdef\n--b\nA: b\n--b--\n"},
    {"a Content-Type with comments and no quotes",
     "MIME-Version: 1.0\nContent-Type: (a;b) multipart (c) / x (\"); x=y ;;boundary=b=c/d; "
     "z\n\n"
     "--b=c/d\n\nx\n--b=c/d--\n\xC3\xBC\n",
     "MIME-Version: 1.0\nContent-Type: (a;b) multipart (c) / x (\"); x=y ;;boundary=b=c/d; "
     "z\n\n"
     "--b=c/d\n\nx\n--b=c/d--\n??\n"},
    {"an address in a message inside",
     "MIME-Version: 1.0\nContent-Type: message/rfc822\n\nFrom: f\xC3\xBC@x\n\nx\n",
     "MIME-Version: 1.0\nContent-Type: message/rfc822\n\nFrom: "
     "=?utf-8?B?ZsO8QHg=?=:;\n\nx\n"},
    {"a type beyond ASCII",
     "MIME-Version: 1.0\nContent-Type: multipart/\xE1; boundary=b\n\n--b\n\nx\n--b--\n",
     "MIME-Version: 1.0\nContent-Type: multipart/%E1; boundary=b\n\n--b\n\nx\n--b--\n"},
    {"an identifier in a message inside",
     "MIME-Version: 1.0\nContent-Type: message/rfc822\n\nMessage-ID: <\xC3\xBC@x>\n\nx\n",
     "MIME-Version: 1.0\nContent-Type: message/rfc822\n\nMessage-ID: <%C3%BC@x>\n\nx\n"},
    {"signed, and nothing to change in it",
     "MIME-Version: 1.0\nContent-Type: multipart/x; boundary=a\n\n--a\n"
     "Content-Type: multipart/signed; boundary=b\n\n--b\n\nx\n--b\n\nx\n--b--\n\n--a\n\n"
     "abcdef \xC3\xBC\n--a--\n",
     "MIME-Version: 1.0\nContent-Type: multipart/x; boundary=a\n\n--a\n"
     "Content-Type: multipart/signed; boundary=b\n\n--b\n\nx\n--b\n\nx\n--b--\n\n--a\n"
     "Content-Transfer-Encoding: quoted-printable\n\nabcdef =C3=BC\n--a--\n"},
};

START_TEST(converts)
{
	check(conversions[_i].in, true, conversions[_i].want);
}
END_TEST

/* 8-bit text is no reason to change anything for a server with 8BITMIME. */
START_TEST(passes_8bit)
{
	check(conversions[_i].in, false, NULL);
}
END_TEST

static const struct refusal {
	const char *in;
	const char *word; /* in the reason */
} refusals[] = {
    {"Content-Type: multipart/signed; boundary=b\n\n--b\n\n\xC3\xBC\n--b--\n", "signature"},
    {"Content-Type: multipart/x; boundary=a\n\n--a\nContent-Type: Multipart/Signed (x) ;"
     "boundary=b\n\n--b\n\n\xC3\xBC\n--b--\n--a--\n",
     "signature"},
    {"Content-Type: message/rfc822\n\nContent-Type: multipart/signed\n\n\xC3\xBC\n",
     "signature"},
    {"Content-Type: multipart/mixed\n\n\xC3\xBC\n", "boundary"},
    {"Content-Type: multipart/mixed; boundary=b\n\n\xC3\xBC\n", "boundary"},
    {"Content-Type: multipart/mixed; boundary=\"\xC3\xBC\"\n\n--\xC3\xBC\n\nx\n", "boundary"},
    {"Content-Type: message/partial\n\n\xC3\xBC\n", "message"},
    {"Content-Type: message/delivery-status\n\n\xC3\xBC\n", "message"},
    {"Content-Type: text/x\nContent-Transfer-Encoding: x-mine\n\n\xC3\xBC\n", "encoding"},
};

START_TEST(refuses)
{
	struct buf in;
	struct fault f = FAULT_INIT;
	buf_init(&in, ROOM);
	struct buf got;
	buf_init(&got, ROOM);
	to_crlf(&in, refusals[_i].in);
	bool needed;
	ck_assert(!run(buf_str(&in), true, in.len, &got, &needed, &f));
	ck_assert_int_eq(f.kind, FAULT_DATA);
	ck_assert_msg(strstr(f.text, refusals[_i].word) != NULL, "%s", f.text);
	ck_assert(run(buf_str(&in), false, in.len, &got, &needed, &f));
	ck_assert(!needed);
	buf_release(&in);
	buf_release(&got);
}
END_TEST

static void add_times(struct buf *b, const char *text, size_t times)
{
	while (times-- > 0)
		ck_assert(buf_add_str(b, str_of(text)));
}

static size_t longest_line(struct str s)
{
	size_t longest = 0;
	struct str line;
	while (str_cut(&s, '\n', &line))
		longest = line.len > longest ? line.len : longest;
	return longest > 0 ? longest - 1 : 0;
}

/* RFC 5321 section 4.5.3.1.6: 1000 bytes with CRLF. */
START_TEST(long_lines)
{
	static const size_t sizes[] = {997, 998, 999, 1000, 1024, 4096, 65536};
	struct buf in;
	struct fault f = FAULT_INIT;
	buf_init(&in, ROOM);
	struct buf got;
	buf_init(&got, ROOM);
	struct buf text;
	buf_init(&text, ROOM);
	add_times(&in, "A: b\r\n\r\n", 1);
	add_times(&in, "x", sizes[_i]);
	add_times(&in, "\r\nend\r\n", 1);
	bool needed;
	for (size_t cut = 0; cut < 3; cut++) {
		size_t at = cut == 2 ? in.len - 6 : cut == 1 ? in.len : STR_NONE;
		ck_assert(run(buf_str(&in), false, at, &got, &needed, &f));
		ck_assert_int_eq(needed, sizes[_i] > 998);
		ck_assert_uint_le(longest_line(buf_str(&got)), needed ? 76 : 998);
	}
	if (needed) {
		ck_assert_ptr_nonnull(strstr(buf_cstr(&got), "charset=us-ascii\r\n"));
		ck_assert_ptr_nonnull(strstr(buf_cstr(&got), "quoted-printable\r\n\r\n"));
		const char *at = strstr(buf_cstr(&got), "\r\n\r\n") + 4;
		for (; *at != '\0'; at++)
			if (strncmp(at, "=\r\n", 3) == 0)
				at += 2;
			else
				ck_assert(buf_add_char(&text, *at));
		ck_assert(str_eq(buf_str(&text), str_from(buf_str(&in), 8)));
	}
	buf_release(&in);
	buf_release(&got);
	buf_release(&text);
}
END_TEST

START_TEST(long_line_in_signed)
{
	static const struct {
		size_t size;
		bool ok;
	} sizes[] = {{998, true}, {999, false}};
	struct buf in, got;
	struct fault f = FAULT_INIT;
	bool needed;

	buf_init(&in, ROOM);
	buf_init(&got, ROOM);
	add_times(&in, "Content-Type: multipart/signed; boundary=b\r\n\r\n--b\r\n\r\n", 1);
	add_times(&in, "x", sizes[_i].size);
	add_times(&in, "\r\n--b--\r\n", 1);
	ck_assert_int_eq(run(buf_str(&in), false, in.len, &got, &needed, &f), sizes[_i].ok);
	buf_release(&in);
	buf_release(&got);
}
END_TEST

/* Characters of UTF-8 are not cut by a soft line end. */
START_TEST(whole_characters)
{
	struct buf in;
	struct fault f = FAULT_INIT;
	buf_init(&in, ROOM);
	struct buf got;
	buf_init(&got, ROOM);
	add_times(&in, "A: b\r\n\r\n", 1);
	for (size_t i = 0; i < 80; i++) {
		add_times(&in, "abcdefgh", 3);
		add_times(&in, "x", i);
		add_times(&in, "\xE2\x82\xAC", 1);
	}
	add_times(&in, "\r\n", 1);
	bool needed;
	ck_assert(run(buf_str(&in), true, in.len, &got, &needed, &f));
	struct str rest = buf_str(&got);
	struct str line;
	while (str_cut(&rest, '\n', &line)) {
		if (str_ends(line, STR("=\r")))
			ck_assert(!str_ends(str_first(line, line.len - 2), STR("=E2")) &&
			          !str_ends(str_first(line, line.len - 2), STR("=E2=82")));
	}
	buf_release(&in);
	buf_release(&got);
}
END_TEST

static void add_nested(struct buf *b, size_t depth, const char *text)
{
	for (size_t i = 0; i < depth; i++)
		ck_assert(buf_addf(b,
		                   "Content-Type: multipart/x; boundary=n%zu\r\n\r\n"
		                   "--n%zu\r\n",
		                   i, i));
	ck_assert(buf_addf(b, "\r\n%s\r\n", text));
	for (size_t i = depth; i > 0; i--)
		ck_assert(buf_addf(b, "--n%zu--\r\n", i - 1));
}

START_TEST(nesting)
{
	static const struct {
		size_t depth;
		const char *text;
		bool ok;
	} cases[] = {{100, "\xC3\xBC", true}, {101, "\xC3\xBC", false}, {101, "u", true}};
	struct buf in, got;
	struct fault f = FAULT_INIT;
	bool needed;

	buf_init(&in, ROOM);
	buf_init(&got, ROOM);
	add_nested(&in, cases[_i].depth, cases[_i].text);
	ck_assert_int_eq(run(buf_str(&in), true, in.len, &got, &needed, &f), cases[_i].ok);
	if (!cases[_i].ok)
		ck_assert_ptr_nonnull(strstr(f.text, "100"));
	else
		ck_assert(codec_is_ascii(buf_str(&got)));
	buf_release(&in);
	buf_release(&got);
}
END_TEST

/* A long line of filler is cut so that no boundary comes of it. */
START_TEST(long_filler)
{
	struct buf in;
	struct fault f = FAULT_INIT;
	buf_init(&in, ROOM);
	struct buf got;
	buf_init(&got, ROOM);
	add_times(&in, "Content-Type: multipart/x; boundary=b\r\n\r\n--b\r\n\r\nx\r\n--b--\r\n",
	          1);
	add_times(&in, "y", 998);
	add_times(&in, "--b\r\n", 1);
	bool needed;
	ck_assert(run(buf_str(&in), false, STR_NONE, &got, &needed, &f));
	ck_assert(needed);
	ck_assert_uint_le(longest_line(buf_str(&got)), 998);
	ck_assert(str_ends(buf_str(&got), STR("y\r\n --b\r\n")));
	buf_release(&in);
	buf_release(&got);
}
END_TEST

/* All bytes through base64, at every length of the last group. */
START_TEST(base64_leaf)
{
	struct buf in;
	struct fault f = FAULT_INIT;
	buf_init(&in, ROOM);
	struct buf got;
	buf_init(&got, ROOM);
	struct buf text;
	buf_init(&text, ROOM);
	struct buf plain;
	buf_init(&plain, ROOM);
	add_times(&in, "A: b\r\n\r\n", 1);
	for (int i = 0; i < 500 + _i; i++)
		ck_assert(buf_add_char(&in, (char)(i % 128 + 128)));
	add_times(&in, "\r\n", 1);
	bool needed;
	ck_assert(run(buf_str(&in), true, 300, &got, &needed, &f));
	struct str rest = str_of(strstr(buf_cstr(&got), "\r\n\r\n") + 4);
	struct str line;
	while (str_cut(&rest, '\n', &line))
		ck_assert(buf_add_str(&text, str_trim(line)));
	ck_assert(codec_unbase64(&plain, buf_str(&text)));
	ck_assert(str_eq(buf_str(&plain), str_from(buf_str(&in), 8)));
	ck_assert_uint_le(longest_line(buf_str(&got)), 76);
	buf_release(&in);
	buf_release(&got);
	buf_release(&text);
	buf_release(&plain);
}
END_TEST

static bool stop(void *context, struct str bytes, struct fault *f)
{
	(void)context;
	(void)bytes;
	return fault_set(f, FAULT_IO, "stop");
}

START_TEST(sink_stops)
{
	struct mime *m = mime_new(true);
	struct fault f = FAULT_INIT;
	struct str in = STR("A: b\r\n\r\nabcdef \xC3\xBC\r\n");
	ck_assert(mime_scan(m, in, &f) && mime_scan_end(m, &f));
	ck_assert(!mime_convert(m, in, stop, NULL, &f));
	ck_assert_int_eq(f.kind, FAULT_IO);
	mime_free(m);
	mime_free(NULL);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("mime");
	TCase *t = unit_case(s, "mime");
	tcase_set_timeout(t, 60);
	tcase_add_loop_test(t, converts, 0, COUNT(conversions));
	tcase_add_loop_test(t, passes_8bit, 0, COUNT(conversions));
	tcase_add_loop_test(t, refuses, 0, COUNT(refusals));
	tcase_add_loop_test(t, long_lines, 0, 7);
	tcase_add_loop_test(t, long_line_in_signed, 0, 2);
	tcase_add_test(t, whole_characters);
	tcase_add_loop_test(t, nesting, 0, 3);
	tcase_add_test(t, long_filler);
	tcase_add_loop_test(t, base64_leaf, 0, 58);
	tcase_add_test(t, sink_stops);
	return unit_run(s);
}
