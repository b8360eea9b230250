/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "post/post_client.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "os/file.h"

#define ID_A "6920C8F13A7B"
#define ID_B "6920C8F20001"

/* What the post of a test says, a record a string: its kind, then its payload.
 * "?" stands for hearing one record, "!" for hearing all up to E; each that is
 * heard is written to log as "KIND PAYLOAD|", a long one as "KIND LENGTH|". */
static void hear(struct record_reader *in, int fd, int log, bool all)
{
	struct record r;
	do {
		if (record_read(in, fd, 5000, &r) != RECORD_OK)
			_exit(0);
		if (r.len > 1000)
			dprintf(log, "%c %zu|", r.kind, r.len);
		else
			dprintf(log, "%c %.*s|", r.kind, (int)r.len, r.at);
	} while (all && r.kind != RECORD_END);
}

static void play(int fd, int log, const char *const *script)
{
	struct record_reader *in = malloc(sizeof(*in));
	record_init(in);
	for (size_t i = 0; script[i]; i++) {
		const char *s = script[i];
		if (s[0] == '?' || s[0] == '!')
			hear(in, fd, log, s[0] == '!');
		else if (record_write(fd, (enum record_kind)s[0], s + 1, strlen(s + 1), 5000))
			_exit(1);
	}
	_exit(0);
}

static struct post_client gate;
static int heard[2];

static void begin(const char *const *script)
{
	int pair[2];
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	ck_assert_int_eq(pipe(heard), 0);
	post_client_init(&gate);
	gate.pid = fork();
	if (gate.pid == 0) {
		close(pair[0]);
		play(pair[1], heard[1], script);
	}
	close(pair[1]);
	close(heard[1]);
	gate.fd = pair[0];
	gate.reader = mem_alloc(sizeof(*gate.reader));
	record_init(gate.reader);
}

static void end(const char *want)
{
	size_t len = 0;
	post_client_close(&gate);
	char text[4096];
	ssize_t n;
	while ((n = read(heard[0], text + len, sizeof(text) - 1 - len)) > 0)
		len += (size_t)n;
	text[len] = '\0';
	close(heard[0]);
	if (want)
		ck_assert_str_eq(text, want);
}

static bool put(char id[ENTRY_ID_LEN + 1], struct fault *f)
{
	struct envelope v;
	envelope_init(&v);
	envelope_set_sender(&v, STR("ann@x.example"));
	v.body = BODY_8BITMIME;
	v.ret = RET_HDRS;
	v.smtputf8 = true;
	v.envid = mem_copy(STR("E1"));
	v.relay = mem_copy(STR("work"));
	envelope_add(&v, STR("bob@y.example"))->notify = NOTIFY_SUCCESS | NOTIFY_DELAY;
	envelope_add(&v, STR("cas@y.example"))->orcpt = mem_copy(STR("rfc822;c"));
	bool ok = post_client_put_begin(&gate, "hold", &v, 60, f) &&
	          post_client_put_message(&gate, STR("A: b\r\n\r\n"), f) &&
	          post_client_put_message(&gate, STR("text\r\n"), f) &&
	          post_client_put_end(&gate, id, f);
	envelope_release(&v);
	return ok;
}

START_TEST(a_message_is_put)
{
	static const char *const script[] = {"!", "I" ID_A, NULL};
	struct fault f = FAULT_INIT;
	begin(script);
	char id[ENTRY_ID_LEN + 1];
	ck_assert_msg(put(id, &f), "%s", f.text);
	ck_assert_str_eq(id, ID_A);
	end("P hold 2|s ann@x.example|b 8BITMIME|u |r HDRS|e E1|l work|d 60|"
	    "R bob@y.example|n SUCCESS,DELAY|R cas@y.example|o rfc822;c|"
	    "M A: b\r\n\r\n|M text\r\n|E |");
}
END_TEST

/* What is answered instead of an id: a  kind, and a part of the text. */
static const struct {
	const char *script[4];
	enum fault_kind kind;
	const char *text;
} answers[] = {
    {{"!", "X77 not for you", NULL}, FAULT_NOPERM, "not for you"},
    {{"!", "X65 a bare CR", NULL}, FAULT_DATA, "a bare CR"},
    {{"!", "X75 disk full", NULL}, FAULT_TEMP, "disk full"},
    {{"!", "X4294967361 2^32 and 65", NULL}, FAULT_TEMP, "2^32 and 65"},
    {{"!", "X73 cannot create", NULL}, FAULT_CREATE, "cannot create"},
    {{"!", "Xgarbage", NULL}, FAULT_TEMP, ""},
    {{"!", "X", NULL}, FAULT_TEMP, ""},
    {{"!", "I" ID_A "0", NULL}, FAULT_TEMP, "not understood"},
    {{"!", "I6920c8f13a7b", NULL}, FAULT_TEMP, "not understood"},
    {{"!", "Z0", NULL}, FAULT_TEMP, "not understood"},
    {{"!", NULL}, FAULT_TEMP, "ended before"},
    {{"?", "?", "X65 no such sender", NULL}, FAULT_DATA, "no such sender"},
    {{NULL}, FAULT_TEMP, ""},
};

START_TEST(anything_but_an_id_is_no_success)
{
	struct fault f = FAULT_INIT;
	begin(answers[_i].script);
	char id[ENTRY_ID_LEN + 1];
	ck_assert(!put(id, &f));
	ck_assert_msg(f.kind == answers[_i].kind, "class %d: %s", (int)f.kind, f.text);
	ck_assert_msg(strstr(f.text, answers[_i].text), "%s", f.text);
	end(NULL);
}
END_TEST

START_TEST(a_long_message_goes_in_pieces)
{
	static const char *const script[] = {"?", "?", "?", NULL};
	static char text[RECORD_MAX + 1];
	struct fault f = FAULT_INIT;
	memset(text, 'x', sizeof(text));
	begin(script);
	ck_assert(post_client_put_message(&gate, str_make(text, RECORD_MAX), &f));
	ck_assert(post_client_put_message(&gate, str_make(text, RECORD_MAX + 1), &f));
	end("M 65536|M 65536|M x|");
}
END_TEST

struct listed {
	char text[1024];
	size_t most; /* entries to take */
};

static bool take(void *context, char room, const char *id, bool busy, int fd)
{
	struct listed *l = context;
	struct buf bytes;
	struct fault f = FAULT_INIT;
	size_t len = strlen(l->text);
	buf_init(&bytes, 1000);
	ck_assert(lseek(fd, 0, SEEK_SET) == 0 && file_read_all(fd, "x", &bytes, &f));
	snprintf(l->text + len, sizeof(l->text) - len, "%c %s %d %s|", room, id, busy,
	         buf_cstr(&bytes));
	buf_release(&bytes);
	return --l->most > 0;
}

static const struct {
	const char *script[9];
	const char *want; /* NULL: a fault */
	size_t most;
	enum fault_kind kind;
} lists[] = {
    {{"?", "Z0", NULL}, "", 9, FAULT_NONE},
    {{"?", "Sh 0 " ID_A, "Done", "D and two", "Sf 1 " ID_B, "Z0", NULL},
     "h " ID_A " 0 one and two|f " ID_B " 1 |",
     9,
     FAULT_NONE},
    {{"?", "Sh 0 " ID_A, "Da", "Sh 0 " ID_B, "Db", "Z0", NULL},
     "h " ID_A " 0 a|",
     1,
     FAULT_NONE},
    {{"?", "X77 is another user's", NULL}, NULL, 9, FAULT_NOPERM},
    {{"?", "Sh 0 " ID_A, "Da", NULL}, NULL, 9, FAULT_TEMP},
    {{"?", "Da", "Z0", NULL}, NULL, 9, FAULT_TEMP},
    {{"?", "Sh 0 ../../etc/pas", NULL}, NULL, 9, FAULT_TEMP},
    {{"?", "Sh", NULL}, NULL, 9, FAULT_TEMP},
};

START_TEST(lists_are_taken)
{
	struct listed l = {.most = lists[_i].most};
	struct fault f = FAULT_INIT;
	begin(lists[_i].script);
	bool ok = post_client_list(&gate, "hf", ID_A, true, take, &l, &f);
	ck_assert_msg(ok == (lists[_i].want != NULL), "%s", f.text);
	if (ok)
		ck_assert_str_eq(l.text, lists[_i].want);
	ck_assert_int_eq(f.kind, lists[_i].kind);
	end("L +hf " ID_A "|");
}
END_TEST

START_TEST(an_action_has_output_and_a_code)
{
	static const char *const script[] = {"?", "Dno such ", "Dmessage\n", "Z65", NULL};
	struct fault f = FAULT_INIT;
	char text[64] = "";
	int code = 0;
	begin(script);
	int out;
	ck_assert(file_scratch(&out, &f));
	ck_assert_msg(post_client_act(&gate, "remove " ID_A, out, &code, &f), "%s", f.text);
	ck_assert_int_eq(code, 65);
	ck_assert_int_eq(pread(out, text, sizeof(text) - 1, 0), 16);
	ck_assert_str_eq(text, "no such message\n");
	close(out);
	end("Q remove " ID_A "|");
}
END_TEST

/* More than a process can end with: not to be taken for its lower half. */
START_TEST(a_code_that_is_none)
{
	static const char *const script[] = {"?", "Z4294967296", NULL};
	struct fault f = FAULT_INIT;
	int code = 1;
	begin(script);
	ck_assert(!post_client_act(&gate, "thaw " ID_A, -1, &code, &f));
	ck_assert_int_eq(f.kind, FAULT_TEMP);
	ck_assert_int_eq(code, 1);
	end("Q thaw " ID_A "|");
}
END_TEST

START_TEST(the_one_who_listens_keeps_the_connection)
{
	static const char *const script[] = {"?", NULL};
	struct fault f = FAULT_INIT;
	int fd = -1;
	begin(script);
	pid_t pid = gate.pid;
	ck_assert(post_client_go(&gate, true, true, &fd, &f));
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(gate.fd, -1);
	ck_assert_int_eq(waitpid(pid, NULL, 0), pid);
	close(fd);
	end("G lv|");
}
END_TEST

#define COUNT(array) (int)(sizeof(array) / sizeof((array)[0]))

int main(void)
{
	Suite *s = suite_create("gate");
	TCase *t = tcase_create("gate");
	tcase_add_test(t, a_message_is_put);
	tcase_add_loop_test(t, anything_but_an_id_is_no_success, 0, COUNT(answers));
	tcase_add_test(t, a_long_message_goes_in_pieces);
	tcase_add_loop_test(t, lists_are_taken, 0, COUNT(lists));
	tcase_add_test(t, an_action_has_output_and_a_code);
	tcase_add_test(t, a_code_that_is_none);
	tcase_add_test(t, the_one_who_listens_keeps_the_connection);
	suite_add_tcase(s, t);
	SRunner *r = srunner_create(s);
	srunner_run_all(r, CK_ENV);
	int failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? 1 : 0;
}
