/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "net/peer_table.h"

#if defined(__linux__) && defined(__has_include)
#if __has_include(<linux/inet_diag.h>) && __has_include(<linux/sock_diag.h>)
#define HAVE_TABLE
#endif
#endif

#ifdef HAVE_TABLE

#include <errno.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#include "os/clock.h"
#include "os/wait.h"

#define ERRNO_MAX  4095 /* as the kernel has it */
#define ANSWER_MAX 8192
#define ANSWER_MS  5000 /* the kernel may have to load what answers */

struct question {
	struct nlmsghdr head;
	struct inet_diag_req_v2 body;
};

_Static_assert(sizeof(struct question) == PEER_TABLE_ASK, "the size of a question");

static void set_end(const struct sockaddr_storage *at, __be32 address[4], __be16 *port)
{
	const struct sockaddr_in *v4 = (const struct sockaddr_in *)at;
	const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)at;
	*port = at->ss_family == AF_INET6 ? v6->sin6_port : v4->sin_port;
	if (at->ss_family == AF_INET6)
		memcpy(address, &v6->sin6_addr, sizeof(v6->sin6_addr));
	else
		memcpy(address, &v4->sin_addr, sizeof(v4->sin_addr));
}

void peer_table_ask(const struct sockaddr_storage *near, const struct sockaddr_storage *far,
                    const uint32_t *cookie, uint32_t number, char ask[PEER_TABLE_ASK])
{
	struct question q = {
	    .head = {.nlmsg_len = sizeof(q),
	             .nlmsg_type = SOCK_DIAG_BY_FAMILY,
	             .nlmsg_flags = NLM_F_REQUEST,
	             .nlmsg_seq = number},
	    .body = {.sdiag_family = (unsigned char)near->ss_family,
	             .sdiag_protocol = IPPROTO_TCP,
	             .idiag_states = 1U << TCP_ESTABLISHED,
	             .id = {.idiag_cookie = {cookie ? cookie[0] : INET_DIAG_NOCOOKIE,
	                                     cookie ? cookie[1] : INET_DIAG_NOCOOKIE}}}};
	set_end(near, q.body.id.idiag_src, &q.body.id.idiag_sport);
	set_end(far, q.body.id.idiag_dst, &q.body.id.idiag_dport);
	memcpy(ask, &q, sizeof(q));
}

static enum peer_table_answer read_error(struct str payload, int *sys)
{
	int number;
	if (payload.len < sizeof(number))
		return PEER_TABLE_BAD;
	memcpy(&number, payload.at, sizeof(number));
	if (number >= 0 || number < -ERRNO_MAX)
		return PEER_TABLE_BAD;
	*sys = -number;
	return PEER_TABLE_NONE;
}

static enum peer_table_answer read_row(struct str payload, const struct question *q,
                                       struct peer_table_row *row)
{
	struct inet_diag_msg m;
	if (payload.len < sizeof(m))
		return PEER_TABLE_BAD;
	memcpy(&m, payload.at, sizeof(m));
	/* One who listens there is told instead of one who is connected. */
	if (m.idiag_state != TCP_ESTABLISHED)
		return PEER_TABLE_NONE;
	if (m.id.idiag_sport != q->body.id.idiag_sport ||
	    m.id.idiag_dport != q->body.id.idiag_dport)
		return PEER_TABLE_BAD;
	row->cookie[0] = m.id.idiag_cookie[0];
	row->cookie[1] = m.id.idiag_cookie[1];
	row->inode = m.idiag_inode;
	row->user = m.idiag_uid;
	return PEER_TABLE_ROW;
}

enum peer_table_answer peer_table_read(struct str answer, const char ask[PEER_TABLE_ASK],
                                       struct peer_table_row *row, int *sys)
{
	struct question q;
	struct nlmsghdr head;
	*sys = 0;
	memcpy(&q, ask, sizeof(q));
	if (answer.len < sizeof(head))
		return PEER_TABLE_BAD;
	memcpy(&head, answer.at, sizeof(head));
	if (head.nlmsg_len < sizeof(head) || head.nlmsg_len > answer.len ||
	    head.nlmsg_seq != q.head.nlmsg_seq)
		return PEER_TABLE_BAD;
	struct str payload = str_from(str_first(answer, head.nlmsg_len), sizeof(head));
	if (head.nlmsg_type == NLMSG_ERROR)
		return read_error(payload, sys);
	return head.nlmsg_type == SOCK_DIAG_BY_FAMILY ? read_row(payload, &q, row)
	                                              : PEER_TABLE_BAD;
}

static bool unknown(struct fault *f, int sys, const char *what)
{
	return fault_sys(f, FAULT_NOPERM, sys, "whose connection this is cannot be told (%s)",
	                 what);
}

/* Only the kernel itself has the number 0 as its address. */
static bool receive(int table, char *bytes, size_t *len, struct fault *f)
{
	struct sockaddr_nl from = {0};
	socklen_t size = sizeof(from);
	int sys = wait_until(table, POLLIN, clock_deadline(ANSWER_MS));
	ssize_t n = sys == 0 ? recvfrom(table, bytes, ANSWER_MAX, MSG_DONTWAIT,
	                                (struct sockaddr *)&from, &size)
	                     : -1;
	if (n < 0)
		return unknown(f, sys ? sys : errno, "no answer from netlink");
	*len = from.nl_pid == 0 ? (size_t)n : 0;
	return true;
}

static bool look_up(int table, const char ask[PEER_TABLE_ASK], struct peer_table_row *row,
                    struct fault *f)
{
	char answer[ANSWER_MAX];
	size_t len = 0;
	int sys;
	if (send(table, ask, PEER_TABLE_ASK, 0) != PEER_TABLE_ASK)
		return unknown(f, errno, "netlink");
	if (!receive(table, answer, &len, f))
		return false;
	switch (peer_table_read(str_make(answer, len), ask, row, &sys)) {
	case PEER_TABLE_ROW:
		return true;
	case PEER_TABLE_NONE:
		if (sys != 0 && sys != ENOENT && sys != ESTALE)
			return unknown(f, sys, "netlink");
		break;
	case PEER_TABLE_BAD:
		return unknown(f, EPROTO, "netlink");
	}
	return fault_set(f, FAULT_NOPERM,
	                 "no program of this machine has the other end of this connection");
}

static bool find(int table, const struct sockaddr_storage *near,
                 const struct sockaddr_storage *far, uid_t *user, struct fault *f)
{
	char ask[PEER_TABLE_ASK];
	struct peer_table_row first = {{0}, 0, 0}, again = first;
	peer_table_ask(near, far, NULL, 1, ask);
	if (!look_up(table, ask, &first, f))
		return false;
	peer_table_ask(near, far, first.cookie, 2, ask);
	if (!look_up(table, ask, &again, f))
		return false;
	*user = again.user;
	return (first.user == again.user && first.inode == again.inode && again.inode != 0) ||
	       fault_set(f, FAULT_NOPERM, "this connection has changed hands");
}

bool peer_table_user(const struct sockaddr_storage *near, const struct sockaddr_storage *far,
                     uid_t *user, struct fault *f)
{
	int table = socket(AF_NETLINK, SOCK_DGRAM | SOCK_CLOEXEC, NETLINK_SOCK_DIAG);
	if (table < 0)
		return unknown(f, errno, "netlink");
	bool ok = find(table, near, far, user, f);
	close(table);
	return ok;
}

#else

#include <string.h>

void peer_table_ask(const struct sockaddr_storage *near, const struct sockaddr_storage *far,
                    const uint32_t *cookie, uint32_t number, char ask[PEER_TABLE_ASK])
{
	(void)near, (void)far, (void)cookie, (void)number;
	memset(ask, 0, PEER_TABLE_ASK);
}

enum peer_table_answer peer_table_read(struct str answer, const char ask[PEER_TABLE_ASK],
                                       struct peer_table_row *row, int *sys)
{
	(void)answer, (void)ask, (void)row;
	*sys = 0;
	return PEER_TABLE_BAD;
}

bool peer_table_user(const struct sockaddr_storage *near, const struct sockaddr_storage *far,
                     uid_t *user, struct fault *f)
{
	(void)near, (void)far, (void)user;
	return fault_set(f, FAULT_NOPERM,
	                 "this system does not tell whose a TCP connection is: use a UNIX "
	                 "socket");
}

#endif
