/* SPDX-License-Identifier: MIT */
#ifndef MT_POLICY_SETS_H
#define MT_POLICY_SETS_H

/*
 * The set-valued policy fields: intersections in canonical form, so that equal sets are equal bytes
 * whatever the order they were joined in (I-10). Knows sets, not what they permit.
 *
 * An unset set is "any". A member that does not fit any more is left out: that only forbids more.
 */

#include <string.h>

#include "policy/minimum.h"

/* Stores value and says whether that changed anything. */
#define mt_replace(place, value)                     \
	__extension__({                              \
		bool changed_ = *(place) != (value); \
		*(place) = (value);                  \
		changed_;                            \
	})

/* a := a ∩ b. Return: whether a changed. */
bool mt_patterns_intersect(struct mt_patterns *a, const struct mt_patterns *b);
bool mt_digests_intersect(struct mt_digests *a, const struct mt_digests *b);
bool mt_static_pins_intersect(struct mt_static_pins *a, const struct mt_static_pins *b);

/* The organisation names this host; *ret_allows says whether the leaf is among its digests. */
bool mt_static_pins_find(const struct mt_static_pins *pins, const char *host, const uint8_t *leaf,
			 bool *ret_allows);

#endif
