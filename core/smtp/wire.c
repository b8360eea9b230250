/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "smtp/wire.h"

#include <inttypes.h>

void wire_init(struct wire *w)
{
	w->line_start = true;
	w->cr = false;
}

static bool bare(struct fault *f, const char *what)
{
	return fault_set(f, FAULT_DATA, "the message has a bare %s: it was not sent", what);
}

static bool add(struct buf *out, struct str s, struct fault *f)
{
	if (!buf_add_str(out, s))
		return fault_set(f, FAULT_DATA, "more than %zu bytes wait to be written",
		                 out->max);
	return true;
}

/* The LF that must follow a CR, which went out before. */
static bool finish_line(struct wire *w, struct str bytes, struct buf *out, struct fault *f)
{
	if (bytes.at[0] != '\n')
		return bare(f, "CR");
	w->cr = false;
	w->line_start = true;
	return add(out, STR("\n"), f);
}

bool wire_data(struct wire *w, struct str bytes, struct buf *out, struct fault *f)
{
	while (bytes.len > 0) {
		if (w->cr) {
			if (!finish_line(w, bytes, out, f))
				return false;
			bytes = str_from(bytes, 1);
			continue;
		}
		if (w->line_start && bytes.at[0] == '.' && !add(out, STR("."), f))
			return false;
		size_t cr = str_find(bytes, '\r');
		w->cr = cr != STR_NONE;
		struct str run = str_first(bytes, w->cr ? cr + 1 : bytes.len);
		if (str_find(run, '\n') != STR_NONE)
			return bare(f, "LF");
		if (!add(out, run, f))
			return false;
		w->line_start = false;
		bytes = str_from(bytes, run.len);
	}
	return true;
}

bool wire_end(struct wire *w, struct buf *out, struct fault *f)
{
	if (w->cr)
		return bare(f, "CR");
	if (!w->line_start && !add(out, STR("\r\n"), f))
		return false;
	w->line_start = true;
	return add(out, STR(".\r\n"), f);
}

bool wire_bdat(struct buf *out, uint64_t size, bool last, struct fault *f)
{
	if (!buf_addf(out, "BDAT %" PRIu64 "%s\r\n", size, last ? " LAST" : ""))
		return fault_set(f, FAULT_DATA, "more than %zu bytes wait to be written",
		                 out->max);
	return true;
}
