/* SPDX-License-Identifier: MIT */
/* Building candidate paths and verifying each. */

#include "daemon/worker/paths.h"

#include <errno.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/x509v3.h>

#include "daemon/worker/checks.h"

#define FAULT(fault) ((uint32_t)MT_BIT(MT_CERT_##fault))
#define SECURITY_LEVEL 2      /* 112 bits: no RSA below 2048, no MD5, no SHA-1 (RFC 9325 §4.5) */
#define SECURITY_LEVEL_DANE 1 /* 80 bits: RSA 1024, still no MD5 and no SHA-1 (DESIGN §8) */

struct search {
	const struct mt_path_input *in;
	struct mt_path best;
	bool has_best;
	X509 *path[MT_PATH_DEPTH_MAX + 1];
	unsigned int steps, paths;
	/* What a path through a certificate has to compare, and what has been compared. */
	size_t names[MT_CHAIN_MAX], constraints[MT_CHAIN_MAX], name_checks;
	/* Signature of certs[i] by the key of certs[j]: 0 not looked at, 1 good, 2 bad. */
	uint8_t signature[MT_CHAIN_MAX][MT_CHAIN_MAX];
	int error;
};

/* -- one path ---------------------------------------------------------------------------------- */

/* What an error of X509_verify_cert() is to us. Dates are judged by checks.c. */
static uint32_t
fault_of(int error)
{
	switch (error) {
	case X509_V_OK:
	case X509_V_ERR_CERT_NOT_YET_VALID:
	case X509_V_ERR_CERT_HAS_EXPIRED:
		return 0;
	case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
	case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
	case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
	case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
	case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
	case X509_V_ERR_CERT_SIGNATURE_FAILURE:
	case X509_V_ERR_UNABLE_TO_DECODE_ISSUER_PUBLIC_KEY:
	case X509_V_ERR_UNABLE_TO_DECRYPT_CERT_SIGNATURE:
	case X509_V_ERR_CERT_UNTRUSTED:
	case X509_V_ERR_CERT_REJECTED:
	case X509_V_ERR_CERT_CHAIN_TOO_LONG:
		return FAULT(CHAIN_UNTRUSTED);
	case X509_V_ERR_EE_KEY_TOO_SMALL:
	case X509_V_ERR_CA_KEY_TOO_SMALL:
	case X509_V_ERR_CA_MD_TOO_WEAK:
		return FAULT(WEAK_CRYPTO);
	default: /* constraints, usages, policies, critical extensions, and whatever comes to be */
		return FAULT(CONSTRAINT_VIOLATION);
	}
}

struct verification {
	bool is_dane;
	uint32_t faults;
};

static int
on_verify(int ok, X509_STORE_CTX *ctx)
{
	struct verification *v = X509_STORE_CTX_get_app_data(ctx);

	if (!ok)
		v->faults |= fault_of(X509_STORE_CTX_get_error(ctx));
	return 1; /* every fault, not the first */
}

static int
set_parameters(X509_STORE_CTX *ctx, bool is_dane)
{
	X509_VERIFY_PARAM *param = X509_STORE_CTX_get0_param(ctx);
	ASN1_OBJECT *any_policy = OBJ_dup(OBJ_nid2obj(NID_any_policy));

	if (!any_policy || !X509_STORE_CTX_set_default(ctx, "ssl_server")) {
		ASN1_OBJECT_free(any_policy);
		return -ENOMEM;
	}
	/* Without anyPolicy valid chains fail, without the check bad ones pass (DESIGN §8). */
	if (!X509_VERIFY_PARAM_add0_policy(param, any_policy)) {
		ASN1_OBJECT_free(any_policy);
		return -ENOMEM;
	}
	X509_VERIFY_PARAM_set_flags(param, X509_V_FLAG_PARTIAL_CHAIN | X509_V_FLAG_POLICY_CHECK |
						   X509_V_FLAG_NO_ALT_CHAINS |
						   X509_V_FLAG_NO_CHECK_TIME);
	/* The path is what was found here: an anchor that shares an intermediate's name is not to
	 * take its place. */
	(void)X509_VERIFY_PARAM_clear_flags(param, X509_V_FLAG_TRUSTED_FIRST);
	X509_VERIFY_PARAM_set_auth_level(param, is_dane ? SECURITY_LEVEL_DANE : SECURITY_LEVEL);
	X509_VERIFY_PARAM_set_depth(param, MT_PATH_DEPTH_MAX);
	return 0;
}

/* Verifies path[0] with exactly the given certificates, path[n - 1] being trusted. */
static int
verify(X509 *const *path, size_t n, struct verification *v)
{
	STACK_OF(X509) *trusted = sk_X509_new_null(), *untrusted = sk_X509_new_null();
	X509_STORE_CTX *ctx = X509_STORE_CTX_new();
	int r = -ENOMEM;

	if (!trusted || !untrusted || !ctx || !sk_X509_push(trusted, path[n - 1]))
		goto out;
	for (size_t i = 1; i + 1 < n; i++)
		if (!sk_X509_push(untrusted, path[i]))
			goto out;
	if (!X509_STORE_CTX_init(ctx, NULL, path[0], untrusted))
		goto out;
	X509_STORE_CTX_set0_trusted_stack(ctx, trusted);
	r = set_parameters(ctx, v->is_dane);
	if (r)
		goto out;
	X509_STORE_CTX_set_app_data(ctx, v);
	X509_STORE_CTX_set_verify_cb(ctx, on_verify);
	if (X509_verify_cert(ctx) != 1 && v->faults == 0)
		v->faults |=
			fault_of(X509_STORE_CTX_get_error(ctx)) |
			(X509_STORE_CTX_get_error(ctx) == X509_V_OK ? FAULT(CHAIN_UNTRUSTED) : 0);
out:
	X509_STORE_CTX_free(ctx);
	sk_X509_free(trusted);
	sk_X509_free(untrusted);
	ERR_clear_error();
	return r;
}

static int
evaluate(const struct search *s, size_t n, bool is_anchored, bool is_local, struct mt_path *ret)
{
	struct verification v = {.is_dane = s->in->is_dane};
	int r;

	memset(ret, 0, sizeof(*ret));
	memcpy(ret->certs, s->path, n * sizeof(s->path[0]));
	ret->n = n;
	ret->is_anchored = is_anchored;
	ret->is_local = is_local;
	ret->not_after_usec = INT64_MAX;
	for (size_t i = 0; i < n; i++) {
		int64_t until = mt_checks_not_after(s->path[i]);

		if (until < ret->not_after_usec)
			ret->not_after_usec = until;
		ret->faults |= mt_checks_dates(s->path[i], s->in->at_usec);
	}
	if (!s->in->is_dane)
		ret->faults |= mt_checks_path(s->path, n);
	r = verify(s->path, n, &v);
	ret->faults |= v.faults | (is_anchored ? 0 : FAULT(CHAIN_UNTRUSTED));
	/* What signed itself relies on no signature, and neither does an anchor. */
	if (!is_anchored && !(X509_get_extension_flags(s->path[n - 1]) & EXFLAG_SS) &&
	    mt_checks_signature_is_weak(s->path[n - 1]))
		ret->faults |= FAULT(WEAK_CRYPTO);
	return r;
}

/* -- the search -------------------------------------------------------------------------------- */

/* 0: nothing better can be found. R-6-02: what was added here must not taint a chain that does not
 * need it. */
static int
severity(const struct mt_path *path)
{
	return 2 * __builtin_popcount(path->faults) + path->is_local + (path->is_anchored ? 0 : 64);
}

static size_t
index_of(const struct search *s, const X509 *cert)
{
	size_t i = 0;

	while (i < s->in->n && s->in->certs[i] != cert)
		i++;
	return i;
}

/* Reading a constraint costs about as much as comparing so many names with it. */
#define NAMES_PER_READING 16

/* Anchors and their constraints were chosen, not sent: they are not counted. */
static bool
can_afford(struct search *s, size_t n)
{
	size_t names = NAMES_PER_READING, constraints = 0;

	for (size_t i = 0; i < n; i++) {
		size_t at = index_of(s, s->path[i]);

		names += at < s->in->n ? s->names[at] : 0;
		constraints += at < s->in->n ? s->constraints[at] : 0;
	}
	s->name_checks += names * constraints;
	return s->name_checks <= MT_PATH_NAME_CHECKS_MAX;
}

/* Offers a finished path. Return: true where the search is over. */
static bool
offer(struct search *s, size_t n, bool is_anchored, bool is_local)
{
	bool is_broken;
	struct mt_path path;

	if (!can_afford(s, n))
		return true;
	s->error = evaluate(s, n, is_anchored, is_local, &path);
	if (s->error)
		return true;
	/* An anchor of that name which did not sign is no end of any path. */
	is_broken = is_anchored && (path.faults & FAULT(CHAIN_UNTRUSTED));
	if (!is_broken && (!s->has_best || severity(&path) < severity(&s->best))) {
		s->best = path;
		s->has_best = true;
	}
	return (s->has_best && severity(&s->best) == 0) || ++s->paths >= MT_PATHS_MAX;
}

static bool
is_allowed(const struct search *s, const uint8_t sha256[static 32])
{
	const struct mt_digests *allowed = s->in->allowed;

	return !allowed || !allowed->is_set || mt_digests_contain(allowed, sha256);
}

/* May issuer have issued cert, by names and key identifiers? Whether it may sign is judged later.
 */
static bool
looks_issued(X509 *issuer, X509 *cert)
{
	int r = X509_check_issued(issuer, cert);

	return r == X509_V_OK || r == X509_V_ERR_KEYUSAGE_NO_CERTSIGN;
}

static bool
in_path(const struct search *s, size_t n, const X509 *cert)
{
	for (size_t i = 0; i < n; i++)
		if (s->path[i] == cert || X509_cmp(s->path[i], cert) == 0)
			return true;
	return false;
}

/* The anchors of the store: the last certificate itself, then whoever has its issuer's name. */
static bool
try_anchors(struct search *s, size_t n)
{
	const struct mt_anchors *anchors = s->in->anchors;
	const struct mt_anchor_entry *e;
	X509 *last = s->path[n - 1];

	if (!anchors)
		return false;
	for (e = mt_anchors_find(anchors, X509_get_subject_name(last)); e;
	     e = mt_anchors_next(anchors, e))
		if (X509_cmp(e->cert, last) == 0 && is_allowed(s, e->sha256) &&
		    offer(s, n, true, e->is_local))
			return true;
	if (n > MT_PATH_DEPTH_MAX)
		return false;
	for (e = mt_anchors_find(anchors, X509_get_issuer_name(last)); e;
	     e = mt_anchors_next(anchors, e)) {
		if (++s->steps > MT_PATH_STEPS_MAX)
			return true;
		if (in_path(s, n, e->cert) || !is_allowed(s, e->sha256) ||
		    !looks_issued(e->cert, last))
			continue;
		s->path[n] = e->cert;
		if (offer(s, n + 1, true, e->is_local))
			return true;
	}
	return false;
}

static bool
try_extra(struct search *s, size_t n)
{
	X509 *last = s->path[n - 1];

	for (size_t i = 0; i < s->in->n_extra; i++) {
		X509 *anchor = s->in->extra[i];

		if (++s->steps > MT_PATH_STEPS_MAX)
			return true;
		if (X509_cmp(anchor, last) == 0) {
			if (offer(s, n, true, false))
				return true;
		} else if (n <= MT_PATH_DEPTH_MAX && !in_path(s, n, anchor) &&
			   looks_issued(anchor, last)) {
			s->path[n] = anchor;
			if (offer(s, n + 1, true, false))
				return true;
		}
	}
	return false;
}

/* Look-alikes share a name; only one has the key. Looked at once for each pair. */
static bool
is_signed_by(struct search *s, X509 *cert, size_t issuer)
{
	uint8_t *known = &s->signature[index_of(s, cert)][issuer];
	EVP_PKEY *key = X509_get0_pubkey(s->in->certs[issuer]);

	if (*known == 0)
		*known = key && X509_verify(cert, key) == 1 ? 1 : 2;
	return *known == 1;
}

/* How much of the path was signed by what follows: a name alone makes nobody part of it. */
static size_t
signed_length(struct search *s, size_t n)
{
	size_t signed_n = 1;

	while (signed_n < n &&
	       is_signed_by(s, s->path[signed_n - 1], index_of(s, s->path[signed_n])))
		signed_n++;
	return signed_n;
}

static size_t
count_candidates(struct search *s, size_t n)
{
	size_t found = 0;

	for (size_t i = 1; i < s->in->n; i++)
		found += looks_issued(s->in->certs[i], s->path[n - 1]) &&
			 !in_path(s, n, s->in->certs[i]);
	return found;
}

static bool
extend(struct search *s, size_t n)
{
	size_t candidates;
	bool extended = false;

	if (try_anchors(s, n) || try_extra(s, n))
		return true;
	candidates = n < MT_PATH_DEPTH_MAX ? count_candidates(s, n) : 0;
	for (size_t i = 1; i < s->in->n && candidates > 0; i++) {
		X509 *cert = s->in->certs[i];

		if (++s->steps > MT_PATH_STEPS_MAX)
			return true;
		if (in_path(s, n, cert) || !looks_issued(cert, s->path[n - 1]) ||
		    (candidates > 1 && !is_signed_by(s, s->path[n - 1], i)))
			continue;
		extended = true;
		s->path[n] = cert;
		if (extend(s, n + 1))
			return true;
	}
	/* A dead end is remembered as what was sent, in case nothing better is found. */
	if (!extended && !s->has_best)
		return offer(s, signed_length(s, n), false, false);
	return false;
}

int
mt_paths_find(const struct mt_path_input *input, struct mt_path *ret)
{
	struct search s = {.in = input};

	s.path[0] = input->certs[0];
	for (size_t i = 0; i < input->n; i++) {
		s.names[i] = mt_checks_count_names(input->certs[i]);
		s.constraints[i] = mt_checks_count_constraints(input->certs[i]);
	}
	(void)extend(&s, 1);
	if (s.error)
		return s.error;
	/* The budget ran out before the first path was whole. */
	if (!s.has_best && (s.error = evaluate(&s, 1, false, false, &s.best)) != 0)
		return s.error;
	*ret = s.best;
	return 0;
}
