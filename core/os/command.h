/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * command - running a program that the configuration names
 *
 * An argv, no shell; the caller's environment is left behind but for what a
 * password manager needs to find its store; standard input and error are
 * /dev/null. Its output is read to the end, its exit status counts, and it is
 * ended with its children when the time is up.
 */
#ifndef OS_COMMAND_H
#define OS_COMMAND_H

#include <stddef.h>
#include <stdint.h>

#include "text/fault.h"

/* Runs argv (ended by NULL, argv[0] looked up in a fixed PATH) until deadline
 * (monotonic ms). The first line of its output goes to first, as far as its
 * size bytes reach (longer: *len is size); what comes after it is thrown away. key: the
 * key that names it, for texts. False with FAULT_RELAY unless it ended with 0. */
bool command_run(const char *key, char *const *argv, int64_t deadline, char *first, size_t size,
                 size_t *len, struct fault *f) __attribute__((warn_unused_result));

#endif
