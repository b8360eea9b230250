/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "hold/hold.h"

#include <check.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "os/clock.h"
#include "hold/backoff.h"
#include "submit/sink_hold.h"
#include "hold/sweep.h"
#include "unit.h"

static char root[64];
static struct hold hold;
static const char message[] = "Subject: t\r\n\r\nbody\r\n.\r\n";

static void set_up(void)
{
	struct fault f = FAULT_INIT;
	snprintf(root, sizeof(root), "/tmp/test-hold-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(root));
	char path[80];
	snprintf(path, sizeof(path), "%s/hold", root);
	ck_assert_msg(hold_open(path, &hold, &f), "%s", f.text);
}

static void tear_down(void)
{
	hold_close(&hold);
	char command[128];
	snprintf(command, sizeof(command), "rm -rf %s", root);
	ck_assert_int_eq(system(command), 0);
}

static size_t count_in(enum hold_room room)
{
	hold_id *ids;
	size_t count;
	struct fault f = FAULT_INIT;
	ck_assert(hold_list(&hold, room, &ids, &count, &f));
	free(ids);
	return count;
}

/* Holds a message with so many recipients; its id in id. */
static void put(size_t rcpts, hold_id id)
{
	struct sink_hold s;
	struct fault f = FAULT_INIT;
	struct message_facts facts = {.longest_line = 10, .body_8bit = true};
	sink_hold_init(&s, &hold, HOLD_QUEUE);
	struct entry e;
	entry_init(&e);
	envelope_set_sender(&e.envelope, STR("sender@example.org"));
	for (size_t i = 0; i < rcpts; i++) {
		char address[64];
		snprintf(address, sizeof(address), "r%zu@example.net", i);
		envelope_add(&e.envelope, str_of(address));
	}
	e.envelope.ret = RET_HDRS;
	e.envelope.body = BODY_8BITMIME;
	e.envelope.smtputf8 = true;
	e.envelope.envid = mem_copy(STR("id+2B1"));
	e.envelope.relay = mem_copy(STR("main"));
	e.envelope.rcpts[0].notify = NOTIFY_SUCCESS | NOTIFY_DELAY;
	e.envelope.rcpts[0].orcpt = mem_copy(STR("rfc822;a+2Bb@c"));
	ck_assert_msg(sink_begin(&s.sink, &e, 0, &f), "%s", f.text);
	for (size_t i = 0; i < strlen(message); i++)
		ck_assert(sink_bytes(&s.sink, str_make(message + i, 1), &f));
	ck_assert_msg(sink_end(&s.sink, &facts, &f), "%s", f.text);
	memcpy(id, e.id, sizeof(hold_id));
	sink_abandon(&s.sink);
	entry_release(&e);
}

static void claim(enum hold_room room, const char *id, struct hold_entry *he)
{
	struct fault f = FAULT_INIT;
	ck_assert_int_eq(hold_claim(&hold, room, id, he, &f), CLAIM_OK);
}

static enum hold_claim claim_result(const char *id)
{
	struct hold_entry he;
	struct fault f = FAULT_INIT;
	enum hold_claim result = hold_claim(&hold, HOLD_QUEUE, id, &he, &f);
	if (result == CLAIM_OK)
		hold_release(&he);
	return result;
}

START_TEST(what_was_put_comes_back)
{
	hold_id id;
	struct fault f = FAULT_INIT;
	put(3, id);
	ck_assert_uint_eq(count_in(HOLD_TMP), 0);
	struct hold_entry he;
	claim(HOLD_QUEUE, id, &he);
	const struct envelope *e = &he.entry.envelope;
	ck_assert_str_eq(he.entry.id, id);
	ck_assert_str_eq(e->sender, "sender@example.org");
	ck_assert_uint_eq(e->rcpt_count, 3);
	ck_assert_str_eq(e->rcpts[2].address, "r2@example.net");
	ck_assert_int_eq(e->rcpts[2].state, RCPT_WAITING);
	ck_assert_uint_eq(e->rcpts[0].notify, NOTIFY_SUCCESS | NOTIFY_DELAY);
	ck_assert_str_eq(e->rcpts[0].orcpt, "rfc822;a+2Bb@c");
	ck_assert_uint_eq(e->rcpts[1].notify, 0);
	ck_assert_int_eq(e->ret, RET_HDRS);
	ck_assert_int_eq(e->body, BODY_8BITMIME);
	ck_assert(e->smtputf8);
	ck_assert_str_eq(e->envid, "id+2B1");
	ck_assert_str_eq(e->relay, "main");
	ck_assert(he.entry.facts.body_8bit);
	ck_assert(!he.entry.facts.header_8bit);
	ck_assert_uint_eq(he.entry.facts.size, strlen(message));
	ck_assert_int_eq(he.entry.uid, getuid());
	ck_assert_msg(hold_verify(&he, &f), "%s", f.text);
	char bytes[256];
	size_t got;
	ck_assert(entry_read_message(he.fd, &he.entry, 0, bytes, sizeof(bytes), &got, &f));
	ck_assert_uint_eq(got, strlen(message));
	ck_assert_int_eq(memcmp(bytes, message, got), 0);
	hold_release(&he);
}
END_TEST

START_TEST(a_mark_is_seen_by_the_next_and_changes_nothing_else)
{
	struct fault f = FAULT_INIT;
	size_t second = 1;
	char long_reason[600];
	memset(long_reason, 'x', sizeof(long_reason) - 1);
	long_reason[sizeof(long_reason) - 1] = '\0';
	hold_id id;
	put(70, id);
	struct hold_entry he;
	claim(HOLD_QUEUE, id, &he);
	verdict_set(&he.entry.envelope.rcpts[1].verdict, CAUSE_DEFERRED, 451, "4.3.0",
	            "my relay", "mx.example[192.0.2.1]:25", STR("later\r\n250 ok"));
	ck_assert(hold_mark(&he, &second, 1, true, &f));
	size_t last = 69;
	he.entry.envelope.rcpts[69].state = RCPT_FAILED;
	verdict_set(&he.entry.envelope.rcpts[69].verdict, CAUSE_NO_SUCH_USER, 550, "5.1.1",
	            NULL, long_reason, str_of(long_reason));
	ck_assert(hold_mark(&he, &last, 1, true, &f));
	he.entry.attempts = 7;
	he.entry.frozen = true;
	ck_assert(hold_mark_head(&he, &f));
	hold_release(&he);
	claim(HOLD_QUEUE, id, &he);
	const struct rcpt *r = he.entry.envelope.rcpts;
	ck_assert_int_eq(r[1].state, RCPT_WAITING);
	ck_assert_int_eq(r[1].verdict.cause, CAUSE_DEFERRED);
	ck_assert_int_eq(r[1].verdict.code, 451);
	ck_assert_str_eq(r[1].verdict.status, "4.3.0");
	ck_assert_str_eq(r[1].verdict.relay, "my_relay");
	ck_assert_str_eq(r[1].verdict.host, "mx.example[192.0.2.1]:25");
	ck_assert_str_eq(r[1].verdict.text, "later\\x0D\\x0A250 ok");
	ck_assert_int_eq(r[69].state, RCPT_FAILED);
	ck_assert_int_eq(r[69].verdict.cause, CAUSE_NO_SUCH_USER);
	ck_assert_ptr_null(r[69].verdict.relay);
	ck_assert_uint_gt(strlen(r[69].verdict.text), 60);
	ck_assert_int_eq(r[0].state, RCPT_WAITING);
	ck_assert_ptr_null(r[0].verdict.text);
	ck_assert_int_eq(r[0].verdict.cause, CAUSE_NONE);
	ck_assert_int_eq(he.entry.attempts, 7);
	ck_assert(he.entry.frozen);
	ck_assert_msg(hold_verify(&he, &f), "%s", f.text);
	hold_release(&he);
}
END_TEST

START_TEST(only_one_at_a_time)
{
	hold_id id;
	put(1, id);
	struct hold_entry he;
	claim(HOLD_QUEUE, id, &he);
	ck_assert_int_eq(claim_result(id), CLAIM_BUSY);
	hold_release(&he);
	ck_assert_int_eq(claim_result(id), CLAIM_OK);
	ck_assert_int_eq(claim_result("0123456789AB"), CLAIM_GONE);
}
END_TEST

START_TEST(looking_says_busy_and_takes_nothing)
{
	hold_id id;
	struct fault f = FAULT_INIT;
	put(1, id);
	struct hold_entry he;
	claim(HOLD_QUEUE, id, &he);
	struct hold_entry look;
	ck_assert_int_eq(hold_look(&hold, HOLD_QUEUE, id, &look, &f), CLAIM_OK);
	ck_assert(look.busy);
	hold_release(&look);
	hold_release(&he);
	ck_assert_int_eq(hold_look(&hold, HOLD_QUEUE, id, &look, &f), CLAIM_OK);
	ck_assert(!look.busy);
	ck_assert_int_eq(claim_result(id), CLAIM_OK);
	hold_release(&look);
}
END_TEST

/* What somebody who looks at many sees of that entry, and whether he asks of it. */
static bool looks_busy(const char *id, bool *quiet)
{
	char path[80];
	struct fault f = FAULT_INIT;
	snprintf(path, sizeof(path), "%s/hold", root);
	struct hold other;
	ck_assert(hold_open_to_look(path, &other, &f));
	hold_look_around(&other);
	*quiet = other.quiet;
	struct hold_entry look;
	ck_assert_int_eq(hold_look(&other, HOLD_QUEUE, id, &look, &f), CLAIM_OK);
	bool busy = look.busy;
	hold_release(&look);
	hold_close(&other);
	return busy;
}

START_TEST(who_looks_around_asks_of_none_where_nobody_works)
{
	hold_id first;
	struct fault f = FAULT_INIT;
	put(1, first);
	hold_id second;
	put(1, second);
	bool quiet;
	ck_assert(!looks_busy(first, &quiet));
	ck_assert_msg(!quiet, "nobody ever said whether he works");
	struct hold_entry he;
	claim(HOLD_QUEUE, first, &he);
	ck_assert(looks_busy(first, &quiet) && !quiet);
	ck_assert(!looks_busy(second, &quiet) && !quiet);
	hold_release(&he);
	/* It may take the next one at any moment. */
	ck_assert(!looks_busy(first, &quiet) && !quiet);
	hold_close(&hold);
	ck_assert(!looks_busy(first, &quiet) && quiet);
	char path[80];
	snprintf(path, sizeof(path), "%s/hold", root);
	ck_assert(hold_open(path, &hold, &f));
	/* He who looks may be stopped for ever: work goes on. */
	char name[96];
	snprintf(name, sizeof(name), "%s/state/working", path);
	int fd = open(name, O_RDONLY);
	ck_assert_int_eq(flock(fd, LOCK_EX), 0);
	for (int i = 0; i < 5; i++) {
		claim(HOLD_QUEUE, first, &he);
		hold_release(&he);
	}
	close(fd);
}
END_TEST

START_TEST(a_removed_entry_is_gone_for_who_waited)
{
	hold_id id;
	struct fault f = FAULT_INIT;
	put(1, id);
	struct hold_entry he;
	claim(HOLD_QUEUE, id, &he);
	ck_assert(hold_remove(&he, &f));
	hold_release(&he);
	ck_assert_int_eq(claim_result(id), CLAIM_GONE);
	ck_assert_uint_eq(count_in(HOLD_QUEUE), 0);
}
END_TEST

START_TEST(moved_to_failed_and_back)
{
	hold_id id;
	struct fault f = FAULT_INIT;
	put(1, id);
	struct hold_entry he;
	claim(HOLD_QUEUE, id, &he);
	ck_assert(hold_move(&he, HOLD_FAILED, &f));
	hold_release(&he);
	ck_assert_uint_eq(count_in(HOLD_QUEUE), 0);
	ck_assert_uint_eq(count_in(HOLD_FAILED), 1);
	claim(HOLD_FAILED, id, &he);
	ck_assert(hold_move(&he, HOLD_QUEUE, &f));
	hold_release(&he);
	ck_assert_int_eq(claim_result(id), CLAIM_OK);
}
END_TEST

static void damage(const char *id, off_t at, const char *with)
{
	char path[128];
	snprintf(path, sizeof(path), "%s/hold/hold/%s", root, id);
	int fd = open(path, O_WRONLY);
	ck_assert_int_ge(fd, 0);
	if (at < 0)
		at = lseek(fd, 0, SEEK_END) + at;
	ck_assert_int_eq(pwrite(fd, with, strlen(with), at), (ssize_t)strlen(with));
	close(fd);
}

START_TEST(damage_is_found_and_put_aside)
{
	/* Where, what: the version, the id, the number of recipients, a slot, the body, the
	 * trailer, and a user that none can be. */
	static const struct {
		off_t at;
		const char *with;
	} rows[] = {{0, "x"},   {32, "id ABC"}, {128, "recipients 9"},  {512, "Q"},
	            {-70, "x"}, {-5, "x"},      {-64, "postern-end 1"}, {96, "uid 4294967296"}};
	for (size_t i = 0; i < COUNT(rows); i++) {
		hold_id id;
		struct fault f = FAULT_INIT;
		put(2, id);
		damage(id, rows[i].at, rows[i].with);
		struct hold_entry he;
		enum hold_claim result = hold_claim(&hold, HOLD_QUEUE, id, &he, &f);
		if (result == CLAIM_OK) {
			ck_assert_msg(!hold_verify(&he, &f), "row %zu", i);
			hold_release(&he);
		} else {
			ck_assert_int_eq(result, CLAIM_DAMAGED);
		}
		ck_assert_msg(count_in(HOLD_CORRUPT) == 1, "row %zu: %s", i, f.text);
		ck_assert_int_eq(claim_result(id), CLAIM_GONE);
		char path[128];
		snprintf(path, sizeof(path), "%s/hold/corrupt/%s", root, id);
		ck_assert_int_eq(unlink(path), 0);
	}
}
END_TEST

/* Puts word in place of another of its length. */
static void swap_word(const char *id, const char *from, const char *to)
{
	char path[128];
	snprintf(path, sizeof(path), "%s/hold/hold/%s", root, id);
	int fd = open(path, O_RDONLY);
	char text[8192];
	ssize_t len = read(fd, text, sizeof(text));
	close(fd);
	ck_assert_int_gt(len, 0);
	char *at = memmem(text, (size_t)len, from, strlen(from));
	ck_assert_msg(at != NULL, "%s", from);
	damage(id, at - text, to);
}

START_TEST(a_fact_that_is_not_known_is_damage)
{
	static const char *const facts[][2] = {{"\nbody 8BITMIME\n", "\nbody 8BITMINE\n"},
	                                       {"\nsmtputf8 yes\n", "\nsmtputf8 yea\n"},
	                                       {"\nret HDRS\n", "\nret HEAD\n"}};
	for (size_t i = 0; i < COUNT(facts); i++) {
		hold_id id;
		put(1, id);
		swap_word(id, facts[i][0], facts[i][1]);
		ck_assert_int_eq(claim_result(id), CLAIM_DAMAGED);
	}
}
END_TEST

START_TEST(a_cut_file_is_damage_at_every_length)
{
	hold_id id;
	put(1, id);
	char path[128];
	snprintf(path, sizeof(path), "%s/hold/hold/%s", root, id);
	struct stat st;
	ck_assert_int_eq(stat(path, &st), 0);
	for (off_t len = st.st_size - 1; len >= 0; len--) {
		struct fault f = FAULT_INIT;
		ck_assert_int_eq(truncate(path, len), 0);
		struct hold_entry he;
		enum hold_claim result = hold_look(&hold, HOLD_QUEUE, id, &he, &f);
		if (result == CLAIM_OK) {
			ck_assert(!entry_verify(he.fd, &he.entry, &f));
			ck_assert_int_eq(f.kind, FAULT_DATA);
			hold_release(&he);
		} else {
			ck_assert_int_eq(result, CLAIM_DAMAGED);
		}
	}
}
END_TEST

START_TEST(strange_files_are_not_entries)
{
	char path[128];
	snprintf(path, sizeof(path), "%s/hold/hold/0123456789AB", root);
	ck_assert_int_eq(mkfifo(path, 0600), 0);
	struct hold_entry he;
	struct fault f = FAULT_INIT;
	ck_assert_int_ne(hold_claim(&hold, HOLD_QUEUE, "0123456789AB", &he, &f), CLAIM_OK);
	ck_assert_int_eq(hold_look(&hold, HOLD_QUEUE, "0123456789AB", &he, &f), CLAIM_ERROR);
	ck_assert_ptr_nonnull(strstr(f.text, "it is not a regular file"));
	ck_assert_int_eq(unlink(path), 0);
	ck_assert_int_eq(symlink("/etc/passwd", path), 0);
	ck_assert_int_ne(hold_claim(&hold, HOLD_QUEUE, "0123456789AB", &he, &f), CLAIM_OK);
	ck_assert_int_eq(unlink(path), 0);
	char other[128];
	/* A second name could be somebody's file elsewhere, or that of another entry. */
	snprintf(other, sizeof(other), "%s/other", root);
	FILE *file = fopen(other, "w");
	ck_assert(file && fputs("not an entry\n", file) >= 0 && fclose(file) == 0);
	ck_assert_int_eq(link(other, path), 0);
	ck_assert_int_eq(claim_result("0123456789AB"), CLAIM_GONE);
	ck_assert_int_eq(hold_look(&hold, HOLD_QUEUE, "0123456789AB", &he, &f), CLAIM_GONE);
	ck_assert_int_eq(unlink(path), 0);
	hold_id id;
	put(1, id);
	snprintf(other, sizeof(other), "%s/hold/hold/%s", root, id);
	ck_assert_int_eq(link(other, path), 0);
	ck_assert_int_eq(claim_result("0123456789AB"), CLAIM_GONE);
	struct entry_start start;
	ck_assert(hold_peek(&hold, HOLD_QUEUE, id, &he, &start) &&
	          hold_peek_rest(&he, &start) && he.linked);
	hold_release(&he);
	ck_assert_uint_eq(count_in(HOLD_QUEUE), 2);
	ck_assert_uint_eq(count_in(HOLD_CORRUPT), 0);
}
END_TEST

/* Of another user nothing is said; of one's own it is mail that nobody can send. */
START_TEST(what_cannot_be_opened_is_told_of_ones_own)
{
	hold_id id;
	struct hold_entry he;
	struct fault f = FAULT_INIT;
	uid_t us = geteuid(), nobody = us == 0 ? 65534 : us;
	put(1, id);
	ck_assert_int_eq(fchmodat(hold.rooms[HOLD_QUEUE], id, 0, 0), 0);
	ck_assert_int_eq(fchmod(hold.rooms[HOLD_QUEUE], 0711), 0);
	for (int own = us != 0; own < 2; own++) {
		if (own)
			ck_assert_int_eq(
			    fchownat(hold.rooms[HOLD_QUEUE], id, nobody, (gid_t)-1, 0), 0);
		ck_assert_int_eq(seteuid(nobody), 0);
		enum hold_claim want = own ? CLAIM_ERROR : CLAIM_FOREIGN;
		ck_assert_int_eq(hold_look(&hold, HOLD_QUEUE, id, &he, &f), want);
		ck_assert_int_eq(hold_claim(&hold, HOLD_QUEUE, id, &he, &f), want);
		ck_assert_int_eq(f.kind, FAULT_NOPERM);
		ck_assert_ptr_nonnull(strstr(f.text, "Permission denied"));
		ck_assert_int_eq(seteuid(us), 0);
	}
}
END_TEST

static void link_in(const char *from, const char *to, const char *id)
{
	char from_path[128];
	snprintf(from_path, sizeof(from_path), "%s/hold/%s/%s", root, from, id);
	char to_path[128];
	snprintf(to_path, sizeof(to_path), "%s/hold/%s/%s", root, to, id);
	ck_assert_int_eq(link(from_path, to_path), 0);
}

START_TEST(a_second_name_elsewhere_hides_nothing)
{
	hold_id id;
	struct fault f = FAULT_INIT;
	put(1, id);
	char path[128];
	snprintf(path, sizeof(path), "%s/copy", root);
	ck_assert_int_eq(mkdir(path, 0700), 0);
	link_in("hold", "../copy", id);
	struct hold_entry he;
	ck_assert_int_eq(hold_look(&hold, HOLD_QUEUE, id, &he, &f), CLAIM_OK);
	hold_release(&he);
	claim(HOLD_QUEUE, id, &he);
	ck_assert(he.linked);
	ck_assert(hold_remove(&he, &f));
	hold_release(&he);
	ck_assert_uint_eq(count_in(HOLD_QUEUE), 0);
	link_in("../copy", "hold", id);
	snprintf(path, sizeof(path), "%s/copy/%s", root, id);
	ck_assert_int_eq(unlink(path), 0);
	claim(HOLD_QUEUE, id, &he);
	ck_assert(!he.linked);
	hold_release(&he);
}
END_TEST

/* Where rename cannot refuse to replace: the link was made, and no more. */
START_TEST(a_move_cut_short_is_finished)
{
	hold_id id;
	struct fault f = FAULT_INIT;
	put(1, id);
	/* The name in tmp/ may be another: it was taken when the first was not. */
	char from_path[128], to_path[128];
	snprintf(from_path, sizeof(from_path), "%s/hold/hold/%s", root, id);
	snprintf(to_path, sizeof(to_path), "%s/hold/tmp/111111111111", root);
	ck_assert_int_eq(link(from_path, to_path), 0);
	link_in("hold", "tmp", id);
	ck_assert_uint_eq(count_in(HOLD_TMP), 2);
	struct hold_entry he;
	claim(HOLD_QUEUE, id, &he);
	ck_assert(!he.linked);
	ck_assert_uint_eq(count_in(HOLD_TMP), 0);
	hold_release(&he);
	/* Somebody waits: it was on its way back from failed/. */
	link_in("hold", "failed", id);
	ck_assert_int_eq(hold_claim(&hold, HOLD_FAILED, id, &he, &f), CLAIM_GONE);
	ck_assert_uint_eq(count_in(HOLD_FAILED), 0);
	link_in("hold", "failed", id);
	claim(HOLD_QUEUE, id, &he);
	ck_assert(!he.linked);
	ck_assert_uint_eq(count_in(HOLD_FAILED), 0);
	/* Nobody does: it was on its way there. */
	he.entry.envelope.rcpts[0].state = RCPT_FAILED;
	verdict_set(&he.entry.envelope.rcpts[0].verdict, CAUSE_NO_SUCH_USER, 550, "5.1.1", NULL,
	            "mx:25", STR("no"));
	size_t first = 0;
	ck_assert(hold_mark(&he, &first, 1, true, &f));
	hold_release(&he);
	link_in("hold", "failed", id);
	ck_assert_int_eq(claim_result(id), CLAIM_GONE);
	ck_assert_uint_eq(count_in(HOLD_QUEUE), 0);
	claim(HOLD_FAILED, id, &he);
	ck_assert(!he.linked);
	hold_release(&he);
}
END_TEST

START_TEST(a_move_that_goes_on_is_left_alone)
{
	hold_id id;
	put(1, id);
	struct hold_entry he;
	claim(HOLD_QUEUE, id, &he);
	link_in("hold", "failed", id);
	ck_assert_int_eq(claim_result(id), CLAIM_BUSY);
	ck_assert_uint_eq(count_in(HOLD_QUEUE), 1);
	ck_assert_uint_eq(count_in(HOLD_FAILED), 1);
	hold_release(&he);
}
END_TEST

START_TEST(given_up_puts_leave_nothing)
{
	struct sink_hold s;
	struct fault f = FAULT_INIT;
	sink_hold_init(&s, &hold, HOLD_QUEUE);
	struct entry e;
	entry_init(&e);
	envelope_add(&e.envelope, STR("a@b"));
	ck_assert(sink_begin(&s.sink, &e, 0, &f));
	ck_assert_uint_eq(count_in(HOLD_TMP), 1);
	sink_abandon(&s.sink);
	entry_release(&e);
	ck_assert_uint_eq(count_in(HOLD_TMP), 0);
	ck_assert_uint_eq(count_in(HOLD_QUEUE), 0);
}
END_TEST

START_TEST(too_little_room_is_said_before_anything_is_written)
{
	struct sink_hold s;
	struct fault f = FAULT_INIT;
	sink_hold_init(&s, &hold, HOLD_QUEUE);
	struct entry e;
	entry_init(&e);
	s.min_free = UINT64_MAX;
	envelope_add(&e.envelope, STR("a@b"));
	ck_assert(!sink_begin(&s.sink, &e, 0, &f));
	ck_assert_int_eq(f.kind, FAULT_TEMP);
	ck_assert_ptr_nonnull(strstr(f.text, "min_free"));
	ck_assert_uint_eq(count_in(HOLD_TMP), 0);
	sink_abandon(&s.sink);
	entry_release(&e);
}
END_TEST

static bool put_report(const char *of, size_t failed, hold_id id)
{
	struct sink_hold s;
	struct fault f = FAULT_INIT;
	struct message_facts facts = {0};
	sink_hold_init(&s, &hold, HOLD_QUEUE);
	struct entry e;
	entry_init(&e);
	envelope_add(&e.envelope, STR("a@b"));
	memcpy(e.report_of, of, sizeof(hold_id));
	ck_assert(sink_begin(&s.sink, &e, 0, &f));
	bool exists;
	ck_assert_msg(sink_hold_end_report(&s, &facts, failed, &exists, &f), "%s", f.text);
	memcpy(id, e.id, sizeof(hold_id));
	sink_abandon(&s.sink);
	entry_release(&e);
	return !exists;
}

START_TEST(a_report_is_made_once)
{
	hold_id first;
	ck_assert(put_report("6920C8F13A7B", 1, first));
	ck_assert_str_ne(first, "6920C8F13A7B");
	ck_assert(entry_is_id(first));
	hold_id second;
	ck_assert(!put_report("6920C8F13A7B", 1, second));
	ck_assert_uint_eq(count_in(HOLD_QUEUE), 1);
	hold_id third;
	ck_assert(put_report("6920C8F13A7C", 1, third));
	ck_assert_uint_eq(count_in(HOLD_QUEUE), 2);
	/* Later failures of the same entry are told of in a report of their own. */
	ck_assert(put_report("6920C8F13A7B", 2, third));
	ck_assert(!put_report("6920C8F13A7B", 2, third));
	ck_assert(put_report("6920C8F13A7B", 65536, third));
	ck_assert_uint_eq(count_in(HOLD_QUEUE), 4);
	ck_assert_uint_eq(count_in(HOLD_TMP), 0);
}
END_TEST

/* With clocks that have agreed for long. */
static void sweep_at(int64_t wall, int64_t keep)
{
	struct hold *h = &hold;
	sweep_run(h, wall - 7200, 1000, 0);
	sweep_run(h, wall - 3600, 4600, 0);
	sweep_run(h, wall, 8200, keep);
}

START_TEST(sweep_takes_old_left_overs_only)
{
	char path[128];
	int64_t now = clock_wall();
	snprintf(path, sizeof(path), "%s/hold/tmp/0123456789AB", root);
	int fd = open(path, O_CREAT | O_WRONLY, 0600);
	ck_assert_int_ge(fd, 0);
	close(fd);
	hold_id id;
	put(1, id);
	sweep_at(now + 3600, 0);
	ck_assert_uint_eq(count_in(HOLD_TMP), 1);
	sweep_at(now + 37 * 3600, 0);
	ck_assert_uint_eq(count_in(HOLD_TMP), 0);
	ck_assert_uint_eq(count_in(HOLD_QUEUE), 1);
	struct hold_entry he;
	struct fault f = FAULT_INIT;
	claim(HOLD_QUEUE, id, &he);
	ck_assert(hold_move(&he, HOLD_FAILED, &f));
	hold_release(&he);
	sweep_at(now + 10 * 86400, 0);
	ck_assert_uint_eq(count_in(HOLD_FAILED), 1);
	sweep_at(now + 10 * 86400, 7 * 86400);
	ck_assert_uint_eq(count_in(HOLD_FAILED), 0);
}
END_TEST

static bool state_has(const char *name)
{
	char path[128];
	snprintf(path, sizeof(path), "%s/hold/state/%s", root, name);
	return access(path, F_OK) == 0;
}

static bool left_after(int64_t wall, int64_t uptime)
{
	sweep_run(&hold, wall, uptime, 7 * 86400);
	return count_in(HOLD_FAILED) == 1 && count_in(HOLD_TMP) == 1;
}

START_TEST(sweep_does_not_believe_a_clock_that_jumps)
{
	hold_id id;
	struct fault f = FAULT_INIT;
	const int64_t now = clock_wall(), far = now + 30 * 86400;
	put(1, id);
	struct hold_entry he;
	claim(HOLD_QUEUE, id, &he);
	ck_assert(hold_move(&he, HOLD_FAILED, &f));
	hold_release(&he);
	char path[128];
	snprintf(path, sizeof(path), "%s/hold/tmp/0123456789AB", root);
	close(open(path, O_CREAT | O_WRONLY, 0600));
	/* Nothing is known yet. */
	ck_assert(left_after(far, 5000));
	ck_assert(left_after(now, 5100));
	ck_assert(left_after(now + 3600, 8700));
	/* A jump, and back again. */
	ck_assert(left_after(far, 8800));
	ck_assert(left_after(far + 120, 8920));
	ck_assert(left_after(far + 1700, 10500));
	ck_assert(left_after(now + 5420, 10520));
	/* A boot, with a clock that is wrong until it is set. */
	ck_assert(left_after(far, 30));
	ck_assert(left_after(far + 60, 90));
	ck_assert(left_after(now + 9000, 150));
	/* Then it is right, and time passes. */
	ck_assert(left_after(now + 9000 + 3600, 150 + 3600));
	ck_assert(left_after(now + 86400, 150 + 86400 - 9000));
	sweep_run(&hold, now + 8 * 86400, 150 + 8 * 86400 - 9000, 7 * 86400);
	ck_assert_uint_eq(count_in(HOLD_FAILED), 0);
	ck_assert_uint_eq(count_in(HOLD_TMP), 0);
}
END_TEST

START_TEST(sweep_takes_old_state)
{
	static const struct {
		const char *name;
		int hours; /* until it goes; 0: never */
	} rows[] = {{"server.0123ABCD.89ABCDEF", 7 * 24},
	            {"server.0123ABCD.89ABCDEF.60101", 7 * 24},
	            {"ticket.0123ABCD", 7 * 24},
	            {"slots.0123ABCD", 7 * 24},
	            {"rate.main", 7 * 24},
	            {"login.main", 0},
	            {".server.0123ABCD.123.0", 36},
	            {".ticket.0123ABCD.123.0", 36},
	            {".other.1.0", 36},
	            {"other", 0},
	            {"tokens.main", 0}};
	static const int hours[] = {1, 35, 37, 6 * 24, 8 * 24, 400 * 24};
	int64_t now = clock_wall();
	for (size_t i = 0; i < COUNT(rows); i++) {
		int fd = openat(hold.rooms[HOLD_STATE], rows[i].name, O_CREAT | O_WRONLY, 0600);
		ck_assert_int_ge(fd, 0);
		close(fd);
	}
	for (size_t h = 0; h < COUNT(hours); h++) {
		sweep_at(now + hours[h] * 3600, 0);
		for (size_t i = 0; i < COUNT(rows); i++)
			ck_assert_msg(state_has(rows[i].name) ==
			                  (rows[i].hours == 0 || hours[h] < rows[i].hours),
			              "%s after %d h", rows[i].name, hours[h]);
	}
}
END_TEST

#define KEY "main a:587"

START_TEST(what_is_known_of_a_server_comes_back)
{
	struct backoff b = {.cause = CAUSE_NONE}, back;
	ck_assert(!backoff_get(&hold, KEY, &back));
	backoff_dead(&b, CAUSE_LOGIN_REFUSED, 535, 600, 1000000, 500, 7);
	backoff_set(&hold, KEY, &b);
	ck_assert(backoff_get(&hold, KEY, &back));
	ck_assert_int_eq(back.cause, CAUSE_LOGIN_REFUSED);
	ck_assert_int_eq(back.code, 535);
	ck_assert_int_eq(back.until, b.until);
	ck_assert_int_eq(back.since, 1000000);
	ck_assert_int_eq(back.uptime, 500);
	ck_assert_int_eq(back.failures, 1);
	ck_assert(!back.busy);
	ck_assert(!backoff_get(&hold, "main b:587", &back));
	/* Written over in place: nothing of it shows behind a shorter one. */
	b = (struct backoff){.cause = CAUSE_NONE};
	backoff_busy(&b, CAUSE_BUSY, 421, 2, 5, 0);
	backoff_set(&hold, KEY, &b);
	ck_assert(backoff_get(&hold, KEY, &back));
	ck_assert(back.busy);
	ck_assert_int_eq(back.connections, 2);
	backoff_clear(&hold, KEY);
	ck_assert(!backoff_get(&hold, KEY, &back));
}
END_TEST

START_TEST(one_process_asks_a_dead_server_again)
{
	struct backoff b = {.cause = CAUSE_NONE};
	backoff_dead(&b, CAUSE_NOT_LISTENING, 0, 600, 1000000, 500, 7);
	backoff_set(&hold, KEY, &b);
	int first;
	ck_assert(backoff_probe(&hold, KEY, &first));
	ck_assert_int_ge(first, 0);
	int second;
	ck_assert(!backoff_probe(&hold, KEY, &second));
	/* What it found is written while it has the file. */
	backoff_set(&hold, KEY, &b);
	ck_assert(!backoff_probe(&hold, KEY, &second));
	close(first);
	ck_assert(backoff_probe(&hold, KEY, &second));
	close(second);
}
END_TEST

/* The limit doubles each time, and the wait is anything below it. */
START_TEST(dead_servers_wait_below_a_limit_that_doubles)
{
	static const int64_t limits[] = {60, 120, 240, 480, 600, 600};
	struct backoff b = {.cause = CAUSE_NONE};
	int64_t at = 1000000;
	for (size_t i = 0; i < COUNT(limits); i++) {
		int64_t least = INT64_MAX, most = 0;
		struct backoff before = b;
		for (uint32_t random = 0; random < 1000; random++) {
			b = before;
			backoff_dead(&b, CAUSE_NOT_LISTENING, 0, 600, at, 0, random);
			ck_assert_int_eq(b.limit, limits[i]);
			ck_assert(backoff_stands(&b, at));
			least = b.until - at < least ? b.until - at : least;
			most = b.until - at > most ? b.until - at : most;
		}
		ck_assert_int_gt(least, 0);
		ck_assert_int_le(least, limits[i] / 5);
		ck_assert_int_eq(most, limits[i]);
		/* Others meet the same silence at the same time. */
		int64_t until = b.until;
		backoff_dead(&b, CAUSE_NOT_LISTENING, 0, 600, at, 0, 5);
		ck_assert_int_eq(b.until, until);
		ck_assert_int_eq(b.since, 1000000);
		at = b.until;
		ck_assert(!backoff_stands(&b, at));
	}
	/* Written by a clock that was years ahead. */
	ck_assert(!backoff_stands(&b, 1000000 - 86400 * 365));
}
END_TEST

START_TEST(a_busy_server_rests_shortly_and_does_not_double)
{
	struct backoff b = {.cause = CAUSE_NONE};
	int64_t at = 1000000;
	for (uint32_t random = 0; random < 500; random++) {
		backoff_busy(&b, CAUSE_BUSY, 421, 4, at, random);
		ck_assert(b.busy);
		ck_assert_int_ge(b.until - at, BUSY_MIN);
		ck_assert_int_le(b.until - at, BUSY_MAX);
		at = b.until;
	}
}
END_TEST

/* Ten thousand hosts lose one server for an hour: they do not come back to it in step,
 * and most have noticed its return within minutes. */
START_TEST(many_hosts_do_not_probe_in_step)
{
	enum { HOSTS = 10000, AWAY = 3600, WINDOW = 3600 };
	static int per_second[AWAY + WINDOW], noticed[WINDOW];
	uint32_t random = 12345;
	for (int host = 0; host < HOSTS; host++) {
		struct backoff b = {.cause = CAUSE_NONE};
		/* A flush a minute, at a second of its own. */
		random = random * 1664525 + 1013904223;
		int64_t at = (int64_t)(random >> 8) % 60;
		for (; at < AWAY; at += 60) {
			if (backoff_stands(&b, at))
				continue;
			random = random * 1664525 + 1013904223;
			backoff_dead(&b, CAUSE_NOT_LISTENING, 0, 600, at, at, random >> 8);
			per_second[at]++;
		}
		while (backoff_stands(&b, at))
			at += 60;
		ck_assert_int_lt(at - AWAY, WINDOW);
		noticed[at - AWAY]++;
	}
	/* When the limits have grown it is a tenth of one flush each. */
	for (int i = 900; i < AWAY; i++)
		ck_assert_int_lt(per_second[i], HOSTS / 200);
	int sum = 0, median = 0;
	while ((sum += noticed[median]) < HOSTS / 2)
		median++;
	ck_assert_int_lt(median, 300);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("hold");
	TCase *t = unit_case(s, "hold");
	tcase_add_checked_fixture(t, set_up, tear_down);
	tcase_add_test(t, what_was_put_comes_back);
	tcase_add_test(t, a_mark_is_seen_by_the_next_and_changes_nothing_else);
	tcase_add_test(t, only_one_at_a_time);
	tcase_add_test(t, looking_says_busy_and_takes_nothing);
	tcase_add_test(t, who_looks_around_asks_of_none_where_nobody_works);
	tcase_add_test(t, a_removed_entry_is_gone_for_who_waited);
	tcase_add_test(t, moved_to_failed_and_back);
	tcase_add_test(t, damage_is_found_and_put_aside);
	tcase_add_test(t, a_fact_that_is_not_known_is_damage);
	tcase_add_test(t, a_cut_file_is_damage_at_every_length);
	tcase_add_test(t, strange_files_are_not_entries);
	tcase_add_test(t, what_cannot_be_opened_is_told_of_ones_own);
	tcase_add_test(t, a_second_name_elsewhere_hides_nothing);
	tcase_add_test(t, a_move_cut_short_is_finished);
	tcase_add_test(t, a_move_that_goes_on_is_left_alone);
	tcase_add_test(t, given_up_puts_leave_nothing);
	tcase_add_test(t, too_little_room_is_said_before_anything_is_written);
	tcase_add_test(t, a_report_is_made_once);
	tcase_add_test(t, sweep_takes_old_left_overs_only);
	tcase_add_test(t, what_is_known_of_a_server_comes_back);
	tcase_add_test(t, one_process_asks_a_dead_server_again);
	tcase_add_test(t, dead_servers_wait_below_a_limit_that_doubles);
	tcase_add_test(t, a_busy_server_rests_shortly_and_does_not_double);
	tcase_add_test(t, many_hosts_do_not_probe_in_step);
	tcase_add_test(t, sweep_does_not_believe_a_clock_that_jumps);
	tcase_add_test(t, sweep_takes_old_state);
	return unit_run(s);
}
