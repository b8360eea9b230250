/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * wire - the final form as it goes over the network
 *
 * Dot-stuffing for DATA (RFC 5321 section 4.5.2) in pieces of any size, and
 * the frame around BDAT chunks (RFC 3030). The input has only CRLF line ends
 * (mail/message sees to that); a bare CR or LF here would be a defect and is
 * FAULT_DATA, so that nothing can end the data early whatever went wrong above.
 */
#ifndef SMTP_WIRE_H
#define SMTP_WIRE_H

#include <stdint.h>

#include "text/buf.h"
#include "text/fault.h"

struct wire {
	bool line_start; /* private */
	bool cr;         /* private: the last byte was a CR */
};

void wire_init(struct wire *w);
/* Adds the stuffed form of bytes to out. */
bool wire_data(struct wire *w, struct str bytes, struct buf *out, struct fault *f)
    __attribute__((warn_unused_result));
/* Adds what ends the data: CRLF if the last line had none, then "." CRLF. */
bool wire_end(struct wire *w, struct buf *out, struct fault *f)
    __attribute__((warn_unused_result));

/* The command in front of a chunk of that many bytes (RFC 3030 section 2). */
bool wire_bdat(struct buf *out, uint64_t size, bool last, struct fault *f)
    __attribute__((warn_unused_result));

#endif
