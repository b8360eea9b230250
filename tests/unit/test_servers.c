/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "transport/servers.h"

#include <check.h>
#include <stdlib.h>

#include "os/clock.h"
#include "unit.h"
#include "unit_hold.h"

#define NOW 1700000000

static char folder[UNIT_FOLDER];
static struct hold hold;
static int ports[] = {587, 25};
static char *hosts[] = {"one.example", "two.example", NULL};
static struct settings config;
static struct settings_relay relay;
static const struct server_client ann = {1000, "ann@x.example"};

static void set_up(void)
{
	unit_hold_open(&hold, folder);
	clock_test_set(NOW, 1000);
	relay = (struct settings_relay){.name = (char *)"main",
	                                .dead_max = 600,
	                                .connections = 8,
	                                .host = {hosts, 2},
	                                .port = {ports, 2}};
}

static void tear_down(void)
{
	clock_test_set(-1, 0);
	unit_hold_close(&hold, folder);
}

static struct server one(void)
{
	return (struct server){hosts[0], 25, &relay};
}

static enum cause asked(struct servers_memory *m, const struct server *s,
                        const struct server_client *client)
{
	const struct server_state *state;
	return servers_ask(m, s, client, &state);
}

static void failed(struct servers_memory *m, const struct server *s, enum cause cause)
{
	struct fault f = FAULT_INIT;
	fault_set(&f, FAULT_RELAY, "x");
	fault_cause(&f, cause);
	servers_failed(m, s, &f, 8);
}

/* Each port of the first host, then of the second. */
START_TEST(in_order)
{
	static const char *const want[] = {"one.example:587", "one.example:25",
	                                   "two.example:587", "two.example:25"};
	struct servers all;
	struct fault f = FAULT_INIT;
	ck_assert(servers_find(&config, &relay, NULL, &all, &f));
	ck_assert_uint_eq(all.count, COUNT(want));
	for (size_t i = 0; i < COUNT(want); i++) {
		char *text = server_text(&all.at[i]);
		ck_assert_str_eq(text, want[i]);
		free(text);
		for (size_t k = 0; k < COUNT(want); k++)
			ck_assert_int_eq(server_same(&all.at[i], &all.at[k]), i == k);
	}
	servers_release(&all);
	relay.host.count = 0;
	relay.socket = (char *)"/run/lmtp";
	ck_assert(servers_find(&config, &relay, NULL, &all, &f));
	ck_assert_uint_eq(all.count, 1);
	char *text = server_text(&all.at[0]);
	ck_assert_str_eq(text, "/run/lmtp");
	free(text);
	servers_release(&all);
}
END_TEST

/* Of all of them the last says why; where we are what it waits for, another is not asked, and
 * nothing is known of all. */
START_TEST(all_alone)
{
	static const enum cause lasts[] = {CAUSE_SILENT, CAUSE_CONNECTIONS};
	for (size_t i = 0; i < COUNT(lasts); i++) {
		struct servers_memory m;
		struct servers all;
		struct verdict why = {.cause = CAUSE_NONE};
		ck_assert(servers_configured(&relay, &all));
		servers_memory_init(&m, &hold, true);
		for (size_t k = all.count; k-- > 0;) {
			ck_assert(!servers_all_alone(&m, &relay, &why));
			failed(&m, &all.at[k], k > 0 ? CAUSE_NOT_LISTENING : lasts[i]);
		}
		ck_assert_int_eq(servers_all_alone(&m, &relay, &why), i == 0);
		if (i == 0) {
			ck_assert_int_eq(why.cause, CAUSE_NOT_LISTENING);
			ck_assert_str_eq(why.host, "two.example:25");
		}
		verdict_release(&why);
		servers_memory_release(&m);
		servers_release(&all);
		for (size_t k = 0; k < 4; k++) {
			const struct server s = {hosts[k / 2], ports[k % 2], &relay};
			char *key = server_key(&s);
			backoff_clear(&hold, key);
			free(key);
		}
	}
}
END_TEST

/* In this run it is left alone until it ends; in the next until its time is over. */
START_TEST(dead_is_remembered)
{
	struct servers_memory m;
	struct server s = one(), other = {hosts[1], 25, &relay};
	struct verdict v = {.cause = CAUSE_NONE};
	int64_t until = 0;
	servers_memory_init(&m, &hold, false);
	ck_assert_int_eq(asked(&m, &s, &ann), CAUSE_NONE);
	failed(&m, &s, CAUSE_SILENT);
	ck_assert_int_eq(asked(&m, &s, &ann), CAUSE_SILENT);
	ck_assert_int_eq(asked(&m, &other, &ann), CAUSE_NONE);
	servers_memory_release(&m);

	servers_memory_init(&m, &hold, false);
	ck_assert_int_eq(asked(&m, &s, &ann), CAUSE_SILENT);
	servers_memory_release(&m);
	verdict_set(&v, CAUSE_SILENT, 0, NULL, "main", "one.example[192.0.2.1]:25", STR("x"));
	ck_assert(servers_next(&hold, &v, &until));
	ck_assert_int_gt(until, NOW);
	ck_assert_int_le(until, NOW + BACKOFF_FIRST);
	verdict_set(&v, CAUSE_DEFERRED, 450, NULL, "main", "one.example[192.0.2.1]:25",
	            STR("x"));
	ck_assert(!servers_next(&hold, &v, &until));
	verdict_set(&v, CAUSE_SILENT, 0, NULL, "main", "two.example:25", STR("x"));
	ck_assert(!servers_next(&hold, &v, &until));
	verdict_release(&v);

	clock_test_set(NOW + BACKOFF_FIRST, 1000);
	servers_memory_init(&m, &hold, false);
	ck_assert_int_eq(asked(&m, &s, &ann), CAUSE_NONE);
	servers_answered(&m, &s);
	servers_memory_release(&m);
	struct backoff b;
	ck_assert(!backoff_get(&hold, "main one.example:25", &b));
}
END_TEST

/* Whoever wants it tried now asks although its time is not over; of several, one. */
START_TEST(asked_again)
{
	struct servers_memory m, another;
	struct server s = one();
	servers_memory_init(&m, &hold, false);
	failed(&m, &s, CAUSE_SILENT);
	servers_memory_release(&m);
	servers_memory_init(&m, &hold, true);
	ck_assert_int_eq(asked(&m, &s, &ann), CAUSE_NONE);
	servers_memory_init(&another, &hold, true);
	ck_assert_int_eq(asked(&another, &s, &ann), CAUSE_SILENT);
	servers_memory_release(&another);
	failed(&m, &s, CAUSE_SILENT);
	ck_assert_int_eq(asked(&m, &s, &ann), CAUSE_SILENT);
	servers_memory_release(&m);
}
END_TEST

/* A busy one gets half of the connections, for a while. */
START_TEST(busy_gets_fewer)
{
	struct servers_memory m;
	struct server s = one();
	servers_memory_init(&m, &hold, false);
	ck_assert_int_eq(servers_connections(&m, &s), 8);
	failed(&m, &s, CAUSE_BUSY);
	ck_assert_int_eq(asked(&m, &s, &ann), CAUSE_BUSY);
	ck_assert_int_eq(servers_connections(&m, &s), 4);
	servers_memory_release(&m);

	clock_test_set(NOW + BUSY_MAX, 1000);
	servers_memory_init(&m, &hold, false);
	ck_assert_int_eq(asked(&m, &s, &ann), CAUSE_NONE);
	servers_answered(&m, &s);
	ck_assert_int_eq(servers_connections(&m, &s), 4);
	clock_test_set(NOW + BUSY_REMEMBERS + 1, 1000);
	ck_assert_int_eq(servers_connections(&m, &s), 8);
	servers_memory_release(&m);
}
END_TEST

/* What was noted while the clock was ahead does not last until that time comes. */
START_TEST(busy_by_a_wrong_clock)
{
	struct servers_memory m;
	struct server s = one();
	struct backoff b;
	clock_test_set(NOW + 86400, 1000);
	servers_memory_init(&m, &hold, false);
	failed(&m, &s, CAUSE_BUSY);
	servers_memory_release(&m);
	ck_assert(backoff_get(&hold, "main one.example:25", &b));

	clock_test_set(NOW, 1000);
	servers_memory_init(&m, &hold, false);
	ck_assert_int_eq(asked(&m, &s, &ann), CAUSE_NONE);
	ck_assert_int_eq(servers_connections(&m, &s), 8);
	servers_answered(&m, &s);
	servers_memory_release(&m);
	ck_assert(!backoff_get(&hold, "main one.example:25", &b));
}
END_TEST

/* What is wrong with this host says nothing about the server to the next run. */
START_TEST(ours_is_not_kept)
{
	struct servers_memory m;
	struct server s = one();
	struct backoff b;
	servers_memory_init(&m, &hold, false);
	failed(&m, &s, CAUSE_LOCAL);
	ck_assert_int_eq(asked(&m, &s, &ann), CAUSE_LOCAL);
	servers_memory_release(&m);
	ck_assert(!backoff_get(&hold, "main one.example:25", &b));
}
END_TEST

/* It breaks at the messages of one sender: his mail waits, nobody else's. */
START_TEST(one_sender_stops_himself)
{
	static const struct server_client bob = {1001, "bob@x.example"};
	struct servers_memory m;
	struct server s = one();
	servers_memory_init(&m, &hold, false);
	for (int i = 0; i < SUSPECT_TRIES; i++) {
		ck_assert_int_eq(asked(&m, &s, &ann), CAUSE_NONE);
		servers_transaction(&m, &s, &ann, CAUSE_LOST);
	}
	ck_assert_int_eq(asked(&m, &s, &ann), CAUSE_UNSTEADY);
	ck_assert_int_eq(asked(&m, &s, &bob), CAUSE_NONE);
	/* A success takes all of it back. */
	servers_transaction(&m, &s, &bob, CAUSE_NONE);
	ck_assert_int_eq(asked(&m, &s, &ann), CAUSE_NONE);
	servers_memory_release(&m);
}
END_TEST

static void break_at(struct servers_memory *m, const struct server *s, uid_t uid,
                     const char *sender, enum cause cause)
{
	const struct server_client client = {uid, sender};
	ck_assert_int_eq(asked(m, s, &client), CAUSE_NONE);
	servers_transaction(m, s, &client, cause);
}

/* In a shared hold a user counts once, whatever he calls himself. Three of them end it for
 * all; that is remembered where the server is strained, and only there. */
START_TEST(many_users_end_it)
{
	static const enum cause causes[] = {CAUSE_LOST, CAUSE_TOO_SLOW};
	static const enum cause ends[] = {CAUSE_UNSTEADY, CAUSE_BUSY};
	const struct server_client first = {1, "d@x"}, last = {4, "a@x"};
	struct server s = one();
	struct servers_memory m;
	struct backoff b;
	hold.shared = true;
	servers_memory_init(&m, &hold, false);
	break_at(&m, &s, 1, "a@x", causes[_i]);
	break_at(&m, &s, 1, "b@x", causes[_i]);
	break_at(&m, &s, 1, "c@x", causes[_i]);
	ck_assert_int_eq(asked(&m, &s, &first), CAUSE_UNSTEADY);
	break_at(&m, &s, 2, "a@x", causes[_i]);
	ck_assert_int_eq(asked(&m, &s, &last), CAUSE_NONE);
	break_at(&m, &s, 3, "a@x", causes[_i]);
	ck_assert_int_eq(asked(&m, &s, &last), ends[_i]);
	ck_assert_int_eq(backoff_get(&hold, "main one.example:25", &b), _i == 1);
	servers_memory_release(&m);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("servers");
	TCase *c = unit_case(s, "servers");
	tcase_add_checked_fixture(c, set_up, tear_down);
	tcase_add_test(c, in_order);
	tcase_add_test(c, all_alone);
	tcase_add_test(c, dead_is_remembered);
	tcase_add_test(c, asked_again);
	tcase_add_test(c, busy_gets_fewer);
	tcase_add_test(c, busy_by_a_wrong_clock);
	tcase_add_test(c, ours_is_not_kept);
	tcase_add_test(c, one_sender_stops_himself);
	tcase_add_loop_test(c, many_users_end_it, 0, 2);
	return unit_run(s);
}
