/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "hold/state_file.h"

#include <stdio.h>
#include <string.h>

#include "text/buf.h"
#include "text/codec.h"
#include "text/crc.h"

#define BEGINNING 29 /* bytes of what is too long: as many as fit, whatever they are */

static const char *const kinds[] = {
    [STATE_SERVER] = "server.", [STATE_WINDOW] = "window.", [STATE_RATE] = "rate.",
    [STATE_SLOTS] = "slots.",   [STATE_TICKET] = "ticket.",
};

size_t state_file_name(char name[STATE_NAME_SIZE], enum state_kind kind, const char *about)
{
	struct str all = str_of(about);
	struct buf word;
	buf_init(&word, STATE_WORD_MAX);
	if (!codec_percent(&word, all, "-_"))
		(void)!(codec_percent(&word, str_first(all, BEGINNING), "-_") &&
		        buf_addf(&word, "~%08lX", (unsigned long)crc_add(0, all.at, all.len)));
	int len = snprintf(name, STATE_NAME_SIZE, "%s%s", kinds[kind], buf_cstr(&word));
	buf_release(&word);
	return (size_t)len;
}

bool state_file_is(const char *name)
{
	for (size_t i = 0; i < COUNT(kinds); i++)
		if (str_starts(str_of(name), str_of(kinds[i])))
			return true;
	return false;
}
