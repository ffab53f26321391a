/* SPDX-License-Identifier: MIT */
/* Judging fetched OCSP responses and CRLs. */

#include "daemon/worker/revocation.h"

#include <openssl/err.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include "daemon/worker/staple.h"

/* The CRLs among what was fetched, each parsed once. */
struct crls {
	X509_CRL *crl[MT_FETCH_ORDERS_MAX];
	size_t n;
};

struct answer {
	enum mt_revocation_state state;
	int64_t until_usec; /* unless UNKNOWN */
};

/* D-PKIX-03 holds for whoever takes a certificate back, too. */
static bool
is_weakly_signed(const X509_CRL *crl)
{
	int digest = NID_undef;

	if (!OBJ_find_sigid_algs(X509_CRL_get_signature_nid(crl), &digest, NULL))
		return true;
	return digest == NID_sha1 || digest == NID_md5 || digest == NID_md4 || digest == NID_md2;
}

/* RFC 5280 §5.2.4: what has changed since another list. OpenSSL takes it for a whole one. */
static bool
is_delta(const X509_CRL *crl)
{
	return X509_CRL_get_ext_by_NID(crl, NID_delta_crl, -1) >= 0;
}

static void
parse(const struct mt_chain_request *request, struct crls *ret)
{
	ret->n = 0;
	for (size_t i = 0; i < request->n_fetched; i++) {
		const struct mt_bytes der = request->fetched[i];
		const unsigned char *at = der.data;
		X509_CRL *crl = d2i_X509_CRL(NULL, &at, (long)der.size);

		if (crl && at == der.data + der.size && !is_weakly_signed(crl) && !is_delta(crl))
			ret->crl[ret->n++] = crl;
		else
			X509_CRL_free(crl);
	}
}

static void
clear(struct crls *crls)
{
	while (crls->n > 0)
		X509_CRL_free(crls->crl[--crls->n]);
}

/* RFC 5280 §6.3.3 for one certificate, by OpenSSL: scope (a partition of a CRL must be the one the
 * certificate names), critical extensions, cRLSign of the issuer, signature, entry. Dates are
 * compared by the caller, with the given time. Return: X509_V_OK, or why not. */
static int
verify(X509 *cert, X509 *issuer, X509_CRL *crl)
{
	X509_STORE_CTX *ctx = X509_STORE_CTX_new();
	STACK_OF(X509) *trusted = sk_X509_new_null();
	STACK_OF(X509_CRL) *crls = sk_X509_CRL_new_null();
	int error = X509_V_ERR_OUT_OF_MEM;

	if (ctx && trusted && crls && sk_X509_push(trusted, issuer) &&
	    sk_X509_CRL_push(crls, crl) && X509_STORE_CTX_init(ctx, NULL, cert, NULL)) {
		X509_STORE_CTX_set0_trusted_stack(ctx, trusted);
		X509_STORE_CTX_set0_crls(ctx, crls);
		X509_VERIFY_PARAM_set_flags(X509_STORE_CTX_get0_param(ctx),
					    X509_V_FLAG_PARTIAL_CHAIN | X509_V_FLAG_CRL_CHECK |
						    X509_V_FLAG_NO_CHECK_TIME);
		if (X509_verify_cert(ctx) == 1)
			error = X509_V_OK;
		else if (X509_STORE_CTX_get_error(ctx) != X509_V_OK)
			error = X509_STORE_CTX_get_error(ctx);
	}
	X509_STORE_CTX_free(ctx);
	sk_X509_CRL_free(crls);
	sk_X509_free(trusted);
	return error;
}

static struct answer
read_crl(X509_CRL *crl, X509 *cert, X509 *issuer, int64_t at_usec)
{
	struct answer answer = {.state = MT_REVOCATION_UNKNOWN};
	int error;

	/* RFC 5280 §5.1.2.5: nextUpdate is not optional for whoever conforms. */
	if (!mt_staple_is_current(X509_CRL_get0_lastUpdate(crl), X509_CRL_get0_nextUpdate(crl),
				  at_usec, &answer.until_usec))
		return answer;
	error = verify(cert, issuer, crl);
	if (error == X509_V_ERR_CERT_REVOKED)
		answer.state = MT_REVOCATION_REVOKED;
	else if (error == X509_V_OK)
		answer.state = MT_REVOCATION_GOOD;
	return answer;
}

/* One who knows that it was revoked outweighs all who do not. */
static void
combine(struct answer *answer, const struct answer *other)
{
	if (answer->state == MT_REVOCATION_REVOKED || other->state == MT_REVOCATION_UNKNOWN)
		return;
	if (answer->state == MT_REVOCATION_UNKNOWN || other->state == MT_REVOCATION_REVOKED)
		*answer = *other;
}

static struct answer
judge(const struct mt_chain_request *request, const struct crls *crls, X509 *cert, X509 *issuer)
{
	const struct mt_staple_question question = {cert, issuer, request->at_usec, true};
	struct answer answer = {.state = MT_REVOCATION_UNKNOWN};

	for (size_t i = 0; i < request->n_fetched; i++) {
		struct answer other = {0};

		other.state = mt_staple_read(request->fetched[i], &question, &other.until_usec);
		combine(&answer, &other);
	}
	for (size_t i = 0; i < crls->n; i++) {
		const struct answer other = read_crl(crls->crl[i], cert, issuer, request->at_usec);

		combine(&answer, &other);
	}
	return answer;
}

/* The staple's word on the leaf, which has lowered not_after_usec already. */
static struct answer
from_staple(const struct mt_validation *v)
{
	return (struct answer){.state = v->revocation == MT_REVOCATION_NOT_CHECKED
						? MT_REVOCATION_UNKNOWN
						: v->revocation,
			       .until_usec = v->not_after_usec};
}

void
mt_revocation_judge(const struct mt_chain_request *request, const struct mt_path *path,
		    struct mt_validation *v)
{
	struct answer path_answer = {.state = MT_REVOCATION_GOOD, .until_usec = v->not_after_usec};
	struct crls crls;

	if (!v->pkix_valid || path->n < 2) {
		if (v->revocation != MT_REVOCATION_REVOKED)
			v->revocation = MT_REVOCATION_UNKNOWN;
		return;
	}
	parse(request, &crls);
	for (size_t i = 0; i + 1 < path->n && path_answer.state != MT_REVOCATION_REVOKED; i++) {
		struct answer answer = judge(request, &crls, path->certs[i], path->certs[i + 1]);
		const struct answer staple = from_staple(v);

		if (i == 0)
			combine(&answer, &staple);
		if (answer.state != MT_REVOCATION_GOOD)
			path_answer.state = answer.state;
		if (answer.state != MT_REVOCATION_UNKNOWN &&
		    answer.until_usec < path_answer.until_usec)
			path_answer.until_usec = answer.until_usec;
	}
	v->revocation = path_answer.state;
	v->not_after_usec = path_answer.until_usec;
	clear(&crls);
	ERR_clear_error();
}
