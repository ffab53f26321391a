/* SPDX-License-Identifier: MIT */
/* Making revocation lists for tests. */

#include "tests/unit/pki-crl.h"

#include "tests/cmocka-all.h"

#include <openssl/x509v3.h>

#include "tests/unit/pki-private.h"

static ASN1_TIME *
moment(int64_t after_sec)
{
	ASN1_TIME *time = ASN1_TIME_adj(NULL, (time_t)(PKI_NOW_SEC + after_sec), 0, 0);

	assert_non_null(time);
	return time;
}

static void
set_dates(X509_CRL *crl, const struct pki_crl_recipe *recipe)
{
	bool usual = recipe->from_sec == 0 && recipe->until_sec == 0;
	ASN1_TIME *from = moment(usual ? -PKI_DAY : recipe->from_sec);
	ASN1_TIME *until = moment(usual ? PKI_DAY : recipe->until_sec);

	assert_int_equal(X509_CRL_set1_lastUpdate(crl, from), 1);
	if (!recipe->without_next_update)
		assert_int_equal(X509_CRL_set1_nextUpdate(crl, until), 1);
	ASN1_TIME_free(from);
	ASN1_TIME_free(until);
}

static void
revoke(X509_CRL *crl, const ASN1_INTEGER *serial)
{
	X509_REVOKED *entry = X509_REVOKED_new();
	ASN1_TIME *when = moment(-2 * PKI_DAY);

	assert_non_null(entry);
	assert_int_equal(X509_REVOKED_set_serialNumber(entry, (ASN1_INTEGER *)(uintptr_t)serial),
			 1);
	assert_int_equal(X509_REVOKED_set_revocationDate(entry, when), 1);
	assert_int_equal(X509_CRL_add0_revoked(crl, entry), 1);
	ASN1_TIME_free(when);
}

static void
revoke_strangers(X509_CRL *crl, unsigned int n)
{
	ASN1_INTEGER *serial = ASN1_INTEGER_new();

	assert_non_null(serial);
	for (unsigned int i = 0; i < n; i++) {
		assert_int_equal(ASN1_INTEGER_set_uint64(serial, UINT64_MAX / 2 + i), 1);
		revoke(crl, serial);
	}
	ASN1_INTEGER_free(serial);
}

static void
add(X509_CRL *crl, const char *name, const char *value)
{
	X509V3_CTX context;
	CONF *nothing = NCONF_new(NULL);
	X509_EXTENSION *extension;

	assert_non_null(nothing);
	X509V3_set_ctx(&context, NULL, NULL, NULL, crl, 0);
	X509V3_set_nconf(&context, nothing);
	extension = X509V3_EXT_nconf(nothing, &context, name, value);
	assert_non_null(extension);
	assert_int_equal(X509_CRL_add_ext(crl, extension, -1), 1);
	X509_EXTENSION_free(extension);
	NCONF_free(nothing);
}

static void
mark_delta(X509_CRL *crl)
{
	ASN1_INTEGER *base = ASN1_INTEGER_new();

	assert_non_null(base);
	assert_int_equal(ASN1_INTEGER_set(base, 1), 1);
	assert_int_equal(X509_CRL_add1_ext_i2d(crl, NID_delta_crl, base, 1, 0), 1);
	assert_int_equal(X509_CRL_add1_ext_i2d(crl, NID_crl_number, base, 0, 0), 1);
	ASN1_INTEGER_free(base);
}

/* The scope is built by hand: the text form needs sections of a file. */
static void
add_scope(X509_CRL *crl, const char *scope)
{
	ISSUING_DIST_POINT *idp = ISSUING_DIST_POINT_new();
	GENERAL_NAME *name;

	assert_non_null(idp);
	if (strcmp(scope, "onlyuser") == 0) {
		idp->onlyuser = 1;
	} else if (strcmp(scope, "onlyCA") == 0) {
		idp->onlyCA = 1;
	} else if (strcmp(scope, "indirectCRL") == 0) {
		idp->indirectCRL = 1;
	} else {
		name = a2i_GENERAL_NAME(NULL, NULL, NULL, GEN_URI, scope, 0);
		assert_non_null(name);
		idp->distpoint = DIST_POINT_NAME_new();
		assert_non_null(idp->distpoint);
		idp->distpoint->type = 0;
		idp->distpoint->name.fullname = GENERAL_NAMES_new();
		assert_true(sk_GENERAL_NAME_push(idp->distpoint->name.fullname, name) > 0);
	}
	assert_int_equal(X509_CRL_add1_ext_i2d(crl, NID_issuing_distribution_point, idp, 1, 0), 1);
	ISSUING_DIST_POINT_free(idp);
}

struct mt_bytes
pki_crl(struct pki *pki, const struct pki_crl_recipe *recipe)
{
	const struct pki_cert *signer = recipe->signer ? recipe->signer : recipe->issuer;
	X509_CRL *crl = X509_CRL_new();
	unsigned char *der = NULL;
	int size;

	assert_non_null(crl);
	assert_int_equal(X509_CRL_set_version(crl, 1), 1); /* v2 */
	assert_int_equal(X509_CRL_set_issuer_name(crl, X509_get_subject_name(recipe->issuer->x509)),
			 1);
	set_dates(crl, recipe);
	for (size_t i = 0; i < PKI_CRL_REVOKED_MAX && recipe->revoked[i]; i++)
		revoke(crl, X509_get0_serialNumber(recipe->revoked[i]->x509));
	revoke_strangers(crl, recipe->extra);
	if (recipe->scope)
		add_scope(crl, recipe->scope);
	if (recipe->oid)
		add(crl, recipe->oid, "critical,DER:0500");
	if (recipe->is_delta)
		mark_delta(crl);
	assert_int_not_equal(
		X509_CRL_sign(crl, signer->key, recipe->is_weak ? EVP_sha1() : EVP_sha256()), 0);
	size = i2d_X509_CRL(crl, &der);
	X509_CRL_free(crl);
	return pki_take_der(pki, der, size);
}
