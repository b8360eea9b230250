/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Any bytes as the kernel's answer: a user comes only out of a whole answer to the question,
 * and a shorter one never says more. */
#include <netinet/in.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "net/peer_table.h"

#define NUMBER 7
#define ROW    88 /* bytes of an answer with a socket: struct nlmsghdr, struct inet_diag_msg */

static void check(bool fine)
{
	if (!fine)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct sockaddr_in a = {
	    .sin_family = AF_INET, .sin_port = htons(40312), .sin_addr = {htonl(0x7F000001)}};
	struct sockaddr_storage near = {0}, far = {0};
	memcpy(&near, &a, sizeof(a));
	memcpy(&far, &a, sizeof(a));
	((struct sockaddr_in *)&far)->sin_port = htons(25);
	char ask[PEER_TABLE_ASK];
	peer_table_ask(&near, &far, NULL, NUMBER, ask);
	struct str answer = str_make((const char *)data, size);
	struct peer_table_row row = {{0}, 0, 0}, half;
	int sys;
	enum peer_table_answer got = peer_table_read(answer, ask, &row, &sys);
	check(got != PEER_TABLE_ROW || (size >= ROW && sys == 0));
	check(got == PEER_TABLE_NONE || sys == 0);
	check(sys >= 0);
	for (size_t len = 0; len < size && len < ROW; len++) {
		enum peer_table_answer cut =
		    peer_table_read(str_first(answer, len), ask, &half, &sys);
		check(cut != PEER_TABLE_ROW && (cut == PEER_TABLE_BAD || cut == got));
	}
	return 0;
}
