/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * fuzz_post - post, told anything, in front of a hold with an entry of somebody else
 *
 * The first byte chooses: 0 the rest is what post is told, byte by byte; else
 * it is a list of records: kind, length (1 byte), and, where that is 255, 2 more
 * bytes of length, payload. Oracles: what is acknowledged is in its room, and
 * the hold's own reader finds it whole and the client's; what is not leaves no
 * file; tmp/ is empty; not a byte of the other entry comes out; the answers are
 * well-formed and end with an error or not at all; what would be started is
 * flushq or mailq, for the client, with known words.
 *
 * post is one file without a header, so it is taken in whole.
 */
#include <dirent.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>

#define CLIENT 4242

static jmp_buf started;
_Noreturn static int start(const char *program, char *const *argv);

static int nothing(int fd)
{
	return fd < 0 ? -1 : 0;
}

#define main(...)         post_main(__VA_ARGS__)
#define fork()            0
#define dup2(from, to)    nothing(from)
#define fsync(fd)         nothing(fd)
#define execv(path, argv) start(path, argv)

int post_main(int argc, char **argv);
#include "cmd/post.c" /* NOLINT(bugprone-suspicious-include) */

#undef execv
#undef fsync
#undef dup2
#undef fork
#undef main

#include "hold/entry.h"

static void require(bool holds)
{
	if (!holds)
		abort();
}

static int start(const char *program, char *const *argv)
{
	bool mailq = strcmp(program, POSTERN_BINDIR "/mailq") == 0;
	require(mailq || strcmp(program, FLUSHQ) == 0);
	require(strcmp(argv[0], mailq ? "mailq" : "flushq") == 0);
	require(strcmp(argv[1], "--for") == 0 && strcmp(argv[2], "4242") == 0);
	for (int i = 3; argv[i]; i++)
		require(
		    layout_is_id(argv[i]) ||
		    is_word(
		        "--all all -v --remove --freeze --thaw --retry --count --metrics "
		        "--failed --first --accepted --caller 3 --raw h f hf fh +h +f +hf +fh",
		        argv[i]));
	longjmp(started, 1);
}

#define OTHER "6920C8F13A7B"

static const char *const names[ROOMS] = {"tmp", "hold", "failed"};

/* A hold of our own in top, with what must stay hidden. */
static void prepare(struct post *p, char *top)
{
	static const char text[] = "canary";
	long long values[HEAD_LINES] = {[HEAD_UID] = 777, [HEAD_RECIPIENTS] = 1};
	require(mkdtemp(top) && chdir(top) == 0);
	for (int i = 0; i < ROOMS; i++) {
		require(mkdir(names[i], 0700) == 0);
		p->rooms[i] = open(names[i], O_RDONLY | O_DIRECTORY);
	}
	char head[ENTRY_HEAD];
	for (int i = HOLD; i <= FAILED; i++) {
		int fd = openat(p->rooms[i], OTHER, O_WRONLY | O_CREAT | O_EXCL, 0600);
		layout_head(head, OTHER, values);
		require(write(fd, head, sizeof(head)) == (ssize_t)sizeof(head));
		require(write(fd, text, sizeof(text)) == (ssize_t)sizeof(text));
		close(fd);
	}
	p->owner = geteuid();
	p->group = getegid();
	p->uid = CLIENT;
}

static void clean(const struct post *p, const char *top)
{
	require(chdir(top) == 0);
	for (int i = 0; i < ROOMS; i++) {
		if (i != TMP)
			require(unlinkat(p->rooms[i], OTHER, 0) == 0);
		close(p->rooms[i]);
		require(rmdir(names[i]) == 0);
	}
	require(rmdir(top) == 0);
}

static size_t files_in(int room)
{
	size_t count = 0;
	DIR *dir = fdopendir(openat(room, ".", O_RDONLY | O_DIRECTORY));
	require(dir != NULL);
	for (struct dirent *d; (d = readdir(dir));)
		count += d->d_name[0] != '.';
	closedir(dir);
	return count;
}

/* An acknowledged message, which is removed then. */
static void check_entry(const struct post *p, const char *id)
{
	struct fault f = FAULT_INIT;
	bool failed = false;
	int fd = openat(p->rooms[HOLD], id, O_RDONLY);
	if (fd < 0) {
		failed = true;
		fd = openat(p->rooms[FAILED], id, O_RDONLY);
	}
	require(fd >= 0);
	struct entry e;
	entry_init(&e);
	require(entry_read(fd, &e, &f) && entry_verify(fd, &e, &f));
	require(strcmp(e.id, id) == 0 && e.uid == CLIENT && e.facts.size > 1);
	require(e.attempts == 0 && !e.frozen && e.next_try >= e.created);
	for (size_t i = 0; i < e.envelope.rcpt_count; i++)
		require(e.envelope.rcpts[i].state == RCPT_WAITING);
	entry_release(&e);
	close(fd);
	require(unlinkat(p->rooms[failed ? FAILED : HOLD], id, 0) == 0);
}

static void check_answers(const struct post *p, int fd)
{
	static struct record_reader reader;
	bool over = false, held = false;
	record_init(&reader);
	struct record r;
	while (record_read(&reader, fd, 0, &r) == RECORD_OK) {
		require(!over && strchr("XISDZ", r.kind));
		require(!memmem(r.at, r.len, "canary", 6));
		over = r.kind == RECORD_ERROR || r.kind == RECORD_DONE;
		for (size_t i = 0; r.kind != RECORD_DATA && i < r.len; i++)
			require(r.at[i] >= ' ' && r.at[i] <= '~');
		if (r.kind == RECORD_ID) {
			require(!held && layout_is_id(r.at));
			check_entry(p, r.at);
			held = true;
		}
	}
	require(files_in(p->rooms[TMP]) == 0);
	require(files_in(p->rooms[HOLD]) == 1 && files_in(p->rooms[FAILED]) == 1);
}

/* Tells post the records of data; false if they are more than a socket takes. */
static bool tell(int fd, const uint8_t *data, size_t size)
{
	static char payload[RECORD_MAX];
	while (size >= 2) {
		char kind = (char)data[0];
		size_t len = data[1];
		data += 2;
		size -= 2;
		if (len == 255 && size >= 2) {
			len = (size_t)data[0] << 8 | data[1];
			data += 2;
			size -= 2;
		}
		len = len < size ? len : size;
		memcpy(payload, data, len);
		if (record_write(fd, (enum record_kind)(unsigned char)kind, payload, len, 0) !=
		    0)
			return false;
		data += len;
		size -= len;
	}
	return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct post p;
	char top[] = "/tmp/fuzz_post.XXXXXX";
	if (size < 1 || size > 16384)
		return 0;
	memset(&p, 0, sizeof(p));
	int cwd = open(".", O_RDONLY | O_DIRECTORY);
	prepare(&p, top);
	int pair[2];
	require(socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0);
	bool told = data[0] ? tell(pair[0], data + 1, size - 1)
	                    : write(pair[0], data + 1, size - 1) == (ssize_t)(size - 1);
	shutdown(pair[0], SHUT_WR);
	p.fd = pair[1];
	if (told && setjmp(started) == 0)
		serve(&p);
	shutdown(pair[1], SHUT_RDWR);
	check_answers(&p, pair[0]);
	close(pair[0]);
	close(pair[1]);
	clean(&p, top);
	require(fchdir(cwd) == 0);
	close(cwd);
	return 0;
}
