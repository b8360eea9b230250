/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cmd/args.h"

#include <string.h>

#include "text/buf.h"

static const struct args_row *row_of_letter(const struct args_table *t, char letter)
{
	for (size_t i = 0; i < t->count; i++)
		if (t->rows[i].letter == letter)
			return &t->rows[i];
	return NULL;
}

static const struct args_row *row_of_name(const struct args_table *t, struct str name)
{
	for (size_t i = 0; i < t->count; i++)
		if (t->rows[i].name && str_eq(str_of(t->rows[i].name), name))
			return &t->rows[i];
	return NULL;
}

static bool missing(const struct args *a, const char *option, struct fault *f)
{
	if (!a->table->classic)
		return fault_set(f, FAULT_USAGE, "%s needs an argument (%s)", option,
		                 a->row->argument);
	if (option[1] == '-')
		return fault_set(f, FAULT_USAGE, "%s requires an argument", option);
	return fault_set(f, FAULT_USAGE, "option requires an argument -- %s", option + 1);
}

/* What is attached, or else the next word where the option wants one. */
static bool take(struct args *a, const char *option, const char *attached, struct fault *f)
{
	a->argument = attached;
	if (attached || a->row->takes != ARGS_ARGUMENT)
		return true;
	if (a->at >= a->argc)
		return missing(a, option, f);
	a->argument = a->argv[a->at++];
	return true;
}

static bool next_letter(struct args *a, struct fault *f)
{
	const char option[] = {'-', *a->letters++, '\0'};
	const char *rest = *a->letters ? a->letters : NULL;
	a->row = row_of_letter(a->table, option[1]);
	if (!a->row)
		return fault_set(f, FAULT_USAGE,
		                 a->table->classic ? "illegal option -- %s"
		                                   : "unknown option -%s",
		                 option + 1);
	if (a->row->takes == ARGS_NOTHING) {
		a->letters = rest;
		return true;
	}
	a->letters = NULL;
	return take(a, option, rest, f);
}

static bool next_name(struct args *a, const char *word, struct fault *f)
{
	size_t len = strcspn(word, "=");
	const char *attached = word[len] ? word + len + 1 : NULL;
	a->row = row_of_name(a->table, str_make(word, len));
	if (!a->row)
		return fault_set(f, FAULT_USAGE, "unknown option %s", word);
	if (a->row->takes == ARGS_ALONE && (attached || a->argc != 2))
		return fault_set(f, FAULT_USAGE, "%s must be the only argument", a->row->name);
	if (a->row->takes == ARGS_NOTHING && attached)
		return fault_set(f, FAULT_USAGE, "%s takes no argument", a->row->name);
	return take(a, a->row->name, attached, f);
}

bool args_next(struct args *a, struct fault *f)
{
	a->row = NULL;
	a->argument = NULL;
	if (a->letters)
		return next_letter(a, f);
	const char *word = a->at < a->argc ? a->argv[a->at] : "";
	if (word[0] != '-' || !word[1])
		return true;
	a->at++;
	if (word[1] == '-')
		return !word[2] || next_name(a, word, f);
	a->letters = word + 1;
	return next_letter(a, f);
}

bool args_printable(int argc, char *const *argv, struct fault *f)
{
	for (int i = 1; i < argc; i++)
		for (const char *c = argv[i]; *c; c++)
			if (((unsigned char)*c < 32 && *c != '\t') || *c == 127)
				return fault_set(f, FAULT_USAGE,
				                 "argument %d has a control byte (code %d)", i,
				                 *c);
	return true;
}

void args_help(const struct args_table *t, FILE *out)
{
	for (size_t i = 0; i < t->count; i++) {
		const struct args_row *r = &t->rows[i];
		if (!r->letter && !r->name) {
			fprintf(out, "\n%s\n", r->what);
			continue;
		}
		char left[64];
		int n = 0;
		if (r->letter)
			n = snprintf(left, sizeof(left), "-%c%s", r->letter,
			             r->name ? ", " : "");
		snprintf(left + n, sizeof(left) - (size_t)n, "%s%s%s", r->name ? r->name : "",
		         r->takes == ARGS_ARGUMENT ? " " : "", r->argument ? r->argument : "");
		fprintf(out, "  %-*s%s%s\n", t->column, left, t->column > 0 ? " " : "\t",
		        r->what);
	}
}
