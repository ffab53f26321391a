/* SPDX-License-Identifier: MIT */
/* Candidates from SRV answers: collected, filtered, ranked. */

#include "policy/discovery.h"

#include <stdio.h>
#include <string.h>

#include "policy/domain.h"

_Static_assert(MT_ARRAY_SIZE(mt_services) == MT_SERVICE_COUNT, "one answer per label");

static const char *const trusts[] = {"unconfirmed", "in-domain", "user-confirmed", "dnssec",
				     "admin"};
_Static_assert(MT_ARRAY_SIZE(trusts) == MT_TRUST_COUNT, "one name per value");

static const struct {
	int reason;
	const char *name; /* where there is no code */
} left_out[] = {
	[MT_LEFT_OUT_BOGUS] = {MT_REASON_SRV_BOGUS, NULL},
	[MT_LEFT_OUT_UNDETERMINED] = {-1, "no-answer"},
	[MT_LEFT_OUT_NOT_OFFERED] = {MT_REASON_SRV_SERVICE_NOT_OFFERED, NULL},
	[MT_LEFT_OUT_BELOW_MINIMUM] = {MT_REASON_SRV_CANDIDATE_BELOW_MINIMUM, NULL},
	[MT_LEFT_OUT_OUT_OF_DOMAIN] = {MT_REASON_SRV_TARGET_OUT_OF_DOMAIN, NULL},
	[MT_LEFT_OUT_INSECURE] = {MT_REASON_SRV_INSECURE, NULL},
	[MT_LEFT_OUT_PROTOCOL] = {-1, "protocol-not-allowed"},
	[MT_LEFT_OUT_PORT] = {-1, "port-zero"},
	[MT_LEFT_OUT_TARGET] = {-1, "target-invalid"},
	[MT_LEFT_OUT_TOO_MANY] = {-1, "too-many"},
};
_Static_assert(MT_ARRAY_SIZE(left_out) == MT_LEFT_OUT_COUNT, "one row per value");

const char *
mt_trust_to_string(enum mt_trust trust)
{
	return trusts[trust];
}

const char *
mt_left_out_to_string(enum mt_left_out why)
{
	return left_out[why].name ? left_out[why].name
				  : mt_reason_to_string((enum mt_reason)left_out[why].reason);
}

int
mt_left_out_reason(enum mt_left_out why)
{
	return left_out[why].reason;
}

/* -- collecting -------------------------------------------------------------------------------- */

static void
omit(struct mt_discovered *found, const struct mt_service *service, enum mt_left_out why,
     const struct mt_candidate *candidate, uint32_t n)
{
	struct mt_omission *omission = &found->omissions[found->n_omissions];

	if (n == 0 || found->n_omissions == MT_OMISSIONS_MAX)
		return;
	*omission = (struct mt_omission){.service = service, .why = why, .n = n};
	if (candidate) {
		memcpy(omission->host, candidate->host, sizeof(omission->host));
		omission->port = candidate->port;
	}
	found->n_omissions++;
}

static enum mt_trust
judge_trust(const struct mt_discovery_query *query, const struct mt_candidate *candidate)
{
	if (candidate->source == MT_DISCOVERY_ADMIN)
		return MT_TRUST_ADMIN;
	if (candidate->dnssec == MT_DNSSEC_SECURE)
		return MT_TRUST_DNSSEC;
	if (mt_domain_is_within(candidate->host, query->domain))
		return MT_TRUST_IN_DOMAIN;
	if (query->is_confirmed && query->is_confirmed(candidate->host, query->userdata))
		return MT_TRUST_USER_CONFIRMED;
	return MT_TRUST_UNCONFIRMED;
}

static bool
is_below_minimum(const struct mt_discovery_query *query, const struct mt_candidate *candidate)
{
	if (candidate->service->transport == MT_TRANSPORT_STARTTLS &&
	    query->transport_min == MT_TRANSPORT_MIN_IMPLICIT)
		return true;
	return query->protection &&
	       query->protection(candidate, query->userdata) == MT_PROTECTION_BELOW;
}

/* Whether a candidate stays. Fills trust and reduced. Return: -1, or why it does not. */
static int
judge(const struct mt_discovery_query *query, struct mt_candidate *candidate)
{
	candidate->trust = judge_trust(query, candidate);
	if (strcmp(candidate->host, ".") == 0)
		return MT_LEFT_OUT_NOT_OFFERED; /* RFC 2782; nothing is guessed instead */
	if (candidate->port == 0)
		return MT_LEFT_OUT_PORT;
	if (!(query->protocols & (1u << candidate->service->proto)))
		return MT_LEFT_OUT_PROTOCOL;
	/* Rows 11 and 12: a target outside is asked about, or refused where the policy wants more.
	 */
	if (candidate->trust < MT_TRUST_DNSSEC && query->srv_trust == MT_SRV_TRUST_DNSSEC)
		return MT_LEFT_OUT_INSECURE;
	if (candidate->trust == MT_TRUST_UNCONFIRMED && query->srv_trust != MT_SRV_TRUST_ASK)
		return MT_LEFT_OUT_OUT_OF_DOMAIN;
	candidate->reduced = is_below_minimum(query, candidate);
	return candidate->reduced && !query->may_reduce ? MT_LEFT_OUT_BELOW_MINIMUM : -1;
}

static void
consider(const struct mt_discovery_query *query, struct mt_candidate *candidate,
	 struct mt_discovered *found)
{
	int why = judge(query, candidate);

	if (why >= 0)
		omit(found, candidate->service, (enum mt_left_out)why, candidate, 1);
	else
		found->candidates[found->n++] = *candidate;
}

static void
collect_answer(const struct mt_discovery_query *query, const struct mt_service *service,
	       const struct mt_srv_rrset *answer, struct mt_discovered *found)
{
	const struct mt_rrset *rrset = &answer->rrset;
	const bool is_answer = rrset->state == MT_RRSET_FOUND || rrset->state == MT_RRSET_ABSENT;

	if (rrset->dnssec == MT_DNSSEC_BOGUS || !is_answer) {
		found->is_incomplete = true;
		omit(found, service,
		     rrset->dnssec == MT_DNSSEC_BOGUS ? MT_LEFT_OUT_BOGUS
						      : MT_LEFT_OUT_UNDETERMINED,
		     NULL, 1);
		return;
	}
	for (size_t i = 0; i < answer->n; i++) {
		const struct mt_srv_record *record = &answer->records[i];
		struct mt_candidate candidate = {.service = service,
						 .port = record->port,
						 .priority = record->priority,
						 .weight = record->weight,
						 .source = MT_DISCOVERY_SRV,
						 .dnssec = rrset->dnssec};

		memcpy(candidate.host, record->target, sizeof(candidate.host));
		consider(query, &candidate, found);
	}
	omit(found, service, MT_LEFT_OUT_TARGET, NULL, answer->n_unusable);
	omit(found, service, MT_LEFT_OUT_TOO_MANY, NULL, answer->n_omitted);
}

/* -- ranking ----------------------------------------------------------------------------------- */

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

/* D-DISC-01: administrator, signed SRV, other sources, unsigned SRV. */
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
	case MT_DISCOVERY_UNKNOWN:
		break;
	}
	return 5;
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

/* -- the whole --------------------------------------------------------------------------------- */

static bool
lacks_tls(const struct mt_discovered *found)
{
	bool any = false;

	for (size_t i = 0; i < found->n; i++) {
		if (!found->candidates[i].reduced)
			return false;
		any = true;
	}
	for (size_t i = 0; i < found->n_omissions; i++)
		any = any || found->omissions[i].why == MT_LEFT_OUT_BELOW_MINIMUM;
	return any;
}

void
mt_discovery_run(const struct mt_discovery_query *query, struct mt_discovered *ret)
{
	memset(ret, 0, sizeof(*ret));
	for (size_t i = 0; i < query->n_presets && i < MT_ENDPOINTS_MAX; i++) {
		struct mt_candidate preset = query->presets[i];

		preset.source = MT_DISCOVERY_ADMIN;
		consider(query, &preset, ret);
	}
	for (size_t i = 0; i < MT_SERVICE_COUNT; i++)
		if (query->answers[i])
			collect_answer(query, &mt_services[i], query->answers[i], ret);
	shuffle_all(query, ret);
	sort(ret);
	ret->no_tls = lacks_tls(ret);
}

const struct mt_candidate *
mt_discovered_best(const struct mt_discovered *found, bool for_submission)
{
	for (size_t i = 0; i < found->n; i++)
		if (is_submission(&found->candidates[i]) == for_submission)
			return &found->candidates[i];
	return NULL;
}

int
mt_discovery_name(const struct mt_service *service, const char *domain,
		  char ret[static MT_DOMAIN_SIZE])
{
	int size = snprintf(ret, MT_DOMAIN_SIZE, "%s._tcp.%s", service->label, domain);

	return size > 0 && size <= MT_DOMAIN_MAX ? 0 : 1;
}

void
mt_candidate_reference(const struct mt_candidate *candidate, const char *domain,
		       struct mt_reference *ret)
{
	*ret = (struct mt_reference){
		.discovery = candidate->source,
		.dnssec = candidate->dnssec,
		.confirmed = candidate->trust == MT_TRUST_USER_CONFIRMED,
	};
	(void)snprintf(ret->address_domain, sizeof(ret->address_domain), "%s", domain);
	memcpy(ret->host, candidate->host, sizeof(ret->host));
	if (candidate->source == MT_DISCOVERY_SRV)
		(void)snprintf(ret->label, sizeof(ret->label), "%s", candidate->service->label);
}
