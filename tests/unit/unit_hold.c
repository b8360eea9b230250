/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "unit_hold.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "os/clock.h"
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

void unit_entry(struct entry *e, const char *sender, const char *rcpts)
{
	struct str rest = str_of(rcpts), rcpt;
	entry_init(e);
	e->created = clock_wall();
	e->uid = getuid();
	envelope_set_sender(&e->envelope, str_of(sender));
	while (str_cut(&rest, ' ', &rcpt))
		envelope_add(&e->envelope, rcpt);
}

void unit_hold_put(struct hold *h, struct entry *e, size_t more)
{
	const struct str line = STR("more\r\n");
	struct hold_put p;
	struct fault f = FAULT_INIT;
	ck_assert_msg(hold_put_begin(&p, h, e, 0, &f), "%s", f.text);
	ck_assert_msg(hold_put_message(&p, STR(UNIT_MESSAGE), &f), "%s", f.text);
	for (size_t i = 0; i < more; i++)
		ck_assert_msg(hold_put_message(&p, line, &f), "%s", f.text);
	e->facts = (struct message_facts){.size = strlen(UNIT_MESSAGE) + more * line.len,
	                                  .longest_line = 15};
	ck_assert_msg(hold_put_end(&p, HOLD_QUEUE, &f), "%s", f.text);
}

void unit_hold_message(struct hold *h, const char *sender, const char *rcpts, hold_id id)
{
	struct entry e;
	unit_entry(&e, sender, rcpts);
	unit_hold_put(h, &e, 0);
	memcpy(id, e.id, sizeof(hold_id));
	entry_release(&e);
}

void unit_hold_claim(struct hold *h, enum hold_room room, const char *id, struct hold_entry *he)
{
	struct fault f = FAULT_INIT;
	ck_assert_msg(hold_claim(h, room, id, he, &f) == CLAIM_OK, "%s: %s", id, f.text);
}

size_t unit_hold_count(const struct hold *h, enum hold_room room)
{
	hold_id *ids;
	size_t count;
	struct fault f = FAULT_INIT;
	ck_assert_msg(hold_list(h, room, &ids, &count, &f), "%s", f.text);
	free(ids);
	return count;
}
