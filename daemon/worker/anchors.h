/* SPDX-License-Identifier: MIT */
#ifndef MT_DAEMON_WORKER_ANCHORS_H
#define MT_DAEMON_WORKER_ANCHORS_H

/*
 * Trust anchors of one generation, parsed before the sandbox closes and shared by every child.
 * Private to the judge; loading is declared in chain.h. Anchors are found by their subject.
 */

#include <openssl/x509.h>

#include "daemon/worker/chain.h"

struct mt_anchor_entry {
	X509 *cert;            /* owned; extensions and key are decoded already */
	unsigned long subject; /* hash of the subject name, the sort key */
	uint8_t sha256[32];
	bool is_local; /* not among the distribution's bundle (R-6-02) */
};

struct mt_anchors {
	struct mt_anchor_entry *entries; /* sorted by subject */
	size_t n, allocated;
	uint8_t digest[32]; /* over all of them: the generation */
};

/* The first anchor of that subject, or NULL; the others follow while subject stays the same. */
const struct mt_anchor_entry *mt_anchors_find(const struct mt_anchors *anchors,
					      const X509_NAME *subject);
/* The entry after this one with the same subject, or NULL. */
const struct mt_anchor_entry *mt_anchors_next(const struct mt_anchors *anchors,
					      const struct mt_anchor_entry *entry);

#endif
