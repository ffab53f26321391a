/* SPDX-License-Identifier: MIT */
/* TLSA answers that are shared. */

#include "daemon/tlsa-set.h"

#include <stdlib.h>
#include <string.h>

struct mt_tlsa_set *
mt_tlsa_set_ref(struct mt_tlsa_set *set)
{
	set->refs++;
	return set;
}

struct mt_tlsa_set *
mt_tlsa_set_unref(struct mt_tlsa_set *set)
{
	if (set && --set->refs == 0)
		free(set);
	return NULL;
}

const struct mt_tlsa *
mt_tlsa_set_get(const struct mt_tlsa_set *set)
{
	return &set->tlsa;
}

size_t
mt_tlsa_data_size(const struct mt_tlsa_rrset *answer)
{
	size_t size = 0;

	for (size_t i = 0; i < answer->n; i++)
		size += answer->records[i].size;
	return size;
}

struct mt_tlsa_set *
mt_tlsa_set_new(const struct mt_tlsa_rrset *answer)
{
	enum mt_tlsa_status status = mt_tlsa_rrset_status(answer);
	size_t n = status == MT_TLSA_SECURE ? answer->n : 0;
	struct mt_tlsa_set *set = calloc(1, sizeof(*set) + (n > 0 ? mt_tlsa_data_size(answer) : 0));
	uint8_t *at;

	if (!set)
		return NULL;
	set->refs = 1;
	set->tlsa.status = status;
	set->tlsa.n = n;
	at = set->data;
	for (size_t i = 0; i < n; i++) {
		struct mt_tlsa_record *record = &set->tlsa.records[i];

		*record = answer->records[i];
		if (record->size > 0)
			memcpy(at, record->data, record->size);
		record->data = at;
		at += record->size;
	}
	return set;
}
