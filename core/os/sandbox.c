/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "os/sandbox.h"

#include <sys/resource.h>
#include <time.h>
#ifdef __linux__
#include <sys/prctl.h>
#endif

#include "os/sandbox_parts.h"

void sandbox_hide(void)
{
	const struct rlimit none = {0, 0};
	setrlimit(RLIMIT_CORE, &none);
#ifdef __linux__
	prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
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

unsigned sandbox(const struct sandbox_wishes *wishes)
{
	/* TZ may name a file anywhere, and the C library reads it at the first use. */
	tzset();
	if (!stop_gains())
		return 0;
	unsigned done = SANDBOX_PRIVILEGES;
	if (!wishes->programs && sandbox_files(wishes))
		done |= SANDBOX_FILES;
	if (sandbox_calls(wishes->programs))
		done |= SANDBOX_CALLS;
	return done;
}
