/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "net/dnsmsg.h"

#define HEADER_LEN  12
#define CLASS_IN    1
#define LABEL_MAX   63
#define LABEL_LINK  0xC0 /* the two top bits of a length: a pointer follows (RFC 1035 4.1.4) */
#define WIRE_MAX    255  /* a whole name, length bytes included */
#define FLAG_ANSWER 0x8000
#define FLAG_CUT    0x0200

/* Reading position; once bad it stays bad, and everything read is 0. */
struct reader {
	struct str message;
	size_t at, end; /* end: of what may be read now, a record's data or the message */
	bool bad;
};

static unsigned read_byte(struct reader *r)
{
	if (r->bad || r->at >= r->end) {
		r->bad = true;
		return 0;
	}
	return (unsigned char)r->message.at[r->at++];
}

static unsigned read_u16(struct reader *r)
{
	unsigned high = read_byte(r);
	return high << 8 | read_byte(r);
}

static uint32_t read_u32(struct reader *r)
{
	uint32_t high = read_u16(r);
	return high << 16 | read_u16(r);
}

static void skip(struct reader *r, size_t n)
{
	if (r->bad || n > r->end - r->at)
		r->bad = true;
	else
		r->at += n;
}

static void skip_name(struct reader *r)
{
	for (;;) {
		unsigned len = read_byte(r);
		if (r->bad || len == 0)
			return;
		if ((len & LABEL_LINK) == LABEL_LINK) {
			skip(r, 1);
			return;
		}
		if (len > LABEL_MAX) {
			r->bad = true;
			return;
		}
		skip(r, len);
	}
}

/* Such bytes cannot be part of a host name; some would mislead a reader of the text. */
static bool is_label_byte(unsigned c)
{
	return c > ' ' && c < 127 && c != '.' && c != '\\' && c != '/' && c != '"' && c != '%';
}

static void read_label(struct reader *r, unsigned len, char *to, size_t *used)
{
	/* One byte for the dot before it and one for the NUL. */
	if (len > LABEL_MAX || len + 2 > DNS_NAME_MAX - *used) {
		r->bad = true;
		return;
	}
	if (*used > 0)
		to[(*used)++] = '.';
	for (unsigned i = 0; i < len; i++) {
		unsigned c = read_byte(r);
		if (!is_label_byte(c))
			r->bad = true;
		to[(*used)++] = (char)c;
	}
}

/*
 * A name as text without the dot at its end. Pointers must lead to an earlier
 * place than the one before did, so that they cannot go round in a circle.
 */
static void read_name(struct reader *r, char to[DNS_NAME_MAX])
{
	struct reader part = *r;
	size_t used = 0, wire = 1;
	bool jumped = false;
	for (;;) {
		size_t here = part.at;
		unsigned len = read_byte(&part);
		if (part.bad || len == 0)
			break;
		if ((len & LABEL_LINK) == LABEL_LINK) {
			size_t to_at =
			    (size_t)(len & ~(unsigned)LABEL_LINK) << 8 | read_byte(&part);

			if (!jumped)
				r->at = part.at;
			jumped = true;
			part.end = here;
			part.at = to_at;
			part.bad = part.bad || to_at >= here;
			continue;
		}
		wire += len + 1;
		part.bad = part.bad || wire > WIRE_MAX;
		read_label(&part, len, to, &used);
		if (part.bad)
			break;
	}
	if (!jumped)
		r->at = part.at;
	r->bad = part.bad;
	to[part.bad ? 0 : used] = '\0';
}

static void read_bytes(struct reader *r, struct dns_record *record)
{
	while (!r->bad && r->at < r->end) {
		unsigned c = read_byte(r);
		if (record->data_len < sizeof(record->data))
			record->data[record->data_len++] = (unsigned char)c;
	}
}

/* The data of one record, which must fill it exactly. */
static void read_data(struct reader *r, struct dns_record *record)
{
	switch (record->type) {
	case DNS_A:
		r->bad = r->bad || r->end - r->at != 4;
		read_bytes(r, record);
		break;
	case DNS_AAAA:
		r->bad = r->bad || r->end - r->at != 16;
		read_bytes(r, record);
		break;
	case DNS_TLSA:
		read_bytes(r, record);
		break;
	case DNS_MX:
		record->preference = (uint16_t)read_u16(r);
		read_name(r, record->target);
		break;
	case DNS_SRV:
		record->preference = (uint16_t)read_u16(r);
		record->weight = (uint16_t)read_u16(r);
		record->port = (uint16_t)read_u16(r);
		read_name(r, record->target);
		break;
	}
	r->bad = r->bad || r->at != r->end;
}

/* One record of the answer section; *wanted if it is of that type and filled. */
static void read_record(struct reader *r, enum dns_type type, struct dns_record *record,
                        bool *wanted)
{
	size_t whole = r->end;
	*record = (struct dns_record){.type = type};
	skip_name(r);
	unsigned has_type = read_u16(r);
	unsigned has_class = read_u16(r);
	record->ttl = read_u32(r);
	size_t len = read_u16(r);
	*wanted = !r->bad && has_type == type && has_class == CLASS_IN;
	if (!*wanted) {
		skip(r, len);
		return;
	}
	if (len > r->end - r->at) {
		r->bad = true;
		return;
	}
	r->end = r->at + len;
	read_data(r, record);
	r->end = whole;
}

bool dnsmsg_answers(struct str message, enum dns_type type, int *rcode, dnsmsg_each *each,
                    void *context, struct fault *f)
{
	struct reader r = {.message = message, .end = message.len};
	*rcode = 0;
	skip(&r, 2);
	unsigned flags = read_u16(&r);
	unsigned questions = read_u16(&r);
	unsigned answers = read_u16(&r);
	skip(&r, HEADER_LEN - 8);
	if (r.bad || (flags & FLAG_ANSWER) == 0)
		return fault_set(f, FAULT_TEMP, "malformed answer from the name server");
	*rcode = (int)(flags & 15);
	if ((flags & FLAG_CUT) != 0)
		return fault_set(f, FAULT_TEMP, "truncated answer from the name server");
	while (!r.bad && questions-- > 0) {
		skip_name(&r);
		skip(&r, 4);
	}
	while (!r.bad && answers-- > 0) {
		struct dns_record record;
		bool wanted;
		read_record(&r, type, &record, &wanted);
		if (!r.bad && wanted && !each(context, &record, f))
			return false;
	}
	if (r.bad)
		return fault_set(f, FAULT_TEMP, "malformed answer from the name server");
	return true;
}
