/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cmd/send/smtpd.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <unistd.h>

#include "os/clock.h"
#include "os/log.h"
#include "cmd/send/inject.h"
#include "cmd/send/input.h"
#include "cmd/send/sinks.h"
#include "hold/slots.h"
#include "submit/submission.h"
#include "smtp/serve.h"

#define CHUNK        65536
#define REPLIES_MAX  (4 * 1024 * 1024) /* bytes not yet written */
#define WRITE_MAX    4096              /* a pipe that can be written to takes that much */
#define DROP_MIN     262144            /* written bytes are dropped in such pieces */
#define CHILDREN_MAX 4
#define REAP_MS      100
/* Of a foreign client: without a byte (RFC 5321 section 4.5.3.2.7), all in all, and behind
 * the last reply, so that it can be read. */
#define IDLE_MS    300000
#define SESSION_MS 3600000
#define LINGER_MS  1000
#define SERVICE_MS 10000 /* a flushq whose end is not seen is thought to take */

/* A session takes its slot at its beginning and is not seen after that: a longer one would no
 * longer count among the connections of its user. */
_Static_assert(SESSION_MS <= SLOT_SILENT * 1000, "a session has its slot to its end");

struct session {
	struct place *place;
	const struct call *call;
	struct sinks sinks;
	struct submission_options options; /* of this message: the call, and what MAIL said */
	char *from;                        /* of these, as the next */
	char *envid;
	struct submission *submission;
	size_t fresh;              /* messages that no flushq was started for */
	char id[ENTRY_ID_LEN + 1]; /* of the last one */
	struct started {
		pid_t pid;        /* -1: of a service, so its end is not seen */
		int64_t since;    /* monotonic ms */
	} children[CHILDREN_MAX]; /* flushq that run */
	size_t child_count;
	struct serve *serve;
	struct buf replies;
	size_t written;  /* of them */
	char *bytes;     /* CHUNK of the input */
	struct str rest; /* of it, not yet fed */
	bool input_over;
	bool foreign;
	int64_t silent, over; /* monotonic ms: when a foreign client has taken too long */
};

static bool on_mail(void *context, const struct serve_mail *mail, struct fault *f)
{
	struct session *s = context;
	const struct submission_options *given = &s->call->message;
	const struct submission_env env = {&s->place->config, &s->place->host, s->sinks.sink,
	                                   s->place->user};
	if (!sink_open(s->sinks.sink, f))
		return false;
	s->from = mem_copy(mail->path);
	s->envid = mail->envid.len ? mem_copy(mail->envid) : NULL;
	s->options = (struct submission_options){
	    .dot = DOT_IGNORED,
	    .relayed = given->relayed,
	    .full_name = given->full_name,
	    .relay = given->relay,
	    .delay = given->delay,
	    .have_from = true,
	    .from = s->from,
	    .envid = s->envid,
	    .body = mail->body,
	    .ret = mail->ret,
	    .smtputf8 = mail->smtputf8,
	};
	inject_prepare(s->place, false);
	s->submission = submission_new(&env, &s->options);
	return submission_sender(s->submission, f);
}

static bool on_rcpt(void *context, const struct serve_rcpt *rcpt, struct fault *f)
{
	struct session *s = context;
	return submission_recipient(s->submission, rcpt->path, rcpt->notify, rcpt->orcpt, f);
}

static bool on_data(void *context, struct fault *f)
{
	struct session *s = context;
	(void)f;
	submission_start(s->submission);
	return true;
}

static bool on_bytes(void *context, struct str bytes, struct fault *f)
{
	struct session *s = context;
	return submission_bytes(s->submission, bytes, f);
}

static bool on_end(void *context, char id[33], struct fault *f)
{
	struct session *s = context;
	if (!submission_end(s->submission, s->id, f))
		return false;
	memcpy(id, s->id, sizeof(s->id));
	s->fresh++;
	return true;
}

static void on_over(void *context)
{
	struct session *s = context;
	submission_free(s->submission);
	log_close();
	free(s->from);
	free(s->envid);
	s->submission = NULL;
	s->from = s->envid = NULL;
}

static bool sends_now(const struct session *s)
{
	const struct settings *c = &s->place->config;
	return options_delivery(s->call, c) != MODE_HOLD &&
	       submission_delay(&s->call->message, c) == 0;
}

static bool is_over(const struct started *c)
{
	if (c->pid < 0)
		return clock_mono_ms() - c->since > SERVICE_MS;
	pid_t ended = waitpid(c->pid, NULL, WNOHANG);
	return ended == c->pid || (ended < 0 && errno != EINTR);
}

static void reap(struct session *s)
{
	for (size_t i = s->child_count; i > 0; i--)
		if (is_over(&s->children[i - 1]))
			s->children[i - 1] = s->children[--s->child_count];
}

static void note_child(struct session *s, pid_t pid)
{
	if (s->child_count < CHILDREN_MAX)
		s->children[s->child_count++] = (struct started){pid, clock_mono_ms()};
}

/* What cannot be started now stays held, and is sent by the next flush. */
static void start_flushq(struct session *s)
{
	struct fault f = FAULT_INIT;
	struct sink_try attempt = {.id = s->fresh == 1 ? s->id : NULL};
	if (sink_start(s->sinks.sink, &attempt, &f))
		note_child(s, attempt.pid);
}

/* Starts flushq on what was taken since the last time: on the one entry, or on
 * all that is due. A session full of messages must not become as many
 * processes; at its end the last start is for all that are left. */
static void send_fresh(struct session *s, bool last)
{
	reap(s);
	if (s->fresh == 0 || (s->child_count >= CHILDREN_MAX && !last))
		return;
	if (sends_now(s))
		start_flushq(s);
	s->fresh = 0;
}

/* Reads what is there. */
static bool take_input(struct session *s, struct fault *f)
{
	size_t got;
	if (!input_take(s->bytes, CHUNK, &got, f))
		return false;
	s->input_over = got == 0;
	s->silent = clock_deadline(IDLE_MS);
	s->rest = str_make(s->bytes, got);
	return true;
}

/* The caller may have made it non-blocking: what does not go now goes later. */
static bool write_replies(struct session *s, struct fault *f)
{
	struct str some = str_first(str_from(buf_str(&s->replies), s->written), WRITE_MAX);
	ssize_t n = write(STDOUT_FILENO, some.at, some.len);
	if (n > 0)
		s->silent = clock_deadline(IDLE_MS);
	if (n < 0 && errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR)
		return fault_sys(f, FAULT_IO, errno, "standard output");
	s->written += n > 0 ? (size_t)n : 0;
	if (s->written == s->replies.len || s->written >= DROP_MIN) {
		buf_drop(&s->replies, s->written);
		s->written = 0;
	}
	return true;
}

/* Until when one may wait. */
static int patience_ms(const struct session *s)
{
	int64_t until = s->foreign ? clock_sooner(s->silent, s->over) : CLOCK_NEVER;
	if (s->child_count > 0 && s->fresh > 0)
		until = clock_sooner(until, clock_deadline(REAP_MS));
	return until == CLOCK_NEVER ? -1 : clock_left_ms(until);
}

static bool has_time(const struct session *s, struct fault *f)
{
	int64_t now = clock_mono_ms();
	if (!s->foreign || (now < s->silent && now < s->over))
		return true;
	return fault_sys(f, FAULT_TEMP, ETIMEDOUT, "the client took too long");
}

/* Waits until something can be read or written, and does it. */
static bool exchange(struct session *s, struct fault *f)
{
	bool reads = !s->input_over && s->rest.len == 0 && !serve_ended(s->serve);
	bool writes = s->replies.len > 0;
	struct pollfd p[2] = {{.fd = reads ? STDIN_FILENO : -1, .events = POLLIN},
	                      {.fd = writes ? STDOUT_FILENO : -1, .events = POLLOUT}};
	if (!has_time(s, f) || !input_wait(p, 2, patience_ms(s), f))
		return false;
	if (p[1].revents && !write_replies(s, f))
		return false;
	return !p[0].revents || take_input(s, f);
}

static bool converse(struct session *s, struct fault *f)
{
	serve_greet(s->serve, &s->replies);
	for (;;) {
		s->rest = serve_feed(s->serve, s->rest, &s->replies);
		send_fresh(s, false);
		if (s->replies.len == 0 && s->rest.len == 0 &&
		    (s->input_over || serve_ended(s->serve)))
			return true;
		if (!exchange(s, f))
			return false;
	}
}

/* The last reply to a client who may not be listening any more. */
static void say_goodbye(struct session *s, const char *why)
{
	struct pollfd p = {.fd = STDOUT_FILENO, .events = POLLOUT};
	struct fault f = FAULT_INIT;
	buf_clear(&s->replies);
	s->written = 0;
	serve_shut(s->serve, why, &s->replies);
	if (poll(&p, 1, 0) == 1)
		write_replies(s, &f);
}

static int end(struct session *s, bool ok, const struct fault *f)
{
	if (!ok && f->sys == EINTR && input_stopped()) {
		say_goodbye(s, "interrupted");
		fprintf(stderr, "sendmail: interrupted: no unfinished message was taken\n");
		return 128 + input_stopped();
	}
	if (!ok && f->sys == ETIMEDOUT)
		say_goodbye(s, "you took too long");
	if (!ok) {
		fprintf(stderr, "sendmail: %s\n", f->text);
		return fault_exit(f->kind);
	}
	if (serve_in_message(s->serve)) {
		fprintf(stderr, "sendmail: the input ended inside a message, "
		                "which was not taken\n");
		return EX_IOERR;
	}
	return EX_OK;
}

/* What a client has written that we do not read would make the system throw away what we
 * have said last. */
static void linger(struct session *s)
{
	int64_t until = clock_deadline(LINGER_MS);
	struct pollfd p = {.fd = STDIN_FILENO, .events = POLLIN};
	struct fault f = FAULT_INIT;
	shutdown(STDOUT_FILENO, SHUT_WR);
	while (!s->input_over && clock_left_ms(until) > 0 &&
	       input_wait(&p, 1, clock_left_ms(until), &f) && (!p.revents || take_input(s, &f)))
		continue;
}

int smtpd_run(struct place *p, const struct call *call, const struct fault *closed,
              bool foreign)
{
	struct session s = {.place = p,
	                    .call = call,
	                    .foreign = foreign,
	                    .silent = clock_deadline(IDLE_MS),
	                    .over = clock_deadline(SESSION_MS)};
	const struct serve_hooks hooks = {on_mail, on_rcpt, on_data, on_bytes,
	                                  on_end,  on_over, &s};
	struct fault f = FAULT_INIT;
	sinks_choose(&s.sinks, p, false, HOLD_QUEUE);
	place_names(p);
	const struct serve_rules rules = {.hostname = str_of(p->hostname),
	                                  .max_size = p->config.max_size,
	                                  .closed = closed,
	                                  .guarded = foreign};
	s.serve = serve_new(&rules, &hooks);
	s.bytes = mem_room(CHUNK);
	buf_init(&s.replies, REPLIES_MAX);
	int code = end(&s, converse(&s, &f), &f);
	send_fresh(&s, true);
	if (foreign)
		linger(&s);
	serve_free(s.serve);
	sink_close(s.sinks.sink);
	buf_release(&s.replies);
	free(s.bytes);
	return code == EX_OK && closed ? fault_exit(closed->kind) : code;
}
