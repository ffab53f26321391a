/* SPDX-License-Identifier: MIT */
#ifndef MT_DAEMON_WORKER_PATHS_H
#define MT_DAEMON_WORKER_PATHS_H

/*
 * Certification paths: every candidate from the leaf to an anchor, under a budget, and the faults
 * of the best (RFC 5280 §6, RFC 4158).
 *
 * OpenSSL commits to one issuer and does not back-track, so each candidate is built here, by issuer
 * and subject, and offered to X509_verify_cert() alone. Hostile graphs of look-alike intermediates
 * end at MT_PATH_STEPS_MAX and MT_PATHS_MAX. Names, staples and DANE are not looked at.
 * Private to the judge.
 */

#include "daemon/worker/anchors.h"

struct mt_path_input {
	X509 *const *certs; /* as sent, leaf first; extensions decoded */
	size_t n;
	const struct mt_anchors *anchors; /* may be NULL */
	const struct mt_digests *allowed; /* only anchors of these SHA-256; NULL or unset: any */
	X509 *const *extra;               /* further anchors, whole certificates: DANE-TA */
	size_t n_extra;
	bool is_dane; /* the domain's owner chose the anchor: RFC 5280 as OpenSSL has it, no more */
	int64_t at_usec;
};

struct mt_path {
	X509 *certs[MT_PATH_DEPTH_MAX + 1]; /* leaf first, anchor last; borrowed */
	size_t n;
	bool is_anchored;
	bool is_local;          /* the anchor was added to this machine */
	uint32_t faults;        /* MT_BIT(enum mt_cert_fault); 0: a valid path */
	int64_t not_after_usec; /* first end of validity along it */
};

/* Finds the best path: the first with the fewest faults, and of those one that ends at an anchor of
 * the distribution rather than at a local one. Where none reaches an anchor, the first dead end of
 * what was sent, with CHAIN_UNTRUSTED and whatever else is wrong with it.
 * Return: 0, -ENOMEM. */
MT_MUST_CHECK int mt_paths_find(const struct mt_path_input *input, struct mt_path *ret);

#endif
