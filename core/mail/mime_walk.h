/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * mime_walk - the parts of a message, found while it goes by
 *
 * Fed with the final form in pieces of any size, calls a hook for each thing
 * it meets, in order. Both passes of mail/mime walk the same way, so a part
 * has the same number in both. Nothing is kept but the open multiparts and,
 * in a header, one field (HEADER_MAX bytes, else FAULT_DATA).
 *
 * A boundary is a whole line: "--", the boundary of any open multipart, "--"
 * if it is the last one, blanks. The innermost multipart is asked first; a
 * match further out ends all those inside. A part that nothing may be changed
 * in, or that cannot be read, is not walked into: it is one leaf with a lock.
 */
#ifndef MAIL_MIME_WALK_H
#define MAIL_MIME_WALK_H

#include <stdint.h>

#include "text/buf.h"
#include "text/fault.h"
#include "mail/mime_type.h"

/* Multiparts inside each other, and messages and multiparts together. */
#define MIME_DEPTH       100
#define MIME_DEPTH_TOTAL 200

/* Why a leaf must stay as it is. */
enum mime_lock {
	LOCK_NONE,
	LOCK_SIGNED,   /* multipart/signed */
	LOCK_BOUNDARY, /* a multipart without a usable boundary */
	LOCK_DEEP,     /* deeper than the limits */
	LOCK_MESSAGE,  /* message/partial and others that allow no encoding */
	LOCK_PRIVATE,  /* x-token encoding */
};

struct mime_part {
	uint64_t number; /* 0 is the message itself, then in the order of the headers */
	bool message;    /* has the header of a message, not only that of a part */
	bool inner;      /* a multipart is around it */
	bool has_type;
	bool has_code;
	bool has_version;
	enum mime_type type;
	enum mime_code code;
	enum mime_lock lock;
	unsigned notes; /* for the owner of the hooks; 0 at first */
};

enum mime_head_end {
	HEAD_BLANK,   /* by the blank line */
	HEAD_BODY,    /* by a line that is no field: it is the first of the body */
	HEAD_NOTHING, /* by a boundary or the end: there is no body */
};

struct mime_hooks {
	/* One field as it came, folds in it, no line end behind it. */
	bool (*field)(void *context, struct mime_part *p, struct str raw, struct fault *f);
	bool (*head_end)(void *context, struct mime_part *p, enum mime_head_end how,
	                 struct fault *f);
	/* Bytes of a leaf, line ends in them. */
	bool (*body)(void *context, struct mime_part *p, struct str bytes, struct fault *f);
	/* Bytes before the first part of a multipart, p (then first is true), or
	 * behind the last of one that is closed already (p is NULL). */
	bool (*filler)(void *context, struct mime_part *p, struct str bytes, struct fault *f);
	/* A whole boundary line with its line end. Comes behind the close of what it ends. */
	bool (*boundary)(void *context, struct str line, struct fault *f);
	/* A part is over. outer: the one around it, or NULL. */
	bool (*close)(void *context, struct mime_part *p, struct mime_part *outer,
	              struct fault *f);
};

struct mime_walk;

struct mime_walk *mime_walk_new(const struct mime_hooks *hooks, void *context);
void mime_walk_free(struct mime_walk *w);
bool mime_walk_feed(struct mime_walk *w, struct str bytes, struct fault *f)
    __attribute__((warn_unused_result));
/* End of the message: closes everything. Then the walk is at its beginning again. */
bool mime_walk_end(struct mime_walk *w, struct fault *f) __attribute__((warn_unused_result));

#endif
