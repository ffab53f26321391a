/* SPDX-License-Identifier: MIT */
/* Matching TLSA records. */

#include "daemon/worker/dane.h"

#include <errno.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/x509.h>

#include "daemon/worker/paths.h"
#include "daemon/worker/presented.h"

enum { USAGE_TA = 2, USAGE_EE = 3 };
enum { SELECTOR_CERT = 0, SELECTOR_SPKI = 1 };
enum { MATCHING_FULL = 0, MATCHING_SHA256 = 1, MATCHING_SHA512 = 2 };

#define EXTRA_MAX (MT_CHAIN_MAX + MT_TLSA_MAX)

static X509 *
parse_cert(const struct mt_tlsa_record *record)
{
	const unsigned char *at = record->data;
	X509 *cert = d2i_X509(NULL, &at, record->size);

	if (cert && at != record->data + record->size) {
		X509_free(cert);
		cert = NULL;
	}
	ERR_clear_error();
	return cert;
}

static EVP_PKEY *
parse_key(const struct mt_tlsa_record *record)
{
	const unsigned char *at = record->data;
	EVP_PKEY *key = d2i_PUBKEY(NULL, &at, record->size);

	if (key && at != record->data + record->size) {
		EVP_PKEY_free(key);
		key = NULL;
	}
	ERR_clear_error();
	return key;
}

/* Form as policy knows it, and content: full data must be what its selector says (D-DANE-06). */
static bool
is_usable(const struct mt_tlsa_record *record)
{
	EVP_PKEY *key;
	X509 *cert;

	if (!mt_tlsa_record_is_usable(record))
		return false;
	if (record->matching != MATCHING_FULL)
		return true;
	if (record->selector == SELECTOR_CERT) {
		cert = parse_cert(record);
		X509_free(cert);
		return cert != NULL;
	}
	key = parse_key(record);
	EVP_PKEY_free(key);
	return key != NULL;
}

/* D-DANE-07, RFC 7671 §9: of each usage and selector only the strongest digest counts. */
static bool
is_outclassed(const struct mt_tlsa *tlsa, const bool *usable, size_t i)
{
	const struct mt_tlsa_record *r = &tlsa->records[i];

	if (r->matching == MATCHING_FULL)
		return false;
	for (size_t j = 0; j < tlsa->n; j++)
		if (usable[j] && tlsa->records[j].usage == r->usage &&
		    tlsa->records[j].selector == r->selector &&
		    tlsa->records[j].matching > r->matching)
			return true;
	return false;
}

/* The bytes a selector names: the whole certificate, or its SubjectPublicKeyInfo. */
static bool
matches(const struct mt_tlsa_record *record, X509 *cert)
{
	const EVP_MD *md = record->matching == MATCHING_SHA512 ? EVP_sha512() : EVP_sha256();
	unsigned char *der = NULL, digest[EVP_MAX_MD_SIZE];
	int size = record->selector == SELECTOR_CERT
			   ? i2d_X509(cert, &der)
			   : i2d_X509_PUBKEY(X509_get_X509_PUBKEY(cert), &der);
	bool equal = false;

	if (size > 0 && record->matching == MATCHING_FULL)
		equal = (size_t)size == record->size &&
			memcmp(der, record->data, record->size) == 0;
	else if (size > 0 && EVP_Digest(der, (size_t)size, digest, NULL, md, NULL))
		equal = memcmp(digest, record->data, record->size) == 0;
	OPENSSL_free(der);
	return equal;
}

static void
match_leaf(const struct mt_chain_request *request, struct mt_validation *v)
{
	/* D-DANE-03: no name is checked, so the identity is the host itself. */
	v->dane_matched = true;
	v->dane_usage = USAGE_EE;
	v->dane_id = (struct mt_refid){.type = MT_REFID_DANE_EE};
	if (request->refs.n > 0)
		memcpy(v->dane_id.value, request->refs.ids[0].value, sizeof(v->dane_id.value));
}

/* Anchors a usage 2 record names: sent certificates that match, the record's own certificate, and
 * the certificate that the record's bare key signed. owned[] is freed by the caller. */
struct anchors {
	X509 *list[EXTRA_MAX];
	size_t n;
	X509 *owned[MT_TLSA_MAX];
	size_t n_owned;
};

static void
collect(const struct mt_tlsa_record *record, X509 *const *certs, size_t n, struct anchors *a)
{
	EVP_PKEY *key;
	X509 *cert;

	/* The leaf is no issuer: usage 2 begins above it (RFC 7671 §5.2). */
	for (size_t i = 1; i < n && a->n < EXTRA_MAX; i++)
		if (matches(record, certs[i]))
			a->list[a->n++] = certs[i];
	if (record->matching != MATCHING_FULL || a->n == EXTRA_MAX)
		return;
	if (record->selector == SELECTOR_CERT) {
		cert = parse_cert(record);
		if (cert && X509_cmp(cert, certs[0]) != 0)
			a->list[a->n++] = a->owned[a->n_owned++] = cert;
		else
			X509_free(cert);
		return;
	}
	key = parse_key(record);
	for (size_t i = 0; key && i < n && a->n < EXTRA_MAX; i++)
		if (X509_verify(certs[i], key) == 1)
			a->list[a->n++] = certs[i];
	EVP_PKEY_free(key);
	ERR_clear_error();
}

static int
judge_ta(const struct mt_chain_request *request, X509 *const *certs, size_t n,
	 const struct anchors *anchors, struct mt_validation *v)
{
	const struct mt_path_input input = {.certs = certs,
					    .n = n,
					    .extra = anchors->list,
					    .n_extra = anchors->n,
					    .is_dane = true,
					    .at_usec = request->at_usec};
	struct mt_refid matched;
	struct mt_path path;
	int r;

	if (anchors->n == 0)
		return 0;
	r = mt_paths_find(&input, &path);
	if (r || path.faults)
		return r;
	if (mt_presented_match(certs[0], &request->refs, &matched) != MT_PRESENTED_MATCH)
		return 0;
	v->dane_matched = true;
	v->dane_usage = USAGE_TA;
	v->dane_id = matched;
	/* D-DANE-04: dates hold along this path, which need not be the one PKIX found. */
	if (path.not_after_usec < v->not_after_usec)
		v->not_after_usec = path.not_after_usec;
	return 0;
}

int
mt_dane_judge(const struct mt_chain_request *request, X509 *const *certs, size_t n,
	      struct mt_validation *v)
{
	const struct mt_tlsa *tlsa = &request->tlsa;
	bool usable[MT_TLSA_MAX] = {false};
	struct anchors anchors = {0};
	int r;

	if (tlsa->status != MT_TLSA_SECURE)
		return 0;
	for (size_t i = 0; i < tlsa->n; i++) {
		usable[i] = is_usable(&tlsa->records[i]);
		v->dane_usable += usable[i];
	}
	for (size_t i = 0; i < tlsa->n; i++) {
		const struct mt_tlsa_record *record = &tlsa->records[i];

		if (!usable[i] || is_outclassed(tlsa, usable, i))
			continue;
		if (record->usage == USAGE_TA)
			collect(record, certs, n, &anchors);
		else if (!v->dane_matched && matches(record, certs[0]))
			match_leaf(request, v);
	}
	r = v->dane_matched ? 0 : judge_ta(request, certs, n, &anchors, v);
	for (size_t i = 0; i < anchors.n_owned; i++)
		X509_free(anchors.owned[i]);
	return r;
}
