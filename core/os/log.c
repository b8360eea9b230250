/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "os/log.h"

#include <stdarg.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

#include "os/clock.h"
#include "text/codec.h"
#include "text/fault.h"
#include "os/file.h"

#define PIECE_MAX   8    /* the longest escape */
#define TEXT_MAX    1024 /* of log_text, before it is cut to the line */
#define WAIT_ALL_MS 1000 /* what all lines of a process may wait for together */
#define RETRY_MS    10
#define ABSENT_MS   1000 /* before a system's log that is not there is looked for again */

/* The only state: what log_open was told, and the socket of the system's log. */
static struct {
	enum log_sink sink;
	bool open, json;
	char *path, *tag;
	const char *test_socket;
	int fd;
	bool stream; /* fd is one: each line ends in a NUL, as syslog(3) does it */
	mode_t mode; /* of a file that is made */
	int kept;    /* the file, for when it can no longer be opened */
	int wait_ms;
	int64_t absent_until; /* monotonic ms; 0: not known to be absent */
	log_reader *reader;   /* instead of standard error, or NULL */
	void *reader_context;
	bool reason_told; /* why it is not the log that was asked for */
} state = {.sink = LOG_TO_NONE, .fd = -1, .mode = 0600, .kept = -1};

/* How the values of a line are made to fit: count pairs, each at most cap bytes. */
struct fit {
	bool json;
	size_t count;
	size_t cap;
};

/* One character of s in the form of the line; *taken bytes of s are used. */
static size_t put_piece(char to[PIECE_MAX], bool json, struct str s, size_t *taken)
{
	unsigned char c = (unsigned char)s.at[0];
	size_t len = json ? codec_utf8_len(s) : 1;
	*taken = 1;
	if (c == '"' || c == '\\') {
		to[0] = '\\';
		to[1] = (char)c;
		return 2;
	}
	if (c >= 32 && c <= 126) {
		to[0] = (char)c;
		return 1;
	}
	if (!json)
		return (size_t)snprintf(to, PIECE_MAX, "\\x%02X", c);
	if (len < 2)
		return (size_t)snprintf(to, PIECE_MAX, "\\u%04X", c);
	*taken = len;
	if (codec_is_c1(s))
		return (size_t)snprintf(to, PIECE_MAX, "\\u%04X", (unsigned char)s.at[1]);
	memcpy(to, s.at, len);
	return len;
}

/* How many bytes from the first on stand in a line as they are. */
static size_t plain_len(struct str value)
{
	size_t n = 0;
	while (n < value.len && value.at[n] >= ' ' && value.at[n] <= '~' &&
	       value.at[n] != '"' && value.at[n] != '\\')
		n++;
	return n;
}

/* Bytes that value takes in a line when cut, between two characters, to cap;
 * they are added to out unless it is NULL. */
static size_t put_value(struct buf *out, const struct fit *fit, struct str value)
{
	char piece[PIECE_MAX];
	size_t len = 0;
	while (value.len > 0) {
		struct str plain = str_first(value, plain_len(value));
		plain = str_first(plain, fit->cap - len);
		if (out && !buf_add_str(out, plain))
			break;
		len += plain.len;
		value = str_from(value, plain.len);
		if (value.len == 0)
			break;
		size_t taken;
		size_t more = put_piece(piece, fit->json, value, &taken);
		if (more > fit->cap - len || (out && !buf_add(out, piece, more)))
			break;
		len += more;
		value = str_from(value, taken);
	}
	return len;
}

static bool needs_quotes(struct str value)
{
	for (size_t i = 0; i < value.len; i++) {
		char c = value.at[i];
		if (c <= ' ' || c > '~' || c == '"' || c == '\\')
			return true;
	}
	return value.len == 0;
}

static size_t line_len(const struct log_pair *pairs, const struct fit *fit)
{
	size_t len = fit->json ? 2 : 0;
	for (size_t i = 0; i < fit->count; i++) {
		bool quotes = fit->json || needs_quotes(pairs[i].value);
		len += (i > 0) + strlen(pairs[i].key) + 1 + (fit->json ? 2 : 0);
		len += put_value(NULL, fit, pairs[i].value) + (quotes ? 2 : 0);
	}
	return len;
}

/* Cuts only the longest values, and as little as possible: a short one (a
 * status, a code) is not to suffer from a long reply. Pairs at the end are
 * dropped only when the keys alone are too much. */
static struct fit fit_line(bool json, const struct log_pair *pairs, size_t limit)
{
	struct fit fit = {.json = json, .cap = limit};
	size_t low = 0, high = limit;
	while (pairs[fit.count].key)
		fit.count++;
	if (line_len(pairs, &fit) <= limit)
		return fit;
	fit.cap = 0;
	while (fit.count > 0 && line_len(pairs, &fit) > limit)
		fit.count--;
	while (low < high) {
		fit.cap = high - (high - low) / 2;
		if (line_len(pairs, &fit) <= limit)
			low = fit.cap;
		else
			high = fit.cap - 1;
	}
	fit.cap = low;
	return fit;
}

static bool put_pair(struct buf *out, const struct fit *fit, const struct log_pair *pair)
{
	bool quotes = fit->json || needs_quotes(pair->value);
	if (!buf_addf(out, fit->json ? "\"%s\":" : "%s=", pair->key))
		return false;
	if (quotes && !buf_add_char(out, '"'))
		return false;
	put_value(out, fit, pair->value);
	return !quotes || buf_add_char(out, '"');
}

static bool put_line(struct buf *out, const struct fit *fit, const struct log_pair *pairs)
{
	if (fit->json && !buf_add_char(out, '{'))
		return false;
	for (size_t i = 0; i < fit->count; i++) {
		if (i > 0 && !buf_add_char(out, fit->json ? ',' : ' '))
			return false;
		if (!put_pair(out, fit, &pairs[i]))
			return false;
	}
	return !fit->json || buf_add_char(out, '}');
}

static bool format_line(struct buf *out, bool json, const struct log_pair *pairs, size_t limit)
{
	struct fit fit = fit_line(json, pairs, limit);
	if (line_len(pairs, &fit) > out->max - out->len)
		return false;
	return put_line(out, &fit, pairs);
}

bool log_format(struct buf *out, bool json, const struct log_pair *pairs)
{
	return format_line(out, json, pairs, LOG_LINE_MAX);
}

void log_open(enum log_sink sink, bool json, const char *path, const char *tag)
{
	log_close();
	state.sink = sink;
	state.json = json;
	state.path = path ? mem_copy(str_of(path)) : NULL;
	state.tag = mem_copy(str_of(tag));
	state.wait_ms = WAIT_ALL_MS;
	state.reader = NULL;
	state.reason_told = false;
	state.absent_until = 0;
	state.open = true;
}

void log_read_by(log_reader *reader, void *context)
{
	state.reader = reader;
	state.reader_context = context;
}

static void close_socket(void)
{
	if (state.fd >= 0)
		close(state.fd);
	state.fd = -1;
}

void log_file_mode(mode_t mode)
{
	state.mode = mode;
}

void log_keep(void)
{
	struct fault unused;
	if (state.open && state.sink == LOG_TO_FILE && state.path && state.kept < 0 &&
	    !file_open_append(AT_FDCWD, state.path, state.mode, &state.kept, &unused))
		state.kept = -1;
}

void log_close(void)
{
	close_socket();
	if (state.kept >= 0)
		close(state.kept);
	state.kept = -1;
	free(state.path);
	free(state.tag);
	state.path = state.tag = NULL;
	state.open = false;
}

void log_test_socket(const char *path)
{
	state.test_socket = path;
}

/* Waits until fd takes bytes (a negative fd: for a moment), out of what all
 * lines may wait for together. */
static bool wait_ready(int fd)
{
	struct pollfd ready = {.fd = fd, .events = POLLOUT};
	int wait_ms = fd < 0 && state.wait_ms > RETRY_MS ? RETRY_MS : state.wait_ms;
	int64_t begin = clock_mono_ms();
	int found = poll(&ready, 1, wait_ms);
	int64_t spent = found > 0 ? clock_mono_ms() - begin : wait_ms;
	state.wait_ms = spent < state.wait_ms ? state.wait_ms - (int)spent : 0;
	return found > 0 || (fd < 0 && wait_ms > 0);
}

static bool connect_socket(const char *path, int type)
{
	struct sockaddr_un to = {.sun_family = AF_UNIX};
	if (strlen(path) >= sizeof(to.sun_path))
		return false;
	memcpy(to.sun_path, path, strlen(path));
	state.fd = socket(AF_UNIX, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	state.stream = type == SOCK_STREAM;
	if (state.fd < 0)
		return false;
	if (connect(state.fd, (const struct sockaddr *)&to, sizeof(to)) == 0)
		return true;
	int sys = errno;
	close_socket();
	errno = sys;
	return false;
}

static bool connect_any(const char *path)
{
	return connect_socket(path, SOCK_DGRAM) ||
	       (errno == EPROTOTYPE && connect_socket(path, SOCK_STREAM));
}

static bool open_socket(void)
{
	if (state.fd >= 0)
		return true;
	if (state.absent_until > clock_mono_ms())
		return false;
	bool found = state.test_socket ? connect_any(state.test_socket)
	                               : connect_any("/dev/log") || connect_any("/var/run/log");
	if (!found)
		state.absent_until = clock_deadline(ABSENT_MS);
	return found;
}

bool log_has_syslog(void)
{
	bool kept = state.fd >= 0, there = open_socket();
	if (!kept)
		close_socket();
	return there;
}

static bool send_whole(struct str line)
{
	while (line.len > 0) {
		ssize_t n = send(state.fd, line.at, line.len, MSG_NOSIGNAL);
		if (n > 0)
			line = str_from(line, (size_t)n);
		else if (n == 0 || errno == EINTR)
			continue;
		else if (errno != EAGAIN && errno != EWOULDBLOCK && errno != ENOBUFS)
			return false;
		else if (!wait_ready(errno == ENOBUFS ? -1 : state.fd))
			return false;
	}
	return true;
}

static void send_syslog(const struct buf *line)
{
	bool kept = true;
	/* Again only when the daemon may have been started anew since the last line. */
	while (kept) {
		kept = state.fd >= 0;
		if (!open_socket())
			return;
		if (send_whole(str_make(line->at, line->len + state.stream)))
			return;
		/* Also because half a line in a stream would spoil the next. */
		close_socket();
	}
}

/* False, and errno, if it cannot be written. */
static bool send_file(const struct buf *line)
{
	struct fault f = FAULT_INIT;
	if (!state.path)
		return true;
	int fd;
	if (!file_open_append(AT_FDCWD, state.path, state.mode, &fd, &f))
		fd = state.kept;
	if (fd < 0) {
		errno = f.sys;
		return false;
	}
	ssize_t n;
	do {
		n = write(fd, line->at, line->len);
	} while (n < 0 && errno == EINTR);
	/* Half a line is none. Why there was no room for the rest the next would be told. */
	int sys = n < 0 ? errno : ENOSPC;
	if (fd != state.kept)
		close(fd);
	errno = sys;
	return n >= 0 && (size_t)n == line->len;
}

static bool send_stderr(const struct buf *line)
{
	if (state.reader && state.reader(state.reader_context, buf_str(line)))
		return true;
	ssize_t n;
	do {
		/* A full one is the fault of who reads it; the wait has been long enough. */
		if (!wait_ready(STDERR_FILENO))
			return true;
		n = write(STDERR_FILENO, line->at, line->len);
	} while (n < 0 && errno == EINTR);
	return n >= 0;
}

static bool put_prefix_syslog(struct buf *out, int level)
{
	static const char *const months[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
	                                     "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
	time_t now = (time_t)clock_wall();
	struct tm at;
	if (!localtime_r(&now, &at))
		return false;
	return buf_addf(out, "<%d>%s %2d %02d:%02d:%02d %s[%ld]: ",
	                (int)LOG_MAIL | (level & LOG_PRIMASK), months[at.tm_mon], at.tm_mday,
	                at.tm_hour, at.tm_min, at.tm_sec, state.tag, (long)getpid());
}

static bool put_time(struct buf *out)
{
	time_t now = (time_t)clock_wall();
	struct tm at;
	if (!gmtime_r(&now, &at))
		return false;
	return buf_addf(out, "%04d-%02d-%02dT%02d:%02d:%02dZ", at.tm_year + 1900, at.tm_mon + 1,
	                at.tm_mday, at.tm_hour, at.tm_min, at.tm_sec);
}

/* What stands before the pairs; in JSON to a file the object is opened here. */
static bool put_prefix(struct buf *out, enum log_sink sink, int level)
{
	switch (sink) {
	case LOG_TO_SYSLOG:
		return put_prefix_syslog(out, level);
	case LOG_TO_STDERR:
		return state.json || buf_addf(out, "%s: ", state.tag);
	case LOG_TO_FILE:
		if (state.json)
			return buf_addf(out, "{\"time\":\"") && put_time(out) &&
			       buf_add_char(out, '"');
		return put_time(out) && buf_add_char(out, ' ');
	case LOG_TO_NONE:
		break;
	}
	return false;
}

/* The whole line, line end included, in LOG_LINE_MAX bytes. */
static bool make_line(struct buf *line, enum log_sink sink, int level,
                      const struct log_pair *pairs)
{
	bool join = sink == LOG_TO_FILE && state.json;
	if (!put_prefix(line, sink, level) || line->len + 1 > LOG_LINE_MAX)
		return false;
	struct buf body;
	buf_init(&body, LOG_LINE_MAX);
	bool done = format_line(&body, state.json, pairs, LOG_LINE_MAX - 1 - line->len);
	struct str text = buf_str(&body);
	if (done && join) {
		text = str_from(text, 1);
		done = str_eq(text, STR("}")) || buf_add_char(line, ',');
	}
	done = done && buf_add_str(line, text);
	if (sink == LOG_TO_SYSLOG)
		buf_cstr(line);
	else
		done = done && buf_add_char(line, '\n');
	buf_release(&body);
	return done;
}

/* False, and errno, if that sink cannot be written. */
static bool put_event(enum log_sink sink, int level, const struct log_pair *pairs)
{
	struct buf line;
	bool done = true;
	buf_init(&line, LOG_LINE_MAX);
	if (make_line(&line, sink, level, pairs)) {
		switch (sink) {
		case LOG_TO_SYSLOG:
			send_syslog(&line);
			break;
		case LOG_TO_STDERR:
			done = send_stderr(&line);
			break;
		case LOG_TO_FILE:
			done = send_file(&line);
			break;
		case LOG_TO_NONE:
			break;
		}
	}
	buf_release(&line);
	return done;
}

/* Somebody should read that the log they look at has holes, and why. */
static void put_reason(int sys)
{
	if (state.reason_told)
		return;
	state.reason_told = true;
	char text[TEXT_MAX];
	snprintf(text, sizeof(text), "cannot log to %s: %s; logging here instead",
	         state.sink == LOG_TO_FILE ? state.path : "standard error", strerror(sys));
	put_event(LOG_TO_SYSLOG, LOG_ERR,
	          (const struct log_pair[]){{"msg", str_of(text)}, {NULL, STR("")}});
}

void log_event(int level, const struct log_pair *pairs)
{
	int sys = errno;
	if (!state.open || state.sink == LOG_TO_NONE)
		return;
	if (!put_event(state.sink, level, pairs)) {
		put_reason(errno);
		put_event(LOG_TO_SYSLOG, level, pairs);
	}
	errno = sys;
}

void log_text(int level, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	char text[TEXT_MAX];
	int len = vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	if (len < 0)
		return;
	log_event(level, (const struct log_pair[]){{"msg", str_of(text)}, {NULL, STR("")}});
}
