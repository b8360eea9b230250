/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * header_params - parameters of MIME fields (RFC 2045 section 5.1), and RFC 2231
 *
 * Reads as mailers really write: comments anywhere, values without the quotes they ought
 * to have, semicolons too many or none.
 */
#ifndef MAIL_HEADER_PARAMS_H
#define MAIL_HEADER_PARAMS_H

#include "text/token.h"

struct header_param {
	struct str name;    /* an atom */
	struct token value; /* an atom or a quoted string, both may be empty; token_add gives
	                     * what it stands for */
};

/* Takes the next "name=value" off *rest, and all before it that is none. False when there
 * is no other. */
bool header_next_param(struct str *rest, struct header_param *p);

/* Adds the value of a field with raw 8-bit values of parameters as extended ones (RFC 2231
 * section 4), in numbered pieces if they are long (section 3); the rest stays. */
bool header_encode_params(struct buf *out, struct str value)
    __attribute__((warn_unused_result));

#endif
