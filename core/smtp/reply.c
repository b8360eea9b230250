/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "smtp/reply.h"

#include <string.h>

#include "text/codec.h"

#define CODE_LEN  3
#define LINE_HOLD (REPLY_LINE_MAX + CODE_LEN + 2) /* code, separator, text, CR */
#define JUDGE_AT  40 /* so many bytes show that this is no reply, without a line end */

void reply_init(struct reply *r)
{
	*r = (struct reply){0};
	buf_init(&r->text, REPLY_BYTES_MAX);
	buf_init(&r->line, LINE_HOLD);
}

void reply_release(struct reply *r)
{
	buf_release(&r->text);
	buf_release(&r->line);
}

bool reply_begun(const struct reply *r)
{
	return r->lines > 0 || r->line.len > 0;
}

static bool starts_as_reply(struct str line)
{
	if (line.len < CODE_LEN || line.at[0] < '2' || line.at[0] > '5')
		return false;
	if (!ascii_digit(line.at[1]) || !ascii_digit(line.at[2]))
		return false;
	return line.len == CODE_LEN || line.at[CODE_LEN] == ' ' || line.at[CODE_LEN] == '-';
}

static bool is_tls_record(struct str line)
{
	return line.len > 0 && (line.at[0] == 0x15 || line.at[0] == 0x16);
}

static bool not_a_reply(struct str line, struct fault *f)
{
	line = str_first(line, JUDGE_AT);
	if (is_tls_record(line))
		return fault_set(f, FAULT_PROTOCOL,
		                 "TLS came where an SMTP reply was expected: implicit TLS? "
		                 "Try security = tls (port 465)");
	if (str_casestarts(line, STR("HTTP/")) || str_casestarts(line, STR("<")))
		return fault_set(f, FAULT_PROTOCOL,
		                 "not an SMTP server: it speaks HTTP; check host and port");
	if (str_starts(line, STR("SSH-")))
		return fault_set(f, FAULT_PROTOCOL,
		                 "not an SMTP server: it speaks SSH; check host and port");
	if (str_starts(line, STR("+OK")) || str_starts(line, STR("* ")))
		return fault_set(f, FAULT_PROTOCOL,
		                 "not an SMTP server: it speaks POP3 or IMAP; check the port");
	char shown[4 * JUDGE_AT + 1];
	codec_printable(shown, sizeof(shown), line);
	return fault_set(f, FAULT_PROTOCOL,
	                 "not an SMTP server, or out of step: it sent \"%s\"", shown);
}

/* Digits at the start of s: 1 to 3 of them, or 0. */
static size_t digits(struct str s)
{
	size_t n = 0;
	while (n < s.len && ascii_digit(s.at[n]))
		n++;
	return n <= 3 ? n : 0;
}

/* Length of an enhanced status that fits the code (RFC 2034 section 4), or 0. */
static size_t status_len(struct str text, int code)
{
	if (text.len < 5 || text.at[0] - '0' != code / 100 || text.at[1] != '.' ||
	    code / 100 == 3)
		return 0;
	size_t subject = digits(str_from(text, 2));
	if (subject == 0 || 2 + subject >= text.len || text.at[2 + subject] != '.')
		return 0;
	size_t detail = digits(str_from(text, 3 + subject));
	size_t len = 3 + subject + detail;
	if (detail == 0 || (len < text.len && !ascii_space(text.at[len])))
		return 0;
	return len;
}

static bool add_text(struct reply *r, struct str text)
{
	size_t len = status_len(text, r->code);
	if (len > 0 && r->status[0] == '\0')
		memcpy(r->status, text.at, len), r->status[len] = '\0';
	/* Another than that is one more word. */
	if (len > 0 && str_eq(str_first(text, len), str_of(r->status)))
		text = str_from(text, len + (len < text.len ? 1 : 0));
	if (r->lines > 0 && !buf_add_char(&r->text, '\n'))
		return false;
	return buf_add_str(&r->text, text);
}

/* One line without its LF. */
static bool take_line(struct reply *r, struct fault *f)
{
	struct str line = buf_str(&r->line);
	if (line.len > 0 && line.at[line.len - 1] == '\r')
		line.len--;
	if (!starts_as_reply(line))
		return not_a_reply(line, f);
	if (line.len > CODE_LEN + 1 + REPLY_LINE_MAX)
		return fault_set(f, FAULT_PROTOCOL, "a reply line of more than %d bytes",
		                 REPLY_LINE_MAX);
	int code = (line.at[0] - '0') * 100 + (line.at[1] - '0') * 10 + (line.at[2] - '0');
	if (r->lines > 0 && code != r->code)
		return fault_set(f, FAULT_PROTOCOL, "two codes, %d and %d, in one reply",
		                 r->code, code);
	if (r->lines == REPLY_LINES_MAX)
		return fault_set(f, FAULT_PROTOCOL, "a reply of more than %d lines",
		                 REPLY_LINES_MAX);
	r->code = code;
	if (!add_text(r, str_from(line, CODE_LEN + 1)))
		return fault_set(f, FAULT_PROTOCOL, "a reply of more than %d bytes",
		                 REPLY_BYTES_MAX);
	r->lines++;
	r->done = line.len == CODE_LEN || line.at[CODE_LEN] == ' ';
	buf_clear(&r->line);
	return true;
}

/* Judges a line that has no end yet, so that nobody waits for one in vain. */
static bool may_become_line(const struct reply *r, struct fault *f)
{
	struct str line = buf_str(&r->line);
	if (is_tls_record(line) || (line.len >= JUDGE_AT && !starts_as_reply(line)))
		return not_a_reply(line, f);
	return true;
}

bool reply_feed(struct reply *r, struct str bytes, size_t *used, struct fault *f)
{
	*used = 0;
	while (!r->done && *used < bytes.len) {
		struct str rest = str_from(bytes, *used);
		size_t end = str_find(rest, '\n');
		size_t len = end == STR_NONE ? rest.len : end;
		if (!buf_add(&r->line, rest.at, len)) {
			size_t some = LINE_HOLD - r->line.len;
			if (buf_add(&r->line, rest.at, some) && !may_become_line(r, f))
				return false;
			return fault_set(f, FAULT_PROTOCOL,
			                 "a reply line of more than %d bytes", REPLY_LINE_MAX);
		}
		*used += end == STR_NONE ? len : len + 1;
		if (end == STR_NONE ? !may_become_line(r, f) : !take_line(r, f))
			return false;
	}
	return true;
}

void reply_printable(const struct reply *r, char *to, size_t size)
{
	struct str rest = buf_str(&r->text);
	size_t len = 0;
	if (size == 0)
		return;
	to[0] = '\0';
	struct str line;
	while (str_cut(&rest, '\n', &line)) {
		if (len > 0 && line.len > 0 && len + 1 < size)
			to[len++] = ' ';
		len += codec_printable(to + len, size - len, line);
	}
}
