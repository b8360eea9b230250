/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cmd/token/assertion.h"

#include <gnutls/abstract.h>
#include <gnutls/gnutls.h>
#include <jansson.h>
#include <string.h>

#include "oauth/request.h"

#define FILE_MAX 32768
#define JWT_MAX  32768
#define LIFE     300

/* json is released. */
static bool add_json(struct buf *out, json_t *json)
{
	char *text = json ? json_dumps(json, JSON_COMPACT) : NULL;
	bool ok = text && request_base64url(out, str_of(text));
	/* From the functions that answer_begin has given it: json_dumps takes its memory there. */
	json_free_t give_back;
	json_get_alloc_funcs(NULL, &give_back);
	if (text)
		give_back(text);
	json_decref(json);
	return ok;
}

static bool sign(struct buf *jwt, const char *key, struct fault *f)
{
	gnutls_privkey_t signer;
	gnutls_datum_t pem = {(unsigned char *)(uintptr_t)key, (unsigned)strlen(key)};
	gnutls_datum_t signed_text = {(unsigned char *)jwt->at, (unsigned)jwt->len};
	gnutls_datum_t signature = {NULL, 0};
	int rc = gnutls_privkey_init(&signer);
	if (rc != 0)
		return fault_set(f, FAULT_TEMP, "%s", gnutls_strerror(rc));
	rc = gnutls_privkey_import_x509_raw(signer, &pem, GNUTLS_X509_FMT_PEM, NULL, 0);
	if (rc == 0 && gnutls_privkey_get_pk_algorithm(signer, NULL) != GNUTLS_PK_RSA)
		rc = GNUTLS_E_UNSUPPORTED_SIGNATURE_ALGORITHM;
	if (rc == 0)
		rc = gnutls_privkey_sign_data(signer, GNUTLS_DIG_SHA256, 0, &signed_text,
		                              &signature);
	bool ok =
	    rc == 0 && buf_add_char(jwt, '.') &&
	    request_base64url(jwt, str_make((const char *)signature.data, signature.size));
	gnutls_free(signature.data);
	gnutls_privkey_deinit(signer);
	return ok || fault_set(f, FAULT_CONFIG,
	                       "cannot sign with the private_key of "
	                       "service_account_file: %s",
	                       gnutls_strerror(rc));
}

static bool make(struct buf *jwt, const struct provider *p, const struct answer *account,
                 int64_t now, struct fault *f)
{
	const char *mail = answer_text(account, "client_email");
	const char *key = answer_text(account, "private_key");
	const char *id = answer_text(account, "private_key_id");
	if (!mail || !key)
		return fault_set(f, FAULT_CONFIG, "%s has no client_email and private_key",
		                 p->order->texts[TEXT_ACCOUNT_FILE]);
	json_t *head = json_pack("{s:s,s:s,s:s*}", "alg", "RS256", "typ", "JWT", "kid", id);
	json_t *claims =
	    json_pack("{s:s,s:s,s:s,s:s,s:I,s:I}", "iss", mail, "sub",
	              p->order->texts[TEXT_USER], "scope", p->scope, "aud", p->token, "iat",
	              (json_int_t)now, "exp", (json_int_t)(now + LIFE));
	bool ok = add_json(jwt, head) && buf_add_char(jwt, '.');
	ok = add_json(jwt, claims) && ok;
	return ok ? sign(jwt, key, f)
	          : fault_set(f, FAULT_DATA, "the assertion could not be made");
}

bool assertion_add(struct buf *form, const struct provider *p, int64_t now, struct fault *f)
{
	const char *path = p->order->texts[TEXT_ACCOUNT_FILE];
	struct buf file, jwt;
	buf_init(&file, FILE_MAX);
	buf_init(&jwt, JWT_MAX);
	bool ok = provider_secret(path, &file, f);
	struct answer *account = ok ? answer_read(buf_str(&file)) : NULL;
	if (ok && !account)
		ok = fault_set(f, FAULT_CONFIG, "%s is not the JSON file of an account", path);
	ok = ok && make(&jwt, p, account, now, f) &&
	     request_add(form, "assertion", buf_cstr(&jwt));
	answer_free(account);
	buf_wipe(&file);
	buf_release(&file);
	buf_wipe(&jwt);
	buf_release(&jwt);
	return ok;
}
