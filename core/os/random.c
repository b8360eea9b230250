/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "os/random.h"

#include <errno.h>
#include <sys/random.h>
#include <unistd.h>

void random_fill(void *to, size_t len)
{
	unsigned char *at = to;
	while (len > 0) {
		ssize_t n = getrandom(at, len, 0);
		if (n > 0) {
			at += n;
			len -= (size_t)n;
		} else if (errno != EINTR) {
			_exit(75);
		}
	}
}

uint32_t random_number(void)
{
	uint32_t n;
	random_fill(&n, sizeof(n));
	return n;
}
