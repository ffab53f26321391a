/* SPDX-License-Identifier: MIT */
/* Answers: deny unless everything else holds. */

#include "clients/lib/answer.h"

#include <errno.h>
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
	answer->has_client_certificate = false;
	answer->reasons[0] = reason;
	answer->n_reasons = 1;
	(void)snprintf(answer->why, sizeof(answer->why), "%s", why ? why : "");
}

/* What an error is as a reason; what is none of these was simply not permitted. */
static enum mt_reason
reason_of_error(enum mt_error error)
{
	static const struct {
		enum mt_error error;
		enum mt_reason reason;
	} reasons[] = {
		{MT_ERROR_UNKNOWN_ACCOUNT, MT_REASON_ACCOUNT_UNKNOWN},
		{MT_ERROR_CONF_WARNING_REQUIRED, MT_REASON_CONF_WARNING_REQUIRED},
		{MT_ERROR_PIN_NOT_OFFERED_EXISTING, MT_REASON_PIN_NOT_OFFERED_EXISTING},
		{MT_ERROR_PIN_FORBIDDEN, MT_REASON_PIN_FORBIDDEN_BY_POLICY},
		{MT_ERROR_ORG_OVERRIDE_REFUSED, MT_REASON_POLICY_ORG_OVERRIDE_REFUSED},
		{MT_ERROR_TARGET_UNCONFIRMED, MT_REASON_SRV_TARGET_OUT_OF_DOMAIN},
		{MT_ERROR_ENDPOINT_NOT_PROBED, MT_REASON_EVIDENCE_INCOMPLETE},
		{MT_ERROR_INVALID_EVIDENCE, MT_REASON_EVIDENCE_INCOMPLETE},
		{MT_ERROR_DEGRADED, MT_REASON_DAEMON_DEGRADED},
		{MT_ERROR_DAEMON_UNREACHABLE, MT_REASON_DAEMON_UNAVAILABLE},
	};

	for (size_t i = 0; i < MT_ARRAY_SIZE(reasons); i++)
		if (reasons[i].error == error)
			return reasons[i].reason;
	return MT_REASON_OP_NOT_PERMITTED;
}

void
mt_answer_from_error(const struct mt_client *client, int outcome, struct mt_answer *ret)
{
	if (outcome < 0)
		mt_answer_deny(ret, MT_REASON_DAEMON_UNAVAILABLE, strerror(-outcome));
	else
		mt_answer_deny(ret, reason_of_error((enum mt_error)outcome),
			       mt_client_error(client)->message);
}

/* reason.h: the list is closed, and what we do not know may well forbid it. */
static void
deny_for_the_unknown(struct mt_answer *answer)
{
	answer->decision = MT_DECISION_DENY;
	answer->conf = false;
	answer->has_client_certificate = false;
	if (answer->n_reasons == 0)
		answer->reasons[answer->n_reasons++] = MT_REASON_OP_NOT_PERMITTED;
	(void)snprintf(answer->why, sizeof(answer->why),
		       "the service gave a reason this version does not know");
}

int
mt_answer_from_reply(const struct mt_check_reply *reply, struct mt_answer *ret)
{
	*ret = (struct mt_answer){.decision = reply->decision,
				  .conf = reply->conf,
				  .n_reasons = reply->n_reasons,
				  .token = *reply->token ? strdup(reply->token) : NULL,
				  .has_client_certificate = reply->has_client_certificate};
	memcpy(ret->reasons, reply->reasons, sizeof(ret->reasons));
	memcpy(ret->client_certificate, reply->client_certificate, sizeof(ret->client_certificate));
	if (reply->unknown_reason)
		deny_for_the_unknown(ret);

	return *reply->token && !ret->token ? -ENOMEM : 0;
}

void
mt_answer_from_token(const char *token, const char *jwks, const struct mt_token_expect *expect,
		     struct mt_answer *answer)
{
	MT_CLEANUP(mt_jwks_freep) struct mt_jwks *keys = NULL;
	struct mt_token_claims claims;
	struct mt_diag diag = {0};
	int r;

	if (mt_jwks_parse(jwks, strlen(jwks), &diag, &keys)) {
		mt_answer_deny(answer, MT_REASON_VERDICT_SIGNATURE_INVALID, diag.message);
		return;
	}
	r = mt_token_verify(token, strlen(token), keys, expect, &diag, &claims);
	if (r) {
		mt_answer_deny(answer, mt_token_outcome_reason(r), diag.message);
		return;
	}
	answer->decision = claims.decision;
	answer->conf = claims.conf;
	answer->n_reasons = claims.n_reasons;
	memcpy(answer->reasons, claims.reasons, sizeof(answer->reasons));
	if (claims.unknown_reason)
		deny_for_the_unknown(answer);
}

bool
mt_answer_has(const struct mt_answer *answer, enum mt_reason reason)
{
	for (size_t i = 0; i < answer->n_reasons; i++)
		if (answer->reasons[i] == reason)
			return true;
	return false;
}

bool
mt_answer_agrees(const struct mt_answer *a, const struct mt_answer *b)
{
	return a->decision == b->decision && a->conf == b->conf && a->n_reasons == b->n_reasons &&
	       memcmp(a->reasons, b->reasons, a->n_reasons * sizeof(a->reasons[0])) == 0;
}
