/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "transport/delivery_log.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "os/clock.h"
#include "os/log.h"
#include "submit/accepted.h"
#include "submit/sink_hold.h"
#include "unit.h"
#include "unit_hold.h"

#define NOW  1700000000
#define PEER "mx.example[192.0.2.1]:587"

static char folder[UNIT_FOLDER];
static struct hold hold;
static struct hold_entry he;

static void take(void)
{
	struct sink_hold s;
	struct entry e;
	struct fault f = FAULT_INIT;
	struct message_facts facts = {.longest_line = 30};
	hold_id id;
	sink_hold_init(&s, &hold, HOLD_QUEUE);
	entry_init(&e);
	envelope_set_sender(&e.envelope, STR("from@x.example"));
	envelope_add(&e.envelope, STR("to@x.example"));
	ck_assert_msg(sink_open(&s.sink, &f) && sink_begin(&s.sink, &e, 0, &f), "%s", f.text);
	ck_assert(
	    sink_bytes(&s.sink, STR("Message-ID: <1@x>\r\n\r\nbody, and more of it\r\n"), &f));
	ck_assert_msg(sink_end(&s.sink, &facts, &f), "%s", f.text);
	memcpy(id, e.id, sizeof(hold_id));
	sink_close(&s.sink);
	entry_release(&e);
	ck_assert_int_eq(hold_claim(&hold, HOLD_QUEUE, id, &he, &f), CLAIM_OK);
}

static void set_up(void)
{
	unit_hold_open(&hold, folder);
	ck_assert_int_eq(chdir(folder), 0);
	clock_test_set(NOW, 1000);
	take();
	clock_test_set(NOW + 7, 1000);
	char *path = mem_printf("%s/log", folder);
	log_open(LOG_TO_FILE, false, path, "test");
	free(path);
}

static void tear_down(void)
{
	log_close();
	hold_release(&he);
	unit_hold_close(&hold, folder);
	clock_test_set(-1, 0);
	ck_assert_int_eq(chdir("/"), 0);
}

/* The line behind the date and the name: its keys and values, all of them, in order. */
static void logged(const char *want)
{
	char text[4096];
	log_close();
	FILE *file = fopen("log", "r");
	ck_assert_ptr_nonnull(file);
	size_t got = fread(text, 1, sizeof(text) - 1, file);
	fclose(file);
	text[got] = '\0';
	const char *line = strstr(text, "id=");
	ck_assert_ptr_nonnull(line);
	char *whole =
	    mem_printf("id=%s uid=%lu %s\n", he.entry.id, (unsigned long)hold_uid(&he), want);
	ck_assert_str_eq(line, whole);
	free(whole);
}

START_TEST(accepted)
{
	accepted_note(&hold, he.entry.id, hold_uid(&he), &he.entry);
	logged("from=from@x.example nrcpt=1 size=43 status=accepted");
}
END_TEST

START_TEST(accepted_and_gone)
{
	accepted_note(&hold, he.entry.id, hold_uid(&he), NULL);
	logged("from=\"\" nrcpt=\"\" size=\"\" status=accepted");
}
END_TEST

static const struct session_contact contact = {
    .peer = "mx.example[192.0.2.1]:587", .port = 587, .tls = "TLS1.3", .auth = "PLAIN"};

/* One a try; contact: it was settled just now, over that. */
static const struct {
	enum rcpt_state state;
	enum cause cause;
	int code;
	const char *status, *relay, *host, *text;
	const struct session_contact *contact;
	const char *want;
} tries[] = {
    {RCPT_DELIVERED, CAUSE_NONE, 250, "2.0.0", "main", PEER, "queued as 1", &contact,
     "relay=main host=mx.example[192.0.2.1] port=587 tls=TLS1.3 auth=PLAIN size=43 delay=7 "
     "status=delivered code=250 reply=\"queued as 1\""},
    {RCPT_FAILED, CAUSE_NO_SUCH_USER, 550, "5.1.1", "main", PEER, "no", &contact,
     "relay=main host=mx.example[192.0.2.1] port=587 tls=TLS1.3 auth=PLAIN size=43 delay=7 "
     "status=failed code=550 "
     "reply=\"host mx.example[192.0.2.1] said: 550 5.1.1 no\""},
    {RCPT_WAITING, CAUSE_SILENT, 0, "", "main", PEER, "no answer", NULL,
     "relay=main host=mx.example[192.0.2.1] port=587 tls=\"\" auth=\"\" size=43 delay=7 "
     "status=held code=0 reply=\"relay main: no answer\""},
    {RCPT_WAITING, CAUSE_NOT_LISTENING, 0, "", "main", "/run/lmtp", "no", NULL,
     "relay=main host=/run/lmtp port=\"\" tls=\"\" auth=\"\" size=43 delay=7 "
     "status=held code=0 reply=\"relay main: no\""},
    {RCPT_WAITING, CAUSE_NO_RELAY, 0, "", NULL, NULL, "", NULL,
     "relay=\"\" host=\"\" port=\"\" tls=\"\" auth=\"\" size=43 delay=7 "
     "status=held code=0 reply=\"no relay serves this recipient; see senders and recipients in "
     "the configuration\""},
};

START_TEST(recipient)
{
	struct rcpt *r = &he.entry.envelope.rcpts[0];
	struct delivery_log l;
	r->state = tries[_i].state;
	verdict_set(&r->verdict, tries[_i].cause, tries[_i].code, tries[_i].status,
	            tries[_i].relay, tries[_i].host, str_of(tries[_i].text));
	delivery_log_begin(&l, &he);
	delivery_log_rcpt(&l, r, tries[_i].contact);
	char *want =
	    mem_printf("from=from@x.example to=to@x.example msgid=<1@x> %s", tries[_i].want);
	logged(want);
	free(want);
}
END_TEST

START_TEST(server)
{
	const struct settings_relay relay = {.name = (char *)"main"};
	struct verdict why = {.cause = CAUSE_NONE};
	struct delivery_log l;
	verdict_set(&why, CAUSE_BUSY, 421, "4.7.0", "main", PEER, STR("wait"));
	delivery_log_begin(&l, &he);
	delivery_log_relay(&l, &relay, &contact, &why);
	verdict_release(&why);
	logged("relay=main host=mx.example[192.0.2.1] port=587 tls=TLS1.3 status=unusable "
	       "code=421 reply=\"relay main: mx.example[192.0.2.1]:587: the server is busy: "
	       "421 4.7.0 wait\"");
}
END_TEST

/* One that could not be connected to. */
START_TEST(server_not_reached)
{
	const struct settings_relay relay = {.name = (char *)"main"};
	const struct session_contact nowhere = {.port = 0};
	struct verdict why = {.cause = CAUSE_NONE};
	struct delivery_log l;
	verdict_set(&why, CAUSE_NOT_LISTENING, 0, "", "main", "mx.example:587", STR("refused"));
	delivery_log_begin(&l, &he);
	delivery_log_relay(&l, &relay, &nowhere, &why);
	verdict_release(&why);
	logged("relay=main host=mx.example port=587 tls=\"\" status=unusable code=0 "
	       "reply=\"relay main: refused\"");
}
END_TEST

int main(void)
{
	Suite *s = suite_create("delivery_log");
	TCase *c = unit_case(s, "delivery_log");
	tcase_add_checked_fixture(c, set_up, tear_down);
	tcase_add_test(c, accepted);
	tcase_add_test(c, accepted_and_gone);
	tcase_add_loop_test(c, recipient, 0, COUNT(tries));
	tcase_add_test(c, server);
	tcase_add_test(c, server_not_reached);
	return unit_run(s);
}
