/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * man-facts - what the manual must say, one fact a line, for tests/man-check
 *
 *	key SECTION NAME DEFAULT	DEFAULT is - if there is none
 *	exit CODE
 */
#include <stdio.h>

#include "text/fault.h"
#include "conf/settings.h"

int main(void)
{
	static const enum fault_kind classes[] = {
	    FAULT_NONE,    FAULT_USAGE,    FAULT_DATA,   FAULT_NOINPUT, FAULT_NOUSER,
	    FAULT_REFUSED, FAULT_SYSTEM,   FAULT_CREATE, FAULT_IO,      FAULT_TEMP,
	    FAULT_RELAY,   FAULT_PROTOCOL, FAULT_NOPERM, FAULT_CONFIG,
	};
	const char *section, *name, *standard;
	for (size_t i = 0; settings_key(i, &section, &name, &standard); i++)
		printf("key %s %s %s\n", section, name, standard[0] != '\0' ? standard : "-");
	for (size_t i = 0; i < sizeof(classes) / sizeof(*classes); i++)
		printf("exit %d\n", fault_exit(classes[i]));
	return 0;
}
