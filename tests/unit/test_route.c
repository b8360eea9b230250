/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "transport/route.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define RELAYS_MAX 4
#define ROUTES_MAX 4

/* A relay as a row gives it; the lists are words with blanks between. */
struct relay_row {
	const char *name, *senders, *recipients;
	bool mx;
};

static struct settings_list list_of(const char *text)
{
	struct settings_list list = {NULL, 0};
	struct str rest = str_of(text), word;
	size_t cap = 0;
	while (str_cut(&rest, ' ', &word)) {
		list.words = mem_grow(list.words, &cap, list.count + 1, sizeof(char *));
		list.words[list.count++] = mem_copy(word);
	}
	return list;
}

static void list_release(struct settings_list *list)
{
	for (size_t i = 0; i < list->count; i++)
		free(list->words[i]);
	free(list->words);
}

static void config_make(struct settings *c, const struct relay_row *rows)
{
	memset(c, 0, sizeof(*c));
	c->relays = mem_alloc(RELAYS_MAX * sizeof(*c->relays));
	for (size_t i = 0; i < RELAYS_MAX && rows[i].name; i++) {
		struct settings_relay *r = &c->relays[c->relay_count++];
		r->name = mem_copy(str_of(rows[i].name));
		r->mx = rows[i].mx;
		if (rows[i].senders)
			r->senders = list_of(rows[i].senders);
		if (rows[i].recipients)
			r->recipients = list_of(rows[i].recipients);
	}
}

static void config_free(struct settings *c)
{
	for (size_t i = 0; i < c->relay_count; i++) {
		free(c->relays[i].name);
		list_release(&c->relays[i].senders);
		list_release(&c->relays[i].recipients);
	}
	free(c->relays);
}

/* "relay relay: place place" */
static void route_text(const struct route *r, char *to, size_t size)
{
	size_t n = 0;
	to[0] = '\0';
	for (size_t i = 0; i < r->relay_count; i++)
		n += (size_t)snprintf(to + n, size - n, "%s%s", i ? " " : "",
		                      r->relays[i]->name);
	n += (size_t)snprintf(to + n, size - n, ":");
	for (size_t i = 0; i < r->rcpt_count; i++)
		n += (size_t)snprintf(to + n, size - n, " %zu", r->rcpts[i]);
}

static const struct plan_case {
	const char *name;
	struct relay_row relays[RELAYS_MAX];
	const char *pinned, *sender, *rcpts;
	const char *want[ROUTES_MAX];
} plan_cases[] = {
    {"one relay takes all",
     {{"main", NULL, NULL, false}},
     NULL,
     "s@a",
     "x@a y@b",
     {"main: 0 1"}},
    {"backups stay in file order",
     {{"first", NULL, NULL, false}, {"second", NULL, NULL, false}},
     NULL,
     "s@a",
     "x@a",
     {"first second: 0"}},
    {"by recipient",
     {{"work", NULL, "*@work.example", false}, {"rest", NULL, NULL, false}},
     NULL,
     "s@a",
     "x@work.example y@b z@WORK.example",
     {"work rest: 0 2", "rest: 1"}},
    {"by sender",
     {{"work", "*@work.example", NULL, false}, {"home", "*@home.example", NULL, false}},
     NULL,
     "me@home.example",
     "x@a",
     {"home: 0"}},
    {"any of several patterns",
     {{"main", NULL, "*@a *@b", false}},
     NULL,
     "s@a",
     "x@b y@c",
     {"main: 0", ": 1"}},
    {"the null sender matches no domain",
     {{"work", "*@work.example", NULL, false}},
     NULL,
     "",
     "x@a",
     {": 0"}},
    {"a pinned relay is the only one",
     {{"first", NULL, NULL, false}, {"second", NULL, NULL, false}},
     "second",
     "s@a",
     "x@a",
     {"second: 0"}},
    {"a pinned relay that is gone",
     {{"first", NULL, NULL, false}},
     "second",
     "s@a",
     "x@a",
     {": 0"}},
    {"with mx one route a domain, without case",
     {{"direct", NULL, NULL, true}},
     NULL,
     "s@a",
     "x@a y@b z@A",
     {"direct: 0 2", "direct: 1"}},
};

START_TEST(recipients_go_together_that_go_the_same_way)
{
	const struct plan_case *row = &plan_cases[_i];
	struct settings c;
	struct str rest = str_of(row->rcpts);
	size_t want = 0;
	config_make(&c, row->relays);
	struct envelope e;
	envelope_init(&e);
	envelope_set_sender(&e, str_of(row->sender));
	if (row->pinned)
		e.relay = mem_copy(str_of(row->pinned));
	struct str word;
	while (str_cut(&rest, ' ', &word))
		envelope_add(&e, word);
	while (want < ROUTES_MAX && row->want[want])
		want++;
	struct routes routes;
	routes_plan(&c, &e, &routes);
	ck_assert_msg(routes.count == want, "%s: %zu routes", row->name, routes.count);
	char text[256];
	for (size_t i = 0; i < want; i++) {
		route_text(&routes.at[i], text, sizeof(text));
		ck_assert_msg(strcmp(text, row->want[i]) == 0, "%s: %s", row->name, text);
	}
	routes_release(&routes);
	envelope_release(&e);
	config_free(&c);
}
END_TEST

START_TEST(only_who_waits_is_routed)
{
	const struct relay_row rows[RELAYS_MAX] = {{"main", NULL, NULL, false}};
	struct settings c;
	config_make(&c, rows);
	struct envelope e;
	envelope_init(&e);
	envelope_add(&e, STR("a@x"))->state = RCPT_DELIVERED;
	envelope_add(&e, STR("b@x"));
	envelope_add(&e, STR("c@x"))->state = RCPT_FAILED;
	struct routes routes;
	routes_plan(&c, &e, &routes);
	ck_assert_uint_eq(routes.count, 1);
	char text[256];
	route_text(&routes.at[0], text, sizeof(text));
	ck_assert_str_eq(text, "main: 1");
	routes_release(&routes);
	e.rcpts[1].state = RCPT_DELIVERED;
	routes_plan(&c, &e, &routes);
	ck_assert_uint_eq(routes.count, 0);
	routes_release(&routes);
	envelope_release(&e);
	config_free(&c);
}
END_TEST

/* Far more than a search from one end to the other could manage in the time
 * that a test has. */
START_TEST(as_many_domains_as_recipients)
{
	enum { MANY = 100000 };
	const struct relay_row rows[RELAYS_MAX] = {{"direct", NULL, NULL, true}};
	struct settings c;
	struct envelope e;
	struct routes routes;
	config_make(&c, rows);
	envelope_init(&e);
	for (int i = 0; i < 2 * MANY; i++) {
		char address[64];
		int n = snprintf(address, sizeof(address), "u%d@d%d.example", i, i % MANY);
		envelope_add(&e, str_make(address, (size_t)n));
	}
	routes_plan(&c, &e, &routes);
	ck_assert_uint_eq(routes.count, MANY);
	for (size_t i = 0; i < MANY; i++) {
		const struct route *r = &routes.at[i];
		ck_assert_uint_eq(r->rcpt_count, 2);
		ck_assert_uint_eq(r->rcpts[0], i);
		ck_assert_uint_eq(r->rcpts[1], i + MANY);
	}
	routes_release(&routes);
	envelope_release(&e);
	config_free(&c);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("route");
	TCase *t = tcase_create("route");
	tcase_add_loop_test(t, recipients_go_together_that_go_the_same_way, 0,
	                    sizeof(plan_cases) / sizeof(plan_cases[0]));
	tcase_add_test(t, only_who_waits_is_routed);
	tcase_add_test(t, as_many_domains_as_recipients);
	suite_add_tcase(s, t);
	SRunner *r = srunner_create(s);
	srunner_run_all(r, CK_ENV);
	int failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? 1 : 0;
}
