/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "unit_hold.h"

#include <stdlib.h>
#include <string.h>

#include "unit.h"

void unit_hold_open(struct hold *h, char folder[UNIT_FOLDER])
{
	struct fault f = FAULT_INIT;
	memcpy(folder, "/tmp/postern-unit-XXXXXX", UNIT_FOLDER);
	ck_assert_ptr_nonnull(mkdtemp(folder));
	ck_assert_msg(hold_open(folder, h, &f), "%s", f.text);
}

void unit_hold_close(struct hold *h, const char *folder)
{
	char *command = mem_printf("rm -r %s", folder);
	hold_close(h);
	ck_assert_int_eq(system(command), 0);
	free(command);
}
