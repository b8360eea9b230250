/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "net/peer_table.h"

#include <check.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "unit.h"

#ifdef __linux__

#include <errno.h>
#include <limits.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <netinet/tcp.h>

#define NEAR   40312
#define FAR    25
#define NUMBER 7

struct answer {
	struct nlmsghdr head;
	union {
		struct inet_diag_msg row;
		int error;
	} body;
};

static char ask[PEER_TABLE_ASK];

static void set_up(void)
{
	struct sockaddr_storage near = {0}, far = {0};
	const struct sockaddr_in a = {AF_INET, htons(NEAR), {htonl(INADDR_LOOPBACK)}, {0}};
	const struct sockaddr_in b = {AF_INET, htons(FAR), {htonl(INADDR_LOOPBACK)}, {0}};
	memcpy(&near, &a, sizeof(a));
	memcpy(&far, &b, sizeof(b));
	peer_table_ask(&near, &far, NULL, NUMBER, ask);
}

static struct answer good(void)
{
	struct answer a;
	memset(&a, 0, sizeof(a));
	a.head.nlmsg_len = NLMSG_HDRLEN + sizeof(a.body.row);
	a.head.nlmsg_type = SOCK_DIAG_BY_FAMILY;
	a.head.nlmsg_seq = NUMBER;
	a.body.row.idiag_family = AF_INET;
	a.body.row.idiag_state = TCP_ESTABLISHED;
	a.body.row.id.idiag_sport = htons(NEAR);
	a.body.row.id.idiag_dport = htons(FAR);
	a.body.row.id.idiag_cookie[0] = 11;
	a.body.row.id.idiag_cookie[1] = 12;
	a.body.row.idiag_uid = 1000;
	a.body.row.idiag_inode = 13;
	return a;
}

/* In memory of just that size, so that a sanitizer sees what is read behind it. */
static enum peer_table_answer read_exactly(const struct answer *a, size_t len,
                                           struct peer_table_row *row, int *sys)
{
	char *copy = mem_alloc(len + (len == 0));
	memcpy(copy, a, len);
	enum peer_table_answer got = peer_table_read(str_make(copy, len), ask, row, sys);
	free(copy);
	return got;
}

START_TEST(a_row)
{
	struct answer a = good();
	struct peer_table_row row;
	int sys = -1;
	ck_assert_int_eq(read_exactly(&a, sizeof(a), &row, &sys), PEER_TABLE_ROW);
	ck_assert_int_eq(sys, 0);
	ck_assert_uint_eq(row.user, 1000);
	ck_assert_uint_eq(row.inode, 13);
	ck_assert_uint_eq(row.cookie[0], 11);
	ck_assert_uint_eq(row.cookie[1], 12);
}
END_TEST

START_TEST(half_a_row_is_none)
{
	struct answer a = good();
	struct peer_table_row row;
	int sys;
	for (size_t len = 0; len < a.head.nlmsg_len; len++) {
		ck_assert_int_eq(read_exactly(&a, len, &row, &sys), PEER_TABLE_BAD);
		struct answer cut = a;
		cut.head.nlmsg_len = (unsigned)len;
		ck_assert_int_eq(read_exactly(&cut, sizeof(cut), &row, &sys), PEER_TABLE_BAD);
	}
}
END_TEST

static void another_number(struct answer *a)
{
	a->head.nlmsg_seq++;
}

static void another_type(struct answer *a)
{
	a->head.nlmsg_type++;
}

static void the_end(struct answer *a)
{
	a->head.nlmsg_type = NLMSG_DONE;
}

static void too_long(struct answer *a)
{
	a->head.nlmsg_len = sizeof(*a) + 1;
}

static void huge(struct answer *a)
{
	a->head.nlmsg_len = UINT32_MAX;
}

static void another_port(struct answer *a)
{
	a->body.row.id.idiag_sport++;
}

static void ports_turned_round(struct answer *a)
{
	a->body.row.id.idiag_sport = htons(FAR);
	a->body.row.id.idiag_dport = htons(NEAR);
}

static void closing(struct answer *a)
{
	a->body.row.idiag_state = TCP_FIN_WAIT1;
}

static void waiting(struct answer *a)
{
	a->body.row.idiag_state = TCP_TIME_WAIT;
}

static void listening(struct answer *a)
{
	a->body.row.idiag_state = TCP_LISTEN;
	a->body.row.id.idiag_dport = 0;
}

static void no_such(struct answer *a)
{
	a->head.nlmsg_type = NLMSG_ERROR;
	a->body.error = -ENOENT;
}

static void forbidden(struct answer *a)
{
	a->head.nlmsg_type = NLMSG_ERROR;
	a->body.error = -EPERM;
}

static void an_error_that_is_none(struct answer *a)
{
	a->head.nlmsg_type = NLMSG_ERROR;
	a->body.error = 0;
}

static void the_least_error(struct answer *a)
{
	no_such(a);
	a->body.error = INT_MIN;
}

static void an_error_cut_short(struct answer *a)
{
	no_such(a);
	a->head.nlmsg_len = NLMSG_HDRLEN + 3;
}

static const struct other {
	void (*make)(struct answer *a);
	enum peer_table_answer want;
	int sys;
} others[] = {
    {another_number, PEER_TABLE_BAD, 0},
    {another_type, PEER_TABLE_BAD, 0},
    {the_end, PEER_TABLE_BAD, 0},
    {too_long, PEER_TABLE_BAD, 0},
    {huge, PEER_TABLE_BAD, 0},
    {another_port, PEER_TABLE_BAD, 0},
    {ports_turned_round, PEER_TABLE_BAD, 0},
    {closing, PEER_TABLE_NONE, 0},
    {waiting, PEER_TABLE_NONE, 0},
    {listening, PEER_TABLE_NONE, 0},
    {no_such, PEER_TABLE_NONE, ENOENT},
    {forbidden, PEER_TABLE_NONE, EPERM},
    {an_error_that_is_none, PEER_TABLE_BAD, 0},
    {the_least_error, PEER_TABLE_BAD, 0},
    {an_error_cut_short, PEER_TABLE_BAD, 0},
};

START_TEST(other_answers)
{
	struct answer a = good();
	struct peer_table_row row;
	int sys = -1;
	others[_i].make(&a);
	ck_assert_int_eq(read_exactly(&a, sizeof(a), &row, &sys), others[_i].want);
	ck_assert_int_eq(sys, others[_i].sys);
}
END_TEST

START_TEST(the_question)
{
	const uint32_t cookie[2] = {11, 12};
	struct sockaddr_storage near = {0}, far = {0};
	const struct sockaddr_in6 a = {.sin6_family = AF_INET6,
	                               .sin6_port = htons(NEAR),
	                               .sin6_addr = IN6ADDR_LOOPBACK_INIT};
	struct inet_diag_req_v2 r;
	memcpy(&near, &a, sizeof(a));
	memcpy(&far, &a, sizeof(a));
	((struct sockaddr_in6 *)&far)->sin6_port = htons(FAR);
	peer_table_ask(&near, &far, cookie, NUMBER, ask);
	memcpy(&r, ask + NLMSG_HDRLEN, sizeof(r));
	ck_assert_uint_eq(r.sdiag_family, AF_INET6);
	ck_assert_uint_eq(r.sdiag_protocol, IPPROTO_TCP);
	ck_assert_uint_eq(r.id.idiag_sport, htons(NEAR));
	ck_assert_uint_eq(r.id.idiag_dport, htons(FAR));
	ck_assert_mem_eq(r.id.idiag_src, &a.sin6_addr, 16);
	ck_assert_mem_eq(r.id.idiag_dst, &a.sin6_addr, 16);
	ck_assert_uint_eq(r.id.idiag_if, 0);
	ck_assert_mem_eq(r.id.idiag_cookie, cookie, sizeof(cookie));
	set_up();
	memcpy(&r, ask + NLMSG_HDRLEN, sizeof(r));
	ck_assert_uint_eq(r.sdiag_family, AF_INET);
	ck_assert_uint_eq(r.id.idiag_src[0], htonl(INADDR_LOOPBACK));
	ck_assert_uint_eq(r.id.idiag_cookie[0], INET_DIAG_NOCOOKIE);
	ck_assert_uint_eq(r.id.idiag_cookie[1], INET_DIAG_NOCOOKIE);
}
END_TEST

#endif

int main(void)
{
	Suite *s = suite_create("peer_table");
	TCase *t = unit_case(s, "answers");
#ifdef __linux__
	tcase_add_checked_fixture(t, set_up, NULL);
	tcase_add_test(t, a_row);
	tcase_add_test(t, half_a_row_is_none);
	tcase_add_loop_test(t, other_answers, 0, COUNT(others));
	tcase_add_test(t, the_question);
#else
	(void)t;
#endif
	return unit_run(s);
}
