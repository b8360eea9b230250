/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * extract - what mail/message makes of many messages, for differential.t
 *
 *   extract <MESSAGES
 *
 * Reads messages, each a line with its length in bytes and then these bytes.
 * Writes for each, as with sendmail -t, either
 *   refused TEXT
 * or a line, the recipients of the header, a line each, and the final form:
 *   taken RECIPIENTS BYTES LONGEST BODY8 HEADER8
 * the last two 1 or 0. Exit 1 if the input is not like that.
 */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "os/file.h"
#include "mail/message.h"

#define INPUT_MAX (256 * 1024 * 1024)

struct result {
	struct buf recipients;
	size_t count;
	struct buf final;
};

static bool take_recipient(void *context, struct str mailbox, bool escaped, struct fault *f)
{
	struct result *r = context;
	(void)escaped;
	r->count++;
	return (buf_add_str(&r->recipients, mailbox) && buf_add_char(&r->recipients, '\n')) ||
	       fault_set(f, FAULT_SYSTEM, "too many recipients");
}

static bool take_bytes(void *context, struct str bytes, struct fault *f)
{
	struct result *r = context;
	return buf_add_str(&r->final, bytes) || fault_set(f, FAULT_SYSTEM, "message too long");
}

static void show(const struct result *r, const struct message_facts *facts)
{
	printf("taken %zu %zu %llu %d %d\n", r->count, r->final.len,
	       (unsigned long long)facts->longest_line, facts->body_8bit, facts->header_8bit);
	if (r->count > 0)
		fwrite(r->recipients.at, 1, r->recipients.len, stdout);
	fwrite(r->final.at, 1, r->final.len, stdout);
}

static void extract(struct str text)
{
	const struct local local = {
	    .hostname = STR("gate.harness.example"),
	    .domain = STR("harness.example"),
	};
	const struct rewrite rewrite = {.local = &local, .login = STR("ann")};
	const struct message_rules rules = {
	    .rewrite = &rewrite,
	    .take_recipients = true,
	    .dot = DOT_IGNORED,
	    .wall = 1795291200,
	};
	struct result r = {0};
	const struct message_hooks hooks = {
	    .recipient = take_recipient, .sink = take_bytes, .context = &r};
	struct fault f = FAULT_INIT;
	struct message *m = message_new(&rules, &hooks);
	buf_init(&r.recipients, INPUT_MAX);
	buf_init(&r.final, INPUT_MAX);
	if (message_feed(m, text, &f) && message_end(m, &f))
		show(&r, message_facts(m));
	else
		printf("refused %s\n", f.text);
	message_free(m);
	buf_release(&r.recipients);
	buf_release(&r.final);
}

int main(void)
{
	struct fault f = FAULT_INIT;
	struct buf input;
	buf_init(&input, INPUT_MAX);
	bool fine = file_read_all(STDIN_FILENO, "standard input", &input, &f);
	struct str rest = buf_str(&input);
	struct str line;
	long long len;
	while (fine && rest.len > 0) {
		fine = str_cut(&rest, '\n', &line) && str_number(line, &len) &&
		       (size_t)len <= rest.len;
		if (!fine)
			break;
		extract(str_first(rest, (size_t)len));
		rest = str_from(rest, (size_t)len);
	}
	buf_release(&input);
	if (fine && fflush(stdout) == 0)
		return EXIT_SUCCESS;
	fprintf(stderr, "extract: %s\n", f.text[0] != '\0' ? f.text : "bad input");
	return EXIT_FAILURE;
}
