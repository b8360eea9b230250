/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "net/tls.h"

#include <fcntl.h>
#include <gnutls/crypto.h>
#include <gnutls/x509.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "text/codec.h"
#include "text/host.h"
#include "os/file.h"
#include "net/tls_parts.h"

#define PEM_MAX ((size_t)8 * 1024 * 1024)

static gnutls_datum_t datum_of(const struct buf *b)
{
	return (gnutls_datum_t){(unsigned char *)b->at, (unsigned)b->len};
}

static bool read_pem(const char *setting, const char *path, struct buf *out, struct fault *f)
{
	buf_init(out, PEM_MAX);
	if (file_read_path(AT_FDCWD, path, out, f) && out->len > 0)
		return true;
	if (f->kind == FAULT_NONE)
		fault_set(f, FAULT_CONFIG, "%s is empty", path);
	f->kind = FAULT_CONFIG;
	buf_wipe(out);
	buf_release(out);
	return fault_prefix(f, "%s", setting);
}

/* One field of the key: with its length, so that no two settings look alike. */
static void key_add(gnutls_hash_hd_t hash, struct str s)
{
	const unsigned long long len = s.len;
	gnutls_hash(hash, &len, sizeof(len));
	if (s.len > 0)
		gnutls_hash(hash, s.at, s.len);
}

/* The name to compare: without a dot at its end; an address also as bytes. */
static bool set_name(struct tls_trust *t, const char *name, struct fault *f)
{
	struct str s = str_of(name);
	if (s.len > 1 && s.at[s.len - 1] == '.')
		s.len--;
	if (s.len == 0 && (t->mode == TLS_TRUST_SYSTEM || t->mode == TLS_TRUST_FILE))
		return fault_set(f, FAULT_CONFIG,
		                 "tls_name is needed: there is no host name to check");
	if (s.len == 0)
		return true;
	t->name = mem_copy(s);
	struct host_address address;
	/* A zone is this host's own business, not part of any certificate. */
	if (host_address(s, &address)) {
		memcpy(t->address, address.bytes, sizeof(t->address));
		t->address_len = address.family == AF_INET ? 4 : 16;
	}
	return true;
}

static bool set_pins(struct tls_trust *t, const struct tls_setup *setup, gnutls_hash_hd_t key,
                     struct fault *f)
{
	size_t size = setup->pin_count * sizeof(*t->pins);
	if (setup->pin_count == 0)
		return fault_set(f, FAULT_CONFIG, "tls_fingerprint is empty");
	t->pins = mem_alloc(size);
	memcpy(t->pins, setup->pins, size);
	t->pin_count = setup->pin_count;
	key_add(key, str_make((const char *)t->pins, size));
	return true;
}

static bool set_ca(struct tls_trust *t, const char *path, gnutls_hash_hd_t key, struct fault *f)
{
	if (!path)
		return fault_set(f, FAULT_CONFIG, "tls_trust: no CA file given");
	if (!read_pem("tls_trust", path, &t->ca_pem, f))
		return false;
	t->ca_file = mem_copy(str_of(path));
	key_add(key, buf_str(&t->ca_pem));
	return true;
}

bool tls_trust_load(struct tls_trust *t, struct fault *f)
{
	if (t->ca_pem.len == 0)
		return true;
	gnutls_datum_t data = datum_of(&t->ca_pem);
	int count;
	count =
	    gnutls_certificate_set_x509_trust_mem(t->credentials, &data, GNUTLS_X509_FMT_PEM);
	buf_release(&t->ca_pem);
	return count > 0 ||
	       fault_set(f, FAULT_CONFIG, "tls_trust: %s has no certificate (PEM): %s",
	                 t->ca_file, count < 0 ? gnutls_strerror(count) : "none found");
}

/* key may be NULL: it is in the file of the certificate then. */
static bool set_client(struct tls_trust *t, const char *certificate, const char *key_file,
                       gnutls_hash_hd_t key, struct fault *f)
{
	if (!key_file)
		key_file = certificate;
	struct buf pem;
	if (!read_pem("tls_certificate", certificate, &pem, f))
		return false;
	struct buf secret;
	if (!read_pem("tls_key", key_file, &secret, f)) {
		buf_wipe(&pem);
		buf_release(&pem);
		return false;
	}
	gnutls_datum_t pem_data = datum_of(&pem);
	gnutls_datum_t secret_data = datum_of(&secret);
	key_add(key, buf_str(&pem));
	int rc = gnutls_certificate_set_x509_key_mem(t->credentials, &pem_data, &secret_data,
	                                             GNUTLS_X509_FMT_PEM);
	buf_wipe(&pem);
	buf_wipe(&secret);
	buf_release(&pem);
	buf_release(&secret);
	return rc >= 0 ||
	       fault_set(f, FAULT_CONFIG, "tls_certificate %.90s with tls_key %.90s: %s",
	                 certificate, key_file, gnutls_strerror(rc));
}

static bool set_priority(struct tls_trust *t, const char *priority, struct fault *f)
{
	const char *where = priority;
	int rc = gnutls_priority_init(&t->priority, priority, &where);
	return rc == 0 || fault_set(f, FAULT_CONFIG, "tls_priority: %s at \"%.80s\"",
	                            gnutls_strerror(rc), where);
}

static bool set_all(struct tls_trust *t, const struct tls_setup *setup, gnutls_hash_hd_t key,
                    struct fault *f)
{
	const char *priority = setup->priority ? setup->priority : TLS_PRIORITY;
	const char mode = (char)('0' + (int)setup->mode);
	if (!set_name(t, setup->name, f) || !set_priority(t, priority, f))
		return false;
	key_add(key, str_make(&mode, 1));
	key_add(key, str_of(t->name));
	key_add(key, str_of(priority));
	switch (setup->mode) {
	case TLS_TRUST_FILE:
		if (!set_ca(t, setup->ca_file, key, f))
			return false;
		break;
	case TLS_TRUST_PINS:
		if (!set_pins(t, setup, key, f))
			return false;
		break;
	case TLS_TRUST_SYSTEM:
	case TLS_TRUST_NONE:
		break;
	}
	return !setup->certificate || set_client(t, setup->certificate, setup->key, key, f);
}

struct tls_trust *tls_trust_new(const struct tls_setup *setup, struct fault *f)
{
	struct tls_trust *t = mem_alloc(sizeof(*t));
	t->mode = setup->mode;
	t->wall = setup->wall;
	if (setup->ticket_file)
		t->ticket_file = mem_copy(str_of(setup->ticket_file));
	gnutls_hash_hd_t key;
	if (gnutls_certificate_allocate_credentials(&t->credentials) != 0 ||
	    gnutls_hash_init(&key, GNUTLS_DIG_SHA256) != 0) {
		fault_set(f, FAULT_SYSTEM, "GnuTLS cannot be started");
		tls_trust_free(t);
		return NULL;
	}
	bool done = set_all(t, setup, key, f);
	gnutls_hash_deinit(key, t->key);
	/* A ticket under that key says that they were good. */
	done = done && (tls_ticket_load(t) || tls_trust_load(t, f));
	if (!done) {
		tls_trust_free(t);
		return NULL;
	}
	return t;
}

void tls_trust_free(struct tls_trust *t)
{
	if (!t)
		return;
	if (t->credentials)
		gnutls_certificate_free_credentials(t->credentials);
	if (t->priority)
		gnutls_priority_deinit(t->priority);
	if (t->ticket.data)
		codec_wipe(t->ticket.data, t->ticket.len);
	free(t->ticket.data);
	free(t->name);
	free(t->pins);
	free(t->ca_file);
	buf_release(&t->ca_pem);
	free(t->ticket_file);
	free(t);
}
