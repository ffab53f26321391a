/* SPDX-License-Identifier: MIT */
#ifndef MT_DAEMON_WORKER_REVOCATION_H
#define MT_DAEMON_WORKER_REVOCATION_H

/*
 * Has any certificate of a path been revoked? Judged from the staple and from OCSP responses and
 * CRLs that were fetched (RFC 6960, RFC 5280 §6.3), for policies soft and hard (D-PKIX-04).
 *
 * Every certificate below the anchor needs an answer: good means good for all of them, revoked that
 * one is, and everything else is unknown. What was fetched is a bag of bytes from a network nobody
 * vouches for: whatever does not parse, is not signed by the certificate's issuer, is about another
 * certificate, or is not current, is as if it were not there. No demand is made on whether an
 * authority publishes answers at all; a certificate that names no place has no answer either, also
 * where it says that there is none (RFC 9608). Delta and indirect CRLs are not read.
 * Private to the judge.
 */

#include "daemon/worker/chain.h"
#include "daemon/worker/paths.h"

/* After mt_staple_judge(): widens its answer about the leaf to the path. Lowers not_after_usec to
 * the first nextUpdate of what the answer rests on. Nothing was asked of a path that is not valid:
 * UNKNOWN, unless the staple says REVOKED. */
void mt_revocation_judge(const struct mt_chain_request *request, const struct mt_path *path,
			 struct mt_validation *validation);

#endif
