/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "conf/settings_note.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "text/codec.h"

#define PATH_SHOWN_MAX 4096

static void add(struct settings_notes *n, bool warning, size_t line, const char *format,
                va_list args) __attribute__((format(printf, 4, 0)));

/* Through a struct fault, which makes one printable line of everything. */
static void add(struct settings_notes *n, bool warning, size_t line, const char *format,
                va_list args)
{
	struct fault f = FAULT_INIT;
	char text[2 * FAULT_TEXT_MAX];
	if (vsnprintf(text, sizeof(text), format, args) < 0)
		text[0] = '\0';
	fault_set(&f, FAULT_CONFIG, "%s", text);
	n->faulty = n->faulty || !warning;
	n->found = mem_grow(n->found, &n->found_cap, n->found_count + 1, sizeof(*n->found));
	size_t at = n->found_count++;
	for (; at > 0 && n->found[at - 1].line > line; at--)
		n->found[at] = n->found[at - 1];
	n->found[at] = (struct settings_found){line, warning, mem_copy(str_of(f.text))};
}

void settings_fault(struct settings_notes *n, size_t line, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	add(n, false, line, format, args);
	va_end(args);
}

void settings_warning(struct settings_notes *n, size_t line, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	add(n, true, line, format, args);
	va_end(args);
}

void settings_tell(struct settings_notes *n)
{
	char name[PATH_SHOWN_MAX];
	codec_printable(name, sizeof(name), str_of(n->name));
	for (size_t i = 0; i < n->found_count; i++) {
		const struct settings_found *found = &n->found[i];
		char *whole = mem_printf("%s:%zu: %s", name, found->line, found->text);
		n->note(n->context, found->warning, whole);
		free(whole);
		free(found->text);
	}
	free(n->found);
	n->found = NULL;
	n->found_count = n->found_cap = 0;
}
