/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * log - one line an event, to syslog, standard error or a file
 *
 * A line is made of key=value pairs (or one JSON object); every value goes
 * through one escaper, so that no byte of a message or a server can make a
 * line, a field or a terminal command of its own. A line is at most
 * LOG_LINE_MAX bytes: long values are cut. Logging never fails and never
 * waits longer than a moment: a log that cannot be written changes no result;
 * what a file or standard error does not take goes to syslog, and once, before
 * it, the reason.
 * All lines of a process together wait at most a second for a log that is
 * full; later ones are dropped at once. SIGPIPE must be ignored by the program.
 *
 * Included by submit/, transport/ and cmd/ only.
 */
#ifndef OS_LOG_H
#define OS_LOG_H

#include <sys/types.h>

#include "text/buf.h"

#define LOG_LINE_MAX 512

/* LOG_TO_, because syslog.h has a LOG_SYSLOG of its own. */
enum log_sink { LOG_TO_SYSLOG, LOG_TO_STDERR, LOG_TO_NONE, LOG_TO_FILE };

struct log_pair {
	const char *key;  /* NULL ends a list */
	struct str value; /* quoted if it is empty or has blanks, quotes or escapes */
};

/* Where lines go. path only for LOG_TO_FILE; tag is the program's name. Both
 * are copied. A file is opened anew for each line (made where missing, not
 * through a link), so it may be renamed at any time. Without log_open, and
 * after log_close, lines are dropped. */
void log_open(enum log_sink sink, bool json, const char *path, const char *tag);
/* Before lines are written: the file's mode if it must be made, 0: it is not to be
 * made by this process. As long as nothing is said, 0600. */
void log_file_mode(mode_t mode);
void log_close(void);
/* Lines for standard error are given to reader instead, as long as it takes them:
 * false, and they go to standard error itself. */
typedef bool log_reader(void *context, struct str line);
void log_read_by(log_reader *reader, void *context);
/* For a process that is about to give up opening files: keeps a log file open.
 * Lines still go to the name as long as that can be opened; when the file has
 * been renamed and a new one is out of reach they go where it went. */
void log_keep(void);

/* One line at that syslog level (LOG_INFO, LOG_WARNING ... of syslog.h):
 *   syslog  RFC 3164 to the system's socket, facility mail
 *   stderr  "TAG: " and the pairs, or the JSON object alone
 *   file    the time in UTC and the pairs, or the object with a "time" first
 * Keys are plain words of the program's own. errno is left alone. */
void log_event(int level, const struct log_pair *pairs);
/* A line with only msg="TEXT". */
void log_text(int level, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* The pairs alone, in at most LOG_LINE_MAX bytes and without a line end. Text
 * has \xHH for each byte outside 32..126, \" and \\; JSON keeps valid UTF-8 and
 * has \u00HH for control characters and for each byte that is not UTF-8. Too
 * long: the longest values are cut, at whole characters; pairs at the end are
 * left out only if the keys alone are too long. False if out is full. */
bool log_format(struct buf *out, bool json, const struct log_pair *pairs)
    __attribute__((warn_unused_result));

/* Does anybody listen where syslog lines go? */
bool log_has_syslog(void);

/* Tests: the socket to use for the system's log; NULL gives back the usual. */
void log_test_socket(const char *path);

#endif
