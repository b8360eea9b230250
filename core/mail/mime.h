/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * mime - 8-bit and over-long lines made fit for a plain server, streaming
 *
 * A filter between the entry and the wire: the final form goes in, a message
 * comes out that has no byte over 127 (when asked) and no line over 998
 * bytes. Each MIME leaf (RFC 2045, 2046) is looked at by itself: one that must
 * change becomes quoted-printable or base64 and says so, whatever it said; one
 * that is encoded already is only mended; all others pass byte for byte. A
 * message without MIME fields gets them (charset utf-8 if it is UTF-8, else
 * unknown-8bit). Multiparts and messages inside messages are never encoded
 * themselves (RFC 2045 section 6.4) but what is in them. 8-bit text in header
 * fields is encoded, too; between parts, where nobody reads, it becomes "?".
 *
 * Where nothing may be altered (in multipart/signed) or nothing can be (a
 * multipart without a boundary or more than 100 deep, message/partial, a
 * private encoding), needing it is FAULT_DATA with the reason.
 *
 * Two passes: mime_scan learns what the parts need (a leaf's header comes
 * before its body), mime_convert writes. Both are fed pieces of any size; the
 * output does not depend on them. All faults but the sink's come from the scan.
 */
#ifndef MAIL_MIME_H
#define MAIL_MIME_H

#include "text/buf.h"
#include "text/fault.h"

struct mime;

typedef bool mime_sink(void *context, struct str bytes, struct fault *f);

/* seven_bit: the server has no 8BITMIME. Over-long lines are always mended. */
struct mime *mime_new(bool seven_bit);
void mime_free(struct mime *m);

/* First pass: the whole message, then mime_scan_end. */
bool mime_scan(struct mime *m, struct str bytes, struct fault *f)
    __attribute__((warn_unused_result));
bool mime_scan_end(struct mime *m, struct fault *f) __attribute__((warn_unused_result));
/* Is anything to be changed? Valid after mime_scan_end. */
bool mime_needed(const struct mime *m);

/* Second pass: the same bytes again. It may be repeated after mime_convert_end. */
bool mime_convert(struct mime *m, struct str bytes, mime_sink *sink, void *context,
                  struct fault *f) __attribute__((warn_unused_result));
bool mime_convert_end(struct mime *m, mime_sink *sink, void *context, struct fault *f)
    __attribute__((warn_unused_result));

#endif
