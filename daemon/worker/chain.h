/* SPDX-License-Identifier: MIT */
#ifndef MT_DAEMON_WORKER_CHAIN_H
#define MT_DAEMON_WORKER_CHAIN_H

/*
 * Judges one certificate chain: PKIX path, single checks, identity, DANE, staple and fetched
 * revocation answers (DESIGN §8).
 *
 * Runs in a forked, sandboxed child that has nothing but the trust anchors loaded before the fork
 * and one request: no network, no file, no clock (at_usec is an input), no other chain. Chain and
 * identity are judged separately and both reported. It does not decide: policy/decide.c does.
 * Spec: RFC 5280 §6, RFC 7817, RFC 9525, RFC 6698, RFC 7671, RFC 7633, RFC 6960.
 */

#include "policy/minimum.h"
#include "policy/validation.h"

/* Trust anchors of one generation: the distribution's bundle and what was added locally. */
struct mt_anchors;

/* Loads anchors. path NULL: the system's (/etc/ssl/certs/ca-certificates.crt; an anchor whose DER
 * is not among the distribution's own bundle is marked local). path of a PEM file or a directory of
 * such: these and no others, marked system.
 * Return: 0, or MT_ANCHORS_E_UNREADABLE (errno is set), MT_ANCHORS_E_EMPTY. */
enum { MT_ANCHORS_E_UNREADABLE = 1, MT_ANCHORS_E_EMPTY = 2 };
MT_MUST_CHECK int mt_anchors_load(const char *path, struct mt_anchors **ret);
struct mt_anchors *mt_anchors_free(struct mt_anchors *anchors);
MT_DEFINE_CLEANUP(struct mt_anchors *, mt_anchors_free);
/* From DER, for --evaluate; n 0 is an empty store. Malformed ones: MT_ANCHORS_E_UNREADABLE. */
MT_MUST_CHECK int mt_anchors_from_der(const struct mt_bytes *der, size_t n,
				      struct mt_anchors **ret);

/* How many there are, and SHA-256 over their sorted SHA-256 digests and local marks: equal sets are
 * equal generations. */
size_t mt_anchors_count(const struct mt_anchors *anchors);
void mt_anchors_digest(const struct mt_anchors *anchors, uint8_t ret[static 32]);

#define MT_REQUEST_ANCHORS_MAX 64

/* One thing to fetch over HTTP: what a certificate names, checked and cut into pieces by the judge
 * (daemon/worker/url.h). The keeper hands it to the net worker without understanding it. */
struct mt_fetch_order {
	char host[MT_DOMAIN_SIZE]; /* normalised; an IPv6 literal without brackets */
	uint16_t port;
	char path[MT_FETCH_PATH_SIZE]; /* from the first slash on: visible ASCII */
};

struct mt_fetch_orders {
	struct mt_fetch_order order[MT_FETCH_ORDERS_MAX];
	size_t n;
};

struct mt_chain_request {
	struct mt_bytes chain[MT_CHAIN_MAX]; /* DER, leaf first; borrowed */
	size_t n_chain;                      /* 0: nothing to judge, state NO_CHAIN */
	struct mt_bytes staple;              /* DER OCSPResponse, or size 0 */
	struct mt_refids refs;               /* fixed before the handshake (D-ID-10) */
	struct mt_tlsa tlsa;                 /* judged when status is SECURE */
	int64_t at_usec;                     /* dates are judged at this moment */
	bool own_anchors; /* --evaluate: these anchors instead of the generation's */
	struct mt_bytes anchors[MT_REQUEST_ANCHORS_MAX];
	size_t n_anchors;
	struct mt_digests allowed_anchors; /* policy field anchors: only roots of these SHA-256 */
	/* Policy field revocation, soft and hard: every certificate below the anchor needs an
	 * answer, from the staple or from what was fetched. */
	bool wants_revocation;
	struct mt_bytes fetched[MT_FETCH_ORDERS_MAX]; /* OCSP responses and CRLs, in any order */
	size_t n_fetched;
};

/* Judges. Never fails: what cannot be parsed is state MALFORMED, what cannot be done (memory) is
 * state FAILED. Deterministic: same anchors, same request, same result. */
void mt_chain_judge(const struct mt_anchors *anchors, const struct mt_chain_request *request,
		    struct mt_validation *ret);

/* What should be fetched so that the chain's revocation can be judged: for each certificate below
 * the anchor that has no answer yet an OCSP request, or else a CRL. Nothing for a chain that is not
 * valid: where a stranger's certificate points to is not visited. Not all are necessarily wanted,
 * and none need be possible. */
void mt_chain_orders(const struct mt_anchors *anchors, const struct mt_chain_request *request,
		     struct mt_fetch_orders *ret);

/* Judges an anchor of each kind of key and forgets the result: what a process does for the first
 * time is slow, and a child that waits anyway can have done it before its chain comes. */
void mt_chain_rehearse(const struct mt_anchors *anchors);

#endif
