/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "os/sandbox.h"

#include <stdint.h>
#include <sys/resource.h>
#include <unistd.h>
#ifdef __linux__
#include <sys/prctl.h>
#include <sys/syscall.h>
/* A C library for Linux may come without the kernel's own headers. */
#ifdef __has_include
#if __has_include(<linux/capability.h>)
#include <linux/capability.h>
#endif
#endif
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

/* Only root has any. What it keeps is for files that belong to another, which Landlock
 * confines, and for the last bytes of a disk. */
static void drop_capabilities(void)
{
#ifdef _LINUX_CAPABILITY_VERSION_3
	static const int kept[] = {
	    CAP_CHOWN,      CAP_DAC_OVERRIDE, CAP_FOWNER, CAP_FSETID, CAP_SYS_RESOURCE,
#ifdef SANDBOX_SANITIZED
	    CAP_SYS_PTRACE,
#endif
	};
	struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct now[_LINUX_CAPABILITY_U32S_3];
	uint32_t mask = 0;
	if (syscall(SYS_capget, &head, now) != 0)
		return;
	for (size_t i = 0; i < sizeof(kept) / sizeof(kept[0]); i++)
		mask |= (uint32_t)1 << kept[i];
	/* All of these are below 32. A process that has none needs no call that a service's
	 * own filter may refuse. */
	if (!(now[0].permitted & ~mask) && !now[1].permitted && !now[0].inheritable)
		return;
	now[0].effective &= mask;
	now[0].permitted &= mask;
	now[1].effective = now[1].permitted = 0;
	now[0].inheritable = now[1].inheritable = 0;
	syscall(SYS_capset, &head, now);
#endif
}

unsigned sandbox(const struct sandbox_wishes *wishes)
{
	if (!stop_gains())
		return 0;
	drop_capabilities();
	unsigned done = SANDBOX_PRIVILEGES;
	if (!wishes->programs && sandbox_files(wishes))
		done |= SANDBOX_FILES;
	if (sandbox_calls(wishes->programs))
		done |= SANDBOX_CALLS;
	return done;
}
