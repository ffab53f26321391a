/* SPDX-License-Identifier: MIT */
#ifndef MT_DAEMON_WORKER_PRESENTED_H
#define MT_DAEMON_WORKER_PRESENTED_H

/*
 * Presented identifiers of a leaf, handed to the matcher of policy/identity.h (RFC 9525 §6).
 * Only dNSName, iPAddress and SRVName of the subjectAltName; never URI-ID, never the CN. Whether
 * the path is valid is judged elsewhere: a match alone proves nothing. Private to the judge.
 */

#include <openssl/x509.h>

#include "policy/identity.h"

enum mt_presented {
	MT_PRESENTED_MISMATCH = 0,
	MT_PRESENTED_CN_ONLY, /* no match, and the CN alone names a reference (D-ID-08) */
	MT_PRESENTED_MATCH
};

/* *ret_matched is the reference identifier, not the presented wildcard (D-ID-15). */
enum mt_presented mt_presented_match(const X509 *leaf, const struct mt_refids *refs,
				     struct mt_refid *ret_matched);

#endif
