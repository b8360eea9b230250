/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "net/dnsmsg.h"

#include "unit.h"

#define MESSAGE_MAX 2048
#define RECORDS_MAX 32

/* A message is put together byte by byte (RFC 1035 section 4.1). */
struct message {
	unsigned char at[MESSAGE_MAX];
	size_t len;
};

static void put(struct message *m, const char *bytes, size_t len)
{
	ck_assert_uint_le(len, MESSAGE_MAX - m->len);
	memcpy(m->at + m->len, bytes, len);
	m->len += len;
}

#define PUT(m, literal) put(m, literal, sizeof(literal) - 1)

/* Header with one question for example.org, whose name is at 12. */
static void begin(struct message *m, const char *flags, int answers)
{
	const char count[2] = {0, (char)answers};
	m->len = 0;
	PUT(m, "\x12\x34");
	put(m, flags, 2);
	PUT(m, "\0\1");
	put(m, count, 2);
	PUT(m, "\0\0\0\0");
	PUT(m, "\7example\3org\0\0\17\0\1");
}

/* The owner is the question's name. */
static void record(struct message *m, int type, const char *data, size_t len)
{
	const char head[] = {(char)0xC0, 12, 0, (char)type, 0, 1, 0, 0, 1, 0x2C, 0, (char)len};
	put(m, head, sizeof(head));
	put(m, data, len);
}

#define RECORD(m, type, literal) record(m, type, literal, sizeof(literal) - 1)

struct list {
	struct dns_record at[RECORDS_MAX];
	size_t count;
};

static bool keep(void *context, const struct dns_record *r, struct fault *f)
{
	struct list *list = context;
	(void)f;
	ck_assert_uint_lt(list->count, RECORDS_MAX);
	list->at[list->count++] = *r;
	return true;
}

static bool parse(const struct message *m, enum dns_type type, struct list *list, int *rcode)
{
	/* On the heap, so that reading past the end is seen. */
	char *copy = malloc(m->len > 0 ? m->len : 1);
	struct fault f = FAULT_INIT;
	ck_assert_ptr_nonnull(copy);
	memcpy(copy, m->at, m->len);
	list->count = 0;
	bool done = dnsmsg_answers(str_make(copy, m->len), type, rcode, keep, list, &f);
	free(copy);
	if (!done)
		ck_assert_int_eq(f.kind, FAULT_TEMP);
	return done;
}

START_TEST(all_types)
{
	struct message m;
	begin(&m, "\x81\x80", 6);
	RECORD(&m, 1, "\xC0\x00\x02\x01");
	RECORD(&m, 28, "\x20\x01\x0D\xB8\0\0\0\0\0\0\0\0\0\0\0\1");
	RECORD(&m, 15, "\0\12\4mail\xC0\x0C");
	RECORD(&m, 15, "\1\0\0");
	RECORD(&m, 33, "\0\1\0\2\2\x4B\5smtps\7example\3net\0");
	RECORD(&m, 52, "\3\1\1\xAB\xCD");
	struct list list;
	int rcode;
	ck_assert(parse(&m, DNS_A, &list, &rcode));
	ck_assert_int_eq(rcode, 0);
	ck_assert_uint_eq(list.count, 1);
	ck_assert_uint_eq(list.at[0].ttl, 300);
	ck_assert_uint_eq(list.at[0].data_len, 4);
	ck_assert_int_eq(memcmp(list.at[0].data, "\xC0\x00\x02\x01", 4), 0);
	ck_assert(parse(&m, DNS_AAAA, &list, &rcode));
	ck_assert_uint_eq(list.count, 1);
	ck_assert_uint_eq(list.at[0].data_len, 16);
	ck_assert(parse(&m, DNS_MX, &list, &rcode));
	ck_assert_uint_eq(list.count, 2);
	ck_assert_uint_eq(list.at[0].preference, 10);
	ck_assert_str_eq(list.at[0].target, "mail.example.org");
	ck_assert_uint_eq(list.at[1].preference, 256);
	ck_assert_str_eq(list.at[1].target, "");
	ck_assert(parse(&m, DNS_SRV, &list, &rcode));
	ck_assert_uint_eq(list.count, 1);
	ck_assert_uint_eq(list.at[0].preference, 1);
	ck_assert_uint_eq(list.at[0].weight, 2);
	ck_assert_uint_eq(list.at[0].port, 587);
	ck_assert_str_eq(list.at[0].target, "smtps.example.net");
}
END_TEST

START_TEST(others_passed_over)
{
	struct message m;
	/* A CNAME, an A of another  kind, then the A. */
	begin(&m, "\x81\x80", 3);
	RECORD(&m, 5, "\5alias\xC0\x0C");
	PUT(&m, "\xC0\x0C\0\1\0\3\0\0\0\0\0\2\1\1");
	RECORD(&m, 1, "\x7F\0\0\1");
	struct list list;
	int rcode;
	ck_assert(parse(&m, DNS_A, &list, &rcode));
	ck_assert_uint_eq(list.count, 1);
	ck_assert_uint_eq(list.at[0].data[0], 127);
}
END_TEST

START_TEST(response_codes)
{
	struct message m;
	begin(&m, "\x81\x83", 0);
	struct list list;
	int rcode;
	ck_assert(parse(&m, DNS_A, &list, &rcode));
	ck_assert_int_eq(rcode, 3);
	ck_assert_uint_eq(list.count, 0);
	begin(&m, "\x81\x82", 0);
	ck_assert(parse(&m, DNS_A, &list, &rcode));
	ck_assert_int_eq(rcode, 2);
	begin(&m, "\x01\x00", 0); /* a question, not an answer */
	ck_assert(!parse(&m, DNS_A, &list, &rcode));
	begin(&m, "\x83\x80", 0); /* truncated */
	ck_assert(!parse(&m, DNS_A, &list, &rcode));
}
END_TEST

START_TEST(every_cut)
{
	struct message whole;
	begin(&whole, "\x81\x80", 2);
	RECORD(&whole, 15, "\0\12\4mail\xC0\x0C");
	RECORD(&whole, 15, "\0\24\5mail2\7example\3net\0");
	struct message m;
	struct list list;
	int rcode;
	for (size_t len = 0; len <= whole.len; len++) {
		m = whole;
		m.len = len;
		ck_assert_msg(parse(&m, DNS_MX, &list, &rcode) == (len == whole.len), "at %zu",
		              len);
	}
}
END_TEST

static const struct {
	const char *title, *data;
	size_t len;
	int type;
} bad[] = {
    {"short A", "\1\2\3", 3, 1},
    {"long A", "\1\2\3\4\5", 5, 1},
    {"empty A", "", 0, 1},
    {"short AAAA", "\1\2\3\4", 4, 28},
    {"MX without a name", "\0\12", 2, 15},
    {"MX of one byte", "\0", 1, 15},
    {"bytes behind the name", "\0\12\1a\0x", 6, 15},
    {"name past the data", "\0\12\5ab", 5, 15},
    {"pointer to itself", "\0\12\xC0\x2B", 4, 15},
    {"pointer forward", "\0\12\xC0\x40", 4, 15},
    {"pointer far away", "\0\12\xFF\xFF", 4, 15},
    {"half a pointer", "\0\12\xC0", 3, 15},
    {"pointer back into this name", "\0\12\1a\xC0\x2B", 6, 15},
    {"label type 01",
     "\0\12\x41"
     "a\0",
     5, 15},
    {"label type 10",
     "\0\12\x81"
     "a\0",
     5, 15},
    {"blank in a label", "\0\12\3a b\0", 7, 15},
    {"dot in a label", "\0\12\3a.b\0", 7, 15},
    {"NUL in a label", "\0\12\3a\0b\0", 7, 15},
    {"line end in a label", "\0\12\3a\nb\0", 7, 15},
    {"8-bit byte in a label",
     "\0\12\3a\xE4"
     "b\0",
     7, 15},
    {"SRV cut", "\0\1\0\2\2", 5, 33},
};

START_TEST(malformed)
{
	struct message m;
	begin(&m, "\x81\x80", 1);
	record(&m, bad[_i].type, bad[_i].data, bad[_i].len);
	struct list list;
	int rcode;
	ck_assert_msg(!parse(&m, (enum dns_type)bad[_i].type, &list, &rcode), "%s",
	              bad[_i].title);
}
END_TEST

/* A name of that many bytes on the wire, made of labels of at most 63. */
static size_t long_name(char *to, size_t wire)
{
	size_t at = 0, left = wire - 1;
	while (left > 0) {
		size_t label = left - 1 > 63 ? 63 : left - 1;
		/* What stays must be nothing or a label with its length. */
		if (left - 1 - label == 1)
			label--;
		to[at++] = (char)label;
		memset(to + at, 'a', label);
		at += label;
		left -= label + 1;
	}
	to[at++] = '\0';
	return at;
}

START_TEST(name_lengths)
{
	for (size_t wire = 240; wire < 260; wire++) {
		char data[300] = "\0\12";
		size_t len = 2 + long_name(data + 2, wire);
		struct message m;
		begin(&m, "\x81\x80", 1);
		if (len > 255) {
			const char head[] = {(char)0xC0, 12, 0, 15, 0, 1,
			                     0,          0,  0, 0,  1, (char)(len - 256)};
			put(&m, head, sizeof(head));
			put(&m, data, len);
		} else {
			record(&m, 15, data, len);
		}
		struct list list;
		int rcode;
		ck_assert_msg(parse(&m, DNS_MX, &list, &rcode) == (wire <= 255), "%zu", wire);
		if (wire <= 255)
			ck_assert_uint_eq(strlen(list.at[0].target), wire - 2);
	}
}
END_TEST

/* More answers announced than there are. */
START_TEST(too_few)
{
	struct message m;
	begin(&m, "\x81\x80", 2);
	RECORD(&m, 1, "\x7F\0\0\1");
	struct list list;
	int rcode;
	ck_assert(!parse(&m, DNS_A, &list, &rcode));
}
END_TEST

int main(void)
{
	Suite *s = suite_create("dnsmsg");
	TCase *c = unit_case(s, "dnsmsg");
	tcase_add_test(c, all_types);
	tcase_add_test(c, others_passed_over);
	tcase_add_test(c, response_codes);
	tcase_add_test(c, every_cut);
	tcase_add_loop_test(c, malformed, 0, COUNT(bad));
	tcase_add_test(c, name_lengths);
	tcase_add_test(c, too_few);
	return unit_run(s);
}
