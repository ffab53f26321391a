/* SPDX-License-Identifier: MIT */
/* Validations and TLSA sets: sanity of what a worker sent, and names. */

#include "policy/validation.h"

#include "policy/names.h"

static const char *const statuses[] = {"bogus", "undetermined", "insecure", "absent", "secure"};
MT_DEFINE_NAMES(tlsa_status, statuses, MT_TLSA_STATUS_COUNT, (unsigned)MT_TLSA_BOGUS);

static bool
is_reference(const struct mt_refid *id, const struct mt_refids *refs)
{
	for (size_t i = 0; i < refs->n; i++)
		if (refs->ids[i].type == id->type && strcmp(refs->ids[i].value, id->value) == 0)
			return true;
	return false;
}

bool
mt_validation_is_sane(const struct mt_validation *v, const struct mt_refids *refs)
{
	const uint32_t faults = v->faults & ~(uint32_t)MT_BIT(MT_CERT_CN_ONLY);
	const bool has_dane_name = v->dane_matched && v->dane_usage == 2;

	if ((unsigned)v->state >= MT_VALIDATION_STATE_COUNT ||
	    (unsigned)v->anchor >= MT_ANCHOR_COUNT ||
	    (unsigned)v->revocation >= MT_REVOCATION_STATE_COUNT ||
	    v->faults >= MT_BIT(MT_CERT_FAULT_COUNT))
		return false;
	if (v->state != MT_VALIDATION_DONE)
		return !v->pkix_valid && !v->dane_matched;
	if (v->pkix_valid &&
	    (faults || v->anchor == MT_ANCHOR_NONE || !is_reference(&v->matched, refs)))
		return false;
	if (!v->pkix_valid && !faults)
		return false;
	if (v->dane_matched && (v->dane_usable == 0 || (v->dane_usage != 2 && v->dane_usage != 3)))
		return false;
	return !has_dane_name || is_reference(&v->dane_id, refs);
}

bool
mt_tlsa_record_is_usable(const struct mt_tlsa_record *record)
{
	/* RFC 6698 §2.1.3: full data, SHA-256, SHA-512 */
	static const uint16_t digest_size[] = {0, 32, 64};

	if ((record->usage != 2 && record->usage != 3) || record->selector > 1 ||
	    record->matching >= MT_ARRAY_SIZE(digest_size))
		return false;
	return record->matching == 0 ? record->size > 0
				     : record->size == digest_size[record->matching];
}

size_t
mt_tlsa_count_usable(const struct mt_tlsa *tlsa)
{
	size_t usable = 0;

	for (size_t i = 0; i < tlsa->n; i++)
		usable += mt_tlsa_record_is_usable(&tlsa->records[i]);
	return usable;
}
