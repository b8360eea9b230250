/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "os/budget.h"

#define OPENING_REPLIES 2
#define RCPTS_A_REPLY   20
#define MUCH_MS         (INT64_MAX / 4) /* no sum of two of them overflows */

static int64_t add(int64_t a, int64_t b)
{
	int64_t sum = (a < MUCH_MS ? a : MUCH_MS) + (b < MUCH_MS ? b : MUCH_MS);
	return sum < MUCH_MS ? sum : MUCH_MS;
}

/* a and count are not below 0. */
static int64_t times(int64_t a, uint64_t count)
{
	return a > 0 && count > (uint64_t)(MUCH_MS / a) ? MUCH_MS : a * (int64_t)count;
}

struct budget budget_open(int64_t reply_ms)
{
	return (struct budget){.reply_ms = reply_ms,
	                       .left_ms = times(reply_ms, OPENING_REPLIES)};
}

void budget_transaction(struct budget *b, size_t rcpts)
{
	int64_t kept = times(b->reply_ms, OPENING_REPLIES);
	if (b->left_ms > kept)
		b->left_ms = kept;
	budget_follow(b, rcpts);
}

void budget_follow(struct budget *b, size_t rcpts)
{
	b->left_ms = add(b->left_ms, b->reply_ms);
	b->left_ms = add(b->left_ms, times(b->reply_ms, rcpts) / RCPTS_A_REPLY);
}

void budget_message(struct budget *b, int64_t answer_ms)
{
	b->left_ms = add(b->left_ms, answer_ms);
}

int64_t budget_worth_ms(uint64_t bytes)
{
	return times(1000, bytes) / BUDGET_RATE;
}

void budget_bytes(struct budget *b, uint64_t bytes)
{
	b->left_ms = add(b->left_ms, budget_worth_ms(bytes));
}

int64_t budget_wait_ms(const struct budget *b, int64_t wait_ms)
{
	return wait_ms < b->left_ms ? wait_ms : b->left_ms;
}

void budget_spend(struct budget *b, int64_t ms)
{
	if (ms <= 0)
		return;
	b->waited_ms = add(b->waited_ms, ms);
	b->left_ms = ms < b->left_ms ? b->left_ms - ms : 0;
}
