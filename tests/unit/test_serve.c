/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "text/buf.h"
#include "text/fault.h"
#include "smtp/serve.h"
#include "unit.h"

#define CUT_ALL ((size_t)-1)

/* What the hooks were told, a line each, and what they shall answer. */
struct peer {
	struct buf told;
	bool in_bytes;
};

static void note(struct peer *p, const char *what, struct str value)
{
	ck_assert(
	    buf_addf(&p->told, "%s%s %.*s", p->in_bytes ? "|\n" : "", what, STR_FMT(value)));
	p->in_bytes = false;
}

static bool on_mail(void *context, const struct serve_mail *m, struct fault *f)
{
	struct peer *p = context;
	note(p, "mail", m->path);
	ck_assert(buf_addf(&p->told, " %d %d %d %.*s\n", m->body, m->ret, m->smtputf8,
	                   STR_FMT(m->envid)));
	if (str_eq(m->path, STR("<temp>")))
		return fault_set(f, FAULT_CREATE, "no hold");
	return !str_eq(m->path, STR("<bad>")) || fault_set(f, FAULT_DATA, "bad sender");
}

static bool on_rcpt(void *context, const struct serve_rcpt *r, struct fault *f)
{
	struct peer *p = context;
	note(p, "rcpt", r->path);
	ck_assert(buf_addf(&p->told, " %u %.*s\n", r->notify, STR_FMT(r->orcpt)));
	if (str_eq(r->path, STR("<bad>")))
		return fault_set(f, FAULT_DATA, "bad recipient");
	if (str_eq(r->path, STR("<many>")))
		return fault_reply(f, FAULT_DATA, 452, "4.5.3", "too many");
	if (str_eq(r->path, STR("<conf>")))
		return fault_set(f, FAULT_CONFIG, "aliases");
	return !str_eq(r->path, STR("<none>")) || fault_set(f, FAULT_NOUSER, "unknown");
}

static bool on_data(void *context, struct fault *f)
{
	(void)f;
	note(context, "data", STR("\n"));
	return true;
}

static bool on_bytes(void *context, struct str bytes, struct fault *f)
{
	struct peer *p = context;
	if (!p->in_bytes)
		ck_assert(buf_add_str(&p->told, STR("|")));
	p->in_bytes = true;
	ck_assert(bytes.len > 0);
	ck_assert(buf_add_str(&p->told, bytes));
	if (memchr(bytes.at, '#', bytes.len))
		return fault_reply(f, FAULT_DATA, 552, "5.3.4", "too big");
	return true;
}

static bool on_end(void *context, char id[33], struct fault *f)
{
	struct peer *p = context;
	bool refuse = memchr(p->told.at, '!', p->told.len) != NULL;
	note(p, "end", STR("\n"));
	snprintf(id, 33, "ID1");
	return !refuse || fault_set(f, FAULT_TEMP, "disk full");
}

static void on_over(void *context)
{
	note(context, "over", STR("\n"));
}

static const struct serve_rules usual = {.hostname = {"gate.example", 12}, .max_size = 1000};

/* The input is cut at one place, or everywhere. */
static void converse(struct str in, size_t cut, const struct serve_rules *rules,
                     struct buf *said, struct buf *told)
{
	struct peer p = {.in_bytes = false};
	const struct serve_hooks hooks = {on_mail, on_rcpt, on_data, on_bytes,
	                                  on_end,  on_over, &p};
	struct serve *s = serve_new(rules, &hooks);
	buf_init(&p.told, 1 << 20);
	serve_greet(s, said);
	for (size_t at = 0; at < in.len;) {
		size_t len = cut == CUT_ALL ? 1 : at < cut ? cut - at : in.len - at;
		struct str rest = serve_feed(s, str_first(str_from(in, at), len), said);
		ck_assert_uint_eq(rest.len, 0);
		at += len;
	}
	serve_free(s);
	ck_assert(p.told.len == 0 || buf_add_str(told, buf_str(&p.told)));
	buf_release(&p.told);
}

struct row {
	const char *name;
	const char *in;
	const char
	    *said; /* behind the greeting, "/" for each CRLF; only the codes with statuses */
	const char *told; /* or NULL: not looked at */
};

#define BEGIN "EHLO c\nMAIL FROM:<a@b>\nRCPT TO:<c@d>\n"
#define BEGUN "250 / 250 2.1.0 / 250 2.1.5 / "
#define TOLD  "mail <a@b> 0 0 0 \nrcpt <c@d> 0 \n"
#define DATA  BEGIN "DATA\n"
#define DATAC BEGIN "DATA\r\n"
#define GO    BEGUN "354 / "
#define TAKEN GO "250 2.0.0 / "

static const struct row rows[] = {
    {"nothing", "", "", ""},
    {"not a whole line", "QUIT", "", ""},
    {"no case, CRLF", "hElO c\r\nnoop\r\nNoOp with words\r\nquit\r\n",
     "250 / 250 2.0.0 / 250 2.0.0 / 221 2.0.0 / ", ""},
    {"nothing behind QUIT", "QUIT\nNOOP\n", "221 2.0.0 / ", ""},
    {"before EHLO", "MAIL FROM:<a@b>\nRCPT TO:<c@d>\nDATA\nRSET\nVRFY x\nHELP\nNOOP\n",
     "503 5.5.1 / 503 5.5.1 / 503 5.5.1 / 250 2.0.0 / 252 2.5.0 / 214 2.0.0 / 250 2.0.0 / ",
     ""},
    {"RSET is no greeting", "RSET\nMAIL FROM:<a@b>\n", "250 2.0.0 / 503 5.5.1 / ", ""},
    {"unknown", "FOO\nSTARTTLS\nAUTH PLAIN AA==\nBDAT 3 LAST\nEXPN x\nETRN y\nDATAX\n",
     "500 5.5.2 / 502 5.5.1 / 502 5.5.1 / 502 5.5.1 / 502 5.5.1 / 502 5.5.1 / 500 5.5.2 / ",
     ""},
    {"empty", "\n\r\n \t\r\n", "500 5.5.2 / 500 5.5.2 / 500 5.5.2 / ", ""},
    {"arguments", "EHLO\nHELO \nVRFY\nEHLO c\nDATA x\nRSET x\nQUIT x\nMAIL\nRCPT\n",
     "501 5.5.4 / 501 5.5.4 / 501 5.5.4 / 250 / 501 5.5.4 / 501 5.5.4 / 501 5.5.4 / "
     "501 5.5.4 / 501 5.5.4 / ",
     ""},
    {"control bytes", "NO\001OP\nNOOP \177\nNOOP\rRSET\r\nNOOP\tx\nNOOP\r\r\n",
     "500 5.5.2 / 500 5.5.2 / 500 5.5.2 / 250 2.0.0 / 500 5.5.2 / ", ""},
    {"blanks around", "  NOOP  \n", "250 2.0.0 / ", ""},
    {"a message", DATA "x\n.\n", TAKEN, TOLD "data \n|x\n|\nend \nover \n"},
    {"CRLF", DATAC "x\r\ny\r\n.\r\nQUIT\r\n", TAKEN "221 2.0.0 / ",
     TOLD "data \n|x\r\ny\r\n|\nend \nover \n"},
    {"an empty one", DATA ".\n", TAKEN, TOLD "data \nend \nover \n"},
    {"dots", DATA "..\n...x\n.y\n..\r\n.\n", TAKEN,
     TOLD "data \n|.\n..x\ny\n.\r\n|\nend \nover \n"},
    {"CRLF: no end behind LF", DATAC "..\r\n...x\r\n.y\r\n..\n.\r\n", GO, NULL},
    {"dots, CRLF", DATAC "..\r\n...x\r\n.y\r\n..\r\n.\r\n", TAKEN,
     TOLD "data \n|.\r\n..x\r\ny\r\n.\r\n|\nend \nover \n"},
    {"an empty one, CRLF", DATAC ".\r\n", TAKEN, TOLD "data \nend \nover \n"},
    /* What is text to him who wrote it must not end his message. */
    {"CRLF: LF . LF", DATAC "a\n.\nRSET\n.\r\n.\nb\r\n.\r\n", TAKEN,
     TOLD "data \n|a\n.\nRSET\n.\r\n\nb\r\n|\nend \nover \n"},
    {"CRLF: LF . CRLF", DATAC "a\n.\r\nRSET\r\n.\r\n", TAKEN,
     TOLD "data \n|a\n.\r\nRSET\r\n|\nend \nover \n"},
    {"CRLF: CRLF . LF", DATAC "a\r\n.\nRSET\r\n.\r\n", TAKEN,
     TOLD "data \n|a\r\n\nRSET\r\n|\nend \nover \n"},
    {"CRLF: LF at once", DATAC "\n.\n.\r\n\n..\r\n.\r\n", TAKEN,
     TOLD "data \n|\n.\n.\r\n\n..\r\n|\nend \nover \n"},
    {"CRLF: CR CR", DATAC "a\r\r\n.\r\r\n.\r.\r\n.\r\n", TAKEN,
     TOLD "data \n|a\r\r\n\r\r\n\r.\r\n|\nend \nover \n"},
    {"CRLF: CR . CR", DATAC "a\r.\r\nb\r\r.\r\n.\r\n", TAKEN,
     TOLD "data \n|a\r.\r\nb\r\r.\r\n|\nend \nover \n"},
    {"LF: CRLF . CRLF", DATA "a\r\n.\r\nRSET\r\n.\n", TAKEN,
     TOLD "data \n|a\r\n\r\nRSET\r\n|\nend \nover \n"},
    {"the last command counts", "EHLO c\r\nMAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nDATA\nx\n.\n",
     TAKEN, TOLD "data \n|x\n|\nend \nover \n"},
    {"no end", DATA "a\r.\r\nb\r.\nc\n.\r.\nd\n. \n.", GO,
     TOLD "data \n|a\r.\r\nb\r.\nc\n\r.\nd\n \n|\nover \n"},
    {"CR CR", DATA "a\r\r\n.\r\r\n.\n", TAKEN, TOLD "data \n|a\r\r\n\r\r\n|\nend \nover \n"},
    {"the start of a line only", DATA "x.\n.\n", TAKEN, TOLD "data \n|x.\n|\nend \nover \n"},
    {"two", DATA "x\n.\nMAIL FROM:<>\nRCPT TO:<e>\nDATA\ny\n.\n",
     TAKEN "250 2.1.0 / 250 2.1.5 / 354 / 250 2.0.0 / ",
     TOLD "data \n|x\n|\nend \nover \nmail <> 0 0 0 \nrcpt <e> 0 \ndata \n|y\n|\nend \n"
          "over \n"},
    {"commands inside", DATA "QUIT\nRSET\n.\n", TAKEN, NULL},
    {"RSET", BEGIN "RSET\nRCPT TO:<c@d>\nMAIL FROM:<a@b>\n",
     BEGUN "250 2.0.0 / 503 5.5.1 / 250 2.1.0 / ", TOLD "over \nmail <a@b> 0 0 0 \nover \n"},
    {"EHLO is RSET", BEGIN "HELO c\nDATA\n", BEGUN "250 / 503 5.5.1 / ", TOLD "over \n"},
    {"QUIT between", BEGIN "QUIT\n", BEGUN "221 2.0.0 / ", TOLD "over \n"},
    {"MAIL twice", BEGIN "MAIL FROM:<a@b>\n", BEGUN "503 5.5.1 / ", TOLD "over \n"},
    {"DATA without RCPT", "EHLO c\nMAIL FROM:<a@b>\nDATA\n", "250 / 250 2.1.0 / 503 5.5.1 / ",
     NULL},
    {"pipelined, all refused",
     "EHLO c\nMAIL FROM:<a@b>\nRCPT TO:<bad>\nDATA\nRCPT TO:<c>\nDATA\n.\n",
     "250 / 250 2.1.0 / 553 5.1.3 / 554 5.5.1 / 250 2.1.5 / 354 / 250 2.0.0 / ", NULL},
    {"pipelined, MAIL refused", "EHLO c\nMAIL FROM:<bad>\nRCPT TO:<c>\nDATA\n",
     "250 / 553 5.1.7 / 503 5.5.1 / 503 5.5.1 / ", "mail <bad> 0 0 0 \nover \n"},
    {"faults",
     "EHLO c\nMAIL FROM:<temp>\nMAIL FROM:<a>\nRCPT TO:<many>\nRCPT TO:<none>\n"
     "RCPT TO:<conf>\n",
     "250 / 451 4.3.0 / 250 2.1.0 / 452 4.5.3 / 550 5.1.1 / 451 4.3.5 / ", NULL},
    {"too big", DATA "#\nx\ny\n.\nRCPT TO:<a>\n", GO "552 5.3.4 / 503 5.5.1 / ", NULL},
    {"not durable", DATA "!\n.\n", GO "451 4.3.0 / ", NULL},
    {"all parameters of MAIL",
     "EHLO c\nMAIL FROM:<a> SIZE=1000 body=8bitmime RET=HDRS ENVID=a+2Bb SMTPUTF8 AUTH=<>\n",
     "250 / 250 2.1.0 / ", "mail <a> 2 2 1 a+2Bb\nover \n"},
    {"others", "EHLO c\nMAIL FROM:<a>  BODY=7BIT\tRET=FULL AUTH=x@y \n", "250 / 250 2.1.0 / ",
     "mail <a> 1 1 0 \nover \n"},
    {"SIZE",
     "EHLO c\nMAIL FROM:<a> SIZE=1001\nMAIL FROM:<a> SIZE=99999999999999999999\n"
     "MAIL FROM:<a> SIZE=x\nMAIL FROM:<a> SIZE\nMAIL FROM:<a> SIZE=\nMAIL FROM:<a> SIZE=-1\n"
     "MAIL FROM:<a> SIZE=0\n",
     "250 / 552 5.3.4 / 552 5.3.4 / 501 5.5.4 / 501 5.5.4 / 501 5.5.4 / 501 5.5.4 / "
     "250 2.1.0 / ",
     NULL},
    {"wrong parameters",
     "EHLO c\nMAIL FROM:<a> BODY=BINARYMIME\nMAIL FROM:<a> RET=NO\nMAIL FROM:<a> ENVID=+\n"
     "MAIL FROM:<a> SMTPUTF8=1\nMAIL FROM:<a> RET=FULL RET=FULL\nMAIL FROM:<a> FOO\n"
     "MAIL FROM:<a> NOTIFY=NEVER\nMAIL FROM:<a> FOO=BAR\nMAIL FROM:<a> =\n",
     "250 / 501 5.5.4 / 501 5.5.4 / 501 5.5.4 / 501 5.5.4 / 501 5.5.4 / 555 5.5.4 / "
     "555 5.5.4 / 555 5.5.4 / 555 5.5.4 / ",
     ""},
    {"parameters of RCPT",
     "EHLO c\nMAIL FROM:<a>\nRCPT TO:<b> NOTIFY=success,Failure ORCPT=rfc822;b+2Bc@d\n"
     "RCPT TO:<b> NOTIFY=NEVER\nRCPT TO:<b> NOTIFY=NEVER,DELAY\nRCPT TO:<b> NOTIFY=\n"
     "RCPT TO:<b> ORCPT=b\nRCPT TO:<b> ORCPT=;b\nRCPT TO:<b> ORCPT=rfc822;=\n"
     "RCPT TO:<b> SIZE=1\nRCPT TO:<b> ORCPT=utf-8;\303\274@b\n",
     "250 / 250 2.1.0 / 250 2.1.5 / 250 2.1.5 / 501 5.5.4 / 501 5.5.4 / 501 5.5.4 / "
     "501 5.5.4 / 501 5.5.4 / 555 5.5.4 / 250 2.1.5 / ",
     "mail <a> 0 0 0 \nrcpt <b> 6 rfc822;b+2Bc@d\nrcpt <b> 1 \nrcpt <b> 0 \nover \n"},
    {"paths",
     "EHLO c\nMAIL from: <\"a b\\\">\"@c>\nRCPT To:b@c NOTIFY=NEVER\nRCPT TO:<@x,@y:b@c>\n"
     "RCPT TO:\t<root>\nRCPT TO:<\303\274@b>\n",
     "250 / 250 2.1.0 / 250 2.1.5 / 250 2.1.5 / 250 2.1.5 / 250 2.1.5 / ",
     "mail <\"a b\\\">\"@c> 0 0 0 \nrcpt b@c 1 \nrcpt <@x,@y:b@c> 0 \nrcpt <root> 0 \n"
     "rcpt <\303\274@b> 0 \nover \n"},
    {"wrong paths",
     "EHLO c\nMAIL FROM:\nMAIL FROM <a>\nMAIL TO:<a>\nMAIL FROM:<a\nMAIL FROM:<a>x\n"
     "MAIL FROM:<\"a>\nMAIL FROM:<a\377>\nMAIL FROM:\"a\nMAIL FROM:<a>\nRCPT TO:\n"
     "RCPT FROM:<a>\nRCPT TO:<a\nRCPT TO:<\377>\n",
     "250 / 501 5.1.7 / 501 5.5.4 / 501 5.5.4 / 501 5.1.7 / 501 5.1.7 / 501 5.1.7 / "
     "553 5.1.7 / 501 5.1.7 / 250 2.1.0 / 501 5.1.3 / 501 5.5.4 / 501 5.1.3 / 553 5.1.3 / ",
     "mail <a> 0 0 0 \nover \n"},
};

/* Each reply is whole, well formed and short (RFC 5321 section 4.5.3.1.5);
 * its code and status go to codes. */
static void read_replies(struct str said, struct buf *codes)
{
	struct str line;
	while (str_cut(&said, '\n', &line)) {
		size_t len = line.len >= 9 && line.at[5] == '.' ? 9 : 3;
		ck_assert_uint_lt(line.len, 512);
		ck_assert(str_ends(line, STR("\r")));
		ck_assert(line.len > 4 && (line.at[3] == ' ' || line.at[3] == '-'));
		if (line.at[3] == ' ')
			ck_assert(buf_addf(codes, "%.*s / ", (int)len, line.at));
	}
}

static void check_row(const struct row *row, size_t cut, const struct serve_rules *rules)
{
	struct buf said;
	buf_init(&said, 1 << 20);
	struct buf told;
	buf_init(&told, 1 << 20);
	struct buf codes;
	buf_init(&codes, 1 << 20);
	converse(str_of(row->in), cut, rules, &said, &told);
	read_replies(buf_str(&said), &codes);
	ck_assert(str_starts(buf_str(&codes), STR("220 / ")));
	ck_assert_msg(strcmp(buf_cstr(&codes) + 6, row->said) == 0, "%s, %zd: %s", row->name,
	              (ssize_t)cut, codes.at + 6);
	ck_assert_msg(!row->told || strcmp(buf_cstr(&told), row->told) == 0, "%s, %zd: %s",
	              row->name, (ssize_t)cut, buf_cstr(&told));
	buf_release(&said);
	buf_release(&told);
	buf_release(&codes);
}

START_TEST(dialogues)
{
	const struct row *row = &rows[_i];
	for (size_t cut = 0; cut <= strlen(row->in); cut++)
		check_row(row, cut, &usual);
	check_row(row, CUT_ALL, &usual);
}
END_TEST

START_TEST(offers)
{
	struct serve_rules rules = usual;
	struct buf said;
	buf_init(&said, 4096);
	struct buf told;
	buf_init(&told, 4096);
	converse(STR("EHLO c\r\n"), 0, &rules, &said, &told);
	ck_assert_str_eq(buf_cstr(&said),
	                 "220 gate.example ESMTP Postern\r\n250-gate.example\r\n"
	                 "250-PIPELINING\r\n250-SIZE 1000\r\n250-8BITMIME\r\n"
	                 "250-DSN\r\n250-SMTPUTF8\r\n"
	                 "250-ENHANCEDSTATUSCODES\r\n250 HELP\r\n");
	buf_clear(&said);
	rules.max_size = 0;
	converse(STR("EHLO c\nMAIL FROM:<a> SIZE=99999999999999999999\n"), 0, &rules, &said,
	         &told);
	ck_assert_ptr_nonnull(strstr(buf_cstr(&said), "250-SIZE 0\r\n"));
	ck_assert_ptr_nonnull(strstr(buf_cstr(&said), "250 2.1.0"));
	buf_release(&said);
	buf_release(&told);
}
END_TEST

/* A command of len bytes, ended, behind it another one. */
static void check_long(size_t len, const char *end, size_t cut, const char *code)
{
	char *in = mem_printf("NOOP %0*d%sRSET\n", (int)(len - 5), 0, end);
	struct buf said;
	buf_init(&said, 4096);
	struct buf told;
	buf_init(&told, 4096);
	struct buf codes;
	buf_init(&codes, 4096);
	converse(str_of(in), cut, &usual, &said, &told);
	read_replies(buf_str(&said), &codes);
	ck_assert_str_eq(buf_cstr(&codes), code);
	buf_release(&said);
	buf_release(&told);
	buf_release(&codes);
	free(in);
}

START_TEST(long_lines)
{
	const size_t cuts[] = {0, 1, 65535, 65536, 65537, 65538, CUT_ALL};
	for (size_t i = 0; i < COUNT(cuts); i++) {
		check_long(SERVE_LINE_MAX, "\n", cuts[i], "220 / 250 2.0.0 / 250 2.0.0 / ");
		check_long(SERVE_LINE_MAX, "\r\n", cuts[i], "220 / 250 2.0.0 / 250 2.0.0 / ");
		check_long(SERVE_LINE_MAX + 1, "\n", cuts[i], "220 / 500 5.5.2 / 250 2.0.0 / ");
		check_long(SERVE_LINE_MAX + 1, "\r\n", cuts[i],
		           "220 / 500 5.5.2 / 250 2.0.0 / ");
		check_long(200000, "\r\n", cuts[i], "220 / 500 5.5.2 / 250 2.0.0 / ");
	}
}
END_TEST

START_TEST(nul_in_command)
{
	struct buf said;
	buf_init(&said, 4096);
	struct buf told;
	buf_init(&told, 4096);
	struct buf codes;
	buf_init(&codes, 4096);
	converse(STR("NOOP\0\nNO\0OP\nNOOP\n"), 0, &usual, &said, &told);
	read_replies(buf_str(&said), &codes);
	ck_assert_str_eq(buf_cstr(&codes), "220 / 500 5.5.2 / 500 5.5.2 / 250 2.0.0 / ");
	buf_release(&said);
	buf_release(&told);
	buf_release(&codes);
}
END_TEST

/* What there is no room to answer is handed back and can be fed again. */
START_TEST(no_room)
{
	struct peer p = {.in_bytes = false};
	const struct serve_hooks hooks = {on_mail, on_rcpt, on_data, on_bytes,
	                                  on_end,  on_over, &p};
	struct serve *s = serve_new(&usual, &hooks);
	char lines[5 * 1000 + 1] = "";
	struct str rest = str_make(lines, 5 * 1000);
	size_t replies = 0, rounds = 0;
	for (size_t i = 0; i < rest.len; i++)
		lines[i] = "NOOP\n"[i % 5];
	buf_init(&p.told, 4096);
	struct buf out;
	buf_init(&out, 2 * SERVE_REPLY_MAX);
	for (; rest.len > 0; rounds++) {
		rest = serve_feed(s, rest, &out);
		ck_assert_uint_gt(out.len, 0);
		for (size_t i = 0; i < out.len; i++)
			replies += out.at[i] == '\n';
		buf_clear(&out);
	}
	ck_assert_uint_eq(replies, 1000);
	ck_assert_uint_gt(rounds, 5);
	serve_free(s);
	buf_release(&out);
	buf_release(&p.told);
}
END_TEST

START_TEST(closed)
{
	struct fault why = FAULT_INIT;
	struct serve_rules rules = usual;
	fault_set(&why, FAULT_CONFIG, "no relay");
	rules.closed = &why;
	struct buf said;
	buf_init(&said, 4096);
	struct buf told;
	buf_init(&told, 4096);
	converse(STR("EHLO c\nMAIL FROM:<a@b>\nQUIT\n"), 0, &rules, &said, &told);
	ck_assert_str_eq(buf_cstr(&said), "421 4.3.5 gate.example no relay\r\n"
	                                  "421 4.3.5 gate.example no relay\r\n"
	                                  "421 4.3.5 gate.example no relay\r\n"
	                                  "221 2.0.0 gate.example closes\r\n");
	ck_assert_uint_eq(told.len, 0);
	buf_release(&said);
	buf_release(&told);
}
END_TEST

/* What a client behind a socket says, and what is said to it behind the greeting. */
static const struct row guarded_rows[] = {
    {"HTTP", "POST / HTTP/1.1\r\nHost: localhost:25\r\n\r\nEHLO c\r\nMAIL FROM:<a@b>\r\n",
     "421 4.3.2 / ", ""},
    {"TLS", "\x16\x03\x01\x02\x01\x01\nEHLO c\n", "421 4.3.2 / ", ""},
    {"an empty line", "\r\nEHLO c\r\n", "421 4.3.2 / ", ""},
    {"commands", "NOOP\nHELP\nEHLO c\nFOO\nBAR\n\nMAIL FROM:<a@b>\nQUIT\n",
     "250 2.0.0 / 214 2.0.0 / 250 / 500 5.5.2 / 500 5.5.2 / 500 5.5.2 / 250 2.1.0 / "
     "221 2.0.0 / ",
     "mail <a@b> 0 0 0 \nover \n"},
    {"a method that is a verb",
     "EHLO / HTTP/1.1\r\nHost: x\r\nOrigin: x\r\nAccept: x\r\nContent-Length: 9\r\n\r\n"
     "MAIL FROM:<a@b>\r\n",
     "250 / 500 5.5.2 / 500 5.5.2 / 500 5.5.2 / 421 4.3.2 / ", ""},
    {"inside a transaction", BEGIN "X\nX\nX\nX\nDATA\n",
     BEGUN "500 5.5.2 / 500 5.5.2 / 500 5.5.2 / 421 4.3.2 / ", TOLD "over \n"},
    {"a message is no command", DATA "GET /\nX\nX\nX\n.\nQUIT\n", TAKEN "221 2.0.0 / ",
     TOLD "data \n|GET /\nX\nX\nX\n|\nend \nover \n"},
};

START_TEST(guarded)
{
	const struct row *row = &guarded_rows[_i];
	struct serve_rules rules = usual;
	rules.guarded = true;
	for (size_t cut = 0; cut <= strlen(row->in); cut++)
		check_row(row, cut, &rules);
	check_row(row, CUT_ALL, &rules);
}
END_TEST

/* How often the code is said. */
static size_t count_of(const char *said, const char *code)
{
	size_t n = 0;
	for (const char *at = said; (at = strstr(at, code)); at++)
		n++;
	return n;
}

/* A client of another user is not to have us remember any number of recipients. */
START_TEST(guarded_recipients)
{
	struct buf in, said, told;
	buf_init(&in, 1 << 20);
	ck_assert(buf_add_str(&in, STR("EHLO c\nMAIL FROM:<a@b>\nRCPT TO:<bad>\n")));
	for (int i = 0; i < SERVE_RCPT_MAX + 2; i++)
		ck_assert(buf_add_str(&in, STR("RCPT TO:<c@d>\n")));
	ck_assert(buf_add_str(&in, STR("RSET\nMAIL FROM:<a@b>\nRCPT TO:<c@d>\nQUIT\n")));
	for (int is_guarded = 0; is_guarded <= 1; is_guarded++) {
		struct serve_rules rules = usual;
		rules.guarded = is_guarded;
		buf_init(&said, 1 << 20);
		buf_init(&told, 1 << 20);
		converse(buf_str(&in), 0, &rules, &said, &told);
		size_t over = is_guarded ? 2 : 0;
		ck_assert_uint_eq(count_of(buf_cstr(&said), "452 4.5.3 over 10000 "), over);
		ck_assert_uint_eq(count_of(buf_cstr(&said), "250 2.1.5 OK"),
		                  SERVE_RCPT_MAX + 3 - over);
		ck_assert_uint_eq(count_of(buf_cstr(&said), "553 5.1.3"), 1);
		buf_release(&said);
		buf_release(&told);
	}
	buf_release(&in);
}
END_TEST

START_TEST(guarded_and_closed)
{
	struct fault why = FAULT_INIT;
	struct serve_rules rules = usual;
	fault_set(&why, FAULT_NOPERM, "not you");
	rules.closed = &why;
	rules.guarded = true;
	struct buf said, told;
	buf_init(&said, 4096);
	buf_init(&told, 4096);
	converse(STR("EHLO c\nQUIT\n"), 0, &rules, &said, &told);
	ck_assert_str_eq(buf_cstr(&said), "421 4.7.0 gate.example not you\r\n");
	ck_assert_uint_eq(told.len, 0);
	buf_release(&said);
	buf_release(&told);
}
END_TEST

START_TEST(states)
{
	struct peer p = {.in_bytes = false};
	const struct serve_hooks hooks = {on_mail, on_rcpt, on_data, on_bytes,
	                                  on_end,  on_over, &p};
	struct serve *s = serve_new(&usual, &hooks);
	buf_init(&p.told, 4096);
	struct buf out;
	buf_init(&out, 8192);
	ck_assert_uint_eq(serve_feed(s, STR(DATA), &out).len, 0);
	ck_assert(serve_in_message(s) && !serve_ended(s));
	ck_assert_uint_eq(serve_feed(s, STR("x\n.\n"), &out).len, 0);
	ck_assert(!serve_in_message(s));
	buf_clear(&out);
	serve_shut(s, "interrupted", &out);
	ck_assert_str_eq(buf_cstr(&out), "421 4.3.2 gate.example interrupted\r\n");
	ck_assert_uint_eq(serve_feed(s, STR("QUIT\nNOOP\n"), &out).len, 0);
	ck_assert(serve_ended(s));
	serve_free(s);
	buf_release(&out);
	buf_release(&p.told);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("serve");
	TCase *t = unit_case(s, "serve");
	tcase_add_loop_test(t, dialogues, 0, COUNT(rows));
	tcase_add_test(t, offers);
	tcase_add_test(t, long_lines);
	tcase_add_test(t, nul_in_command);
	tcase_add_test(t, no_room);
	tcase_add_test(t, closed);
	tcase_add_loop_test(t, guarded, 0, COUNT(guarded_rows));
	tcase_add_test(t, guarded_recipients);
	tcase_add_test(t, guarded_and_closed);
	tcase_add_test(t, states);
	return unit_run(s);
}
