/* SPDX-License-Identifier: MIT */
/* Answers: deny unless everything else holds. */

#include "clients/lib/answer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void
mt_answer_clear(struct mt_answer *answer)
{
	free(answer->token);
	*answer = (struct mt_answer){0};
}

void
mt_answer_deny(struct mt_answer *answer, enum mt_reason reason, const char *why)
{
	answer->decision = MT_DECISION_DENY;
	answer->conf = false;
	answer->reasons[0] = reason;
	answer->n_reasons = 1;
	(void)snprintf(answer->why, sizeof(answer->why), "%s", why ? why : "");
}

void
mt_answer_add_code(struct mt_answer *answer, const char *code)
{
	if (answer->n_reasons < MT_REASONS_MAX &&
	    mt_reason_from_string(code, &answer->reasons[answer->n_reasons]) == 0) {
		answer->n_reasons++;
		return;
	}
	/* reason.h: the list is closed, and what we do not know may well forbid it */
	answer->decision = MT_DECISION_DENY;
	answer->conf = false;
	(void)snprintf(answer->why, sizeof(answer->why),
		       "the service gave a reason this version does not know");
}

bool
mt_answer_agrees(const struct mt_answer *a, const struct mt_answer *b)
{
	return a->decision == b->decision && a->conf == b->conf && a->n_reasons == b->n_reasons &&
	       memcmp(a->reasons, b->reasons, a->n_reasons * sizeof(a->reasons[0])) == 0;
}
