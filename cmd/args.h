/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * args - the words of a command line, by a table of options
 *
 * One table row an option: a letter, a name, or both. Letters may be clustered, arguments be
 * attached or separate ("--name=ARGUMENT" too); scanning stops at the first operand, which
 * "-" is too, and behind "--". Names are not abbreviated: a script that relied on that would
 * break with the next option.
 *
 * What an option does is not known here: the row has two numbers of its program's.
 *
 *   struct args a = {.table = &table, .argc = argc, .argv = argv, .at = 1};
 *   do {
 *           if (!args_next(&a, f) || (a.row && !apply(call, &a, f)))
 *                   return false;
 *   } while (a.row);
 */
#ifndef CMD_ARGS_H
#define CMD_ARGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "text/fault.h"

enum args_takes {
	ARGS_NOTHING,
	ARGS_ARGUMENT, /* attached, or the next word, whatever that is */
	ARGS_ATTACHED, /* only attached, may be missing */
	ARGS_ALONE,    /* of a name: nothing, and it must be the only argument */
};

struct args_row {
	char letter;      /* 0: none */
	const char *name; /* with its dashes, or NULL */
	enum args_takes takes;
	const char *argument; /* how --help calls it; NULL: none is taken */
	int option;           /* the program's own: which it is, and what goes with that */
	int value;
	const char *what; /* what it does, or why it is ignored */
};

/* A line between the rows of --help. */
#define ARGS_HEADING(text)                                \
	{                                                 \
		0, NULL, ARGS_NOTHING, NULL, 0, 0, (text) \
	}

struct args_table {
	const struct args_row *rows;
	size_t count;
	bool classic; /* says what is wrong in the words of getopt(3) */
	int column;   /* of --help: how wide the options are; 0: a tab ends them */
};

/* A command line, how far it has been read, and what was found last. */
struct args {
	const struct args_table *table;
	int argc;
	char *const *argv;   /* borrowed */
	int at;              /* the next word; in the end the first operand, or argc or more */
	const char *letters; /* what is left of a cluster, or NULL */
	const struct args_row *row; /* the option, or NULL: none is left */
	const char *argument;       /* the option's, in argv, or NULL */
};

/* The next option. FAULT_USAGE for one that the table does not have, and for an argument that
 * is missing or too much. */
bool args_next(struct args *a, struct fault *f) __attribute__((warn_unused_result));

/* No word of the command line holds a control byte: else FAULT_USAGE, in a text
 * that shows none of it. */
bool args_printable(int argc, char *const *argv, struct fault *f)
    __attribute__((warn_unused_result));

/* A line a row, "  -x, --name ARG  what": for --help, and for who checks the manual by that. */
void args_help(const struct args_table *t, FILE *out);

#endif
