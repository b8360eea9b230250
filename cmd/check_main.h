/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * check_main - what the program of the network does for sendmail
 *
 * sendmail itself links no TLS, which takes longer to load than a message to be
 * taken over; mailq does, and is started for what needs it.
 */
#ifndef CMD_CHECK_MAIN_H
#define CMD_CHECK_MAIN_H

/* sendmail --check ...; returns the exit status. */
int check_main(int argc, char **argv);

/* --to-ascii DOMAIN: prints its A-labels, or an empty line if it has none. */
int to_ascii_main(const char *domain);

#endif
