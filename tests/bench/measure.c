/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * measure - what a command and everything it starts cost
 *
 *   measure [-1] [-n COUNT] OUT INPUT COMMAND [ARGUMENT ...]
 *
 * Runs COMMAND with the file INPUT as its standard input, COUNT times at once if
 * that is given, and inherits what it leaves running behind it. Waits for all of
 * them, or with -1 ends those that are left once COMMAND itself has ended, and
 * writes one line of numbers to the file OUT:
 *
 *   start     CLOCK_MONOTONIC, nanoseconds
 *   returned  nanoseconds from then until COMMAND itself ended, the last of them
 *   done      the same until the last of all processes ended
 *   cpu       microseconds, user and system, of all
 *   rss       KiB, the largest of them at its peak
 *   status    exit status of COMMAND, the highest; 128 and more: ended by a signal
 *
 * A program of its own because the peak that wait4 reports begins with the size
 * of the process that forked: measured from an interpreter, nothing is small.
 */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define COUNT_MAX 1000

struct totals {
	long long returned, cpu;
	long rss;
	int status;
};

static long long now_ns(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000LL + t.tv_nsec;
}

static long long us(struct timeval t)
{
	return t.tv_sec * 1000000LL + t.tv_usec;
}

static pid_t start_one(const char *input, char **argv)
{
	pid_t pid = fork();
	if (pid == 0) {
		int fd = open(input, O_RDONLY | O_CLOEXEC);
		if (fd >= 0 && dup2(fd, 0) == 0)
			execvp(argv[0], argv);
		perror(argv[0]);
		_exit(127);
	}
	return pid;
}

/* What those leave behind that are ended here comes to us in turn. */
static void end_children(void)
{
	char path[64];
	snprintf(path, sizeof(path), "/proc/self/task/%ld/children", (long)getpid());
	FILE *file = fopen(path, "re");
	long pid;
	while (file && fscanf(file, "%ld", &pid) == 1)
		kill((pid_t)pid, SIGKILL);
	if (file)
		fclose(file);
}

static void wait_for_all(struct totals *t, const pid_t *first, int count, int only_first)
{
	long long start = now_ns();
	int left = count, end;
	struct rusage use;
	for (;;) {
		if (!left && only_first)
			end_children();
		pid_t pid = wait4(-1, &end, 0, &use);
		if (pid < 0)
			return;
		/* Its own part and that of the children it has waited for. */
		t->cpu += us(use.ru_utime) + us(use.ru_stime);
		t->rss = use.ru_maxrss > t->rss ? use.ru_maxrss : t->rss;
		int i = 0;
		while (i < count && first[i] != pid)
			++i;
		if (i == count)
			continue;
		int status = WIFEXITED(end) ? WEXITSTATUS(end) : 128 + WTERMSIG(end);
		t->returned = now_ns() - start;
		t->status = status > t->status ? status : t->status;
		--left;
	}
}

int main(int argc, char **argv)
{
	int count = 1, only_first = 0, c;
	while ((c = getopt(argc, argv, "+1n:")) != -1) {
		if (c == '1')
			only_first = 1;
		else if (c == 'n')
			count = atoi(optarg);
		else
			return 2;
	}
	argv += optind;
	FILE *out;
	if (argc - optind < 3 || count < 1 || count > COUNT_MAX ||
	    prctl(PR_SET_CHILD_SUBREAPER, 1L) || !(out = fopen(argv[0], "we"))) {
		perror("measure");
		return 2;
	}
	pid_t first[COUNT_MAX];
	struct totals t = {0};
	long long start = now_ns();
	for (int i = 0; i < count; ++i)
		first[i] = start_one(argv[1], argv + 2);
	long long waiting = now_ns();
	wait_for_all(&t, first, count, only_first);
	fprintf(out, "%lld %lld %lld %lld %ld %d\n", start, waiting - start + t.returned,
	        now_ns() - start, t.cpu, t.rss, t.status);
	return fclose(out) ? 2 : 0;
}
