/* SPDX-License-Identifier: MIT */
#ifndef MT_DAEMON_WORKER_DANE_H
#define MT_DAEMON_WORKER_DANE_H

/*
 * DANE: does the chain match a usable TLSA record (RFC 6698, RFC 7671)?
 *
 * Usages 2 and 3 only; 0 and 1 are unusable (D-DANE-05). Usage 3 looks at nothing but the leaf;
 * usage 2 demands a path to the anchor, dates, and a name. Says how many records are usable and
 * whether one matched; that a mismatch denies is policy's. The RRset is taken as secure: asking DNS
 * and validating its answer is the net worker's. Private to the judge.
 */

#include "daemon/worker/anchors.h"

/* certs: as sent, leaf first. Fills dane_usable, dane_matched, dane_usage, dane_id.
 * Return: 0, -ENOMEM. */
MT_MUST_CHECK int mt_dane_judge(const struct mt_chain_request *request, X509 *const *certs,
				size_t n, struct mt_validation *validation);

#endif
