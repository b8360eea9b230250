/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cmd/send/check_table.h"

#include <stdarg.h>
#include <stdio.h>

#include "text/codec.h"

#define TEXT_MAX 2048

__attribute__((format(printf, 3, 0))) static void print_row(const char *step, int64_t ms,
                                                            const char *format, va_list args)
{
	char text[TEXT_MAX];
	if (vsnprintf(text, sizeof(text), format, args) <= 0)
		return;
	char line[TEXT_MAX];
	codec_one_line(line, sizeof(line), str_of(text));
	if (!step)
		printf("%s\n", line);
	else if (ms >= 0)
		printf("  %-12s %6lld ms  %s\n", step, (long long)ms, line);
	else
		printf("  %-12s %9s  %s\n", step, "", line);
}

void check_table_head(const char *format, ...)
{
	va_list args;
	va_start(args, format);
	print_row(NULL, -1, format, args);
	va_end(args);
}

void check_table_row(const char *step, int64_t ms, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	print_row(step, ms, format, args);
	va_end(args);
	/* A person looks on, and the next step may take long. */
	fflush(stdout);
}

void check_table_advice(const char *format, ...)
{
	va_list args;
	va_start(args, format);
	print_row("to do", -1, format, args);
	va_end(args);
}
