/* SPDX-License-Identifier: MIT */
/* Candidates from SRV answers: collected, filtered, ranked. */

#include "policy/discovery.h"

#include <stdio.h>
#include <string.h>

#include "policy/domain.h"

_Static_assert(MT_ARRAY_SIZE(mt_services) == MT_SERVICE_COUNT, "one answer per label");

static const char *const trusts[] = {"unconfirmed", "in-domain", "user-confirmed",
				     "https",       "dnssec",    "admin"};
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
	[MT_LEFT_OUT_UNVERIFIED] = {MT_REASON_DISCOVERY_UNVERIFIED_SOURCE, NULL},
	[MT_LEFT_OUT_SOURCE_SILENT] = {-1, "source-silent"},
	[MT_LEFT_OUT_SOURCE_UNTRUSTED] = {-1, "source-untrusted"},
	[MT_LEFT_OUT_SOURCE_DIGEST] = {-1, "source-digest-mismatch"},
	[MT_LEFT_OUT_SOURCE_MALFORMED] = {-1, "source-malformed"},
	[MT_LEFT_OUT_SOURCE_ELSEWHERE] = {-1, "source-elsewhere"},
	[MT_LEFT_OUT_SOURCE_BROKEN] = {-1, "source-broken"},
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
omit(struct mt_discovered *found, const struct mt_omission *omission)
{
	if (omission->n > 0 && found->n_omissions < MT_OMISSIONS_MAX)
		found->omissions[found->n_omissions++] = *omission;
}

/* Something about a whole label. */
static void
omit_label(struct mt_discovered *found, const struct mt_service *service, enum mt_left_out why,
	   uint32_t n)
{
	omit(found, &(struct mt_omission){.source = MT_DISCOVERY_SRV,
					  .service = service,
					  .proto = service->proto,
					  .why = why,
					  .n = n});
}

static void
omit_server(struct mt_discovered *found, const struct mt_candidate *candidate, enum mt_left_out why)
{
	struct mt_omission omission = {.source = candidate->source,
				       .service = candidate->service,
				       .proto = candidate->service->proto,
				       .why = why,
				       .port = candidate->port,
				       .n = 1};

	memcpy(omission.host, candidate->host, sizeof(omission.host));
	omit(found, &omission);
}

static enum mt_trust
judge_trust(const struct mt_discovery_query *query, const struct mt_candidate *candidate)
{
	if (candidate->source == MT_DISCOVERY_ADMIN)
		return MT_TRUST_ADMIN;
	if (!mt_reference_needs_person(candidate->source, candidate->dnssec, candidate->host,
				       query->domain)) {
		if (candidate->dnssec == MT_DNSSEC_SECURE)
			return MT_TRUST_DNSSEC;
		return candidate->source == MT_DISCOVERY_SRV ? MT_TRUST_IN_DOMAIN : MT_TRUST_HTTPS;
	}
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
		return candidate->source == MT_DISCOVERY_AUTOCONFIG_HTTP
			       ? MT_LEFT_OUT_UNVERIFIED
			       : MT_LEFT_OUT_OUT_OF_DOMAIN;
	candidate->reduced = is_below_minimum(query, candidate);
	return candidate->reduced && !query->may_reduce ? MT_LEFT_OUT_BELOW_MINIMUM : -1;
}

static void
consider(const struct mt_discovery_query *query, struct mt_candidate *candidate,
	 struct mt_discovered *found)
{
	int why = judge(query, candidate);

	if (why >= 0)
		omit_server(found, candidate, (enum mt_left_out)why);
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
		omit_label(found, service,
			   rrset->dnssec == MT_DNSSEC_BOGUS ? MT_LEFT_OUT_BOGUS
							    : MT_LEFT_OUT_UNDETERMINED,
			   1);
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
	omit_label(found, service, MT_LEFT_OUT_TARGET, answer->n_unusable);
	omit_label(found, service, MT_LEFT_OUT_TOO_MANY, answer->n_omitted);
}

/* A server that promises no TLS is listed and gone, consent or not: there is no label it could be
 * set up under, and whoever wants it names it himself (D-DISC-03). */
static void
omit_plain(struct mt_discovered *found, const struct mt_offer *offer)
{
	struct mt_omission omission = {.source = offer->source,
				       .proto = offer->proto,
				       .why = MT_LEFT_OUT_BELOW_MINIMUM,
				       .port = offer->port,
				       .n = 1};

	memcpy(omission.host, offer->host, sizeof(omission.host));
	omit(found, &omission);
}

/* Each source has put its own in order: that is their priority. */
static void
collect_offers(const struct mt_discovery_query *query, struct mt_discovered *found)
{
	for (size_t i = 0; i < query->n_offers && i < MT_OFFERS_TOTAL_MAX; i++) {
		const struct mt_offer *offer = &query->offers[i];
		struct mt_candidate candidate = {
			.service = mt_service_find(offer->proto, offer->transport),
			.port = offer->port,
			.priority = (uint16_t)i,
			.source = offer->source,
			.dnssec = offer->dnssec};

		memcpy(candidate.host, offer->host, sizeof(candidate.host));
		if (candidate.service)
			consider(query, &candidate, found);
		else if (offer->proto != MT_PROTO_UNKNOWN)
			omit_plain(found, offer);
	}
	for (size_t i = 0; i < query->n_notes; i++)
		omit(found, &(struct mt_omission){.source = query->notes[i].source,
						  .why = query->notes[i].why,
						  .n = query->notes[i].n});
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
	ret->is_incomplete = query->is_incomplete;
	collect_offers(query, ret);
	for (size_t i = 0; i < MT_SERVICE_COUNT; i++)
		if (query->answers[i])
			collect_answer(query, &mt_services[i], query->answers[i], ret);
	mt_discovery_rank(query, ret);
	ret->no_tls = lacks_tls(ret);
}

const struct mt_candidate *
mt_discovered_best(const struct mt_discovered *found, bool for_submission)
{
	for (size_t i = 0; i < found->n; i++)
		if ((found->candidates[i].service->proto == MT_PROTO_SUBMISSION) == for_submission)
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
