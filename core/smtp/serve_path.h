/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * serve_path - what follows MAIL and RCPT: a path and parameters (RFC 5321
 * section 4.1.2, RFC 1870, RFC 3461, RFC 4954, RFC 6152, RFC 6531)
 *
 * Faults have the code and status of the reply. The path is only cut out, not
 * judged.
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
