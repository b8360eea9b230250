/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * post - the one program with a privilege: into the hold, on behalf of its caller
 *
 * Set-gid to the group of the hold, or run by the owner of the hold as a service. A message
 * it takes in itself and checks (post/record.h); for all else it is a door, and becomes mailq
 * or flushq, for this client alone. Who the client is, the kernel says. A function that
 * returns false has told the client why, or found that it has gone.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#ifdef __linux__
#include <sys/prctl.h>
#endif
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sysexits.h>
#include <time.h>
#include <unistd.h>

#include "text/crc.h"
#include "hold/layout.h"
#include "post/record.h"

extern char **environ;

#define CONVERSATION 3 /* its descriptor, also of the flushq that comes after us */
#define UNMADE       POSTERN_SPOOLDIR " is not set up (flushq, run by root, does it)"
#define FLUSHQ       POSTERN_SBINDIR "/flushq"
#define MAILQ        POSTERN_BINDIR "/mailq"

enum room { TMP, HOLD, FAILED, ROOMS };

struct post {
	int fd, idle_ms;   /* of the conversation */
	int rooms[ROOMS];  /* directories */
	uid_t owner, uid;  /* of the rooms; the client */
	gid_t group;       /* of the rooms */
	char *credentials; /* $CREDENTIALS_DIRECTORY as it was, or NULL */
	struct record r;   /* the last one */
	struct record_reader in;
	/* a message on its way in, checked while it is written */
	FILE *file;
	char id[ENTRY_ID_LEN + 1]; /* "": none has been put */
	long long head[HEAD_LINES];
	uint64_t length; /* of envelope and message, as the next */
	uint32_t crc;
	bool in_body, after_cr, in_tmp;
	long long rcpts, line; /* so far: recipients, bytes in the last line */
};

static bool say(struct post *p, enum record_kind kind, const char *text)
{
	return record_write(p->fd, kind, text, strlen(text), p->idle_ms) == 0;
}

/* Says what is wrong and why (errno, or 0), of which some has its own code. */
static bool fail(struct post *p, int code, int sys, const char *what)
{
	char text[256];
	bool full = sys == ENOSPC || sys == EDQUOT || sys == EFBIG;
	code = full ? EX_TEMPFAIL : sys == EACCES || sys == EPERM ? EX_NOPERM : code;
	snprintf(text, sizeof(text), "%d %s%s%s", code, what, sys ? ": " : "",
	         sys ? strerror(sys) : "");
	return say(p, RECORD_ERROR, text) && false;
}

static bool refuse(struct post *p)
{
	return fail(p, EX_USAGE, 0, "a record that has no place or no meaning here");
}

/* Only bytes of a message may be NUL: all else is strings. */
static bool next(struct post *p)
{
	enum record_result got = record_read(&p->in, p->fd, p->idle_ms, &p->r);
	if (got == RECORD_OK && p->r.kind != RECORD_MESSAGE && strlen(p->r.at) != p->r.len)
		got = RECORD_BAD;
	if (got == RECORD_SILENT)
		return fail(p, EX_TEMPFAIL, 0, "nothing was said for too long");
	return got == RECORD_OK || (got == RECORD_BAD && refuse(p));
}

/* Is it one of the words, which are divided by single blanks? */
static bool is_word(const char *words, const char *text)
{
	size_t n = strcspn(words, " ");
	return (n == strlen(text) && memcmp(words, text, n) == 0) ||
	       (words[n] == ' ' && is_word(words + n + 1, text));
}

static bool is_number(const char *text, size_t digits)
{
	size_t len = strspn(text, "0123456789");
	return len > 0 && len <= digits && !text[len];
}

/* The records of a message. */
static const struct part {
	char kind;
	const char *after;   /* the kinds that may come right before it */
	const char *key;     /* in the entry */
	const char *words;   /* one of these it must be, or if NULL: */
	const char *without; /* ASCII without these, or if NULL: an address */
} parts[] = {
    {RECORD_SENDER, "P", "sender ", NULL, NULL},
    {RECORD_LOCAL, "s", "sender-local yes", "", NULL},
    {RECORD_BODY, "sh", "body ", "7BIT 8BITMIME", NULL},
    {RECORD_SMTPUTF8, "shb", "smtputf8 yes", "", NULL},
    {RECORD_RET, "shbu", "ret ", "FULL HDRS", NULL},
    {RECORD_ENVID, "shbur", "envid ", NULL, " "},
    {RECORD_RELAY, "shbure", "relay ", NULL, ""},
    {RECORD_DELAY, "shburel", "delay ", NULL, ""},
    {RECORD_RCPT, "shbureldRno", "rcpt ", NULL, NULL},
    {RECORD_NOTIFY, "R", "notify ", RECORD_NOTIFY_WORDS, NULL},
    {RECORD_ORCPT, "Rn", "orcpt ", NULL, " "},
    {RECORD_MESSAGE, "RnoM", NULL, NULL, NULL},
    {RECORD_END, "M", NULL, "", NULL},
};

/* No more than addr_is_wire() allows, who will read it: LOCAL or LOCAL@DOMAIN. */
static bool is_address(const char *at)
{
	size_t quoted = at[0] == '"', n = quoted ? 1 : strcspn(at, " \"\\()<>,:;[]@");
	for (; quoted && at[n] != '"'; n++)
		if (!at[n] || (at[n] == '\\' && !at[++n]))
			return false;
	n += quoted;
	return n > 0 && strlen(at) <= ENTRY_ADDRESS_MAX &&
	       (!at[n] || (at[n] == '@' && at[n + 1] && !strpbrk(at + n + 1, " \"\\()<>,;@")));
}

static bool is_good(const struct part *part, const char *text)
{
	size_t len = strlen(text);
	if (part->words)
		return is_word(part->words, text);
	for (const char *at = text; *at; at++)
		if ((unsigned char)*at < 32 || *at == 127 || (*at & 128 && part->without))
			return false;
	if (!part->without)
		return is_address(text) || (len == 0 && part->kind == RECORD_SENDER);
	return len > 0 && len <= RECORD_FACT_MAX && !strpbrk(text, part->without) &&
	       (part->kind != RECORD_DELAY ||
	        (is_number(text, 8) && strtol(text, NULL, 10) <= ENTRY_DELAY_MAX));
}

static bool write_bytes(struct post *p, const char *at, size_t len)
{
	return fwrite(at, 1, len, p->file) == len ||
	       fail(p, EX_TEMPFAIL, errno, "cannot write the message");
}

/* Not the last of the disk or of its files: what was taken must still be worked on, and
 * the clients' own limit (min_free) is for those who keep to it. */
static bool has_room(struct post *p)
{
	struct statvfs fs;
	return fstatvfs(p->rooms[TMP], &fs) != 0 ||
	       (fs.f_bavail >= fs.f_blocks / 100 && fs.f_favail >= fs.f_files / 100) ||
	       fail(p, EX_TEMPFAIL, ENOSPC, POSTERN_SPOOLDIR);
}

/* Bytes of envelope and message. */
static bool add(struct post *p, const char *at, size_t len)
{
	p->crc = crc_add(p->crc, at, len);
	p->length += len;
	return write_bytes(p, at, len);
}

/* Only the final form: CR and LF come together, and no NUL. */
static bool take_bytes(struct post *p)
{
	for (size_t i = 0; i < p->r.len; i++) {
		unsigned char c = (unsigned char)p->r.at[i];
		if (c == '\0' || (c == '\n') != p->after_cr)
			return fail(p, EX_DATAERR, 0, "a NUL or a bare CR or LF");
		p->after_cr = c == '\r';
		if (c > 127)
			p->head[HEAD_8BIT] |= p->in_body ? EIGHT_BODY : EIGHT_HEADER;
		if (c == '\n') {
			p->in_body = p->in_body || p->line == 0;
			p->line = 0;
		} else if (c != '\r' && ++p->line > p->head[HEAD_LONGEST]) {
			p->head[HEAD_LONGEST] = p->line;
		}
	}
	p->head[HEAD_SIZE] += (long long)p->r.len;
	return has_room(p) && add(p, p->r.at, p->r.len);
}

static bool take_fact(struct post *p, const struct part *part)
{
	char line[RECORD_FACT_MAX + 32];
	long delay = part->kind == RECORD_DELAY ? strtol(p->r.at, NULL, 10) : 0;
	/* Never a moment sooner than asked: the second begun counts not at all. */
	p->head[HEAD_NEXT] += delay > 0 ? delay + 1 : 0;
	p->rcpts += part->kind == RECORD_RCPT;
	snprintf(line, sizeof(line), "%s%s\n", part->key, p->r.at);
	return part->kind == RECORD_DELAY || add(p, line, strlen(line));
}

static bool take_parts(struct post *p)
{
	bool ok = true;
	for (char last = RECORD_PUT; ok && last != RECORD_END; last = p->r.kind) {
		const struct part *part = parts;
		if (!next(p))
			return false;
		while (part->kind != p->r.kind && part->kind != RECORD_END)
			part++;
		if (part->kind != p->r.kind || !strchr(part->after, last))
			return refuse(p);
		if (p->r.kind != RECORD_MESSAGE && !is_good(part, p->r.at)) {
			char what[64];
			snprintf(what, sizeof(what), "malformed %s",
			         part->key ? part->key : "end");
			return fail(p, EX_DATAERR, 0, what);
		}
		if (p->r.kind == RECORD_MESSAGE && last != RECORD_MESSAGE) {
			ok = add(p, "\n", 1);
			p->head[HEAD_ENVELOPE] = (long long)p->length;
		}
		if (p->r.kind != RECORD_END)
			ok = ok && (part->key ? take_fact(p, part) : take_bytes(p));
	}
	return ok && ((p->rcpts == p->head[HEAD_RECIPIENTS] && p->head[HEAD_SIZE] > 0 &&
	               p->head[HEAD_ENVELOPE] <= ENTRY_ENVELOPE_MAX && p->line == 0 &&
	               !p->after_cr) ||
	              fail(p, EX_DATAERR, 0, "not all recipients or not all of the message"));
}

/* With an id that no entry has: all that are being written are in tmp/. */
static bool create(struct post *p)
{
	char slot[ENTRY_SLOT];
	struct timespec now;
	struct stat st;
	int fd = -1;
	for (int tries = 0; fd < 0; tries++) {
		clock_gettime(CLOCK_REALTIME, &now);
		snprintf(p->id, sizeof(p->id), "%08lX%04lX",
		         (unsigned long)(now.tv_sec & 0xFFFFFFFF),
		         (unsigned long)(now.tv_nsec >> 14 & 0xFFFF));
		errno = EEXIST;
		if (fstatat(p->rooms[HOLD], p->id, &st, AT_SYMLINK_NOFOLLOW) != 0 &&
		    fstatat(p->rooms[FAILED], p->id, &st, AT_SYMLINK_NOFOLLOW) != 0)
			fd = openat(p->rooms[TMP], p->id,
			            O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
		if (fd < 0 && (errno != EEXIST || tries == 1000))
			return fail(p, EX_CANTCREAT, errno, "cannot create a file in tmp/");
	}
	p->in_tmp = true;
	p->head[HEAD_CREATED] = p->head[HEAD_NEXT] = (long long)now.tv_sec;
	p->file = fdopen(fd, "w");
	if (!p->file || flock(fd, LOCK_EX | LOCK_NB) != 0 || fstat(fd, &st) != 0 ||
	    (st.st_gid != p->group && fchown(fd, (uid_t)-1, p->group) != 0) ||
	    fchmod(fd, 0660) != 0)
		return fail(p, EX_TEMPFAIL, errno, "cannot prepare a file in tmp/");
	/* The head is written at the end. */
	bool ok = has_room(p) && fseek(p->file, ENTRY_HEAD, SEEK_SET) == 0;
	layout_slot(slot, 'W', false, 0, "", "");
	for (long long i = 0; ok && i < p->head[HEAD_RECIPIENTS]; i++)
		ok = write_bytes(p, slot, ENTRY_SLOT);
	return ok;
}

/* From tmp/ into a room, where nothing has that name. */
static bool give_name(int tmp, int room, const char *id)
{
#if defined(HAVE_RENAMEAT2) && defined(RENAME_NOREPLACE)
	if (renameat2(tmp, id, room, id, RENAME_NOREPLACE) == 0)
		return true;
	if (errno != EINVAL && errno != ENOSYS)
		return false;
#endif
	/* What is removed in the end is ours: linkat would have failed otherwise. */
	return linkat(tmp, id, room, id, 0) == 0 &&
	       (unlinkat(tmp, id, 0) == 0 || (unlinkat(room, id, 0) && false));
}

static bool publish(struct post *p, enum room to)
{
	char head[ENTRY_HEAD], trailer[ENTRY_TRAILER];
	int fd = fileno(p->file), room = p->rooms[to];
	struct pollfd client = {.fd = p->fd};
	layout_head(head, p->id, p->head);
	layout_trailer(trailer, p->length, p->crc);
	if (fwrite(trailer, 1, ENTRY_TRAILER, p->file) != ENTRY_TRAILER ||
	    fflush(p->file) != 0 || pwrite(fd, head, ENTRY_HEAD, 0) != ENTRY_HEAD ||
	    fsync(fd) != 0)
		return fail(p, EX_TEMPFAIL, errno, "cannot write the message");
	/* A client that has gone will think that it is not held, and try again. */
	if (poll(&client, 1, 0) > 0 && (client.revents & POLLHUP))
		return false;
	p->in_tmp = !give_name(p->rooms[TMP], room, p->id);
	if (p->in_tmp)
		return fail(p, EX_CANTCREAT, errno, "cannot publish the message");
	if (fsync(room) == 0)
		return true;
	/* Nobody was told of it yet: it is taken back. */
	int sys = errno;
	return fail(p, EX_TEMPFAIL, sys,
	            unlinkat(room, p->id, 0) == 0 ? "cannot sync the hold"
	                                          : "cannot sync the hold; it may be held yet");
}

static bool put(struct post *p)
{
	char *count = p->r.at, *room = strsep(&count, " ");
	if (!is_word("hold failed", room) || !count || !is_number(count, 6))
		return refuse(p);
	enum room to = *room == 'h' ? HOLD : FAILED;
	p->head[HEAD_RECIPIENTS] = strtol(count, NULL, 10);
	if (p->head[HEAD_RECIPIENTS] < 1 || p->head[HEAD_RECIPIENTS] > ENTRY_RCPT_MAX)
		return refuse(p);
	p->head[HEAD_UID] = (long long)p->uid;
	bool ok = create(p) && take_parts(p) && publish(p, to);
	if (p->in_tmp)
		unlinkat(p->rooms[TMP], p->id, 0);
	if (p->file)
		fclose(p->file);
	return ok && say(p, RECORD_ID, p->id);
}

/* What comes after us is told for whom it works, and what for, in argv[0], which is ours to
 * fill in: no client has a say in it (cmd/queue/mailq_options). */
_Noreturn static void become(const struct post *p, const char *program, const char *what,
                             const char **argv)
{
	char name[64];
	/* What systemd gives to the service is not for a user to set. */
	if (p->credentials && getuid() == p->owner)
		setenv("CREDENTIALS_DIRECTORY", p->credentials, 1);
	setenv("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", 1);
	snprintf(name, sizeof(name), "%s for=%lu %s", strrchr(program, '/') + 1,
	         (unsigned long)p->uid, what);
	argv[0] = name;
	signal(SIGXFSZ, SIG_DFL);
	execv(program, (char *const *)argv);
	perror(program);
	_exit(EX_OSERR);
}

/* The message just put, or all that is due, is tried now. */
static bool go(struct post *p)
{
	bool listens = p->r.at[0] == 'l', verbose = strchr(p->r.at, 'v');
	const char *id = p->id[0] ? p->id : NULL;
	const char *argv[] = {NULL, verbose ? "-v" : id, verbose ? id : NULL, NULL};
	if (!is_word(" l v lv", p->r.at))
		return refuse(p);
	fcntl(p->fd, F_SETFD, listens ? 0 : FD_CLOEXEC);
	become(p, FLUSHQ, listens ? "caller" : "first", argv);
}

/* Datagrams would bear our name, not the client's. */
static bool is_output(int fd)
{
	struct stat st;
	int type = 0;
	socklen_t len = sizeof(type);
	return fstat(fd, &st) == 0 &&
	       (S_ISREG(st.st_mode) || S_ISFIFO(st.st_mode) || S_ISCHR(st.st_mode) ||
	        (getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &len) == 0 && type == SOCK_STREAM));
}

/* For two descriptors there is space, and there must be two; others the kernel closes. */
static bool take_outputs(struct post *p)
{
	char head[RECORD_HEAD];
	_Alignas(struct cmsghdr) char space[CMSG_SPACE(2 * sizeof(int))];
	struct iovec in = {head, sizeof(head)};
	struct msghdr m = {.msg_iov = &in, .msg_iovlen = 1, .msg_control = space};
	m.msg_controllen = sizeof(space);
	bool ok = recvmsg(p->fd, &m, MSG_CMSG_CLOEXEC) == RECORD_HEAD;
	struct cmsghdr *c = CMSG_FIRSTHDR(&m);
	ok = ok && head[0] == RECORD_OUTPUTS && !(m.msg_flags & MSG_CTRUNC) && c &&
	     c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS &&
	     c->cmsg_len == CMSG_LEN(2 * sizeof(int));
	for (int i = 0, fd; ok && i < 2; i++) {
		memcpy(&fd, CMSG_DATA(c) + (size_t)i * sizeof(fd), sizeof(fd));
		ok = is_output(fd) && dup2(fd, STDOUT_FILENO + i) >= 0;
	}
	return ok || fail(p, EX_USAGE, 0, "output or errors to what is no file and no stream");
}

/* An operand, or "-" with small letters, or "--" with such and perhaps "=" and a text: so it
 * is no -C. All else of it is for mailq and flushq to know. */
static bool is_command_word(const char *word)
{
	size_t dashes = strspn(word, "-");
	const char *end = word + dashes + strspn(word + dashes, "abcdefghijklmnopqrstuvwxyz");
	return dashes == 0 ||
	       (dashes <= 2 && end > word + dashes && (!*end || (dashes == 2 && *end == '=')));
}

static bool command(struct post *p)
{
	const char *argv[RECORD_WORDS + 2] = {NULL};
	char *rest = p->r.at, *program = strsep(&rest, "\n"), *word;
	if (!is_word("mailq flushq", program))
		return refuse(p);
	for (int argc = 1; (word = strsep(&rest, "\n")); argc++) {
		if (argc > RECORD_WORDS || !is_command_word(word))
			return refuse(p);
		argv[argc] = word;
	}
	if (!take_outputs(p))
		return false;
	fcntl(p->fd, F_SETFD, 0);
	become(p, *program == 'm' ? MAILQ : FLUSHQ, "door", argv);
}

static bool serve(struct post *p)
{
	if (!next(p) || (p->r.kind == RECORD_PUT && !put(p)))
		return false;
	/* It is logged by the flushq that tries it, or else by one that does only that. */
	if (p->id[0] && (!next(p) || (p->r.kind != RECORD_GO && !refuse(p))))
		become(p, FLUSHQ, "accepted", (const char *[]){NULL, p->id, NULL});
	if (p->r.kind == RECORD_GO)
		return go(p);
	return !p->id[0] && p->r.kind == RECORD_COMMAND ? command(p) : refuse(p);
}

/* Nothing that the caller left us but standard input has a meaning. */
static bool isolate(void)
{
	struct rlimit limit;
	sigset_t none;
	environ = NULL;
	if (dup3(STDIN_FILENO, CONVERSATION, O_CLOEXEC) < 0)
		return false;
#ifdef HAVE_CLOSE_RANGE
	if (close_range(CONVERSATION + 1, ~0U, 0) != 0)
#endif
		for (int fd = CONVERSATION + 1; fd < 65536; fd++)
			close(fd);
	for (int fd = 0; fd < CONVERSATION; fd++) {
		close(fd);
		if (open("/dev/null", O_RDWR) != fd)
			return false;
	}
	/* Too large a file is to be an error, not our end. */
	for (int s = 1; s < NSIG; s++)
		signal(s, s == SIGXFSZ ? SIG_IGN : SIG_DFL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	umask(077);
	for (int i = 0; i < RLIM_NLIMITS; i++)
		if (i != RLIMIT_STACK && getrlimit(i, &limit) == 0) {
			limit.rlim_cur = i == RLIMIT_CORE ? 0 : limit.rlim_max;
			setrlimit(i, &limit);
		}
#ifdef __linux__
	prctl(PR_SET_DUMPABLE, 0);
#endif
	setsid();
	alarm(0);
	return chdir("/") == 0;
}

static bool open_rooms(struct post *p)
{
	static const char *const paths[ROOMS] = {
	    POSTERN_SPOOLDIR "/tmp", POSTERN_SPOOLDIR "/hold", POSTERN_SPOOLDIR "/failed"};
	struct stat st;
	if (lstat(POSTERN_SPOOLDIR, &st) == 0 && S_ISLNK(st.st_mode))
		return fail(p, EX_TEMPFAIL, ELOOP, POSTERN_SPOOLDIR);
	for (int i = 0; i < ROOMS; i++) {
		p->rooms[i] = open(paths[i], O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		if (p->rooms[i] < 0 || fstat(p->rooms[i], &st) != 0 ||
		    faccessat(p->rooms[i], ".", R_OK | W_OK | X_OK, AT_EACCESS) != 0)
			return fail(p,
			            errno == EROFS || errno == ENOENT ? EX_OSFILE : EX_TEMPFAIL,
			            errno, errno != ENOENT ? paths[i] : UNMADE);
		p->owner = st.st_uid;
		p->group = st.st_gid;
	}
	return true;
}

/* As whom we are run, or, if that is the owner of the hold, who is behind the socket. */
static bool find_client(struct post *p)
{
	p->uid = geteuid();
	if (p->uid != p->owner)
		return true;
#ifdef __linux__
	struct ucred peer = {.uid = (uid_t)-1};
	socklen_t len = sizeof(peer);
	getsockopt(p->fd, SOL_SOCKET, SO_PEERCRED, &peer, &len);
	return (p->uid = peer.uid) != (uid_t)-1;
#else
	gid_t group;
	return getpeereid(p->fd, &p->uid, &group) == 0;
#endif
}

int main(int argc, char **argv __attribute__((unused)))
{
	static struct post p = {.fd = CONVERSATION, .idle_ms = RECORD_IDLE_MS};
	p.credentials = getenv("CREDENTIALS_DIRECTORY");
	if (argc > 1 || !isolate())
		return EX_USAGE;
	if (open_rooms(&p) && find_client(&p) && say(&p, RECORD_HELLO, RECORD_GREETING))
		serve(&p);
	return 0;
}
