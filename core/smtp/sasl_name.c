/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "smtp/sasl_name.h"

static const char *const names[SASL_MECHANISMS] = {
    [SASL_SCRAM_SHA256_PLUS] = "SCRAM-SHA-256-PLUS",
    [SASL_SCRAM_SHA256] = "SCRAM-SHA-256",
    [SASL_SCRAM_SHA1_PLUS] = "SCRAM-SHA-1-PLUS",
    [SASL_SCRAM_SHA1] = "SCRAM-SHA-1",
    [SASL_PLAIN] = "PLAIN",
    [SASL_LOGIN] = "LOGIN",
    [SASL_EXTERNAL] = "EXTERNAL",
    [SASL_XOAUTH2] = "XOAUTH2",
    [SASL_OAUTHBEARER] = "OAUTHBEARER",
    [SASL_CRAM_MD5] = "CRAM-MD5",
};

const char *sasl_name(enum sasl_mechanism m)
{
	return (unsigned)m < SASL_MECHANISMS ? names[m] : "";
}

bool sasl_by_name(struct str name, enum sasl_mechanism *m)
{
	for (unsigned i = 0; i < SASL_MECHANISMS; i++) {
		if (str_caseeq(name, str_of(names[i]))) {
			*m = (enum sasl_mechanism)i;
			return true;
		}
	}
	return false;
}
