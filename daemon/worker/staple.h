/* SPDX-License-Identifier: MIT */
#ifndef MT_DAEMON_WORKER_STAPLE_H
#define MT_DAEMON_WORKER_STAPLE_H

/*
 * The stapled OCSP response (RFC 6960, RFC 6066 §8), and whether the leaf promises one (RFC 7633).
 *
 * A staple that does not stand - damaged, of another certificate, from somebody who may not answer,
 * stale or of the future - is as if there were none (D-PKIX-06). Dates are compared with the given
 * time here: OpenSSL's own check knows only now. A response that was fetched is read in the same
 * way; nonces are not used (RFC 5019 §4), and whether a delegated responder has itself been revoked
 * is not looked at. Private to the judge.
 */

#include "daemon/worker/paths.h"

/* Fills must_staple, staple_valid and revocation; lowers not_after_usec to the staple's nextUpdate.
 * path is the leaf's, issuer included. */
void mt_staple_judge(struct mt_bytes staple, const struct mt_path *path, int64_t at_usec,
		     struct mt_validation *validation);

struct mt_staple_question {
	X509 *cert, *issuer;
	int64_t at_usec;
	bool is_fetched; /* just now: it may lack nextUpdate, and then counts for minutes */
};

/* What one OCSP response says of a certificate: GOOD or REVOKED where it stands, with when that
 * ends; else UNKNOWN, with ret_until_usec undefined. */
enum mt_revocation_state mt_staple_read(struct mt_bytes response,
					const struct mt_staple_question *question,
					int64_t *ret_until_usec);

/* Whether a moment lies between two dates, both of which must be there; some tolerance for clocks
 * before the first. CRLs are judged by it as well. */
bool mt_staple_is_current(const ASN1_TIME *this_update, const ASN1_TIME *next_update,
			  int64_t at_usec, int64_t *ret_until_usec);

#endif
