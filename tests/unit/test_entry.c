/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "hold/entry.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "os/file.h"
#include "unit.h"

static int fd;
static struct buf given; /* what a sink was given */

static void set_up(void)
{
	char name[] = "/tmp/test_entry.XXXXXX";
	fd = mkstemp(name);
	ck_assert_int_ge(fd, 0);
	unlink(name);
	buf_init(&given, 1 << 20);
}

static void tear_down(void)
{
	close(fd);
	buf_release(&given);
}

/* An entry with a message of that size; its byte at i is one of "0-9". */
static void write_entry(struct entry *e, size_t rcpts, size_t size)
{
	struct entry_writer w;
	struct fault f = FAULT_INIT;
	char *message = mem_alloc(size + 1);
	for (size_t i = 0; i < size; i++)
		message[i] = (char)('0' + (i * 7 + i / 100) % 10);
	entry_init(e);
	memcpy(e->id, "0123456789AB", sizeof(e->id));
	e->created = 1000;
	e->facts.longest_line = 7;
	envelope_set_sender(&e->envelope, STR("sender@example.org"));
	for (size_t i = 0; i < rcpts; i++) {
		char address[32];
		snprintf(address, sizeof(address), "r%zu@example.net", i);
		envelope_append(&e->envelope, str_of(address));
	}
	ck_assert_msg(entry_write_begin(&w, fd, e, &f), "%s", f.text);
	/* In two pieces: the sum is over both. */
	ck_assert(entry_write_message(&w, str_make(message, size / 3), &f));
	ck_assert(entry_write_message(&w, str_make(message + size / 3, size - size / 3), &f));
	ck_assert_msg(entry_write_end(&w, &f), "%s", f.text);
	free(message);
}

static bool take(void *context, struct str bytes, struct fault *f)
{
	size_t *pieces = context;
	(void)f;
	++*pieces;
	ck_assert_uint_gt(bytes.len, 0);
	ck_assert_uint_le(bytes.len, ENTRY_PIECE);
	return buf_add_str(&given, bytes);
}

/* The whole message, and nothing that is not of it. */
static void check_given(const struct entry *e)
{
	ck_assert_uint_eq(given.len, e->facts.size);
	for (size_t i = 0; i < given.len; i++)
		ck_assert_int_eq(given.at[i], (char)('0' + (i * 7 + i / 100) % 10));
}

/* Sizes at which the message, or all behind the state, ends where a piece does. */
static const size_t sizes[] = {0,
                               1,
                               1000,
                               ENTRY_PIECE - 100,
                               ENTRY_PIECE - 50,
                               ENTRY_PIECE - 44,
                               ENTRY_PIECE - 43,
                               ENTRY_PIECE - 42,
                               ENTRY_PIECE,
                               ENTRY_PIECE + 1,
                               3 * ENTRY_PIECE - 43,
                               3 * ENTRY_PIECE,
                               200000};

START_TEST(what_was_written_is_read)
{
	struct entry e, back;
	struct entry_start start;
	struct fault f = FAULT_INIT;
	write_entry(&e, 40, sizes[_i]);
	entry_init(&back);
	ck_assert(entry_read_head(fd, &back, &start, &f));
	ck_assert_str_eq(back.id, "0123456789AB");
	ck_assert_uint_eq(back.envelope.rcpt_count, 0);
	ck_assert(entry_read_rest(fd, &back, &start, &f));
	ck_assert_uint_eq(back.envelope.rcpt_count, 40);
	ck_assert_str_eq(back.envelope.rcpts[39].address, "r39@example.net");
	ck_assert_uint_eq(back.facts.size, sizes[_i]);
	ck_assert_int_eq(back.message_at, e.message_at);
	ck_assert(entry_verify(fd, &back, &f));
	entry_release(&back);
	entry_release(&e);
}
END_TEST

START_TEST(one_pass_gives_all_and_checks)
{
	struct entry e;
	size_t pieces = 0, again = 0;
	struct fault f = FAULT_INIT;
	write_entry(&e, 1, sizes[_i]);
	ck_assert_msg(entry_each_sound(fd, &e, take, &pieces, &f), "%s", f.text);
	check_given(&e);
	buf_clear(&given);
	ck_assert(entry_each(fd, &e, take, &again, &f));
	check_given(&e);
	struct buf room;
	struct str message = {NULL, 0};
	buf_init(&room, ENTRY_PIECE + ENTRY_TRAILER);
	if (entry_is_small(&e)) {
		ck_assert_uint_le(pieces, 1);
		ck_assert(entry_read_small(fd, &e, &room, &message, &f));
		ck_assert_uint_eq(message.len, sizes[_i]);
		ck_assert(message.len == 0 || memcmp(message.at, given.at, message.len) == 0);
	} else {
		ck_assert_uint_gt(pieces, 1);
	}
	buf_release(&room);
	entry_release(&e);
}
END_TEST

/* A message that is damaged anywhere is never given to its end. */
static void check_damaged(const struct entry *e, const char *what, long long at)
{
	size_t pieces = 0;
	struct fault f = FAULT_INIT;
	struct buf room;
	struct str message;
	buf_clear(&given);
	ck_assert_msg(!entry_each_sound(fd, e, take, &pieces, &f), "%s at %lld", what, at);
	ck_assert_int_eq(f.kind, FAULT_DATA);
	ck_assert_msg(given.len < e->facts.size || e->facts.size == 0, "%s at %lld: given",
	              what, at);
	ck_assert_msg(!entry_verify(fd, e, &f), "%s at %lld", what, at);
	buf_init(&room, ENTRY_PIECE + ENTRY_TRAILER);
	if (entry_is_small(e))
		ck_assert(!entry_read_small(fd, e, &room, &message, &f));
	buf_release(&room);
}

static void flip(int64_t at)
{
	char byte;
	ck_assert_int_eq(pread(fd, &byte, 1, at), 1);
	byte ^= 4;
	ck_assert_int_eq(pwrite(fd, &byte, 1, at), 1);
}

START_TEST(a_flip_anywhere_is_found_before_the_end)
{
	struct entry e;
	write_entry(&e, 1, sizes[_i]);
	int64_t begin = ENTRY_HEAD + ENTRY_SLOT;
	int64_t end = e.message_at + (int64_t)sizes[_i] + ENTRY_TRAILER;
	/* All of the beginning and the end, and around each border of a piece. */
	for (int64_t at = begin; at < end; at++) {
		int64_t in = (at - begin + 2) % ENTRY_PIECE;
		if (at - begin > 70 && end - at > 70 && in > 3)
			continue;
		flip(at);
		check_damaged(&e, "flip", at);
		flip(at);
	}
	struct fault f = FAULT_INIT;
	ck_assert(entry_verify(fd, &e, &f));
	entry_release(&e);
}
END_TEST

START_TEST(a_file_cut_short_is_found)
{
	struct entry e;
	write_entry(&e, 1, sizes[_i]);
	int64_t end = e.message_at + (int64_t)sizes[_i] + ENTRY_TRAILER;
	for (int64_t less = 1; less <= end - e.message_at; less = less * 3 + 1) {
		ck_assert_int_eq(ftruncate(fd, end - less), 0);
		check_damaged(&e, "cut", less);
	}
	entry_release(&e);
}
END_TEST

START_TEST(a_wrong_size_is_found)
{
	struct entry e;
	write_entry(&e, 1, sizes[_i]);
	for (uint64_t wrong = 1; wrong < 1000000; wrong = wrong * 5 + 1) {
		uint64_t right = e.facts.size;
		e.facts.size = right + wrong;
		check_damaged(&e, "size +", (long long)wrong);
		if (wrong <= right) {
			e.facts.size = right - wrong;
			check_damaged(&e, "size -", (long long)wrong);
		}
		e.facts.size = right;
	}
	entry_release(&e);
}
END_TEST

static bool stop_at_once(void *context, struct str bytes, struct fault *f)
{
	(void)bytes;
	++*(int *)context;
	return fault_set(f, FAULT_TEMP, "enough");
}

START_TEST(a_sink_that_stops_is_passed_on)
{
	struct entry e;
	int calls = 0;
	struct fault f = FAULT_INIT;
	write_entry(&e, 1, 200000);
	ck_assert(!entry_each_sound(fd, &e, stop_at_once, &calls, &f));
	ck_assert_int_eq(f.kind, FAULT_TEMP);
	ck_assert_int_eq(calls, 1);
	entry_release(&e);
}
END_TEST

/* Marks change their slot and the head, and neither message nor sum. */
START_TEST(a_mark_stays_in_its_place)
{
	struct entry e, back;
	struct fault f = FAULT_INIT;
	write_entry(&e, 3, 1000);
	e.envelope.rcpts[1].state = RCPT_DELIVERED;
	verdict_set(&e.envelope.rcpts[1].verdict, CAUSE_NONE, 250, "2.0.0", "main",
	            "h.example:25", STR("ok"));
	e.attempts = 9;
	ck_assert(entry_mark_rcpt(fd, &e, 1, &f) && entry_mark_head(fd, &e, &f));
	entry_init(&back);
	ck_assert(entry_read(fd, &back, &f));
	ck_assert_int_eq(back.envelope.rcpts[0].state, RCPT_WAITING);
	ck_assert_int_eq(back.envelope.rcpts[1].state, RCPT_DELIVERED);
	ck_assert_int_eq(back.envelope.rcpts[2].state, RCPT_WAITING);
	ck_assert_int_eq(back.envelope.rcpts[1].verdict.code, 250);
	ck_assert_int_eq(back.attempts, 9);
	ck_assert(entry_verify(fd, &back, &f));
	entry_release(&back);
	entry_release(&e);
}
END_TEST

/* A server may be called in any letters, and a socket be anywhere. */
START_TEST(every_name_of_a_server_is_read)
{
	static const struct {
		const char *host, *back;
	} rows[] = {{"b\xC3\xBC"
	             "cher.example:25",
	             "b\xC3\xBC"
	             "cher.example:25"},
	            {"/run/\xFF\x80/lmtp", "/run/\xFF\x80/lmtp"},
	            {"/run/my\tl m\x7Ftp", "/run/my_l_m_tp"}};
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct entry e, back;
		struct fault f = FAULT_INIT;
		write_entry(&e, 1, 0);
		verdict_set(&e.envelope.rcpts[0].verdict, CAUSE_SILENT, 0, NULL, "main",
		            rows[i].host, STR("no answer"));
		ck_assert(entry_mark_rcpt(fd, &e, 0, &f));
		entry_init(&back);
		ck_assert_msg(entry_read(fd, &back, &f), "%s", f.text);
		ck_assert_str_eq(back.envelope.rcpts[0].verdict.host, rows[i].back);
		ck_assert_str_eq(back.envelope.rcpts[0].verdict.text, "no answer");
		entry_release(&back);
		entry_release(&e);
		ck_assert_int_eq(ftruncate(fd, 0), 0);
		ck_assert_int_eq(lseek(fd, 0, SEEK_SET), 0);
	}
}
END_TEST

int main(void)
{
	Suite *s = suite_create("entry");
	TCase *t = unit_case(s, "entry");
	tcase_set_timeout(t, 120);
	tcase_add_checked_fixture(t, set_up, tear_down);
	tcase_add_loop_test(t, what_was_written_is_read, 0, COUNT(sizes));
	tcase_add_loop_test(t, one_pass_gives_all_and_checks, 0, COUNT(sizes));
	tcase_add_loop_test(t, a_flip_anywhere_is_found_before_the_end, 0, COUNT(sizes));
	tcase_add_loop_test(t, a_file_cut_short_is_found, 0, COUNT(sizes));
	tcase_add_loop_test(t, a_wrong_size_is_found, 0, COUNT(sizes));
	tcase_add_test(t, a_sink_that_stops_is_passed_on);
	tcase_add_test(t, a_mark_stays_in_its_place);
	tcase_add_test(t, every_name_of_a_server_is_read);
	return unit_run(s);
}
