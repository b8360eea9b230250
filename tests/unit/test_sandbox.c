/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "os/sandbox.h"

#include <arpa/inet.h>
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#ifdef __linux__
#include <grp.h>
#include <linux/capability.h>
#include <linux/netlink.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#endif

#include "os/child.h"
#include "os/clock.h"
#include "os/sandbox_parts.h"
#include "unit.h"

/* What cannot be taken back is done in a child; this many things went wrong. */
typedef int hostile(unsigned done);

static char top[] = "/tmp/test_sandbox.XXXXXX";
static const char *const names[] = {"one", "two", "other"};
static int rooms[2];
static int reading; /* "log", to be read */

static void put(const char *path)
{
	int fd = open(path, O_WRONLY | O_CREAT, 0600);
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq((int)write(fd, "x", 1), 1);
	close(fd);
}

/* Two rooms, a folder that is not listed, a secret, a log. */
static void make_folder(void)
{
	ck_assert_ptr_nonnull(mkdtemp(top));
	ck_assert_int_eq(chdir(top), 0);
	for (size_t i = 0; i < COUNT(names); i++)
		ck_assert_int_eq(mkdir(names[i], 0700), 0);
	for (size_t i = 0; i < COUNT(rooms); i++) {
		rooms[i] = open(names[i], O_RDONLY | O_DIRECTORY);
		ck_assert_int_ge(rooms[i], 0);
	}
	put("one/entry");
	put("other/secret");
	put("other/foreign");
	put("log");
	reading = open("log", O_RDONLY);
	ck_assert_int_ge(reading, 0);
	ck_assert_int_eq(symlink("other/secret", "link"), 0);
}

static void remove_folder(void)
{
	static const char *const files[] = {"one/entry",     "one/new", "two/entry", "two/new",
	                                    "other/secret",  "log",     "link",      "socket",
	                                    "other/foreign", "new"};
	for (size_t i = 0; i < COUNT(files); i++)
		unlink(files[i]);
	for (size_t i = 0; i < COUNT(names); i++)
		rmdir(names[i]);
	rmdir(top);
	close(reading);
	close(rooms[0]);
	close(rooms[1]);
}

static const char *const listed[] = {"link", NULL, "missing"};
static const struct sandbox_wishes wishes = {.rooms = rooms,
                                             .room_count = COUNT(rooms),
                                             .files = listed,
                                             .file_count = COUNT(listed),
                                             .append = "log"};
/* Run as a program before the system's own, which may be made for another architecture,
 * whose calls have other numbers. An emulator runs only the system's. */
static char *self;

static const struct sandbox_wishes programs = {.programs = true};
static const struct sandbox_wishes nothing;

/* One more thing to be counted if it is not so. */
static int wrong(bool good, const char *what)
{
	if (!good)
		fprintf(stderr, "not so: %s (errno %d, %s)\n", what, errno, strerror(errno));
	return !good;
}

static void inside(const struct sandbox_wishes *w, hostile *deeds)
{
	pid_t pid = fork();
	ck_assert_int_ge(pid, 0);
	if (pid == 0)
		_exit(deeds(w ? sandbox(w) : 0));
	int status;
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_msg(WIFEXITED(status), "ended by signal %d", WTERMSIG(status));
	ck_assert_int_eq(WEXITSTATUS(status), 0);
}

static bool refused(long result, int sys)
{
	return result == -1 && errno == sys;
}

static bool opens(const char *path, int flags)
{
	int fd = open(path, flags, 0600);
	if (fd >= 0)
		close(fd);
	return fd >= 0;
}

static bool runs_program(void)
{
	pid_t pid = fork();
	if (pid == 0) {
		execl(self, self, "nothing", (char *)NULL);
		execl("/bin/true", "true", (char *)NULL);
		_exit(1);
	}
	int status;
	return pid > 0 && waitpid(pid, &status, 0) == pid && status == 0;
}

static bool has_socket(int family, int type, int protocol)
{
	int fd = socket(family, type, protocol);
	if (fd >= 0)
		close(fd);
	return fd >= 0;
}

static int hidden(unsigned done)
{
	(void)done;
	sandbox_hide();
	struct rlimit core;
	int bad = wrong(getrlimit(RLIMIT_CORE, &core) == 0 && core.rlim_cur == 0 &&
	                    core.rlim_max == 0,
	                "no core file");
#ifdef __linux__
	bad += wrong(prctl(PR_GET_DUMPABLE, 0, 0, 0, 0) == 0, "not dumpable");
#endif
	return bad;
}

START_TEST(hides)
{
	inside(NULL, hidden);
}
END_TEST

static int no_gains(unsigned done)
{
	int bad = 0;
#ifdef PR_GET_NO_NEW_PRIVS
	bool set = prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1;

	bad += wrong(set == ((done & SANDBOX_PRIVILEGES) != 0), "told as it is");
#endif
	bad += wrong((done & SANDBOX_PRIVILEGES) || done == 0, "nothing without the first");
	return bad;
}

START_TEST(no_new_privileges)
{
	inside(&wishes, no_gains);
	inside(&programs, no_gains);
	inside(&nothing, no_gains);
}
END_TEST

/* Which Landlock does not see to. */
static int rights_of_files(void)
{
	int bad = 0;
#ifdef __linux__
	const long none = 0;
	/* Of a file that is only to be read: it is open already, or may be opened. */
	int fd = reading;
	bad += wrong(refused(fchmod(fd, 0666), EPERM), "no mode of an open file");
	bad += wrong(refused(fchown(fd, getuid(), getgid()), EPERM), "nor its owner");
	bad +=
	    wrong(refused(syscall(__NR_fsetxattr, (long)fd, "user.x", "", none, none), EPERM),
	          "nor a list of rights");
	bad += wrong(refused(syscall(__NR_fchmodat, AT_FDCWD, "log", 0644L), EPERM),
	             "no modes by name");
	bad += wrong(refused(syscall(__NR_fchownat, AT_FDCWD, "log", (long)getuid(),
	                             (long)getgid(), none),
	                     EPERM),
	             "no owners by name");
	bad += wrong(refused(syscall(__NR_setxattr, "log", "user.x", "", none, none), EPERM),
	             "no lists of rights");
#ifdef __NR_chmod
	bad += wrong(refused(syscall(__NR_chmod, "log", 0644L), EPERM), "nor that way");
	bad += wrong(refused(syscall(__NR_chown, "log", (long)getuid(), (long)getgid()), EPERM),
	             "nor owners");
#endif
#ifdef __NR_fchmodat2
	bad += wrong(refused(syscall(__NR_fchmodat2, AT_FDCWD, "log", 0644L, none), EPERM),
	             "nor the newer one");
#endif
#endif
	return bad;
}

/* By number: the C library does more than the call itself in some of them. */
static int few_calls(unsigned done)
{
	int bad = 0;
	if (!(done & SANDBOX_CALLS))
		return 0;
#ifdef __linux__
	const long none = 0;

	bad += wrong(!runs_program(), "no program is run");
#ifndef SANDBOX_SANITIZED
	bad +=
	    wrong(refused(syscall(__NR_ptrace, (long)PTRACE_TRACEME, none, none, none), EPERM),
	          "no tracing");
#endif
	bad += wrong(refused(syscall(__NR_setuid, (long)getuid() + 1), EPERM), "no other user");
	bad += wrong(refused(syscall(__NR_setgid, (long)getgid() + 1), EPERM), "nor group");
	bad += wrong(refused(syscall(__NR_kcmp, getpid(), getppid(), none, none, none), EPERM),
	             "no comparing");
#ifdef __NR_pidfd_getfd
	bad += wrong(refused(syscall(__NR_pidfd_getfd, -1L, none, none), EPERM),
	             "no descriptors of others");
#endif
	bad += wrong(refused(syscall(__NR_process_vm_writev, (long)getppid(), none, none, none,
	                             none, none),
	                     EPERM),
	             "nor their memory changed");
	bad +=
	    wrong(refused(syscall(__NR_setns, -1L, none), EPERM), "no name spaces of others");
	bad +=
	    wrong(refused(syscall(__NR_add_key, "user", "x", "x", 1L, -3L), EPERM), "no key");
	bad += wrong(refused(syscall(__NR_request_key, "user", "x", none, -3L), EPERM),
	             "nor one asked for");
	bad += wrong(refused(syscall(__NR_setgroups, none, none), EPERM), "no groups");
	bad += wrong(refused(unshare(CLONE_FS), EPERM), "no unshare");
#if defined(__x86_64__) || defined(__aarch64__)
	bad += wrong(refused(syscall(__NR_clone, (long)(CLONE_NEWUSER | SIGCHLD), none, none,
	                             none, none),
	                     EPERM),
	             "no name spaces of its own");
#endif
	bad += wrong(refused(syscall(__NR_mount, "none", top, "tmpfs", none, none), EPERM),
	             "no mount");
	bad += wrong(refused(syscall(__NR_chroot, top), EPERM), "no chroot");
	bad += wrong(refused(syscall(__NR_keyctl, none, none, none, none, none), EPERM),
	             "no keys");
	bad += wrong(refused(syscall(__NR_process_vm_readv, (long)getppid(), none, none, none,
	                             none, none),
	                     EPERM),
	             "no memory of others");
	bad += rights_of_files();
	bad += wrong(refused(syscall(__NR_personality, 0xffffffffL), EPERM), "no personality");
	bad += wrong(refused(ioctl(STDIN_FILENO, TIOCSTI, "x"), EPERM), "no keys pressed");
	/* By number all the more: glibc goes by way of socketcall where there is one. */
	bad += wrong(refused(syscall(__NR_socket, (long)AF_PACKET, (long)SOCK_DGRAM, none),
	                     EAFNOSUPPORT),
	             "no packet socket");
	bad += wrong(refused(syscall(__NR_socket, (long)AF_NETLINK, (long)SOCK_RAW,
	                             (long)NETLINK_KOBJECT_UEVENT),
	                     EAFNOSUPPORT),
	             "no netlink but routing");
	bad += wrong(has_socket(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE), "routing netlink");
#endif
	return bad;
}

static int of_the_system(unsigned done)
{
	int bad = 0;
	if (!(done & SANDBOX_CALLS))
		return 0;
#ifdef __linux__
	const long none = 0;

	bad += wrong(refused(syscall(__NR_bpf, none, none, none), EPERM), "no bpf");
	bad +=
	    wrong(refused(syscall(__NR_perf_event_open, none, none, none, none, none), EPERM),
	          "no perf events");
	bad += wrong(refused(syscall(__NR_userfaultfd, none), EPERM), "no userfaultfd");
	bad += wrong(refused(syscall(__NR_sethostname, "", 0L), EPERM), "no host name");
	bad += wrong(refused(syscall(__NR_reboot, none, none, none, none), EPERM), "no reboot");
#ifdef __NR_io_uring_setup
	bad += wrong(refused(syscall(__NR_io_uring_setup, none, none), EPERM), "no io_uring");
#endif
#if defined(__x86_64__) && !defined(__ILP32__)
	bad += wrong(refused(syscall(0x40000000L + 39), EPERM), "no other numbers");
#endif
#endif
	return bad;
}

/* Of root's, what is not for files. Whatever needs another is refused by the kernel. */
static int few_capabilities(unsigned done)
{
	int bad = 0;
	if (!(done & SANDBOX_PRIVILEGES))
		return 0;
#ifdef __linux__
	const long none = 0;
	const struct timespec then = {0, 0};
	unsigned long long has = ~0ULL;
	char line[256];
	FILE *status = fopen("/proc/self/status", "re");
	while (status && fgets(line, sizeof(line), status))
		if (strncmp(line, "CapPrm:", 7) == 0)
			has = strtoull(line + 7, NULL, 16);
	if (status)
		fclose(status);
	has &= ~(1ULL << CAP_CHOWN | 1ULL << CAP_DAC_OVERRIDE | 1ULL << CAP_FOWNER |
	         1ULL << CAP_FSETID | 1ULL << CAP_SYS_RESOURCE);
#ifdef SANDBOX_SANITIZED
	has &= ~(1ULL << CAP_SYS_PTRACE);
#endif
	bad += wrong(has == 0, "no capability but for files");
	bad += wrong(clock_settime(CLOCK_REALTIME, &then) != 0, "no clock set");
	bad += wrong(refused(syscall(__NR_swapoff, ""), EPERM), "no swap space");
	bad += wrong(refused(syscall(__NR_acct, none), EPERM), "no accounting");
	bad += wrong(refused(setgroups(0, NULL), EPERM), "no other groups");
	bad += wrong(refused(chroot("/"), EPERM), "no other root");
	int made = mknod("two/new", S_IFCHR | 0600, makedev(1, 3));
	bad += wrong(made == -1 && (errno == EPERM || errno == EACCES), "no devices");
#endif
	return bad;
}

static int with_programs(unsigned done)
{
	return wrong(!(done & SANDBOX_FILES), "files are not narrowed") +
	       wrong(runs_program(), "a program is run") +
	       wrong(opens("other/foreign", O_RDWR), "any file is opened") +
	       of_the_system(done) + few_capabilities(done);
}

START_TEST(calls)
{
	inside(&wishes, few_calls);
	inside(&wishes, of_the_system);
	inside(&nothing, few_calls);
}
END_TEST

START_TEST(capabilities)
{
	inside(&wishes, few_capabilities);
	inside(&nothing, few_capabilities);
}
END_TEST

/* What root's programs gain from being root's does not come back either. */
static int none_regained(unsigned done)
{
	if (!(done & SANDBOX_PRIVILEGES))
		return 0;
	/* This program itself, as in runs_program. */
	int ends[2];
	if (pipe(ends) != 0)
		return 1;
	if (fork() == 0) {
		dup2(ends[1], STDOUT_FILENO);
		execl(self, self, "effective", (char *)NULL);
		_exit(1);
	}
	close(ends[1]);
	FILE *told = fdopen(ends[0], "r");
	char line[64] = "";
	bool read = told && fgets(line, sizeof(line), told);
	return wrong(read && fclose(told) == 0, "a program is run") +
	       wrong((strtoull(line, NULL, 16) & (1ULL << 7 | 1ULL << 21)) == 0,
	             "it has neither setuid nor the administrator's");
}

START_TEST(programs_gain_nothing)
{
	inside(&programs, none_regained);
}
END_TEST

START_TEST(programs_wished_for)
{
	inside(&programs, with_programs);
}
END_TEST

static int few_files(unsigned done)
{
	int bad = 0;
	if (!(done & SANDBOX_FILES))
		return 0;
	bad += wrong(!opens("other/foreign", O_RDONLY) && errno == EACCES, "not listed");
	bad += wrong(!opens("other", O_RDONLY | O_DIRECTORY) && errno == EACCES, "nor listed");
	bad += wrong(!opens("link", O_WRONLY) && errno == EACCES, "listed, but to be read");
	bad += wrong(!opens("log", O_RDONLY) && errno == EACCES, "listed, but to be written");
	bad += wrong(!opens("new", O_WRONLY | O_CREAT) && errno == EACCES, "made elsewhere");
	bad += wrong(!opens("/etc/passwd", O_WRONLY) && errno == EACCES, "a system's file");
	bad += wrong(refused(unlink("other/foreign"), EACCES), "removed elsewhere");
	bad += wrong(refused(rename("other/foreign", "one/new"), EACCES), "moved in");
	bad += wrong(refused(rename("one/entry", "other/new"), EACCES), "moved out");
	bad += wrong(refused(mkdir("one/folder", 0700), EACCES), "a folder made");
	bad += wrong(refused(symlink("/etc", "one/new"), EACCES), "a link made");
	return bad;
}

static int no_rooms(unsigned done)
{
	int bad = 0;
	bad += wrong((done & SANDBOX_FILES) || opens("one/entry", O_RDONLY), "all or nothing");
	if (done & SANDBOX_FILES)
		bad += wrong(!opens("one/entry", O_RDONLY), "no room");
	bad += wrong(opens("/etc/passwd", O_RDONLY), "a system's file");
	return bad;
}

START_TEST(files)
{
	inside(&wishes, few_files);
	inside(&nothing, no_rooms);
}
END_TEST

/* A child's child has less once more. */
static int again(unsigned done)
{
	unsigned more = sandbox(&nothing);
	return wrong(done == more, "as much as before") + few_calls(more) + few_files(more) +
	       no_rooms(more);
}

START_TEST(twice)
{
	inside(&wishes, again);
}
END_TEST

static void with_nothing(void *context)
{
	const unsigned *done = context;
	const struct rlimit none = {0, 0};
	int bad = wrong(setrlimit(RLIMIT_NOFILE, &none) == 0, "no descriptors");
	unsigned more = sandbox(&nothing);
	/* There is none to see by, then. */
	bad += wrong(*done == more, "as much as before");
	_exit(bad);
}

static void with_less(void *context)
{
	const unsigned *done = context;
	_exit(again(*done));
}

/* So is one that os/child starts; it needs no descriptors for it. */
static int again_in_child(unsigned done)
{
	child_task *const tasks[] = {with_less, with_nothing};
	int bad = 0;
	for (size_t i = 0; i < COUNT(tasks); i++) {
		struct child c;
		struct child_order order = {
		    .fds = {0, 1, 2, -1}, .task = tasks[i], .context = &done};
		bad += wrong(child_start(&c, &order) && child_wait(&c, clock_deadline(10000)) &&
		                 c.status == 0,
		             "a child's child");
	}
	return bad;
}

START_TEST(twice_in_child)
{
	inside(&wishes, again_in_child);
}
END_TEST

static int use_rooms(unsigned done)
{
	int bad = 0, fd = openat(rooms[0], "new", O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW, 0600);
	(void)done;
	bad +=
	    wrong(fd >= 0 && write(fd, "text", 4) == 4 && fsync(fd) == 0, "made and written");
	bad += wrong(ftruncate(fd, 1) == 0 && close(fd) == 0, "cut");
	bad += wrong(renameat(rooms[0], "new", rooms[1], "new") == 0, "moved");
	bad += wrong(linkat(rooms[1], "new", rooms[0], "new", 0) == 0, "linked");
	bad += wrong(unlinkat(rooms[1], "new", 0) == 0, "removed");
	bad += wrong(renameat(rooms[0], "new", rooms[0], "entry") == 0, "put over another");
	bad +=
	    wrong(opens("one/entry", O_RDWR | O_NOFOLLOW | O_NONBLOCK), "opened by its path");
	bad += wrong(opens("two", O_RDONLY | O_DIRECTORY), "a room opened again");
	bad += wrong(fsync(rooms[1]) == 0, "a room synced");
	bad += wrong(opens("link", O_RDONLY), "a file that was named");
	bad += wrong(opens("log", O_WRONLY | O_APPEND | O_CREAT), "the log");
	return bad;
}

static bool resolves(void)
{
	struct addrinfo hints = {.ai_socktype = SOCK_STREAM}, *list = NULL;
	/* A full name may not be known here; the look-up itself must go on. */
	int rc = getaddrinfo("localhost", NULL, &hints, &list);
	if (rc == 0)
		freeaddrinfo(list);
	return rc == 0 || rc == EAI_NONAME;
}

static bool connects_unix(void)
{
	struct sockaddr_un at = {.sun_family = AF_UNIX, .sun_path = "socket"};
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);
	bool made = fd >= 0 && connect(fd, (struct sockaddr *)&at, sizeof(at)) == 0;
	close(fd);
	return made;
}

static bool ends_child(void)
{
	pid_t pid = fork();
	if (pid == 0) {
		pause();
		_exit(0);
	}
	int status;
	return pid > 0 && kill(pid, SIGKILL) == 0 && waitpid(pid, &status, 0) == pid &&
	       WIFSIGNALED(status);
}

static int go_on(unsigned done)
{
	time_t now = time(NULL);
	int bad = 0;
	(void)done;
	bad += wrong(opens("/etc/passwd", O_RDONLY), "a system's file");
	bad += wrong(opens("/usr/lib", O_RDONLY | O_DIRECTORY), "libraries");
	bad += wrong(opens("/dev/urandom", O_RDONLY), "randomness");
	bad += wrong(opens("/dev/null", O_RDWR), "/dev/null");
	struct tm tm;
	bad += wrong(localtime_r(&now, &tm) && tm.tm_gmtoff == 3600 + 1800, "the time zone");
	bad += wrong(resolves(), "the resolver");
	bad += wrong(has_socket(AF_INET, SOCK_STREAM, 0), "a TCP socket");
	bad += wrong(has_socket(AF_INET, SOCK_DGRAM, 0), "a UDP socket");
	bad += wrong(has_socket(AF_UNIX, SOCK_DGRAM, 0), "a UNIX socket");
	bad += wrong(connects_unix(), "a server at a UNIX socket");
	bad += wrong(ends_child(), "children");
	return bad;
}

START_TEST(what_is_needed)
{
	struct sockaddr_un at = {.sun_family = AF_UNIX, .sun_path = "socket"};
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);
	ck_assert_int_eq(bind(fd, (struct sockaddr *)&at, sizeof(at)), 0);
	ck_assert_int_eq(listen(fd, 8), 0);
	setenv("TZ", "<+0130>-01:30", 1);
	inside(&wishes, use_rooms);
	inside(&wishes, go_on);
	inside(&nothing, go_on);
	close(fd);
}
END_TEST

/* Not a check: whoever reads the log of the tests should know what was tried. */
static int tell(unsigned done)
{
	fprintf(stderr, "here: no new privileges %s, calls %s, files %s\n",
	        done & SANDBOX_PRIVILEGES ? "yes" : "no", done & SANDBOX_CALLS ? "yes" : "no",
	        done & SANDBOX_FILES ? "yes" : "no");
	return 0;
}

START_TEST(what_was_done)
{
	inside(&wishes, tell);
}
END_TEST

/* What a program has that is run inside. */
static int print_effective(void)
{
	char line[256];
	FILE *status = fopen("/proc/self/status", "re");
	while (status && fgets(line, sizeof(line), status))
		if (strncmp(line, "CapEff:", 7) == 0)
			printf("%s", line + 7 + strspn(line + 7, " \t"));
	return status ? fclose(status) : 1;
}

int main(int argc, char **argv)
{
	if (argc > 1)
		return strcmp(argv[1], "effective") == 0 ? print_effective() : 0;
	self = realpath(argv[0], NULL);
	Suite *s = suite_create("sandbox");
	TCase *c = unit_case(s, "sandbox");
	tcase_add_checked_fixture(c, make_folder, remove_folder);
	tcase_add_test(c, hides);
	tcase_add_test(c, no_new_privileges);
	tcase_add_test(c, calls);
	tcase_add_test(c, capabilities);
	tcase_add_test(c, programs_gain_nothing);
	tcase_add_test(c, programs_wished_for);
	tcase_add_test(c, files);
	tcase_add_test(c, twice);
	tcase_add_test(c, twice_in_child);
	tcase_add_test(c, what_is_needed);
	tcase_add_test(c, what_was_done);
	return unit_run(s);
}
