/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "mail/encode.h"

#include "text/codec.h"
#include "mail/field_kind.h"
#include "mail/header_params.h"

/* What has no other form in ASCII, as =XX for each byte: always the same, so that a
 * Message-ID and the References to it still agree. In addresses of lists it is %XX, and in
 * fields of parts, where a "=" would end the type and hide a multipart. */
static bool add_clean(struct buf *out, struct str value, char escape)
{
	static const char digits[] = "0123456789ABCDEF";
	for (size_t i = 0; i < value.len; i++) {
		unsigned char c = (unsigned char)value.at[i];
		bool fits = c < 128 ? buf_add_char(out, value.at[i])
		                    : buf_add_char(out, escape) &&
		                          buf_add_char(out, digits[c >> 4]) &&
		                          buf_add_char(out, digits[c & 15]);
		if (!fits)
			return false;
	}
	return true;
}

static bool encode(struct header *h, size_t at, enum header_mailboxes how, char escape,
                   struct fault *f)
{
	const struct field *field = &h->fields[at];
	struct str name = header_name(field);
	struct str value = header_value(field);
	size_t first = field->name_len + 2;
	enum field_form form = field_kind(name)->form;
	bool unaddressed = form != FIELD_TEXT && form != FIELD_ADDRESSES;
	if (value.len == 0 || codec_is_ascii(value))
		return true;
	struct buf out;
	buf_init(&out, HEADER_MAX);
	struct buf clean;
	buf_init(&clean, HEADER_MAX);
	bool mailbox8, fits;
	if (form == FIELD_IDS)
		fits = buf_add_str(&out, value);
	else if (form == FIELD_PARAMS)
		fits = header_encode_params(&out, value);
	else if (form == FIELD_TEXT)
		fits = header_encode_text(&out, value, first);
	else
		fits = header_encode_addresses(&out, value, first,
		                               unaddressed ? MAILBOXES_KEPT : how, &mailbox8);
	value = buf_str(&out);
	if (fits && unaddressed && !codec_is_ascii(value)) {
		fits = add_clean(&clean, value, form == FIELD_LISTS ? '%' : escape);
		value = buf_str(&clean);
	}
	bool fine = fits ? header_set_value(h, at, value, f)
	                 : fault_set(f, FAULT_DATA, "%.*s: too long", STR_FMT(name));
	buf_release(&out);
	buf_release(&clean);
	return fine;
}

bool encode_field(struct header *h, size_t at, enum header_mailboxes how, struct fault *f)
{
	return encode(h, at, how, '=', f);
}

/* The fields of a header, each line with its end; up to the blank line. */
static bool take_apart(struct header *h, struct str text, struct fault *f)
{
	struct str line;
	while (str_cut(&text, '\n', &line) && !str_eq(line, STR("\r"))) {
		if (str_ends(line, STR("\r")))
			line.len--;
		if (!header_add_line(h, line, f))
			return false;
	}
	return true;
}

bool encode_part_needed(struct str raw, bool seven_bit)
{
	return (seven_bit && codec_has_8bit(raw)) || header_has_long_line(raw);
}

bool encode_part(struct buf *out, struct str raw, bool seven_bit, struct fault *f)
{
	struct header h;
	header_init(&h);
	bool fine = take_apart(&h, raw, f) &&
	            (!seven_bit || encode(&h, 0, MAILBOXES_ASCII, '%', f)) &&
	            header_fold(&h, 0, f);
	if (fine && !header_write(out, &h))
		fine = fault_set(f, FAULT_DATA, "a header field of a MIME part is too long");
	header_release(&h);
	return fine;
}

/* A reader cannot answer an author without an address, and large receivers refuse such a
 * message: that one is never taken away. */
static bool names_author(struct str name)
{
	return str_caseeq(name, STR("From")) || str_caseeq(name, STR("Resent-From"));
}

static bool all_to_ascii(struct header *h, struct fault *f)
{
	for (size_t i = 0; i < h->count; i++) {
		bool author = names_author(header_name(&h->fields[i]));
		if (!encode_field(h, i, author ? MAILBOXES_DOMAINS : MAILBOXES_ASCII, f))
			return false;
		if (h->fields[i].len > HEADER_LINE_MAX && !header_fold(h, i, f))
			return false;
	}
	return true;
}

bool encode_header(struct buf *out, struct str text, struct fault *f)
{
	struct header h;
	header_init(&h);
	bool fine = take_apart(&h, text, f) && all_to_ascii(&h, f);
	if (fine && !(header_write(out, &h) && buf_add_str(out, STR("\r\n"))))
		fine = fault_set(f, FAULT_DATA, "the header is too long in ASCII");
	header_release(&h);
	return fine;
}
