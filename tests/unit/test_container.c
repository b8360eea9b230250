/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "os/container.h"

#include <check.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "text/buf.h"
#include "unit.h"

/* Beside a container, and for what is no mount, nothing is. */
START_TEST(what_was_handed_over)
{
	char path[] = "/tmp/test_container.XXXXXX";
	int fd = mkstemp(path);
	ck_assert_int_ge(fd, 0);
	struct stat st;
	ck_assert_int_eq(fchmod(fd, 0644), 0);
	ck_assert_int_eq(fstat(fd, &st), 0);
	ck_assert(!container_from_outside(path));
	ck_assert(!container_handed_over(path, &st));
	close(fd);
	unlink(path);
}
END_TEST

START_TEST(what_is_mounted)
{
	char where[] = "/tmp/test_container.XXXXXX";
	ck_assert_ptr_nonnull(mkdtemp(where));
	char *link = mem_printf("%s/link", where);
	char *none = mem_printf("%s/none", where);
	ck_assert_int_eq(symlink("/proc", link), 0);
	if (access("/proc/self", F_OK) == 0) {
		ck_assert(container_mounted("/proc"));
		ck_assert(container_mounted("/proc/"));
		ck_assert(container_mounted(link));
		ck_assert(!container_mounted("/proc/self"));
	}
	ck_assert(!container_mounted(where));
	ck_assert(!container_mounted(none));
	ck_assert(!container_mounted(""));
	unlink(link);
	rmdir(where);
	free(link);
	free(none);
}
END_TEST

#ifdef CLONE_NEWUSER

/* The status of a child in a name space of its own, 77 where that cannot be had. */
static int in_space(int space, bool (*is_so)(void))
{
	pid_t pid = fork();
	if (pid == 0) {
		if (unshare(space) != 0)
			_exit(77);
		/* Only what is born in one of processes is in it. */
		pid_t born = space == CLONE_NEWPID ? fork() : 0;
		int status = 0;
		if (born > 0)
			_exit(waitpid(born, &status, 0) == born ? WEXITSTATUS(status) : 1);
		FILE *map = space == CLONE_NEWUSER ? fopen("/proc/self/uid_map", "w") : NULL;
		if (map && (fputs("0 0 1\n", map) < 0 || fclose(map) != 0))
			_exit(77);
		_exit(is_so() ? 0 : 1);
	}
	int status = 0;
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	return WEXITSTATUS(status);
}

START_TEST(name_spaces)
{
	int status = in_space(CLONE_NEWPID, container_inside);
	ck_assert(status == 0 || status == 77);
	if (getuid() != 0)
		return;
	/* With a single user, which is still the machine's. */
	status = in_space(CLONE_NEWUSER, container_inside);
	ck_assert(status == 0 || status == 77);
	status = in_space(CLONE_NEWUSER, container_has_own_users);
	ck_assert(status == 0 || status == 77);
}
END_TEST

#endif

int main(void)
{
	Suite *s = suite_create("container");
	TCase *c = unit_case(s, "container");
	tcase_add_test(c, what_is_mounted);
	tcase_add_test(c, what_was_handed_over);
#ifdef CLONE_NEWUSER
	tcase_add_test(c, name_spaces);
#endif
	return unit_run(s);
}
