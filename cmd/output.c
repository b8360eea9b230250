/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cmd/output.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "text/fault.h"

int output_end(const char *program, int code)
{
	if (fflush(stdout) == 0 && !ferror(stdout))
		return code;
	fprintf(stderr, "%s: cannot write: %s\n", program, strerror(errno));
	return fault_worse(code, fault_exit(FAULT_IO));
}
