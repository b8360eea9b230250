/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "os/sandbox.h"

#include <sys/resource.h>
#include <time.h>
#ifdef __linux__
#include <sys/prctl.h>
#endif

#include "os/sandbox_parts.h"

void narrow_hide(void)
{
	const struct rlimit none = {0, 0};

	(void)setrlimit(RLIMIT_CORE, &none);
#ifdef __linux__
	(void)prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
#endif
}

static bool stop_gains(void)
{
#if defined(__linux__) && defined(PR_SET_NO_NEW_PRIVS)
	return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0;
#else
	return false;
#endif
}

unsigned narrow(const struct narrow_wishes *wishes)
{
	unsigned done;

	/* TZ may name a file anywhere, and the C library reads it at the first use. */
	tzset();
	if (!stop_gains())
		return 0;
	done = NARROW_PRIVILEGES;
	if (!wishes->programs && narrow_files(wishes))
		done |= NARROW_FILES;
	if (narrow_calls(wishes->programs))
		done |= NARROW_CALLS;
	return done;
}
