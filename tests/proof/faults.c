/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * faults - breaks one system call of a program, chosen by its name and number
 *
 * Loaded with LD_PRELOAD. Stands in for the calls of the C library that change
 * files or talk, and lets one go wrong:
 *
 *   FAULT_WHO=NAME   in this program, by its argv[0]; NAME+ are the children that
 *                    it forked (until they become another program)
 *   FAULT_CALL=NAME  at a call of this name (see meet() and meet_fd() below)
 *   FAULT_AT=N       the Nth of them in a process; none if not given
 *   FAULT_DO=WHAT    kill: SIGKILL before it; killed: right after it;
 *                    TERM: SIGTERM before it; short: it does half of its work;
 *                    or a name of errno: it is not done and fails with that
 *   FAULT_PLAIN=1    renameat2 is one that cannot refuse to replace: EINVAL, at
 *                    every call, in all programs, and not counted
 *   FAULT_LOG=FILE   gets a line a call, "NAME ARGUMENT", with "!" in front of
 *                    the one that went wrong
 *
 * The number is that of a name because waiting calls come more or less often
 * from run to run, and would move the others.
 *
 * Two calls are not simply left out when they fail, because they would leave a
 * state that no system leaves: close always closes, and an interrupted connect
 * goes on connecting. Calls that the C library makes by itself are not seen.
 *
 * A watched program finds a kernel without Landlock, which would keep it from
 * writing to FAULT_LOG.
 */
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <unistd.h>

/* With _GNU_SOURCE glibc takes any kind of address here. */
#ifdef __GLIBC__
#define ADDRESS __CONST_SOCKADDR_ARG
#else
#define ADDRESS const struct sockaddr *
#endif

/* Where offsets, or times, were made wider than the C library would have them (config.h),
 * its headers call these functions by other names. */
#if defined(_FILE_OFFSET_BITS) && _FILE_OFFSET_BITS == 64
#define WIDE(name) name "64"
#else
#define WIDE(name) name
#endif
#ifdef _TIME_BITS
#define TIMED(name) "__" name "64_time64"
#define WAITS(name) "__" name "64"
#else
#define TIMED(name) WIDE(name)
#define WAITS(name) name
#endif

enum fate { FATE_GO, FATE_FAIL, FATE_SHORT };

static struct {
	bool ready, child, after, plain;
	int number, at;
	const char *who, *call, *deed, *log;
} faults;

static const struct {
	const char *name;
	int number;
} errors[] = {
    {"EACCES", EACCES},         {"EAGAIN", EAGAIN}, {"ECONNREFUSED", ECONNREFUSED},
    {"ECONNRESET", ECONNRESET}, {"EDQUOT", EDQUOT}, {"EINTR", EINTR},
    {"EINVAL", EINVAL},         {"EIO", EIO},       {"EMFILE", EMFILE},
    {"ENFILE", ENFILE},         {"ENOLCK", ENOLCK}, {"ENOMEM", ENOMEM},
    {"ENOSPC", ENOSPC},         {"EPIPE", EPIPE},   {"EROFS", EROFS},
};

/* The function that we stand in for, into the pointer at to. */
static void find(const char *name, void *to)
{
	void *at = dlsym(RTLD_NEXT, name);
	if (!at) {
		fprintf(stderr, "faults: no %s\n", name);
		abort();
	}
	memcpy(to, &at, sizeof(at));
}

static void prepare(void)
{
	const char *at = getenv("FAULT_AT");
	faults.ready = true;
	faults.who = getenv("FAULT_WHO");
	faults.call = getenv("FAULT_CALL");
	faults.deed = getenv("FAULT_DO");
	faults.log = getenv("FAULT_LOG");
	faults.plain = getenv("FAULT_PLAIN") != NULL;
	faults.at = at && faults.call && faults.deed ? (int)strtol(at, NULL, 10) : 0;
}

/* Before the program has thrown its environment away. */
__attribute__((constructor)) static void begin(void)
{
	if (environ)
		prepare();
}

static const char *own_name(void)
{
#ifdef __linux__
	return program_invocation_short_name;
#else
	return getprogname();
#endif
}

static bool is_watched(void)
{
	/* What one of our programs has to say to the next stands behind its name. Without
	 * strcspn(): a sanitizer has its own, and may not have begun. */
	size_t len = 0;
	while (own_name()[len] && own_name()[len] != ' ')
		len++;
	return faults.who && strncmp(faults.who, own_name(), len) == 0 &&
	       strcmp(faults.who + len, faults.child ? "+" : "") == 0;
}

static void note(bool wrong, const char *call, const char *argument)
{
	static int (*real_open)(const char *, int, ...);
	static ssize_t (*real_write)(int, const void *, size_t);
	static int (*real_close)(int);
	char line[512];
	int fd, n;

	if (!faults.log)
		return;
	find(WIDE("open"), &real_open);
	find("write", &real_write);
	find("close", &real_close);
	n = snprintf(line, sizeof(line), "%s%s %.400s\n", wrong ? "!" : "", call, argument);
	fd = real_open(faults.log, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
	if (fd < 0)
		return;
	if (real_write(fd, line, (size_t)n) != n)
		abort();
	real_close(fd);
}

static int errno_of(const char *name)
{
	for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++)
		if (strcmp(errors[i].name, name) == 0)
			return errors[i].number;
	fprintf(stderr, "faults: unknown FAULT_DO=%s\n", name);
	abort();
}

/* What is to become of this call. On FATE_FAIL errno is set. */
static enum fate meet(const char *call, const char *argument)
{
	int before = errno;
	/* A sanitizer makes calls before there is an environment. */
	if (!faults.ready && environ)
		prepare();
	if (!is_watched())
		return FATE_GO;
	bool wrong =
	    faults.at > 0 && strcmp(faults.call, call) == 0 && ++faults.number == faults.at;
	note(wrong, call, argument);
	errno = before;
	if (!wrong)
		return FATE_GO;
	if (strcmp(faults.deed, "kill") == 0)
		kill(getpid(), SIGKILL);
	if (strcmp(faults.deed, "TERM") == 0)
		kill(getpid(), SIGTERM);
	faults.after = strcmp(faults.deed, "killed") == 0;
	if (faults.after || strcmp(faults.deed, "TERM") == 0)
		return FATE_GO;
	if (strcmp(faults.deed, "short") == 0)
		return FATE_SHORT;
	errno = errno_of(faults.deed);
	return FATE_FAIL;
}

static enum fate meet_fd(const char *call, int fd)
{
	char number[16];
	snprintf(number, sizeof(number), "%d", fd);
	return meet(call, number);
}

/* Behind every call: what it returned, unless the program ends here. */
static long done(long result)
{
	if (faults.after)
		kill(getpid(), SIGKILL);
	return result;
}

static size_t part(enum fate fate, size_t len)
{
	return fate == FATE_SHORT && len > 1 ? len / 2 : len;
}

#ifdef __NR_landlock_create_ruleset
long syscall(long number, ...)
{
	static long (*real)(long, ...);
	long a[6];
	va_list more;

	va_start(more, number);
	for (int i = 0; i < 6; i++)
		a[i] = va_arg(more, long);
	va_end(more);
	if (number == __NR_landlock_create_ruleset) {
		errno = ENOSYS;
		return -1;
	}
	find("syscall", &real);
	return real(number, a[0], a[1], a[2], a[3], a[4], a[5]);
}
#endif

/* Files by name */

static enum fate meet_open(const char *path, int flags)
{
	return meet(flags & O_CREAT ? "create" : "open", path);
}

static mode_t mode_of(int flags, va_list *more)
{
	return flags & O_CREAT ? (mode_t)va_arg(*more, unsigned) : 0;
}

int open(const char *path, int flags, ...)
{
	static int (*real)(const char *, int, ...);
	va_list more;
	mode_t mode;

	va_start(more, flags);
	mode = mode_of(flags, &more);
	va_end(more);
	find(WIDE("open"), &real);
	return meet_open(path, flags) == FATE_FAIL ? -1 : (int)done(real(path, flags, mode));
}

int openat(int dir, const char *path, int flags, ...)
{
	static int (*real)(int, const char *, int, ...);
	va_list more;
	mode_t mode;

	va_start(more, flags);
	mode = mode_of(flags, &more);
	va_end(more);
	find(WIDE("openat"), &real);
	return meet_open(path, flags) == FATE_FAIL ? -1
	                                           : (int)done(real(dir, path, flags, mode));
}

int renameat(int from_dir, const char *from, int to_dir, const char *to)
{
	static int (*real)(int, const char *, int, const char *);

	find("renameat", &real);
	return meet("rename", from) == FATE_FAIL ? -1
	                                         : (int)done(real(from_dir, from, to_dir, to));
}

#ifdef RENAME_NOREPLACE
int renameat2(int from_dir, const char *from, int to_dir, const char *to, unsigned flags)
{
	static int (*real)(int, const char *, int, const char *, unsigned);

	find("renameat2", &real);
	if (faults.plain && flags != 0) {
		errno = EINVAL;
		return -1;
	}
	return meet("rename2", from) == FATE_FAIL
	           ? -1
	           : (int)done(real(from_dir, from, to_dir, to, flags));
}
#endif

int linkat(int from_dir, const char *from, int to_dir, const char *to, int flags)
{
	static int (*real)(int, const char *, int, const char *, int);

	find("linkat", &real);
	return meet("link", from) == FATE_FAIL
	           ? -1
	           : (int)done(real(from_dir, from, to_dir, to, flags));
}

int unlinkat(int dir, const char *path, int flags)
{
	static int (*real)(int, const char *, int);

	find("unlinkat", &real);
	return meet("unlink", path) == FATE_FAIL ? -1 : (int)done(real(dir, path, flags));
}

int mkdir(const char *path, mode_t mode)
{
	static int (*real)(const char *, mode_t);

	find("mkdir", &real);
	return meet("mkdir", path) == FATE_FAIL ? -1 : (int)done(real(path, mode));
}

int fstatat(int dir, const char *path, struct stat *st, int flags)
{
	static int (*real)(int, const char *, struct stat *, int);

	find(TIMED("fstatat"), &real);
	return meet("stat", path) == FATE_FAIL ? -1 : (int)done(real(dir, path, st, flags));
}

DIR *fdopendir(int fd)
{
	static DIR *(*real)(int);

	find("fdopendir", &real);
	return meet_fd("opendir", fd) == FATE_FAIL ? NULL : real(fd);
}

struct dirent *readdir(DIR *dir)
{
	static struct dirent *(*real)(DIR *);

	find(WIDE("readdir"), &real);
	return meet("readdir", "") == FATE_FAIL ? NULL : real(dir);
}

/* Open files */

ssize_t read(int fd, void *to, size_t len)
{
	static ssize_t (*real)(int, void *, size_t);
	enum fate fate = meet_fd("read", fd);

	find("read", &real);
	return fate == FATE_FAIL ? -1 : done(real(fd, to, part(fate, len)));
}

ssize_t pread(int fd, void *to, size_t len, off_t at)
{
	static ssize_t (*real)(int, void *, size_t, off_t);
	enum fate fate = meet_fd("pread", fd);

	find(WIDE("pread"), &real);
	return fate == FATE_FAIL ? -1 : done(real(fd, to, part(fate, len), at));
}

ssize_t write(int fd, const void *from, size_t len)
{
	static ssize_t (*real)(int, const void *, size_t);
	enum fate fate = meet_fd("write", fd);

	find("write", &real);
	return fate == FATE_FAIL ? -1 : done(real(fd, from, part(fate, len)));
}

ssize_t pwrite(int fd, const void *from, size_t len, off_t at)
{
	static ssize_t (*real)(int, const void *, size_t, off_t);
	enum fate fate = meet_fd("pwrite", fd);

	find(WIDE("pwrite"), &real);
	return fate == FATE_FAIL ? -1 : done(real(fd, from, part(fate, len), at));
}

int fsync(int fd)
{
	static int (*real)(int);

	find("fsync", &real);
	return meet_fd("fsync", fd) == FATE_FAIL ? -1 : (int)done(real(fd));
}

int fdatasync(int fd)
{
	static int (*real)(int);

	find("fdatasync", &real);
	return meet_fd("fdatasync", fd) == FATE_FAIL ? -1 : (int)done(real(fd));
}

int flock(int fd, int operation)
{
	static int (*real)(int, int);

	find("flock", &real);
	return meet_fd("flock", fd) == FATE_FAIL ? -1 : (int)done(real(fd, operation));
}

int fstat(int fd, struct stat *st)
{
	static int (*real)(int, struct stat *);

	find(TIMED("fstat"), &real);
	return meet_fd("fstat", fd) == FATE_FAIL ? -1 : (int)done(real(fd, st));
}

int fstatvfs(int fd, struct statvfs *st)
{
	static int (*real)(int, struct statvfs *);

	find(WIDE("fstatvfs"), &real);
	return meet_fd("statvfs", fd) == FATE_FAIL ? -1 : (int)done(real(fd, st));
}

int close(int fd)
{
	static int (*real)(int);
	enum fate fate = meet_fd("close", fd);
	int as = errno, result;

	find("close", &real);
	result = (int)done(real(fd));
	if (fate != FATE_FAIL)
		return result;
	errno = as;
	return -1;
}

/* Talking */

int socket(int family, int type, int protocol)
{
	static int (*real)(int, int, int);

	find("socket", &real);
	return meet("socket", "") == FATE_FAIL ? -1 : (int)done(real(family, type, protocol));
}

int socketpair(int family, int type, int protocol, int pair[2])
{
	static int (*real)(int, int, int, int *);

	find("socketpair", &real);
	return meet("socketpair", "") == FATE_FAIL
	           ? -1
	           : (int)done(real(family, type, protocol, pair));
}

int connect(int fd, ADDRESS to, socklen_t len)
{
	static int (*real)(int, ADDRESS, socklen_t);
	enum fate fate = meet_fd("connect", fd);

	find("connect", &real);
	if (fate == FATE_FAIL && errno != EINTR)
		return -1;
	if (done(real(fd, to, len)) == 0 && fate != FATE_FAIL)
		return 0;
	if (fate == FATE_FAIL)
		errno = EINTR;
	return -1;
}

ssize_t send(int fd, const void *from, size_t len, int flags)
{
	static ssize_t (*real)(int, const void *, size_t, int);
	enum fate fate = meet_fd("send", fd);

	find("send", &real);
	return fate == FATE_FAIL ? -1 : done(real(fd, from, part(fate, len), flags));
}

ssize_t sendmsg(int fd, const struct msghdr *message, int flags)
{
	static ssize_t (*real)(int, const struct msghdr *, int);

	find(WAITS("sendmsg"), &real);
	return meet_fd("sendmsg", fd) == FATE_FAIL ? -1 : done(real(fd, message, flags));
}

ssize_t recv(int fd, void *to, size_t len, int flags)
{
	static ssize_t (*real)(int, void *, size_t, int);
	enum fate fate = meet_fd("recv", fd);

	find("recv", &real);
	return fate == FATE_FAIL ? -1 : done(real(fd, to, part(fate, len), flags));
}

int poll(struct pollfd *fds, nfds_t count, int wait_ms)
{
	static int (*real)(struct pollfd *, nfds_t, int);

	find("poll", &real);
	return meet("poll", "") == FATE_FAIL ? -1 : (int)done(real(fds, count, wait_ms));
}

int ppoll(struct pollfd *fds, nfds_t count, const struct timespec *wait, const sigset_t *mask)
{
	static int (*real)(struct pollfd *, nfds_t, const struct timespec *, const sigset_t *);

	find(WAITS("ppoll"), &real);
	return meet("ppoll", "") == FATE_FAIL ? -1 : (int)done(real(fds, count, wait, mask));
}

/* Processes */

pid_t fork(void)
{
	static pid_t (*real)(void);
	pid_t pid;

	find("fork", &real);
	if (meet("fork", "") == FATE_FAIL)
		return -1;
	pid = real();
	if (pid == 0) {
		faults.child = true;
		faults.number = 0;
		return 0;
	}
	return (pid_t)done(pid);
}

/* As POSIX once allowed it: a caller cannot return from here twice. */
pid_t vfork(void)
{
	return fork();
}

int dup2(int from, int to)
{
	static int (*real)(int, int);

	find("dup2", &real);
	return meet_fd("dup2", from) == FATE_FAIL ? -1 : (int)done(real(from, to));
}

int execv(const char *path, char *const argv[])
{
	static int (*real)(const char *, char *const[]);

	find("execv", &real);
	return meet("execv", path) == FATE_FAIL ? -1 : (int)done(real(path, argv));
}

int execvp(const char *path, char *const argv[])
{
	static int (*real)(const char *, char *const[]);

	find("execvp", &real);
	return meet("execvp", path) == FATE_FAIL ? -1 : (int)done(real(path, argv));
}
