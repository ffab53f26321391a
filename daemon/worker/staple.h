/* SPDX-License-Identifier: MIT */
#ifndef MT_DAEMON_WORKER_STAPLE_H
#define MT_DAEMON_WORKER_STAPLE_H

/*
 * The stapled OCSP response (RFC 6960, RFC 6066 §8), and whether the leaf promises one (RFC 7633).
 *
 * A staple that does not stand - damaged, of another certificate, from somebody who may not answer,
 * stale or of the future - is as if there were none (D-PKIX-06). Dates are compared with the given
 * time here: OpenSSL's own check knows only now. Nothing is fetched. Private to the judge.
 */

#include "daemon/worker/paths.h"

/* Fills must_staple, staple_valid and revocation; lowers not_after_usec to the staple's nextUpdate.
 * path is the leaf's, issuer included. */
void mt_staple_judge(struct mt_bytes staple, const struct mt_path *path, int64_t at_usec,
		     struct mt_validation *validation);

#endif
