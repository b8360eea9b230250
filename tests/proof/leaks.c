/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Part of the programs built with sanitizers: LeakSanitizer looks at a process by
 * tracing it, which one that hides (os/sandbox) does not allow; it would end the
 * process with an error instead. */
#include <sys/prctl.h>

int __lsan_is_turned_off(void);

int __lsan_is_turned_off(void)
{
	return prctl(PR_GET_DUMPABLE) != 1;
}
