/* SPDX-License-Identifier: MIT */
/* Judging an OCSP response. */

#include "daemon/worker/staple.h"

#include <time.h>

#include <openssl/err.h>
#include <openssl/ocsp.h>
#include <openssl/x509v3.h>

#define FEATURE_STATUS_REQUEST 5 /* RFC 7633 §4.2.3.1, RFC 6066 §8 */
#define SKEW_SEC 300             /* responders' clocks; RFC 5019 §6 suggests some tolerance */

/* A list that is there and cannot be read may promise one. */
static bool
promises_staple(const X509 *leaf)
{
	TLS_FEATURE *features = X509_get_ext_d2i(leaf, NID_tlsfeature, NULL, NULL);
	bool found = !features && X509_get_ext_by_NID(leaf, NID_tlsfeature, -1) >= 0;

	for (int i = 0; features && i < sk_ASN1_INTEGER_num(features); i++)
		found = found || ASN1_INTEGER_get(sk_ASN1_INTEGER_value(features, i)) ==
					 FEATURE_STATUS_REQUEST;
	TLS_FEATURE_free(features);
	return found;
}

static OCSP_BASICRESP *
parse(struct mt_bytes staple)
{
	const unsigned char *at = staple.data;
	OCSP_RESPONSE *response = d2i_OCSP_RESPONSE(NULL, &at, (long)staple.size);
	OCSP_BASICRESP *basic = NULL;

	if (response && at == staple.data + staple.size &&
	    OCSP_response_status(response) == OCSP_RESPONSE_STATUS_SUCCESSFUL)
		basic = OCSP_response_get1_basic(response);
	OCSP_RESPONSE_free(response);
	return basic;
}

/* RFC 6960 §4.2.2.2: signed by the issuer, or by whom it authorised with id-kp-OCSPSigning. */
static bool
is_authorised(OCSP_BASICRESP *basic, X509 *issuer, int64_t at_usec)
{
	X509_STORE *store = X509_STORE_new();
	STACK_OF(X509) *issuers = sk_X509_new_null();
	X509_VERIFY_PARAM *param = store ? X509_STORE_get0_param(store) : NULL;
	bool ok = false;

	if (store && issuers && sk_X509_push(issuers, issuer) &&
	    X509_STORE_add_cert(store, issuer)) {
		X509_VERIFY_PARAM_set_flags(param, X509_V_FLAG_PARTIAL_CHAIN);
		X509_VERIFY_PARAM_set_time(param, (time_t)(at_usec / MT_USEC_PER_SEC));
		/* The issuer itself is trusted here; a delegate must chain to it. */
		ok = OCSP_basic_verify(basic, issuers, store, OCSP_TRUSTOTHER) == 1;
	}
	sk_X509_free(issuers);
	X509_STORE_free(store);
	return ok;
}

/* The answer about this leaf, whatever hash the responder names it with. */
static OCSP_SINGLERESP *
find_single(OCSP_BASICRESP *basic, const X509 *leaf, const X509 *issuer)
{
	for (int i = 0; i < OCSP_resp_count(basic); i++) {
		OCSP_SINGLERESP *single = OCSP_resp_get0(basic, i);
		OCSP_CERTID *theirs, *ours;
		ASN1_OBJECT *algorithm;
		const EVP_MD *md;
		bool equal;

		theirs = (OCSP_CERTID *)(uintptr_t)OCSP_SINGLERESP_get0_id(single);
		if (!OCSP_id_get0_info(NULL, &algorithm, NULL, NULL, theirs))
			continue;
		md = EVP_get_digestbyobj(algorithm);
		ours = md ? OCSP_cert_to_id(md, leaf, issuer) : NULL;
		equal = ours && OCSP_id_cmp(ours, theirs) == 0;
		OCSP_CERTID_free(ours);
		if (equal)
			return single;
	}
	return NULL;
}

static bool
to_seconds(const ASN1_TIME *date, int64_t *ret)
{
	struct tm tm;

	if (!date || ASN1_TIME_to_tm(date, &tm) != 1)
		return false;
	*ret = timegm(&tm);
	return true;
}

bool
mt_staple_is_current(const ASN1_TIME *this_update, const ASN1_TIME *next_update, int64_t at_usec,
		     int64_t *ret_until_usec)
{
	int64_t from, until, at = at_usec / MT_USEC_PER_SEC;

	if (!to_seconds(this_update, &from) || !to_seconds(next_update, &until))
		return false;
	*ret_until_usec = (until + 1) * MT_USEC_PER_SEC;
	return from <= at + SKEW_SEC && at <= until;
}

/* Without nextUpdate newer information is always available (RFC 6960 §4.2.2.1): a staple is useless
 * then, and what was fetched counts while it is as good as new. */
static bool
is_new(const ASN1_GENERALIZEDTIME *this_update, int64_t at_usec, int64_t *ret_until_usec)
{
	int64_t from, at = at_usec / MT_USEC_PER_SEC;

	if (!to_seconds(this_update, &from))
		return false;
	*ret_until_usec = (from + SKEW_SEC) * MT_USEC_PER_SEC;
	return from <= at + SKEW_SEC && at <= from + SKEW_SEC;
}

static enum mt_revocation_state
judge(OCSP_BASICRESP *basic, const struct mt_staple_question *q, int64_t *ret_until_usec)
{
	OCSP_SINGLERESP *single = find_single(basic, q->cert, q->issuer);
	ASN1_GENERALIZEDTIME *this_update, *next_update;
	bool is_current;
	int status;

	if (!single || !is_authorised(basic, q->issuer, q->at_usec))
		return MT_REVOCATION_UNKNOWN;
	status = OCSP_single_get0_status(single, NULL, NULL, &this_update, &next_update);
	is_current = q->is_fetched && !next_update
			     ? is_new(this_update, q->at_usec, ret_until_usec)
			     : mt_staple_is_current(this_update, next_update, q->at_usec,
						    ret_until_usec);
	if (!is_current)
		return MT_REVOCATION_UNKNOWN;
	if (status == V_OCSP_CERTSTATUS_REVOKED)
		return MT_REVOCATION_REVOKED;
	return status == V_OCSP_CERTSTATUS_GOOD ? MT_REVOCATION_GOOD : MT_REVOCATION_UNKNOWN;
}

enum mt_revocation_state
mt_staple_read(struct mt_bytes response, const struct mt_staple_question *question,
	       int64_t *ret_until_usec)
{
	OCSP_BASICRESP *basic = parse(response);
	enum mt_revocation_state state = MT_REVOCATION_UNKNOWN;

	if (basic)
		state = judge(basic, question, ret_until_usec);
	OCSP_BASICRESP_free(basic);
	ERR_clear_error();
	return state;
}

void
mt_staple_judge(struct mt_bytes staple, const struct mt_path *path, int64_t at_usec,
		struct mt_validation *v)
{
	const struct mt_staple_question question = {path->certs[0], path->certs[1], at_usec, false};
	enum mt_revocation_state state;
	int64_t until_usec;

	v->must_staple = promises_staple(path->certs[0]);
	v->revocation = MT_REVOCATION_NOT_CHECKED;
	if (staple.size == 0 || path->n < 2)
		return;
	state = mt_staple_read(staple, &question, &until_usec);
	if (state == MT_REVOCATION_UNKNOWN)
		return;
	v->revocation = state;
	v->staple_valid = state == MT_REVOCATION_GOOD;
	if (v->staple_valid && until_usec < v->not_after_usec)
		v->not_after_usec = until_usec;
}
