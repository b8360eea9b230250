/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * alias - the aliases file and its expansion
 *
 * The usual grammar: "name: value, value", continuation lines begin with a
 * blank, "#" comments, quoted names; names compared without case. Values are
 * addresses (mail/addr). A value that is a program ("|..."), a file ("/...")
 * or ":include:" is never followed: it is reported as a warning and skipped.
 * A name with no value left is no alias: its mail goes where it would go
 * without the line, and is not lost. Of two lines with one name the first counts.
 * "*" and "default" stand for all names that have no line, also for those that an
 * alias leads to.
 * Expansion is bounded: each name once, at most ALIAS_MAX results.
 */
#ifndef MAIL_ALIAS_H
#define MAIL_ALIAS_H

#include "text/buf.h"
#include "text/fault.h"

#define ALIAS_MAX 200000

struct alias;

/* One warning: a value refused or a line that cannot be read. */
typedef void alias_warn(void *context, size_t line, const char *text);
typedef bool alias_each(void *context, struct str mailbox, struct fault *f);

/* Parses the text of a file (copied). Bad lines are warned about and skipped;
 * warn may be NULL. */
struct alias *alias_parse(struct str text, alias_warn *warn, void *context);
void alias_free(struct alias *a);

/* Values with a domain that is ours become as good as bare: an alias of their
 * local-part is followed. */
typedef bool alias_ours(const void *context, struct str mailbox);
void alias_follow(struct alias *a, alias_ours *ours, const void *context);

/* Is name, a bare mailbox in wire form, an alias, or is there one for all? a may be NULL. */
bool alias_has(const struct alias *a, struct str name);

/* Calls each for every address name stands for, through nested aliases and
 * loops (a name that leads back to itself stands for itself: "root: root, a@x"
 * gives root and a@x). Bare results have no alias that is still to be followed.
 * An address may come more than once. a may be NULL: gives name. */
bool alias_expand(const struct alias *a, struct str name, alias_each *each, void *context,
                  struct fault *f) __attribute__((warn_unused_result));

#endif
