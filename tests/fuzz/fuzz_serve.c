/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Any bytes as a client's side of a session; the first byte chooses the rules,
 * which hooks fail and the size of the pieces. Whole and in pieces it is the same
 * dialogue; every command line gets one reply, and so does every message, at a
 * line of a single dot only; the hooks are called in their order.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "text/buf.h"
#include "text/fault.h"
#include "smtp/serve.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum step { STEP_NONE, STEP_MAIL, STEP_RCPT, STEP_DATA, STEP_FAILED, STEP_END };

struct peer {
	unsigned fails; /* bits: which hooks do */
	enum step step;
	struct buf told;
};

static void check(bool fine)
{
	if (!fine)
		abort();
}

static bool answer(struct peer *p, unsigned bit, struct fault *f)
{
	return !(p->fails & bit) || fault_set(f, FAULT_DATA, "no \377");
}

/* A path is text: not empty, no line end, no NUL. */
static void check_text(struct str s)
{
	for (size_t i = 0; i < s.len; i++)
		check((unsigned char)s.at[i] >= 32 || s.at[i] == '\t');
}

static bool on_mail(void *context, const struct serve_mail *m, struct fault *f)
{
	struct peer *p = context;
	check(p->step == STEP_NONE && m->path.len > 0 && m->envid.len <= 100);
	check_text(m->path);
	p->step = STEP_MAIL;
	check(buf_add_str(&p->told, m->path) && buf_add_str(&p->told, m->envid) &&
	      buf_addf(&p->told, "%d %d %d\n", m->body, m->ret, m->smtputf8));
	return answer(p, 1, f);
}

static bool on_rcpt(void *context, const struct serve_rcpt *r, struct fault *f)
{
	struct peer *p = context;
	bool ok = answer(p, 2, f);
	check((p->step == STEP_MAIL || p->step == STEP_RCPT) && r->path.len > 0);
	check_text(r->path);
	check_text(r->orcpt);
	if (ok)
		p->step = STEP_RCPT;
	check(buf_add_str(&p->told, r->path) && buf_add_str(&p->told, r->orcpt) &&
	      buf_addf(&p->told, "%u\n", r->notify));
	return ok;
}

static bool on_data(void *context, struct fault *f)
{
	struct peer *p = context;
	check(p->step == STEP_RCPT);
	p->step = STEP_DATA;
	return answer(p, 4, f);
}

static bool on_bytes(void *context, struct str bytes, struct fault *f)
{
	struct peer *p = context;
	check(p->step == STEP_DATA && bytes.len > 0);
	if (!(p->fails & 8))
		check(buf_add_str(&p->told, bytes));
	else
		p->step = STEP_FAILED;
	return answer(p, 8, f);
}

static bool on_end(void *context, char id[33], struct fault *f)
{
	struct peer *p = context;
	check(p->step == STEP_DATA);
	p->step = STEP_END;
	snprintf(id, 33, "%s", "0123456789ABCDEF0123456789ABCDEF");
	return answer(p, 16, f);
}

static void on_over(void *context)
{
	struct peer *p = context;
	check(p->step != STEP_NONE);
	p->step = STEP_NONE;
	check(buf_add_str(&p->told, STR("over\n")));
}

/* How many replies there are; each is well formed. */
static size_t count_replies(struct str said)
{
	struct str line;
	size_t count = 0;
	while (str_cut(&said, '\n', &line)) {
		check(line.len > 4 && line.len < 512 && str_ends(line, STR("\r")));
		check(line.at[0] >= '2' && line.at[0] <= '5');
		check(ascii_digit(line.at[1]) && ascii_digit(line.at[2]));
		check(line.at[3] == ' ' || line.at[3] == '-');
		for (size_t i = 0; i + 1 < line.len; i++)
			check(line.at[i] >= 32 && line.at[i] < 127);
		count += line.at[3] == ' ';
	}
	return count;
}

/* Feeds one byte and checks the number of replies. */
static void feed_byte(struct serve *s, struct str byte, struct buf *said, bool dot_line)
{
	size_t before = said->len;
	bool message = serve_in_message(s);
	bool ended = serve_ended(s);
	check(serve_feed(s, byte, said).len == 0);
	size_t replies = count_replies(str_from(buf_str(said), before));
	check(replies == (!ended && byte.at[0] == '\n' && (!message || dot_line)));
	check(!message || serve_in_message(s) == !dot_line);
}

static bool is_crlf(struct str in, size_t at)
{
	return at > 0 && in.at[at] == '\n' && in.at[at - 1] == '\r';
}

/* Is the line that ends at at a single dot, for a client whose lines end so? */
static bool is_dot_line(struct str in, size_t at, bool crlf)
{
	if (in.at[at] != '\n' || at < (crlf ? 3U : 2U) || (crlf && !is_crlf(in, at)))
		return false;
	at -= crlf ? 2 : 1;
	return in.at[at] == '.' && in.at[at - 1] == '\n' && (!crlf || is_crlf(in, at - 1));
}

static void converse(struct str in, size_t size, const struct serve_rules *rules,
                     struct peer *p, struct buf *said)
{
	const struct serve_hooks hooks = {on_mail, on_rcpt, on_data, on_bytes,
	                                  on_end,  on_over, p};
	struct serve *s = serve_new(rules, &hooks);
	bool crlf = false; /* of the last command */
	serve_greet(s, said);
	for (size_t at = 0; size > 1 && at < in.len; at += size)
		check(serve_feed(s, str_first(str_from(in, at), size), said).len == 0);
	for (size_t at = 0; size == 1 && at < in.len; at++) {
		bool command = !serve_in_message(s);
		feed_byte(s, str_make(in.at + at, 1), said, is_dot_line(in, at, crlf));
		if (command && in.at[at] == '\n')
			crlf = is_crlf(in, at);
	}
	serve_free(s);
	check(p->step == STEP_NONE);
	count_replies(buf_str(said));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct serve_rules rules = {.hostname = STR("h.example"), .max_size = 1000};
	size_t sizes[] = {1, 0, 0};
	struct peer peers[3] = {{0}};
	if (size < 2 || size > 20000)
		return 0;
	rules.guarded = data[1] & 128;
	struct str in = str_make((const char *)data + 2, size - 2);
	sizes[1] = data[0] % 16 + 2;
	sizes[2] = in.len + 2;
	struct buf said[3];
	for (size_t i = 0; i < 3; i++) {
		buf_init(&said[i], 16 << 20);
		buf_init(&peers[i].told, 16 << 20);
		peers[i].fails = data[1];
		converse(in, sizes[i], &rules, &peers[i], &said[i]);
	}
	for (size_t i = 1; i < 3; i++) {
		check(str_eq(buf_str(&said[0]), buf_str(&said[i])));
		check(str_eq(buf_str(&peers[0].told), buf_str(&peers[i].told)));
	}
	for (size_t i = 0; i < 3; i++) {
		buf_release(&said[i]);
		buf_release(&peers[i].told);
	}
	return 0;
}
