/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "conf/secret.h"

#include <check.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "os/clock.h"
#include "polled.h"
#include "unit.h"

static char folder[] = "/tmp/test_secret.XXXXXX";
static char *path;

static void make_folder(void)
{
	ck_assert_ptr_nonnull(mkdtemp(folder));
	path = mem_printf("%s/relay.main.password", folder);
	unsetenv("CREDENTIALS_DIRECTORY");
}

static void remove_folder(void)
{
	unlink(path);
	rmdir(path);
	rmdir(folder);
	free(path);
}

static void put_file(struct str text, mode_t mode)
{
	unlink(path);
	FILE *file = fopen(path, "w");
	ck_assert_ptr_nonnull(file);
	ck_assert_uint_eq(fwrite(text.at, 1, text.len, file), text.len);
	ck_assert_int_eq(fclose(file), 0);
	ck_assert_int_eq(chmod(path, mode), 0);
}

/* want NULL: a fault of that class with these words. */
static void expect(const struct settings_relay *relay, const char *want, enum fault_kind kind,
                   const char *words)
{
	struct fault f = FAULT_INIT;
	struct secret *s = secret_read(relay, clock_deadline(LONG_MS), &f);
	if (!want) {
		ck_assert_ptr_null(s);
		ck_assert_int_eq(f.kind, kind);
		ck_assert_msg(strstr(f.text, words) != NULL, "%s", f.text);
		ck_assert_ptr_null(strstr(f.text, "hunter2"));
	} else {
		ck_assert_msg(s != NULL, "%s", f.text);
		ck_assert(str_eq(secret_view(s), str_of(want)));
		secret_free(s);
	}
}

START_TEST(first_line_of_a_file)
{
	static const struct {
		struct str text;
		const char *want;
	} rows[] = {
	    {{"hunter2", 7}, "hunter2"},
	    {{"hunter2\n", 8}, "hunter2"},
	    {{"hunter2\r\n", 9}, "hunter2"},
	    {{"hunter2\nsecond\n", 15}, "hunter2"},
	    {{" hunter2 ; x \n", 14}, " hunter2 ; x "},
	    {{"h\xC3\xBCnt\xFFr\n", 8}, "h\xC3\xBCnt\xFFr"},
	};
	struct settings_relay relay = {.name = "main", .password_file = path};

	for (size_t i = 0; i < COUNT(rows); i++) {
		put_file(rows[i].text, 0600);
		expect(&relay, rows[i].want, FAULT_NONE, NULL);
	}
	put_file(STR("hunter2\n"), 0440);
	expect(&relay, "hunter2", FAULT_NONE, NULL);
}
END_TEST

START_TEST(files_that_are_refused)
{
	struct settings_relay relay = {.name = "main", .password_file = path};
	expect(&relay, NULL, FAULT_CONFIG, "relay.main.password: No such file");
	put_file(STR("hunter2\n"), 0644);
	expect(&relay, NULL, FAULT_CONFIG, "mode 0644");
	expect(&relay, NULL, FAULT_CONFIG, "owner ");
	expect(&relay, NULL, FAULT_CONFIG, path);
	put_file(STR("hunter2\n"), 0602);
	expect(&relay, NULL, FAULT_CONFIG, "mode 0602");
	put_file(STR(""), 0600);
	expect(&relay, NULL, FAULT_CONFIG, "is empty");
	put_file(STR("\nhunter2\n"), 0600);
	expect(&relay, NULL, FAULT_CONFIG, "is empty");
	put_file(STR("\r\nhunter2\n"), 0600);
	expect(&relay, NULL, FAULT_CONFIG, "is empty");
	put_file(STR("hunter2\0x\n"), 0600);
	expect(&relay, NULL, FAULT_CONFIG, "NUL");
	unlink(path);
	ck_assert_int_eq(mkfifo(path, 0600), 0);
	expect(&relay, NULL, FAULT_CONFIG, "not a regular file");
	unlink(path);
	ck_assert_int_eq(mkdir(path, 0700), 0);
	expect(&relay, NULL, FAULT_CONFIG, "not a regular file");
}
END_TEST

START_TEST(length_has_a_limit)
{
	struct settings_relay relay = {.name = "main", .password_file = path};
	for (size_t len = SECRET_MAX - 1; len <= SECRET_MAX + 2; len++) {
		char *text = mem_alloc(len + 3);
		memset(text, 'x', len);
		for (int end = 0; end < 3; end++) { /* nothing, LF, CR LF */
			struct str all = {text, len + (size_t)end};

			if (end == 2 && len > SECRET_MAX - 1)
				continue;
			text[len] = end == 2 ? '\r' : '\n';
			text[len + 1] = '\n';
			put_file(all, 0600);
			text[len] = '\0';
			expect(&relay, len <= SECRET_MAX ? text : NULL, FAULT_CONFIG,
			       "longer than 4096 bytes");
		}
		text[len] = '\0';
		relay.password = text;
		relay.password_file = NULL;
		expect(&relay, len <= SECRET_MAX ? text : NULL, FAULT_CONFIG,
		       "longer than 4096 bytes");
		relay.password_file = path;
		free(text);
	}
}
END_TEST

static const struct {
	const char *script;
	const char *want;
	const char *words;
} commands[] = {
    {"echo hunter2", "hunter2", NULL},
    {"printf hunter2", "hunter2", NULL},
    {"printf 'hunter2\\r\\nmore\\n'", "hunter2", NULL},
    {"echo hunter2; echo secret >&2", "hunter2", NULL},
    {"printf hun; sleep 0.1; echo ter2", "hunter2", NULL},
    {"echo hunter2; exec >&-; sleep 0.1", "hunter2", NULL},
    {"echo \"$SHOULD_NOT_BE_SEEN.$HOME\"", "./home/x", NULL},
    {"cat; echo hunter2", "hunter2", NULL},
    /* More than a pipe holds behind the first line must not end it. */
    {"echo hunter2; dd if=/dev/zero bs=65536 count=8 2>/dev/null", "hunter2", NULL},
    {"echo hunter2; exit 3", NULL, "failed with exit status 3"},
    {"echo hunter2; kill -TERM $$", NULL, "ended by signal 15"},
    {"true", NULL, "is empty"},
    {"echo; echo hunter2", NULL, "is empty"},
    {"printf 'hunter2\\000x\\n'", NULL, "NUL"},
    {"dd if=/dev/zero bs=65536 count=8 2>/dev/null | tr '\\0' x", NULL, "longer than 4096"},
};

START_TEST(first_line_of_a_command)
{
	char *script = mem_copy(str_of(commands[_i].script));
	char *words[] = {(char[]){"sh"}, (char[]){"-c"}, script, NULL};
	struct settings_relay relay = {.name = "main", .password_command = {words, 3}};
	struct fault f = FAULT_INIT;
	ck_assert_int_eq(setenv("SHOULD_NOT_BE_SEEN", "x", 1), 0);
	ck_assert_int_eq(setenv("HOME", "/home/x", 1), 0);
	signal(SIGPIPE, SIG_IGN);
	struct secret *s = secret_read(&relay, CLOCK_NEVER, &f);
	if (commands[_i].want) {
		ck_assert_msg(s != NULL, "%s: %s", script, f.text);
		ck_assert(str_eq(secret_view(s), str_of(commands[_i].want)));
	} else {
		ck_assert_ptr_null(s);
		ck_assert(f.kind == FAULT_RELAY || f.kind == FAULT_CONFIG);
		ck_assert_msg(strstr(f.text, commands[_i].words) != NULL, "%s", f.text);
		ck_assert_ptr_null(strstr(f.text, "hunter2"));
	}
	secret_free(s);
	free(script);
}
END_TEST

/* Neither a command that sleeps nor one that left a child may hold us up. */
START_TEST(a_command_has_a_deadline)
{
	static const char *const scripts[] = {"sleep 600", "exec >&-; sleep 600",
	                                      "sleep 600 & echo hunter2; wait",
	                                      "trap '' TERM; echo hunter2; sleep 600"};
	for (size_t i = 0; i < COUNT(scripts); i++) {
		char *script = mem_copy(str_of(scripts[i]));
		char *words[] = {(char[]){"sh"}, (char[]){"-c"}, script, NULL};
		struct settings_relay relay = {.name = "main", .password_command = {words, 3}};
		struct fault f = FAULT_INIT;
		ck_assert_ptr_null(secret_read(&relay, clock_deadline(200), &f));
		ck_assert_int_eq(f.kind, FAULT_RELAY);
		ck_assert_ptr_nonnull(strstr(f.text, "did not end in time"));
		free(script);
	}
}
END_TEST

START_TEST(a_child_left_behind_is_not_waited_for)
{
	char *script = mem_printf("read x <%s & echo hunter2", path);
	char *words[] = {(char[]){"sh"}, (char[]){"-c"}, script, NULL};
	struct settings_relay relay = {.name = "main", .password_command = {words, 3}};
	/* It ends when the other end of this has been there, which is after all. */
	ck_assert_int_eq(mkfifo(path, 0600), 0);
	expect(&relay, "hunter2", FAULT_NONE, NULL);
	int fd = open(path, O_RDWR);
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(write(fd, "\n", 1), 1);
	close(fd);
	free(script);
}
END_TEST

START_TEST(a_command_that_is_missing)
{
	char *words[] = {(char[]){"/nonexistent/pass"}, NULL};
	struct settings_relay relay = {.name = "main", .password_command = {words, 1}};
	expect(&relay, NULL, FAULT_RELAY, "/nonexistent/pass cannot be run");
}
END_TEST

START_TEST(a_credential)
{
	struct settings_relay relay = {.name = "main"};
	ck_assert(!secret_exists(&relay));
	expect(&relay, NULL, FAULT_CONFIG, "relay main: there is no password");
	ck_assert_int_eq(setenv("CREDENTIALS_DIRECTORY", folder, 1), 0);
	ck_assert(!secret_exists(&relay));
	expect(&relay, NULL, FAULT_CONFIG, "No such file");
	put_file(STR("hunter2\n"), 0444);
	ck_assert(secret_exists(&relay));
	expect(&relay, "hunter2", FAULT_NONE, NULL);
	/* What the configuration says comes first. */
	relay.password = (char[]){"other"};
	expect(&relay, "other", FAULT_NONE, NULL);
	relay = (struct settings_relay){.name = "second"};
	ck_assert(!secret_exists(&relay));
}
END_TEST

START_TEST(existence_needs_no_reading)
{
	char *words[] = {(char[]){"/nonexistent"}, NULL};
	ck_assert(secret_exists(&(struct settings_relay){.name = "a", .password = words[0]}));
	ck_assert(
	    secret_exists(&(struct settings_relay){.name = "a", .password_file = words[0]}));
	ck_assert(secret_exists(
	    &(struct settings_relay){.name = "a", .password_command = {words, 1}}));
}
END_TEST

static struct secret *take_said(struct str said, struct buf *other, struct fault *f)
{
	int ends[2];
	ck_assert_int_eq(pipe(ends), 0);
	ck_assert_int_eq(write(ends[1], said.at, said.len), (ssize_t)said.len);
	close(ends[1]);
	struct secret *s = secret_take(ends[0], 'T', clock_deadline(LONG_MS), other, f);
	close(ends[0]);
	return s;
}

START_TEST(a_secret_that_is_handed_over)
{
	struct fault f = FAULT_INIT;
	struct buf other;
	buf_init(&other, 16);
	struct secret *s = take_said(STR("Thunter2\n"), &other, &f);
	ck_assert_msg(s != NULL, "%s", f.text);
	ck_assert(str_eq(secret_view(s), STR("hunter2")));
	ck_assert_uint_eq(other.len, 0);
	secret_free(s);
	buf_release(&other);
}
END_TEST

START_TEST(what_is_no_secret_is_handed_on_as_it_came)
{
	const struct {
		struct str said, other;
	} rows[] = {
	    {STR("F12 apples\n"), STR("F12 apples")},
	    {STR("O17\0gone\n"), STR("O17\0gone")},
	    {STR("Thunter2"), STR("")},
	    {STR("Thunter2\nF\n"), STR("")},
	    {STR("Fmuch too long for it\n"), STR("")},
	    {STR(""), STR("")},
	};
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct fault f = FAULT_INIT;
		struct buf other;
		buf_init(&other, 16);
		ck_assert_ptr_null(take_said(rows[i].said, &other, &f));
		ck_assert(str_eq(buf_str(&other), rows[i].other));
		ck_assert_int_eq(f.kind, other.len > 0 ? FAULT_NONE : FAULT_RELAY);
		ck_assert_ptr_null(strstr(f.text, "hunter2"));
		buf_release(&other);
	}
}
END_TEST

int main(void)
{
	Suite *s = suite_create("secret");
	TCase *c = unit_case(s, "all");
	tcase_set_timeout(c, 60);
	tcase_add_checked_fixture(c, make_folder, remove_folder);
	tcase_add_test(c, first_line_of_a_file);
	tcase_add_test(c, files_that_are_refused);
	tcase_add_test(c, length_has_a_limit);
	tcase_add_loop_test(c, first_line_of_a_command, 0, COUNT(commands));
	tcase_add_test(c, a_command_has_a_deadline);
	tcase_add_test(c, a_child_left_behind_is_not_waited_for);
	tcase_add_test(c, a_command_that_is_missing);
	tcase_add_test(c, a_credential);
	tcase_add_test(c, existence_needs_no_reading);
	tcase_add_test(c, a_secret_that_is_handed_over);
	tcase_add_test(c, what_is_no_secret_is_handed_on_as_it_came);
	return unit_run(s);
}
