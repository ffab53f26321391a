/* SPDX-License-Identifier: MIT */
/* Set-valued policy fields: sorted arrays without subsumed members. */

#include "policy/sets.h"

#include <stdlib.h>

#include "policy/domain.h"

static int
pattern_compare(const void *a, const void *b)
{
	return strcmp(a, b);
}

static int
digest_compare(const void *a, const void *b)
{
	return memcmp(a, b, 32);
}

static int
static_pin_compare(const void *a, const void *b)
{
	/* host first, then digest: the member order of struct mt_static_pins.pin[] */
	int order = strcmp(a, b);

	return order ? order
		     : memcmp((const char *)a + MT_DOMAIN_SIZE, (const char *)b + MT_DOMAIN_SIZE,
			      32);
}

/* Every host a matches, b matches too. "*.d" matches the names inside d, not d itself. */
static bool
pattern_is_within(const char *a, const char *b)
{
	const char *suffix = b + 2;

	if (strcmp(a, b) == 0)
		return true;
	if (strncmp(b, "*.", 2) != 0)
		return false;
	if (strncmp(a, "*.", 2) == 0)
		return mt_domain_is_within(a + 2, suffix);
	return mt_domain_is_within(a, suffix) && !mt_domain_equal(a, suffix);
}

static void
patterns_add(struct mt_patterns *set, const char *pattern)
{
	if (set->n < MT_PATTERNS_MAX)
		memcpy(set->pattern[set->n++], pattern, MT_DOMAIN_SIZE);
}

static void
patterns_canonicalise(struct mt_patterns *set)
{
	size_t kept = 0;

	qsort(set->pattern, set->n, MT_DOMAIN_SIZE, pattern_compare);
	for (size_t i = 0; i < set->n; i++) {
		bool subsumed = kept > 0 && strcmp(set->pattern[i], set->pattern[kept - 1]) == 0;

		for (size_t j = 0; j < set->n && !subsumed; j++)
			subsumed = strcmp(set->pattern[i], set->pattern[j]) != 0 &&
				   pattern_is_within(set->pattern[i], set->pattern[j]);
		/* A member that subsumes others is itself never overwritten: kept <= i. */
		if (!subsumed)
			memmove(set->pattern[kept++], set->pattern[i], MT_DOMAIN_SIZE);
	}
	memset(set->pattern[kept], 0, (set->n - kept) * MT_DOMAIN_SIZE);
	set->n = kept;
}

bool
mt_patterns_intersect(struct mt_patterns *a, const struct mt_patterns *b)
{
	struct mt_patterns both = {.is_set = true};
	bool changed;

	if (!b->is_set)
		return false;
	if (!a->is_set) {
		*a = *b;
		return true;
	}
	/* Of two patterns one lies within the other, or they share no host. */
	for (size_t i = 0; i < a->n; i++)
		for (size_t j = 0; j < b->n; j++) {
			if (pattern_is_within(a->pattern[i], b->pattern[j]))
				patterns_add(&both, a->pattern[i]);
			else if (pattern_is_within(b->pattern[j], a->pattern[i]))
				patterns_add(&both, b->pattern[j]);
		}
	patterns_canonicalise(&both);
	changed = memcmp(a, &both, sizeof(both)) != 0;
	*a = both;
	return changed;
}

static void
digests_canonicalise(struct mt_digests *set)
{
	size_t kept = 0;

	qsort(set->digest, set->n, 32, digest_compare);
	for (size_t i = 0; i < set->n; i++)
		if (kept == 0 || memcmp(set->digest[i], set->digest[kept - 1], 32) != 0)
			memmove(set->digest[kept++], set->digest[i], 32);
	memset(set->digest[kept], 0, (set->n - kept) * 32);
	set->n = kept;
}

bool
mt_digests_intersect(struct mt_digests *a, const struct mt_digests *b)
{
	size_t before = a->n, kept = 0;

	if (!b->is_set)
		return false;
	if (!a->is_set) {
		*a = *b;
		return true;
	}
	for (size_t i = 0; i < a->n; i++)
		if (mt_digests_contain(b, a->digest[i]))
			memmove(a->digest[kept++], a->digest[i], 32);
	memset(a->digest[kept], 0, (before - kept) * 32);
	a->n = kept;
	return kept != before;
}

bool
mt_static_pins_find(const struct mt_static_pins *pins, const char *host, const uint8_t *leaf,
		    bool *ret_allows)
{
	bool named = false;

	*ret_allows = false;
	for (size_t i = 0; i < pins->n; i++) {
		if (!mt_domain_equal(pins->pin[i].host, host))
			continue;
		named = true;
		if (leaf && memcmp(pins->pin[i].digest, leaf, 32) == 0)
			*ret_allows = true;
	}
	return named;
}

static void
static_pins_canonicalise(struct mt_static_pins *pins)
{
	size_t kept = 0;

	qsort(pins->pin, pins->n, sizeof(pins->pin[0]), static_pin_compare);
	for (size_t i = 0; i < pins->n; i++)
		if (kept == 0 || static_pin_compare(&pins->pin[i], &pins->pin[kept - 1]) != 0)
			memmove(&pins->pin[kept++], &pins->pin[i], sizeof(pins->pin[0]));
	memset(&pins->pin[kept], 0, (pins->n - kept) * sizeof(pins->pin[0]));
	pins->n = kept;
}

/* Nothing satisfies it any more, and nothing joined later changes that. */
static void
static_pins_empty(struct mt_static_pins *pins)
{
	memset(pins, 0, sizeof(*pins));
	pins->emptied = true;
}

static bool
static_pins_append(struct mt_static_pins *to, const void *pin)
{
	if (to->n == MT_DIGESTS_MAX)
		return false;
	memcpy(&to->pin[to->n++], pin, sizeof(to->pin[0]));
	return true;
}

/* Adds the pins of from that other does not contradict. Return: false where one does not fit. */
static bool
static_pins_add(struct mt_static_pins *to, const struct mt_static_pins *from,
		const struct mt_static_pins *other)
{
	for (size_t i = 0; i < from->n; i++) {
		bool allows;

		if (mt_static_pins_find(other, from->pin[i].host, from->pin[i].digest, &allows) &&
		    !allows)
			continue;
		if (!static_pins_append(to, &from->pin[i]))
			return false;
	}
	return true;
}

bool
mt_static_pins_intersect(struct mt_static_pins *a, const struct mt_static_pins *b)
{
	struct mt_static_pins both = {0};
	bool fits, changed, allows;

	if (a->emptied || b->emptied) {
		changed = !a->emptied;
		static_pins_empty(a);
		return changed;
	}
	fits = static_pins_add(&both, a, b);
	for (size_t i = 0; i < b->n && fits; i++)
		if (!mt_static_pins_find(a, b->pin[i].host, NULL, &allows))
			fits = static_pins_append(&both, &b->pin[i]);
	static_pins_canonicalise(&both);
	/* Every host either side names must still have a leaf. */
	for (size_t i = 0; i < a->n && fits; i++)
		fits = mt_static_pins_find(&both, a->pin[i].host, NULL, &allows);
	if (!fits)
		static_pins_empty(&both);
	changed = memcmp(a, &both, sizeof(both)) != 0;
	*a = both;
	return changed;
}

bool
mt_patterns_match(const struct mt_patterns *patterns, const char *host)
{
	if (!patterns->is_set)
		return true;
	for (size_t i = 0; i < patterns->n; i++) {
		const char *pattern = patterns->pattern[i];
		const char *suffix = pattern + 2;

		if (strncmp(pattern, "*.", 2) != 0) {
			if (mt_domain_equal(pattern, host))
				return true;
		} else if (mt_domain_is_within(host, suffix) && !mt_domain_equal(host, suffix)) {
			return true;
		}
	}
	return false;
}

bool
mt_digests_contain(const struct mt_digests *digests, const uint8_t digest[static 32])
{
	for (size_t i = 0; i < digests->n; i++)
		if (memcmp(digests->digest[i], digest, 32) == 0)
			return true;
	return false;
}

void
mt_minimum_canonicalise(struct mt_minimum *min)
{
	patterns_canonicalise(&min->endpoints_allow);
	digests_canonicalise(&min->client_cert_allow);
	static_pins_canonicalise(&min->static_pins);
	digests_canonicalise(&min->anchors);
}
