/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * check_main - what flushq does for sendmail, which has no TLS library (cmd/with_tls)
 */
#ifndef CMD_SEND_CHECK_MAIN_H
#define CMD_SEND_CHECK_MAIN_H

/* sendmail --check ... or --configure ...; returns the exit status. */
int check_main(int argc, char **argv);

/* --to-ascii DOMAIN: prints its A-labels, or an empty line if it has none. */
int to_ascii_main(const char *domain);

#endif
