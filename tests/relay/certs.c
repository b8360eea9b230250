/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "certs.h"

#include <arpa/inet.h>
#include <errno.h>
#include <gnutls/abstract.h>
#include <gnutls/crypto.h>
#include <gnutls/x509.h>
#include <gnutls/x509-ext.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

enum { DAY = 86400 };

struct pair {
	gnutls_x509_crt_t crt;
	gnutls_x509_privkey_t key;
};

enum names {
	NAMES_GIVEN, /* the host names, and the address if there is one */
	NAMES_WRONG,
	NAMES_WILDCARD,
	NAMES_NONE, /* common name only */
	NAMES_ADDRESS,
	NAMES_CLIENT
};

enum issuer { BY_CA, BY_ITSELF, BY_STRANGER, BY_INTERMEDIATE, BY_SHA1_INTERMEDIATE };

enum key_type { KEY_P256, KEY_RSA_1024, KEY_RSA_2048 };

struct variant {
	const char *name;
	enum names names;
	enum issuer issuer;
	enum key_type key;
	int from_day, to_day; /* days from now */
	const char *purpose;
	bool sha1, must_staple;
};

#define SERVER GNUTLS_KP_TLS_WWW_SERVER

static const struct variant usual[] = {
    {"server", NAMES_GIVEN, BY_CA, KEY_P256, -1, 30, SERVER, false, false},
    {"client", NAMES_CLIENT, BY_CA, KEY_P256, -1, 30, GNUTLS_KP_TLS_WWW_CLIENT, false, false},
};

static const struct variant variants[] = {
    {"expired", NAMES_GIVEN, BY_CA, KEY_P256, -30, -2, SERVER, false, false},
    {"future", NAMES_GIVEN, BY_CA, KEY_P256, 2, 30, SERVER, false, false},
    {"self-signed", NAMES_GIVEN, BY_ITSELF, KEY_P256, -1, 30, SERVER, false, false},
    {"unknown-ca", NAMES_GIVEN, BY_STRANGER, KEY_P256, -1, 30, SERVER, false, false},
    {"wrong-host", NAMES_WRONG, BY_CA, KEY_P256, -1, 30, SERVER, false, false},
    {"wildcard", NAMES_WILDCARD, BY_CA, KEY_P256, -1, 30, SERVER, false, false},
    {"cn-only", NAMES_NONE, BY_CA, KEY_P256, -1, 30, SERVER, false, false},
    {"client-eku", NAMES_GIVEN, BY_CA, KEY_P256, -1, 30, GNUTLS_KP_TLS_WWW_CLIENT, false,
     false},
    {"email-eku", NAMES_GIVEN, BY_CA, KEY_P256, -1, 30, GNUTLS_KP_EMAIL_PROTECTION, false,
     false},
    {"sha1", NAMES_GIVEN, BY_CA, KEY_P256, -1, 30, SERVER, true, false},
    {"sha1-chain", NAMES_GIVEN, BY_SHA1_INTERMEDIATE, KEY_P256, -1, 30, SERVER, false, false},
    {"rsa1024", NAMES_GIVEN, BY_CA, KEY_RSA_1024, -1, 30, SERVER, false, false},
    {"rsa2048", NAMES_GIVEN, BY_CA, KEY_RSA_2048, -1, 30, SERVER, false, false},
    {"chain", NAMES_GIVEN, BY_INTERMEDIATE, KEY_P256, -1, 30, SERVER, false, false},
    {"must-staple", NAMES_GIVEN, BY_CA, KEY_P256, -1, 30, SERVER, false, true},
    {"ip", NAMES_ADDRESS, BY_CA, KEY_P256, -1, 30, SERVER, false, false},
};

static void must(int rc, const char *what)
{
	if (rc < 0)
		die("%s: %s", what, gnutls_strerror(rc));
}

static struct pair begin(enum key_type type)
{
	struct pair p;
	must(gnutls_x509_crt_init(&p.crt), "certificate");
	must(gnutls_x509_privkey_init(&p.key), "key");
	if (type == KEY_P256)
		must(gnutls_x509_privkey_generate(
		         p.key, GNUTLS_PK_ECDSA,
		         GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_SECP256R1), 0),
		     "key");
	else
		must(gnutls_x509_privkey_generate(p.key, GNUTLS_PK_RSA,
		                                  type == KEY_RSA_1024 ? 1024 : 2048, 0),
		     "key");
	must(gnutls_x509_crt_set_version(p.crt, 3), "version");
	must(gnutls_x509_crt_set_key(p.crt, p.key), "key");
	return p;
}

static void end(struct pair *p)
{
	gnutls_x509_crt_deinit(p->crt);
	gnutls_x509_privkey_deinit(p->key);
}

static void set_common(struct pair *p, const char *name, int from_day, int to_day)
{
	unsigned char serial[16], id[20];
	size_t len = sizeof id;
	must(gnutls_rnd(GNUTLS_RND_NONCE, serial, sizeof serial), "serial");
	serial[0] = (unsigned char)((serial[0] & 0x7f) | 1);
	must(gnutls_x509_crt_set_serial(p->crt, serial, sizeof serial), "serial");
	must(gnutls_x509_crt_set_dn_by_oid(p->crt, GNUTLS_OID_X520_COMMON_NAME, 0, name,
	                                   (unsigned)strlen(name)),
	     "name");
	must(gnutls_x509_crt_set_activation_time(p->crt, time(NULL) + (time_t)from_day * DAY),
	     "time");
	must(gnutls_x509_crt_set_expiration_time(p->crt, time(NULL) + (time_t)to_day * DAY),
	     "time");
	must(gnutls_x509_crt_get_key_id(p->crt, 0, id, &len), "key id");
	must(gnutls_x509_crt_set_subject_key_id(p->crt, id, len), "key id");
}

static void sign(struct pair *p, const struct pair *issuer, bool sha1)
{
	unsigned char id[20];
	size_t len = sizeof id;
	must(gnutls_x509_crt_get_key_id(issuer->crt, 0, id, &len), "key id");
	must(gnutls_x509_crt_set_authority_key_id(p->crt, id, len), "key id");
	must(gnutls_x509_crt_sign2(p->crt, issuer->crt, issuer->key,
	                           sha1 ? GNUTLS_DIG_SHA1 : GNUTLS_DIG_SHA256, 0),
	     "sign");
}

/* With no issuer it signs itself. */
static struct pair make_ca(const char *name, const struct pair *issuer, bool sha1)
{
	struct pair p = begin(KEY_P256);
	set_common(&p, name, -60, 60);
	must(gnutls_x509_crt_set_basic_constraints(p.crt, 1, issuer ? 0 : -1), "ca");
	must(gnutls_x509_crt_set_key_usage(p.crt,
	                                   GNUTLS_KEY_KEY_CERT_SIGN | GNUTLS_KEY_CRL_SIGN),
	     "usage");
	sign(&p, issuer ? issuer : &p, sha1);
	return p;
}

static void add_dns(struct pair *p, const char *name)
{
	must(gnutls_x509_crt_set_subject_alt_name(p->crt, GNUTLS_SAN_DNSNAME, name,
	                                          (unsigned)strlen(name), GNUTLS_FSAN_APPEND),
	     "name");
}

static void add_address(struct pair *p, const char *ip)
{
	unsigned char bytes[16];
	const bool v6 = strchr(ip, ':') != NULL;
	if (inet_pton(v6 ? AF_INET6 : AF_INET, ip, bytes) != 1)
		die("--ip: \"%s\" is not an address", ip);
	must(gnutls_x509_crt_set_subject_alt_name(p->crt, GNUTLS_SAN_IPADDRESS, bytes,
	                                          v6 ? 16 : 4, GNUTLS_FSAN_APPEND),
	     "address");
}

static void add_names(struct pair *p, enum names names, const struct options *o)
{
	const char *dot = strchr(o->name, '.');
	struct text wild = {0};
	switch (names) {
	case NAMES_GIVEN:
		for (unsigned i = 0; i < o->name_count; i++)
			add_dns(p, o->names[i]);
		if (o->ip)
			add_address(p, o->ip);
		break;
	case NAMES_WRONG:
		add_dns(p, "other.example");
		break;
	case NAMES_WILDCARD:
		text_printf(&wild, "*%s", dot ? dot : ".test");
		add_dns(p, wild.data);
		break;
	case NAMES_NONE:
		break;
	case NAMES_ADDRESS:
		add_address(p, o->ip ? o->ip : "127.0.0.1");
		break;
	case NAMES_CLIENT:
		add_dns(p, "client.test");
		break;
	}
	text_free(&wild);
}

static const char *common_name(enum names names, const struct options *o)
{
	switch (names) {
	case NAMES_GIVEN:
	case NAMES_WILDCARD:
	case NAMES_NONE:
		return o->name;
	case NAMES_ADDRESS:
		return o->ip ? o->ip : "127.0.0.1";
	case NAMES_WRONG:
		return "other.example";
	case NAMES_CLIENT:
		return "client.test";
	}
	return "";
}

static void set_leaf(struct pair *p, const struct variant *v, const struct options *o)
{
	unsigned usage = GNUTLS_KEY_DIGITAL_SIGNATURE;
	set_common(p, common_name(v->names, o), v->from_day, v->to_day);
	must(gnutls_x509_crt_set_basic_constraints(p->crt, 0, -1), "leaf");
	if (v->key != KEY_P256)
		usage |= GNUTLS_KEY_KEY_ENCIPHERMENT;
	must(gnutls_x509_crt_set_key_usage(p->crt, usage), "usage");
	must(gnutls_x509_crt_set_key_purpose_oid(p->crt, v->purpose, 0), "purpose");
	add_names(p, v->names, o);
	if (!v->must_staple)
		return;
	gnutls_x509_tlsfeatures_t features;
	must(gnutls_x509_tlsfeatures_init(&features), "feature");
	must(gnutls_x509_tlsfeatures_add(features, 5), "feature");
	must(gnutls_x509_crt_set_tlsfeatures(p->crt, features), "feature");
	gnutls_x509_tlsfeatures_deinit(features);
}

static void write_pem(const char *dir, const char *name, const char *end_of_name,
                      const gnutls_datum_t *first, const gnutls_datum_t *second)
{
	struct text path = {0};
	text_printf(&path, "%s/%s%s", dir, name, end_of_name);
	int fd = open(path.data, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	FILE *file = fd < 0 ? NULL : fdopen(fd, "w");
	if (!file || fwrite(first->data, 1, first->size, file) != first->size ||
	    (second && fwrite(second->data, 1, second->size, file) != second->size) ||
	    fclose(file))
		die("%s: %s", path.data, strerror(errno));
	text_free(&path);
}

static void write_pair(const char *dir, const char *name, const struct pair *p,
                       const struct pair *intermediate)
{
	gnutls_datum_t pem = {0}, more = {0};

	must(gnutls_x509_crt_export2(p->crt, GNUTLS_X509_FMT_PEM, &pem), name);
	if (intermediate)
		must(gnutls_x509_crt_export2(intermediate->crt, GNUTLS_X509_FMT_PEM, &more),
		     name);
	write_pem(dir, name, ".pem", &pem, intermediate ? &more : NULL);
	gnutls_free(pem.data);
	gnutls_free(more.data);
	must(gnutls_x509_privkey_export2(p->key, GNUTLS_X509_FMT_PEM, &pem), name);
	write_pem(dir, name, ".key", &pem, NULL);
	gnutls_free(pem.data);
}

static void make_leaf(const struct options *o, const struct variant *v, const struct pair *ca)
{
	struct pair p = begin(v->key);
	set_leaf(&p, v, o);
	switch (v->issuer) {
	case BY_CA:
		sign(&p, ca, v->sha1);
		write_pair(o->make_certs, v->name, &p, NULL);
		break;
	case BY_ITSELF:
		sign(&p, &p, v->sha1);
		write_pair(o->make_certs, v->name, &p, NULL);
		break;
		struct pair issuer;
	case BY_STRANGER:
		issuer = make_ca("Unknown CA", NULL, false);
		sign(&p, &issuer, v->sha1);
		write_pair(o->make_certs, v->name, &p, NULL);
		end(&issuer);
		break;
	case BY_INTERMEDIATE:
	case BY_SHA1_INTERMEDIATE:
		issuer =
		    make_ca("Relay test intermediate", ca, v->issuer == BY_SHA1_INTERMEDIATE);
		sign(&p, &issuer, v->sha1);
		write_pair(o->make_certs, v->name, &p, &issuer);
		end(&issuer);
		break;
	}
	end(&p);
}

void certs_make(const struct options *given)
{
	struct options o = *given;
	if (!o.name_count)
		o.names[o.name_count++] = o.name;
	o.name = o.names[0];
	if (mkdir(o.make_certs, 0700) && errno != EEXIST)
		die("%s: %s", o.make_certs, strerror(errno));
	struct pair ca = make_ca("Relay test CA", NULL, false);
	write_pair(o.make_certs, "ca", &ca, NULL);
	for (size_t i = 0; i < sizeof usual / sizeof *usual; i++)
		make_leaf(&o, usual + i, &ca);
	for (size_t i = 0; o.variants && i < sizeof variants / sizeof *variants; i++)
		make_leaf(&o, variants + i, &ca);
	end(&ca);
}
