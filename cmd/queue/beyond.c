/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cmd/queue/beyond.h"

#include <stdio.h>
#include <unistd.h>

#include "post/post_client.h"

static int complain(const char *program, const struct fault *f)
{
	fprintf(stderr, "%s: %s\n", program, f->text);
	return fault_exit(f->kind);
}

static int act(const struct place *p, const char *program, const char *words, int out)
{
	struct post_client gate;
	struct fault f = FAULT_INIT;
	int code = 0;
	bool ok = place_open_gate(p, true, &gate, &f) &&
	          post_client_act(&gate, words, out, &code, &f);
	post_client_close(&gate);
	return ok ? code : complain(program, &f);
}

int beyond_count(const struct place *p, const struct mailq_call *call)
{
	return act(p, "mailq",
	           call->job == JOB_METRICS ? "metrics"
	           : call->failed           ? "count --failed"
	                                    : "count",
	           STDOUT_FILENO);
}

static const char *how(const struct mailq_call *call)
{
	return call->verbose ? " -v" : call->tell ? " --terminal" : "";
}

/* The verb with the ids, as many at a time as one record can take. */
static int act_on(const struct place *p, const struct mailq_call *call, const char *verb,
                  char *const *ids, size_t count)
{
	struct buf words;
	int code = 0;
	buf_init(&words, RECORD_MAX);
	for (size_t i = 0; i < count; i++) {
		struct fault f = FAULT_INIT;
		if (!entry_is_id(ids[i])) {
			fault_set(&f, FAULT_DATA, "%s: no such message", ids[i]);
			code = fault_worse(code, complain("flushq", &f));
			continue;
		}
		if (words.len + 1 + ENTRY_ID_LEN > RECORD_MAX) {
			code = fault_worse(code,
			                   act(p, "flushq", buf_cstr(&words), STDERR_FILENO));
			buf_clear(&words);
		}
		if (!buf_addf(&words, "%s%s %s", words.len > 0 ? "" : verb,
		              words.len > 0 ? "" : how(call), ids[i]))
			break;
	}
	if (words.len > 0)
		code = fault_worse(code, act(p, "flushq", buf_cstr(&words), STDERR_FILENO));
	buf_release(&words);
	return code;
}

int beyond_steer(const struct place *p, const struct mailq_call *call)
{
	static const struct {
		enum mailq_job job;
		const char *verb;
	} verbs[] = {
	    {JOB_REMOVE, "remove"},
	    {JOB_FREEZE, "freeze"},
	    {JOB_THAW, "thaw"},
	    {JOB_RETRY, "retry"},
	};
	char words[32];
	size_t i = 0;
	while (verbs[i].job != call->job)
		i++;
	if (!call->all)
		return act_on(p, call, verbs[i].verb, call->ids, call->id_count);
	snprintf(words, sizeof(words), "%s%s all", verbs[i].verb, how(call));
	return act(p, "flushq", words, STDERR_FILENO);
}

int beyond_try(const struct place *p, const struct mailq_call *call, char *const *ids,
               size_t count)
{
	if (count > 0)
		return act_on(p, call, "try", ids, count);
	char words[32];
	snprintf(words, sizeof(words), "try%s%s", how(call), call->all ? " all" : "");
	return act(p, "flushq", words, STDERR_FILENO);
}
