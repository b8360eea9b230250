/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * assertion - a service account says who it is by a signed text (RFC 7523, RFC 7515)
 */
#ifndef CMD_TOKEN_ASSERTION_H
#define CMD_TOKEN_ASSERTION_H

#include "cmd/token/provider.h"

/* Adds the assertion for the user of the order to the form: of the account's JSON file
 * client_email, private_key_id and private_key (RSA, PEM) are used. It is good for five
 * minutes from now. */
bool assertion_add(struct buf *form, const struct provider *p, int64_t now, struct fault *f);

#endif
