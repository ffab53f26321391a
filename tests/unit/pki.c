/* SPDX-License-Identifier: MIT */
/* Making certificates for tests. */

#include "tests/unit/pki.h"

#include "tests/cmocka-all.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/conf.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <openssl/x509v3.h>

#include "tests/unit/pki-private.h"

#define SERIAL_FIRST 0x1000

struct block {
	struct block *next;
	uint8_t data[];
};

struct pki {
	struct pki_cert *certs;
	struct block *blocks;
	uint64_t serial;
};

/* -- the maker --------------------------------------------------------------------------------- */

struct pki *
pki_new(void)
{
	struct pki *pki = calloc(1, sizeof(*pki));

	assert_non_null(pki);
	pki->serial = SERIAL_FIRST;
	return pki;
}

struct pki *
pki_free(struct pki *pki)
{
	struct pki_cert *cert, *next_cert;
	struct block *block, *next_block;

	if (!pki)
		return NULL;
	for (cert = pki->certs; cert; cert = next_cert) {
		next_cert = cert->next;
		X509_free(cert->x509);
		EVP_PKEY_free(cert->key);
		free(cert);
	}
	for (block = pki->blocks; block; block = next_block) {
		next_block = block->next;
		free(block);
	}
	free(pki);
	return NULL;
}

int
pki_setup(void **state)
{
	*state = pki_new();
	return 0;
}

int
pki_teardown(void **state)
{
	*state = pki_free(*state);
	return 0;
}

uint8_t *
pki_copy(struct pki *pki, struct mt_bytes bytes, size_t extra)
{
	struct block *block = calloc(1, sizeof(*block) + bytes.size + extra + 1);

	assert_non_null(block);
	if (bytes.size)
		memcpy(block->data, bytes.data, bytes.size);
	block->next = pki->blocks;
	pki->blocks = block;
	return block->data;
}

struct mt_bytes
pki_take_der(struct pki *pki, unsigned char *der, int size)
{
	struct mt_bytes bytes;

	assert_true(size > 0);
	bytes = (struct mt_bytes){der, (size_t)size};
	bytes.data = pki_copy(pki, bytes, 0);
	OPENSSL_free(der);
	return bytes;
}

/* -- keys -------------------------------------------------------------------------------------- */

static EVP_PKEY *
make_explicit(void)
{
	const OSSL_PARAM params[] = {
		OSSL_PARAM_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, (char[]){"P-256"}, 5),
		OSSL_PARAM_utf8_string(OSSL_PKEY_PARAM_EC_ENCODING, (char[]){"explicit"}, 8),
		OSSL_PARAM_END};
	EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_name(NULL, "EC", NULL);
	EVP_PKEY *key = NULL;

	assert_int_equal(EVP_PKEY_keygen_init(context), 1);
	assert_int_equal(EVP_PKEY_CTX_set_params(context, params), 1);
	assert_int_equal(EVP_PKEY_generate(context, &key), 1);
	EVP_PKEY_CTX_free(context);
	return key;
}

static EVP_PKEY *
make_key(enum pki_key kind)
{
	switch (kind) {
	case PKI_P256:
		return EVP_EC_gen("P-256");
	case PKI_P192:
		return EVP_EC_gen("P-192");
	case PKI_P224:
		return EVP_EC_gen("P-224");
	case PKI_P384:
		return EVP_EC_gen("P-384");
	case PKI_P256_EXPLICIT:
		return make_explicit();
	case PKI_ED25519:
		return EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
	case PKI_RSA1024:
		return EVP_RSA_gen(1024);
	case PKI_RSA2048:
		return EVP_RSA_gen(2048);
	}
	return NULL;
}

static const EVP_MD *
digest_of(const EVP_PKEY *signer, enum pki_digest digest)
{
	if (EVP_PKEY_get_base_id(signer) == EVP_PKEY_ED25519)
		return NULL;
	switch (digest) {
	case PKI_SHA256:
		return EVP_sha256();
	case PKI_SHA1:
		return EVP_sha1();
	case PKI_MD5:
		return EVP_md5();
	}
	return NULL;
}

/* -- names ------------------------------------------------------------------------------------- */

static ASN1_STRING *
to_string(int type, const struct pki_name *name)
{
	ASN1_STRING *string = ASN1_STRING_type_new(type);

	assert_non_null(string);
	assert_int_equal(ASN1_STRING_set(string, name->data, (int)name->size), 1);
	return string;
}

static void
set_other(GENERAL_NAME *general, const struct pki_name *name)
{
	const char *oid =
		name->type == PKI_NAME_UPN ? "1.3.6.1.4.1.311.20.2.3" : "1.3.6.1.5.5.7.8.7";
	int type = name->type == PKI_NAME_SRV_UTF8 ? V_ASN1_UTF8STRING : V_ASN1_IA5STRING;
	ASN1_TYPE *value = ASN1_TYPE_new();

	assert_non_null(value);
	ASN1_TYPE_set(value, type, to_string(type, name));
	assert_int_equal(GENERAL_NAME_set0_othername(general, OBJ_txt2obj(oid, 1), value), 1);
}

static void
add_name(GENERAL_NAMES *names, const struct pki_name *name)
{
	GENERAL_NAME *general = GENERAL_NAME_new();

	assert_non_null(general);
	if (name->type == PKI_NAME_DNS)
		GENERAL_NAME_set0_value(general, GEN_DNS, to_string(V_ASN1_IA5STRING, name));
	else if (name->type == PKI_NAME_URI)
		GENERAL_NAME_set0_value(general, GEN_URI, to_string(V_ASN1_IA5STRING, name));
	else if (name->type == PKI_NAME_IP)
		GENERAL_NAME_set0_value(general, GEN_IPADD, to_string(V_ASN1_OCTET_STRING, name));
	else
		set_other(general, name);
	assert_true(sk_GENERAL_NAME_push(names, general) > 0);
}

static void
add_names(X509 *cert, const struct pki_recipe *recipe)
{
	static const struct pki_name usual = PKI_DNS(PKI_HOST);
	GENERAL_NAMES *names = GENERAL_NAMES_new();

	assert_non_null(names);
	for (size_t i = 0; i < PKI_NAMES_MAX && recipe->names[i].type != PKI_NAME_NONE; i++)
		add_name(names, &recipe->names[i]);
	if (sk_GENERAL_NAME_num(names) == 0)
		add_name(names, &usual);
	assert_int_equal(X509_add1_ext_i2d(cert, NID_subject_alt_name, names, recipe->san_critical,
					   X509V3_ADD_APPEND),
			 1);
	GENERAL_NAMES_free(names);
}

static void
set_subject(X509 *cert, const struct pki_recipe *recipe)
{
	const char *usual = !recipe->is_ca ? "Server" : recipe->issuer ? "Intermediate" : "Root";
	const char *cn = recipe->cn ? recipe->cn : usual;
	X509_NAME *subject = X509_NAME_new();

	assert_non_null(subject);
	if (*cn)
		assert_int_equal(X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_UTF8,
							    (const unsigned char *)cn, -1, -1, 0),
				 1);
	assert_int_equal(X509_set_subject_name(cert, subject), 1);
	X509_NAME_free(subject);
}

/* -- extensions -------------------------------------------------------------------------------- */

static void
add_extension(X509 *cert, X509 *issuer, const char *name, const char *value)
{
	CONF *nothing = NCONF_new(NULL); /* some extensions ask for one, even if it is empty */
	X509_EXTENSION *extension;
	X509V3_CTX context;

	X509V3_set_ctx(&context, issuer, cert, NULL, NULL, 0);
	X509V3_set_nconf(&context, nothing);
	extension = X509V3_EXT_nconf(nothing, &context, name, value);
	assert_non_null(extension);
	assert_int_equal(X509_add_ext(cert, extension, -1), 1);
	X509_EXTENSION_free(extension);
	NCONF_free(nothing);
}

static bool
is_named(const struct pki_recipe *recipe, const char *extension)
{
	for (size_t i = 0; i < PKI_EXTENSIONS_MAX && recipe->extensions[i].name; i++)
		if (strcmp(recipe->extensions[i].name, extension) == 0)
			return true;
	return false;
}

static void
add_extensions(X509 *cert, const struct pki_recipe *recipe)
{
	static const char *const usual[2][2][2] = {
		{{"keyUsage", "critical,digitalSignature"}, {"extendedKeyUsage", "serverAuth"}},
		{{"basicConstraints", "critical,CA:TRUE"},
		 {"keyUsage", "critical,keyCertSign,cRLSign"}}};
	X509 *issuer = recipe->issuer ? recipe->issuer->x509 : cert;

	for (size_t i = 0; i < 2; i++) {
		const char *const *extension = usual[recipe->is_ca][i];

		if (!is_named(recipe, extension[0]))
			add_extension(cert, issuer, extension[0], extension[1]);
	}
	for (size_t i = 0; i < PKI_EXTENSIONS_MAX && recipe->extensions[i].name; i++)
		if (recipe->extensions[i].value)
			add_extension(cert, issuer, recipe->extensions[i].name,
				      recipe->extensions[i].value);
	if (!is_named(recipe, "subjectAltName") &&
	    (!recipe->is_ca || recipe->names[0].type != PKI_NAME_NONE))
		add_names(cert, recipe);
}

/* -- certificates ------------------------------------------------------------------------------ */

static void
set_dates(X509 *cert, const struct pki_recipe *recipe)
{
	bool usual = recipe->from_sec == 0 && recipe->until_sec == 0;
	int64_t from = usual ? -30 * PKI_DAY : recipe->from_sec;
	int64_t until = usual ? 30 * PKI_DAY : recipe->until_sec;

	assert_non_null(ASN1_TIME_set(X509_getm_notBefore(cert), (time_t)(PKI_NOW_SEC + from)));
	assert_non_null(ASN1_TIME_set(X509_getm_notAfter(cert), (time_t)(PKI_NOW_SEC + until)));
}

static void
set_serial(struct pki *pki, X509 *cert, const struct pki_recipe *recipe)
{
	BIGNUM *number = BN_new();
	ASN1_INTEGER *serial;

	assert_non_null(number);
	if (recipe->serial)
		assert_true(BN_hex2bn(&number, recipe->serial) > 0);
	else
		assert_int_equal(BN_set_word(number, pki->serial++), 1);
	serial = BN_to_ASN1_INTEGER(number, NULL);
	assert_int_equal(X509_set_serialNumber(cert, serial), 1);
	ASN1_INTEGER_free(serial);
	BN_free(number);
}

static EVP_PKEY *
choose_key(const struct pki_recipe *recipe)
{
	if (!recipe->same_key)
		return make_key(recipe->key);
	assert_int_equal(EVP_PKEY_up_ref(recipe->same_key->key), 1);
	return recipe->same_key->key;
}

const struct pki_cert *
pki_issue(struct pki *pki, const struct pki_recipe *recipe)
{
	struct pki_cert *cert = calloc(1, sizeof(*cert));
	EVP_PKEY *signer;
	unsigned char *der = NULL;
	int size;

	assert_non_null(cert);
	cert->next = pki->certs;
	pki->certs = cert;
	cert->x509 = X509_new();
	cert->key = choose_key(recipe);
	assert_true(cert->x509 && cert->key);
	signer = recipe->issuer ? recipe->issuer->key : cert->key;
	assert_int_equal(X509_set_version(cert->x509, recipe->is_v1 ? 0 : 2), 1);
	set_serial(pki, cert->x509, recipe);
	set_dates(cert->x509, recipe);
	set_subject(cert->x509, recipe);
	X509_set_issuer_name(cert->x509, X509_get_subject_name(recipe->issuer ? recipe->issuer->x509
									      : cert->x509));
	assert_int_equal(X509_set_pubkey(cert->x509, cert->key), 1);
	if (!recipe->is_v1)
		add_extensions(cert->x509, recipe);
	assert_true(X509_sign(cert->x509, signer, digest_of(signer, recipe->digest)) > 0);
	size = i2d_X509(cert->x509, &der);
	cert->der = pki_take_der(pki, der, size);
	return cert;
}
