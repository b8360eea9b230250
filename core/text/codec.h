/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * codec - small encodings, and handling of secret bytes
 *
 * base64 (RFC 4648, no line breaks), xtext (RFC 3461 section 4), percent (RFC 3986
 * section 2.1), hexadecimal, a comparison in constant time, a wipe that the compiler
 * keeps, and the escaper through which every foreign byte goes before a person or a log
 * sees it.
 */
#ifndef TEXT_CODEC_H
#define TEXT_CODEC_H

#include <stdint.h>

#include "text/buf.h"

/* Each of these adds to out; when it returns false (out is full, s is
 * malformed) out is as before, though the memory behind its end may hold bytes. */

/* Adds the base64 of s to out; false if out is full. */
bool codec_base64(struct buf *out, struct str s) __attribute__((warn_unused_result));
/* Strict: whole quads, padding only at the end, no other characters, unused bits 0. */
bool codec_unbase64(struct buf *out, struct str s) __attribute__((warn_unused_result));

/* RFC 3461 xtext: "+" and "=" and anything outside 33..126 as +HH. */
bool codec_xtext(struct buf *out, struct str s) __attribute__((warn_unused_result));
bool codec_unxtext(struct buf *out, struct str s) __attribute__((warn_unused_result));
bool codec_is_xtext(struct str s); /* is it valid xtext already? */

/* Letters, digits and the characters of plain stand for themselves, all else is %HH. */
bool codec_percent(struct buf *out, struct str s, const char *plain)
    __attribute__((warn_unused_result));

/* Upper case; back from either case. */
int codec_hex_value(char digit); /* of either case; -1: it is none */
bool codec_hex(struct buf *out, struct str s) __attribute__((warn_unused_result));
bool codec_unhex(struct buf *out, struct str s) __attribute__((warn_unused_result));

/* True if equal; takes time that depends on the lengths only. */
bool codec_same_secret(struct str a, struct str b);
void codec_wipe(void *at, size_t len);

/* Writes s into to (size bytes, NUL included) as printable ASCII: bytes
 * outside 32..126 as \xHH, a backslash doubled; cut at a whole escape if too
 * long. Returns the length written. */
size_t codec_printable(char *to, size_t size, struct str s);
/* The same, but a backslash is left alone: for texts made of texts that are
 * escaped already, which a second time would garble. */
size_t codec_one_line(char *to, size_t size, struct str s);

/* Bytes of the UTF-8 character at the start of s (RFC 3629 section 4): 1 to 4,
 * or 0 if it is malformed or cut, or s is empty. */
size_t codec_utf8_len(struct str s);
/* Does s begin with U+0080 to U+009F, written in UTF-8? Some terminals take commands from
 * these, as from the bytes 1 to 31. */
bool codec_is_c1(struct str s);
/* Is s valid UTF-8 (RFC 3629: no overlong forms, no surrogates)? Plain ASCII is. */
bool codec_is_utf8(struct str s);
bool codec_is_ascii(struct str s); /* only bytes 1..127 */
/* How many bytes over 127 it has; has it any? */
size_t codec_count_8bit(struct str s);
bool codec_has_8bit(struct str s);

#endif
