/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * random - unpredictable bytes from the system
 */
#ifndef OS_RANDOM_H
#define OS_RANDOM_H

#include <stddef.h>
#include <stdint.h>

/* Fills to with len bytes. A system that has none to give ends the process with 75. */
void random_fill(void *to, size_t len);
uint32_t random_number(void);

#endif
