/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "post/post_client.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "unit.h"
#define ID_A "6920C8F13A7B"

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
	bool ok = post_client_put_begin(&gate, HOLD_QUEUE, &v, 60, f) &&
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

/* What a command needs is heard as "Q words|O |"; the descriptors are another test's. */
static const struct {
	const char *script[5];
	bool ok;
	int code;
	const char *text; /* of a fault */
} commands[] = {
    {{"?", "?", "Z0", NULL}, true, 0, NULL},
    {{"?", "?", "Z65", NULL}, true, 65, NULL},
    {{"?", "?", "X77 not for you", NULL}, false, 0, "not for you"},
    {{"?", "X64 no such word", NULL}, false, 0, "no such word"},
    {{"?", "?", NULL}, false, 0, "ended before"},
    {{"?", "?", "Zx", NULL}, false, 0, "not understood"},
    {{"?", "?", "Z-1", NULL}, false, 0, "not understood"},
    {{"?", "?", "Z256", NULL}, false, 0, "not understood"},
    /* More than a process can end with: not to be taken for its lower half. */
    {{"?", "?", "Z4294967296", NULL}, false, 0, "not understood"},
    {{"?", "?", "I" ID_A, NULL}, false, 0, "not understood"},
};

START_TEST(a_command_has_a_code)
{
	struct fault f = FAULT_INIT;
	int code = 0;
	begin(commands[_i].script);
	bool ok = post_client_command(&gate, STR("flushq\n--remove\n" ID_A), &code, &f);
	ck_assert_msg(ok == commands[_i].ok, "%s", f.text);
	ck_assert_int_eq(code, commands[_i].code);
	if (!ok)
		ck_assert_msg(strstr(f.text, commands[_i].text), "%s", f.text);
	end(strcmp(commands[_i].script[1], "?") == 0 ? "Q flushq\n--remove\n" ID_A "|O |"
	                                             : "Q flushq\n--remove\n" ID_A "|");
}
END_TEST

/* Our standard output and error, in this order. */
START_TEST(a_command_brings_its_outputs)
{
	char bytes[64], text[8] = "";
	_Alignas(struct cmsghdr) char space[CMSG_SPACE(8 * sizeof(int))];
	struct fault f = FAULT_INIT;
	int pair[2];
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	int out[2], err[2];
	ck_assert(pipe(out) == 0 && pipe(err) == 0);
	pid_t pid = fork();
	if (pid == 0) {
		int code = 0;
		struct post_client g;
		post_client_init(&g);
		g.fd = pair[0];
		g.reader = mem_alloc(sizeof(*g.reader));
		record_init(g.reader);
		dup2(out[1], STDOUT_FILENO);
		dup2(err[1], STDERR_FILENO);
		close(pair[1]);
		_exit(post_client_command(&g, STR("mailq"), &code, &f) ? code : 1);
	}
	ck_assert_int_eq(recv(pair[1], bytes, RECORD_HEAD + 5, MSG_WAITALL), RECORD_HEAD + 5);
	struct iovec in = {bytes, sizeof(bytes)};
	struct msghdr m = {.msg_iov = &in, .msg_iovlen = 1, .msg_control = space};
	m.msg_controllen = sizeof(space);
	ck_assert_int_eq(recvmsg(pair[1], &m, 0), RECORD_HEAD);
	struct cmsghdr *c = CMSG_FIRSTHDR(&m);
	int fds[2];
	ck_assert(c && c->cmsg_type == SCM_RIGHTS && c->cmsg_len == CMSG_LEN(sizeof(fds)));
	memcpy(fds, CMSG_DATA(c), sizeof(fds));
	ck_assert(write(fds[0], "o", 1) == 1 && write(fds[1], "e", 1) == 1);
	ck_assert(read(out[0], text, 1) == 1 && read(err[0], text + 1, 1) == 1);
	ck_assert_str_eq(text, "oe");
	ck_assert_int_eq(record_write(pair[1], RECORD_DONE, "7", 1, 1000), 0);
	int status = 0;
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_int_eq(WEXITSTATUS(status), 7);
}
END_TEST

START_TEST(the_one_who_listens_keeps_the_connection)
{
	static const char *const script[] = {"?", NULL};
	struct fault f = FAULT_INIT;
	int fd = -1;
	begin(script);
	pid_t pid = gate.pid;
	ck_assert(post_client_go(&gate, POST_GO_VERBOSE | POST_GO_LISTEN, &fd, &f));
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(gate.fd, -1);
	ck_assert_int_eq(waitpid(pid, NULL, 0), pid);
	close(fd);
	end("G lv|");
}
END_TEST

int main(void)
{
	Suite *s = suite_create("post_client");
	TCase *t = unit_case(s, "post_client");
	tcase_add_test(t, a_message_is_put);
	tcase_add_loop_test(t, anything_but_an_id_is_no_success, 0, COUNT(answers));
	tcase_add_test(t, a_long_message_goes_in_pieces);
	tcase_add_loop_test(t, a_command_has_a_code, 0, COUNT(commands));
	tcase_add_test(t, a_command_brings_its_outputs);
	tcase_add_test(t, the_one_who_listens_keeps_the_connection);
	return unit_run(s);
}
