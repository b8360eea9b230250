/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "net/eyeballs.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <unistd.h>

#include "os/clock.h"
#include "net/address.h"

struct runner {
	int fd;
	size_t index;
};

/* Where things stand. */
struct race {
	const struct eyeballs *order;
	struct runner open[EYEBALLS_OPEN_MAX];
	size_t open_count;
	size_t next;      /* address to start next */
	int64_t next_at;  /* and when */
	int sys;          /* the failure to report, 0 none yet */
	size_t sys_index; /* and its address */
};

/* Says more about this host than about the server. */
static bool is_about_route(int sys)
{
	return sys == ENETUNREACH || sys == EADDRNOTAVAIL || sys == EAFNOSUPPORT ||
	       sys == EHOSTUNREACH || sys == EINVAL;
}

static void note_failure(struct race *race, size_t index, int sys)
{
	if (race->sys == 0 || !is_about_route(sys) || is_about_route(race->sys)) {
		race->sys = sys;
		race->sys_index = index;
	}
}

/* *connected if it was made at once; false: failed with errno. */
static bool start_one(const struct eyeballs *r, size_t index, int *fd, bool *connected)
{
	const struct sockaddr_storage *at = &r->at[index];
	int one = 1, sys;
	*connected = false;
	*fd = socket(at->ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (*fd < 0)
		return false;
	setsockopt(*fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	if (r->source &&
	    bind(*fd, (const struct sockaddr *)r->source, address_len(r->source)) != 0)
		goto failed;
	if (connect(*fd, (const struct sockaddr *)at, address_len(at)) == 0) {
		*connected = true;
		return true;
	}
	/* An interrupted connect goes on by itself, like one in progress. */
	if (errno == EINPROGRESS || errno == EINTR)
		return true;
failed:
	sys = errno;
	close(*fd);
	errno = sys;
	return false;
}

/* Starts the next address; true if that made a connection at once. */
static bool start_next(struct race *race, int *fd, size_t *index)
{
	size_t here = race->next++;
	bool connected;
	if (!start_one(race->order, here, fd, &connected)) {
		note_failure(race, here, errno);
		race->next_at = clock_mono_ms();
		return false;
	}
	if (connected) {
		*index = here;
		return true;
	}
	race->open[race->open_count++] = (struct runner){*fd, here};
	race->next_at = clock_deadline(EYEBALLS_STAGGER_MS);
	return false;
}

static void drop(struct race *race, size_t n)
{
	race->open[n] = race->open[--race->open_count];
}

/* Looks at attempts that ended; true if one made the connection. */
static bool finish_ready(struct race *race, const struct pollfd *ready, int *fd, size_t *index)
{
	/* Downwards, because drop() moves the last one into the gap. */
	for (size_t n = race->open_count; n > 0; n--) {
		struct runner runner = race->open[n - 1];
		socklen_t len = sizeof(int);
		int sys = 0;
		if (ready[n - 1].revents == 0)
			continue;
		if (getsockopt(runner.fd, SOL_SOCKET, SO_ERROR, &sys, &len) != 0)
			sys = errno;
		drop(race, n - 1);
		if (sys == 0) {
			*fd = runner.fd;
			*index = runner.index;
			return true;
		}
		close(runner.fd);
		note_failure(race, runner.index, sys);
		race->next_at = clock_mono_ms();
	}
	return false;
}

static bool may_start(const struct race *race)
{
	return race->next < race->order->count && race->open_count < EYEBALLS_OPEN_MAX;
}

/* Waits for an attempt to end, the next start or the deadline; true: connected. */
static bool wait_some(struct race *race, int *fd, size_t *index)
{
	int64_t until = race->order->deadline;
	if (may_start(race) && race->next_at < until)
		until = race->next_at;
	struct pollfd ready[EYEBALLS_OPEN_MAX];
	for (size_t i = 0; i < race->open_count; i++)
		ready[i] = (struct pollfd){.fd = race->open[i].fd, .events = POLLOUT};
	int n = poll(ready, (nfds_t)race->open_count, clock_left_ms(until));
	return n > 0 && finish_ready(race, ready, fd, index);
}

static bool run(struct race *race, int *fd, size_t *index)
{
	while (clock_left_ms(race->order->deadline) > 0) {
		bool due = race->open_count == 0 || clock_left_ms(race->next_at) == 0;
		if (may_start(race) && due) {
			if (start_next(race, fd, index))
				return true;
		} else if (race->open_count == 0) {
			return false;
		} else if (wait_some(race, fd, index)) {
			return true;
		}
	}
	/* The one that had the longest time stands for all that were under way. */
	if (race->open_count > 0)
		note_failure(race, race->open[0].index, ETIMEDOUT);
	else if (race->sys == 0)
		note_failure(race, 0, ETIMEDOUT);
	return false;
}

bool eyeballs_run(const struct eyeballs *r, int *fd, size_t *index, struct fault *f)
{
	struct race race = {.order = r, .next_at = clock_mono_ms()};
	bool done = r->count > 0 && run(&race, fd, index);
	for (size_t i = 0; i < race.open_count; i++)
		close(race.open[i].fd);
	if (done)
		return true;
	*index = race.sys_index;
	*fd = -1;
	return fault_sys(f, FAULT_RELAY, race.sys, "connect");
}
