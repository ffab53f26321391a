/* SPDX-License-Identifier: MIT */
/* srv_mode=live: SRV data looked up for the connection in hand. */

#include "daemon/verdicts-private.h"

#include <string.h>

#include "policy/discovery.h"
#include "policy/domain.h"

const struct mt_service *
mt_live_service(const struct mt_question *q, const struct mt_gathered *g)
{
	const struct mt_evidence *ev = &q->evidence;

	if (g->facts.state != MT_ACCOUNT_ACTIVE || g->facts.endpoint != MT_ENDPOINT_FRESH ||
	    mt_value(g->effective, MT_FIELD_SRV_MODE) != MT_SRV_MODE_LIVE ||
	    !mt_domain_is_within(ev->host, g->account->domain))
		return NULL;
	return mt_service_find(ev->proto, ev->transport);
}

void
mt_live_read(const struct mt_srv_rrset *answer, const struct mt_question *q, int64_t now_usec,
	     struct mt_live *ret)
{
	const struct mt_rrset *rrset = &answer->rrset;

	*ret = (struct mt_live){.is_asked = true,
				.dnssec = rrset->dnssec,
				.expires_usec = now_usec + rrset->ttl_sec * MT_USEC_PER_SEC};
	if (rrset->signed_until_usec != 0 && rrset->signed_until_usec < ret->expires_usec)
		ret->expires_usec = rrset->signed_until_usec;
	for (size_t i = 0; i < answer->n; i++)
		if (answer->records[i].port == q->evidence.port &&
		    mt_domain_equal(answer->records[i].target, q->evidence.host))
			ret->names_server = true;
}

/* Signed data that names the server makes it one of the account's for this connection, forged data
 * ends the question (row 10); anything else changes nothing, and row 14 refuses. */
void
mt_live_apply(const struct mt_live *live, const struct mt_question *q, struct mt_gathered *g)
{
	const struct mt_service *service = mt_live_service(q, g);
	struct mt_reference *ref = &g->facts.reference;
	const bool is_named = live->dnssec == MT_DNSSEC_SECURE && live->names_server;

	if (!live->is_asked || !service || (!is_named && live->dnssec != MT_DNSSEC_BOGUS))
		return;
	ref->discovery = MT_DISCOVERY_SRV;
	ref->dnssec = live->dnssec;
	if (!is_named)
		return;
	g->facts.reference_is_fresh = true;
	g->live_until_usec = live->expires_usec;
	memcpy(ref->label, service->label, strlen(service->label) + 1);
}
