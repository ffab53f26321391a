/* SPDX-License-Identifier: MIT */
/*
 * The invariants of REQUIREMENTS 4.5 over generated questions: MT_CASES of them (default one
 * million) from MT_SEED. Each case is judged once for all invariants; the tests then look at the
 * tallies. What an invariant says about layers in general stands in test-minimum.
 */

#include "tests/cmocka-all.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/generate.h"

#define CASES 1000000
#define SEED UINT64_C(8314)

/* One case: a question, the policy it was asked under, and the answer. */
struct trial {
	struct draw draw;
	struct question q;
	struct mt_effective policy, stricter;
	struct mt_minimum layer;
	struct mt_verdict v;
	bool min_conf; /* in force: after expiry */
	enum mt_account_state state;
};

static enum mt_op
op_of(const struct trial *t)
{
	return t->q.in.op;
}

static bool
is_discovery(const struct trial *t)
{
	return op_of(t) == MT_OP_CAPABILITY || op_of(t) == MT_OP_STARTTLS;
}

static bool
says(const struct trial *t, enum mt_reason reason)
{
	return mt_verdict_has(&t->v, reason);
}

static enum mt_reason
last_reason(const struct trial *t)
{
	return t->v.reasons[t->v.n_reasons - 1];
}

/* A question about where to connect to, before the endpoint is saved: rows 11 and 13. */
static bool
asks_about_the_endpoint(const struct trial *t)
{
	return t->q.facts.endpoint != MT_ENDPOINT_SAVED &&
	       (last_reason(t) == MT_REASON_SRV_TARGET_OUT_OF_DOMAIN ||
		last_reason(t) == MT_REASON_DISCOVERY_UNVERIFIED_SOURCE);
}

static bool
is_expired(const struct mt_effective *policy, const struct question *q)
{
	return q->in.now_usec >= policy->m.not_after_usec;
}

static void
decide_under(struct question *q, const struct mt_effective *policy, struct mt_verdict *ret)
{
	q->in.policy = policy;
	mt_decide(&q->in, ret);
}

/* I-1 */
static bool
conf_needs_proof_and_tls_and_no_pin(struct trial *t)
{
	const struct mt_evidence *ev = &t->q.ev;

	if (!t->v.conf)
		return true;
	return t->v.decision == MT_DECISION_ALLOW &&
	       (says(t, MT_REASON_CERT_PKIX_VALID) || says(t, MT_REASON_DANE_MATCHED)) &&
	       !says(t, MT_REASON_PIN_MATCHED) && ev->tls_version >= MT_TLS_VERSION_1_2 &&
	       ev->transport != MT_TRANSPORT_NONE;
}

/* I-2 */
static bool
the_minimum_knows_allow_and_deny_only(struct trial *t)
{
	if (!t->min_conf || t->state != MT_ACCOUNT_ACTIVE || is_discovery(t))
		return true;
	return (t->v.decision == MT_DECISION_ALLOW && t->v.conf) ||
	       t->v.decision == MT_DECISION_DENY || asks_about_the_endpoint(t);
}

/* I-3 */
static bool
stricter_never_permits_more(struct trial *t)
{
	struct mt_verdict v;

	memcpy(&t->stricter, &t->policy, sizeof(t->policy));
	draw_layer(&t->draw, 32, &t->layer);
	mt_effective_join(&t->stricter, &t->layer, MT_LAYER_REQUEST);
	decide_under(&t->q, &t->stricter, &v);
	return (t->v.decision != MT_DECISION_DENY || v.decision == MT_DECISION_DENY) &&
	       (!v.conf || t->v.conf);
}

/* I-4 */
static bool
a_pin_is_offered_in_setup_with_the_minimum_off(struct trial *t)
{
	return !says(t, MT_REASON_PIN_OFFER_AVAILABLE) ||
	       (t->state == MT_ACCOUNT_SETUP && !t->min_conf);
}

/* Keys that may be left out: the optional ones of I-5. */
static bool
is_optional(int key)
{
	const uint64_t optional = MT_BIT(MT_EV_CLIENTCERT_REQUESTED) |
				  MT_BIT(MT_EV_CLIENTCERT_PRESENTED) |
				  MT_BIT(MT_EV_AUTH_MECHANISM) | MT_BIT(MT_EV_AUTH_CB_TYPE) |
				  MT_BIT(MT_EV_AUTH_CB_VALUE) | MT_BIT(MT_EV_STAPLE) |
				  MT_BIT(MT_EV_STAPLE_REQUESTED) | MT_BIT(MT_EV_REFERRAL_TARGET);

	return optional & MT_BIT(key);
}

/*
 * I-5. Of evidence that contradicts itself, dropping one side withdraws a claim: that is another
 * story than silence, and left aside. Under TLS silence never helps at all.
 */
static bool
silence_never_turns_deny_into_allow(struct trial *t)
{
	struct question less = t->q;
	struct mt_verdict v;
	int key = draw_dropped_key(&t->draw, &less.ev);

	if (t->v.decision != MT_DECISION_DENY || is_discovery(t) || key < 0 || is_optional(key) ||
	    t->q.in.phase != MT_PHASE_FINAL || mt_evidence_contradiction(&t->q.ev))
		return true;
	less.in.evidence = &less.ev;
	decide_under(&less, &t->policy, &v);
	return t->q.ev.transport == MT_TRANSPORT_NONE ? v.decision != MT_DECISION_ALLOW
						      : v.decision == MT_DECISION_DENY;
}

/* What Part 3 leaves to a policy field, or lists beside another proof as information. */
static bool
is_conditional(const struct trial *t, enum mt_reason reason)
{
	static const enum mt_reason conditional[] = {
		MT_REASON_CERT_REVOCATION_UNKNOWN,
		MT_REASON_CERT_LOCAL_TRUST_ANCHOR,
		MT_REASON_SRV_INSECURE,
		MT_REASON_SRV_TARGET_OUT_OF_DOMAIN,
		MT_REASON_CONF_DOWNGRADED,
		MT_REASON_CLIENTCERT_NOT_IMPLICIT,
		MT_REASON_CLIENTCERT_IDENTITY_EXPOSED,
		MT_REASON_POLICY_EXPIRED,
		MT_REASON_EVIDENCE_ASSERTED_ONLY,
		MT_REASON_DANE_MISMATCH,
	};
	bool is_cert = strncmp(mt_reason_to_string(reason), "cert.", 5) == 0;

	for (size_t i = 0; i < MT_ARRAY_SIZE(conditional); i++)
		if (conditional[i] == reason)
			return true;
	return is_cert && says(t, MT_REASON_DANE_MATCHED);
}

/* The strongest effect of the reasons; conditional ones count only if asked for. */
static enum mt_effect
strongest_effect(const struct trial *t, bool conditional)
{
	enum mt_effect strongest = MT_EFFECT_NEVER;

	for (size_t i = 0; i < t->v.n_reasons; i++) {
		enum mt_reason reason = t->v.reasons[i];
		bool depends = is_conditional(t, reason);
		enum mt_effect effect = mt_reason_effect(reason, t->min_conf);

		if (depends)
			effect = conditional ? MT_EFFECT_DENY : MT_EFFECT_INFO;
		if (effect < strongest)
			strongest = effect;
	}
	return strongest;
}

static bool
has_repeats(const struct mt_verdict *v)
{
	for (size_t i = 0; i < v->n_reasons; i++)
		for (size_t j = 0; j < i; j++)
			if (v->reasons[i] == v->reasons[j])
				return true;
	return false;
}

/* I-6. For discovery, what rows 19-36 find is information: nothing to explain but the code. */
static bool
reasons_explain_the_decision(struct trial *t)
{
	if (t->v.n_reasons == 0 || has_repeats(&t->v))
		return false;
	switch (t->v.decision) {
	case MT_DECISION_DENY:
		return strongest_effect(t, true) == MT_EFFECT_DENY;
	case MT_DECISION_CONFIRM:
		return strongest_effect(t, false) == MT_EFFECT_CONFIRM ||
		       last_reason(t) == MT_REASON_SRV_TARGET_OUT_OF_DOMAIN ||
		       last_reason(t) == MT_REASON_CONF_DOWNGRADED;
	case MT_DECISION_AWC:
		return strongest_effect(t, false) >= MT_EFFECT_AWC &&
		       last_reason(t) == MT_REASON_CONF_DISABLED_BY_USER;
	case MT_DECISION_ALLOW:
		return is_discovery(t) ? says(t, MT_REASON_OP_CAPABILITY_ONLY)
				       : strongest_effect(t, false) == MT_EFFECT_INFO &&
						 last_reason(t) == MT_REASON_CONF_MET;
	}
	return false;
}

/* I-7: what reaches the core of other accounts is one bit, for the administrator's log. */
static bool
other_accounts_change_nothing(struct trial *t)
{
	struct mt_verdict v;

	t->q.facts.pin_elsewhere = !t->q.facts.pin_elsewhere;
	decide_under(&t->q, &t->policy, &v);
	t->q.facts.pin_elsewhere = !t->q.facts.pin_elsewhere;
	v.log_pin_other_account = t->v.log_pin_other_account;
	return memcmp(&v, &t->v, sizeof(v)) == 0;
}

/* I-8 */
static bool
cleartext_is_never_confidential_nor_beside_tlsa(struct trial *t)
{
	bool must_deny = t->q.tlsa.status == MT_TLSA_SECURE && t->q.tlsa.n > 0 && !is_discovery(t);

	if (t->q.ev.transport != MT_TRANSPORT_NONE)
		return true;
	return !t->v.conf &&
	       (!must_deny || t->v.decision == MT_DECISION_DENY || asks_about_the_endpoint(t));
}

/* I-9 */
static bool
discovery_consumes_nothing(struct trial *t)
{
	return !is_discovery(t) || t->v.consumed == 0;
}

/* I-10 */
static bool
every_layer_is_below_the_effective_policy(struct trial *t)
{
	/* the layer that stricter_never_permits_more() joined; a copy of 20 KiB: now and then */
	if (draw_below(&t->draw, 16) != 0)
		return true;
	return mt_minimum_is_weaker_or_equal(&t->layer, &t->stricter.m) &&
	       mt_minimum_is_weaker_or_equal(&t->policy.m, &t->stricter.m);
}

static bool
row_49_is_unreachable(struct trial *t)
{
	return !says(t, MT_REASON_DAEMON_DEGRADED) || !t->q.in.ready ||
	       t->q.val.state == MT_VALIDATION_FAILED;
}

static bool
the_same_question_gets_the_same_bytes(struct trial *t)
{
	struct mt_verdict v;

	memset(&v, 0xa5, sizeof(v));
	decide_under(&t->q, &t->policy, &v);
	return memcmp(&v, &t->v, sizeof(v)) == 0;
}

enum invariant { I_1, I_2, I_3, I_4, I_5, I_6, I_7, I_8, I_9, I_10, ROW_49, PURE, N_INVARIANTS };

static bool (*const invariants[N_INVARIANTS])(struct trial *t) = {
	[I_1] = conf_needs_proof_and_tls_and_no_pin,
	[I_2] = the_minimum_knows_allow_and_deny_only,
	[I_3] = stricter_never_permits_more,
	[I_4] = a_pin_is_offered_in_setup_with_the_minimum_off,
	[I_5] = silence_never_turns_deny_into_allow,
	[I_6] = reasons_explain_the_decision,
	[I_7] = other_accounts_change_nothing,
	[I_8] = cleartext_is_never_confidential_nor_beside_tlsa,
	[I_9] = discovery_consumes_nothing,
	[I_10] = every_layer_is_below_the_effective_policy,
	[ROW_49] = row_49_is_unreachable,
	[PURE] = the_same_question_gets_the_same_bytes,
};

/* What the run found. */
struct tally {
	uint64_t cases, seed;
	uint64_t decisions[MT_DECISION_COUNT]; /* of operations that are more than discovery */
	uint64_t reasons[MT_REASON_COUNT];
	uint64_t violations[N_INVARIANTS];
	char first[N_INVARIANTS][1024];
};

static void
describe(const struct trial *t, uint64_t number, char *buffer, size_t size)
{
	int n = snprintf(buffer, size, "case %" PRIu64 ": %s, %s, minimum %d: %s/%d", number,
			 mt_op_to_string(op_of(t)), mt_account_state_to_string(t->state),
			 t->min_conf, mt_decision_to_string(t->v.decision), t->v.conf);

	for (size_t i = 0; i < t->v.n_reasons; i++)
		n += snprintf(buffer + n, size - (size_t)n, " %s",
			      mt_reason_to_string(t->v.reasons[i]));
}

static void
judge(struct trial *t, uint64_t number, struct tally *tally)
{
	bool expired = is_expired(&t->policy, &t->q);
	bool suspends = mt_value(&t->policy, MT_FIELD_ON_EXPIRY) == MT_ON_EXPIRY_SUSPEND;

	t->min_conf = mt_value(&t->policy, MT_FIELD_MIN_CONF) == MT_ON || expired;
	t->state = expired && suspends ? MT_ACCOUNT_SUSPENDED : t->q.facts.state;
	decide_under(&t->q, &t->policy, &t->v);
	if (!is_discovery(t))
		tally->decisions[t->v.decision]++;
	for (size_t i = 0; i < t->v.n_reasons; i++)
		tally->reasons[t->v.reasons[i]]++;
	for (int i = 0; i < N_INVARIANTS; i++)
		if (!invariants[i](t) && tally->violations[i]++ == 0)
			describe(t, number, tally->first[i], sizeof(tally->first[i]));
}

static uint64_t
number_from_environment(const char *name, uint64_t otherwise)
{
	const char *text = getenv(name);

	return text && *text ? strtoull(text, NULL, 0) : otherwise;
}

static int
run_all_cases(void **state)
{
	struct tally *tally = calloc(1, sizeof(*tally));
	struct trial *t = calloc(1, sizeof(*t));

	assert_non_null(tally);
	assert_non_null(t);
	tally->cases = number_from_environment("MT_CASES", CASES);
	tally->seed = number_from_environment("MT_SEED", SEED);
	fprintf(stderr, "MT_SEED=%" PRIu64 " MT_CASES=%" PRIu64 "\n", tally->seed, tally->cases);
	for (uint64_t i = 0; i < tally->cases; i++) {
		t->draw.state = tally->seed + i * UINT64_C(0x2545f4914f6cdd1d);
		draw_question(&t->draw, &t->q);
		draw_policy(&t->draw, &t->policy);
		judge(t, i, tally);
	}
	free(t);
	*state = tally;
	return 0;
}

static int
free_tally(void **state)
{
	free(*state);
	return 0;
}

static void
expect_none(void **state, enum invariant invariant)
{
	const struct tally *tally = *state;

	if (tally->violations[invariant])
		fail_msg("%" PRIu64 " of %" PRIu64 " cases, seed %" PRIu64 "; %s",
			 tally->violations[invariant], tally->cases, tally->seed,
			 tally->first[invariant]);
}

static void
i_1_conf_implies_proof_tls_and_no_pin(void **state)
{
	expect_none(state, I_1);
}

static void
i_2_under_the_minimum_there_is_allow_and_deny_only(void **state)
{
	expect_none(state, I_2);
}

static void
i_3_a_stricter_policy_never_permits_more(void **state)
{
	expect_none(state, I_3);
}

static void
i_4_a_pin_is_offered_only_in_setup_with_the_minimum_off(void **state)
{
	expect_none(state, I_4);
}

static void
i_5_silence_never_turns_deny_into_allow(void **state)
{
	expect_none(state, I_5);
}

static void
i_6_the_reasons_explain_the_decision(void **state)
{
	expect_none(state, I_6);
}

static void
i_7_other_accounts_change_nothing(void **state)
{
	expect_none(state, I_7);
}

static void
i_8_cleartext_is_never_confidential_and_denied_beside_tlsa(void **state)
{
	expect_none(state, I_8);
}

static void
i_9_discovery_consumes_nothing(void **state)
{
	expect_none(state, I_9);
}

static void
i_10_every_layer_is_below_the_effective_policy(void **state)
{
	expect_none(state, I_10);
}

static void
row_49_is_never_reached(void **state)
{
	expect_none(state, ROW_49);
}

static void
the_same_question_always_gets_the_same_bytes(void **state)
{
	expect_none(state, PURE);
}

/* The questions are worth asking: every decision is common, every code of the rows occurs. */
static void
every_decision_occurs_often(void **state)
{
	const struct tally *tally = *state;

	for (int i = 0; i < MT_DECISION_COUNT; i++)
		if (tally->decisions[i] < tally->cases / 50)
			fail_msg("%s: %" PRIu64 " of %" PRIu64 " cases",
				 mt_decision_to_string((enum mt_decision)i), tally->decisions[i],
				 tally->cases);
}
/* Codes of discovery, edits, logs and verifiers: never in a verdict (Part 3). */
static void
every_code_of_the_rows_occurs_and_no_other(void **state)
{
	static const bool elsewhere[MT_REASON_COUNT] = {
		[MT_REASON_TLS_TRUNCATED] = true,
		[MT_REASON_PIN_OTHER_ACCOUNT] = true,
		[MT_REASON_ACCOUNT_NOT_OWNER] = true,
		[MT_REASON_SRV_SERVICE_NOT_OFFERED] = true,
		[MT_REASON_SRV_CANDIDATE_BELOW_MINIMUM] = true,
		[MT_REASON_SRV_NO_TLS_ADVERTISED] = true,
		[MT_REASON_SRV_CHANGED] = true,
		[MT_REASON_SRV_CHANGED_WEAKER] = true,
		[MT_REASON_SRV_UPGRADE_AVAILABLE] = true,
		[MT_REASON_POLICY_ORG_OVERRIDE_REFUSED] = true,
		[MT_REASON_POLICY_ORG_INVALID] = true,
		[MT_REASON_VERDICT_EXPIRED] = true,
		[MT_REASON_VERDICT_SIGNATURE_INVALID] = true,
		[MT_REASON_VERDICT_BINDING_MISMATCH] = true,
		[MT_REASON_DAEMON_UNAVAILABLE] = true,
	};
	const struct tally *tally = *state;

	for (int i = 0; i < MT_REASON_COUNT; i++)
		if (elsewhere[i] ? tally->reasons[i] > 0
				 : tally->reasons[i] == 0 && tally->cases >= CASES / 10)
			fail_msg("%s: %" PRIu64 " times", mt_reason_to_string((enum mt_reason)i),
				 tally->reasons[i]);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(i_1_conf_implies_proof_tls_and_no_pin),
		cmocka_unit_test(i_2_under_the_minimum_there_is_allow_and_deny_only),
		cmocka_unit_test(i_3_a_stricter_policy_never_permits_more),
		cmocka_unit_test(i_4_a_pin_is_offered_only_in_setup_with_the_minimum_off),
		cmocka_unit_test(i_5_silence_never_turns_deny_into_allow),
		cmocka_unit_test(i_6_the_reasons_explain_the_decision),
		cmocka_unit_test(i_7_other_accounts_change_nothing),
		cmocka_unit_test(i_8_cleartext_is_never_confidential_and_denied_beside_tlsa),
		cmocka_unit_test(i_9_discovery_consumes_nothing),
		cmocka_unit_test(i_10_every_layer_is_below_the_effective_policy),
		cmocka_unit_test(row_49_is_never_reached),
		cmocka_unit_test(the_same_question_always_gets_the_same_bytes),
		cmocka_unit_test(every_decision_occurs_often),
		cmocka_unit_test(every_code_of_the_rows_occurs_and_no_other),
	};

	return cmocka_run_group_tests_name("invariants", tests, run_all_cases, free_tally);
}
