/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * without_tls - in place of all that needs GnuTLS, for a mailq that lists, and sends
 * where nothing is encrypted and nobody logs in
 *
 * Loading that library takes longer than a message. mailq_main or transport/flush has
 * become the program that has it before any of this could be called (cmd/with_tls);
 * linking fails when something else needs it.
 */
#include "text/idna.h"
#include "net/tls.h"
#include "net/tls_parts.h"
#include "smtp/sasl_cram.h"
#include "smtp/sasl_scram.h"

static bool absent(struct fault *f)
{
	return fault_set(f, FAULT_SYSTEM, "this program was linked without TLS");
}

bool tls_is_here(void)
{
	return false;
}

bool tls_is_clear(struct str first, struct fault *f)
{
	(void)first;
	(void)f;
	return false;
}

struct tls_trust *tls_trust_new(const struct tls_setup *setup, struct fault *f)
{
	(void)setup;
	absent(f);
	return NULL;
}

void tls_trust_free(struct tls_trust *t)
{
	(void)t;
}

struct tls *tls_new(int fd, struct tls_trust *trust, struct fault *f)
{
	(void)fd;
	(void)trust;
	absent(f);
	return NULL;
}

void tls_free(struct tls *t)
{
	(void)t;
}

bool tls_handshake(struct tls *t, int64_t deadline, struct fault *f)
{
	(void)t;
	(void)deadline;
	return absent(f);
}

bool tls_read(struct tls *t, char *to, size_t len, size_t *got, int64_t deadline,
              struct fault *f)
{
	(void)t;
	(void)to;
	(void)len;
	(void)got;
	(void)deadline;
	return absent(f);
}

bool tls_write(struct tls *t, struct str bytes, int64_t stall_ms, int64_t limit,
               struct fault *f)
{
	(void)t;
	(void)bytes;
	(void)stall_ms;
	(void)limit;
	return absent(f);
}

void tls_goodbye(struct tls *t, int64_t deadline)
{
	(void)t;
	(void)deadline;
}

void tls_keep_ticket(struct tls *t)
{
	(void)t;
}

const struct tls_info *tls_info(const struct tls *t)
{
	(void)t;
	return NULL;
}

bool cram_digest(struct str password, struct str challenge, unsigned char to[CRAM_DIGEST_LEN])
{
	(void)password;
	(void)challenge;
	(void)to;
	return false;
}

struct scram *scram_new(const struct scram_setup *setup, struct fault *f)
{
	(void)setup;
	absent(f);
	return NULL;
}

void scram_free(struct scram *s)
{
	(void)s;
}

bool scram_first(struct scram *s, struct buf *out)
{
	(void)s;
	(void)out;
	return false;
}

bool scram_step(struct scram *s, struct str challenge, struct buf *out, struct fault *f)
{
	(void)s;
	(void)challenge;
	(void)out;
	return absent(f);
}

bool scram_proved(const struct scram *s)
{
	(void)s;
	return false;
}

bool scram_saslname(struct buf *out, struct str name)
{
	(void)out;
	(void)name;
	return false;
}

enum idna_mapped idna_by_library(struct buf *out, struct str domain, struct fault *f)
{
	(void)out;
	(void)domain;
	absent(f);
	return IDNA_FAILED;
}
