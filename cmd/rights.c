/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cmd/rights.h"

#include <errno.h>
#include <stdlib.h>
#ifdef HAVE_GETAUXVAL
#include <sys/auxv.h>
#endif
#include <unistd.h>

#include "text/buf.h"

extern char **environ;

bool rights_borrowed(void)
{
	bool borrowed = getuid() != geteuid() || getgid() != getegid();
	/* What else the kernel knows: capabilities of a file, another domain. */
#ifdef HAVE_GETAUXVAL
	borrowed = borrowed || getauxval(AT_SECURE) != 0;
#endif
#ifdef HAVE_ISSETUGID
	borrowed = borrowed || issetugid();
#endif
	return borrowed;
}

/* Of the variables that count the first is for a service, and never borrowed. */
static bool keep_variables(bool service, const char *home, struct fault *f)
{
	static const char *const kept[] = {"CREDENTIALS_DIRECTORY", "NO_COLOR", "TERM", "TZ"};
	char *values[COUNT(kept)];
	size_t n = COUNT(kept);
	bool ok = true;
	for (size_t i = 0; i < n; i++) {
		const char *value = i > 0 || service ? getenv(kept[i]) : NULL;
		values[i] = value ? mem_copy(str_of(value)) : NULL;
	}
	environ = NULL;
	for (size_t i = 0; i < n; i++) {
		ok = ok && (!values[i] || setenv(kept[i], values[i], 1) == 0);
		free(values[i]);
	}
	ok = ok && (!home || setenv("HOME", home, 1) == 0);
	return ok || fault_sys(f, FAULT_TEMP, errno, "the environment");
}

bool rights_begin(const char *path, struct fault *f)
{
	if (!rights_borrowed())
		return true;
	if (!path)
		return keep_variables(false, NULL, f);
	return fault_set(f, FAULT_NOPERM,
	                 "-C %s: not for a set-user-ID or set-group-ID program, which would "
	                 "lend its rights to that file: leave it out, or run it as yourself",
	                 path);
}

bool rights_leave_environment(const char *home, struct fault *f)
{
	return keep_variables(true, home, f);
}
