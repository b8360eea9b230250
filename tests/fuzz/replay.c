/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * replay - feeds stored inputs to one fuzz target, without libFuzzer
 *
 *	fuzz_NAME [FILE|FOLDER ...]
 *
 * Without arguments: tests/fuzz/corpus/NAME, as seen from the top of the tree.
 * Each input gets a process of its own, so that one crash neither hides the
 * next nor the count, and at most SECONDS. Ends with "N passed, N failed";
 * exit 1 if an input failed or could not be read.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define SECONDS 20

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct stats {
	int passed;
	int failed;
};

/* Into exactly as much memory as the input is long, so that a sanitizer sees
 * every byte read behind it. NULL with errno if it cannot be read. */
static uint8_t *load(const char *path, size_t *size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return NULL;
	struct stat st;
	if (fstat(fd, &st) != 0 || st.st_size < 0) {
		close(fd);
		return NULL;
	}
	*size = (size_t)st.st_size;
	uint8_t *data = malloc(*size > 0 ? *size : 1);
	size_t got = 0;
	while (data && got < *size) {
		ssize_t n = read(fd, data + got, *size - got);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			break;
		got += (size_t)n;
	}
	close(fd);
	*size = got;
	return data;
}

static bool survives(const uint8_t *data, size_t size)
{
	int status = 0;
	fflush(NULL);
	pid_t pid = fork();
	if (pid == 0) {
		alarm(SECONDS);
		LLVMFuzzerTestOneInput(data, size);
		exit(0);
	}
	if (pid < 0)
		return false;
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return false;
	return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

static void replay_file(const char *path, struct stats *tally)
{
	size_t size = 0;
	uint8_t *data = load(path, &size);
	if (!data) {
		printf("not ok %s: %s\n", path, strerror(errno));
		tally->failed++;
		return;
	}
	if (survives(data, size)) {
		tally->passed++;
	} else {
		printf("not ok %s\n", path);
		tally->failed++;
	}
	free(data);
}

/* A file, or every file of a folder that does not begin with a dot. */
static void replay(const char *path, struct stats *tally)
{
	DIR *dir = opendir(path);
	if (!dir) {
		replay_file(path, tally);
		return;
	}
	const struct dirent *entry;
	while ((entry = readdir(dir))) {
		char name[4096];
		int n = snprintf(name, sizeof(name), "%s/%s", path, entry->d_name);
		if (entry->d_name[0] != '.' && n > 0 && (size_t)n < sizeof(name))
			replay_file(name, tally);
	}
	closedir(dir);
}

int main(int argc, char **argv)
{
	struct stats tally = {0, 0};
	static const uint8_t nothing[1];
	if (survives(nothing, 0)) {
		tally.passed++;
	} else {
		printf("not ok the empty input\n");
		tally.failed++;
	}
	for (int i = 1; i < argc; i++)
		replay(argv[i], &tally);
	if (argc == 1) {
		const char *name = strstr(argv[0], "fuzz_");
		for (const char *p = name; p != NULL; p = strstr(p + 1, "fuzz_"))
			name = p;
		char folder[256];
		snprintf(folder, sizeof(folder), "tests/fuzz/corpus/%s",
		         name != NULL ? name + strlen("fuzz_") : "");
		replay(folder, &tally);
	}
	printf("%d passed, %d failed\n", tally.passed, tally.failed);
	return tally.failed > 0;
}
