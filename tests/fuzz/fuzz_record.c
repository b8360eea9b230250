/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * fuzz_record - records of any kind and length, arriving in pieces of any size
 *
 * The first byte says how the rest is cut. Oracles: what comes out is what a
 * plain walk over the whole input says, whatever the pieces; nothing is read
 * beyond a record; a length over the maximum is bad for good; a record that is
 * written again is the same bytes.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "post/record.h"

static void require(int holds)
{
	if (!holds)
		abort();
}

/* The record at data, by its head alone; 0: cut short, -1: too long. */
static long whole_length(const uint8_t *data, size_t size)
{
	if (size < RECORD_HEAD)
		return 0;
	size_t len =
	    (size_t)data[1] << 24 | (size_t)data[2] << 16 | (size_t)data[3] << 8 | data[4];
	if (len > RECORD_MAX)
		return -1;
	return size - RECORD_HEAD < len ? 0 : (long)(RECORD_HEAD + len);
}

static void check_again(const struct record *r, const uint8_t *data, size_t len)
{
	static char again[RECORD_HEAD + RECORD_MAX];
	int pair[2];
	require(socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0);
	require(record_write(pair[0], (enum record_kind)(unsigned char)r->kind, r->at, r->len,
	                     0) == 0);
	require(recv(pair[1], again, len, MSG_WAITALL) == (ssize_t)len);
	require(memcmp(again, data, len) == 0);
	require(recv(pair[1], again, 1, MSG_DONTWAIT) == -1);
	close(pair[0]);
	close(pair[1]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct record_reader reader;
	size_t sent = 0, at = 0;
	if (size < 1 || size > 65536)
		return 0;
	size_t step = (size_t)data[0] + 1;
	data++;
	size--;
	int pair[2];
	require(socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0);
	record_init(&reader);
	struct record r;
	for (;;) {
		long len = whole_length(data + at, sent - at);
		enum record_result got = record_read(&reader, pair[1], 0, &r);
		require(got == (len > 0 ? RECORD_OK : len < 0 ? RECORD_BAD : RECORD_SILENT));
		if (got == RECORD_BAD) {
			require(record_read(&reader, pair[1], 0, &r) == RECORD_BAD);
			break;
		}
		if (got == RECORD_OK) {
			require(r.kind == (char)data[at] && r.at[r.len] == '\0');
			require(memcmp(r.at, data + at + RECORD_HEAD, r.len) == 0);
			if (at == 0)
				check_again(&r, data, (size_t)len);
			at += (size_t)len;
			continue;
		}
		if (sent == size)
			break;
		if (step > size - sent)
			step = size - sent;
		require(write(pair[0], data + sent, step) == (ssize_t)step);
		sent += step;
	}
	close(pair[0]);
	if (sent == size && whole_length(data + at, size - at) == 0)
		require(record_read(&reader, pair[1], 0, &r) == RECORD_EOF);
	close(pair[1]);
	return 0;
}
