/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * providers - the table of presets as people read it, for sendmail --providers
 */
#ifndef CMD_SEND_PROVIDERS_H
#define CMD_SEND_PROVIDERS_H

#include <stdio.h>

/* Each row with what it fills in, what has to be done first, and its source, in lines of at
 * most 100 columns. */
void providers_print(FILE *out);

#endif
