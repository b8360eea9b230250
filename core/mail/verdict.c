/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "mail/verdict.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "text/codec.h"
#include "text/host.h"

static char *copy_or_null(const char *text)
{
	return text && text[0] ? mem_copy(str_of(text)) : NULL;
}

void verdict_set(struct verdict *v, enum cause cause, int code, const char *status,
                 const char *relay, const char *host, struct str text)
{
	verdict_release(v);
	v->cause = cause;
	v->code = code;
	snprintf(v->status, sizeof(v->status), "%s", status ? status : "");
	v->relay = copy_or_null(relay);
	v->host = copy_or_null(host);
	char line[VERDICT_TEXT_MAX + 1];
	codec_one_line(line, sizeof(line), text);
	v->text = copy_or_null(line);
}

void verdict_set_fault(struct verdict *v, const struct fault *f, const char *relay,
                       const char *host)
{
	verdict_set(v, f->cause, f->code, f->status, relay, host, str_of(f->text));
}

void verdict_copy(struct verdict *to, const struct verdict *from)
{
	verdict_set(to, from->cause, from->code, from->status, from->relay, from->host,
	            str_of(from->text));
}

static bool same_text(const char *a, const char *b)
{
	return a && b ? strcmp(a, b) == 0 : a == b;
}

bool verdict_same(const struct verdict *a, const struct verdict *b)
{
	return a->cause == b->cause && a->code == b->code && same_text(a->status, b->status) &&
	       same_text(a->relay, b->relay) && same_text(a->host, b->host) &&
	       same_text(a->text, b->text); /* texts: only what changes is written */
}

void verdict_release(struct verdict *v)
{
	free(v->relay);
	free(v->host);
	free(v->text);
	*v = (struct verdict){.cause = CAUSE_NONE};
}

bool verdict_spoken(const struct verdict *v)
{
	return v->code > 0 && v->host;
}

struct str verdict_host(const char *host)
{
	return host_peer(str_of(host)).server;
}

void verdict_host_text(const char *host, char to[VERDICT_HOST_MAX])
{
	codec_one_line(to, VERDICT_HOST_MAX, verdict_host(host));
}

void verdict_reply(const struct verdict *v, char to[VERDICT_LINE_MAX])
{
	const char *text = v->text ? v->text : "";
	if (v->code == 0)
		snprintf(to, VERDICT_LINE_MAX, "%s", text);
	else
		snprintf(to, VERDICT_LINE_MAX, "%d%s%s%s%s", v->code, v->status[0] ? " " : "",
		         v->status, text[0] ? " " : "", text);
}

/* "relay main: ", then "HOST: what happened: " where our own words do not say it. */
static int put_lead(const struct verdict *v, char to[VERDICT_LINE_MAX])
{
	const struct cause_row *row = cause_row(v->cause);
	bool explain = v->code > 0 || !v->text;
	char host[VERDICT_HOST_MAX] = "";
	if (explain)
		codec_one_line(host, sizeof(host), str_of(v->host));
	return snprintf(to, VERDICT_LINE_MAX, "%s%s%s%s%s%s%s", v->relay ? "relay " : "",
	                v->relay ? v->relay : "", v->relay ? ": " : "", host,
	                host[0] ? ": " : "", explain ? row->sentence : "",
	                v->code > 0 ? ": " : "");
}

void verdict_line(const struct verdict *v, char to[VERDICT_LINE_MAX])
{
	const struct cause_row *row = cause_row(v->cause);
	char reply[VERDICT_LINE_MAX], host[VERDICT_HOST_MAX];
	const char *hint = row->hint;
	verdict_reply(v, reply);
	if (v->cause == CAUSE_NONE || (v->code > 0 && !v->host)) {
		/* Delivered, or kept by an older version: a text that says it all. */
		snprintf(to, VERDICT_LINE_MAX, "%s", v->text ? v->text : "");
		return;
	}
	int len;
	verdict_host_text(v->host, host);
	if (v->code > 0 && row->tried)
		len = snprintf(to, VERDICT_LINE_MAX, "host %s said: ", host);
	else if (row->fate == FATE_FAIL)
		len = snprintf(to, VERDICT_LINE_MAX, "not sent: ");
	else
		len = put_lead(v, to);
	/* Our own words say what to do as far as it is known; and what was final is for the
	 * sender, who has no say in the configuration. */
	if ((v->code == 0 && v->text) || row->fate == FATE_FAIL)
		hint = "";
	if (len < VERDICT_LINE_MAX)
		snprintf(to + len, VERDICT_LINE_MAX - (size_t)len, "%s%s%s%s", reply,
		         hint[0] ? "; " : "", hint,
		         v->cause == CAUSE_IN_DOUBT ? " (possible duplicate at the next try)"
		                                    : "");
}
