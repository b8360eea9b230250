/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The grammar of RFC 5321 section 4.1 as a strict server reads it: names, paths, parameters.
 * The one licence taken: an underscore may stand in a domain.
 *
 * Functions that check return null, or what is wrong.
 */
#ifndef RELAY_SYNTAX_H
#define RELAY_SYNTAX_H

#include <stdbool.h>
#include <stddef.h>

#include "options.h"
#include "text.h"

/* Argument of EHLO: a domain or an address literal. */
const char *syntax_domain(const char *text, size_t len);

struct path {
	struct text address; /* without the brackets; "" for the null path */
	bool non_ascii;
};

/* Reads "<...>" at the start of text. null_ok: "<>" is allowed (MAIL); otherwise
 * "<Postmaster>" is. *used: its length. */
const char *syntax_path(const char *text, size_t len, bool null_ok, struct path *path,
                        size_t *used);

struct param {
	struct text name; /* upper case */
	struct text value;
	bool has_value;
};

enum { PARAM_MOST = 16 };

struct param_list {
	struct param list[PARAM_MOST];
	size_t count;
};

/* Reads what follows a path: (SP keyword [= value])*. */
const char *syntax_params(const char *text, size_t len, struct param_list *params);
void params_free(struct param_list *params);
const struct param *params_find(const struct param_list *params, const char *name);

/* As a JSON object; null for a parameter without a value. */
void params_json(const struct param_list *params, struct text *json);

/* Checks a parameter of MAIL or RCPT. *extension: which one must be on offer; EXT_COUNT: no
 * such parameter is known. */
const char *syntax_param(const struct param *param, bool of_mail, enum extension *extension);

#endif
