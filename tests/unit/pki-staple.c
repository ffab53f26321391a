/* SPDX-License-Identifier: MIT */
/* Making OCSP responses for tests. */

#include "tests/cmocka-all.h"

#include <openssl/ocsp.h>

#include "tests/unit/pki-private.h"

static ASN1_TIME *
moment(int64_t after_sec)
{
	ASN1_TIME *time = ASN1_TIME_adj(NULL, (time_t)(PKI_NOW_SEC + after_sec), 0, 0);

	assert_non_null(time);
	return time;
}

static void
add_answer(OCSP_BASICRESP *basic, const struct pki_staple_recipe *recipe)
{
	bool usual = recipe->from_sec == 0 && recipe->until_sec == 0;
	ASN1_TIME *from = moment(usual ? -PKI_DAY : recipe->from_sec);
	ASN1_TIME *until = moment(usual ? PKI_DAY : recipe->until_sec);
	OCSP_CERTID *id = OCSP_cert_to_id(recipe->id_by_sha256 ? EVP_sha256() : NULL,
					  recipe->subject->x509, recipe->issuer->x509);

	assert_non_null(id);
	assert_non_null(
		OCSP_basic_add1_status(basic, id, recipe->status, 0,
				       recipe->status == V_OCSP_CERTSTATUS_REVOKED ? from : NULL,
				       from, recipe->without_next_update ? NULL : until));
	OCSP_CERTID_free(id);
	ASN1_TIME_free(from);
	ASN1_TIME_free(until);
}

struct mt_bytes
pki_staple(struct pki *pki, const struct pki_staple_recipe *recipe)
{
	const struct pki_cert *signer = recipe->signer ? recipe->signer : recipe->issuer;
	OCSP_BASICRESP *basic = OCSP_BASICRESP_new();
	OCSP_RESPONSE *response;
	unsigned char *der = NULL;
	int size;

	assert_non_null(basic);
	add_answer(basic, recipe);
	assert_int_equal(OCSP_basic_sign(basic, signer->x509, signer->key, EVP_sha256(), NULL,
					 recipe->without_certificates ? OCSP_NOCERTS : 0),
			 1);
	response = OCSP_response_create(OCSP_RESPONSE_STATUS_SUCCESSFUL, basic);
	assert_non_null(response);
	size = i2d_OCSP_RESPONSE(response, &der);
	OCSP_RESPONSE_free(response);
	OCSP_BASICRESP_free(basic);
	return pki_take_der(pki, der, size);
}
