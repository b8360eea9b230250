/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "submit/submission.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "unit.h"

#define ID      "0123456789AB"
#define MESSAGE "Subject: s\nTo: t@to.example, u@to.example\n\nbody\n"

/* A sink that writes down what it is asked for, and fails at one step. */
struct notes {
	struct sink sink;
	const char *fails; /* "begin", "bytes", "end", or NULL */
	struct buf steps;  /* "begin(SENDER>RCPT,RCPT) bytes ...": bytes in a row are one */
	struct buf bytes;
	int64_t delay;
};

static bool step(struct notes *n, const char *name, struct fault *f)
{
	ck_assert(buf_addf(&n->steps, "%s%s", n->steps.len ? " " : "", name));
	return !n->fails || strcmp(n->fails, name) != 0 ||
	       fault_set(f, FAULT_CREATE, "the sink fails at %s", name);
}

static bool note_begin(struct sink *sink, int64_t delay, struct fault *f)
{
	struct notes *n = (struct notes *)sink;
	const struct envelope *e = &sink->entry->envelope;
	n->delay = delay;
	if (!step(n, "begin", f))
		return false;
	ck_assert(buf_addf(&n->steps, "(%s", e->sender));
	for (size_t i = 0; i < e->rcpt_count; i++)
		ck_assert(buf_addf(&n->steps, "%c%s", i ? ',' : '>', e->rcpts[i].address));
	ck_assert(buf_addf(&n->steps, ")"));
	return true;
}

static bool note_bytes(struct sink *sink, struct str bytes, struct fault *f)
{
	struct notes *n = (struct notes *)sink;
	bool first = n->bytes.len == 0;
	ck_assert(buf_add_str(&n->bytes, bytes));
	return !first || step(n, "bytes", f);
}

static bool note_end(struct sink *sink, struct fault *f)
{
	struct notes *n = (struct notes *)sink;
	ck_assert_uint_eq(sink->entry->facts.size, n->bytes.len);
	memcpy(sink->entry->id, ID, sizeof(ID));
	return step(n, "end", f);
}

static void note_accepted(struct sink *sink)
{
	struct fault f;
	ck_assert_str_eq(sink->entry->id, ID);
	ck_assert(step((struct notes *)sink, "accepted", &f));
}

static void note_abandon(struct sink *sink)
{
	struct fault f;
	ck_assert(step((struct notes *)sink, "abandon", &f));
}

static const struct sink_kind notes_kind = {.begin = note_begin,
                                            .bytes = note_bytes,
                                            .end = note_end,
                                            .accepted = note_accepted,
                                            .abandon = note_abandon};

static struct settings config;
static struct this_host host;
static struct notes notes;
static char aliases[] = "/tmp/postern-submission-XXXXXX";

static void print_note(void *context, bool warning, const char *text)
{
	(void)context, (void)warning;
	fprintf(stderr, "%s\n", text);
}

static uid_t user; /* who hands in */

/* With these lines in [mail], and then maybe other sections. */
static void configure(const char *lines)
{
	char *text = mem_printf("[relay]\nhost = relay.example\n[mail]\n"
	                        "hostname = host.example\ndomain = corp.example\n"
	                        "aliases = %s\n%s",
	                        aliases, lines);
	this_host_release(&host);
	settings_release(&config);
	ck_assert(settings_parse(str_of(text), "conf", true, &config, print_note, NULL));
	this_host_find(&host, &config, NULL);
	free(text);
}

static void set_up(void)
{
	static const char text[] = "team: one, two@far.example, \\one\nself: self, cat\n";
	memcpy(aliases + strlen(aliases) - 6, "XXXXXX", 6);
	int fd = mkstemp(aliases);
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(write(fd, text, sizeof(text) - 1), sizeof(text) - 1);
	close(fd);
	notes = (struct notes){.sink = {.kind = &notes_kind}};
	buf_init(&notes.steps, 65536);
	buf_init(&notes.bytes, 65536);
	configure("");
	user = getuid();
}

static void tear_down(void)
{
	unlink(aliases);
	buf_release(&notes.steps);
	buf_release(&notes.bytes);
	this_host_release(&host);
	settings_release(&config);
	host = (struct this_host){0};
	config = (struct settings){0};
}

static struct submission *make(const struct submission_options *o)
{
	const struct submission_env env = {&config, &host, &notes.sink, user};
	return submission_new(&env, o);
}

static const struct submission_options plain = {
    .have_from = true, .from = "a@from.example", .dot = DOT_SAFE, .delay = -1};

static void check_steps(const char *want)
{
	ck_assert_str_eq(buf_cstr(&notes.steps), want);
	buf_clear(&notes.steps);
	buf_clear(&notes.bytes);
}

/* All of it, in pieces of that size. */
static bool submit(struct submission *s, const char *message, size_t piece, char *id,
                   struct fault *f)
{
	struct str left = str_of(message);
	submission_start(s);
	for (; left.len > 0; left = str_from(left, piece))
		if (!submission_bytes(s, str_first(left, piece), f))
			return false;
	return submission_end(s, id, f);
}

/* Who it is from */

static const struct sender_case {
	const char *lines; /* of [mail] */
	const char *from;  /* NULL: not given, and nobody asks for the login here */
	bool relayed;
	const char *want; /* NULL: refused */
	bool local;
} sender_cases[] = {
    {"", "a@b.example", false, "a@b.example", false},
    {"", "<a@b.example>", false, "a@b.example", false},
    {"", "a", false, "a@corp.example", true},
    {"", "a@host.example", false, "a@host.example", true},
    {"", "root@localhost", false, "root@localhost", true},
    {"", "", false, "", false},
    {"", "<>", false, "", false},
    {"", "a@b.example, c@d.example", false, NULL, false},
    {"", "a@", false, NULL, false},
    {"from = box@x.example\nfrom_rule = always\n", "a@b.example", false, "box@x.example",
     false},
    {"from = box@x.example\nfrom_rule = always\n", "a@b.example", true, "a@b.example", false},
    {"from = box@x.example\nfrom_rule = local\n", "a", false, "box@x.example", false},
    {"from = box@x.example\nfrom_rule = local\n", "a@b.example", false, "a@b.example", false},
    {"from = box@x.example\nfrom_rule = always\n", "", false, "", false},
    {"from = box@x.example\n", NULL, false, "box@x.example", false},
    {"[senders]\na = web@x.example\n", "a", false, "web@x.example", false},
    {"[senders]\na = web@x.example\n", "a", true, "a@corp.example", true},
};

START_TEST(senders)
{
	const struct sender_case *c = &sender_cases[_i];
	struct submission_options o = plain;
	struct fault f = FAULT_INIT;
	o.have_from = c->from != NULL;
	o.from = c->from;
	o.relayed = c->relayed;
	configure(c->lines);
	struct submission *s = make(&o);
	bool ok = submission_sender(s, &f);
	ck_assert_int_eq(ok, c->want != NULL);
	if (c->want) {
		ck_assert_str_eq(submission_envelope(s)->sender, c->want);
		ck_assert_int_eq(submission_envelope(s)->sender_local, c->local);
	} else {
		ck_assert_int_eq(f.kind, FAULT_DATA);
	}
	submission_free(s);
}
END_TEST

/* Whoever runs this process: names of the system, the variables, Received. */
START_TEST(somebody_else_hands_in)
{
	struct submission_options o = plain;
	struct fault f = FAULT_INIT;
	char id[ENTRY_ID_LEN + 1];
	o.have_from = false;
	user = 4000000123U;
	configure("received = yes\n");
	setenv("NAME", "Who runs this", 1);
	struct submission *s = make(&o);
	ck_assert(submission_sender(s, &f));
	ck_assert_str_eq(submission_envelope(s)->sender, "uid4000000123@corp.example");
	ck_assert(submission_recipient(s, STR("b@x.example"), 0, STR(""), &f));
	ck_assert_msg(submit(s, "Subject: x\n\ny\n", SIZE_MAX, id, &f), "%s", f.text);
	unsetenv("NAME");
	ck_assert_ptr_nonnull(
	    strstr(buf_cstr(&notes.bytes), "(Postern, from userid 4000000123);"));
	ck_assert_ptr_nonnull(
	    strstr(buf_cstr(&notes.bytes), "\r\nFrom: uid4000000123@corp.example\r\n"));
	submission_free(s);
}
END_TEST

START_TEST(without_a_sender_it_is_the_caller)
{
	struct submission_options o = plain;
	struct fault f = FAULT_INIT;
	o.have_from = false;
	struct submission *s = make(&o);
	ck_assert(submission_sender(s, &f));
	ck_assert(str_ends(str_of(submission_envelope(s)->sender), STR("@corp.example")));
	ck_assert(submission_envelope(s)->sender_local);
	submission_free(s);
}
END_TEST

/* Whom it is for */

static const struct rcpt_case {
	const char *lines, *list;
	const char *want; /* NULL: refused, and none is taken */
	bool one;         /* exactly one is expected */
} rcpt_cases[] = {
    {"", "x@y.example", "x@y.example", true},
    {"", "x@y.example, z", "x@y.example z@corp.example", false},
    {"", "x@y.example, z", NULL, true},
    {"", "x@y.example, x@Y.Example", "x@y.example", false},
    {"", "x@y.example, z@", NULL, false},
    {"", "", "", false},
    {"", "", NULL, true},
    {"", "team", "one@corp.example two@far.example", true},
    {"", "team@host.example", "one@corp.example two@far.example", true},
    {"", "\\team", "team@corp.example", true},
    {"", "team@other.example", "team@other.example", true},
    {"", "self", "self@corp.example cat@corp.example", true},
    {"admin = adm@z.example\n", "root, team", "adm@z.example two@far.example", false},
};

START_TEST(recipients)
{
	const struct rcpt_case *c = &rcpt_cases[_i];
	struct fault f = FAULT_INIT;
	char text[1024] = "";
	configure(c->lines);
	struct submission *s = make(&plain);
	bool ok = c->one ? submission_recipient(s, str_of(c->list), 0, STR(""), &f)
	                 : submission_recipients(s, str_of(c->list), 0, STR(""), &f);
	ck_assert_msg(ok == (c->want != NULL), "%s: %s", c->list, f.text);
	const struct envelope *e = submission_envelope(s);
	for (size_t i = 0; i < e->rcpt_count; i++)
		snprintf(text + strlen(text), sizeof(text) - strlen(text), "%s%s", i ? " " : "",
		         e->rcpts[i].address);
	ck_assert_str_eq(text, c->want ? c->want : "");
	ck_assert(ok || f.kind == FAULT_DATA);
	submission_free(s);
}
END_TEST

START_TEST(what_a_recipient_asks_for_goes_to_each)
{
	struct fault f = FAULT_INIT;
	struct submission *s = make(&plain);
	ck_assert(submission_recipient(s, STR("two@far.example"), NOTIFY_NEVER, STR(""), &f));
	ck_assert(submission_recipient(s, STR("team"), NOTIFY_DELAY, STR("rfc822;team"), &f));
	const struct envelope *e = submission_envelope(s);
	ck_assert_uint_eq(e->rcpt_count, 2);
	/* Who is there already keeps what they have. */
	ck_assert_uint_eq(e->rcpts[0].notify, NOTIFY_NEVER);
	ck_assert_ptr_null(e->rcpts[0].orcpt);
	ck_assert_str_eq(e->rcpts[1].address, "one@corp.example");
	ck_assert_uint_eq(e->rcpts[1].notify, NOTIFY_DELAY);
	ck_assert_str_eq(e->rcpts[1].orcpt, "rfc822;team");
	submission_free(s);
}
END_TEST

START_TEST(too_many_recipients)
{
	struct fault f = FAULT_INIT;
	char address[64];
	struct submission *s = make(&plain);
	for (int i = 0; i < ENTRY_RCPT_MAX; i++) {
		snprintf(address, sizeof(address), "r%d@y.example", i);
		ck_assert(submission_recipient(s, str_of(address), 0, STR(""), &f));
	}
	ck_assert(!submission_recipient(s, STR("x@y.example"), 0, STR(""), &f));
	ck_assert_int_eq(f.kind, FAULT_DATA);
	ck_assert_int_eq(f.code, 452);
	/* One who is there already is none too many. */
	ck_assert(submission_recipient(s, STR("r7@y.example"), 0, STR(""), &f));
	ck_assert_uint_eq(submission_envelope(s)->rcpt_count, ENTRY_RCPT_MAX);
	submission_free(s);
}
END_TEST

/* The way into the sink */

START_TEST(order)
{
	for (size_t piece = 1; piece <= sizeof(MESSAGE); piece++) {
		struct fault f = FAULT_INIT;
		char id[ENTRY_ID_LEN + 1];
		struct submission *s = make(&plain);
		ck_assert(submission_sender(s, &f));
		ck_assert(submission_recipients(s, STR("x@y.example"), 0, STR(""), &f));
		ck_assert_msg(submit(s, MESSAGE, piece, id, &f), "%s", f.text);
		ck_assert_str_eq(id, ID);
		ck_assert(str_ends(buf_str(&notes.bytes), STR("\r\n\r\nbody\r\n")));
		ck_assert_int_eq(notes.delay, 0);
		submission_free(s);
		check_steps("begin(a@from.example>x@y.example) bytes end accepted abandon");
	}
}
END_TEST

START_TEST(nothing_is_begun_before_the_header_is_whole)
{
	struct fault f = FAULT_INIT;
	struct submission *s = make(&plain);
	ck_assert(submission_sender(s, &f));
	ck_assert(submission_recipients(s, STR("x@y.example"), 0, STR(""), &f));
	submission_start(s);
	ck_assert(submission_bytes(s, STR("Subject: s\nTo: t@to.example\n"), &f));
	ck_assert_str_eq(buf_cstr(&notes.steps), "");
	submission_free(s);
	check_steps("abandon");
	submission_free(NULL);
}
END_TEST

START_TEST(a_sink_that_fails)
{
	static const struct {
		const char *fails, *steps;
	} cases[] = {
	    {"begin", "begin abandon"},
	    {"bytes", "begin(a@from.example>x@y.example) bytes abandon"},
	    {"end", "begin(a@from.example>x@y.example) bytes end abandon"},
	};
	for (size_t i = 0; i < COUNT(cases); i++)
		for (size_t piece = 1; piece <= sizeof(MESSAGE); piece += 7) {
			struct fault f = FAULT_INIT;
			char id[ENTRY_ID_LEN + 1] = "";
			struct submission *s = make(&plain);
			notes.fails = cases[i].fails;
			ck_assert(submission_sender(s, &f));
			ck_assert(submission_recipients(s, STR("x@y.example"), 0, STR(""), &f));
			ck_assert(!submit(s, MESSAGE, piece, id, &f));
			/* As it was said, not as of the message. */
			ck_assert_int_eq(f.kind, FAULT_CREATE);
			ck_assert_int_eq(f.code, 0);
			ck_assert_ptr_nonnull(strstr(f.text, cases[i].fails));
			ck_assert_str_eq(id, "");
			submission_free(s);
			check_steps(cases[i].steps);
		}
}
END_TEST

START_TEST(recipients_of_the_header)
{
	struct submission_options o = plain;
	struct fault f = FAULT_INIT;
	char id[ENTRY_ID_LEN + 1];
	o.notify = NOTIFY_FAILURE;
	o.take_recipients = true;
	struct submission *s = make(&o);
	ck_assert(submission_sender(s, &f));
	ck_assert(submission_recipients(s, STR("x@y.example"), NOTIFY_NEVER, STR(""), &f));
	ck_assert_msg(submit(s, MESSAGE, 5, id, &f), "%s", f.text);
	ck_assert_uint_eq(submission_envelope(s)->rcpts[0].notify, NOTIFY_NEVER);
	ck_assert_uint_eq(submission_envelope(s)->rcpts[2].notify, NOTIFY_FAILURE);
	submission_free(s);
	check_steps("begin(a@from.example>x@y.example,t@to.example,u@to.example) bytes end "
	            "accepted abandon");
}
END_TEST

START_TEST(nobody_in_the_header)
{
	struct submission_options o = plain;
	struct fault f = FAULT_INIT;
	char id[ENTRY_ID_LEN + 1];
	o.take_recipients = true;
	struct submission *s = make(&o);
	ck_assert(submission_sender(s, &f));
	ck_assert(!submit(s, "Subject: s\n\nbody\n", 5, id, &f));
	ck_assert_int_eq(f.kind, FAULT_DATA);
	submission_free(s);
	check_steps("abandon");
}
END_TEST

START_TEST(options_reach_the_envelope)
{
	const struct submission_options o = {.have_from = true,
	                                     .from = "<>",
	                                     .smtputf8 = true,
	                                     .body = BODY_8BITMIME,
	                                     .ret = RET_HDRS,
	                                     .envid = "id+2B1",
	                                     .relay = "main",
	                                     .delay = 60};
	struct fault f = FAULT_INIT;
	char id[ENTRY_ID_LEN + 1];
	struct submission *s = make(&o);
	ck_assert(submission_sender(s, &f));
	ck_assert(submission_recipients(s, STR("x@y.example"), 0, STR(""), &f));
	ck_assert_msg(submit(s, MESSAGE, 5, id, &f), "%s", f.text);
	const struct envelope *e = submission_envelope(s);
	ck_assert_str_eq(e->sender, "");
	ck_assert(e->smtputf8);
	ck_assert_int_eq(e->body, BODY_8BITMIME);
	ck_assert_int_eq(e->ret, RET_HDRS);
	ck_assert_str_eq(e->envid, "id+2B1");
	ck_assert_str_eq(e->relay, "main");
	ck_assert_int_eq(notes.delay, 60);
	submission_free(s);
}
END_TEST

START_TEST(delay_as_given_or_configured)
{
	struct submission_options o = plain;
	ck_assert_int_eq(submission_delay(&o, &config), 0);
	configure("[delivery]\ndelay = 5m\n");
	ck_assert_int_eq(submission_delay(&o, &config), 300);
	o.delay = 0;
	ck_assert_int_eq(submission_delay(&o, &config), 0);
	o.delay = 7;
	ck_assert_int_eq(submission_delay(&o, &config), 7);
}
END_TEST

START_TEST(a_message_that_is_too_long)
{
	struct fault f = FAULT_INIT;
	char id[ENTRY_ID_LEN + 1];
	char text[5000] = "Subject: s\n\n";
	memset(text + strlen(text), 'x', 4000);
	configure("max_size = 2K\n");
	for (size_t piece = 100; piece <= sizeof(text); piece += 700) {
		struct submission *s = make(&plain);
		ck_assert(submission_sender(s, &f));
		ck_assert(submission_recipients(s, STR("x@y.example"), 0, STR(""), &f));
		ck_assert(!submit(s, text, piece, id, &f));
		ck_assert_int_eq(f.kind, FAULT_DATA);
		ck_assert_int_eq(f.code, 552);
		ck_assert_str_eq(f.status, "5.3.4");
		submission_free(s);
		ck_assert_ptr_null(strstr(buf_cstr(&notes.steps), "end"));
		buf_clear(&notes.steps);
		buf_clear(&notes.bytes);
	}
}
END_TEST

/* Where a line of one dot ends the message; the rest is not looked at. */
static const struct dot_case {
	enum message_dot dot;
	const char *lines;
	bool ends;
} dot_cases[] = {
    {DOT_IGNORED, "dot = classic\n", false},
    {DOT_SAFE, "", false},
    {DOT_SAFE, "dot = classic\n", true},
    {DOT_CLASSIC, "", true},
};

START_TEST(dots)
{
	const struct dot_case *c = &dot_cases[_i];
	struct submission_options o = plain;
	struct fault f = FAULT_INIT;
	char id[ENTRY_ID_LEN + 1];
	o.dot = c->dot;
	configure(c->lines);
	struct submission *s = make(&o);
	ck_assert(submission_sender(s, &f));
	ck_assert(submission_recipients(s, STR("x@y.example"), 0, STR(""), &f));
	submission_start(s);
	ck_assert(submission_bytes(s, STR("Subject: s\n\nbody\n.\n"), &f));
	ck_assert_int_eq(submission_ended(s), c->ends);
	if (!c->ends)
		ck_assert(submission_bytes(s, STR("more\n"), &f));
	ck_assert(submission_end(s, id, &f));
	ck_assert_int_eq(str_ends(buf_str(&notes.bytes), STR("\r\n.\r\nmore\r\n")), !c->ends);
	submission_free(s);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("submission");
	TCase *t = unit_case(s, "submission");
	tcase_add_checked_fixture(t, set_up, tear_down);
	tcase_set_timeout(t, 60);
	tcase_add_loop_test(t, senders, 0, COUNT(sender_cases));
	tcase_add_test(t, without_a_sender_it_is_the_caller);
	tcase_add_test(t, somebody_else_hands_in);
	tcase_add_loop_test(t, recipients, 0, COUNT(rcpt_cases));
	tcase_add_test(t, what_a_recipient_asks_for_goes_to_each);
	tcase_add_test(t, too_many_recipients);
	tcase_add_test(t, order);
	tcase_add_test(t, nothing_is_begun_before_the_header_is_whole);
	tcase_add_test(t, a_sink_that_fails);
	tcase_add_test(t, recipients_of_the_header);
	tcase_add_test(t, nobody_in_the_header);
	tcase_add_test(t, options_reach_the_envelope);
	tcase_add_test(t, delay_as_given_or_configured);
	tcase_add_test(t, a_message_that_is_too_long);
	tcase_add_loop_test(t, dots, 0, COUNT(dot_cases));
	return unit_run(s);
}
