/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * mailq_main - mailq and flushq as a function
 *
 * For the program of that name, and for sendmail called as mailq or runq, with
 * -bp or with -q. The base name of argv[0] decides: flushq and runq try held
 * mail and act on entries, any other name looks at them.
 */
#ifndef CMD_QUEUE_MAILQ_MAIN_H
#define CMD_QUEUE_MAILQ_MAIN_H

/* Descriptors 0 to 2 are open (file_std_open). Returns the exit code. */
int mailq_main(int argc, char **argv) __attribute__((warn_unused_result));

#endif
