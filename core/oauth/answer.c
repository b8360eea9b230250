/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "oauth/answer.h"

#include <jansson.h>
#include <stdalign.h>
#include <stdlib.h>
#include <string.h>

#include "text/codec.h"

/* Its size stands before each piece of memory. */
#define SIZE_ROOM alignof(max_align_t)

static void *take_memory(size_t size)
{
	char *at = malloc(SIZE_ROOM + size);
	if (!at)
		return NULL;
	memcpy(at, &size, sizeof(size));
	return at + SIZE_ROOM;
}

static void wipe_memory(void *memory)
{
	size_t size;
	if (!memory)
		return;
	char *at = (char *)memory - SIZE_ROOM;
	memcpy(&size, at, sizeof(size));
	codec_wipe(memory, size);
	free(at);
}

void answer_begin(void)
{
	json_set_alloc_funcs(take_memory, wipe_memory);
}

static json_t *json_of(const struct answer *a)
{
	return (json_t *)(uintptr_t)a;
}

struct answer *answer_read(struct str bytes)
{
	json_error_t error;
	json_t *json = json_loadb(bytes.at, bytes.len, JSON_REJECT_DUPLICATES, &error);
	if (json_is_object(json))
		return (struct answer *)json;
	json_decref(json);
	return NULL;
}

void answer_free(struct answer *a)
{
	json_decref(json_of(a));
}

const char *answer_text(const struct answer *a, const char *name)
{
	return json_string_value(json_object_get(json_of(a), name));
}

int64_t answer_number(const struct answer *a, const char *name)
{
	const json_t *member = json_object_get(json_of(a), name);
	long long number;
	if (json_is_integer(member))
		return json_integer_value(member);
	return str_number(str_of(json_string_value(member)), &number) ? number : 0;
}

bool answer_lists(const struct answer *a, const char *name, const char *word, bool *there)
{
	const json_t *list = json_object_get(json_of(a), name);
	*there = json_is_array(list);
	for (size_t i = 0; i < json_array_size(list); i++)
		if (str_eq(str_of(json_string_value(json_array_get(list, i))), str_of(word)))
			return true;
	return false;
}
