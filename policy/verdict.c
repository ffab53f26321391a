/* SPDX-License-Identifier: MIT */
/* Verdicts: names of the decisions, and the list of reasons. */

#include "policy/verdict.h"

#include <string.h>

static const char *const decisions[MT_DECISION_COUNT] = {
	[MT_DECISION_DENY] = "deny",
	[MT_DECISION_CONFIRM] = "confirm",
	[MT_DECISION_AWC] = "awc",
	[MT_DECISION_ALLOW] = "allow",
};

const char *
mt_decision_to_string(enum mt_decision decision)
{
	return decisions[decision];
}

int
mt_decision_from_string(const char *string, enum mt_decision *ret)
{
	for (unsigned i = 0; i < MT_DECISION_COUNT; i++)
		if (strcmp(decisions[i], string) == 0) {
			*ret = (enum mt_decision)i;
			return 0;
		}
	return 1;
}

bool
mt_verdict_has(const struct mt_verdict *verdict, enum mt_reason reason)
{
	for (size_t i = 0; i < verdict->n_reasons; i++)
		if (verdict->reasons[i] == reason)
			return true;
	return false;
}

void
mt_verdict_add(struct mt_verdict *verdict, enum mt_reason reason)
{
	if (mt_verdict_has(verdict, reason))
		return;
	/* The rows can add far fewer than this; a full list would be a bug of ours. */
	assert(verdict->n_reasons < MT_REASONS_MAX);
	verdict->reasons[verdict->n_reasons++] = reason;
}
