/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "mail/encode.h"

#include "text/codec.h"

/* Fields of which only display names and comments may become encoded words
 * (RFC 2047 section 5); so may all names that begin with List-. */
static const char *const structured[] = {
    "From",      "Sender",           "Reply-To",      "To",
    "Cc",        "Resent-From",      "Resent-Sender", "Resent-Reply-To",
    "Resent-To", "Resent-Cc",        "Delivered-To",  "Disposition-Notification-To",
    "Errors-To", "Mail-Followup-To", "Mail-Reply-To", "Return-Receipt-To",
};

/* Message identifiers: there are no phrases between them. */
static const char *const ids[] = {"Message-ID", "Resent-Message-ID", "In-Reply-To",
                                  "References", "Content-ID"};

/* Of the others those in which there is no address that may need SMTPUTF8. */
static const char *const plain[] = {
    "Date",           "Resent-Date",
    "Received",       "MIME-Version",
    "DKIM-Signature", "Content-Transfer-Encoding",
    "Autocrypt",      "Authentication-Results",
};

static const char *const with_params[] = {"Content-Type", "Content-Disposition"};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* What has no other form in ASCII, as =XX for each byte: always the same, so that a
 * Message-ID and the References to it still agree. In addresses of lists it is %XX. */
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

bool encode_field(struct header *h, size_t at, enum header_mailboxes how, struct fault *f)
{
	const struct field *field = &h->fields[at];
	struct str name = header_name(field);
	struct str value = header_value(field);
	size_t first = field->name_len + 2;
	bool list = str_casestarts(name, STR("List-"));
	bool params = str_caseamong(name, with_params, COUNT(with_params));
	bool id = str_caseamong(name, ids, COUNT(ids));
	bool unaddressed = id || list || params || str_caseamong(name, plain, COUNT(plain));
	if (value.len == 0 || codec_is_ascii(value))
		return true;
	struct buf out;
	buf_init(&out, HEADER_MAX);
	struct buf clean;
	buf_init(&clean, HEADER_MAX);
	bool mailbox8, fits;
	if (id)
		fits = buf_add_str(&out, value);
	else if (params)
		fits = header_encode_params(&out, value);
	else if (unaddressed || str_caseamong(name, structured, COUNT(structured)))
		fits = header_encode_addresses(&out, value, first,
		                               unaddressed ? MAILBOXES_KEPT : how, &mailbox8);
	else
		fits = header_encode_text(&out, value, first);
	value = buf_str(&out);
	if (fits && unaddressed && !codec_is_ascii(value)) {
		fits = add_clean(&clean, value, list ? '%' : '=');
		value = buf_str(&clean);
	}
	bool fine = fits ? header_set_value(h, at, value, f)
	                 : fault_set(f, FAULT_DATA, "%.*s: too long", STR_FMT(name));
	buf_release(&out);
	buf_release(&clean);
	return fine;
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
