/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "text/cause.h"

#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "unit.h"

static const struct {
	enum cause_phase phase;
	int code;
	const char *status;
	unsigned had;
	const char *want;
} replies[] = {
    {AT_GREETING, 554, "", 0, "service-refused"},
    {AT_GREETING, 421, "4.3.2", 0, "server-busy"},
    {AT_GREETING, 450, "", 0, "server-busy"},
    {AT_GREETING, EVENT_SILENT, "", 0, "no-greeting"},
    {AT_GREETING, EVENT_NONSENSE, "", 0, "not-smtp"},
    {AT_EHLO, 501, "", 0, "helo-refused"},
    {AT_EHLO, EVENT_CLOSED, "", 0, "closed"},
    {AT_STARTTLS, 454, "4.7.0", 0, "no-starttls"},
    {AT_AUTH, 535, "5.7.8", 0, "login-refused"},
    {AT_AUTH, 504, "5.5.4", 0, "mechanism-refused"},
    {AT_AUTH, 454, "4.7.0", 0, "login-deferred"},
    {AT_AUTH, 421, "", 0, "server-busy"},
    /* A sender's own trouble is nobody else's. */
    {AT_MAIL, 530, "5.7.1", 0, "login-needed"},
    {AT_MAIL, 535, "", 0, "login-needed"},
    {AT_MAIL, 538, "5.7.11", 0, "tls-needed"},
    {AT_MAIL, 534, "5.7.9", 0, "login-needed"},
    {AT_MAIL, 534, "", 0, "sender-refused"},
    {AT_MAIL, 534, "5.3.4", 0, "sender-refused"},
    {AT_MAIL, 550, "5.7.60", 0, "not-as-sender"},
    {AT_MAIL, 550, "5.7.1", 0, "sender-refused"},
    {AT_MAIL, 553, "5.1.3", 0, "sender-refused"},
    {AT_MAIL, 451, "4.3.0", 0, "deferred"},
    {AT_MAIL, 451, "4.3.0", HAD_CARRIED | HAD_TAKEN, "used-up"},
    {AT_MAIL, 451, "4.3.0", HAD_CARRIED, "deferred"},
    {AT_MAIL, 450, "4.7.1", 0, "throttled"},
    {AT_MAIL, 432, "4.3.2", 0, "throttled"},
    {AT_MAIL, 454, "", 0, "throttled"},
    {AT_MAIL, 421, "", HAD_CARRIED, "used-up"},
    {AT_MAIL, 421, "", 0, "server-closing"},
    {AT_MAIL, 421, "", HAD_CARRIED | HAD_STAYED, "throttled"},
    {AT_RCPT, 421, "4.7.0", HAD_STAYED, "deferred"},
    {AT_DOT, 421, "", HAD_SENT | HAD_STAYED, "deferred"},
    {AT_MAIL, 501, "5.1.7", 0, "sender-refused"},
    {AT_RCPT, 550, "5.1.1", 0, "recipient-unknown"},
    {AT_RCPT, 550, "", 0, "recipient-refused"},
    {AT_RCPT, 450, "4.7.1", 0, "deferred"},
    {AT_RCPT, 501, "5.1.3", 0, "recipient-unknown"},
    {AT_RCPT, 504, "5.5.2", 0, "not-understood"},
    {AT_RCPT, 452, "4.5.3", HAD_ACCEPTED, "too-many-recipients"},
    {AT_RCPT, 550, "5.5.3", HAD_ACCEPTED, "too-many-recipients"},
    {AT_RCPT, 550, "5.5.3", 0, "recipient-refused"},
    {AT_RCPT, 451, "4.5.3", HAD_ACCEPTED, "too-many-recipients"},
    {AT_RCPT, 452, "", 0, "deferred"},
    {AT_RCPT, 552, "", HAD_ACCEPTED, "too-many-recipients"},
    {AT_RCPT, 552, "5.5.3", HAD_ACCEPTED, "too-many-recipients"},
    {AT_RCPT, 552, "5.2.2", HAD_ACCEPTED, "recipient-refused"},
    {AT_RCPT, 552, "", 0, "recipient-refused"},
    {AT_DATA, 504, "", 0, "not-understood"},
    {AT_DATA, 554, "", 0, "message-refused"},
    {AT_MESSAGE, 552, "5.3.4", 0, "message-refused"},
    {AT_DOT, 501, "", HAD_SENT, "not-understood"},
    {AT_DOT, 550, "5.1.1", HAD_SENT, "message-refused"},
    {AT_DOT, 454, "", HAD_SENT, "throttled"},
    {AT_DOT, 421, "", HAD_SENT, "server-closing"},
    {AT_DOT, EVENT_CLOSED, "", HAD_SENT, "possible-duplicate"},
    {AT_DOT, EVENT_NONSENSE, "", HAD_SENT, "possible-duplicate"},
    {AT_DOT, EVENT_SLOW, "", HAD_SENT, "possible-duplicate"},
    {AT_EHLO, EVENT_SLOW, "", 0, "silent"},
    {AT_RCPT, EVENT_SLOW, "", HAD_CARRIED, "too-slow"},
    {AT_RCPT, EVENT_NONSENSE, "", 0, "out-of-step"},
    {AT_MAIL, EVENT_CLOSED, "", HAD_CARRIED, "used-up"},
    {AT_MAIL, EVENT_CLOSED, "", HAD_CARRIED | HAD_SENT, "possible-duplicate"},
    {AT_MESSAGE, EVENT_CLOSED, "", HAD_CARRIED, "connection-lost"},
    {AT_DATA, EVENT_SILENT, "", HAD_CARRIED, "connection-lost"},
};

START_TEST(of_reply)
{
	enum cause c =
	    cause_of(replies[_i].phase, replies[_i].code, replies[_i].status, replies[_i].had);
	ck_assert_str_eq(cause_row(c)->word, replies[_i].want);
}
END_TEST

/* What says "log in", "encrypt" or "not as this sender" is about us at every phase, and
 * "I do not understand" too. */
START_TEST(same_meaning)
{
	static const enum cause_phase phases[] = {AT_MAIL, AT_RCPT, AT_DATA, AT_MESSAGE,
	                                          AT_DOT};
	static const struct {
		int code;
		const char *status;
	} ours[] = {{530, ""},       {530, "5.7.57"}, {535, "5.7.8"},  {538, ""},
	            {550, "5.7.60"}, {550, "5.7.8"},  {554, "5.7.9"},  {550, "5.7.10"},
	            {550, "5.7.11"}, {550, "5.7.57"}, {525, "5.7.13"}, {534, "5.7.9"},
	            {500, ""},       {502, "5.5.1"},  {503, "5.5.1"},  {504, "5.5.2"}};
	for (size_t i = 0; i < COUNT(ours); i++) {
		enum cause first = cause_of(AT_MAIL, ours[i].code, ours[i].status, 0);
		ck_assert_int_eq(cause_row(first)->fate, FATE_WAIT);
		for (size_t p = 0; p < COUNT(phases); p++)
			ck_assert_int_eq(cause_of(phases[p], ours[i].code, ours[i].status, 0),
			                 first);
	}
}
END_TEST

/* Every answer has a meaning; only a 5xx behind the login is final, and what comes behind
 * the login makes no server dead or busy. */
START_TEST(whole_product)
{
	for (int phase = 0; phase < AT_QUIT; phase++)
		for (int code = 1; code < 600; code++) {
			if (code > EVENT_SLOW && code < 400)
				continue;
			for (unsigned had = 0; had < 8; had++) {
				enum cause c = cause_of((enum cause_phase)phase, code, "", had);
				const struct cause_row *r = cause_row(c);
				bool behind = phase >= AT_IDLE;
				if (phase != AT_IDLE || code < 500)
					ck_assert_int_ne(c, CAUSE_UNKNOWN);
				if (r->fate == FATE_FAIL)
					ck_assert(behind && code >= 500);
				ck_assert_int_eq(r->tried, behind);
				if (behind)
					ck_assert(r->server == SERVER_FINE ||
					          r->server == SERVER_SUSPECT ||
					          r->server == SERVER_STRAINED);
				else
					ck_assert(r->next == NEXT_SERVER ||
					          r->next == NEXT_ADDRESS);
			}
		}
}
END_TEST

START_TEST(of_connect)
{
	static const int ours[] = {ENETUNREACH, EADDRNOTAVAIL, EACCES, EPERM,  EAFNOSUPPORT,
	                           EMFILE,      ENFILE,        ENOMEM, ENOBUFS};
	for (size_t i = 0; i < COUNT(ours); i++)
		ck_assert_int_eq(cause_of_connect(ours[i]), CAUSE_LOCAL);
	ck_assert_int_eq(cause_of_connect(ECONNREFUSED), CAUSE_NOT_LISTENING);
	ck_assert_int_eq(cause_of_connect(ETIMEDOUT), CAUSE_UNREACHABLE);
	ck_assert_int_eq(cause_of_connect(ECONNRESET), CAUSE_NO_CONNECTION);
	ck_assert_int_eq(cause_row(CAUSE_LOCAL)->server, SERVER_SKIPPED);
}
END_TEST

START_TEST(rows)
{
	const struct cause_row *r = cause_row((enum cause)_i);
	ck_assert_ptr_nonnull(r->word);
	ck_assert_uint_le(strlen(r->word), 20);
	ck_assert_int_eq(strcspn(r->word, " "), strlen(r->word));
	ck_assert_int_eq(cause_by_word(str_of(r->word)), _i);
	ck_assert(_i == CAUSE_NONE || r->sentence[0]);
	/* Who waited is told of what is final, and of that only. */
	ck_assert((r->fate == FATE_FAIL) == (r->exit != 0));
	ck_assert_int_eq(r->exit == EX_NOUSER, _i == CAUSE_NO_SUCH_USER);
}
END_TEST

START_TEST(unknown_word)
{
	ck_assert_int_eq(cause_by_word(STR("no-such-word")), CAUSE_UNKNOWN);
	ck_assert_int_eq(cause_row(CAUSE_UNKNOWN)->fate, FATE_WAIT);
}
END_TEST

static const char *mail_of(const struct cause_row *r)
{
	return r->fate == FATE_FAIL ? "failed" : "held";
}

static const char *server_of(const struct cause_row *r)
{
	switch (r->server) {
	case SERVER_FINE:
		return "fine";
	case SERVER_DEAD:
		return "dead";
	case SERVER_BUSY:
		return "busy";
	case SERVER_SKIPPED:
		return "skipped";
	case SERVER_SUSPECT:
		return "suspect";
	case SERVER_STRAINED:
		return "strained";
	}
	return "";
}

static const char *next_of(const struct cause_row *r)
{
	switch (r->next) {
	case NEXT_NOBODY:
		return "nobody";
	case NEXT_AGAIN:
		return "same";
	case NEXT_ADDRESS:
		return "address";
	case NEXT_SERVER:
		return "server";
	case NEXT_HOST:
		return "host";
	case NEXT_RELAY:
		return "relay";
	}
	return "";
}

/* The manual has a row for each, and says what this table says. */
START_TEST(manual)
{
	static char page[256 * 1024];
	FILE *file = fopen("man/postern.7", "r");
	ck_assert_ptr_nonnull(file);
	page[fread(page, 1, sizeof(page) - 1, file)] = '\0';
	fclose(file);
	for (int i = CAUSE_NONE + 1; i < CAUSES; i++) {
		const struct cause_row *r = cause_row((enum cause)i);
		char line[256];
		snprintf(line, sizeof(line), "\n.It Li %s Ta %s Ta %s Ta %s Ta %s\n", r->word,
		         mail_of(r), server_of(r), r->tried ? "yes" : "no", next_of(r));
		ck_assert_msg(strstr(page, line) != NULL, "postern.7 lacks:%s", line);
	}
}
END_TEST

int main(void)
{
	Suite *s = suite_create("cause");
	TCase *c = unit_case(s, "cause");
	tcase_add_loop_test(c, of_reply, 0, COUNT(replies));
	tcase_add_test(c, same_meaning);
	tcase_add_test(c, whole_product);
	tcase_add_test(c, of_connect);
	tcase_add_loop_test(c, rows, 0, CAUSES);
	tcase_add_test(c, unknown_word);
	tcase_add_test(c, manual);
	return unit_run(s);
}
