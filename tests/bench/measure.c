/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * measure - what a command and everything it starts cost
 *
 *   measure OUT COMMAND [ARGUMENT ...]
 *
 * Runs COMMAND and inherits what it leaves running behind it, waits for all of
 * them and writes one line of numbers to the file OUT:
 *
 *   start     CLOCK_MONOTONIC, nanoseconds
 *   returned  nanoseconds from then until COMMAND itself ended
 *   done      the same until the last of them ended
 *   cpu       microseconds, user and system, of all
 *   rss       KiB, the largest of them at its peak
 *   status    exit status of COMMAND, 128 and more: ended by a signal
 *
 * A program of its own because the peak that wait4 reports begins with the size
 * of the process that forked: measured from an interpreter, nothing is small.
 */
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

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

int main(int argc, char **argv)
{
	long long returned = 0, cpu = 0;
	int status = 0;
	long rss = 0;
	FILE *out;
	if (argc < 3 || prctl(PR_SET_CHILD_SUBREAPER, 1L) || !(out = fopen(argv[1], "we"))) {
		perror("measure");
		return 2;
	}
	long long start = now_ns();
	pid_t first = fork();
	if (first == 0) {
		execvp(argv[2], argv + 2);
		perror(argv[2]);
		_exit(127);
	}
	int end;
	struct rusage use;
	pid_t pid;
	while ((pid = wait4(-1, &end, 0, &use)) > 0) {
		/* Its own part and that of the children it has waited for. */
		cpu += us(use.ru_utime) + us(use.ru_stime);
		rss = use.ru_maxrss > rss ? use.ru_maxrss : rss;
		if (pid == first) {
			returned = now_ns() - start;
			status = WIFEXITED(end) ? WEXITSTATUS(end) : 128 + WTERMSIG(end);
		}
	}
	fprintf(out, "%lld %lld %lld %lld %ld %d\n", start, returned, now_ns() - start, cpu,
	        rss, status);
	return fclose(out) ? 2 : 0;
}
