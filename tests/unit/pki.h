/* SPDX-License-Identifier: MIT */
#ifndef MT_TESTS_UNIT_PKI_H
#define MT_TESTS_UNIT_PKI_H

/*
 * A small certification authority for tests: certificates and OCSP responses with every fault a
 * test asks for.
 *
 * A recipe says how a certificate differs from a good one: the zero recipe with an issuer is a good
 * server certificate for PKI_HOST, with is_ca a good authority. Everything made belongs to the
 * maker and dies with it. What cannot be made fails the test.
 */

#include <openssl/x509.h>

#include "policy/base.h"

#define PKI_NOW_SEC INT64_C(1767225600) /* 2026-01-01; CASE_NOW */
#define PKI_DAY INT64_C(86400)
#define PKI_HOST "imap.example.test"

#define PKI_NAMES_MAX 6
#define PKI_EXTENSIONS_MAX 6

struct pki;

struct pki_cert {
	struct pki_cert *next; /* the maker's list */
	X509 *x509;
	EVP_PKEY *key;
	struct mt_bytes der;
};

enum pki_key {
	PKI_P256 = 0,
	PKI_P192,
	PKI_P224,
	PKI_P384,
	PKI_P256_EXPLICIT, /* the curve's parameters spelt out instead of its name */
	PKI_ED25519,
	PKI_RSA1024,
	PKI_RSA2048
};

enum pki_digest { PKI_SHA256 = 0, PKI_SHA1, PKI_MD5 };

enum pki_name_type {
	PKI_NAME_NONE = 0,
	PKI_NAME_DNS,
	PKI_NAME_IP, /* octets */
	PKI_NAME_URI,
	PKI_NAME_SRV,      /* an IA5String, as RFC 4985 wants it */
	PKI_NAME_SRV_UTF8, /* the same as UTF8String */
	PKI_NAME_UPN       /* another type of otherName, an IA5String */
};

/* A name of the subjectAltName, any bytes. */
struct pki_name {
	enum pki_name_type type;
	const char *data;
	size_t size;
};

/* From literals, which may hold NULs. */
#define PKI_DNS(s)                             \
	{                                      \
		PKI_NAME_DNS, s, sizeof(s) - 1 \
	}
#define PKI_IP(s)                             \
	{                                     \
		PKI_NAME_IP, s, sizeof(s) - 1 \
	}
#define PKI_URI(s)                             \
	{                                      \
		PKI_NAME_URI, s, sizeof(s) - 1 \
	}
#define PKI_SRV(s)                             \
	{                                      \
		PKI_NAME_SRV, s, sizeof(s) - 1 \
	}
#define PKI_SRV_UTF8(s)                             \
	{                                           \
		PKI_NAME_SRV_UTF8, s, sizeof(s) - 1 \
	}
#define PKI_UPN(s)                             \
	{                                      \
		PKI_NAME_UPN, s, sizeof(s) - 1 \
	}

struct pki_recipe {
	const struct pki_cert *issuer; /* NULL: signs itself */
	bool is_ca;
	bool is_v1;     /* version 1, hence without extensions */
	const char *cn; /* "": an empty subject; NULL: "Server" and the like */
	struct pki_name names[PKI_NAMES_MAX]; /* none: PKI_HOST, for a server */
	bool san_critical;
	/* As x509v3_config(5) spells them. One named here replaces the usual one, without a value
	 * it is left out, named twice it stands twice. */
	struct {
		const char *name, *value;
	} extensions[PKI_EXTENSIONS_MAX];
	int64_t from_sec, until_sec;     /* after PKI_NOW_SEC; both zero: 30 days around it */
	const char *serial;              /* hexadecimal; NULL: one not used yet */
	enum pki_key key;                /* of a new key pair, */
	const struct pki_cert *same_key; /* or this one's */
	enum pki_digest digest;          /* of the signature upon it */
};

struct pki_staple_recipe {
	const struct pki_cert *subject, *issuer; /* the certificate in question */
	const struct pki_cert *signer;           /* NULL: the issuer */
	int status;                  /* V_OCSP_CERTSTATUS_GOOD, which is zero, and so on */
	int64_t from_sec, until_sec; /* after PKI_NOW_SEC; both zero: a day around it */
	bool without_next_update;
	bool without_certificates; /* the signer's is not in it */
	bool id_by_sha256;         /* the certificate is named by this digest instead of SHA-1 */
};

struct pki *pki_new(void);
struct pki *pki_free(struct pki *pki);

/* For cmocka: *state is a maker of its own for each test. */
int pki_setup(void **state);
int pki_teardown(void **state);

const struct pki_cert *pki_issue(struct pki *pki, const struct pki_recipe *recipe);

/* A DER OCSPResponse. */
struct mt_bytes pki_staple(struct pki *pki, const struct pki_staple_recipe *recipe);

/* A copy of bytes that the test may change, with room for extra bytes after them. */
uint8_t *pki_copy(struct pki *pki, struct mt_bytes bytes, size_t extra);

#endif
