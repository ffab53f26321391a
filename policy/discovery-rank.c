/* SPDX-License-Identifier: MIT */
/* The order of candidates: lots first, then a stable sort. */

#include "policy/discovery.h"

#include <string.h>

/* RFC 2782: a number up to the sum of the weights, and the first whose running sum reaches it;
 * those of weight 0 stand first, so that they are reached only by a 0. */
static size_t
draw(const struct mt_discovery_query *query, const struct mt_candidate *set, size_t n)
{
	uint32_t sum = 0, lot;
	size_t best = 0;

	for (size_t i = 0; i < n; i++) {
		sum += set[i].weight;
		if (set[i].weight > set[best].weight)
			best = i;
	}
	if (!query->random)
		return best;
	lot = query->random(sum + 1, query->userdata);
	for (size_t i = 0; i < n; i++)
		if (set[i].weight == 0 && lot == 0)
			return i;
	sum = 0;
	for (size_t i = 0; i < n; i++) {
		sum += set[i].weight;
		if (set[i].weight > 0 && sum >= lot)
			return i;
	}
	return best;
}

/* Puts one label's records of one priority into the order of their lots. */
static void
shuffle(const struct mt_discovery_query *query, struct mt_candidate *set, size_t n)
{
	for (size_t i = 0; i + 1 < n; i++) {
		size_t drawn = i + draw(query, set + i, n - i);
		struct mt_candidate first = set[drawn];

		memmove(&set[i + 1], &set[i], (drawn - i) * sizeof(set[0]));
		set[i] = first;
	}
}

static void
shuffle_all(const struct mt_discovery_query *query, struct mt_discovered *found)
{
	size_t end;

	for (size_t start = 0; start < found->n; start = end) {
		const struct mt_candidate *first = &found->candidates[start];

		for (end = start + 1; end < found->n; end++)
			if (found->candidates[end].service != first->service ||
			    found->candidates[end].source != first->source ||
			    found->candidates[end].priority != first->priority)
				break;
		shuffle(query, &found->candidates[start], end - start);
	}
}

/* D-DISC-01; what came in clear is last: an unsigned answer is at least inside its domain. */
static int
source_rank(const struct mt_candidate *candidate)
{
	switch (candidate->source) {
	case MT_DISCOVERY_ADMIN:
	case MT_DISCOVERY_MANUAL:
		return 0;
	case MT_DISCOVERY_SRV:
		return candidate->dnssec == MT_DNSSEC_SECURE ? 1 : 4;
	case MT_DISCOVERY_PACC:
		return 2;
	case MT_DISCOVERY_AUTOCONFIG:
		return 3;
	case MT_DISCOVERY_AUTOCONFIG_HTTP:
		return 5;
	case MT_DISCOVERY_UNKNOWN:
		break;
	}
	return 6;
}

/* The best priority of a candidate's protocol, over its two labels. */
static int
protocol_priority(const struct mt_discovered *found, const struct mt_candidate *candidate)
{
	int best = UINT16_MAX;

	for (size_t i = 0; i < found->n; i++) {
		const struct mt_candidate *other = &found->candidates[i];

		if (other->service->proto == candidate->service->proto &&
		    other->reduced == candidate->reduced &&
		    source_rank(other) == source_rank(candidate) && other->priority < best)
			best = other->priority;
	}
	return best;
}

static bool
is_submission(const struct mt_candidate *candidate)
{
	return candidate->service->proto == MT_PROTO_SUBMISSION;
}

#define KEY_SIZE 7
struct key {
	int part[KEY_SIZE]; /* smaller is better */
};

static struct key
make_key(const struct mt_discovered *found, const struct mt_candidate *candidate)
{
	return (struct key){{
		is_submission(candidate),
		candidate->reduced,
		source_rank(candidate),
		protocol_priority(found, candidate),
		(int)candidate->service->proto,
		candidate->service->transport == MT_TRANSPORT_IMPLICIT ? 0 : 1,
		candidate->priority,
	}};
}

static bool
is_better(const struct key *a, const struct key *b)
{
	for (size_t i = 0; i < KEY_SIZE; i++)
		if (a->part[i] != b->part[i])
			return a->part[i] < b->part[i];
	return false;
}

/* Stable: equals stay in the order of their lots. */
static void
sort(struct mt_discovered *found)
{
	struct key keys[MT_CANDIDATES_MAX];

	for (size_t i = 0; i < found->n; i++)
		keys[i] = make_key(found, &found->candidates[i]);
	for (size_t i = 1; i < found->n; i++) {
		const struct mt_candidate candidate = found->candidates[i];
		const struct key key = keys[i];
		size_t at = i;

		for (; at > 0 && is_better(&key, &keys[at - 1]); at--) {
			found->candidates[at] = found->candidates[at - 1];
			keys[at] = keys[at - 1];
		}
		found->candidates[at] = candidate;
		keys[at] = key;
	}
}

void
mt_discovery_rank(const struct mt_discovery_query *query, struct mt_discovered *found)
{
	shuffle_all(query, found);
	sort(found);
}
