/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "text.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char alphabet[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

void die(const char *format, ...)
{
	fputs("relay: ", stderr);
	va_list ap;
	va_start(ap, format);
	vfprintf(stderr, format, ap);
	va_end(ap);
	fputc('\n', stderr);
	exit(2);
}

static void need(struct text *t, size_t more)
{
	size_t room = t->room ? t->room : 64;
	if (more > SIZE_MAX / 4 || t->len > SIZE_MAX / 4)
		die("out of memory");
	while (room < t->len + more + 1)
		room *= 2;
	if (room == t->room)
		return;
	t->data = realloc(t->data, room);
	if (!t->data)
		die("out of memory");
	t->room = room;
}

char *text_room(struct text *t, size_t most)
{
	need(t, most);
	t->data[t->len] = '\0';
	return t->data + t->len;
}

void text_grow(struct text *t, size_t len)
{
	t->len += len;
	t->data[t->len] = '\0';
}

void text_add(struct text *t, const void *bytes, size_t len)
{
	char *room = text_room(t, len);
	if (len)
		memcpy(room, bytes, len);
	text_grow(t, len);
}

void text_str(struct text *t, const char *string)
{
	text_add(t, string, strlen(string));
}

void text_char(struct text *t, char c)
{
	text_add(t, &c, 1);
}

void text_printf(struct text *t, const char *format, ...)
{
	va_list ap;
	va_start(ap, format);
	int len = vsnprintf(NULL, 0, format, ap);
	va_end(ap);
	if (len < 0)
		die("text_printf: bad format");
	need(t, (size_t)len);
	va_start(ap, format);
	vsnprintf(t->data + t->len, (size_t)len + 1, format, ap);
	va_end(ap);
	t->len += (size_t)len;
}

void text_cut(struct text *t, size_t n)
{
	if (n >= t->len) {
		text_clear(t);
		return;
	}
	t->len -= n;
	memmove(t->data, t->data + n, t->len + 1);
}

void text_clear(struct text *t)
{
	t->len = 0;
	if (t->data)
		t->data[0] = '\0';
}

void text_free(struct text *t)
{
	free(t->data);
	*t = (struct text){0};
}

const char *text_z(const struct text *t)
{
	return t->data ? t->data : "";
}

void text_json(struct text *t, const void *bytes, size_t len)
{
	const unsigned char *p = bytes;
	text_char(t, '"');
	for (size_t i = 0; i < len; i++) {
		if (p[i] == '\r')
			text_str(t, "\\r");
		else if (p[i] == '\n')
			text_str(t, "\\n");
		else if (p[i] < 0x20 || p[i] >= 0x7f)
			text_printf(t, "\\u%04x", p[i]);
		else {
			if (p[i] == '"' || p[i] == '\\')
				text_char(t, '\\');
			text_char(t, (char)p[i]);
		}
	}
	text_char(t, '"');
}

void text_base64(struct text *t, const void *bytes, size_t len)
{
	const unsigned char *p = bytes;
	for (size_t i = 0; i < len; i += 3) {
		size_t left = len - i;
		uint32_t v = (uint32_t)p[i] << 16;
		if (left > 1)
			v |= (uint32_t)p[i + 1] << 8;
		if (left > 2)
			v |= p[i + 2];
		text_char(t, alphabet[v >> 18]);
		text_char(t, alphabet[v >> 12 & 63]);
		text_char(t, left > 1 ? alphabet[v >> 6 & 63] : '=');
		text_char(t, left > 2 ? alphabet[v & 63] : '=');
	}
}

/* Four characters; the number of bytes in them, 0 when they are not base64. */
static size_t quartet(const char *c, bool last, unsigned char out[3])
{
	size_t pad = 0;
	uint32_t v = 0;
	if (last && c[3] == '=')
		pad = c[2] == '=' ? 2 : 1;
	for (size_t i = 0; i < 4; i++) {
		const char *found = i < 4 - pad && c[i] ? strchr(alphabet, c[i]) : NULL;
		if (i < 4 - pad && !found)
			return 0;
		v = v << 6 | (found ? (uint32_t)(found - alphabet) : 0);
	}
	out[0] = (unsigned char)(v >> 16);
	out[1] = (unsigned char)(v >> 8);
	out[2] = (unsigned char)v;
	if ((pad == 2 && out[1]) || (pad && out[2]))
		return 0;
	return 3 - pad;
}

bool text_unbase64(struct text *t, const char *coded, size_t len)
{
	if (len % 4)
		return false;
	unsigned char out[3];
	for (size_t i = 0; i < len; i += 4) {
		size_t n = quartet(coded + i, i + 4 == len, out);
		if (!n)
			return false;
		text_add(t, out, n);
	}
	need(t, 0);
	return true;
}
