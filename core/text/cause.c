/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "text/cause.h"

#include <errno.h>
#include <string.h>
#include <sysexits.h>

/* clang-format off */

/* Up to and including the login: what fails here is passed over for the next server,
 * counts as no try of the entry, and fails no mail. */
#define LOGIN_PHASE(word, sentence, server, hint) \
	{word, sentence, FATE_WAIT, false, server, false, NEXT_SERVER, 0, hint}
/* The same, and another address of that name may be another server. */
#define ADDRESS_PHASE(word, sentence, server, hint) \
	{word, sentence, FATE_WAIT, false, server, false, NEXT_ADDRESS, 0, hint}
/* A transaction in which the connection was lost or out of step. */
#define BROKEN(word, sentence, server, next, hint) \
	{word, sentence, FATE_WAIT, false, server, true, next, 0, hint}
/* A clear answer. */
#define HELD(word, sentence, server, next, hint) \
	{word, sentence, FATE_WAIT, true, server, true, next, 0, hint}
#define FINAL(word, sentence, exit, hint) \
	{word, sentence, FATE_FAIL, true, SERVER_FINE, true, NEXT_NOBODY, exit, hint}
/* Found by Postern: another server may be able to take it. */
#define OURS(word, sentence, hint) \
	{word, sentence, FATE_FAIL, true, SERVER_FINE, true, NEXT_HOST, EX_DATAERR, hint}

static const struct cause_row table[CAUSES] = {
    [CAUSE_NONE] = {"none", "", FATE_WAIT, true, SERVER_FINE, false, NEXT_NOBODY, 0, ""},
    [CAUSE_UNKNOWN] = HELD("unknown", "the reason is not known", SERVER_FINE, NEXT_NOBODY, ""),

    [CAUSE_NO_RELAY] = {"no-relay", "no relay serves this recipient", FATE_WAIT, true,
			SERVER_FINE, true, NEXT_NOBODY, 0,
			"see senders and recipients in the configuration"},
    [CAUSE_LOCAL] = LOGIN_PHASE("local", "this host cannot connect just now", SERVER_SKIPPED,
			"look at the network, the rights and the limits of this process"),
    [CAUSE_SETTINGS] = LOGIN_PHASE("settings", "a setting cannot be used", SERVER_SKIPPED,
			"mend the configuration"),
    [CAUSE_NO_PASSWORD] = LOGIN_PHASE("no-password", "the password cannot be had",
			SERVER_SKIPPED, "look at password_file or password_command"),
    [CAUSE_NO_TOKEN] = LOGIN_PHASE("no-token", "the token to log in with cannot be had",
			SERVER_SKIPPED, "look at oauth, client_id and the network"),
    [CAUSE_LOGIN_OVER] = LOGIN_PHASE("login-over", "log in again: sendmail --login",
			SERVER_SKIPPED, ""),
    [CAUSE_LOOKUP] = LOGIN_PHASE("lookup-failed", "the name cannot be looked up just now",
			SERVER_SKIPPED, "look at /etc/resolv.conf and the network"),

    [CAUSE_NO_NAME] = LOGIN_PHASE("no-such-name", "there is no such name", SERVER_DEAD,
			"look at the spelling of host, and at /etc/resolv.conf"),
    [CAUSE_NOT_LISTENING] = LOGIN_PHASE("connection-refused", "connection refused", SERVER_DEAD,
			"nothing answers on that port: look at host, port and security"),
    [CAUSE_UNREACHABLE] = LOGIN_PHASE("no-answer", "no answer to the connection", SERVER_DEAD,
			"a firewall may be in the way: look at host and port"),
    [CAUSE_NO_CONNECTION] = LOGIN_PHASE("no-connection", "no connection", SERVER_DEAD,
			"look at host, port and the network"),
    [CAUSE_NO_GREETING] = LOGIN_PHASE("no-greeting", "connected, but no greeting came",
			SERVER_DEAD, "a server that waits for TLS is silent: security = tls?"),
    [CAUSE_SILENT] = LOGIN_PHASE("silent", "the server does not answer", SERVER_DEAD, ""),
    [CAUSE_CLOSED] = ADDRESS_PHASE("closed", "the server closes the connection", SERVER_DEAD, ""),
    [CAUSE_NOT_SMTP] = ADDRESS_PHASE("not-smtp", "what answers does not speak SMTP", SERVER_DEAD,
			"look at host, port and security"),
    [CAUSE_SERVICE_REFUSED] = ADDRESS_PHASE("service-refused",
			"the server does not want to talk to us", SERVER_DEAD, ""),
    [CAUSE_HELO_REFUSED] = LOGIN_PHASE("helo-refused", "the server refuses our name",
			SERVER_DEAD, "check helo and hostname"),
    [CAUSE_NO_STARTTLS] = ADDRESS_PHASE("no-starttls", "the server does no STARTTLS", SERVER_DEAD,
			"look at host, port and security"),
    [CAUSE_TLS] = ADDRESS_PHASE("tls-failed", "TLS failed", SERVER_DEAD,
			"look at port, security and tls_priority"),
    [CAUSE_CERTIFICATE] = ADDRESS_PHASE("certificate", "the certificate is not trusted",
			SERVER_DEAD, "name the CA's file in tls_trust, or pin the certificate with "
			"tls_fingerprint"),
    [CAUSE_NO_LOGIN] = LOGIN_PHASE("no-login", "no way to log in", SERVER_DEAD,
			"check host, port, security and auth"),
    [CAUSE_MECHANISM] = LOGIN_PHASE("mechanism-refused", "this way to log in is refused",
			SERVER_DEAD, "set auth"),
    [CAUSE_LOGIN_TLS] = LOGIN_PHASE("login-needs-tls", "login refused", SERVER_DEAD,
			"the server wants encryption first; set security"),
    [CAUSE_LOGIN_WEAK] = LOGIN_PHASE("login-too-weak", "login refused", SERVER_DEAD,
			"this way to log in is not good enough; set auth, or get a password for "
			"programs"),
    [CAUSE_LOGIN_EXPIRED] = LOGIN_PHASE("password-expired", "login refused", SERVER_DEAD,
			"the server wants the password to be changed"),
    [CAUSE_LOGIN_REFUSED] = LOGIN_PHASE("login-refused", "login refused", SERVER_DEAD,
			"check user and password"),
    [CAUSE_LOGIN_LATER] = LOGIN_PHASE("login-deferred", "login refused for now", SERVER_DEAD,
			""),
    [CAUSE_BUSY] = ADDRESS_PHASE("server-busy", "the server is busy", SERVER_BUSY, ""),

    [CAUSE_USED_UP] = {"used-up", "the connection was used up", FATE_WAIT, false, SERVER_FINE,
			true, NEXT_AGAIN, 0, ""},
    [CAUSE_SHUTDOWN] = BROKEN("server-closing", "the server closes the session",
			SERVER_STRAINED, NEXT_HOST, ""),
    [CAUSE_THROTTLED] = HELD("throttled", "the server wants less", SERVER_STRAINED, NEXT_NOBODY,
			"set rate, or connections lower"),
    [CAUSE_LOST] = BROKEN("connection-lost", "the connection was lost", SERVER_SUSPECT,
			NEXT_HOST, ""),
    [CAUSE_TOO_SLOW] = BROKEN("too-slow", "the server is too slow", SERVER_STRAINED, NEXT_HOST,
			"if it has to be, set timeout higher"),
    [CAUSE_OUT_OF_STEP] = BROKEN("out-of-step", "the server was out of step", SERVER_SUSPECT,
			NEXT_HOST, ""),
    [CAUSE_IN_DOUBT] = BROKEN("possible-duplicate", "the server may have the message",
			SERVER_SUSPECT, NEXT_NOBODY, ""),
    [CAUSE_UNSTEADY] = {"server-unsteady", "it failed at several messages in a row", FATE_WAIT,
			false, SERVER_SKIPPED, false, NEXT_SERVER, 0, ""},
    /* What we may do is used up, by ourselves: not for another relay to make good. */
    [CAUSE_CONNECTIONS] = {"connections", "as many connections as allowed are open", FATE_WAIT,
			true, SERVER_SKIPPED, false, NEXT_NOBODY, 0, ""},
    [CAUSE_RATE] = {"rate", "the rate that is set for the relay is reached", FATE_WAIT, true,
			SERVER_SKIPPED, false, NEXT_NOBODY, 0, ""},
    [CAUSE_AUTH_NEEDED] = HELD("login-needed", "the server wants a login, or another one",
			SERVER_FINE, NEXT_RELAY, "check user, auth, security and from"),
    [CAUSE_TLS_NEEDED] = HELD("tls-needed", "the server wants encryption", SERVER_FINE,
			NEXT_RELAY, "set security"),
    [CAUSE_NOT_AS_SENDER] = HELD("not-as-sender", "the account may not send as this sender",
			SERVER_FINE, NEXT_RELAY, "check from and from_rule"),
    [CAUSE_NOT_UNDERSTOOD] = HELD("not-understood",
			"the server did not understand us, or does not like our name", SERVER_FINE,
			NEXT_NOBODY, "check helo and hostname"),

    [CAUSE_TOO_MANY] = HELD("too-many-recipients", "too many recipients at once", SERVER_FINE,
			NEXT_AGAIN, ""),
    [CAUSE_DEFERRED] = HELD("deferred", "refused for now", SERVER_FINE, NEXT_NOBODY, ""),
    [CAUSE_SENDER_REFUSED] = FINAL("sender-refused", "the sender is refused", EX_UNAVAILABLE,
			"set from to an address that this account may send as; see from_rule"),
    [CAUSE_NO_SUCH_USER] = FINAL("recipient-unknown", "there is no such recipient", EX_NOUSER,
			"check the address"),
    [CAUSE_RCPT_REFUSED] = FINAL("recipient-refused", "the recipient is refused",
			EX_UNAVAILABLE, "the relay may want a login first: check user"),
    [CAUSE_MESSAGE_REFUSED] = FINAL("message-refused", "the message is refused",
			EX_UNAVAILABLE, ""),

    [CAUSE_TOO_BIG] = OURS("too-big", "the message is too big for the server", ""),
    [CAUSE_NEEDS_UTF8] = OURS("needs-smtputf8", "the server cannot take this address", ""),
    [CAUSE_UNCONVERTIBLE] = OURS("cannot-convert", "the message cannot be changed for the server",
			""),
    [CAUSE_NO_MAIL_DOMAIN] = {"no-mail-domain", "the domain takes no mail", FATE_FAIL, true,
			SERVER_FINE, true, NEXT_NOBODY, EX_DATAERR, ""},
};

#define P(phase) (1u << (phase))

enum {
	GREETING = P(AT_GREETING), EHLO = P(AT_EHLO), STARTTLS = P(AT_STARTTLS), AUTH = P(AT_AUTH),
	IDLE = P(AT_IDLE), MAIL = P(AT_MAIL), RCPT = P(AT_RCPT), DATA = P(AT_DATA),
	MESSAGE = P(AT_MESSAGE), DOT = P(AT_DOT),
	BEFORE = GREETING | EHLO | STARTTLS | AUTH,
	CONTENT = DATA | MESSAGE | DOT,
	TRANSACTION = IDLE | MAIL | RCPT | CONTENT
};

/* The first row that fits counts. */
static const struct rule {
	unsigned phases;
	int from, to;       /* codes or events */
	const char *status; /* "5.7.8", or as "4.7." what it begins with; NULL: any */
	unsigned had, no;   /* bits that must be set, and that must not be */
	enum cause cause;
} rules[] = {
    {GREETING, EVENT_SILENT, EVENT_SILENT, NULL, 0, 0, CAUSE_NO_GREETING},
    {BEFORE, EVENT_CLOSED, EVENT_CLOSED, NULL, 0, 0, CAUSE_CLOSED},
    {BEFORE, EVENT_SILENT, EVENT_SILENT, NULL, 0, 0, CAUSE_SILENT},
    {BEFORE, EVENT_SLOW, EVENT_SLOW, NULL, 0, 0, CAUSE_SILENT},
    {BEFORE, EVENT_NONSENSE, EVENT_NONSENSE, NULL, 0, 0, CAUSE_NOT_SMTP},
    {BEFORE, 421, 421, NULL, 0, 0, CAUSE_BUSY},
    {GREETING | EHLO, 400, 499, NULL, 0, 0, CAUSE_BUSY},
    {GREETING, 500, 599, NULL, 0, 0, CAUSE_SERVICE_REFUSED},
    /* A server that does not know EHLO has no extensions. */
    {EHLO, 500, 500, NULL, NEEDS_TLS, 0, CAUSE_NO_STARTTLS},
    {EHLO, 502, 504, NULL, NEEDS_TLS, 0, CAUSE_NO_STARTTLS},
    {EHLO, 500, 500, NULL, NEEDS_LOGIN, 0, CAUSE_NO_LOGIN},
    {EHLO, 502, 504, NULL, NEEDS_LOGIN, 0, CAUSE_NO_LOGIN},
    {EHLO, 500, 599, NULL, 0, 0, CAUSE_HELO_REFUSED},
    {STARTTLS, 400, 599, NULL, 0, 0, CAUSE_NO_STARTTLS},
    {AUTH, 504, 504, NULL, 0, 0, CAUSE_MECHANISM},
    {AUTH, 530, 530, NULL, 0, 0, CAUSE_LOGIN_TLS},
    {AUTH, 538, 538, NULL, 0, 0, CAUSE_LOGIN_TLS},
    {AUTH, 534, 534, NULL, 0, 0, CAUSE_LOGIN_WEAK},
    {AUTH, 432, 432, NULL, 0, 0, CAUSE_LOGIN_EXPIRED},
    {AUTH, 400, 499, NULL, 0, 0, CAUSE_LOGIN_LATER},
    {AUTH, 500, 599, NULL, 0, 0, CAUSE_LOGIN_REFUSED},

    /* A connection that has carried mail may only have been used up: what it says
     * or does before the message is under way is asked again over a fresh one. A 4xx
     * where none was taken is no sign of that, and would cost each message one. Where
     * the whole message is out with its MAIL, who closes may have it. */
    {IDLE | MAIL | RCPT | DATA, EVENT_CLOSED, EVENT_CLOSED, NULL, HAD_CARRIED, HAD_SENT,
     CAUSE_USED_UP},
    {IDLE | MAIL | RCPT | DATA, 421, 421, NULL, HAD_CARRIED, HAD_STAYED, CAUSE_USED_UP},
    {MAIL, 400, 499, NULL, HAD_TAKEN, 0, CAUSE_USED_UP},
    {TRANSACTION, EVENT_CLOSED, EVENT_SLOW, NULL, HAD_SENT, 0, CAUSE_IN_DOUBT},
    {TRANSACTION, EVENT_SLOW, EVENT_SLOW, NULL, 0, 0, CAUSE_TOO_SLOW},
    {TRANSACTION, EVENT_NONSENSE, EVENT_NONSENSE, NULL, 0, 0, CAUSE_OUT_OF_STEP},
    {TRANSACTION, EVENT_CLOSED, EVENT_SILENT, NULL, 0, 0, CAUSE_LOST},
    {TRANSACTION, 421, 421, NULL, 0, HAD_STAYED, CAUSE_SHUTDOWN},

    /* "Log in", "encrypt", "not as this sender": about our account (RFC 4954 sections
     * 4 and 6, RFC 3207 section 4, RFC 5248; 5.7.57 and 5.7.60 are Exchange's). */
    {TRANSACTION, 500, 599, "5.7.60", 0, 0, CAUSE_NOT_AS_SENDER},
    {TRANSACTION, 500, 599, "5.7.8", 0, 0, CAUSE_AUTH_NEEDED},
    {TRANSACTION, 500, 599, "5.7.9", 0, 0, CAUSE_AUTH_NEEDED},
    {TRANSACTION, 500, 599, "5.7.10", 0, 0, CAUSE_TLS_NEEDED},
    {TRANSACTION, 500, 599, "5.7.11", 0, 0, CAUSE_TLS_NEEDED},
    {TRANSACTION, 500, 599, "5.7.12", 0, 0, CAUSE_AUTH_NEEDED},
    {TRANSACTION, 500, 599, "5.7.13", 0, 0, CAUSE_AUTH_NEEDED},
    {TRANSACTION, 500, 599, "5.7.57", 0, 0, CAUSE_AUTH_NEEDED},
    {TRANSACTION, 525, 525, NULL, 0, 0, CAUSE_AUTH_NEEDED},
    {TRANSACTION, 530, 530, NULL, 0, 0, CAUSE_AUTH_NEEDED},
    {TRANSACTION, 534, 534, "5.7.", 0, 0, CAUSE_AUTH_NEEDED},
    {TRANSACTION, 535, 535, NULL, 0, 0, CAUSE_AUTH_NEEDED},
    {TRANSACTION, 538, 538, NULL, 0, 0, CAUSE_TLS_NEEDED},

    /* "I do not understand you", and of some "I do not like your name" (504). A 501
     * before DATA is about an address. */
    {TRANSACTION, 500, 500, NULL, 0, 0, CAUSE_NOT_UNDERSTOOD},
    {CONTENT, 501, 501, NULL, 0, 0, CAUSE_NOT_UNDERSTOOD},
    {TRANSACTION, 502, 504, NULL, 0, 0, CAUSE_NOT_UNDERSTOOD},

    /* RFC 5321 section 4.5.3.1.10, and RFC 3463 section 3.6 with whatever code; a 552 with
     * another status is a full mailbox. */
    {RCPT, 452, 452, NULL, HAD_ACCEPTED, 0, CAUSE_TOO_MANY},
    {RCPT, 552, 552, NULL, HAD_ACCEPTED, HAD_STATUS, CAUSE_TOO_MANY},
    {RCPT, 400, 499, "4.5.3", HAD_ACCEPTED, 0, CAUSE_TOO_MANY},
    {RCPT, 500, 599, "5.5.3", HAD_ACCEPTED, 0, CAUSE_TOO_MANY},

    /* "Not so fast": of Exchange, SES, and who limits by client. At RCPT a 4.7.x is
     * greylisting, about that recipient alone. */
    {MAIL | CONTENT, 432, 432, NULL, 0, 0, CAUSE_THROTTLED},
    {MAIL | CONTENT, 454, 454, NULL, 0, 0, CAUSE_THROTTLED},
    {MAIL | CONTENT, 400, 499, "4.3.2", 0, 0, CAUSE_THROTTLED},
    {MAIL, 450, 452, "4.7.", 0, 0, CAUSE_THROTTLED},
    {MAIL, 452, 452, NULL, 0, 0, CAUSE_THROTTLED},
    /* It went on behind that, or it would have closed above. */
    {MAIL, 421, 421, NULL, 0, 0, CAUSE_THROTTLED},

    {TRANSACTION, 400, 499, NULL, 0, 0, CAUSE_DEFERRED},
    {MAIL, 500, 599, NULL, 0, 0, CAUSE_SENDER_REFUSED},
    {RCPT, 500, 599, "5.1.", 0, 0, CAUSE_NO_SUCH_USER},
    {RCPT, 500, 599, NULL, 0, 0, CAUSE_RCPT_REFUSED},
    {CONTENT, 500, 599, NULL, 0, 0, CAUSE_MESSAGE_REFUSED},
};

static const struct connect_rule {
	int sys;
	enum cause cause;
} connect_rules[] = {
    {ECONNREFUSED, CAUSE_NOT_LISTENING},
    {ENOENT, CAUSE_NOT_LISTENING}, /* of a UNIX socket */
    {ETIMEDOUT, CAUSE_UNREACHABLE},
    {EHOSTUNREACH, CAUSE_UNREACHABLE},
    /* These say more about this process and host than about the server. */
    {ENETUNREACH, CAUSE_LOCAL},
    {ENETDOWN, CAUSE_LOCAL},
    {EADDRNOTAVAIL, CAUSE_LOCAL},
    {EADDRINUSE, CAUSE_LOCAL},
    {EAFNOSUPPORT, CAUSE_LOCAL},
    {EPROTONOSUPPORT, CAUSE_LOCAL},
    {EINVAL, CAUSE_LOCAL},
    {EACCES, CAUSE_LOCAL},
    {EPERM, CAUSE_LOCAL},
    {EMFILE, CAUSE_LOCAL},
    {ENFILE, CAUSE_LOCAL},
    {ENOMEM, CAUSE_LOCAL},
    {ENOBUFS, CAUSE_LOCAL},
    {EAGAIN, CAUSE_LOCAL},
};
/* clang-format on */

const struct cause_row *cause_row(enum cause c)
{
	return &table[c];
}

enum cause cause_by_word(struct str word)
{
	for (int i = 0; i < CAUSES; i++)
		if (str_eq(word, str_of(table[i].word)))
			return (enum cause)i;
	return CAUSE_UNKNOWN;
}

static bool fits_status(const char *want, const char *status)
{
	size_t len = want ? strlen(want) : 0;
	if (!want)
		return true;
	return want[len - 1] == '.' ? strncmp(status, want, len) == 0
	                            : strcmp(status, want) == 0;
}

enum cause cause_of(enum cause_phase phase, int code, const char *status, unsigned had)
{
	if (status[0])
		had |= HAD_STATUS;
	for (size_t i = 0; i < COUNT(rules); i++) {
		const struct rule *r = &rules[i];
		if ((r->phases & P(phase)) != 0 && code >= r->from && code <= r->to &&
		    (had & r->had) == r->had && (had & r->no) == 0 &&
		    fits_status(r->status, status))
			return r->cause;
	}
	return CAUSE_UNKNOWN;
}

enum cause cause_of_connect(int sys)
{
	for (size_t i = 0; i < COUNT(connect_rules); i++)
		if (connect_rules[i].sys == sys)
			return connect_rules[i].cause;
	return CAUSE_NO_CONNECTION;
}
