/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * line - a byte stream cut into lines, whatever their ends
 *
 * The only place where line ends are decided. Input is fed in pieces of any
 * size; output is pieces of lines without their ends, with flags for where a
 * line begins and ends. Nothing is kept but a few bits, so a line may be of
 * any length.
 *
 *   LF, CRLF, CR CR ... LF   one line end
 *   other CR                 in the body a line end, in the header a blank
 *   NUL                      dropped
 *   last line without an end given one
 *
 * No CR, LF or NUL is ever passed on.
 */
#ifndef MAIL_LINE_H
#define MAIL_LINE_H

#include <stdint.h>

#include "text/buf.h"
#include "text/fault.h"

enum line_flag { LINE_BEGINS = 1, LINE_ENDS = 2 };

/* Gets each piece; may be empty. False stops the feed and is passed on. */
typedef bool line_sink(void *context, struct str piece, unsigned flags, struct fault *f);

struct line {
	line_sink *sink;
	void *context;
	bool header;  /* the owner's: bare CR is a blank. The sink may change it */
	bool open;    /* private: a line has begun and not ended */
	uint64_t crs; /* private: CRs seen and not yet decided */
};

void line_init(struct line *l, line_sink *sink, void *context);
bool line_feed(struct line *l, struct str bytes, struct fault *f)
    __attribute__((warn_unused_result));
/* End of the input: a CR or a line still open is ended. */
bool line_end(struct line *l, struct fault *f) __attribute__((warn_unused_result));

/* Where the lines of a body go that need no decision, each with CRLF for its end. */
struct line_copy {
	char *to;         /* where the next byte goes */
	uint64_t len;     /* of the line that is open */
	uint64_t longest; /* of the lines that have ended, without CRLF */
	bool has_8bit;    /* some byte was over 127 */
	bool stops_at_dots;
};

/* The way of a body without a sink, at the speed of memory: takes bytes to what is to be
 * decided (a CR without LF, a NUL, with stops_at_dots a line that begins with a dot; in the
 * header, and behind a CR, all is), and returns how many. line_feed is for what comes then,
 * of which c knows nothing. At c->to there is room for twice the bytes. */
size_t line_copy(struct line *l, struct str bytes, struct line_copy *c);

#endif
