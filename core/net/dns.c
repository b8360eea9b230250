/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "net/dns.h"

#include <errno.h>
#include <string.h>

#include "text/buf.h"
#include "os/clock.h"
#include "text/codec.h"
#include "text/idna.h"
#include "os/random.h"
#include "net/aside.h"
#include "net/resolver.h"

#define ANSWER_MAX (512 * 1024)

bool dns_ascii(const char *name, char to[DNS_NAME_MAX], struct fault *f)
{
	struct buf ascii;
	struct fault ignored = FAULT_INIT;
	buf_init(&ascii, DNS_NAME_MAX - 1);
	bool good = idna_domain(&ascii, str_of(name), &ignored) && ascii.len > 0;
	if (good)
		memcpy(to, buf_cstr(&ascii), ascii.len + 1);
	buf_release(&ascii);
	return good || fault_set(f, FAULT_RELAY, "cannot look up %s: not a host name",
	                         name[0] == '\0' ? "\"\"" : name);
}

/* Runs the question in a child; out has the frames that came. */
static bool ask(struct resolver_question *q, int64_t deadline, struct buf *out, bool *ended,
                struct fault *f)
{
	buf_init(out, ANSWER_MAX);
	if (aside_run(resolver_task, q, deadline, out, ended, f))
		return true;
	buf_release(out);
	return fault_prefix(f, "cannot look up %s", q->name);
}

/* What the frames of one look-up came to. */
struct gathered {
	struct dns_addresses *addresses;
	struct dns_records *records;
	enum dns_type type; /* of the records of the frame at hand */
	bool no_name, no_data, failed;
	char reason[128];
};

static bool add_address(struct dns_addresses *to, const struct sockaddr_storage *at)
{
	if (to && to->count < DNS_ADDRESSES_MAX)
		to->at[to->count++] = *at;
	return true;
}

static bool each_record(void *context, const struct dns_record *r, struct fault *f)
{
	struct gathered *g = context;
	struct sockaddr_storage at = {0};
	(void)f;
	if (g->records) {
		if (g->records->count < DNS_RECORDS_MAX)
			g->records->at[g->records->count++] = *r;
		return true;
	}
	if (r->type == DNS_A) {
		struct sockaddr_in v4 = {.sin_family = AF_INET};
		memcpy(&v4.sin_addr, r->data, sizeof(v4.sin_addr));
		memcpy(&at, &v4, sizeof(v4));
	} else {
		struct sockaddr_in6 v6 = {.sin6_family = AF_INET6};
		memcpy(&v6.sin6_addr, r->data, sizeof(v6.sin6_addr));
		memcpy(&at, &v6, sizeof(v6));
	}
	return add_address(g->addresses, &at);
}

static void note_failure(struct gathered *g, const char *reason)
{
	g->failed = true;
	codec_printable(g->reason, sizeof(g->reason), str_of(reason));
}

static void gather_message(struct gathered *g, struct str bytes)
{
	struct fault f = FAULT_INIT;
	int rcode;
	/* The resolver has judged the response code already. */
	if (!dnsmsg_answers(bytes, g->type, &rcode, each_record, g, &f))
		note_failure(g, f.text);
}

static void gather_frame(struct gathered *g, const struct resolver_frame *frame,
                         struct str bytes)
{
	char text[128];
	switch (frame->kind) {
		struct sockaddr_storage at;
	case RESOLVER_ADDRESSES:
		for (; bytes.len >= sizeof(at); bytes = str_from(bytes, sizeof(at))) {
			memcpy(&at, bytes.at, sizeof(at));
			add_address(g->addresses, &at);
		}
		break;
	case RESOLVER_MESSAGE:
		g->type = frame->type;
		gather_message(g, bytes);
		break;
	case RESOLVER_NO_NAME:
		g->no_name = true;
		break;
	case RESOLVER_NO_DATA:
		g->no_data = true;
		break;
	case RESOLVER_FAILED:
	case RESOLVER_NAME:
		bytes = str_first(bytes, sizeof(text) - 1);
		memcpy(text, bytes.at, bytes.len);
		text[bytes.len] = '\0';
		note_failure(g, text);
		break;
	}
}

/* The next whole frame of *rest; false at the end or where it was cut off. */
static bool next_frame(struct str *rest, struct resolver_frame *frame, struct str *bytes)
{
	if (rest->len < sizeof(*frame))
		return false;
	memcpy(frame, rest->at, sizeof(*frame));
	*rest = str_from(*rest, sizeof(*frame));
	if (frame->len > rest->len)
		return false;
	*bytes = str_first(*rest, frame->len);
	*rest = str_from(*rest, frame->len);
	return true;
}

static bool look_up(struct resolver_question *q, struct gathered *g, int64_t deadline,
                    enum dns_result *result, struct fault *f)
{
	struct buf out;
	bool ended, any = false;
	if (!ask(q, deadline, &out, &ended, f))
		return false;
	struct str rest = buf_str(&out);
	struct resolver_frame frame;
	struct str bytes;
	while (next_frame(&rest, &frame, &bytes)) {
		gather_frame(g, &frame, bytes);
		any = true;
	}
	buf_release(&out);
	size_t found = g->records ? g->records->count : g->addresses->count;
	if (found > 0) {
		*result = DNS_FOUND;
		return true;
	}
	/* The child may give up, without a word, just when we do. */
	if (!ended || (!any && clock_left_ms(deadline) == 0)) {
		fault_set(f, FAULT_TEMP, "cannot look up %s: no answer in time", q->name);
		f->sys = ETIMEDOUT;
		return false;
	}
	if (g->failed || !any)
		return fault_set(f, FAULT_TEMP, "cannot look up %s: %s", q->name,
		                 g->failed ? g->reason : "the look-up ended without an answer");
	*result = g->no_name ? DNS_NO_NAME : DNS_NO_DATA;
	return true;
}

static bool is_localhost(const char *name)
{
	struct str s = str_of(name);
	if (str_ends(s, STR(".")))
		s.len--;
	return str_caseeq(s, STR("localhost")) || str_caseends(s, STR(".localhost"));
}

/* Known without asking (RFC 6761 section 6.3): a small machine has no
 * /etc/hosts, and no server must be asked for this name. */
static void add_loopback(int family, struct dns_addresses *out)
{
	struct sockaddr_in v4 = {.sin_family = AF_INET,
	                         .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	struct sockaddr_in6 v6 = {.sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT};
	if (family != AF_INET6)
		memcpy(&out->at[out->count++], &v4, sizeof(v4));
	if (family != AF_INET)
		memcpy(&out->at[out->count++], &v6, sizeof(v6));
}

bool dns_addresses(const char *name, int family, const struct host_addresses *servers,
                   int64_t deadline, struct dns_addresses *out, enum dns_result *result,
                   struct fault *f)
{
	char ascii[DNS_NAME_MAX];
	struct resolver_question q = {
	    .name = ascii, .family = family, .servers = servers, .deadline = deadline};
	struct gathered g = {.addresses = out};
	out->count = 0;
	*result = DNS_FOUND;
	if (is_localhost(name)) {
		memset(out->at, 0, 2 * sizeof(out->at[0]));
		add_loopback(family, out);
		return true;
	}
	return dns_ascii(name, ascii, f) && look_up(&q, &g, deadline, result, f);
}

/* Uniform in 0 .. limit - 1; limit is small, the bias is of no account. */
static uint32_t draw(uint32_t limit)
{
	return limit > 0 ? random_number() % limit : 0;
}

static void swap(struct dns_record *a, struct dns_record *b)
{
	struct dns_record other = *a;
	*a = *b;
	*b = other;
}

/* Which of n records of one preference comes next: by weight for SRV (RFC 2782),
 * by chance for MX (RFC 5321 5.1), where all weights are 0. */
static size_t choose(const struct dns_record *at, size_t n)
{
	uint32_t sum = 0;
	for (size_t i = 0; i < n; i++)
		sum += at[i].weight;
	if (sum == 0)
		return draw((uint32_t)n);
	/* Drawing 0 means one of weight 0, which so has a small chance too. */
	uint32_t pick = draw(sum + 1);
	for (size_t i = 0; i < n; i++) {
		if (pick == 0 ? at[i].weight == 0 : pick <= at[i].weight)
			return i;
		if (pick > 0)
			pick -= at[i].weight;
	}
	return draw((uint32_t)n);
}

void dns_order(struct dns_records *r)
{
	for (size_t i = 0; i < r->count; i++)
		for (size_t j = i; j > 0 && r->at[j].preference < r->at[j - 1].preference; j--)
			swap(&r->at[j], &r->at[j - 1]);
	for (size_t i = 0; i < r->count; i++) {
		size_t n = 1;
		while (i + n < r->count && r->at[i + n].preference == r->at[i].preference)
			n++;
		swap(&r->at[i], &r->at[i + choose(&r->at[i], n)]);
	}
}

bool dns_records(const char *name, enum dns_type type, const struct host_addresses *servers,
                 int64_t deadline, struct dns_records *out, enum dns_result *result,
                 struct fault *f)
{
	char ascii[DNS_NAME_MAX];
	struct resolver_question q = {
	    .name = ascii, .type = type, .servers = servers, .deadline = deadline};
	struct gathered g = {.records = out};
	out->count = 0;
	if (!dns_ascii(name, ascii, f) || !look_up(&q, &g, deadline, result, f))
		return false;
	dns_order(out);
	return true;
}

void dns_canonical(const char *name, char to[DNS_NAME_MAX], int64_t deadline)
{
	struct resolver_question q = {.name = name, .canonical = true, .deadline = deadline};
	struct fault f = FAULT_INIT;
	to[0] = '\0';
	struct buf out;
	bool ended;
	if (!ask(&q, deadline, &out, &ended, &f))
		return;
	struct str rest = buf_str(&out);
	struct resolver_frame frame;
	struct str bytes;
	if (next_frame(&rest, &frame, &bytes) && frame.kind == RESOLVER_NAME &&
	    bytes.len < DNS_NAME_MAX) {
		memcpy(to, bytes.at, bytes.len);
		to[bytes.len] = '\0';
	}
	buf_release(&out);
}
