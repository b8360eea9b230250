/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "os/trust.h"

#include <check.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "text/buf.h"
#include "unit.h"

#define ANN 12345
#define BOB 12346

static char where[] = "/tmp/test_trust.XXXXXX";

/* Owners can only be given by root. */
static void begin(void)
{
	umask(022);
	ck_assert_ptr_nonnull(mkdtemp(where));
	ck_assert_int_eq(chmod(where, 0755), 0);
	ck_assert_int_eq(chdir(where), 0);
}

static void end(void)
{
	char *command = mem_printf("rm -rf '%s'", where);
	ck_assert_int_eq(chdir("/"), 0);
	ck_assert_int_eq(system(command), 0);
	free(command);
	memset(strrchr(where, '.') + 1, 'X', 6);
}

static void make(const char *name, uid_t owner, mode_t mode)
{
	ck_assert_int_eq(mkdir(name, 0700), 0);
	ck_assert_int_eq(chown(name, owner, 0), 0);
	ck_assert_int_eq(chmod(name, mode), 0);
}

static void make_link(const char *to, const char *name, uid_t owner)
{
	ck_assert_int_eq(symlink(to, name), 0);
	ck_assert_int_eq(lchown(name, owner, 0), 0);
}

/* words: NULL if the way is good. */
static void way(const char *below, uid_t owner, const char *words)
{
	struct fault f = FAULT_INIT;
	char *path = mem_printf("%s/%s", where, below);
	bool good = trust_way(path, owner, &f);
	ck_assert_msg(good == (!words), "%s: %s", below, f.text);
	if (words)
		ck_assert_msg(f.kind == FAULT_CONFIG && strstr(f.text, words), "%s: %s", below,
		              f.text);
	free(path);
}

static bool not_root(void)
{
	return getuid() != 0;
}

START_TEST(own_ways)
{
	way("", getuid(), NULL);
	way("none/hold", getuid(), NULL);
	make("a", getuid(), 0755);
	make("a/b", getuid(), 0700);
	way("a/b", getuid(), NULL);
	way("a/../a/./b//", getuid(), NULL);
	way("a/b/none", getuid(), NULL);
	ck_assert_int_eq(chmod("a", 0757), 0);
	way("a/b", getuid(), "others can write to it (owner ");
	way("a/b", getuid(), ", mode 0757); run: chmod go-w ");
	way("a/none", getuid(), "others can write to it");
	/* The sticky bit keeps them from what is not theirs. */
	ck_assert_int_eq(chmod("a", 01777), 0);
	way("a/b", getuid(), NULL);
	way("a/none", getuid(), NULL);
	ck_assert_int_eq(chmod("a/b", 0702), 0);
	way("a/b", getuid(), "mode 0702");
}
END_TEST

START_TEST(foreign_ways)
{
	if (not_root())
		return;
	make("ann", ANN, 0755);
	make("ann/hold", ANN, 0700);
	way("ann/hold", ANN, NULL);
	way("ann/hold", BOB, "it is another user's (owner uid 12345, mode 0755)");
	way("ann/hold", 0, "it is another user's");
	make("ann/root", 0, 0700);
	way("ann/root", 0, "it is another user's");
	way("ann/root", ANN, NULL);
	make("tmp", 0, 01777);
	make("tmp/bob", BOB, 0755);
	make("tmp/bob/ann", ANN, 0700);
	way("tmp/bob/ann", ANN, "/tmp/bob");
	/* A sticky folder of somebody else is his to rearrange. */
	make("tmp/sticky", BOB, 01777);
	make("tmp/sticky/ann", ANN, 0700);
	way("tmp/sticky/ann", ANN, "it is another user's (owner uid 12346, mode 1777)");
	make("group", 0, 0775);
	ck_assert_int_eq(chown("group", 0, 12), 0);
	way("group", 0, "mode 0775");
	way("group/hold", ANN, "mode 0775");
}
END_TEST

START_TEST(links)
{
	if (not_root())
		return;
	make("tmp", 0, 01777);
	make("good", 0, 0755);
	make("open", 0, 0777);
	make("open/deep", 0, 0755);
	make("good/hold", ANN, 0700);
	make_link("../good", "tmp/by-ann", ANN);
	make_link("../good", "tmp/by-bob", BOB);
	way("tmp/by-ann/hold", ANN, NULL);
	way("tmp/by-bob/hold", ANN, "/tmp/by-bob");
	make_link("open/deep", "to-open", 0);
	way("to-open", 0, "/open");
	way("to-open/none", 0, "mode 0777");
	char *absolute = mem_printf("%s/open/deep/", where);
	make_link(absolute, "to-open-too", 0);
	free(absolute);
	way("to-open-too/none", 0, "mode 0777");
	make_link("good/../open", "up", 0);
	way("up/deep", 0, "mode 0777");
	make_link("good/none", "nowhere", 0);
	way("nowhere/hold", 0, NULL);
	make_link("loop", "loop", 0);
	way("loop/hold", 0, NULL);
}
END_TEST

/* In a name space of its own that has no user but root; else the test is left out. */
static bool alone(void)
{
#ifdef CLONE_NEWUSER
	if (unshare(CLONE_NEWUSER) != 0)
		return false;
	FILE *map = fopen("/proc/self/uid_map", "w");
	bool done = map && fputs("0 0 1\n", map) >= 0;
	return map && fclose(map) == 0 && done;
#else
	return false;
#endif
}

START_TEST(nobody)
{
	if (not_root())
		return;
	make("closed", 0, 0755);
	make("closed/others", BOB, 0755);
	make("tmp", 0, 01777);
	make("tmp/others", BOB, 0755);
	make("tmp/own", 0, 0755);
	make_link("own", "tmp/by-others", BOB);
	if (!alone())
		return;
	way("closed/others/hold", 0, NULL);
	way("tmp/own/hold", 0, NULL);
	way("tmp/./own/hold", 0, NULL);
	way("tmp/others/hold", 0, "/tmp/others");
	way("tmp/by-others/hold", 0, "/tmp/by-others");
}
END_TEST

START_TEST(things)
{
	struct fault f = FAULT_INIT;
	struct stat st = {.st_uid = ANN, .st_mode = S_IFREG | 0644};
	ck_assert(trust_it(&st, "/x", ANN, &f));
	ck_assert(!trust_it(&st, "/x", BOB, &f));
	ck_assert_str_eq(f.text, "it is another user's (owner uid 12345, mode 0644), and must "
	                         "belong to you (uid 12346) or root: /x");
	ck_assert(!trust_it(&st, "/x", 0, &f));
	ck_assert_str_eq(f.text, "it is another user's (owner uid 12345, mode 0644), and must "
	                         "be root's; run: chown root /x");
	st.st_uid = 0;
	ck_assert(trust_it(&st, "/x", ANN, &f));
	st.st_mode = S_IFDIR | 01770;
	ck_assert(!trust_it(&st, "/x", ANN, &f));
	ck_assert_str_eq(f.text, "others can write to it (owner root, mode 1770); run: chmod "
	                         "go-w /x");
	ck_assert_int_eq(f.kind, FAULT_CONFIG);
	/* Nobody is root's stand-in only in a name space of its own. */
	st = (struct stat){.st_uid = 65534, .st_mode = S_IFREG | 0644};
	FILE *map = fopen("/proc/self/uid_map", "r");
	unsigned long inside, outside, count;
	bool first = map && fscanf(map, "%lu %lu %lu", &inside, &outside, &count) == 3 &&
	             inside == 0 && outside == 0 && count == 4294967295UL;
	if (map)
		fclose(map);
	if (first)
		ck_assert(!trust_it(&st, "/x", ANN, &f));
}
END_TEST

int main(void)
{
	Suite *s = suite_create("trust");
	TCase *c = unit_case(s, "trust");
	tcase_add_checked_fixture(c, begin, end);
	tcase_add_test(c, own_ways);
	tcase_add_test(c, foreign_ways);
	tcase_add_test(c, links);
	tcase_add_test(c, nobody);
	tcase_add_test(c, things);
	return unit_run(s);
}
