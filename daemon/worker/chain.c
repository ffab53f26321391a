/* SPDX-License-Identifier: MIT */
/* The judge: parse, find a path, match names, DANE, staple; then say what was found. */

#include "daemon/worker/chain.h"

#include <errno.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/x509v3.h>

#include "daemon/worker/anchors.h"
#include "daemon/worker/dane.h"
#include "daemon/worker/orders.h"
#include "daemon/worker/paths.h"
#include "daemon/worker/presented.h"
#include "daemon/worker/revocation.h"
#include "daemon/worker/staple.h"

/* The chain as parsed. What cannot be used as an issuer is left out; the leaf must be whole. */
struct parsed {
	X509 *certs[MT_CHAIN_MAX];
	size_t n;
};

static void
clear(struct parsed *p)
{
	for (size_t i = 0; i < p->n; i++)
		X509_free(p->certs[i]);
	p->n = 0;
}

/* An extension OpenSSL cannot read makes it fail later as "no issuer": say it here (DESIGN §8). */
static bool
has_damaged_extension(X509 *cert)
{
	(void)X509_check_purpose(cert, -1, 0);
	return X509_get_extension_flags(cert) & EXFLAG_INVALID;
}

static bool
has_too_many_names(const X509 *cert)
{
	GENERAL_NAMES *names = X509_get_ext_d2i(cert, NID_subject_alt_name, NULL, NULL);
	bool too_many = sk_GENERAL_NAME_num(names) > MT_SAN_MAX;

	GENERAL_NAMES_free(names);
	return too_many;
}

/* OpenSSL reads BER as well, in which one certificate could be written, and digested, in several
 * ways. Return: the certificate, NULL where the bytes are not its DER. */
static X509 *
parse_der(struct mt_bytes der)
{
	const unsigned char *at = der.data;
	unsigned char *again = NULL;
	X509 *cert = d2i_X509(NULL, &at, (long)der.size);
	int size = cert ? i2d_X509(cert, &again) : -1;

	if (size < 0 || (size_t)size != der.size || memcmp(again, der.data, der.size) != 0) {
		X509_free(cert);
		cert = NULL;
	}
	OPENSSL_free(again);
	return cert;
}

/* Return: false where the chain is malformed (D-PKIX-09). */
static bool
parse(const struct mt_chain_request *request, struct parsed *p)
{
	size_t bytes = 0;

	if (request->n_chain > MT_CHAIN_MAX)
		return false;
	for (size_t i = 0; i < request->n_chain; i++) {
		X509 *cert;

		bytes += request->chain[i].size;
		if (bytes > MT_CHAIN_BYTES_MAX)
			return false;
		cert = parse_der(request->chain[i]);
		if (!cert)
			return false;
		p->certs[p->n++] = cert;
		if (i == 0 && (has_damaged_extension(cert) || has_too_many_names(cert)))
			return false;
		if (i > 0 && has_damaged_extension(cert)) {
			X509_free(cert);
			p->n--;
		}
	}
	return true;
}

static int
find_path(const struct mt_anchors *anchors, const struct mt_chain_request *request,
	  const struct parsed *p, struct mt_path *ret)
{
	const struct mt_path_input input = {.certs = p->certs,
					    .n = p->n,
					    .anchors = anchors,
					    .allowed = &request->allowed_anchors,
					    .at_usec = request->at_usec};

	return mt_paths_find(&input, ret);
}

/* Everything but DANE: path, then names, which count only on a valid path (D-ID-01). */
static int
judge_pkix(const struct mt_anchors *anchors, const struct mt_chain_request *request,
	   const struct parsed *p, struct mt_validation *v)
{
	const uint32_t cn_only = (uint32_t)MT_BIT(MT_CERT_CN_ONLY);
	struct mt_refid matched = {0};
	enum mt_presented presented;
	struct mt_path path;
	int r = find_path(anchors, request, p, &path);

	if (r)
		return r;
	presented = mt_presented_match(p->certs[0], &request->refs, &matched);
	v->faults = path.faults;
	if (presented != MT_PRESENTED_MATCH)
		v->faults |= (uint32_t)MT_BIT(MT_CERT_IDENTITY_MISMATCH);
	if (presented == MT_PRESENTED_CN_ONLY)
		v->faults |= cn_only;
	v->not_after_usec = path.not_after_usec;
	v->pkix_valid = (v->faults & ~cn_only) == 0;
	if (path.is_anchored) {
		v->anchor = path.is_local ? MT_ANCHOR_LOCAL : MT_ANCHOR_SYSTEM;
		if (!X509_digest(path.certs[path.n - 1], EVP_sha256(), v->anchor_sha256, NULL))
			return -ENOMEM;
	}
	if (presented == MT_PRESENTED_MATCH)
		v->matched = matched;
	mt_staple_judge(request->staple, &path, request->at_usec, v);
	if (request->wants_revocation)
		mt_revocation_judge(request, &path, v);
	return 0;
}

static int
judge(const struct mt_anchors *anchors, const struct mt_chain_request *request,
      const struct parsed *p, struct mt_validation *v)
{
	int r;

	if (!X509_digest(p->certs[0], EVP_sha256(), v->leaf_sha256, NULL))
		return -ENOMEM;
	r = judge_pkix(anchors, request, p, v);
	if (r == 0)
		r = mt_dane_judge(request, p->certs, p->n, v);
	return r;
}

void
mt_chain_judge(const struct mt_anchors *anchors, const struct mt_chain_request *request,
	       struct mt_validation *ret)
{
	MT_CLEANUP(mt_anchors_freep) struct mt_anchors *own = NULL;
	struct mt_validation v = {.revocation = MT_REVOCATION_NOT_CHECKED};
	struct parsed p = {0};
	int r = 0;

	memset(ret, 0, sizeof(*ret));
	if (request->own_anchors)
		r = mt_anchors_from_der(request->anchors, request->n_anchors, &own);
	if (r == 0 && request->n_chain == 0) {
		v.state = MT_VALIDATION_NO_CHAIN;
		*ret = v;
	} else if (r == 0 && !parse(request, &p)) {
		v.state = MT_VALIDATION_MALFORMED;
		*ret = v;
	} else if (r == 0 && judge(request->own_anchors ? own : anchors, request, &p, &v) == 0) {
		v.state = MT_VALIDATION_DONE;
		*ret = v;
	}
	clear(&p);
	ERR_clear_error();
}

void
mt_chain_orders(const struct mt_anchors *anchors, const struct mt_chain_request *request,
		struct mt_fetch_orders *ret)
{
	MT_CLEANUP(mt_anchors_freep) struct mt_anchors *own = NULL;
	struct parsed p = {0};
	struct mt_path path;

	memset(ret, 0, sizeof(*ret));
	if (request->own_anchors &&
	    mt_anchors_from_der(request->anchors, request->n_anchors, &own) != 0)
		return;
	if (request->n_chain > 0 && parse(request, &p) &&
	    find_path(request->own_anchors ? own : anchors, request, &p, &path) == 0 &&
	    path.is_anchored && path.faults == 0)
		mt_orders_make(request, &path, ret);
	clear(&p);
	ERR_clear_error();
}

/* The anchor three times over has the size of a chain. */
static void
rehearse_with(const struct mt_anchors *anchors, X509 *cert)
{
	struct mt_chain_request request = {.n_chain = 3};
	struct mt_validation ignored;
	unsigned char *der = NULL;
	int size = i2d_X509(cert, &der);

	if (size > 0) {
		for (size_t i = 0; i < request.n_chain; i++)
			request.chain[i] = (struct mt_bytes){der, (size_t)size};
		mt_chain_judge(anchors, &request, &ignored);
		(void)X509_verify(cert, X509_get0_pubkey(cert));
		ERR_clear_error();
	}
	OPENSSL_free(der);
}

void
mt_chain_rehearse(const struct mt_anchors *anchors)
{
	static const int kinds[] = {EVP_PKEY_RSA, EVP_PKEY_EC};

	for (size_t k = 0; k < MT_ARRAY_SIZE(kinds); k++)
		for (size_t i = 0; i < anchors->n; i++) {
			EVP_PKEY *key = X509_get0_pubkey(anchors->entries[i].cert);

			if (!key || EVP_PKEY_get_base_id(key) != kinds[k])
				continue;
			rehearse_with(anchors, anchors->entries[i].cert);
			break;
		}
}
