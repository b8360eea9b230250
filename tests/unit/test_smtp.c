/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "text/buf.h"
#include "text/fault.h"
#include "mail/envelope.h"
#include "smtp/smtp.h"
#include "unit.h"

/*
 * A row is a conversation: "> LINE" is what the machine must send next, "< LINE"
 * what the server sends, "= TLS" a handshake, "= EOF", "= RESET" and "= SILENT" the end of
 * the connection. Each row is played with the server's bytes whole, byte by
 * byte, and cut at every place; the outcome must be the same.
 */

enum {
	LMTP = 1,
	LOGIN = 2,
	CLEAR_OK = 4,
	CERTIFICATE = 8,
	UTF8_RCPT = 16,
	UNSIZED = 32,
	EIGHTBIT = 64,
	TWICE = 128,
	DSN = 256,
	NO_PASSWORD = 512,
	UTF8_HEADER = 2048,
	ONLY_SCRAM = 4096,
	XOAUTH2 = 8192,
	BARE_LF = 16384,
	WRONG_SIZE = 32768,
	IN_DOUBT = 65536,      /* expected */
	CHUNKING_OFF = 131072, /* expected */
	ASKED_MAIL = 262144,
	ASKED_RCPT = 524288,
};

struct row {
	const char *name;
	enum smtp_security security;
	unsigned flags;
	const char *script;
	const char *states; /* of b and c, of the last transaction */
	enum fault_kind fault;
	const char *text; /* part of the fault or of the reason of a recipient, or NULL */
};

#define HELLO "< 220 t ESMTP\n> EHLO me.example\n"
#define PIPED \
	HELLO "< 250-t\n< 250-SIZE 10485760\n< 250-8BITMIME\n< 250-PIPELINING\n< 250 HELP\n"
#define PLAIN    HELLO "< 250-t\n< 250 8BITMIME\n"
#define CHUNKED  HELLO "< 250-t\n< 250-PIPELINING\n< 250 CHUNKING\n"
#define MAIL     "> MAIL FROM:<a@x.example>\n"
#define MAILSIZE "> MAIL FROM:<a@x.example> SIZE=20\n"
#define RCPTS    "> RCPT TO:<b@y.example>\n> RCPT TO:<c@y.example>\n"
#define FLIGHT   MAILSIZE RCPTS "> DATA\n"
#define BODY     "> Subject: x\n> \n> ..dot\n> .\n"
#define RAW_BODY "> Subject: x\n> \n> .dot\n"
#define QUIT     "> QUIT\n< 221 bye\n"
#define GOOD     FLIGHT "< 250 ok\n< 250 ok\n< 250 ok\n< 354 go\n" BODY "< 250 2.0.0 ok\n" QUIT
#define TLSUP    "< 250-t\n< 250 STARTTLS\n> STARTTLS\n< 220 go\n= TLS\n> EHLO me.example\n"
/* base64 of NUL "tim" NUL "secret" */
#define AUTHPLAIN "> AUTH PLAIN AHRpbQBzZWNyZXQ=\n"

#define NONE SECURITY_NONE, 0

#define RSET "> RSET\n< 250 ok\n"

static const struct row rows[] = {
    /* Asked, and nothing sent: a command at a time, whatever is on offer. */
    {"asked, MAIL", SECURITY_NONE, ASKED_MAIL | UNSIZED, CHUNKED MAIL "< 250 ok\n" RSET QUIT,
     "WW", FAULT_NONE, NULL},
    {"asked, RCPT", SECURITY_NONE, ASKED_RCPT | UNSIZED,
     CHUNKED MAIL "< 250 ok\n> RCPT TO:<b@y.example>\n< 250 ok\n"
                  "> RCPT TO:<c@y.example>\n< 250 ok\n" RSET QUIT,
     "WW", FAULT_NONE, NULL},
    {"asked, MAIL refused", SECURITY_NONE, ASKED_RCPT | UNSIZED,
     CHUNKED MAIL "< 553 5.7.1 not owned\n" QUIT, "FF", FAULT_NONE, "553 5.7.1 not owned"},
    {"asked, RCPT refused", SECURITY_NONE, ASKED_RCPT | UNSIZED,
     PLAIN MAIL "< 250 ok\n> RCPT TO:<b@y.example>\n< 550 5.1.1 who\n"
                "> RCPT TO:<c@y.example>\n< 450 later\n" RSET QUIT,
     "FW", FAULT_NONE, "550 5.1.1 who"},
    {"asked twice", SECURITY_NONE, ASKED_MAIL | UNSIZED | TWICE,
     PLAIN MAIL "< 250 ok\n" RSET MAIL "< 450 4.7.1 later\n" QUIT, "WW", FAULT_NONE,
     "450 4.7.1 later"},
    {"asked, no RSET", SECURITY_NONE, ASKED_MAIL | UNSIZED,
     PLAIN MAIL "< 250 ok\n> RSET\n< 500 what\n", "WW", FAULT_PROTOCOL, "RSET refused"},
    {"asked, closed", SECURITY_NONE, ASKED_MAIL | UNSIZED, PLAIN MAIL "= EOF\n", "WW",
     FAULT_RELAY, "instead of answering MAIL"},
    /* Greeting */
    {"good", NONE, PIPED GOOD, "DD", FAULT_NONE, NULL},
    {"greeting of lines", NONE,
     "< 220-a\n< 220-a\n< 220 b\n> EHLO me.example\n< 250 t\n" MAIL
     "< 250 ok\n> RCPT TO:<b@y.example>\n< 250 ok\n> RCPT TO:<c@y.example>\n< 250 ok\n"
     "> DATA\n< 354 go\n" BODY "< 250\n" QUIT,
     "DD", FAULT_NONE, NULL},
    {"bare 220", NONE,
     "< 220\n> EHLO me.example\n< 250-t\n< 250-SIZE 10485760\n"
     "< 250 PIPELINING\n" GOOD,
     "DD", FAULT_NONE, NULL},
    {"greeting 554", NONE, "< 554 no\n> QUIT\n< 221 bye\n", "WW", FAULT_RELAY, "554 no"},
    {"greeting 554, quit unanswered", NONE, "< 554 no\n> QUIT\n= EOF\n", "WW", FAULT_RELAY,
     "554 no"},
    {"greeting 421", NONE, "< 421 busy\n", "WW", FAULT_RELAY, "421 busy"},
    {"greeting 250", NONE, "< 250 hm\n", "WW", FAULT_PROTOCOL, NULL},
    {"closed at once", NONE, "= EOF\n", "WW", FAULT_RELAY, "without a greeting"},
    {"http", NONE, "< HTTP/1.1 400 Bad Request\n", "WW", FAULT_PROTOCOL, "not an SMTP server"},
    {"tls record", NONE, "< \025\003\001\n", "WW", FAULT_PROTOCOL, "implicit TLS?"},
    {"greeting runs ahead", NONE, "< 220 t\n< 250 t\n", "WW", FAULT_PROTOCOL, NULL},
    /* EHLO */
    {"ehlo 502, helo", NONE,
     HELLO "< 502 what\n> HELO me.example\n< 250 t\n" MAIL
           "< 250 ok\n> RCPT TO:<b@y.example>\n< 250 ok\n> RCPT TO:<c@y.example>\n< 250 ok\n"
           "> DATA\n< 354 go\n" BODY "< 250 ok\n" QUIT,
     "DD", FAULT_NONE, NULL},
    {"ehlo 501, helo 501", NONE, HELLO "< 501 name\n> HELO me.example\n< 501 name\n" QUIT, "WW",
     FAULT_RELAY, "check helo"},
    {"ehlo 500, tls needed", SECURITY_STARTTLS, 0, HELLO "< 500 what\n" QUIT, "WW", FAULT_RELAY,
     "500 what"},
    {"ehlo 550, login needed", SECURITY_NONE, LOGIN | CLEAR_OK, HELLO "< 550 no\n" QUIT, "WW",
     FAULT_RELAY, "550 no"},
    {"ehlo 421", NONE, HELLO "< 421 no\n", "WW", FAULT_RELAY, "421 no"},
    {"ehlo 451", NONE, HELLO "< 451 no\n" QUIT, "WW", FAULT_RELAY, "451 no"},
    {"ehlo eof", NONE, HELLO "= EOF\n", "WW", FAULT_RELAY, "EHLO"},
    /* TLS */
    {"starttls", SECURITY_STARTTLS, 0,
     HELLO TLSUP "< 250-t\n< 250-SIZE 0\n< 250 PIPELINING\n" GOOD, "DD", FAULT_NONE, NULL},
    {"starttls, what clear said is forgotten", SECURITY_STARTTLS, 0,
     HELLO
     "< 250-t\n< 250-PIPELINING\n< 250-SIZE\n< 250 STARTTLS\n> STARTTLS\n< 220 go\n= TLS\n"
     "> EHLO me.example\n< 250 t\n" MAIL "< 550 no\n" QUIT,
     "FF", FAULT_NONE, "no"},
    {"starttls not offered", SECURITY_STARTTLS, 0, HELLO "< 250 t\n" QUIT, "WW", FAULT_RELAY,
     "STARTTLS"},
    {"starttls 454", SECURITY_STARTTLS, 0,
     HELLO "< 250-t\n< 250 STARTTLS\n> STARTTLS\n< 454 no\n" QUIT, "WW", FAULT_RELAY, "454 no"},
    {"starttls 250", SECURITY_STARTTLS, 0,
     HELLO "< 250-t\n< 250 STARTTLS\n> STARTTLS\n< 250 no\n", "WW", FAULT_PROTOCOL, NULL},
    {"data before tls", SECURITY_STARTTLS, 0,
     HELLO "< 250-t\n< 250 STARTTLS\n> STARTTLS\n< 220 go\n< 250-INJECTED\n< 250 AUTH PLAIN\n",
     "WW", FAULT_PROTOCOL, "data before TLS"},
    {"eof in handshake", SECURITY_STARTTLS, 0,
     HELLO "< 250-t\n< 250 STARTTLS\n> STARTTLS\n"
           "< 220 go\n= EOF\n",
     "WW", FAULT_RELAY, NULL},
    {"opportunistic, not offered", SECURITY_OPPORTUNISTIC, 0, PIPED GOOD, "DD", FAULT_NONE,
     NULL},
    {"opportunistic, refused", SECURITY_OPPORTUNISTIC, 0,
     HELLO "< 250-t\n< 250-STARTTLS\n< 250-SIZE\n"
           "< 250 PIPELINING\n> STARTTLS\n< 454 no\n" GOOD,
     "DD", FAULT_NONE, NULL},
    {"opportunistic, never a password", SECURITY_OPPORTUNISTIC, LOGIN | CLEAR_OK,
     HELLO "< 250-t\n< 250 AUTH PLAIN\n" QUIT, "WW", FAULT_RELAY, "not encrypted"},
    {"implicit tls", SECURITY_TLS, 0, "= TLS\n" PIPED GOOD, "DD", FAULT_NONE, NULL},
    {"clear bytes for implicit tls", SECURITY_TLS, 0, "< 220 t\n", "WW", FAULT_PROTOCOL, NULL},
    /* AUTH */
    {"auth plain", SECURITY_STARTTLS, LOGIN,
     HELLO TLSUP "< 250-t\n< 250-AUTH LOGIN PLAIN\n< 250-SIZE\n< 250 PIPELINING\n" AUTHPLAIN
                 "< 235 in\n" GOOD,
     "DD", FAULT_NONE, NULL},
    {"auth login", SECURITY_STARTTLS, LOGIN,
     HELLO TLSUP
     "< 250-t\n< 250-AUTH=LOGIN\n< 250-SIZE\n"
     "< 250 PIPELINING\n> AUTH LOGIN\n< 334 VXNlcm5hbWU6\n> dGlt\n< 334 UGFzc3dvcmQ6\n"
     "> c2VjcmV0\n< 235 in\n" GOOD,
     "DD", FAULT_NONE, NULL},
    {"auth external", SECURITY_STARTTLS, LOGIN | CERTIFICATE | NO_PASSWORD,
     HELLO TLSUP
     "< 250-t\n< 250-AUTH EXTERNAL PLAIN\n< 250-SIZE\n< 250 PIPELINING\n> AUTH EXTERNAL dGlt\n"
     "< 235 in\n" GOOD,
     "DD", FAULT_NONE, NULL},
    {"no auth in clear", SECURITY_NONE, LOGIN, HELLO "< 250-t\n< 250 AUTH PLAIN LOGIN\n" QUIT,
     "WW", FAULT_RELAY, "allow_cleartext_auth"},
    {"auth in clear allowed", SECURITY_NONE, LOGIN | CLEAR_OK,
     HELLO "< 250-t\n< 250-AUTH PLAIN LOGIN\n< 250-SIZE\n< 250 PIPELINING\n" AUTHPLAIN
           "< 235 in\n" GOOD,
     "DD", FAULT_NONE, NULL},
    {"no auth after tls", SECURITY_STARTTLS, LOGIN,
     HELLO "< 250-t\n< 250-AUTH PLAIN\n< 250 STARTTLS\n> STARTTLS\n< 220 go\n= TLS\n"
           "> EHLO me.example\n< 250 t\n" QUIT,
     "WW", FAULT_RELAY, "no login"},
    {"pinned mechanism missing", SECURITY_STARTTLS, LOGIN | ONLY_SCRAM,
     HELLO TLSUP "< 250-t\n< 250 AUTH PLAIN\n" QUIT, "WW", FAULT_RELAY, "PLAIN"},
    {"auth 535", SECURITY_STARTTLS, LOGIN,
     HELLO TLSUP "< 250-t\n< 250 AUTH PLAIN LOGIN\n" AUTHPLAIN "< 535 5.7.8 bad\n" QUIT, "WW",
     FAULT_RELAY, "535 5.7.8 bad; check user and password"},
    {"auth echoed", SECURITY_STARTTLS, LOGIN,
     HELLO TLSUP "< 250-t\n< 250 AUTH PLAIN\n" AUTHPLAIN
                 "< 500 unknown command \"AHRpbQBzZWNyZXQ=\"\n" QUIT,
     "WW", FAULT_RELAY, "500 (the server repeats what was sent)"},
    {"certificate is nothing in clear", SECURITY_NONE, LOGIN | CERTIFICATE | NO_PASSWORD,
     HELLO "< 250-t\n< 250 AUTH EXTERNAL\n" QUIT, "WW", FAULT_RELAY, "no way to log in"},
    {"auth 454", SECURITY_STARTTLS, LOGIN,
     HELLO TLSUP "< 250-t\n< 250 AUTH PLAIN\n" AUTHPLAIN "< 454 4.7.0 later\n" QUIT, "WW",
     FAULT_RELAY, "454 4.7.0 later"},
    {"auth, its line comes back", SECURITY_STARTTLS, LOGIN,
     HELLO TLSUP "< 250-t\n< 250 AUTH PLAIN\n" AUTHPLAIN "< AUTH PLAIN AHRpbQBzZWNyZXQ=\n",
     "WW", FAULT_PROTOCOL, "in answer to the login is not shown"},
    {"auth, its secret comes back", SECURITY_STARTTLS, LOGIN,
     HELLO TLSUP "< 250-t\n< 250 AUTH PLAIN\n" AUTHPLAIN "< AHRpbQBzZWNyZXQ=\n", "WW",
     FAULT_PROTOCOL, "in answer to the login is not shown"},
    {"auth, refused, and its line comes back", SECURITY_STARTTLS, LOGIN,
     HELLO TLSUP "< 250-t\n< 250 AUTH PLAIN LOGIN\n" AUTHPLAIN
                 "< 504 what\n> AUTH LOGIN\n< AUTH PLAIN AHRpbQBzZWNyZXQ=\n",
     "WW", FAULT_PROTOCOL, "in answer to the login is not shown"},
    {"auth 421", SECURITY_STARTTLS, LOGIN,
     HELLO TLSUP "< 250-t\n< 250 AUTH PLAIN\n" AUTHPLAIN "< 421 gone\n", "WW", FAULT_RELAY,
     "421 gone"},
    {"auth 250", SECURITY_STARTTLS, LOGIN,
     HELLO TLSUP "< 250-t\n< 250 AUTH PLAIN\n" AUTHPLAIN "< 250 in\n", "WW", FAULT_PROTOCOL,
     NULL},
    {"auth plain 334", SECURITY_STARTTLS, LOGIN,
     HELLO TLSUP "< 250-t\n< 250 AUTH PLAIN\n" AUTHPLAIN "< 334 \n> *\n< 501 gone\n" QUIT, "WW",
     FAULT_RELAY, "once too often"},
    {"xoauth2 error", SECURITY_STARTTLS, LOGIN | XOAUTH2,
     HELLO TLSUP "< 250-t\n< 250 AUTH XOAUTH2\n"
                 "> AUTH XOAUTH2 dXNlcj10aW0BYXV0aD1CZWFyZXIgc2VjcmV0AQE=\n< 334 e30=\n> \n< "
                 "535 bad\n" QUIT,
     "WW", FAULT_RELAY, "535 bad"},
    {"scram unproved", SECURITY_STARTTLS, LOGIN | ONLY_SCRAM,
     HELLO TLSUP "< 250-t\n< 250 AUTH SCRAM-SHA-256 PLAIN\n"
                 "> AUTH SCRAM-SHA-256 "
                 "biwsbj10aW0scj1RVUZCUVVGQlFVRkJRVUZCUVVGQlFVRkJRVUZCUVVGQg==\n"
                 "< 235 welcome\n" QUIT,
     "WW", FAULT_RELAY, "prov"},
    /* MAIL */
    {"mail 451", NONE, PLAIN MAIL "< 451 later\n" QUIT, "WW", FAULT_NONE, "later"},
    {"mail 550", NONE, PLAIN MAIL "< 550 5.1.8 no\n" QUIT, "FF", FAULT_NONE, "no"},
    {"mail 550, pipelined", NONE, PIPED FLIGHT "< 550 no\n< 503 a\n< 503 b\n< 503 c\n" QUIT,
     "FF", FAULT_NONE, "no"},
    {"mail 451, pipelined, 354", NONE,
     PIPED FLIGHT "< 451 no\n< 503 a\n< 503 b\n< 354 c\n> .\n"
                  "< 554 d\n" QUIT,
     "WW", FAULT_NONE, "no"},
    {"mail 530", NONE, PLAIN MAIL "< 530 5.7.0 log in\n" QUIT, "WW", FAULT_NONE,
     "530 5.7.0 log in"},
    {"mail 530, pipelined", NONE, PIPED FLIGHT "< 530 auth\n< 503 a\n< 503 b\n< 503 c\n" QUIT,
     "WW", FAULT_NONE, "530 auth"},
    {"mail 550 5.7.60", NONE, PLAIN MAIL "< 550 5.7.60 no\n" QUIT, "WW", FAULT_NONE, "5.7.60"},
    /* Words decide nothing: they may be the sender's own. */
    {"mail 550 authentication required", NONE,
     PLAIN MAIL "< 550 5.7.1 Authentication required\n" QUIT, "FF", FAULT_NONE, "required"},
    {"mail 534 with a size", NONE, PLAIN MAIL "< 534 SIZE=Message too big\n" QUIT, "FF",
     FAULT_NONE, "too big"},
    {"mail 534 5.7.9", NONE, PLAIN MAIL "< 534 5.7.9 weak\n" QUIT, "WW", FAULT_NONE, "5.7.9"},
    {"mail 504", NONE, PLAIN MAIL "< 504 5.5.2 <h>: Helo command rejected\n" QUIT, "WW",
     FAULT_NONE, "check helo"},
    {"mail refused, rcpt accepted", NONE, PIPED FLIGHT "< 550 stale\n< 250 ok\n", "WW",
     FAULT_PROTOCOL, "no sense"},
    {"mail doubled", NONE, PIPED FLIGHT "< 250 ok\n< 250 ok\n< 250 ok\n< 250 ok\n", "WW",
     FAULT_PROTOCOL, "no sense"},
    {"mail 550 dmarc", NONE,
     PLAIN MAIL "< 550 5.7.26 Unauthenticated email is not accepted\n" QUIT, "FF", FAULT_NONE,
     "Unauth"},
    {"mail 503", NONE, PLAIN MAIL "< 503 what\n" QUIT, "WW", FAULT_NONE, "503"},
    {"mail 421", NONE, PIPED FLIGHT "< 421 gone\n", "WW", FAULT_RELAY, "421 gone"},
    {"mail 220", NONE, PLAIN MAIL "< 220 t\n", "WW", FAULT_PROTOCOL, "no sense"},
    {"mail 555, again bare", NONE,
     PIPED FLIGHT "< 555 no\n< 503 a\n< 503 b\n< 503 c\n" MAIL RCPTS
                  "> DATA\n< 250 ok\n< 250 ok\n< 250 ok\n< 354 go\n" BODY "< 250 ok\n" QUIT,
     "DD", FAULT_NONE, NULL},
    {"mail 555 twice", NONE,
     PIPED FLIGHT "< 555 no\n< 503 a\n< 503 b\n< 503 c\n" MAIL RCPTS
                  "> DATA\n< 555 no\n< 503 a\n< 503 b\n< 503 c\n" QUIT,
     "FF", FAULT_NONE, "no"},
    {"mail 555, and on", NONE, PIPED FLIGHT "< 555 no\n< 250 ok\n", "WW", FAULT_PROTOCOL,
     "the reply to RCPT makes no sense"},
    {"mail 555, and on, bdat", SECURITY_NONE, IN_DOUBT,
     HELLO "< 250-t\n< 250-SIZE 10485760\n< 250-CHUNKING\n< 250 PIPELINING\n" MAILSIZE RCPTS
           "> BDAT 20 LAST\n" RAW_BODY "< 555 no\n< 250 ok\n",
     "WW", FAULT_PROTOCOL, "the reply to RCPT makes no sense"},
    {"mail 555 to a needed parameter", SECURITY_NONE, EIGHTBIT,
     PLAIN "> MAIL FROM:<a@x.example> BODY=8BITMIME\n< 555 no\n" QUIT, "FF", FAULT_NONE, "no"},
    {"8bitmime", SECURITY_NONE, EIGHTBIT,
     PIPED "> MAIL FROM:<a@x.example> BODY=8BITMIME SIZE=20\n" RCPTS
           "> DATA\n< 250 ok\n< 250 ok\n< 250 ok\n< 354 go\n" BODY "< 250 ok\n" QUIT,
     "DD", FAULT_NONE, NULL},
    {"too big for the server", NONE, HELLO "< 250-t\n< 250 SIZE 19\n" QUIT, "FF", FAULT_NONE,
     "19"},
    {"just not too big", NONE, HELLO "< 250-t\n< 250-PIPELINING\n< 250 SIZE 20\n" GOOD, "DD",
     FAULT_NONE, NULL},
    {"mail 552", NONE, PIPED FLIGHT "< 552 big\n< 503 a\n< 503 b\n< 503 c\n" QUIT, "FF",
     FAULT_NONE, "big"},
    {"dsn", SECURITY_NONE, DSN,
     HELLO "< 250-t\n< 250-DSN\n< 250 PIPELINING\n"
           "> MAIL FROM:<a@x.example> RET=HDRS ENVID=q+2B1\n"
           "> RCPT TO:<b@y.example> NOTIFY=SUCCESS,DELAY ORCPT=rfc822;B@y.example\n"
           "> RCPT TO:<c@y.example>\n> DATA\n< 250 ok\n< 250 ok\n< 250 ok\n< 354 go\n" BODY
           "< 250 ok\n" QUIT,
     "DD", FAULT_NONE, NULL},
    {"dsn not offered", SECURITY_NONE, DSN, PIPED GOOD, "DD", FAULT_NONE, NULL},
    {"utf8 recipient, not offered", SECURITY_NONE, UTF8_RCPT,
     PLAIN MAIL "< 250 ok\n> RCPT TO:<b@y.example>\n< 250 ok\n> DATA\n< 354 go\n" BODY
                "< 250 ok\n" QUIT,
     "DF", FAULT_NONE, "SMTPUTF8"},
    {"utf8 recipient", SECURITY_NONE, UTF8_RCPT,
     HELLO
     "< 250-t\n< 250-PIPELINING\n< 250 SMTPUTF8\n"
     "> MAIL FROM:<a@x.example> SMTPUTF8\n> RCPT TO:<b@y.example>\n"
     "> RCPT TO:<\303\247@y.example>\n> DATA\n< 250 ok\n< 250 ok\n< 250 ok\n< 354 go\n" BODY
     "< 250 ok\n" QUIT,
     "DD", FAULT_NONE, NULL},
    {"utf8 header, not offered", SECURITY_NONE, UTF8_HEADER, PLAIN QUIT, "FF", FAULT_NONE,
     "SMTPUTF8"},
    /* RCPT */
    {"rcpt 250, 550", NONE,
     PIPED FLIGHT "< 250 ok\n< 250 ok\n< 550 5.1.1 no\n< 354 go\n" BODY "< 250 ok\n" QUIT, "DF",
     FAULT_NONE, "no"},
    {"rcpt 250, 451", NONE,
     PIPED FLIGHT "< 250 ok\n< 250 ok\n< 451 no\n< 354 go\n" BODY "< 250 ok\n" QUIT, "DW",
     FAULT_NONE, "no"},
    {"rcpt 250, 452 unpiped", NONE,
     PLAIN MAIL "< 250 ok\n> RCPT TO:<b@y.example>\n< 250 ok\n"
                "> RCPT TO:<c@y.example>\n< 452 4.5.3 many\n> DATA\n< 354 go\n" BODY
                "< 250 ok\n" QUIT,
     "DW", FAULT_NONE, "many"},
    {"rcpt 250, 552", NONE,
     PIPED FLIGHT "< 250 ok\n< 250 ok\n< 552 many\n< 354 go\n" BODY "< 250 ok\n" QUIT, "DW",
     FAULT_NONE, "many"},
    {"rcpt 550, 451", NONE,
     PLAIN MAIL "< 250 ok\n> RCPT TO:<b@y.example>\n< 550 no\n"
                "> RCPT TO:<c@y.example>\n< 451 no\n" QUIT,
     "FW", FAULT_NONE, "no"},
    {"rcpt all 550, data 554", NONE,
     PIPED FLIGHT "< 250 ok\n< 550 no\n< 550 no\n< 554 none\n" QUIT, "FF", FAULT_NONE, "no"},
    {"rcpt all 451, data 354", NONE,
     PIPED FLIGHT "< 250 ok\n< 451 no\n< 451 no\n< 354 go\n> .\n"
                  "< 250 queued\n" QUIT,
     "WW", FAULT_NONE, "no"},
    {"rcpt 251, 252", NONE,
     PIPED FLIGHT "< 250 ok\n< 251 ok\n< 252 ok\n< 354 go\n" BODY "< 250 ok\n" QUIT, "DD",
     FAULT_NONE, NULL},
    {"rcpt 551", NONE,
     PIPED FLIGHT "< 250 ok\n< 551 no\n< 250 ok\n< 354 go\n" BODY "< 250 ok\n" QUIT, "FD",
     FAULT_NONE, NULL},
    {"rcpt 530", NONE,
     PIPED FLIGHT "< 250 ok\n< 530 auth\n< 250 ok\n< 354 go\n" BODY "< 250 ok\n" QUIT, "WD",
     FAULT_NONE, NULL},
    {"rcpt 354", NONE, PIPED FLIGHT "< 250 ok\n< 354 go\n", "WW", FAULT_PROTOCOL, NULL},
    {"rcpt 999", NONE, PIPED FLIGHT "< 250 ok\n< 999 go\n", "WW", FAULT_PROTOCOL, NULL},
    {"rcpt 25", NONE, PIPED FLIGHT "< 250 ok\n< 25\n", "WW", FAULT_PROTOCOL, NULL},
    {"rcpt 2500", NONE, PIPED FLIGHT "< 250 ok\n< 2500 ok\n", "WW", FAULT_PROTOCOL, NULL},
    {"rcpt nothing", NONE, PIPED FLIGHT "< 250 ok\n< \n", "WW", FAULT_PROTOCOL, NULL},
    {"rcpt 421", NONE, PIPED FLIGHT "< 250 ok\n< 250 ok\n< 421 gone\n", "WW", FAULT_RELAY,
     "421 gone"},
    /* Without the reply to MAIL, that to RCPT c would be about DATA. */
    {"refused, then silence", NONE, PIPED FLIGHT "< 250 ok\n< 250 ok\n< 550 no\n= SILENT\n",
     "WW", FAULT_TEMP, "waited"},
    {"refused, then DATA answered, then silence", SECURITY_NONE, IN_DOUBT,
     PIPED FLIGHT "< 250 ok\n< 250 ok\n< 550 no\n< 354 go\n" BODY "= SILENT\n", "WF",
     FAULT_TEMP, "waited"},
    {"refused, then silence, no pipelining", NONE,
     PLAIN MAIL "< 250 ok\n> RCPT TO:<b@y.example>\n< 550 no\n> RCPT TO:<c@y.example>\n"
                "= SILENT\n",
     "FW", FAULT_TEMP, "waited"},
    {"rcpt eof", NONE, PIPED FLIGHT "< 250 ok\n< 550 no\n= EOF\n", "FW", FAULT_RELAY, "RCPT"},
    {"replies run ahead", NONE,
     PLAIN MAIL "< 250 ok\n> RCPT TO:<b@y.example>\n< 250 ok\n"
                "> RCPT TO:<c@y.example>\n< 250 ok\n< 354 go\n< 250 queued\n",
     "WW", FAULT_PROTOCOL, NULL},
    {"replies run ahead, piped", NONE,
     PIPED FLIGHT "< 250 ok\n< 250 ok\n< 250 ok\n< 354 go\n"
                  "< 250 queued\n",
     "WW", FAULT_PROTOCOL, "nothing asked"},
    {"a line ahead, cut", NONE, PIPED FLIGHT "< 250 ok\n< 250 ok\n< 250 ok\n< 354 go\n+ 25\n",
     "WW", FAULT_PROTOCOL, "nothing asked"},
    /* DATA */
    {"data 250", NONE, PIPED FLIGHT "< 250 ok\n< 250 ok\n< 250 ok\n< 250 hm\n", "WW",
     FAULT_PROTOCOL, NULL},
    {"data 451", NONE, PIPED FLIGHT "< 250 ok\n< 250 ok\n< 250 ok\n< 451 hm\n" QUIT, "WW",
     FAULT_NONE, "hm"},
    {"data 503", NONE, PIPED FLIGHT "< 250 ok\n< 250 ok\n< 250 ok\n< 503 hm\n" QUIT, "WW",
     FAULT_NONE, "hm"},
    {"data 554", NONE, PIPED FLIGHT "< 250 ok\n< 250 ok\n< 250 ok\n< 554 hm\n" QUIT, "FF",
     FAULT_NONE, "hm"},
    {"data 421", NONE, PIPED FLIGHT "< 250 ok\n< 250 ok\n< 250 ok\n< 421 hm\n", "WW",
     FAULT_RELAY, "hm"},
    {"bare lf is never sent", SECURITY_NONE, BARE_LF,
     PIPED FLIGHT "< 250 ok\n< 250 ok\n< 250 ok\n< 354 go\n", "WW", FAULT_DATA, "bare LF"},
    {"dot 250 of lines", NONE,
     PIPED FLIGHT "< 250 ok\n< 250 ok\n< 250 ok\n< 354 go\n" BODY "< 250-a\n< 250 b\n" QUIT,
     "DD", FAULT_NONE, NULL},
    {"dot 451", NONE,
     PIPED FLIGHT "< 250 ok\n< 250 ok\n< 250 ok\n< 354 go\n" BODY "< 451 no\n" QUIT, "WW",
     FAULT_NONE, "no"},
    {"dot 550", NONE,
     PIPED FLIGHT "< 250 ok\n< 250 ok\n< 250 ok\n< 354 go\n" BODY "< 550 spam\n" QUIT, "FF",
     FAULT_NONE, "spam"},
    {"dot 421", NONE, PIPED FLIGHT "< 250 ok\n< 250 ok\n< 250 ok\n< 354 go\n" BODY "< 421 no\n",
     "WW", FAULT_RELAY, "421"},
    {"dot 421, and taken", SECURITY_NONE, IN_DOUBT,
     PIPED FLIGHT "< 250 ok\n< 250 ok\n< 250 ok\n< 354 go\n" BODY "< 421 no\n< 250 ok\n", "WW",
     FAULT_PROTOCOL, "more than it was asked for"},
    {"dot eof", SECURITY_NONE, IN_DOUBT,
     PIPED FLIGHT "< 250 ok\n< 250 ok\n< 250 ok\n< 354 go\n" BODY "= EOF\n", "WW", FAULT_RELAY,
     "the message"},
    {"dot reset", SECURITY_NONE, IN_DOUBT,
     PIPED FLIGHT "< 250 ok\n< 250 ok\n< 250 ok\n< 354 go\n" BODY "+ 250 o\n= RESET\n", "WW",
     FAULT_TEMP, "reset"},
    {"dot 354", SECURITY_NONE, IN_DOUBT,
     PIPED FLIGHT "< 250 ok\n< 250 ok\n< 250 ok\n< 354 go\n" BODY "< 354 go\n", "WW",
     FAULT_PROTOCOL, NULL},
    {"dot 221", SECURITY_NONE, IN_DOUBT,
     PIPED FLIGHT "< 250 ok\n< 250 ok\n< 250 ok\n< 354 go\n" BODY "< 221 bye\n", "WW",
     FAULT_PROTOCOL, NULL},
    {"dot garbage", SECURITY_NONE, IN_DOUBT,
     PIPED FLIGHT "< 250 ok\n< 250 ok\n< 250 ok\n< 354 go\n" BODY "< ok\n", "WW",
     FAULT_PROTOCOL, NULL},
    {"quit 500", NONE, PLAIN MAIL "< 550 no\n> QUIT\n< 500 what\n", "FF", FAULT_NONE, NULL},
    {"quit eof", NONE, PLAIN MAIL "< 550 no\n> QUIT\n= EOF\n", "FF", FAULT_NONE, NULL},
    {"quit reset", NONE, PLAIN MAIL "< 550 no\n> QUIT\n= RESET\n", "FF", FAULT_NONE, NULL},
    /* A second transaction */
    {"two", SECURITY_NONE, TWICE,
     PIPED FLIGHT "< 250 ok\n< 250 ok\n< 250 ok\n< 354 go\n" BODY "< 451 no\n" GOOD, "DD",
     FAULT_NONE, NULL},
    {"two, left open", SECURITY_NONE, TWICE,
     PIPED FLIGHT "< 250 ok\n< 451 a\n< 451 b\n< 503 c\n"
                  "> RSET\n" FLIGHT "< 250 ok\n< 250 ok\n< 250 ok\n< 250 ok\n< 354 go\n" BODY
                  "< 250 ok\n" QUIT,
     "DD", FAULT_NONE, NULL},
    {"two, left open, unpiped", SECURITY_NONE, TWICE,
     PLAIN MAIL "< 250 ok\n> RCPT TO:<b@y.example>\n"
                "< 451 no\n> RCPT TO:<c@y.example>\n< 451 no\n> RSET\n< 250 ok\n" MAIL
                "< 550 no\n" QUIT,
     "FF", FAULT_NONE, "no"},
    {"rset refused", SECURITY_NONE, TWICE,
     PLAIN MAIL "< 250 ok\n> RCPT TO:<b@y.example>\n"
                "< 451 no\n> RCPT TO:<c@y.example>\n< 451 no\n> RSET\n< 502 no\n",
     "WW", FAULT_PROTOCOL, "RSET"},
    /* CHUNKING */
    {"bdat", NONE,
     CHUNKED MAIL RCPTS "> BDAT 20 LAST\n" RAW_BODY
                        "< 250 ok\n< 250 ok\n< 550 no\n< 250 ok\n" QUIT,
     "DF", FAULT_NONE, NULL},
    {"bdat unpiped", NONE,
     HELLO "< 250-t\n< 250 CHUNKING\n" MAIL "< 250 ok\n> RCPT TO:<b@y.example>\n"
           "< 550 no\n> RCPT TO:<c@y.example>\n< 250 ok\n> BDAT 20 LAST\n" RAW_BODY
           "< 250 ok\n" QUIT,
     "FD", FAULT_NONE, NULL},
    {"bdat, nobody", NONE,
     CHUNKED MAIL RCPTS "> BDAT 20 LAST\n" RAW_BODY
                        "< 250 ok\n< 451 no\n< 550 no\n< 503 none\n" QUIT,
     "WF", FAULT_NONE, NULL},
    {"bdat, nobody, and taken", SECURITY_NONE, IN_DOUBT,
     CHUNKED MAIL RCPTS "> BDAT 20 LAST\n" RAW_BODY "< 250 ok\n< 451 no\n< 550 no\n< 250 ok\n",
     "WW", FAULT_PROTOCOL, "the reply to the message makes no sense"},
    {"bdat, mail refused", NONE,
     CHUNKED MAIL RCPTS "> BDAT 20 LAST\n" RAW_BODY
                        "< 451 no\n< 503 no\n< 503 no\n< 503 none\n" QUIT,
     "WW", FAULT_NONE, "no"},
    {"bdat of unknown size", SECURITY_NONE, UNSIZED,
     CHUNKED MAIL RCPTS "< 250 ok\n< 250 ok\n< 250 ok\n"
                        "> BDAT 20 LAST\n" RAW_BODY "< 250 ok\n" QUIT,
     "DD", FAULT_NONE, NULL},
    {"no bdat of unknown size unpiped", SECURITY_NONE, UNSIZED,
     HELLO "< 250-t\n< 250 CHUNKING\n" MAIL
           "< 250 ok\n> RCPT TO:<b@y.example>\n< 550 no\n> RCPT TO:<c@y.example>\n< 250 ok\n"
           "> DATA\n< 354 go\n" BODY "< 250 ok\n" QUIT,
     "FD", FAULT_NONE, NULL},
    {"bdat 503, data", SECURITY_NONE, CHUNKING_OFF,
     CHUNKED MAIL RCPTS
     "> BDAT 20 LAST\n" RAW_BODY "< 250 ok\n< 250 ok\n< 550 no\n< 503 what\n> RSET\n" MAIL
     "> RCPT TO:<b@y.example>\n> DATA\n< 250 ok\n< 250 ok\n< 250 ok\n< 354 go\n" BODY
     "< 250 ok\n" QUIT,
     "DF", FAULT_NONE, NULL},
    {"bdat 554, data 554", SECURITY_NONE, CHUNKING_OFF,
     CHUNKED MAIL RCPTS
     "> BDAT 20 LAST\n" RAW_BODY "< 250 ok\n< 250 ok\n< 250 ok\n< 554 spam\n> RSET\n" MAIL RCPTS
     "> DATA\n< 250 ok\n< 250 ok\n< 250 ok\n< 250 ok\n< 354 go\n" BODY "< 554 spam\n" QUIT,
     "FF", FAULT_NONE, "spam"},
    {"bdat 550", NONE,
     CHUNKED MAIL RCPTS "> BDAT 20 LAST\n" RAW_BODY
                        "< 250 ok\n< 250 ok\n< 250 ok\n< 550 spam\n" QUIT,
     "FF", FAULT_NONE, "spam"},
    {"bdat 452", NONE,
     CHUNKED MAIL RCPTS "> BDAT 20 LAST\n" RAW_BODY
                        "< 250 ok\n< 250 ok\n< 250 ok\n< 452 full\n" QUIT,
     "WW", FAULT_NONE, "full"},
    {"bdat, 421 and the end", NONE,
     CHUNKED MAIL RCPTS "> BDAT 20 LAST\n" RAW_BODY "< 250 ok\n< 421 gone\n= EOF\n", "WW",
     FAULT_RELAY, "421 gone"},
    {"bdat, 421 of all", NONE,
     CHUNKED MAIL RCPTS "> BDAT 20 LAST\n" RAW_BODY
                        "< 250 ok\n< 421 gone\n< 421 gone\n< 421 gone\n",
     "WW", FAULT_RELAY, "421 gone"},
    {"bdat, 421 of all, and taken", SECURITY_NONE, IN_DOUBT,
     CHUNKED MAIL RCPTS "> BDAT 20 LAST\n" RAW_BODY
                        "< 250 ok\n< 421 no\n< 421 no\n< 421 no\n< 250 ok\n",
     "WW", FAULT_PROTOCOL, "more than it was asked for"},
    {"bdat, 421, and on", NONE,
     CHUNKED MAIL RCPTS "> BDAT 20 LAST\n" RAW_BODY
                        "< 250 ok\n< 421 no\n< 250 ok\n< 250 ok\n" QUIT,
     "WD", FAULT_NONE, NULL},
    {"bdat, 421 to MAIL, and on", NONE,
     CHUNKED MAIL RCPTS "> BDAT 20 LAST\n" RAW_BODY
                        "< 421 no\n< 503 a\n< 503 b\n< 503 c\n" QUIT,
     "WW", FAULT_NONE, "421 no"},
    {"bdat, 421, and nonsense", SECURITY_NONE, IN_DOUBT,
     CHUNKED MAIL RCPTS "> BDAT 20 LAST\n" RAW_BODY "< 250 ok\n< 421 no\n< hello\n", "WW",
     FAULT_PROTOCOL, "hello"},
    {"bdat, 421, then silence", SECURITY_NONE, IN_DOUBT,
     CHUNKED MAIL RCPTS "> BDAT 20 LAST\n" RAW_BODY "< 250 ok\n< 421 no\n= SILENT\n", "WW",
     FAULT_RELAY, "421 no"},
    {"bdat, refused, 421, then silence", SECURITY_NONE, IN_DOUBT,
     CHUNKED MAIL RCPTS "> BDAT 20 LAST\n" RAW_BODY "< 250 ok\n< 550 no\n< 421 no\n= SILENT\n",
     "WW", FAULT_RELAY, "421 no"}, /* the refusal may be the other's */
    {"bdat, refused, 421 and the end", NONE,
     CHUNKED MAIL RCPTS "> BDAT 20 LAST\n" RAW_BODY "< 250 ok\n< 550 no\n< 421 gone\n= EOF\n",
     "FW", FAULT_RELAY, "421 gone"},
    {"bdat eof", SECURITY_NONE, IN_DOUBT,
     CHUNKED MAIL RCPTS "> BDAT 20 LAST\n" RAW_BODY "< 250 ok\n< 250 ok\n< 250 ok\n= EOF\n",
     "WW", FAULT_RELAY, NULL},
    {"bdat, wrong size", SECURITY_NONE, WRONG_SIZE,
     CHUNKED MAIL RCPTS "> BDAT 21 LAST\n> Subject: x\n", "WW", FAULT_DATA, "shorter"},
    /* LMTP */
    {"lmtp", SECURITY_NONE, LMTP,
     "< 220 t\n> LHLO me.example\n< 250-t\n< 250-CHUNKING\n< 250 PIPELINING\n" MAIL RCPTS
     "< 250 ok\n< 250 ok\n< 250 ok\n> DATA\n< 354 go\n" BODY "< 250 ok\n< 452 full\n" QUIT,
     "DW", FAULT_NONE, "full"},
    {"lmtp, one accepted", SECURITY_NONE, LMTP,
     "< 220 t\n> LHLO me.example\n< 250-t\n< 250 PIPELINING\n" MAIL RCPTS
     "< 250 ok\n< 550 no\n< 250 ok\n> DATA\n< 354 go\n" BODY "< 250 ok\n" QUIT,
     "FD", FAULT_NONE, "no"},
    {"lmtp, none accepted", SECURITY_NONE, LMTP,
     "< 220 t\n> LHLO me.example\n< 250-t\n< 250 PIPELINING\n" MAIL RCPTS
     "< 250 ok\n< 550 no\n< 550 no\n" QUIT,
     "FF", FAULT_NONE, "no"},
    {"lmtp, cut between verdicts", SECURITY_NONE, LMTP | IN_DOUBT,
     "< 220 t\n> LHLO me.example\n< 250-t\n"
     "< 250 PIPELINING\n" MAIL RCPTS "< 250 ok\n< 250 ok\n< 250 ok\n> DATA\n< 354 go\n" BODY
     "< 250 ok\n= EOF\n",
     "DW", FAULT_RELAY, NULL},
    {"lmtp, refused, then silence", SECURITY_NONE, LMTP | IN_DOUBT,
     "< 220 t\n> LHLO me.example\n< 250-t\n"
     "< 250 PIPELINING\n" MAIL RCPTS "< 250 ok\n< 250 ok\n< 250 ok\n> DATA\n< 354 go\n" BODY
     "< 552 no\n= SILENT\n",
     "WW", FAULT_TEMP, "waited"},
    {"lmtp, 421 and the end", SECURITY_NONE, LMTP,
     "< 220 t\n> LHLO me.example\n< 250-t\n"
     "< 250 PIPELINING\n" MAIL RCPTS "< 250 ok\n< 250 ok\n< 250 ok\n> DATA\n< 354 go\n" BODY
     "< 421 gone\n= EOF\n",
     "WW", FAULT_RELAY, "421 gone"},
    {"lmtp, 421, and the other's", SECURITY_NONE, LMTP,
     "< 220 t\n> LHLO me.example\n< 250-t\n"
     "< 250 PIPELINING\n" MAIL RCPTS "< 250 ok\n< 250 ok\n< 250 ok\n> DATA\n< 354 go\n" BODY
     "< 421 not his\n< 250 ok\n" QUIT,
     "WD", FAULT_NONE, "421 not his"},
    {"lmtp, 421 to the last, and taken", SECURITY_NONE, LMTP | IN_DOUBT,
     "< 220 t\n> LHLO me.example\n< 250-t\n"
     "< 250 PIPELINING\n" MAIL RCPTS "< 250 ok\n< 250 ok\n< 250 ok\n> DATA\n< 354 go\n" BODY
     "< 250 ok\n< 421 not now\n< 250 ok\n",
     "WW", FAULT_PROTOCOL, "more than it was asked for"},
    {"lhlo refused", SECURITY_NONE, LMTP, "< 220 t\n> LHLO me.example\n< 502 no\n" QUIT, "WW",
     FAULT_RELAY, "502 no"},
};

static const char message[] = "Subject: x\r\n\r\n.dot\r\n";

struct play {
	const struct row *row;
	struct smtp *s;
	struct envelope envelope;
	struct rcpt *rcpts[2];
	struct smtp_transaction t;
	struct buf sent;
	unsigned transactions;
	size_t cut; /* where the server's bytes are cut; (size_t)-1: everywhere */
};

static void trace(void *context, bool sent, struct str line)
{
	static const char *const secrets[] = {"secret", "c2VjcmV0", "AHRpbQBzZWNyZXQ",
	                                      "dXNlcj10aW0B"};
	(void)context;
	(void)sent;
	for (size_t i = 0; i < line.len; i++) {
		ck_assert(line.at[i] >= 32 && line.at[i] < 127);
		for (size_t k = 0; k < COUNT(secrets); k++)
			ck_assert(!str_starts(str_from(line, i), str_of(secrets[k])));
	}
}

static void open_play(struct play *p, const struct row *row, size_t cut)
{
	unsigned flags = row->flags;
	struct smtp_setup setup = {
	    .lmtp = flags & LMTP,
	    .helo = STR("me.example"),
	    .security = row->security,
	    .host = STR("relay.example"),
	    .port = 587,
	    .login = flags & LOGIN,
	    .user = STR("tim"),
	    .certificate = flags & CERTIFICATE,
	    .password = !(flags & NO_PASSWORD),
	    .mechanisms = flags & ONLY_SCRAM ? 1u << SASL_SCRAM_SHA256
	                  : flags & XOAUTH2  ? 1u << SASL_XOAUTH2
	                                     : 0,
	    .allow_cleartext_auth = flags & CLEAR_OK,
	    .trace = trace,
	};
	memcpy(setup.random, "AAAAAAAAAAAAAAAAAAAAAAAA", sizeof(setup.random));
	*p = (struct play){.row = row, .cut = cut};
	envelope_init(&p->envelope);
	envelope_set_sender(&p->envelope, STR("a@x.example"));
	envelope_add(&p->envelope, STR("b@y.example"));
	envelope_add(&p->envelope,
	             flags & UTF8_RCPT ? STR("\303\247@y.example") : STR("c@y.example"));
	for (size_t i = 0; i < 2; i++)
		p->rcpts[i] = &p->envelope.rcpts[i];
	if (flags & DSN) {
		p->envelope.ret = RET_HDRS;
		p->envelope.envid = mem_copy(STR("q+2B1"));
		p->rcpts[0]->notify = NOTIFY_SUCCESS | NOTIFY_DELAY;
		p->rcpts[0]->orcpt = mem_copy(STR("rfc822;B@y.example"));
	}
	p->t = (struct smtp_transaction){
	    .probe = flags & ASKED_MAIL   ? PROBE_MAIL
	             : flags & ASKED_RCPT ? PROBE_RCPT
	                                  : PROBE_NOT,
	    .envelope = &p->envelope,
	    .rcpts = p->rcpts,
	    .rcpt_count = 2,
	    .size = flags & UNSIZED ? 0 : sizeof(message) - 1 + (flags & WRONG_SIZE ? 1 : 0),
	    .eightbit = flags & EIGHTBIT,
	    .smtputf8 = flags & UTF8_HEADER,
	};
	buf_init(&p->sent, 1 << 20);
	p->s = smtp_new(&setup);
}

static void close_play(struct play *p)
{
	smtp_free(p->s);
	envelope_release(&p->envelope);
	buf_release(&p->sent);
}

static void write_out(struct play *p)
{
	struct str out = smtp_output(p->s);
	ck_assert(buf_add_str(&p->sent, out));
	smtp_written(p->s, out.len / 2);
	smtp_written(p->s, smtp_output(p->s).len);
	ck_assert_uint_eq(smtp_output(p->s).len, 0);
}

static void give(struct play *p)
{
	if (p->row->flags & BARE_LF)
		smtp_message(p->s, STR("a\nb"));
	for (size_t i = 0; i < sizeof(message) - 1 && smtp_want(p->s) == SMTP_MESSAGE; i++) {
		smtp_message(p->s, str_make(message + i, 1));
		if (i % 5 == 0)
			write_out(p);
	}
	smtp_message_end(p->s);
}

static void next_transaction(struct play *p)
{
	unsigned wanted = p->row->flags & TWICE ? 2 : 1;
	if (p->transactions == wanted) {
		smtp_quit(p->s);
		return;
	}
	p->transactions++;
	for (size_t i = 0; i < 2; i++)
		p->rcpts[i]->state = RCPT_WAITING;
	smtp_start(p->s, &p->t);
}

/* Does all that can be done without the server. */
static void pump(struct play *p)
{
	for (;;) {
		switch (smtp_want(p->s)) {
		case SMTP_SECRET:
			smtp_secret(p->s, STR("secret"), NULL);
			break;
		case SMTP_READY:
		case SMTP_SETTLED:
			smtp_commit(p->s, "main", "t:25");
			next_transaction(p);
			break;
		case SMTP_MESSAGE:
			give(p);
			break;
		case SMTP_READ:
		case SMTP_HANDSHAKE:
		case SMTP_OVER:
			write_out(p);
			return;
		}
	}
}

static void feed(struct play *p, struct str bytes)
{
	if (p->cut == (size_t)-1) {
		for (size_t i = 0; i < bytes.len; i++)
			smtp_feed(p->s, str_make(bytes.at + i, 1));
		return;
	}
	smtp_feed(p->s, str_first(bytes, p->cut));
	smtp_feed(p->s, str_from(bytes, p->cut));
}

static void expect(struct play *p, struct str line)
{
	struct str sent = buf_str(&p->sent);
	size_t end = str_find(sent, '\n');
	ck_assert_msg(end != STR_NONE && end > 0 && sent.at[end - 1] == '\r',
	              "%s: nothing sent where \"%.*s\" was due", p->row->name, STR_FMT(line));
	ck_assert_msg(str_eq(str_first(sent, end - 1), line), "%s: sent \"%.*s\", not \"%.*s\"",
	              p->row->name, (int)end - 1, sent.at, STR_FMT(line));
	buf_drop(&p->sent, end + 1);
}

static void event(struct play *p, struct str what)
{
	struct sasl_binding binding = {.type = NULL};
	struct fault f = FAULT_INIT;
	if (str_eq(what, STR("EOF"))) {
		smtp_eof(p->s);
	} else if (str_eq(what, STR("RESET"))) {
		fault_set(&f, FAULT_TEMP, "connection reset");
		smtp_failed(p->s, &f);
	} else if (str_eq(what, STR("SILENT"))) {
		fault_set(&f, FAULT_TEMP, "waited");
		f.sys = ETIMEDOUT;
		smtp_failed(p->s, &f);
	} else {
		ck_assert_int_eq(smtp_want(p->s), SMTP_HANDSHAKE);
		smtp_secured(p->s, &binding, 0);
	}
}

/* Plays the row; returns the longest piece the server sent at once. */
static size_t play(struct play *p)
{
	struct str script = str_of(p->row->script);
	size_t longest = 0;
	struct buf piece;
	buf_init(&piece, 1 << 20);
	struct str line;
	while (str_cut(&script, '\n', &line)) {
		struct str text = str_from(line, 2);
		if (line.at[0] == '<' || line.at[0] == '+') {
			ck_assert(buf_add_str(&piece, text));
			ck_assert(line.at[0] == '+' || buf_add_str(&piece, STR("\r\n")));
			if (script.len > 0 && (script.at[0] == '<' || script.at[0] == '+'))
				continue;
			if (piece.len > longest)
				longest = piece.len;
			pump(p);
			feed(p, buf_str(&piece));
			buf_clear(&piece);
			continue;
		}
		pump(p);
		if (line.at[0] == '>')
			expect(p, text);
		else
			event(p, text);
	}
	pump(p);
	buf_release(&piece);
	return longest;
}

/* What people read of it. */
static bool says(const struct fault *f, const char *text)
{
	struct verdict v = {.cause = CAUSE_NONE};
	verdict_set_fault(&v, f, "main", "t:25");
	char line[VERDICT_LINE_MAX];
	verdict_line(&v, line);
	verdict_release(&v);
	return strstr(line, text) != NULL;
}

static void judge(const struct play *p)
{
	const struct row *row = p->row;
	const struct fault *f = smtp_fault(p->s);
	const char *states = row->states;
	smtp_commit(p->s, "main", "t:25");
	bool found = !row->text || says(f, row->text);

	char reason[VERDICT_LINE_MAX];
	for (size_t i = 0; i < 2; i++) {
		ck_assert_msg((char)p->rcpts[i]->state == states[i], "%s: recipient %zu is %c",
		              row->name, i, p->rcpts[i]->state);
		rcpt_reason(p->rcpts[i], reason);
		found = found || strstr(reason, row->text);
	}
	ck_assert_msg(f->kind == row->fault, "%s: class %d: %s", row->name, f->kind, f->text);
	ck_assert_msg(found, "%s: \"%s\" is neither in \"%s\" nor in a reason", row->name,
	              row->text, f->text);
	ck_assert_msg(smtp_want(p->s) == SMTP_OVER, "%s: not over", row->name);
	ck_assert_msg((f->cause == CAUSE_IN_DOUBT) == ((row->flags & IN_DOUBT) != 0),
	              "%s: doubt", row->name);
	ck_assert_msg(smtp_chunking_broken(p->s) == ((row->flags & CHUNKING_OFF) != 0),
	              "%s: chunking", row->name);
	if (row->fault == FAULT_NONE || row->fault == FAULT_RELAY)
		ck_assert_msg(p->sent.len == 0, "%s: also sent \"%.*s\"", row->name,
		              (int)p->sent.len, p->sent.at);
}

static size_t play_once(const struct row *row, size_t cut)
{
	struct play p;
	open_play(&p, row, cut);
	size_t longest = play(&p);
	judge(&p);
	close_play(&p);
	return longest;
}

START_TEST(conversation)
{
	const struct row *row = &rows[_i];
	size_t longest = play_once(row, 0);
	play_once(row, (size_t)-1);
	for (size_t cut = 1; cut < longest; cut++)
		play_once(row, cut);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("smtp");
	TCase *table = unit_case(s, "conversations");
	tcase_set_timeout(table, 60);
	tcase_add_loop_test(table, conversation, 0, COUNT(rows));
	return unit_run(s);
}
