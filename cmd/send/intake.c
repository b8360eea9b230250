/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cmd/send/intake.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cmd/send/input.h"
#include "cmd/send/taking.h"

#define CHUNK 65536

static struct taking *begin(const struct intake *in)
{
	const struct taking_order order = {in->place, in->call, in->sink};
	return taking_new(&order);
}

static bool take_operands(const struct intake *in, struct taking *t, struct fault *f)
{
	const struct call *call = in->call;
	for (size_t i = 0; i < call->operand_count; i++) {
		/* Elsewhere it means standard input; nobody has such a mailbox. */
		if (strcmp(call->operands[i], "-") == 0)
			return fault_set(f, FAULT_DATA, "recipient -: not an address");
		if (!taking_recipients(t, str_of(call->operands[i]), call->notify, STR(""), f))
			return fault_prefix(f, "recipient %.200s", call->operands[i]);
	}
	return true;
}

static bool read_message(const struct intake *in, struct taking *t, struct fault *f)
{
	char *bytes = mem_alloc(CHUNK);
	bool ok;
	for (;;) {
		size_t got;
		ok = input_read(bytes, CHUNK, &got, in->stop, f);
		if (!ok || got == 0)
			break;
		if (taking_ended(t))
			continue;
		ok = taking_bytes(t, str_make(bytes, got), f);
		if (!ok || (taking_ended(t) && isatty(0)))
			break;
	}
	free(bytes);
	return ok;
}

static bool take(struct intake *in, struct taking *t, struct fault *f)
{
	if (!taking_sender(t, f) || !take_operands(in, t, f))
		return false;
	if (!in->call->take_recipients && taking_envelope(t)->rcpt_count == 0)
		return fault_set(f, FAULT_USAGE, "no recipient: name one, or use -t");
	taking_start(t);
	return read_message(in, t, f) && taking_end(t, in->id, f);
}

bool intake_take(struct intake *in, struct fault *f)
{
	struct taking *t = begin(in);
	bool ok = take(in, t, f);
	if (!ok && f->sys != EINTR)
		intake_drain(in->stop);
	taking_free(t);
	return ok;
}

void intake_drain(const volatile int *stop)
{
	input_drain(stop);
}

bool intake_verify(struct intake *in, struct fault *f)
{
	struct taking *t = begin(in);
	/* Whether one of them is local or not: this is where people look. */
	bool ok = this_host_aliases(&in->place->host, f) && take_operands(in, t, f);
	const struct envelope *e = taking_envelope(t);
	for (size_t i = 0; ok && i < e->rcpt_count; i++)
		printf("%s... deliverable: through a relay\n", e->rcpts[i].address);
	/* Rows that change it are easily wrong. */
	if (ok && in->place->config.sender_count > 0 && (ok = taking_sender(t, f)))
		printf("sender: <%s>\n", e->sender);
	taking_free(t);
	return ok;
}
