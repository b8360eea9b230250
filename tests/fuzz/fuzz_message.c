/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Any input: the final form is sound, the facts are true, where the pieces are
 * cut does not matter, and the final form is its own final form. */
#include <stdint.h>
#include <stdlib.h>

#include "text/buf.h"
#include "text/fault.h"
#include "mail/message.h"

#define OUT_MAX (8 * 1024 * 1024)

static const struct local local = {.hostname = {"host.example", 12},
                                   .domain = {"example.org", 11}};
static const struct rewrite rewrite = {
    .local = &local,
    .login = {"user", 4},
    .full_name = {"A User", 6},
};

static void check(bool fine)
{
	if (!fine)
		abort();
}

static bool take_recipient(void *context, struct str mailbox, bool escaped, struct fault *f)
{
	(void)context;
	(void)escaped;
	(void)f;
	check(mailbox.len > 0);
	return true;
}

static bool take_bytes(void *context, struct str bytes, struct fault *f)
{
	(void)f;
	check(buf_add_str(context, bytes));
	return true;
}

static bool run(const struct message_rules *rules, struct str input, size_t split,
                struct buf *out, struct message_facts *facts)
{
	struct message_hooks hooks = {take_recipient, NULL, take_bytes, out};
	struct message *m = message_new(rules, &hooks);
	struct fault f = FAULT_INIT;
	bool fine = message_feed(m, str_first(input, split), &f) &&
	            message_feed(m, str_from(input, split), &f) && message_end(m, &f);
	check(fine || f.kind == FAULT_DATA || f.kind == FAULT_REFUSED);
	*facts = *message_facts(m);
	message_free(m);
	return fine;
}

static bool has_8bit(struct str s)
{
	for (size_t i = 0; i < s.len; i++)
		if ((unsigned char)s.at[i] > 127)
			return true;
	return false;
}

static void check_final(struct str out, const struct message_facts *facts)
{
	struct str rest = out;
	uint64_t longest = 0;
	bool header = true;
	check(facts->size == out.len);
	check(str_find(out, '\0') == STR_NONE && str_ends(out, STR("\r\n")));
	struct str line;
	while (str_cut(&rest, '\n', &line)) {
		check(str_ends(line, STR("\r")));
		line.len--;
		check(str_find(line, '\r') == STR_NONE);
		longest = line.len > longest ? line.len : longest;
		check(!header || line.len <= HEADER_LINE_MAX);
		check(!header || !str_casestarts(line, STR("Bcc:")));
		if (header && line.len == 0) {
			size_t body = rest.at ? (size_t)(rest.at - out.at) : out.len;
			header = false;
			check(facts->header_8bit == has_8bit(str_first(out, body)));
			check(facts->body_8bit == has_8bit(str_from(out, body)));
		}
	}
	check(!header && longest == facts->longest_line);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct message_rules rules = {.rewrite = &rewrite, .wall = 1795294125};
	struct str input = str_make((const char *)data, size);
	if (size < 2)
		return 0;
	rules.dot = (enum message_dot)(data[0] % 3);
	rules.take_recipients = data[0] & 4;
	rules.smtputf8 = data[0] & 8;
	input = str_from(input, 2);
	struct buf out;
	buf_init(&out, OUT_MAX);
	struct buf out2;
	buf_init(&out2, OUT_MAX);
	struct message_facts facts;
	bool fine = run(&rules, input, input.len, &out, &facts);
	struct message_facts facts2;
	check(fine == run(&rules, input, data[1] * input.len / 256, &out2, &facts2));
	if (fine) {
		check(str_eq(buf_str(&out), buf_str(&out2)));
		check_final(buf_str(&out), &facts);
		buf_clear(&out2);
		rules.dot = DOT_IGNORED;
		rules.take_recipients = false;
		check(run(&rules, buf_str(&out), out.len / 2, &out2, &facts2));
		/* A broken address field may be read otherwise once it is encoded. */
		check(has_8bit(input) || str_eq(buf_str(&out), buf_str(&out2)));
	}
	buf_release(&out);
	buf_release(&out2);
	return 0;
}
