/* SPDX-License-Identifier: MIT */
#ifndef MT_DAEMON_WORKER_ORDERS_H
#define MT_DAEMON_WORKER_ORDERS_H

/*
 * What to fetch for a path's revocation: reads Authority Information Access and CRL Distribution
 * Points (RFC 5280 §4.2.2.1, §4.2.1.13) and cuts what they name into orders.
 *
 * For each certificate below the anchor, leaf first: an OCSP request by GET, the certificate named
 * by SHA-1 as every responder understands (RFC 5019 §2.1.1, §5; the digest protects nothing here,
 * the answer is compared with the certificate itself), or where no responder is named a CRL. The
 * leaf needs none where its staple stands. The first URL that can be used counts; ldap, https and
 * what is too long cannot. Says nothing about whether the place may be visited: the net worker
 * decides that. Private to the judge.
 */

#include "daemon/worker/paths.h"

/* path is valid. */
void mt_orders_make(const struct mt_chain_request *request, const struct mt_path *path,
		    struct mt_fetch_orders *ret);

#endif
