/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Intake and wire together: what a server has stored, dot-stuffing undone, is the
 * body that the rules for line ends and the dot make of the input, byte for
 * byte, however the pieces are cut; and nothing but the end ends the data. */
#include <stdint.h>
#include <stdlib.h>

#include "text/buf.h"
#include "text/fault.h"
#include "mail/message.h"
#include "smtp/wire.h"

#define OUT_MAX (8 * 1024 * 1024)

static const char header[] = "From: a@b\nTo: c@d\nDate: x\nMessage-ID: <y>\n\n";
static const char header_sent[] = "From: a@b\r\nTo: c@d\r\nDate: x\r\nMessage-ID: <y>\r\n\r\n";

static const struct local local = {.hostname = {"host.example", 12},
                                   .domain = {"example.org", 11}};
static const struct rewrite rewrite = {.local = &local, .login = {"user", 4}};

static void check(bool fine)
{
	if (!fine)
		abort();
}

/* The rules, one byte after the other: NUL is dropped, CRs before a LF belong
 * to it, any other CR is a line end, the last line gets one. */
static void normalise(struct str in, struct buf *out)
{
	struct buf clean;
	bool open = false;
	buf_init(&clean, OUT_MAX);
	for (size_t i = 0; i < in.len; i++)
		check(in.at[i] == '\0' || buf_add_char(&clean, in.at[i]));
	for (size_t i = 0; i < clean.len; i++) {
		size_t crs = 0;
		while (i + crs < clean.len && clean.at[i + crs] == '\r')
			crs++;
		if (crs > 0 && i + crs < clean.len && clean.at[i + crs] == '\n')
			i += crs;
		open = clean.at[i] != '\r' && clean.at[i] != '\n';
		check(open ? buf_add_char(out, clean.at[i]) : buf_add_str(out, STR("\r\n")));
	}
	check(!open || buf_add_str(out, STR("\r\n")));
	buf_release(&clean);
}

/* Where a line of a single dot ends the body. */
static size_t body_end(struct str body, enum message_dot dot)
{
	struct str rest = body, line;
	while (dot != DOT_IGNORED && str_cut(&rest, '\n', &line)) {
		size_t at = (size_t)(line.at - body.at);
		if (str_eq(line, STR(".\r")) && (dot == DOT_CLASSIC || rest.len == 0))
			return at;
	}
	return body.len;
}

struct passage {
	struct wire wire;
	struct buf out;
};

static bool to_wire(void *context, struct str bytes, struct fault *f)
{
	struct passage *p = context;
	check(wire_data(&p->wire, bytes, &p->out, f));
	return true;
}

/* What a server that knows RFC 5321 section 4.5.2 stores; everything up to the
 * first end of data must be all there is. */
static void store(struct str wire, struct buf *out)
{
	struct str line;
	bool ended = false;
	while (str_cut(&wire, '\n', &line)) {
		check(!ended && str_ends(line, STR("\r")));
		line.len--;
		check(str_find(line, '\r') == STR_NONE && str_find(line, '\0') == STR_NONE);
		ended = str_eq(line, STR("."));
		if (str_starts(line, STR(".")))
			line = str_from(line, 1);
		check(ended || (buf_add_str(out, line) && buf_add_str(out, STR("\r\n"))));
	}
	check(ended);
}

static void send(enum message_dot dot, struct str body, size_t split, struct buf *stored)
{
	const struct message_rules rules = {.rewrite = &rewrite, .dot = dot};
	struct passage p = {.out.max = OUT_MAX};
	const struct message_hooks hooks = {NULL, NULL, to_wire, &p};
	struct message *m = message_new(&rules, &hooks);
	struct fault f = FAULT_INIT;
	wire_init(&p.wire);
	check(message_feed(m, str_of(header), &f) &&
	      message_feed(m, str_first(body, split), &f) &&
	      message_feed(m, str_from(body, split), &f) && message_end(m, &f));
	check(wire_end(&p.wire, &p.out, &f));
	store(buf_str(&p.out), stored);
	message_free(m);
	buf_release(&p.out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size < 2)
		return 0;
	enum message_dot dot = (enum message_dot)(data[0] % 3);
	struct str body = str_make((const char *)data + 2, size - 2);
	struct buf want;
	buf_init(&want, OUT_MAX);
	struct buf stored;
	buf_init(&stored, OUT_MAX);
	normalise(body, &want);
	want.len = body_end(buf_str(&want), dot);
	send(dot, body, data[1] * body.len / 256, &stored);
	check(str_starts(buf_str(&stored), str_of(header_sent)));
	check(str_eq(str_from(buf_str(&stored), sizeof(header_sent) - 1), buf_str(&want)));
	buf_release(&want);
	buf_release(&stored);
	return 0;
}
