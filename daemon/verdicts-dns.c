/* SPDX-License-Identifier: MIT */
/* What DNS has to say about the server of a question. */

#include "daemon/host-memory.h"
#include "daemon/verdicts-private.h"

bool
mt_verdicts_needs_tlsa(const struct mt_question *q, const struct mt_gathered *g)
{
	const struct mt_account_facts *facts = &g->facts;
	const struct mt_reference *ref = &facts->reference;

	if (facts->endpoint == MT_ENDPOINT_FRESH && !facts->reference_is_fresh)
		return false;
	if (facts->state == MT_ACCOUNT_SUSPENDED)
		return false;
	if (ref->discovery == MT_DISCOVERY_SRV && ref->dnssec != MT_DNSSEC_SECURE)
		return false;
	return mt_host_may_have_tlsa(q->evidence.host);
}

/* The host was proven to be outside of the signed tree before a restart, and the proof holds. */
static struct mt_tlsa_set *
recall(struct mt_verdicts *v, const struct mt_question *q)
{
	const int64_t now = mt_clock_wall(v->o.clock);
	struct mt_tlsa_rrset insecure = {
		.address = MT_DNSSEC_INSECURE,
		.rrset = {.state = MT_RRSET_ABSENT, .dnssec = MT_DNSSEC_INSECURE},
	};
	struct mt_host_known known;
	int64_t left;

	if (mt_host_memory_get(v->o.store, &q->account, q->evidence.host, now, &known) != 0)
		return NULL;
	left = mt_host_known_insecure_usec(&known, now);
	if (left < MT_USEC_PER_SEC)
		return NULL;
	insecure.rrset.ttl_sec = (uint32_t)(left / MT_USEC_PER_SEC);
	return mt_tlsa_cache_learn(v->tlsa, q->uid, q->evidence.host, q->evidence.port, &insecure);
}

struct mt_tlsa_set *
mt_verdicts_find_tlsa(struct mt_verdicts *v, const struct mt_question *q)
{
	struct mt_tlsa_set *set =
		mt_tlsa_cache_find(v->tlsa, q->uid, q->evidence.host, q->evidence.port);

	return set ? set : recall(v, q);
}
