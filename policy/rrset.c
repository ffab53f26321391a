/* SPDX-License-Identifier: MIT */
/* RRsets of SRV and TLSA: their order, and what they mean. */

#include "policy/rrset.h"

#include <string.h>

#include "policy/domain.h"
#include "policy/names.h"

static const char *const states[] = {"failed", "timeout", "servfail", "absent", "found"};
MT_DEFINE_NAMES(rrset_state, states, MT_RRSET_STATE_COUNT, (unsigned)MT_RRSET_FAILED);

bool
mt_host_may_have_tlsa(const char *host)
{
	uint8_t ip[16];

	return mt_ip_literal_parse(host, ip) == 0 && !mt_host_is_loopback(host);
}

/* An answer that did not come, or broke, says nothing about what it would have been. */
static enum mt_tlsa_status
status_without_answer(enum mt_dnssec dnssec)
{
	return dnssec == MT_DNSSEC_BOGUS ? MT_TLSA_BOGUS : MT_TLSA_UNDETERMINED;
}

enum mt_tlsa_status
mt_tlsa_rrset_status(const struct mt_tlsa_rrset *answer)
{
	const struct mt_rrset *rrset = &answer->rrset;

	if (rrset->state == MT_RRSET_FAILED)
		return MT_TLSA_UNDETERMINED;
	if (answer->address == MT_DNSSEC_INSECURE)
		return MT_TLSA_INSECURE;
	if (answer->address != MT_DNSSEC_SECURE)
		return status_without_answer(answer->address);
	if (rrset->state != MT_RRSET_FOUND && rrset->state != MT_RRSET_ABSENT)
		return status_without_answer(rrset->dnssec);
	switch (rrset->dnssec) {
	case MT_DNSSEC_BOGUS:
	case MT_DNSSEC_UNDETERMINED:
		return status_without_answer(rrset->dnssec);
	case MT_DNSSEC_INSECURE: /* an alias that leads out of the signed tree */
		return MT_TLSA_INSECURE;
	case MT_DNSSEC_SECURE:
		return rrset->state == MT_RRSET_FOUND ? MT_TLSA_SECURE : MT_TLSA_ABSENT;
	}
	return MT_TLSA_UNDETERMINED;
}

static int
compare(unsigned a, unsigned b)
{
	return (a > b) - (a < b);
}

int
mt_srv_record_compare(const struct mt_srv_record *a, const struct mt_srv_record *b)
{
	int r = compare(a->priority, b->priority);

	if (r == 0)
		r = strcmp(a->target, b->target);
	if (r == 0)
		r = compare(a->port, b->port);
	return r ? r : compare(a->weight, b->weight);
}

void
mt_srv_rrset_add(struct mt_srv_rrset *rrset, const struct mt_srv_record *record)
{
	size_t at = rrset->n;

	while (at > 0 && mt_srv_record_compare(record, &rrset->records[at - 1]) < 0)
		at--;
	if (rrset->n == MT_SRV_MAX) {
		rrset->n_omitted++;
		if (at == MT_SRV_MAX)
			return;
		rrset->n--;
	}
	memmove(&rrset->records[at + 1], &rrset->records[at],
		(rrset->n - at) * sizeof(rrset->records[0]));
	rrset->records[at] = *record;
	rrset->n++;
}
