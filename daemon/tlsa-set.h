/* SPDX-License-Identifier: MIT */
#ifndef MT_DAEMON_TLSA_SET_H
#define MT_DAEMON_TLSA_SET_H

/* One TLSA answer with the bytes it rests on, counted by those who do; tlsa-cache.h says for whom.
 * Only tlsa-cache.c looks inside. */

#include "daemon/tlsa-cache.h"

struct mt_tlsa_set {
	unsigned refs;
	struct mt_tlsa tlsa; /* its records' data is below */
	uint8_t data[];
};

/* A copy; records are taken along only where they count: the others are nobody's business. NULL: no
 * memory. */
struct mt_tlsa_set *mt_tlsa_set_new(const struct mt_tlsa_rrset *answer);
size_t mt_tlsa_data_size(const struct mt_tlsa_rrset *answer); /* of its records */

#endif
