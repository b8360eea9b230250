/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "os/file.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "unit.h"

#define NOBODY 65534

static char where[] = "/tmp/test_file.XXXXXX";
static int dir = -1;

/* Each test has an empty folder as its working directory and as dir. */
static void begin(void)
{
	umask(022);
	ck_assert_ptr_nonnull(mkdtemp(where));
	ck_assert_int_eq(chdir(where), 0);
	dir = open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	ck_assert_int_ge(dir, 0);
}

static void end(void)
{
	char *command = mem_printf("chmod -R u+rwx '%s'; rm -rf '%s'", where, where);
	close(dir);
	ck_assert_int_eq(chdir("/"), 0);
	ck_assert_int_eq(system(command), 0);
	free(command);
	memset(strrchr(where, '.') + 1, 'X', 6);
}

static void put(const char *path, const char *text)
{
	FILE *to = fopen(path, "w");
	ck_assert_ptr_nonnull(to);
	ck_assert_int_ge(fputs(text, to), 0);
	ck_assert_int_eq(fclose(to), 0);
}

static void contains(const char *path, const char *want)
{
	FILE *from = fopen(path, "r");
	ck_assert_msg(from != NULL, "%s is missing", path);
	char got[1000];
	size_t len = fread(got, 1, sizeof(got) - 1, from);
	got[len] = '\0';
	fclose(from);
	ck_assert_str_eq(got, want);
}

static bool exists(const char *path)
{
	struct stat st;
	return lstat(path, &st) == 0;
}

/* Entries of the working directory. */
static int count(void)
{
	FILE *from = popen("ls -A | wc -l", "r");
	int n = -1;
	ck_assert_ptr_nonnull(from);
	ck_assert_int_eq(fscanf(from, "%d", &n), 1);
	pclose(from);
	return n;
}

static void failed(const struct fault *f, enum fault_kind kind, int sys, const char *name)
{
	ck_assert_msg(f->kind == kind, "class %d: %s", (int)f->kind, f->text);
	ck_assert_msg(f->sys == sys, "errno %d: %s", f->sys, f->text);
	ck_assert_msg(strstr(f->text, name) != NULL, "no name: %s", f->text);
}

static bool is_cloexec(int fd)
{
	return (fcntl(fd, F_GETFD) & FD_CLOEXEC) != 0;
}

START_TEST(create)
{
	struct fault f = FAULT_INIT;
	int fd;
	ck_assert(file_create(dir, "new", 0640, &fd, &f));
	ck_assert(is_cloexec(fd));
	ck_assert(file_write(fd, "new", STR("a\0b"), &f));
	ck_assert(file_write(fd, "new", STR(""), &f));
	struct stat st;
	ck_assert(file_stat(fd, "new", &st, &f));
	ck_assert_int_eq(st.st_size, 3);
	ck_assert_int_eq(st.st_mode & 07777, 0640);
	ck_assert(file_sync_data(fd, "new", &f));
	ck_assert(file_sync(fd, "new", &f));
	ck_assert(file_sync(dir, ".", &f));
	ck_assert(file_close(fd, "new", &f));

	ck_assert(!file_create(dir, "new", 0640, &fd, &f));
	failed(&f, FAULT_CREATE, EEXIST, "new");
	ck_assert_int_eq(symlink("elsewhere", "link"), 0);
	ck_assert(!file_create(dir, "link", 0640, &fd, &f));
	failed(&f, FAULT_CREATE, EEXIST, "link");
	ck_assert(!exists("elsewhere"));
	ck_assert(!file_create(dir, "no/new", 0640, &fd, &f));
	failed(&f, FAULT_CREATE, ENOENT, "no/new");
}
END_TEST

START_TEST(open_read)
{
	struct fault f = FAULT_INIT;
	put("x", "0123456789");
	struct buf b;
	buf_init(&b, 10);
	ck_assert(file_read_path(AT_FDCWD, "x", &b, &f));
	ck_assert(str_eq(buf_str(&b), STR("0123456789")));
	ck_assert(!file_read_path(dir, "none", &b, &f));
	failed(&f, FAULT_IO, ENOENT, "none");
	buf_release(&b);

	buf_init(&b, 9);
	ck_assert(!file_read_path(dir, "x", &b, &f));
	failed(&f, FAULT_DATA, 0, "x");
	buf_clear(&b);
	ck_assert(!file_read_path(dir, ".", &b, &f));
	failed(&f, FAULT_IO, EISDIR, ".");
	buf_release(&b);

	int fd;
	ck_assert(file_open_read(dir, "x", &fd, &f));
	ck_assert(is_cloexec(fd));
	ck_assert(!file_write(fd, "x", STR("no"), &f));
	failed(&f, FAULT_IO, EBADF, "x");
	close(fd);
}
END_TEST

START_TEST(read_large)
{
	struct fault f = FAULT_INIT;
	struct buf in;
	buf_init(&in, 1000000);
	struct buf out;
	buf_init(&out, 300001);
	for (int i = 0; i < 300000; i++)
		ck_assert(buf_add_char(&in, (char)(i % 251)));
	int fd;
	ck_assert(file_create(dir, "x", 0600, &fd, &f));
	ck_assert(file_write(fd, "x", buf_str(&in), &f));
	ck_assert_int_eq(lseek(fd, 0, SEEK_SET), 0);
	ck_assert(buf_add_char(&out, '!'));
	ck_assert(file_read_all(fd, "x", &out, &f));
	ck_assert(str_eq(str_from(buf_str(&out), 1), buf_str(&in)));
	close(fd);
	buf_release(&in);
	buf_release(&out);
}
END_TEST

/* What is wiped afterwards is what was read, not more. */
START_TEST(read_small)
{
	struct fault f = FAULT_INIT;
	struct buf out;
	int fd;
	buf_init(&out, 1000000);
	ck_assert(file_create(dir, "x", 0600, &fd, &f));
	ck_assert(file_write(fd, "x", STR("four"), &f));
	close(fd);
	ck_assert(file_read_path(dir, "x", &out, &f));
	ck_assert(str_eq(buf_str(&out), STR("four")));
	ck_assert_uint_lt(out.cap, 1000);
	buf_release(&out);
}
END_TEST

START_TEST(open_update)
{
	struct fault f = FAULT_INIT;
	put("x", "0123456789");
	int fd;
	ck_assert(file_open_update(dir, "x", &fd, NULL, &f));
	ck_assert(is_cloexec(fd));
	ck_assert(file_write_at(fd, "x", 3, STR("abc"), &f));
	char text[10];
	size_t got;
	ck_assert(file_read_at(fd, "x", 2, text, 5, &got, &f));
	ck_assert_uint_eq(got, 5);
	ck_assert_int_eq(memcmp(text, "2abc6", 5), 0);
	ck_assert(file_read_at(fd, "x", 8, text, 5, &got, &f));
	ck_assert_uint_eq(got, 2);
	ck_assert(file_read_at(fd, "x", 10, text, 5, &got, &f));
	ck_assert_uint_eq(got, 0);
	ck_assert(file_read(fd, "x", text, 3, &got, &f));
	ck_assert_uint_eq(got, 3);
	ck_assert_int_eq(memcmp(text, "012", 3), 0);
	close(fd);
	contains("x", "012abc6789");

	ck_assert(!file_open_update(dir, "none", &fd, NULL, &f));
	failed(&f, FAULT_IO, ENOENT, "none");
	ck_assert_int_eq(symlink("x", "link"), 0);
	ck_assert(!file_open_update(dir, "link", &fd, NULL, &f));
	ck_assert_int_ne(f.sys, 0);
	ck_assert_int_eq(mkfifo("fifo", 0600), 0);
	ck_assert(!file_open_update(dir, "fifo", &fd, NULL, &f));
	ck_assert_ptr_nonnull(strstr(f.text, "fifo"));
	ck_assert_int_eq(mkdir("sub", 0700), 0);
	ck_assert(!file_open_update(dir, "sub", &fd, NULL, &f));
	failed(&f, FAULT_IO, EISDIR, "sub");
	struct stat st;
	ck_assert(file_stat_name(dir, "link", &st, &f));
	ck_assert(S_ISLNK(st.st_mode));
	ck_assert(!file_stat_name(dir, "none", &st, &f));
	failed(&f, FAULT_IO, ENOENT, "none");
}
END_TEST

START_TEST(open_append)
{
	struct fault f = FAULT_INIT;
	int fd;
	for (int i = 0; i < 2; i++) {
		ck_assert(file_open_append(dir, "log", 0600, &fd, &f));
		ck_assert(is_cloexec(fd));
		ck_assert(file_write(fd, "log", STR("line\n"), &f));
		ck_assert(file_close(fd, "log", &f));
	}
	contains("log", "line\nline\n");
	struct stat st;
	ck_assert_int_eq(stat("log", &st), 0);
	ck_assert_int_eq(st.st_mode & 07777, 0600);
	ck_assert_int_eq(symlink("log", "link"), 0);
	ck_assert(!file_open_append(dir, "link", 0600, &fd, &f));
	ck_assert_int_eq(mkfifo("fifo", 0600), 0);
	ck_assert(!file_open_append(dir, "fifo", 0600, &fd, &f));
	ck_assert_int_eq(f.sys, ENXIO);
}
END_TEST

START_TEST(open_dir)
{
	struct fault f = FAULT_INIT;
	put("x", "");
	int fd;
	ck_assert(file_open_dir(AT_FDCWD, where, &fd, &f));
	ck_assert(is_cloexec(fd));
	close(fd);
	ck_assert(!file_open_dir(dir, "x", &fd, &f));
	failed(&f, FAULT_IO, ENOTDIR, "x");
}
END_TEST

START_TEST(publish)
{
	struct fault f = FAULT_INIT;
	ck_assert_int_eq(mkdir("sub", 0700), 0);
	int sub;
	ck_assert(file_open_dir(dir, "sub", &sub, &f));
	put("tmp", "mine");
	ck_assert(file_publish(dir, "tmp", sub, "entry", &f));
	ck_assert(!exists("tmp"));
	contains("sub/entry", "mine");

	/* What has the name already stays as it is, and so does ours. */
	put("tmp", "other");
	ck_assert(!file_publish(dir, "tmp", sub, "entry", &f));
	failed(&f, FAULT_CREATE, EEXIST, "entry");
	contains("sub/entry", "mine");
	contains("tmp", "other");
	ck_assert(!file_publish(dir, "none", sub, "new", &f));
	ck_assert_int_eq(f.sys, ENOENT);

	ck_assert(file_rename(dir, "tmp", sub, "entry", &f));
	contains("sub/entry", "other");
	ck_assert(!exists("tmp"));
	ck_assert(!file_rename(dir, "tmp", sub, "entry", &f));
	ck_assert_int_eq(f.sys, ENOENT);
	contains("sub/entry", "other");
	ck_assert(file_unlink(sub, "entry", &f));
	ck_assert(!file_unlink(sub, "entry", &f));
	failed(&f, FAULT_IO, ENOENT, "entry");
	close(sub);
}
END_TEST

/* When the old name cannot go, the new one must not stay: mail would be doubled. */
START_TEST(publish_undone)
{
	struct fault f = FAULT_INIT;
	bool root = geteuid() == 0;
	ck_assert_int_eq(mkdir("from", 0755), 0);
	ck_assert_int_eq(mkdir("to", 0777), 0);
	put("from/x", "mine");
	if (root) {
		ck_assert_int_eq(chmod(".", 0755), 0);
		ck_assert_int_eq(chown("from/x", NOBODY, NOBODY), 0);
		ck_assert_int_eq(chown("to", NOBODY, NOBODY), 0);
		ck_assert_int_eq(seteuid(NOBODY), 0);
	} else {
		ck_assert_int_eq(chmod("from", 0555), 0);
	}
	ck_assert(!file_publish(dir, "from/x", dir, "to/x", &f));
	failed(&f, FAULT_NOPERM, EACCES, "to/x");
	if (root)
		ck_assert_int_eq(seteuid(0), 0);
	ck_assert(!exists("to/x"));
	contains("from/x", "mine");
}
END_TEST

START_TEST(replace)
{
	struct fault f = FAULT_INIT;
	ck_assert(file_replace(dir, "state", 0640, STR("one"), &f));
	contains("state", "one");
	ck_assert(file_replace(AT_FDCWD, "./state", 0600, STR(""), &f));
	contains("state", "");
	struct stat st;
	ck_assert_int_eq(stat("state", &st), 0);
	ck_assert_int_eq(st.st_mode & 07777, 0600);
	ck_assert_int_eq(count(), 1);
	ck_assert_int_eq(mkdir("sub", 0700), 0);
	ck_assert(!file_replace(dir, "sub", 0600, STR("two"), &f));
	ck_assert_ptr_nonnull(strstr(f.text, "sub"));
	ck_assert(!file_replace(dir, "no/state", 0600, STR("two"), &f));
	ck_assert_int_eq(f.sys, ENOENT);
	ck_assert_int_eq(count(), 2);
}
END_TEST

/* A temporary file that a killed process left behind is nobody's to remove here. */
START_TEST(replace_leftover)
{
	struct fault f = FAULT_INIT;
	char *left = mem_printf(".state.%ld.0", (long)getpid());
	put(left, "left");
	ck_assert(file_replace(dir, "state", 0600, STR("one"), &f));
	contains("state", "one");
	contains(left, "left");
	ck_assert_int_eq(count(), 2);
	free(left);
}
END_TEST

START_TEST(make_dirs)
{
	struct fault f = FAULT_INIT;
	char *path = mem_printf("%s/a//b/c/", where);
	ck_assert(file_make_dirs(path, 0700, &f));
	struct stat st;
	ck_assert_int_eq(stat("a/b/c", &st), 0);
	ck_assert(S_ISDIR(st.st_mode));
	ck_assert_int_eq(st.st_mode & 0777, 0700);
	ck_assert(file_make_dirs(path, 0700, &f));
	ck_assert(file_make_dirs("d", 0755, &f));
	ck_assert(file_make_dirs("d/e", 0755, &f));
	ck_assert_int_eq(stat("d/e", &st), 0);
	ck_assert(file_make_dirs("/", 0755, &f));
	put("x", "");
	ck_assert(!file_make_dirs("x", 0700, &f));
	failed(&f, FAULT_CREATE, ENOTDIR, "x");
	ck_assert(!file_make_dirs("x/y", 0700, &f));
	failed(&f, FAULT_CREATE, ENOTDIR, "x");
	ck_assert(!file_make_dirs("", 0700, &f));
	free(path);
}
END_TEST

/* Another's, once that is there; a link or a FIFO of somebody else's is not used. */
START_TEST(open_or_create)
{
	struct fault f = FAULT_INIT;
	int fd, again;
	ck_assert(file_open_or_create(dir, "x", 0640, &fd, &f));
	ck_assert_int_eq(f.kind, FAULT_NONE);
	ck_assert(is_cloexec(fd));
	ck_assert(file_write_at(fd, "x", 0, STR("one"), &f));
	ck_assert(file_open_or_create(dir, "x", 0600, &again, &f));
	ck_assert(file_write_at(again, "x", 3, STR("two"), &f));
	close(fd);
	close(again);
	contains("x", "onetwo");
	struct stat st;
	ck_assert(file_stat_name(dir, "x", &st, &f));
	ck_assert_int_eq(st.st_mode & 0777, 0640);

	ck_assert_int_eq(symlink("none", "link"), 0);
	ck_assert(!file_open_or_create(dir, "link", 0600, &fd, &f));
	ck_assert_ptr_nonnull(strstr(f.text, "link"));
	ck_assert_int_eq(mkfifo("fifo", 0600), 0);
	ck_assert(!file_open_or_create(dir, "fifo", 0600, &fd, &f));
	ck_assert(!file_open_or_create(dir, "no/x", 0600, &fd, &f));
	failed(&f, FAULT_CREATE, ENOENT, "no/x");
}
END_TEST

START_TEST(lock)
{
	struct fault f = FAULT_INIT;
	put("x", "");
	int one;
	ck_assert(file_open_update(dir, "x", &one, NULL, &f));
	int two;
	ck_assert(file_open_update(dir, "x", &two, NULL, &f));
	bool locked;
	ck_assert(file_try_lock(one, "x", &locked, &f));
	ck_assert(locked);
	ck_assert(file_try_lock(two, "x", &locked, &f));
	ck_assert(!locked);
	close(one);
	ck_assert(file_try_lock(two, "x", &locked, &f));
	ck_assert(locked);
	close(two);
	ck_assert(!file_try_lock(two, "x", &locked, &f));
	failed(&f, FAULT_IO, EBADF, "x");
	ck_assert(!locked);
}
END_TEST

START_TEST(lock_soon)
{
	struct fault f = FAULT_INIT;
	put("x", "");
	int one, two;
	ck_assert(file_open_update(dir, "x", &one, NULL, &f));
	ck_assert(file_open_update(dir, "x", &two, NULL, &f));
	bool locked;
	ck_assert(file_lock_soon(one, "x", 0, &locked, &f));
	ck_assert(locked);
	ck_assert(file_lock_soon(two, "x", 4, &locked, &f));
	ck_assert(!locked);
	close(one);
	ck_assert(file_lock_soon(two, "x", 4, &locked, &f));
	ck_assert(locked);
	close(two);
	ck_assert(!file_lock_soon(two, "x", 1000000, &locked, &f));
	failed(&f, FAULT_IO, EBADF, "x");
	ck_assert(!locked);
}
END_TEST

START_TEST(free_space)
{
	struct fault f = FAULT_INIT;
	uint64_t bytes = 0;
	ck_assert(file_free_space(".", &bytes, &f));
	ck_assert_uint_gt(bytes, 0);
	ck_assert(!file_free_space("gone", &bytes, &f));
	failed(&f, FAULT_IO, ENOENT, "gone");
}
END_TEST

/* What a full disk and the limits of a process are: worth another try. */
START_TEST(temporary)
{
	struct fault f = FAULT_INIT;
	int fd = open("/dev/full", O_WRONLY);
	if (fd >= 0) {
		ck_assert(!file_write(fd, "full", STR("x"), &f));
		failed(&f, FAULT_TEMP, ENOSPC, "full");
		close(fd);
	}
	signal(SIGXFSZ, SIG_IGN);
	struct rlimit limit;
	ck_assert_int_eq(getrlimit(RLIMIT_FSIZE, &limit), 0);
	limit.rlim_cur = 4;
	ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
	ck_assert(file_create(dir, "x", 0600, &fd, &f));
	ck_assert(!file_write(fd, "x", STR("12345"), &f));
	failed(&f, FAULT_TEMP, EFBIG, "x");
	close(fd);
	ck_assert(!file_replace(dir, "y", 0600, STR("12345"), &f));
	failed(&f, FAULT_TEMP, EFBIG, "y");
	ck_assert_int_eq(count(), 1);
	limit.rlim_cur = limit.rlim_max;
	ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);

	ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &limit), 0);
	limit.rlim_cur = (rlim_t)dir + 1;
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
	while (dup(dir) >= 0)
		continue;
	ck_assert(!file_create(dir, "z", 0600, &fd, &f));
	failed(&f, FAULT_TEMP, EMFILE, "z");
	limit.rlim_cur = limit.rlim_max;
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
}
END_TEST

START_TEST(forbidden)
{
	struct fault f = FAULT_INIT;
	bool root = geteuid() == 0;
	put("x", "");
	ck_assert_int_eq(chmod("x", 0), 0);
	if (root) {
		ck_assert_int_eq(chmod(".", 0755), 0);
		ck_assert_int_eq(seteuid(NOBODY), 0);
	}
	int fd;
	ck_assert(!file_open_read(dir, "x", &fd, &f));
	failed(&f, FAULT_NOPERM, EACCES, "x");
	if (root)
		ck_assert_int_eq(seteuid(0), 0);
}
END_TEST

static void on_alarm(int signal_number)
{
	(void)signal_number;
}

/* A signal, and a descriptor that somebody made non-blocking, lose nothing. */
START_TEST(interrupted)
{
	struct sigaction action = {.sa_handler = on_alarm};
	struct fault f = FAULT_INIT;
	pid_t parent = getpid();
	ck_assert_int_eq(sigaction(SIGUSR1, &action, NULL), 0);
	int fds[2];
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
	if (_i == 1)
		ck_assert_int_eq(fcntl(fds[0], F_SETFL, O_NONBLOCK), 0);
	pid_t child = fork();
	ck_assert_int_ge(child, 0);
	if (child == 0) {
		close(fds[0]);
		for (int i = 0; i < 5; i++) {
			usleep(10000);
			kill(parent, SIGUSR1);
			if (write(fds[1], "abc", 3) != 3)
				_exit(1);
		}
		_exit(0);
	}
	close(fds[1]);
	struct buf b;
	buf_init(&b, 100);
	ck_assert(file_read_all(fds[0], "pipe", &b, &f));
	ck_assert(str_eq(buf_str(&b), STR("abcabcabcabcabc")));
	buf_release(&b);
	close(fds[0]);
	waitpid(child, NULL, 0);
}
END_TEST

/* More than a non-blocking pipe takes at once is written whole. */
START_TEST(write_all)
{
	struct fault f = FAULT_INIT;
	struct buf in;
	buf_init(&in, 1000000);
	for (int i = 0; i < 500000; i++)
		ck_assert(buf_add_char(&in, 'x'));
	int fds[2];
	ck_assert_int_eq(pipe(fds), 0);
	ck_assert_int_eq(fcntl(fds[1], F_SETFL, O_NONBLOCK), 0);
	pid_t child = fork();
	ck_assert_int_ge(child, 0);
	if (child == 0) {
		size_t all = 0;
		close(fds[1]);
		usleep(20000);
		char text[5000];
		ssize_t n;
		while ((n = read(fds[0], text, sizeof(text))) > 0)
			all += (size_t)n;
		_exit(all == 500000 ? 0 : 1);
	}
	close(fds[0]);
	ck_assert(file_write(fds[1], "pipe", buf_str(&in), &f));
	ck_assert(file_close(fds[1], "pipe", &f));
	int status;
	ck_assert_int_eq(waitpid(child, &status, 0), child);
	ck_assert_int_eq(status, 0);
	ck_assert(!file_close(fds[1], "pipe", &f));
	failed(&f, FAULT_IO, EBADF, "pipe");
	buf_release(&in);
}
END_TEST

/* Row: which of 0, 1 and 2 are closed. */
START_TEST(std_open)
{
	pid_t child = fork();
	ck_assert_int_ge(child, 0);
	if (child == 0) {
		for (int fd = 0; fd < 3; fd++)
			if (_i & 1 << fd)
				close(fd);
		file_std_open();
		for (int fd = 0; fd < 3; fd++)
			if (fcntl(fd, F_GETFD) == -1)
				_exit(10 + fd);
		char c;
		if ((_i & 1) != 0 && (read(0, &c, 1) != -1 || errno != EBADF))
			_exit(20);
		if ((_i & 2) != 0 && write(1, "x", 1) != 1)
			_exit(21);
		if ((_i & 4) != 0 && write(2, "x", 1) != 1)
			_exit(22);
		_exit(0);
	}
	int status;
	ck_assert_int_eq(waitpid(child, &status, 0), child);
	ck_assert(WIFEXITED(status));
	ck_assert_int_eq(WEXITSTATUS(status), 0);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("file");
	TCase *c = unit_case(s, "all");
	tcase_add_checked_fixture(c, begin, end);
	tcase_add_test(c, create);
	tcase_add_test(c, open_read);
	tcase_add_test(c, read_large);
	tcase_add_test(c, read_small);
	tcase_add_test(c, open_update);
	tcase_add_test(c, open_or_create);
	tcase_add_test(c, open_append);
	tcase_add_test(c, open_dir);
	tcase_add_test(c, publish);
	tcase_add_test(c, publish_undone);
	tcase_add_test(c, replace);
	tcase_add_test(c, replace_leftover);
	tcase_add_test(c, make_dirs);
	tcase_add_test(c, lock);
	tcase_add_test(c, lock_soon);
	tcase_add_test(c, free_space);
	tcase_add_test(c, temporary);
	tcase_add_test(c, forbidden);
	tcase_add_loop_test(c, interrupted, 0, 2);
	tcase_add_test(c, write_all);
	tcase_add_loop_test(c, std_open, 0, 8);
	return unit_run(s);
}
