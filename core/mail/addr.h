/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * addr - mailboxes and address lists (RFC 5321 section 4.1.2, RFC 5322 section 3.4)
 *
 * One parser for operands, options, header fields and aliases. It accepts what
 * callers really write: display names (quoted, bare, RFC 2047), comments
 * anywhere, groups, empty elements, ";" and line folds between addresses,
 * source routes (dropped), "host!user" (a local-part), bare local names, dots
 * in a row in a local-part (quoted on the wire), domain literals (checked).
 * No recursion; comments nest at most 100 deep.
 *
 * A domain of UTF-8 labels is kept as it is; the A-label is made by the
 * transport. Limits (RFC 5321 section 4.5.3.1): local-part 64 bytes on the
 * strict side, 256 accepted; domain 255; whole 320. Control bytes, unbalanced
 * brackets or quotes, empty local-parts or domains are FAULT_DATA.
 */
#ifndef MAIL_ADDR_H
#define MAIL_ADDR_H

#include "text/buf.h"
#include "text/fault.h"

#define ADDR_MAX 320

/* One address of a list; views are good during the call only. */
struct addr {
	struct str mailbox; /* wire form: quoted where needed, "@", domain if it has one */
	bool bare;          /* no domain */
	bool escaped;       /* it was written \name: no alias is to be looked up */
	/* Display name with quotes undone, the first comment if there is none; may
	 * be empty. RFC 2047 words are left as they are. */
	struct str name;
	struct str source; /* the whole element in the input, blanks at the ends off */
	/* The addr-spec or bare name inside the input: "@domain" can be put behind it
	 * (or, if escaped, the mailbox in its place). */
	struct str spec;
	bool in_group;
	bool angle; /* it stood between < and > */
	/* Words with no address of their own stood beside it, which are its name: what
	 * should have been "name" <spec>. Only addr_parse_header gives those. */
	bool loose;
};

/* Called for each address in order; false stops and is passed on. */
typedef bool addr_each(void *context, const struct addr *a, struct fault *f);

/* Parses a whole list. An empty list (or only empty groups) is true without a call. */
bool addr_parse_list(struct str text, addr_each *each, void *context, struct fault *f)
    __attribute__((warn_unused_result));

/* The same for a field of a header, where people write names without quotes: of
 * an element between commas in which there are an address with a domain and
 * other words ("Backup Server root@localhost") the address is taken, the words
 * are its name. Elsewhere that is refused: nobody knows who was meant. So is, here
 * too, what may be one address with a comment in it ("a@b(c)x.example"). */
bool addr_parse_header(struct str text, addr_each *each, void *context, struct fault *f)
    __attribute__((warn_unused_result));

/* Exactly one address, as -f takes it: "a@b", "<a@b>", "Name <a@b>"; "" and
 * "<>" give an empty mailbox. The wire form is added to out. */
bool addr_parse_one(struct str text, struct buf *out, struct fault *f)
    __attribute__((warn_unused_result));

/* Parts of a wire-form mailbox: views into it. The domain is empty if bare. */
struct str addr_local(struct str mailbox);
struct str addr_domain(struct str mailbox);

/* Adds mailbox, with "@domain" behind it if it is bare. */
bool addr_qualify(struct buf *out, struct str mailbox, struct str domain)
    __attribute__((warn_unused_result));

/* Adds a local-part in wire form: quoted if it is no dot-string. */
bool addr_add_local(struct buf *out, struct str text) __attribute__((warn_unused_result));

/* Is text a domain name or literal as RFC 5321 has it (UTF-8 labels allowed)? */
bool addr_is_domain(struct str text);

/* Can the mailbox stand between angle brackets in a command as it is, without
 * becoming more than one path? For what comes from a file: every address that
 * the parser gave out can. */
bool addr_is_wire(struct str mailbox);

/* Where the first of these specials is at or behind at, for those who walk over a list:
 * one in a quoted string, a comment, a domain literal or a pair does not count, nor one
 * between angle brackets. text.len if there is none. */
size_t addr_find(struct str text, size_t at, const char *specials);

/* Does the mailbox match the pattern? "*" matches any run of bytes; domain
 * without case. "*@work.example", "root@*", "work.example" (a domain alone). */
bool addr_matches(struct str mailbox, struct str pattern);
/* The same for a local-part alone. */
bool addr_local_matches(struct str local, struct str pattern);

#endif
