/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * output - what a program has printed, at its end
 */
#ifndef CMD_OUTPUT_H
#define CMD_OUTPUT_H

/* What was printed on standard output counts only once it has left. Returns code, an exit
 * status; where some of it could not be written that is told on standard error, by program's
 * name, and the status is at least EX_IOERR. */
int output_end(const char *program, int code) __attribute__((warn_unused_result));

#endif
