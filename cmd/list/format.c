/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cmd/list/format.h"

#include <stdio.h>
#include <time.h>

void format_time(char to[FORMAT_TIME], int64_t wall)
{
	time_t t = (time_t)wall;
	struct tm tm;
	if (!localtime_r(&t, &tm) || strftime(to, FORMAT_TIME, "%a %b %e %H:%M:%S", &tm) == 0)
		snprintf(to, FORMAT_TIME, "%-19s", "(no date)");
}

void format_age(char to[FORMAT_TIME], int64_t seconds)
{
	long long s = seconds > 0 ? seconds : 0;
	if (s < 60)
		snprintf(to, FORMAT_TIME, "%llds", s);
	else if (s < 3600)
		snprintf(to, FORMAT_TIME, "%lldm", s / 60);
	else if (s < 2 * 86400)
		snprintf(to, FORMAT_TIME, "%lldh", s / 3600);
	else
		snprintf(to, FORMAT_TIME, "%lldd", s / 86400);
}

const char *format_plural(uint64_t n)
{
	return n == 1 ? "" : "s";
}

unsigned long long format_kbytes(uint64_t bytes)
{
	return bytes / 1024 + (bytes % 1024 >= 512);
}

static bool add_printable(struct buf *out, struct str s, bool double_backslash)
{
	size_t from = 0;
	for (size_t i = 0; i < s.len; i++) {
		unsigned char c = (unsigned char)s.at[i];
		bool clean = c >= 32 && c < 127;
		if (clean && !(c == '\\' && double_backslash))
			continue;
		if (!buf_add(out, s.at + from, i - from) ||
		    !(clean ? buf_add_str(out, STR("\\\\")) : buf_addf(out, "\\x%02X", c)))
			return false;
		from = i + 1;
	}
	return buf_add_str(out, str_from(s, from));
}

bool format_add(struct buf *out, struct str s)
{
	return add_printable(out, s, true);
}

bool format_add_reason(struct buf *out, struct str s)
{
	return add_printable(out, s, false);
}

const char *format_sender(const struct envelope *e)
{
	return e->sender[0] ? e->sender : "MAILER-DAEMON";
}

const char *format_state(enum rcpt_state state)
{
	switch (state) {
	case RCPT_WAITING:
		return "waiting";
	case RCPT_DELIVERED:
		return "delivered";
	case RCPT_FAILED:
		return "failed";
	}
	return "waiting";
}

void format_reason(const struct rcpt *r, bool failed, char to[VERDICT_LINE_MAX])
{
	if (failed && r->state == RCPT_WAITING)
		snprintf(to, VERDICT_LINE_MAX,
		         "kept, for the configuration was faulty; flushq --retry puts it back");
	else
		rcpt_reason(r, to);
}
