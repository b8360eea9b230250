/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "submit/sink_hold.h"
#include "submit/sink_post.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "hold/counters.h"
#include "cmd/send/sinks_dry.h"
#include "unit.h"

#define MESSAGE "Subject: s\r\n\r\nbody\r\n"
#define TALKS   8

static const struct message_facts facts = {.size = sizeof(MESSAGE) - 1, .longest_line = 10};
static char folder[] = "/tmp/postern-sink-XXXXXX";
static char *path;
static int opened;

static void set_up(void)
{
	memcpy(folder + strlen(folder) - 6, "XXXXXX", 6);
	ck_assert_ptr_nonnull(mkdtemp(folder));
	path = mem_printf("%s/hold", folder);
	opened = 0;
}

static void tear_down(void)
{
	char *command = mem_printf("rm -rf %s", folder);
	ck_assert_int_eq(system(command), 0);
	free(command);
	free(path);
}

static size_t count_in(const char *room)
{
	char *command = mem_printf("ls %s/%s", path, room);
	FILE *list = popen(command, "r");
	size_t count = 0;
	ck_assert_ptr_nonnull(list);
	for (int c; (c = getc(list)) != EOF;)
		count += c == '\n';
	ck_assert_int_eq(pclose(list), 0);
	free(command);
	return count;
}

static void address(struct entry *e)
{
	entry_init(e);
	envelope_set_sender(&e->envelope, STR("a@b.example"));
	envelope_add(&e->envelope, STR("x@y.example"));
}

/* A message all the way. */
static bool put(struct sink *s, struct entry *e, struct fault *f)
{
	address(e);
	return sink_open(s, f) && sink_begin(s, e, 0, f) && sink_bytes(s, STR(MESSAGE), f) &&
	       sink_end(s, &facts, f);
}

/* A hold that is opened when it is needed */

static bool open_hold(void *context, struct hold *h, struct fault *f)
{
	ck_assert_ptr_eq(context, folder);
	opened++;
	return hold_open(path, h, f);
}

static bool open_nothing(void *context, struct hold *h, struct fault *f)
{
	(void)context, (void)h;
	opened++;
	return fault_set(f, FAULT_NOPERM, "closed");
}

static bool start_flushq(void *context, struct hold *h, struct sink_try *t, struct fault *f)
{
	ck_assert_ptr_nonnull(h);
	(void)f;
	ck_assert_ptr_eq(context, folder);
	ck_assert_int_eq(t->fd, -1);
	t->pid = 4242;
	return true;
}

static const struct sink_hold_hooks hooks = {open_hold, start_flushq, folder};

START_TEST(somebody_else_hands_in)
{
	struct sink_hold s;
	struct entry e;
	struct fault f = FAULT_INIT;
	sink_hold_later(&s, &hooks, HOLD_QUEUE);
	s.user = 4000000123U;
	ck_assert_msg(put(&s.sink, &e, &f), "%s", f.text);
	ck_assert_uint_eq(e.uid, 4000000123U);
	sink_close(&s.sink);
	entry_release(&e);
}
END_TEST

START_TEST(a_hold_is_opened_once_and_later)
{
	struct sink_hold s;
	struct entry one, two;
	struct fault f = FAULT_INIT;
	struct sink_try attempt = {.id = "0123456789AB"};
	sink_hold_later(&s, &hooks, HOLD_QUEUE);
	ck_assert_int_eq(opened, 0);
	ck_assert_msg(put(&s.sink, &one, &f) && put(&s.sink, &two, &f), "%s", f.text);
	ck_assert_int_eq(opened, 1);
	ck_assert_uint_eq(count_in("hold"), 2);
	ck_assert_uint_eq(count_in("tmp"), 0);
	ck_assert_str_ne(one.id, two.id);
	ck_assert_uint_eq(one.uid, getuid());
	ck_assert_int_eq(one.next_try, one.created);
	ck_assert(sink_start(&s.sink, &attempt, &f));
	ck_assert_int_eq(attempt.pid, 4242);
	sink_close(&s.sink);
	sink_close(&s.sink);
	entry_release(&one);
	entry_release(&two);
}
END_TEST

START_TEST(a_hold_that_does_not_open)
{
	const struct sink_hold_hooks closed = {open_nothing, start_flushq, folder};
	struct sink_hold s;
	struct fault f = FAULT_INIT;
	sink_hold_later(&s, &closed, HOLD_QUEUE);
	for (int i = 1; i <= 2; i++) {
		ck_assert(!sink_open(&s.sink, &f));
		ck_assert_int_eq(f.kind, FAULT_NOPERM);
		ck_assert_int_eq(opened, i);
	}
	sink_close(&s.sink);
}
END_TEST

START_TEST(what_is_not_ended_is_given_up)
{
	struct sink_hold s;
	struct entry e;
	struct fault f = FAULT_INIT;
	sink_hold_later(&s, &hooks, HOLD_QUEUE);
	address(&e);
	ck_assert(sink_open(&s.sink, &f));
	sink_abandon(&s.sink);
	ck_assert(sink_begin(&s.sink, &e, 0, &f));
	ck_assert_uint_eq(count_in("tmp"), 1);
	sink_abandon(&s.sink);
	ck_assert_uint_eq(count_in("tmp"), 0);
	ck_assert(sink_begin(&s.sink, &e, 0, &f) && sink_bytes(&s.sink, STR(MESSAGE), &f));
	sink_close(&s.sink);
	ck_assert_uint_eq(count_in("tmp"), 0);
	ck_assert_uint_eq(count_in("hold"), 0);
	entry_release(&e);
}
END_TEST

/* What is kept because of the configuration is not taken. */
START_TEST(only_what_is_to_be_sent_is_counted)
{
	static const enum hold_room rooms[] = {HOLD_QUEUE, HOLD_FAILED};
	struct hold h;
	struct counters sum;
	struct fault f = FAULT_INIT;
	ck_assert(hold_open(path, &h, &f));
	for (int i = 0; i < 2; i++) {
		struct sink_hold s;
		struct entry e;
		sink_hold_init(&s, &h, rooms[i]);
		ck_assert_msg(put(&s.sink, &e, &f), "%s", f.text);
		sink_accepted(&s.sink);
		sink_close(&s.sink);
		entry_release(&e);
		ck_assert_uint_eq(count_in(hold_room_name(rooms[i])), 1);
	}
	counters_read(&h, &sum);
	ck_assert_uint_eq(sum.accepted, 1);
	hold_close(&h);
}
END_TEST

START_TEST(a_delay_is_rounded_up_and_space_is_asked_for)
{
	struct sink_hold s;
	struct entry e;
	struct fault f = FAULT_INIT;
	sink_hold_later(&s, &hooks, HOLD_QUEUE);
	address(&e);
	e.created = 5;
	e.uid = 7;
	ck_assert(sink_open(&s.sink, &f) && sink_begin(&s.sink, &e, 60, &f));
	ck_assert_int_gt(e.next_try, 60);
	ck_assert_int_eq(e.created, 5);
	ck_assert_uint_eq(e.uid, 7);
	sink_abandon(&s.sink);
	s.min_free = UINT64_MAX;
	ck_assert(!sink_begin(&s.sink, &e, 0, &f));
	ck_assert_int_eq(f.kind, FAULT_TEMP);
	sink_close(&s.sink);
	ck_assert_uint_eq(count_in("tmp"), 0);
	entry_release(&e);
}
END_TEST

/* There was space when it began. Not every byte is asked about. */
START_TEST(space_is_asked_for_while_it_grows)
{
	struct hold h;
	struct sink_hold s;
	struct entry e;
	struct fault f = FAULT_INIT;
	size_t len = (size_t)400 * 1024;
	char *piece = mem_alloc(len);
	memset(piece, 'x', len);
	ck_assert(hold_open(path, &h, &f));
	sink_hold_init(&s, &h, HOLD_QUEUE);
	for (int i = 0; i < 2; i++) {
		s.min_free = 0;
		address(&e);
		ck_assert(sink_open(&s.sink, &f) && sink_begin(&s.sink, &e, 0, &f));
		s.min_free = UINT64_MAX;
		ck_assert(sink_bytes(&s.sink, str_make(piece, len), &f));
		ck_assert(sink_bytes(&s.sink, str_make(piece, len), &f));
		ck_assert(!sink_bytes(&s.sink, str_make(piece, len), &f));
		ck_assert_int_eq(f.kind, FAULT_TEMP);
		ck_assert_ptr_nonnull(strstr(f.text, "min_free"));
		sink_abandon(&s.sink);
		entry_release(&e);
		ck_assert_uint_eq(count_in("tmp"), 0);
	}
	sink_close(&s.sink);
	hold_close(&h);
	free(piece);
}
END_TEST

START_TEST(a_copy_has_the_message)
{
	struct hold h;
	struct sink_hold s;
	struct entry e, copy;
	struct hold_entry he;
	struct fault f = FAULT_INIT;
	char bytes[100];
	size_t got;
	ck_assert(hold_open(path, &h, &f));
	sink_hold_init(&s, &h, HOLD_QUEUE);
	ck_assert(put(&s.sink, &e, &f));
	ck_assert_int_eq(hold_claim(&h, HOLD_QUEUE, e.id, &he, &f), CLAIM_OK);
	address(&copy);
	ck_assert(sink_copy(&s.sink, &copy, &he, &f) && sink_end(&s.sink, &he.entry.facts, &f));
	hold_release(&he);
	ck_assert_int_eq(hold_claim(&h, HOLD_QUEUE, copy.id, &he, &f), CLAIM_OK);
	ck_assert(entry_read_message(he.fd, &he.entry, 0, bytes, sizeof(bytes), &got, &f));
	ck_assert(str_eq(str_make(bytes, got), STR(MESSAGE)));
	hold_release(&he);
	entry_release(&e);
	entry_release(&copy);
	/* Not its own: it stays open. */
	sink_close(&s.sink);
	ck_assert_uint_eq(count_in("hold"), 2);
	hold_close(&h);
}
END_TEST

/* By way of post: each conversation writes down the kinds of what it hears. */

static int talks[TALKS];

static void play_post(int fd, int log)
{
	static struct record_reader in;
	struct record r;
	record_init(&in);
	while (record_read(&in, fd, 5000, &r) == RECORD_OK) {
		if (write(log, &r.kind, 1) != 1 ||
		    (r.kind == RECORD_END &&
		     record_write(fd, RECORD_ID, "0123456789AB", 12, 5000) != 0))
			break;
		if (r.kind == RECORD_GO)
			break;
	}
	_exit(0);
}

static bool open_post(void *context, struct post_client *g, struct fault *f)
{
	int pair[2], log[2];
	(void)context, (void)f;
	ck_assert_int_lt(opened, TALKS);
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	ck_assert_int_eq(pipe(log), 0);
	post_client_init(g);
	g->pid = fork();
	if (g->pid == 0) {
		close(pair[0]);
		play_post(pair[1], log[1]);
	}
	close(pair[1]);
	close(log[1]);
	talks[opened++] = log[0];
	g->fd = pair[0];
	g->reader = mem_alloc(sizeof(*g->reader));
	record_init(g->reader);
	return true;
}

/* All has been said: what did conversation i hear? */
static void check_heard(int i, const char *want)
{
	char text[100] = "";
	size_t len = 0;
	ssize_t n;
	ck_assert_int_lt(i, opened);
	while ((n = read(talks[i], text + len, sizeof(text) - 1 - len)) > 0)
		len += (size_t)n;
	close(talks[i]);
	ck_assert_str_eq(text, want);
}

START_TEST(a_conversation_for_each_message)
{
	struct sink_post s;
	struct entry one, two;
	struct fault f = FAULT_INIT;
	struct sink_try attempt = {.id = "0123456789AB"};
	sink_post_init(&s, HOLD_QUEUE, open_post, NULL);
	ck_assert_msg(put(&s.sink, &one, &f) && put(&s.sink, &two, &f), "%s", f.text);
	ck_assert_str_eq(one.id, "0123456789AB");
	sink_accepted(&s.sink);
	ck_assert(sink_start(&s.sink, &attempt, &f));
	ck_assert_int_gt(attempt.pid, 0);
	ck_assert_int_eq(attempt.fd, -1);
	ck_assert_int_eq(opened, 2);
	sink_close(&s.sink);
	check_heard(0, "PsRME");
	check_heard(1, "PsRMEG");
	entry_release(&one);
	entry_release(&two);
}
END_TEST

START_TEST(all_that_is_due_has_a_conversation_of_its_own)
{
	struct sink_post s;
	struct entry one, two;
	struct fault f = FAULT_INIT;
	struct sink_try attempt = {.listen = true};
	sink_post_init(&s, HOLD_FAILED, open_post, NULL);
	ck_assert(put(&s.sink, &one, &f) && put(&s.sink, &two, &f));
	ck_assert(sink_start(&s.sink, &attempt, &f));
	ck_assert_int_ge(attempt.fd, 0);
	close(attempt.fd);
	sink_close(&s.sink);
	ck_assert_int_eq(opened, 3);
	check_heard(0, "PsRME");
	check_heard(1, "PsRME");
	check_heard(2, "G");
	entry_release(&one);
	entry_release(&two);
}
END_TEST

/* A client that writes ahead has begun the next message when the last is to be sent. */
START_TEST(a_start_leaves_the_next_message_alone)
{
	struct fault f = FAULT_INIT;
	for (int begun = 0; begun < 2; begun++) {
		struct sink_post s;
		struct entry one, two;
		struct sink_try attempt = {.id = "0123456789AB"};
		opened = 0;
		sink_post_init(&s, HOLD_QUEUE, open_post, NULL);
		ck_assert(put(&s.sink, &one, &f));
		address(&two);
		ck_assert(sink_open(&s.sink, &f));
		ck_assert(!begun || sink_begin(&s.sink, &two, 0, &f));
		ck_assert(sink_start(&s.sink, &attempt, &f));
		ck_assert(begun || sink_begin(&s.sink, &two, 0, &f));
		ck_assert_msg(sink_bytes(&s.sink, STR(MESSAGE), &f) &&
		                  sink_end(&s.sink, &facts, &f),
		              "%d: %s", begun, f.text);
		sink_close(&s.sink);
		ck_assert_int_eq(opened, 3);
		check_heard(0, "PsRME");
		check_heard(1, "PsRME");
		check_heard(2, "G");
		entry_release(&one);
		entry_release(&two);
	}
}
END_TEST

START_TEST(post_hears_that_a_message_is_given_up)
{
	struct sink_post s;
	struct entry e;
	struct fault f = FAULT_INIT;
	sink_post_init(&s, HOLD_QUEUE, open_post, NULL);
	address(&e);
	ck_assert(sink_open(&s.sink, &f) && sink_begin(&s.sink, &e, 0, &f));
	sink_abandon(&s.sink);
	check_heard(0, "PsR");
	sink_close(&s.sink);
	entry_release(&e);
}
END_TEST

/* Nowhere */

START_TEST(a_dry_run_prints)
{
	struct settings_relay relay = {.name = (char *)"main"};
	const struct settings config = {.relays = &relay, .relay_count = 1};
	struct sinks_dry s;
	struct entry e;
	struct fault f = FAULT_INIT;
	struct sink_try attempt = {.id = NULL};
	char text[1000] = "";
	FILE *file = tmpfile();
	int before = dup(STDOUT_FILENO);
	ck_assert_ptr_nonnull(file);
	fflush(stdout);
	ck_assert_int_eq(dup2(fileno(file), STDOUT_FILENO), STDOUT_FILENO);
	sinks_dry_init(&s, &config);
	bool ok = put(&s.sink, &e, &f);
	fflush(stdout);
	dup2(before, STDOUT_FILENO);
	close(before);
	ck_assert(ok);
	ck_assert_str_eq(e.id, "");
	sink_accepted(&s.sink);
	ck_assert(sink_start(&s.sink, &attempt, &f));
	sink_close(&s.sink);
	rewind(file);
	ck_assert_uint_gt(fread(text, 1, sizeof(text) - 1, file), 0);
	fclose(file);
	ck_assert_str_eq(text, "sender: <a@b.example>\nroute: relay main\n"
	                       "recipient: <x@y.example>\nmessage:\nSubject: s\n\nbody\n");
	entry_release(&e);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("sink");
	TCase *t = unit_case(s, "sink");
	tcase_add_checked_fixture(t, set_up, tear_down);
	tcase_add_test(t, a_hold_is_opened_once_and_later);
	tcase_add_test(t, somebody_else_hands_in);
	tcase_add_test(t, a_hold_that_does_not_open);
	tcase_add_test(t, what_is_not_ended_is_given_up);
	tcase_add_test(t, only_what_is_to_be_sent_is_counted);
	tcase_add_test(t, a_delay_is_rounded_up_and_space_is_asked_for);
	tcase_add_test(t, space_is_asked_for_while_it_grows);
	tcase_add_test(t, a_copy_has_the_message);
	tcase_add_test(t, a_conversation_for_each_message);
	tcase_add_test(t, all_that_is_due_has_a_conversation_of_its_own);
	tcase_add_test(t, a_start_leaves_the_next_message_alone);
	tcase_add_test(t, post_hears_that_a_message_is_given_up);
	tcase_add_test(t, a_dry_run_prints);
	return unit_run(s);
}
