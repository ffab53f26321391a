/* SPDX-License-Identifier: MIT */
/* The matrices of REQUIREMENTS 4.4, cell by cell, and the cross products they summarise. */

#include "tests/cmocka-all.h"

#include <stdio.h>
#include <string.h>

#include "tests/unit/case.h"

/* An outcome as the matrices write it. */
#define ALLOW_1                         \
	{                               \
		MT_DECISION_ALLOW, true \
	}
#define ALLOW_0                          \
	{                                \
		MT_DECISION_ALLOW, false \
	}
#define AWC                            \
	{                              \
		MT_DECISION_AWC, false \
	}
#define CONFIRM                            \
	{                                  \
		MT_DECISION_CONFIRM, false \
	}
#define DENY                            \
	{                               \
		MT_DECISION_DENY, false \
	}

struct outcome {
	enum mt_decision decision;
	bool conf;
};

static void
expect(struct test_case *c, struct outcome expected, const char *where)
{
	case_decide(c);
	if (c->v.decision != expected.decision || c->v.conf != expected.conf)
		fail_msg("%s: expected %s/%d, got %s", where,
			 mt_decision_to_string(expected.decision), expected.conf, case_text(c));
}

/* Columns of the compact matrix. */
enum { CONFIDENTIAL, MINIMUM_ON, MINIMUM_OFF, MINIMUM_OFF_CONSENTED, N_COLUMNS };

static void
set_column(struct test_case *c, int column)
{
	if (column != CONFIDENTIAL)
		case_fault(c, MT_CERT_EXPIRED);
	if (column >= MINIMUM_OFF)
		case_set(c, "min_conf", "off");
	if (column == MINIMUM_OFF_CONSENTED)
		c->facts.consents = MT_BIT(MT_CONSENT_REDUCED_CONFIDENTIALITY) |
				    MT_BIT(MT_CONSENT_PASSWORD_EXPOSURE);
}

static void
every_cell_of_state_operation_and_minimum(void **state)
{
	static const struct outcome capability[N_COLUMNS] = {ALLOW_1, ALLOW_0, ALLOW_0, ALLOW_0};
	static const struct outcome denied[N_COLUMNS] = {DENY, DENY, DENY, DENY};
	static const struct outcome judged[N_COLUMNS] = {ALLOW_1, DENY, CONFIRM, AWC};
	static const struct outcome *const matrix[MT_ACCOUNT_STATE_COUNT][MT_OP_COUNT] = {
		[MT_ACCOUNT_SUSPENDED] = {denied, denied, denied, denied, denied, denied, denied},
		[MT_ACCOUNT_SETUP] = {denied, capability, capability, judged, denied, denied,
				      denied},
		[MT_ACCOUNT_ACTIVE] = {denied, capability, capability, judged, judged, judged,
				       judged},
	};
	char where[64];

	for (int s = 0; s < MT_ACCOUNT_STATE_COUNT; s++)
		for (int op = 0; op < MT_OP_COUNT; op++)
			for (int column = 0; column < N_COLUMNS; column++) {
				struct test_case c;

				case_init(&c);
				case_state(&c, (enum mt_account_state)s, (enum mt_op)op);
				set_column(&c, column);
				(void)snprintf(where, sizeof(where), "%s, %s, column %d",
					       mt_account_state_to_string((enum mt_account_state)s),
					       mt_op_to_string((enum mt_op)op), column);
				expect(&c, matrix[s][op][column], where);
			}
}

/* Rows of the matrix by authentication result. */
static void
prove_nothing(struct test_case *c)
{
	case_fault(c, MT_CERT_CHAIN_UNTRUSTED);
}

static void
prove_pkix(struct test_case *c)
{
}

static void
prove_dane_ee(struct test_case *c)
{
	prove_nothing(c);
	case_tlsa(c, true);
}

static void
prove_dane_ta(struct test_case *c)
{
	prove_dane_ee(c);
	c->tlsa.records[0].usage = 2;
	c->val.dane_usage = 2;
}

static void
prove_both(struct test_case *c)
{
	case_tlsa(c, true);
}

static void
prove_against_dane(struct test_case *c)
{
	case_tlsa(c, false);
}

static void
prove_bogus(struct test_case *c)
{
	c->tlsa.status = MT_TLSA_BOGUS;
}

static void
prove_pin(struct test_case *c)
{
	prove_nothing(c);
	case_pin(c, 0x11);
}

enum cell { IS_C, NOT_C, IS_DENY };

static const struct {
	const char *name;
	void (*prove)(struct test_case *c);
	enum cell cell[4];
} proofs_by_result[] = {
	{"pkix", prove_pkix, {IS_C, IS_C, NOT_C, NOT_C}},
	{"dane usage 3", prove_dane_ee, {IS_C, NOT_C, IS_C, NOT_C}},
	{"dane usage 2", prove_dane_ta, {IS_C, NOT_C, IS_C, NOT_C}},
	{"pkix and dane", prove_both, {IS_C, IS_C, IS_C, IS_C}},
	{"pkix, TLSA mismatch", prove_against_dane, {IS_DENY, IS_DENY, IS_DENY, IS_DENY}},
	{"TLSA bogus", prove_bogus, {IS_DENY, IS_DENY, IS_DENY, IS_DENY}},
	{"pin", prove_pin, {NOT_C, NOT_C, NOT_C, NOT_C}},
	{"none", prove_nothing, {NOT_C, NOT_C, NOT_C, NOT_C}},
};

static const char *const proofs[] = {"pkix-or-dane", "pkix", "dane", "pkix-and-dane"};

/* What a cell comes to with the minimum on, off, and off with consent. */
static void
every_cell_of_authentication_result_and_proof(void **state)
{
	static const struct outcome outcomes[][3] = {
		[IS_C] = {ALLOW_1, ALLOW_1, ALLOW_1},
		[NOT_C] = {DENY, CONFIRM, AWC},
		[IS_DENY] = {DENY, DENY, DENY},
	};
	char where[64];

	for (size_t i = 0; i < MT_ARRAY_SIZE(proofs_by_result); i++)
		for (size_t j = 0; j < MT_ARRAY_SIZE(proofs); j++)
			for (int minimum = 0; minimum < 3; minimum++) {
				struct test_case c;

				case_init(&c);
				proofs_by_result[i].prove(&c);
				if (minimum == 2)
					case_reduced(&c);
				case_set(&c, "min_conf", minimum ? "off" : "on");
				case_set(&c, "proof", proofs[j]);
				(void)snprintf(where, sizeof(where), "%s, proof=%s, %d",
					       proofs_by_result[i].name, proofs[j], minimum);
				expect(&c, outcomes[proofs_by_result[i].cell[j]][minimum], where);
			}
}

/* Transports and faults, and the level each reaches. */
static void
reach_cleartext(struct test_case *c)
{
	case_cleartext(c);
}

static void
reach_starttls(struct test_case *c)
{
	case_starttls(c);
}

static void
reach_old_version(struct test_case *c)
{
	c->ev.tls_version = MT_TLS_VERSION_1_1;
}

static void
reach_no_certificate(struct test_case *c)
{
	c->val.state = MT_VALIDATION_NO_CHAIN;
	c->val.pkix_valid = false;
}

static const struct {
	const char *name;
	void (*reach)(struct test_case *c);
	enum mt_level level;
} levels[] = {
	{"cleartext", reach_cleartext, MT_LEVEL_NONE},
	{"no certificate", reach_no_certificate, MT_LEVEL_TLS},
	{"old version", reach_old_version, MT_LEVEL_TLS},
	{"untrusted", prove_nothing, MT_LEVEL_TLS},
	{"pin", prove_pin, MT_LEVEL_TLS},
	{"starttls", reach_starttls, MT_LEVEL_TLS_AUTH},
	{"implicit", prove_pkix, MT_LEVEL_TLS_AUTH},
	{"dane", prove_dane_ee, MT_LEVEL_TLS_AUTH},
};

static void
every_cell_of_minimum_and_level(void **state)
{
	static const struct outcome on[] = {DENY, DENY, ALLOW_1};
	static const struct outcome off[] = {AWC, AWC, ALLOW_1};

	for (size_t i = 0; i < MT_ARRAY_SIZE(levels); i++)
		for (int op = MT_OP_TEST; op < MT_OP_COUNT; op++) {
			struct test_case c;

			case_init(&c);
			c.in.op = (enum mt_op)op;
			levels[i].reach(&c);
			expect(&c, on[levels[i].level], levels[i].name);
			assert_int_equal(c.v.level, levels[i].level);
			case_reduced(&c);
			expect(&c, off[levels[i].level], levels[i].name);
			assert_int_equal(c.v.level, levels[i].level);
		}
}

/* The indication never depends on the minimum (R-5-09). */
static void
the_indication_is_the_same_with_the_minimum_on_and_off(void **state)
{
	for (size_t i = 0; i < MT_ARRAY_SIZE(levels); i++)
		for (int op = MT_OP_CAPABILITY; op < MT_OP_COUNT; op++) {
			struct test_case c;

			case_init(&c);
			c.in.op = (enum mt_op)op;
			levels[i].reach(&c);
			case_decide(&c);
			assert_int_equal(c.v.conf, levels[i].level == MT_LEVEL_TLS_AUTH);
			case_reduced(&c);
			case_decide(&c);
			assert_int_equal(c.v.conf, levels[i].level == MT_LEVEL_TLS_AUTH);
		}
}

/* Which consents open which question, alone: a consent of one kind is never one of another. */
static void
each_consent_answers_its_own_question_only(void **state)
{
	enum question { TARGET, TEST, REDUCED, FALL, N_QUESTIONS };
	static const enum mt_consent_kind answers[N_QUESTIONS] = {
		[TARGET] = MT_CONSENT_SRV_TARGET,
		[TEST] = MT_CONSENT_PASSWORD_EXPOSURE,
		[REDUCED] = MT_CONSENT_REDUCED_CONFIDENTIALITY,
		[FALL] = MT_CONSENT_DOWNGRADE,
	};

	for (int question = 0; question < N_QUESTIONS; question++)
		for (int kind = 0; kind < MT_CONSENT_KIND_COUNT; kind++) {
			struct test_case c;

			case_init(&c);
			case_set(&c, "min_conf", "off");
			if (question == TARGET)
				case_srv(&c, "mail.other.test");
			else
				case_fault(&c, MT_CERT_EXPIRED);
			if (question == TEST)
				case_state(&c, MT_ACCOUNT_SETUP, MT_OP_TEST);
			if (question == FALL) {
				c.facts.best = MT_LEVEL_TLS_AUTH;
				c.facts.consents = MT_BIT(MT_CONSENT_REDUCED_CONFIDENTIALITY);
			}
			c.facts.consents |= (uint32_t)MT_BIT(kind);
			case_decide(&c);
			if ((int)answers[question] == kind)
				assert_true(c.v.decision > MT_DECISION_CONFIRM);
			else
				assert_int_equal(c.v.decision, MT_DECISION_CONFIRM);
		}
}

/* Pin x leaf x proof x pinning, with the minimum on and off. */
static void
every_cell_of_pin_and_leaf(void **state)
{
	static const struct {
		uint8_t pin; /* 0: none */
		bool proven, forbidden;
		struct outcome on, off;
	} cases[] = {
		{0, false, false, DENY, AWC},          {0, false, true, DENY, AWC},
		{0, true, false, ALLOW_1, ALLOW_1},    {0, true, true, ALLOW_1, ALLOW_1},
		{0x11, false, false, DENY, AWC},       {0x11, false, true, DENY, DENY},
		{0x11, true, false, ALLOW_1, ALLOW_1}, {0x11, true, true, ALLOW_1, ALLOW_1},
		{0x22, false, false, DENY, DENY},      {0x22, false, true, DENY, DENY},
		{0x22, true, false, ALLOW_1, ALLOW_1}, {0x22, true, true, ALLOW_1, ALLOW_1},
	};
	char where[32];

	for (size_t i = 0; i < MT_ARRAY_SIZE(cases); i++) {
		struct test_case c;

		case_init(&c);
		if (cases[i].pin)
			case_pin(&c, cases[i].pin);
		if (!cases[i].proven)
			case_fault(&c, MT_CERT_CHAIN_UNTRUSTED);
		case_set(&c, "pinning", cases[i].forbidden ? "forbidden" : "allowed");
		(void)snprintf(where, sizeof(where), "row %zu", i);
		expect(&c, cases[i].on, where);
		case_reduced(&c);
		expect(&c, cases[i].off, where);
	}
}

/* R-5-04: every service, every operation that is more than discovery. */
static void
every_service_refuses_cleartext_under_the_minimum(void **state)
{
	for (int proto = MT_PROTO_IMAP; proto < MT_PROTO_COUNT; proto++)
		for (int op = MT_OP_TEST; op < MT_OP_COUNT; op++) {
			struct test_case c;

			case_init(&c);
			case_cleartext(&c);
			c.ev.proto = (enum mt_proto)proto;
			c.in.op = (enum mt_op)op;
			case_expect(&c, "deny/0 [tls.none]");
		}
}

/* R-5.2-11: it does not depend on how the password would be sent, nor on how often one asks. */
static void
every_mechanism_is_refused_in_clear_every_time(void **state)
{
	struct test_case c;

	case_init(&c);
	case_cleartext(&c);
	c.ev.present |= MT_BIT(MT_EV_AUTH_MECHANISM);
	for (int mech = 0; mech < MT_MECH_COUNT; mech++) {
		strcpy(c.ev.auth_mechanism, mt_mech_to_string((enum mt_mech)mech));
		for (int i = 0; i < 100; i++)
			case_expect(&c, "deny/0 [tls.none]");
	}
}

/* 0.4: what an account is called while no connection exists. */
static void
every_cell_of_the_account_level(void **state)
{
	static const struct {
		enum mt_account_state state;
		const char *min_conf, *not_after, *on_expiry;
		bool pin;
		enum mt_account_level level;
	} cases[] = {
		{MT_ACCOUNT_ACTIVE, "on", "never", "revert", false, MT_ACCOUNT_PROTECTED},
		{MT_ACCOUNT_ACTIVE, "on", "1767225601", "revert", false, MT_ACCOUNT_PROTECTED},
		{MT_ACCOUNT_ACTIVE, "on", "1767225600", "revert", false, MT_ACCOUNT_REDUCED},
		{MT_ACCOUNT_ACTIVE, "on", "1767225601", "suspend", false, MT_ACCOUNT_PROTECTED},
		{MT_ACCOUNT_ACTIVE, "on", "1767225600", "suspend", false, MT_ACCOUNT_BLOCKED},
		{MT_ACCOUNT_ACTIVE, "on", "never", "revert", true, MT_ACCOUNT_REDUCED},
		{MT_ACCOUNT_ACTIVE, "off", "never", "revert", false, MT_ACCOUNT_REDUCED},
		{MT_ACCOUNT_SETUP, "on", "never", "revert", false, MT_ACCOUNT_REDUCED},
		{MT_ACCOUNT_SUSPENDED, "on", "never", "revert", false, MT_ACCOUNT_BLOCKED},
	};

	for (size_t i = 0; i < MT_ARRAY_SIZE(cases); i++) {
		struct test_case c;

		case_init(&c);
		case_set(&c, "min_conf", cases[i].min_conf);
		case_set(&c, "not_after", cases[i].not_after);
		case_set(&c, "on_expiry", cases[i].on_expiry);
		case_decide(&c);
		assert_int_equal(mt_account_level(&c.eff, cases[i].state, cases[i].pin, CASE_NOW),
				 cases[i].level);
	}
}

static void
an_account_nothing_can_satisfy_is_blocked(void **state)
{
	struct test_case c;

	case_init(&c);
	case_set(&c, "protocols", "");
	case_decide(&c);
	assert_int_equal(mt_account_level(&c.eff, MT_ACCOUNT_ACTIVE, false, CASE_NOW),
			 MT_ACCOUNT_BLOCKED);
}

static void
states_and_levels_have_names(void **state)
{
	enum mt_account_state s = MT_ACCOUNT_SETUP;

	for (int i = 0; i < MT_ACCOUNT_STATE_COUNT; i++) {
		assert_int_equal(mt_account_state_from_string(
					 mt_account_state_to_string((enum mt_account_state)i), &s),
				 0);
		assert_int_equal(s, i);
	}
	assert_int_equal(mt_account_state_from_string("dormant", &s), 1);
	assert_string_equal(mt_account_level_to_string(MT_ACCOUNT_BLOCKED), "blocked");
	assert_string_equal(mt_account_level_to_string(MT_ACCOUNT_REDUCED), "reduced");
	assert_string_equal(mt_account_level_to_string(MT_ACCOUNT_PROTECTED), "protected");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_cell_of_state_operation_and_minimum),
		cmocka_unit_test(every_cell_of_authentication_result_and_proof),
		cmocka_unit_test(every_cell_of_minimum_and_level),
		cmocka_unit_test(the_indication_is_the_same_with_the_minimum_on_and_off),
		cmocka_unit_test(each_consent_answers_its_own_question_only),
		cmocka_unit_test(every_cell_of_pin_and_leaf),
		cmocka_unit_test(every_service_refuses_cleartext_under_the_minimum),
		cmocka_unit_test(every_mechanism_is_refused_in_clear_every_time),
		cmocka_unit_test(every_cell_of_the_account_level),
		cmocka_unit_test(an_account_nothing_can_satisfy_is_blocked),
		cmocka_unit_test(states_and_levels_have_names),
	};

	return cmocka_run_group_tests_name("matrix", tests, NULL, NULL);
}
