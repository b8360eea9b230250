/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "text/fault.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>

#include "text/buf.h"
#include "text/codec.h"

#define TEXT_LONG (4 * FAULT_TEXT_MAX) /* before it is cut */

__attribute__((format(printf, 2, 0))) static void format_long(char *to, const char *format,
                                                              va_list args)
{
	if (vsnprintf(to, TEXT_LONG, format, args) < 0)
		to[0] = '\0';
}

/* facts with that text. Formatted first, for it may be made of what *f says now. */
__attribute__((format(printf, 3, 0))) static void fill(struct fault *f, struct fault facts,
                                                       const char *format, va_list args)
{
	char text[TEXT_LONG];
	format_long(text, format, args);
	*f = facts;
	codec_one_line(f->text, sizeof(f->text), str_of(text));
}

bool fault_set(struct fault *f, enum fault_kind kind, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	fill(f, (struct fault){.kind = kind}, format, args);
	va_end(args);
	return false;
}

bool fault_sys(struct fault *f, enum fault_kind kind, int sys, const char *format, ...)
{
	const char *reason = strerror(sys);
	va_list args;
	va_start(args, format);
	char text[TEXT_LONG];
	format_long(text, format, args);
	va_end(args);
	*f = (struct fault){.kind = kind, .sys = sys};
	/* The reason is worth more than the end of a long name. */
	struct str tail = str_first(str_of(reason), FAULT_TEXT_MAX / 2);
	codec_one_line(f->text, sizeof(f->text) - tail.len - 2, str_of(text));
	size_t len = strlen(f->text);
	snprintf(text, sizeof(text), ": %.*s", STR_FMT(tail));
	codec_one_line(f->text + len, sizeof(f->text) - len, str_of(text));
	return false;
}

bool fault_reply(struct fault *f, enum fault_kind kind, int code, const char *status,
                 const char *format, ...)
{
	struct fault facts = {.kind = kind, .code = code};
	codec_one_line(facts.status, sizeof(facts.status), str_of(status ? status : ""));
	va_list args;
	va_start(args, format);
	fill(f, facts, format, args);
	va_end(args);
	return false;
}

bool fault_text(struct fault *f, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	fill(f, *f, format, args);
	va_end(args);
	return false;
}

bool fault_cause(struct fault *f, enum cause cause)
{
	if (f->cause == CAUSE_NONE)
		f->cause = cause;
	return false;
}

bool fault_prefix(struct fault *f, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	char text[TEXT_LONG];
	format_long(text, format, args);
	va_end(args);
	char whole[TEXT_LONG + FAULT_TEXT_MAX + 2];
	snprintf(whole, sizeof(whole), "%s: %s", text, f->text);
	codec_one_line(f->text, sizeof(f->text), str_of(whole));
	return false;
}

int fault_exit(enum fault_kind kind)
{
	switch (kind) {
	case FAULT_NONE:
		return EX_OK;
	case FAULT_USAGE:
		return EX_USAGE;
	case FAULT_DATA:
		return EX_DATAERR;
	case FAULT_NOINPUT:
		return EX_NOINPUT;
	case FAULT_NOUSER:
		return EX_NOUSER;
	case FAULT_REFUSED:
		return EX_UNAVAILABLE;
	case FAULT_SYSTEM:
		return EX_OSERR;
	case FAULT_CREATE:
		return EX_CANTCREAT;
	case FAULT_IO:
		return EX_IOERR;
	case FAULT_NOPERM:
		return EX_NOPERM;
	case FAULT_CONFIG:
		return EX_CONFIG;
	case FAULT_TEMP:
	case FAULT_RELAY:
	case FAULT_PROTOCOL:
		return EX_TEMPFAIL;
	}
	return EX_TEMPFAIL;
}

int fault_worse(int a, int b)
{
	return a > b ? a : b;
}
