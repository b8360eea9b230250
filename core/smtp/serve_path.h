/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * serve_path - what follows MAIL and RCPT: a path and parameters
 *
 * RFC 5321 section 4.1.2 has the form; SIZE is of RFC 1870, RET, ENVID, NOTIFY and ORCPT
 * of RFC 3461, AUTH of RFC 4954, BODY of RFC 6152, SMTPUTF8 of RFC 6531. The path is only
 * cut out, not judged. False: f has the code and the enhanced status of the reply.
 */
#ifndef SMTP_SERVE_PATH_H
#define SMTP_SERVE_PATH_H

#include "smtp/serve.h"

/* text: "FROM:" and what follows. size: of SIZE, 0 if not given. */
bool serve_read_mail(struct str text, struct serve_mail *mail, uint64_t *size, struct fault *f)
    __attribute__((warn_unused_result));
/* text: "TO:" and what follows. */
bool serve_read_rcpt(struct str text, struct serve_rcpt *rcpt, struct fault *f)
    __attribute__((warn_unused_result));

#endif
