/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What a provider answers, as it is read from the connection and, after a process was ended,
 * from a file that has it in front of blanks: those change nothing, and a part of an answer is
 * none. A text of it has no NUL, and is what was written there if it is written again.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "oauth/answer.h"
#include "oauth/kept.h"

#define BLANKS   7
#define CUTS_MAX 600 /* longer inputs are not cut everywhere */

static const char *const members[] = {"access_token",
                                      "refresh_token",
                                      "token_type",
                                      "expires_in",
                                      "error",
                                      "error_description",
                                      "device_code",
                                      "user_code",
                                      "verification_uri",
                                      "interval",
                                      "issuer",
                                      "token_endpoint",
                                      "a",
                                      ""};

static void check(bool fine)
{
	if (!fine)
		abort();
}

static bool same_text(const char *a, const char *b)
{
	return a == b || (a && b && strcmp(a, b) == 0);
}

static void check_same(const struct answer *a, const struct answer *b)
{
	bool there, other;
	for (size_t i = 0; i < COUNT(members); i++) {
		const char *name = members[i];
		check(same_text(answer_text(a, name), answer_text(b, name)));
		check(answer_number(a, name) == answer_number(b, name));
		check(answer_lists(a, name, "a", &there) == answer_lists(b, name, "a", &other));
		check(there == other);
	}
}

static void check_token(const struct answer *a)
{
	const char *access = answer_text(a, "access_token");
	check(!access || !kept_is_access(str_of(access)) ||
	      (strlen(access) <= KEPT_TOKEN_MAX && !strpbrk(access, " \r\n\t")));
}

static void check_blanks(const struct answer *a, struct str whole)
{
	struct buf longer;
	buf_init(&longer, whole.len + BLANKS);
	for (size_t n = 0; n <= BLANKS; n++) {
		buf_clear(&longer);
		check(buf_add_str(&longer, whole));
		for (size_t k = 0; k < n; k++)
			check(buf_add_char(&longer, ' '));
		struct answer *again = answer_read(buf_str(&longer));
		check(again != NULL);
		check_same(a, again);
		answer_free(again);
	}
	buf_release(&longer);
}

/* Up to the brace that ends it. */
static void check_parts(struct str whole)
{
	size_t end = str_rfind(whole, '}');
	check(end != STR_NONE);
	for (size_t len = 0; len <= end && len < CUTS_MAX; len++)
		check(!answer_read(str_first(whole, len)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static bool begun;
	struct str whole = str_make((const char *)data, size);
	if (!begun)
		answer_begin();
	begun = true;
	struct answer *a = answer_read(whole);
	if (!a)
		return 0;
	check_token(a);
	check_blanks(a, whole);
	check_parts(whole);
	answer_free(a);
	return 0;
}
