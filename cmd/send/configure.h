/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * configure - sendmail --configure ADDRESS: a complete configuration for an account
 *
 * Asked in turn: the table of providers for the address's domain; else DNS for the domain's
 * submission services (RFC 6186, RFC 8314), and the table again for who has its MX. What is
 * found is tried up to the login, which is left out, with a certificate that must be right.
 * Nothing is written but standard output; progress and doubts go to standard error. Of what
 * DNS and servers say only host names and ports become part of it.
 */
#ifndef CMD_SEND_CONFIGURE_H
#define CMD_SEND_CONFIGURE_H

#include "cmd/send/options.h"

/* The exit status: 69 with a template if nothing was found. */
int configure_main(const struct call *call);

#endif
