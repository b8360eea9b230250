/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a conversation in test_smtp.c cannot show: sizes, flights, chunks, memory. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "text/buf.h"
#include "text/fault.h"
#include "mail/envelope.h"
#include "smtp/smtp.h"
#include "unit.h"

/* A session that is open, with the given lines behind "250-t"; nothing is traced. */
static struct smtp *open_session(const char *ehlo)
{
	struct smtp_setup setup = {.helo = STR("me.example"), .security = SECURITY_NONE};
	struct smtp *s = smtp_new(&setup);
	smtp_feed(s, STR("220 t\r\n"));
	smtp_written(s, smtp_output(s).len);
	smtp_feed(s, str_of(ehlo));
	ck_assert_int_eq(smtp_want(s), SMTP_READY);
	return s;
}

struct crowd {
	struct envelope envelope;
	struct rcpt **rcpts;
	struct smtp_transaction t;
};

static void open_crowd(struct crowd *c, size_t count, uint64_t size)
{
	*c = (struct crowd){.rcpts = mem_alloc(count * sizeof(struct rcpt *))};
	envelope_init(&c->envelope);
	envelope_set_sender(&c->envelope, STR(""));
	for (size_t i = 0; i < count; i++) {
		char address[32];
		snprintf(address, sizeof(address), "u%zu@y.example", i);
		envelope_add(&c->envelope, str_of(address));
	}
	for (size_t i = 0; i < count; i++)
		c->rcpts[i] = &c->envelope.rcpts[i];
	c->t = (struct smtp_transaction){
	    .envelope = &c->envelope, .rcpts = c->rcpts, .rcpt_count = count, .size = size};
}

static void close_crowd(struct crowd *c)
{
	envelope_release(&c->envelope);
	free(c->rcpts);
}

/* Takes the output; how many lines it had. */
static size_t take_lines(struct smtp *s)
{
	struct str out = smtp_output(s);
	size_t lines = 0;
	for (size_t i = 0; i < out.len; i++)
		lines += out.at[i] == '\n';
	smtp_written(s, out.len);
	return lines;
}

START_TEST(many_recipients_in_flights)
{
	struct smtp *s = open_session("250-t\r\n250 PIPELINING\r\n");
	struct crowd c;
	size_t flights = 0, sent = 0;
	open_crowd(&c, 1000, 0);
	smtp_start(s, &c.t);
	size_t lines;
	while (smtp_want(s) == SMTP_READ) {
		lines = take_lines(s);
		ck_assert_uint_gt(lines, 0);
		ck_assert_uint_le(lines, 200);
		sent += lines;
		flights++;
		for (size_t i = 0; i < lines; i++)
			smtp_feed(s, sent == 1002 && i == lines - 1 ? STR("354 go\r\n")
			                                            : STR("250 ok\r\n"));
	}
	ck_assert_uint_eq(sent, 1002);
	ck_assert_uint_ge(flights, 5);
	ck_assert_int_eq(smtp_want(s), SMTP_MESSAGE);
	smtp_message_end(s);
	ck_assert(str_eq(smtp_output(s), STR(".\r\n")));
	ck_assert_int_eq(smtp_phase(s), PHASE_DOT);
	take_lines(s);
	smtp_feed(s, STR("250 ok\r\n"));
	ck_assert_int_eq(smtp_want(s), SMTP_SETTLED);
	ck_assert(smtp_commit(s, NULL, NULL));
	ck_assert_uint_eq(envelope_count(&c.envelope, RCPT_DELIVERED), 1000);
	smtp_free(s);
	close_crowd(&c);
}
END_TEST

#define CHUNK 65536

/* Gives 2 1/2 chunks of unknown size; answers to the first and to the rest. */
static struct smtp *give_chunks(struct crowd *c, const char *first, const char *rest)
{
	struct smtp *s = open_session("250-t\r\n250-CHUNKING\r\n250 PIPELINING\r\n");
	char block[1024];
	memset(block, 'x', sizeof(block));
	struct buf sent;
	buf_init(&sent, 1 << 20);
	smtp_start(s, &c->t);
	take_lines(s);
	smtp_feed(s, STR("250 ok\r\n250 ok\r\n"));
	for (size_t i = 0; i < CHUNK / sizeof(block) * 5 / 2; i++) {
		ck_assert_int_eq(smtp_want(s), SMTP_MESSAGE);
		smtp_message(s, str_make(block, sizeof(block)));
		ck_assert(buf_add_str(&sent, smtp_output(s)));
		smtp_written(s, smtp_output(s).len);
		if (i == 70)
			smtp_feed(s, str_of(first));
	}
	smtp_message_end(s);
	ck_assert(buf_add_str(&sent, smtp_output(s)));
	if (first[0] == '2') {
		ck_assert_uint_eq(sent.len, CHUNK * 5 / 2 + 2 * strlen("BDAT 65536\r\n") +
		                                strlen("BDAT 32768 LAST\r\n"));
		ck_assert(str_starts(buf_str(&sent), STR("BDAT 65536\r\nx")));
	}
	/* Once refused, not a byte more of the message. */
	if (first[0] != '2')
		ck_assert(sent.at[sent.len - 1] == 'x'
		              ? sent.len == CHUNK + strlen("BDAT 65536\r\n")
		              : str_ends(buf_str(&sent), STR("DATA\r\n")));
	smtp_written(s, smtp_output(s).len);
	smtp_feed(s, str_of(rest));
	buf_release(&sent);
	return s;
}

START_TEST(chunks)
{
	struct crowd c;
	open_crowd(&c, 1, 0);
	struct smtp *s = give_chunks(&c, "250 ok\r\n", "250 ok\r\n");
	ck_assert_int_eq(smtp_want(s), SMTP_READ);
	ck_assert_int_eq(c.rcpts[0]->state, RCPT_WAITING);
	smtp_feed(s, STR("250 ok\r\n"));
	ck_assert_int_eq(smtp_want(s), SMTP_SETTLED);
	ck_assert_int_eq(c.rcpts[0]->state, RCPT_WAITING);
	ck_assert(smtp_commit(s, NULL, NULL));
	ck_assert_int_eq(c.rcpts[0]->state, RCPT_DELIVERED);
	smtp_free(s);
	close_crowd(&c);
}
END_TEST

START_TEST(chunk_refused_on_the_way)
{
	struct crowd c;
	/* The rest is not sent; the next transaction begins with RSET. */
	open_crowd(&c, 1, 0);
	struct smtp *s = give_chunks(&c, "452 full\r\n", "");
	ck_assert_int_eq(smtp_want(s), SMTP_SETTLED);
	ck_assert(smtp_commit(s, NULL, NULL));
	ck_assert_int_eq(c.rcpts[0]->state, RCPT_WAITING);
	ck_assert_int_eq(c.rcpts[0]->verdict.code, 452);
	smtp_start(s, &c.t);
	ck_assert(str_starts(smtp_output(s), STR("RSET\r\nMAIL FROM:<>\r\n")));
	smtp_free(s);
	close_crowd(&c);
}
END_TEST

START_TEST(chunk_unknown_then_data)
{
	struct crowd c;
	open_crowd(&c, 1, 0);
	struct smtp *s = give_chunks(&c, "502 what\r\n", "");
	ck_assert_int_eq(smtp_want(s), SMTP_READ);
	ck_assert(smtp_chunking_broken(s));
	/* RSET, MAIL, RCPT, DATA are out: the message is wanted once more. */
	smtp_feed(s, STR("250 ok\r\n250 ok\r\n250 ok\r\n354 go\r\n"));
	ck_assert_msg(smtp_want(s) == SMTP_MESSAGE, "%s", smtp_fault(s)->text);
	smtp_message_end(s);
	ck_assert(str_eq(smtp_output(s), STR(".\r\n")));
	smtp_free(s);
	close_crowd(&c);
}
END_TEST

/* The server has the message or not, whatever it said of a part: it is not asked again, by
 * DATA neither. */
START_TEST(chunk_refused_and_the_message_taken)
{
	static const char *const replies[] = {"452 full\r\n250 ok\r\n", "552 big\r\n250 ok\r\n",
	                                      "502 what\r\n250 ok\r\n"};
	for (size_t i = 0; i < COUNT(replies); i++) {
		struct crowd c;
		open_crowd(&c, 1, 0);
		struct smtp *s = give_chunks(&c, "250 ok\r\n", replies[i]);
		ck_assert_int_eq(smtp_want(s), SMTP_OVER);
		ck_assert_int_eq(smtp_fault(s)->cause, CAUSE_IN_DOUBT);
		ck_assert(!smtp_commit(s, NULL, NULL));
		ck_assert_int_eq(c.rcpts[0]->state, RCPT_WAITING);
		ck_assert(!smtp_chunking_broken(s));
		smtp_free(s);
		close_crowd(&c);
	}
}
END_TEST

START_TEST(large_of_known_size)
{
	struct smtp *s = open_session("250-t\r\n250-CHUNKING\r\n250 PIPELINING\r\n");
	struct crowd c;
	char block[1000] = {0};
	open_crowd(&c, 2, 70000);
	smtp_start(s, &c.t);
	ck_assert_uint_eq(take_lines(s), 3);
	smtp_feed(s, STR("250 ok\r\n550 no\r\n250 ok\r\n"));
	ck_assert_int_eq(smtp_want(s), SMTP_MESSAGE);
	ck_assert(str_eq(smtp_output(s), STR("BDAT 70000 LAST\r\n")));
	for (int i = 0; i < 70; i++) {
		smtp_message(s, str_make(block, sizeof(block)));
		smtp_written(s, smtp_output(s).len);
	}
	smtp_message_end(s);
	ck_assert_int_eq(smtp_phase(s), PHASE_DOT);
	smtp_feed(s, STR("250 ok\r\n"));
	ck_assert(smtp_commit(s, NULL, NULL));
	ck_assert_int_eq(c.rcpts[0]->state, RCPT_FAILED);
	ck_assert_int_eq(c.rcpts[1]->state, RCPT_DELIVERED);
	smtp_free(s);
	close_crowd(&c);
}
END_TEST

/* A small message is out with its last byte: the server may answer before
 * smtp_message_end is called, and may refuse BDAT, which it had offered. */
START_TEST(answered_with_the_last_byte)
{
	struct smtp *s = open_session("250-t\r\n250-CHUNKING\r\n250 PIPELINING\r\n");
	struct crowd c;
	char block[1000] = {0};
	open_crowd(&c, 1, sizeof(block));
	smtp_start(s, &c.t);
	ck_assert_int_eq(smtp_want(s), SMTP_MESSAGE);
	smtp_message(s, str_make(block, sizeof(block)));
	smtp_written(s, smtp_output(s).len);
	smtp_feed(s, STR("250 ok\r\n250 ok\r\n503 no\r\n"));
	smtp_message_end(s);
	ck_assert_msg(smtp_want(s) == SMTP_READ, "%s", smtp_fault(s)->text);
	ck_assert(smtp_chunking_broken(s));
	ck_assert(str_starts(smtp_output(s), STR("RSET\r\nMAIL ")));
	ck_assert(str_ends(smtp_output(s), STR("\r\nDATA\r\n")));
	smtp_written(s, smtp_output(s).len);
	smtp_feed(s, STR("250 ok\r\n250 ok\r\n250 ok\r\n354 go\r\n"));
	ck_assert_int_eq(smtp_want(s), SMTP_MESSAGE);
	smtp_free(s);
	close_crowd(&c);
}
END_TEST

START_TEST(longer_than_said)
{
	struct smtp *s = open_session("250-t\r\n250-CHUNKING\r\n250 PIPELINING\r\n");
	struct crowd c;
	open_crowd(&c, 1, 3);
	smtp_start(s, &c.t);
	ck_assert_int_eq(smtp_want(s), SMTP_MESSAGE);
	smtp_message(s, STR("a\r\nb"));
	ck_assert_int_eq(smtp_want(s), SMTP_OVER);
	ck_assert_int_eq(smtp_fault(s)->kind, FAULT_DATA);
	smtp_free(s);
	close_crowd(&c);
}
END_TEST

/* A dot that was not written whole cannot have been taken. */
START_TEST(doubt_needs_the_whole_dot)
{
	for (size_t missing = 0; missing < 2; missing++) {
		struct smtp *s = open_session("250-t\r\n250 PIPELINING\r\n");
		struct crowd c;
		open_crowd(&c, 1, 0);
		smtp_start(s, &c.t);
		take_lines(s);
		smtp_feed(s, STR("250 ok\r\n250 ok\r\n354 go\r\n"));
		smtp_message(s, STR("x\r\n"));
		smtp_message_end(s);
		smtp_written(s, smtp_output(s).len - missing);
		smtp_eof(s);
		ck_assert((smtp_fault(s)->cause == CAUSE_IN_DOUBT) == (missing == 0));
		ck_assert_int_eq(smtp_want(s), SMTP_OVER);
		smtp_free(s);
		close_crowd(&c);
	}
}
END_TEST

START_TEST(server_closes_during_the_message)
{
	struct smtp *s = open_session("250-t\r\n250 PIPELINING\r\n");
	struct crowd c;
	open_crowd(&c, 1, 0);
	smtp_start(s, &c.t);
	take_lines(s);
	smtp_feed(s, STR("250 ok\r\n250 ok\r\n354 go\r\n"));
	smtp_message(s, STR("x\r\n"));
	take_lines(s);
	smtp_feed(s, STR("421 4.3.2 shutting down\r\n"));
	ck_assert_int_eq(smtp_want(s), SMTP_OVER);
	ck_assert_int_eq(smtp_fault(s)->kind, FAULT_RELAY);
	ck_assert_int_eq(smtp_fault(s)->code, 421);
	ck_assert_str_eq(smtp_fault(s)->status, "4.3.2");
	ck_assert_int_eq(smtp_fault(s)->cause, CAUSE_SHUTDOWN);
	smtp_message(s, STR("y\r\n"));
	smtp_message_end(s);
	ck_assert_uint_eq(smtp_output(s).len, 0);
	smtp_free(s);
	close_crowd(&c);
}
END_TEST

START_TEST(an_address_is_no_command)
{
	struct smtp *s = open_session("250-t\r\n250 PIPELINING\r\n");
	struct crowd c;
	open_crowd(&c, 1, 0);
	envelope_set_sender(&c.envelope, STR("a>\r\nRCPT TO:<evil@z"));
	smtp_start(s, &c.t);
	ck_assert_int_eq(smtp_want(s), SMTP_OVER);
	ck_assert_int_eq(smtp_fault(s)->kind, FAULT_DATA);
	ck_assert_uint_eq(smtp_output(s).len, 0);
	smtp_free(s);
	close_crowd(&c);
}
END_TEST

START_TEST(no_recipient)
{
	struct smtp *s = open_session("250-t\r\n250 PIPELINING\r\n");
	struct crowd c;
	open_crowd(&c, 0, 0);
	smtp_start(s, &c.t);
	ck_assert_int_eq(smtp_want(s), SMTP_SETTLED);
	smtp_free(s);
	close_crowd(&c);
}
END_TEST

static struct smtp *open_login(void)
{
	struct smtp_setup setup = {
	    .helo = STR("me.example"),
	    .security = SECURITY_TLS,
	    .login = true,
	    .user = STR("tim"),
	    .password = true,
	};
	struct smtp *s = smtp_new(&setup);
	smtp_secured(s, NULL, 0);
	smtp_feed(s, STR("220 t\r\n"));
	smtp_written(s, smtp_output(s).len);
	ck_assert_int_eq(smtp_want(s), SMTP_READ);
	smtp_feed(s, STR("250-t\r\n250 AUTH PLAIN\r\n"));
	ck_assert_int_eq(smtp_want(s), SMTP_SECRET);
	return s;
}

START_TEST(output_with_a_secret_is_wiped)
{
	struct smtp *s = open_login();
	smtp_secret(s, STR("secret"), NULL);
	struct str out = smtp_output(s);
	ck_assert_uint_gt(out.len, 10);
	ck_assert_str_eq(smtp_auth_used(s), "");
	smtp_written(s, 5);
	smtp_written(s, out.len - 5);
	for (size_t i = 0; i < out.len; i++)
		ck_assert_int_eq(out.at[i], 0);
	smtp_feed(s, STR("235 in\r\n"));
	ck_assert_str_eq(smtp_auth_used(s), "PLAIN");
	smtp_free(s);
}
END_TEST

START_TEST(no_secret_to_be_had)
{
	struct smtp *s = open_login();
	struct fault f = FAULT_INIT;
	fault_set(&f, FAULT_CONFIG, "no such file");
	smtp_secret(s, STR(""), &f);
	ck_assert(str_eq(smtp_output(s), STR("QUIT\r\n")));
	ck_assert_int_eq(smtp_phase(s), PHASE_QUIT);
	smtp_eof(s);
	ck_assert_int_eq(smtp_want(s), SMTP_OVER);
	ck_assert_int_eq(smtp_fault(s)->kind, FAULT_RELAY);
	ck_assert_str_eq(smtp_fault(s)->text, "no such file");
	smtp_free(s);
}
END_TEST

START_TEST(clear_bytes_at_the_handshake)
{
	struct smtp_setup setup = {.helo = STR("me.example"), .security = SECURITY_STARTTLS};
	struct smtp *s = smtp_new(&setup);
	smtp_feed(s, STR("220 t\r\n"));
	take_lines(s);
	smtp_feed(s, STR("250-t\r\n250 STARTTLS\r\n"));
	ck_assert(smtp_ehlo(s)->starttls);
	take_lines(s);
	smtp_feed(s, STR("220 go\r\n"));
	ck_assert_int_eq(smtp_want(s), SMTP_HANDSHAKE);
	smtp_secured(s, NULL, 1);
	ck_assert_int_eq(smtp_want(s), SMTP_OVER);
	ck_assert_int_eq(smtp_fault(s)->kind, FAULT_PROTOCOL);
	smtp_free(s);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("smtp_machine");
	TCase *machine = unit_case(s, "machine");
	tcase_add_test(machine, many_recipients_in_flights);
	tcase_add_test(machine, chunks);
	tcase_add_test(machine, chunk_refused_on_the_way);
	tcase_add_test(machine, chunk_unknown_then_data);
	tcase_add_test(machine, chunk_refused_and_the_message_taken);
	tcase_add_test(machine, large_of_known_size);
	tcase_add_test(machine, answered_with_the_last_byte);
	tcase_add_test(machine, longer_than_said);
	tcase_add_test(machine, doubt_needs_the_whole_dot);
	tcase_add_test(machine, server_closes_during_the_message);
	tcase_add_test(machine, an_address_is_no_command);
	tcase_add_test(machine, no_recipient);
	tcase_add_test(machine, output_with_a_secret_is_wiped);
	tcase_add_test(machine, no_secret_to_be_had);
	tcase_add_test(machine, clear_bytes_at_the_handshake);
	return unit_run(s);
}
