/* SPDX-License-Identifier: MIT */
/* The table of reason codes. */

#include "policy/reason.h"

#include <string.h>

struct reason {
	const char *code;
	enum mt_effect on, off; /* with minimum confidentiality on, and off */
	const char *clause;
	const char *sentence;
};

static const struct reason reasons[] = {
#define X(symbol, code, on, off, clause, sentence) \
	[MT_REASON_##symbol] = {code, MT_EFFECT_##on, MT_EFFECT_##off, clause, sentence},
	MT_REASON_LIST(X)
#undef X
};

_Static_assert(MT_ARRAY_SIZE(reasons) == MT_REASON_COUNT, "the list is closed at its version");

const char *
mt_reason_to_string(enum mt_reason reason)
{
	return reasons[reason].code;
}

int
mt_reason_from_string(const char *string, enum mt_reason *ret_reason)
{
	for (unsigned i = 0; i < MT_REASON_COUNT; i++)
		if (strcmp(reasons[i].code, string) == 0) {
			*ret_reason = (enum mt_reason)i;
			return 0;
		}
	return 1;
}

const char *
mt_reason_sentence(enum mt_reason reason)
{
	return reasons[reason].sentence;
}

const char *
mt_reason_clause(enum mt_reason reason)
{
	return reasons[reason].clause;
}

enum mt_effect
mt_reason_effect(enum mt_reason reason, bool min_conf)
{
	return min_conf ? reasons[reason].on : reasons[reason].off;
}
