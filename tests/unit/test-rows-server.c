/* SPDX-License-Identifier: MIT */
/*
 * Rows 29-34 of the decision table: how the server proved who it is. Each row fires on the one
 * change that it is about.
 */

#include "tests/cmocka-all.h"

#include <string.h>

#include "tests/unit/case.h"

#define MET "allow/1 [cert.pkix-valid, conf.met]"

static void
row_29_only_bogus_and_undetermined_lookups_stop(void **state)
{
	static const char *const expected[MT_TLSA_STATUS_COUNT] = {
		[MT_TLSA_BOGUS] = "deny/0 [dane.bogus]",
		[MT_TLSA_UNDETERMINED] = "deny/0 [dane.undetermined]",
		[MT_TLSA_INSECURE] = MET,
		[MT_TLSA_ABSENT] = MET,
		[MT_TLSA_SECURE] = MET, /* and empty */
	};
	struct test_case c;

	case_init(&c);
	for (int status = 0; status < MT_TLSA_STATUS_COUNT; status++) {
		c.tlsa.status = (enum mt_tlsa_status)status;
		case_expect(&c, expected[status]);
	}
}

static void
row_29_stops_with_the_minimum_off_and_in_clear(void **state)
{
	struct test_case c;

	case_init(&c);
	case_cleartext(&c);
	case_reduced(&c);
	c.tlsa.status = MT_TLSA_BOGUS;
	case_expect(&c, "deny/0 [tls.none, dane.bogus]");
	c.tlsa.status = MT_TLSA_UNDETERMINED;
	case_expect(&c, "deny/0 [tls.none, dane.undetermined]");
}

static void
row_30_a_match_proves_the_server(void **state)
{
	struct test_case c;

	case_init(&c);
	case_tlsa(&c, true);
	case_expect(&c, "allow/1 [dane.matched, cert.pkix-valid, conf.met]");
	assert_false(c.v.dane_absent);
	case_fault(&c, MT_CERT_CHAIN_UNTRUSTED);
	case_expect(&c, "allow/1 [dane.matched, cert.chain-untrusted, conf.met]");
}

static void
row_30_a_match_over_unsigned_data_proves_nothing(void **state)
{
	struct test_case c;

	case_init(&c);
	case_fault(&c, MT_CERT_CHAIN_UNTRUSTED);
	case_tlsa(&c, true);
	c.tlsa.status = MT_TLSA_INSECURE;
	case_expect(&c, "deny/0 [cert.chain-untrusted, pin.not-offered-existing]");
	assert_true(c.v.dane_absent);
}

static void
row_30_a_mismatch_denies_where_it_has_a_veto(void **state)
{
	struct test_case c;

	case_init(&c);
	case_tlsa(&c, false);
	case_expect(&c, "deny/0 [dane.mismatch]");
	case_reduced(&c);
	case_expect(&c, "deny/0 [dane.mismatch]");
	case_set(&c, "dane_veto", "off");
	case_expect(&c, "allow/1 [dane.mismatch, cert.pkix-valid, conf.met]");
}

static void
row_30_records_that_cannot_be_used_leave_pkix_to_decide(void **state)
{
	struct test_case c;

	case_init(&c);
	case_tlsa(&c, true);
	c.val.dane_usable = 0;
	case_expect(&c, "allow/1 [dane.unusable, cert.pkix-valid, conf.met]");
	case_fault(&c, MT_CERT_EXPIRED);
	case_expect(&c, "deny/0 [dane.unusable, cert.expired, pin.not-offered-existing]");
}

static void
row_30_absent_records_are_noted_only_where_proof_needs_them(void **state)
{
	static const struct {
		const char *proof, *expected;
	} cases[] = {
		{"pkix-or-dane", MET},
		{"pkix", MET},
		{"dane", "deny/0 [dane.absent, cert.pkix-valid, dane.required-missing]"},
		{"pkix-and-dane", "deny/0 [dane.absent, cert.pkix-valid, dane.required-missing]"},
	};
	struct test_case c;

	case_init(&c);
	for (size_t i = 0; i < MT_ARRAY_SIZE(cases); i++) {
		case_set(&c, "proof", cases[i].proof);
		case_expect(&c, cases[i].expected);
		assert_true(c.v.dane_absent);
	}
}

static void
row_30_a_usable_record_and_no_chain_is_a_mismatch(void **state)
{
	struct test_case c;

	case_init(&c);
	case_tlsa(&c, false);
	c.val.dane_usable = 0;
	c.val.state = MT_VALIDATION_NO_CHAIN;
	c.val.pkix_valid = false;
	case_expect(&c, "deny/0 [dane.mismatch]");
}

static void
row_31_a_malformed_chain_denies(void **state)
{
	struct test_case c;

	case_init(&c);
	case_reduced(&c);
	c.val.state = MT_VALIDATION_MALFORMED;
	c.val.pkix_valid = false;
	case_expect(&c, "deny/0 [cert.malformed]");
	case_init(&c);
	c.ev.chain_oversized = true;
	case_expect(&c, "deny/0 [cert.malformed]");
}

static void
row_31_a_revoked_certificate_denies_unless_revocation_is_off(void **state)
{
	static const char *const values[] = {"staple", "soft", "hard"};
	struct test_case c;

	case_init(&c);
	case_reduced(&c);
	c.val.revocation = MT_REVOCATION_REVOKED;
	for (size_t i = 0; i < MT_ARRAY_SIZE(values); i++) {
		case_set(&c, "revocation", values[i]);
		case_expect(&c, "deny/0 [cert.revoked]");
	}
	case_set(&c, "revocation", "off");
	case_expect(&c, MET);
}

static void
row_31_revocation_does_not_concern_what_usage_3_accepted(void **state)
{
	struct test_case c;

	case_init(&c);
	case_tlsa(&c, true);
	c.val.revocation = MT_REVOCATION_REVOKED;
	case_expect(&c, "allow/1 [dane.matched, cert.pkix-valid, conf.met]");
	c.val.dane_usage = 2;
	case_expect(&c, "deny/0 [dane.matched, cert.revoked]");
}

static void
row_32_every_fault_is_listed_in_the_order_of_the_codes(void **state)
{
	struct test_case c;

	case_init(&c);
	for (int fault = 0; fault < MT_CERT_FAULT_COUNT; fault++)
		case_fault(&c, (enum mt_cert_fault)fault);
	case_expect(&c, "deny/0 [cert.chain-untrusted, cert.expired, cert.not-yet-valid, "
			"cert.identity-mismatch, cert.cn-only, cert.constraint-violation, "
			"cert.weak-crypto, pin.not-offered-existing]");
}

static void
row_32_each_fault_alone_denies(void **state)
{
	static const char *const expected[MT_CERT_FAULT_COUNT] = {
		[MT_CERT_CHAIN_UNTRUSTED] =
			"deny/0 [cert.chain-untrusted, pin.not-offered-existing]",
		[MT_CERT_EXPIRED] = "deny/0 [cert.expired, pin.not-offered-existing]",
		[MT_CERT_NOT_YET_VALID] = "deny/0 [cert.not-yet-valid]",
		[MT_CERT_IDENTITY_MISMATCH] =
			"deny/0 [cert.identity-mismatch, pin.not-offered-existing]",
		/* the note is no fault: one that says nothing else named none */
		[MT_CERT_CN_ONLY] =
			"deny/0 [cert.chain-untrusted, cert.cn-only, pin.not-offered-existing]",
		[MT_CERT_CONSTRAINT_VIOLATION] = "deny/0 [cert.constraint-violation]",
		[MT_CERT_WEAK_CRYPTO] = "deny/0 [cert.weak-crypto]",
	};

	for (int fault = 0; fault < MT_CERT_FAULT_COUNT; fault++) {
		struct test_case c;

		case_init(&c);
		case_fault(&c, (enum mt_cert_fault)fault);
		case_expect(&c, expected[fault]);
	}
}

static void
row_32_a_name_only_in_the_subject_is_a_mismatch_with_a_note(void **state)
{
	struct test_case c;

	case_init(&c);
	case_fault(&c, MT_CERT_IDENTITY_MISMATCH);
	case_fault(&c, MT_CERT_CN_ONLY);
	case_expect(&c, "deny/0 [cert.identity-mismatch, cert.cn-only, pin.not-offered-existing]");
}

static void
row_32_no_chain_under_tls_is_an_absent_certificate(void **state)
{
	struct test_case c;

	case_init(&c);
	c.val.state = MT_VALIDATION_NO_CHAIN;
	c.val.pkix_valid = false;
	case_expect(&c, "deny/0 [cert.absent]");
	case_reduced(&c);
	case_expect(&c, "awc/0 [cert.absent, conf.disabled-by-user]");
}

static void
row_32_is_silent_in_clear(void **state)
{
	struct test_case c;

	case_init(&c);
	case_cleartext(&c);
	c.val.state = MT_VALIDATION_DONE;
	c.val.pkix_valid = true;
	c.val.anchor = MT_ANCHOR_SYSTEM;
	case_expect(&c, "deny/0 [tls.none]");
}

static void
row_33_an_unanswered_revocation_check_is_a_note_or_a_fault(void **state)
{
	static const struct {
		const char *revocation, *expected;
	} cases[] = {
		{"off", MET},
		{"staple", MET},
		{"soft", "allow/1 [cert.pkix-valid, cert.revocation-unknown, conf.met]"},
		{"hard", "deny/0 [cert.revocation-unknown]"},
	};
	struct test_case c;

	case_init(&c);
	c.val.revocation = MT_REVOCATION_UNKNOWN;
	for (size_t i = 0; i < MT_ARRAY_SIZE(cases); i++) {
		case_set(&c, "revocation", cases[i].revocation);
		case_expect(&c, cases[i].expected);
	}
	c.val.revocation = MT_REVOCATION_GOOD;
	case_expect(&c, MET);
	c.val.revocation = MT_REVOCATION_NOT_CHECKED;
	case_expect(&c, "deny/0 [cert.revocation-unknown]");
}

static void
row_33_a_must_staple_leaf_without_its_staple_is_a_fault(void **state)
{
	struct test_case c;

	case_init(&c);
	c.val.must_staple = true;
	c.val.staple_valid = true;
	case_expect(&c, MET);
	c.val.staple_valid = false;
	case_expect(&c, "deny/0 [cert.staple-missing]");
	case_reduced(&c);
	case_expect(&c, "awc/0 [cert.staple-missing, conf.disabled-by-user]");
	case_set(&c, "revocation", "off");
	case_expect(&c, MET);
}

static void
row_33_a_staple_that_comes_after_the_certificate_is_not_missed_before(void **state)
{
	struct test_case c;

	case_init(&c);
	case_starttls(&c);
	c.val.must_staple = true;
	c.val.staple_valid = false;
	c.in.phase = MT_PHASE_HANDSHAKE;
	assert_int_equal(case_decide(&c)->decision, MT_DECISION_ALLOW);
	c.ev.tls_version = MT_TLS_VERSION_1_3;
	assert_int_equal(case_decide(&c)->decision, MT_DECISION_DENY);
	c.ev.tls_version = MT_TLS_VERSION_1_2;
	c.in.phase = MT_PHASE_FINAL;
	assert_int_equal(case_decide(&c)->decision, MT_DECISION_DENY);
}

static void
row_33_nor_is_the_answer_it_may_carry(void **state)
{
	struct test_case c;

	case_init(&c);
	case_starttls(&c);
	case_set(&c, "revocation", "hard");
	c.val.revocation = MT_REVOCATION_UNKNOWN;
	c.in.phase = MT_PHASE_HANDSHAKE;
	assert_int_equal(case_decide(&c)->decision, MT_DECISION_ALLOW);
	c.in.phase = MT_PHASE_FINAL;
	assert_int_equal(case_decide(&c)->decision, MT_DECISION_DENY);
}

static void
row_33_a_staple_nobody_asked_for_is_not_the_servers_fault(void **state)
{
	struct test_case c;

	case_init(&c);
	c.val.must_staple = true;
	c.ev.staple_requested = false;
	case_expect(&c, "deny/0 [evidence.incomplete]");
}

static void
row_33_a_staple_is_not_missed_where_usage_3_accepted_the_leaf(void **state)
{
	struct test_case c;

	case_init(&c);
	case_tlsa(&c, true);
	c.val.must_staple = true;
	c.ev.staple_requested = false;
	case_expect(&c, "allow/1 [dane.matched, cert.staple-missing, conf.met]");
	c.val.dane_usage = 2;
	case_expect(&c, "deny/0 [dane.matched, evidence.incomplete]");
}

/* Rows: which of PKIX and DANE proved the server. Columns: the values of proof, weak to strict. */
static void
row_34_proof_says_which_of_pkix_and_dane_must_hold(void **state)
{
	static const char *const proofs[] = {"pkix-or-dane", "pkix", "dane", "pkix-and-dane"};
	static const struct {
		bool pkix, dane, met[4];
	} cases[] = {
		{true, false, {true, true, false, false}},
		{false, true, {true, false, true, false}},
		{true, true, {true, true, true, true}},
		{false, false, {false, false, false, false}},
	};

	for (size_t i = 0; i < MT_ARRAY_SIZE(cases); i++)
		for (size_t j = 0; j < MT_ARRAY_SIZE(proofs); j++) {
			struct test_case c;

			case_init(&c);
			case_set(&c, "proof", proofs[j]);
			if (!cases[i].pkix)
				case_fault(&c, MT_CERT_CHAIN_UNTRUSTED);
			if (cases[i].dane)
				case_tlsa(&c, true);
			case_decide(&c);
			assert_int_equal(c.v.conf, cases[i].met[j]);
			assert_int_equal(c.v.decision,
					 cases[i].met[j] ? MT_DECISION_ALLOW : MT_DECISION_DENY);
			assert_int_equal(mt_verdict_has(&c.v, MT_REASON_DANE_REQUIRED_MISSING),
					 !cases[i].dane && j >= 2);
		}
}

static void
row_34_a_match_alone_does_not_do_where_both_are_required(void **state)
{
	struct test_case c;

	case_init(&c);
	case_tlsa(&c, true);
	case_fault(&c, MT_CERT_EXPIRED);
	case_set(&c, "proof", "pkix-and-dane");
	case_expect(&c, "deny/0 [dane.matched, cert.expired, pin.not-offered-existing]");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(row_29_only_bogus_and_undetermined_lookups_stop),
		cmocka_unit_test(row_29_stops_with_the_minimum_off_and_in_clear),
		cmocka_unit_test(row_30_a_match_proves_the_server),
		cmocka_unit_test(row_30_a_match_over_unsigned_data_proves_nothing),
		cmocka_unit_test(row_30_a_mismatch_denies_where_it_has_a_veto),
		cmocka_unit_test(row_30_records_that_cannot_be_used_leave_pkix_to_decide),
		cmocka_unit_test(row_30_absent_records_are_noted_only_where_proof_needs_them),
		cmocka_unit_test(row_30_a_usable_record_and_no_chain_is_a_mismatch),
		cmocka_unit_test(row_31_a_malformed_chain_denies),
		cmocka_unit_test(row_31_a_revoked_certificate_denies_unless_revocation_is_off),
		cmocka_unit_test(row_31_revocation_does_not_concern_what_usage_3_accepted),
		cmocka_unit_test(row_32_every_fault_is_listed_in_the_order_of_the_codes),
		cmocka_unit_test(row_32_each_fault_alone_denies),
		cmocka_unit_test(row_32_a_name_only_in_the_subject_is_a_mismatch_with_a_note),
		cmocka_unit_test(row_32_no_chain_under_tls_is_an_absent_certificate),
		cmocka_unit_test(row_32_is_silent_in_clear),
		cmocka_unit_test(row_33_an_unanswered_revocation_check_is_a_note_or_a_fault),
		cmocka_unit_test(row_33_a_must_staple_leaf_without_its_staple_is_a_fault),
		cmocka_unit_test(
			row_33_a_staple_that_comes_after_the_certificate_is_not_missed_before),
		cmocka_unit_test(row_33_nor_is_the_answer_it_may_carry),
		cmocka_unit_test(row_33_a_staple_nobody_asked_for_is_not_the_servers_fault),
		cmocka_unit_test(row_33_a_staple_is_not_missed_where_usage_3_accepted_the_leaf),
		cmocka_unit_test(row_34_proof_says_which_of_pkix_and_dane_must_hold),
		cmocka_unit_test(row_34_a_match_alone_does_not_do_where_both_are_required),
	};

	return cmocka_run_group_tests_name("rows-server", tests, NULL, NULL);
}
