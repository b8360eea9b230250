/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cmd/send/check_here.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <time.h>
#include <unistd.h>

#include "os/clock.h"
#include "os/file.h"
#include "os/log.h"
#include "cmd/place_access.h"
#include "cmd/send/check_hold.h"
#include "cmd/send/check_table.h"
#include "cmd/with_tls.h"
#include "cmd/list/format.h"
#include "hold/counters.h"

#define POST        POSTERN_LIBEXECDIR "/post"
#define LINES_SHOWN 10    /* of the aliases that are refused */
#define FUTURE_S    60    /* what a clock may be behind what it has written */
#define BUILT_S     86400 /* the same of when a program was made: a time zone */
#define FLUSH_S     1800  /* due mail, and nobody has flushed for so long */

/* What the rows share. */
struct sight {
	struct place *place;
	struct check_hold held;
	struct counters counters;
	int64_t now;
	bool ok;
};

static void fail(struct sight *s, const char *step, const char *text)
{
	s->ok = false;
	check_table_row("FAILED", -1, "%s: %s", step, text);
}

/* sendmail runs as whoever calls it. */
static void check_config(struct sight *s)
{
	const char *path = s->place->config_path;
	struct stat st;
	if (s->place->personal || stat(path, &st) != 0 || (st.st_mode & S_IROTH) != 0)
		return;
	s->ok = false;
	check_table_row("FAILED", -1,
	                "%s: mode %04o: mail of those who cannot read it is not sent", path,
	                (unsigned)st.st_mode & 07777);
	check_table_advice("it holds no password: chmod 644 %s", path);
}

static bool is_full(const char *name)
{
	struct str s = str_of(name);
	bool local = str_caseeq(s, STR("localhost")) || str_casestarts(s, STR("localhost."));
	return str_starts(s, STR("[")) || (str_find(s, '.') != STR_NONE && !local);
}

static const char *name_source(const struct place *p)
{
	const struct hostname *found = &p->host.found;
	bool beside = found->canonical[0] && strcmp(p->hostname, found->own) != 0;
	if (p->config.hostname)
		return "hostname in [mail]";
	if (found->asked)
		return beside ? "the resolver" : "the system; the resolver tells no full one";
	return beside ? "/etc/hosts" : "the system";
}

static void check_name(struct sight *s, int64_t ms)
{
	const struct place *p = s->place;
	const char *from = name_source(p);
	if (is_full(p->hostname)) {
		check_table_row("host name", ms, "%s (from %s); bare names get @%s",
		                p->hostname, from, p->host.domain);
		return;
	}
	s->ok = false;
	check_table_row("FAILED", ms,
	                "host name: %s (from %s) is no full name: servers are told our address "
	                "instead, and bare names get @%s",
	                p->hostname, from, p->host.domain);
	if (p->config.hostname)
		check_table_advice("give hostname in [mail] its full name, or remove it");
	else
		check_table_advice(
		    "set hostname in [mail], or put a full name in front of %s in /etc/hosts",
		    p->host.found.own);
}

static void check_senders(const struct sight *s)
{
	const struct settings *c = &s->place->config;
	if (c->sender_count > 0)
		check_table_row("senders", -1, "%zu row%s in [senders]", c->sender_count,
		                c->sender_count == 1 ? "" : "s");
}

/* post */

static const char *bad_post(char advice[256])
{
	const struct group *gr = getgrnam(POSTERN_GROUP);
	snprintf(advice, 256, "chgrp " POSTERN_GROUP " %s && chmod 2755 %s", POST, POST);
	struct stat st;
	if (stat(POST, &st) != 0) {
		snprintf(advice, 256, "make install puts it there");
		return strerror(errno);
	}
	if (!gr || st.st_gid != gr->gr_gid)
		return "it does not belong to the group " POSTERN_GROUP;
	if ((st.st_mode & S_ISGID) == 0)
		return "it has no set-gid bit";
	if ((st.st_mode & S_IXOTH) == 0)
		return "not everybody may run it";
	snprintf(advice, 256, "mount the file system of %s without nosuid", POST);
	struct statvfs fs;
	if (statvfs(POST, &fs) == 0 && (fs.f_flag & ST_NOSUID) != 0)
		return "its file system is mounted nosuid";
	return NULL;
}

/* For a user: does it let them in, or the service behind the socket? */
static void try_post(struct sight *s)
{
	struct post_client g;
	struct fault f = FAULT_INIT;
	int64_t begin = clock_mono_ms();
	bool open = post_client_open(&g, false, &f);
	post_client_close(&g);
	if (open)
		check_table_row("post", clock_mono_ms() - begin, "lets this user in");
	else
		fail(s, "post", f.text);
}

/* The way of those who may not open the hold; root needs none, but looks for them. */
static void check_post(struct sight *s)
{
	const struct place *p = s->place;
	if (p->personal) {
		check_table_row("post", -1, "not needed: the hold is the caller's own");
		return;
	}
	if (!place_may_act(p)) {
		try_post(s);
		return;
	}
	char advice[256];
	const char *bad = bad_post(advice);
	struct stat st;
	bool socket = stat(POSTERN_SOCKET, &st) == 0 && S_ISSOCK(st.st_mode);
	if (!bad) {
		check_table_row("post", -1, "%s: set-gid " POSTERN_GROUP "%s", POST,
		                socket ? ", and the socket is there" : "");
		return;
	}
	if (socket)
		check_table_row("warning", -1, "post: %s: %s; mail can be handed in at %s only",
		                POST, bad, POSTERN_SOCKET);
	else
		check_table_row("FAILED", -1, "post: %s: %s", POST, bad);
	s->ok = s->ok && socket;
	check_table_advice("%s", advice);
}

/* Log */

static void check_file(struct sight *s)
{
	const struct place *p = s->place;
	const char *path = p->config.log.file;
	struct fault f = FAULT_INIT, make = FAULT_INIT;
	int fd;
	if (file_open_append(AT_FDCWD, path, 0, &fd, &f)) {
		close(fd);
		check_table_row("log", -1, "%s can be written", path);
		return;
	}
	if (f.sys == ENOENT && (p->personal || p->owner) && check_can_make(path, &make)) {
		check_table_row("log", -1, "%s is made with the first line", path);
		return;
	}
	if (!p->personal && !place_may_act(p)) {
		check_table_row("log", -1, "%s: not for this user to see", path);
		return;
	}
	s->ok = false;
	check_table_row("FAILED", -1, "log: %s: what is logged goes to syslog instead",
	                make.text[0] ? make.text : f.text);
	if (p->personal)
		check_table_advice("name a file that you can write, with to in [log]");
	else
		check_table_advice("install -m 660 -o " POSTERN_USER " -g " POSTERN_GROUP
		                   " /dev/null %s, in a folder that " POSTERN_USER
		                   " can get to, or change to in [log]",
		                   path);
}

static void check_log(struct sight *s)
{
	switch (s->place->config.log.to) {
	case LOG_TO_FILE:
		check_file(s);
		break;
	case LOG_TO_SYSLOG:
		if (log_has_syslog()) {
			check_table_row("log", -1, "syslog, which is there");
			break;
		}
		check_table_row("warning", -1,
		                "log: nobody listens at /dev/log: what is logged is lost");
		check_table_advice(
		    "start a syslog, or set to in [log]: a file; stderr in a container");
		break;
	case LOG_TO_STDERR:
		check_table_row("log", -1, "standard error");
		break;
	case LOG_TO_NONE:
		check_table_row("log", -1, "none, as to in [log] says");
		break;
	}
}

/* Aliases */

struct refusals {
	const char *path;
	size_t count;
};

static void refused(void *context, size_t line, const char *text)
{
	struct refusals *r = context;
	if (++r->count <= LINES_SHOWN)
		check_table_row("warning", -1, "aliases: %s:%zu: %s", r->path, line, text);
}

static void check_aliases(struct sight *s)
{
	struct place *p = s->place;
	const char *path = p->config.aliases;
	struct refusals r = {path, 0};
	struct fault f = FAULT_INIT;
	if (!path) {
		check_table_row("aliases", -1, "none");
		return;
	}
	p->host.warn = refused;
	p->host.context = &r;
	bool ok = this_host_aliases(&p->host, &f);
	p->host.warn = NULL;
	struct stat st;
	if (!ok) {
		fail(s, "aliases", f.text);
		check_table_advice(
		    "everybody who sends has to be able to read it: chmod 644 %s", path);
	} else if (stat(path, &st) == 0) {
		check_table_row("aliases", -1, "%s", path);
	} else if (p->config.aliases_line > 0) {
		s->ok = false;
		check_table_row("FAILED", -1, "aliases: %s: %s", path, strerror(errno));
		check_table_advice("make it, or correct aliases in [mail]");
	} else {
		check_table_row("aliases", -1, "none: there is no %s", path);
	}
	if (r.count > LINES_SHOWN)
		check_table_row("warning", -1,
		                "aliases: %zu more lines; sendmail -bv shows them",
		                r.count - LINES_SHOWN);
	if (r.count > 0)
		check_table_advice("these lines count for nothing: mail goes to relays only");
}

/* Clock and flush */

/* When the youngest entry was made: its id tells. */
static int64_t youngest(const struct sight *s)
{
	int64_t last = 0;
	for (int room = HOLD_QUEUE; s->held.open && room <= HOLD_FAILED; room++) {
		hold_id *ids = NULL;
		size_t count = 0;
		struct fault f = FAULT_INIT;
		if (!hold_list(&s->held.hold, (enum hold_room)room, &ids, &count, &f))
			continue;
		for (size_t i = 0; i < count; i++) {
			char second[9];
			memcpy(second, ids[i], 8);
			second[8] = '\0';
			int64_t made = (int64_t)strtoull(second, NULL, 16);
			last = made > last ? made : last;
		}
		free(ids);
	}
	return last;
}

static void check_clock(struct sight *s)
{
	const struct counters *c = &s->counters;
	char when[64] = "?";
	const char *behind = NULL;
	struct tm tm;
	time_t now = (time_t)s->now;
	if (gmtime_r(&now, &tm))
		strftime(when, sizeof(when), "%Y-%m-%d %H:%M:%S UTC", &tm);
	struct stat program;
	if (stat("/proc/self/exe", &program) == 0 && s->now + BUILT_S < program.st_mtime)
		behind = "this program was made";
	else if (s->now + FUTURE_S < youngest(s))
		behind = "the youngest message here was taken";
	else if (s->now + FUTURE_S < c->last_flush || s->now + FUTURE_S < c->last_success)
		behind = "the last flush or delivery";
	if (!behind) {
		check_table_row("clock", -1, "%s", when);
		return;
	}
	s->ok = false;
	check_table_row("FAILED", -1, "clock: it says %s, which is before %s", when, behind);
	check_table_advice("set the clock: certificates and the age of mail are judged by it");
}

/* What waits in the hold. */
struct waiting {
	size_t held, due;
	int64_t since; /* the one that is due for longest */
};

static void look_at_held(struct sight *s, struct waiting *w)
{
	hold_id *ids = NULL;
	size_t count = 0;
	struct fault f = FAULT_INIT;
	if (!hold_list(&s->held.hold, HOLD_QUEUE, &ids, &count, &f))
		return;
	for (size_t i = 0; i < count; i++) {
		struct hold_entry he;
		struct entry_start start;
		if (!hold_peek(&s->held.hold, HOLD_QUEUE, ids[i], &he, &start))
			continue;
		const struct entry *e = &he.entry;
		int64_t since = e->next_try > e->created ? e->next_try : e->created;
		bool due = !e->frozen && since <= s->now;
		hold_release(&he);
		w->held++;
		if (!due)
			continue;
		w->due++;
		w->since = w->due == 1 || since < w->since ? since : w->since;
	}
	free(ids);
}

static void advise_flush(const struct place *p)
{
	char *flushq = with_tls_program(false);
	bool named = p->personal && p->config_path[0];
	const char *option = named ? " -C " : "", *path = named ? p->config_path : "";
	check_table_advice("to send it now: %s%s%s", flushq, option, path);
	if (p->personal)
		check_table_advice("a line for crontab -e: */5 * * * * %s%s%s", flushq, option,
		                   path);
	else
		check_table_advice(
		    "systemctl enable --now postern-flush.timer, or a line of cron: see "
		    "flushq(8)");
	free(flushq);
}

static void check_flush(struct sight *s)
{
	struct waiting w = {0};
	int64_t flushed = s->counters.last_flush;
	if (!s->held.open) {
		check_table_row("last flush", -1, "%s",
		                s->held.closed ? "not for this user to see"
		                               : "none to be seen");
		return;
	}
	look_at_held(s, &w);
	char ago[FORMAT_TIME];
	format_age(ago, s->now - flushed);
	char last[96];
	snprintf(last, sizeof(last), flushed > 0 ? "%s ago" : "none was seen yet", ago);
	char age[FORMAT_TIME];
	if (w.due > 0 && s->now - w.since > FLUSH_S && s->now - flushed > FLUSH_S) {
		format_age(age, s->now - w.since);
		s->ok = false;
		check_table_row("FAILED", -1,
		                "last flush: %s, and %zu message%s due, the oldest for %s",
		                last, w.due, w.due == 1 ? " is" : "s are", age);
		advise_flush(s->place);
		return;
	}
	check_table_row("last flush", -1, "%s; %zu held, %zu of them due", last, w.held, w.due);
}

/* Of these nothing more is heard, and after keep_failed they are gone. */
static void show_failed(struct sight *s)
{
	hold_id *ids = NULL;
	size_t count = 0;
	struct fault f = FAULT_INIT;
	if (s->held.open && hold_list(&s->held.hold, HOLD_FAILED, &ids, &count, &f) &&
	    count > 0)
		check_table_row("failed", -1, "%zu message%s: mailq --failed says why", count,
		                format_plural(count));
	free(ids);
}

bool check_here(struct place *p, int64_t names_ms)
{
	struct sight s = {.place = p, .now = clock_wall(), .ok = true};
	check_table_head("here: %s (%s mode)", p->config_path,
	                 p->personal ? "personal" : "system");
	check_config(&s);
	check_name(&s, names_ms);
	check_senders(&s);
	check_hold(p, &s.held);
	s.ok = s.ok && s.held.ok;
	check_post(&s);
	check_log(&s);
	check_aliases(&s);
	if (s.held.open)
		counters_read(&s.held.hold, &s.counters);
	check_clock(&s);
	check_flush(&s);
	show_failed(&s);
	if (s.held.open)
		hold_close(&s.held.hold);
	return s.ok;
}
