/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * budget - how long one connection may keep us waiting in all; pure
 *
 * Each reply has a time-out of its own, as RFC 5321 section 4.5.3.2 has it, and each that
 * comes just in time would buy the next: over a thousand recipients, or a message that
 * is read byte by byte, that is days. So all waits for the server are added up, and
 * may not come to more than what has been done is worth:
 *
 *   the beginning, up to the login   2 replies
 *   each transaction                 1 reply, and 1/20 of one a recipient
 *   the bytes of the message         BUDGET_RATE a second, a slow modem
 *   the answer to the message        its own time-out, whatever went before: who is not
 *                                    waited for there may get the message twice
 *
 * Any one reply may take all of its time-out. What is left at the end of a transaction
 * is not saved up for the next ones, but for what the beginning had.
 */
#ifndef OS_BUDGET_H
#define OS_BUDGET_H

#include <stddef.h>
#include <stdint.h>

#define BUDGET_RATE 1024 /* bytes */

struct budget {
	int64_t reply_ms;  /* the time-out of a reply */
	int64_t left_ms;   /* of waiting; not below 0 */
	int64_t waited_ms; /* so far */
};

struct budget budget_open(int64_t reply_ms);
void budget_transaction(struct budget *b, size_t rcpts);
/* One more that is under way behind others: they have what is left, too. */
void budget_follow(struct budget *b, size_t rcpts);
/* The message is out: the answer to it is waited for. */
void budget_message(struct budget *b, int64_t answer_ms);
/* What so many bytes are worth, once the server has taken them. */
int64_t budget_worth_ms(uint64_t bytes);
void budget_bytes(struct budget *b, uint64_t bytes);

/* The longest that may be waited for what would be waited wait_ms for. */
int64_t budget_wait_ms(const struct budget *b, int64_t wait_ms);
void budget_spend(struct budget *b, int64_t ms);

#endif
