/* SPDX-License-Identifier: MIT */
/*
 * Rows 1-9 of the decision table, admission: each fires on the one change that it is
 * about, and not before.
 */

#include "tests/cmocka-all.h"

#include <string.h>

#include "tests/unit/case.h"

#define MET "allow/1 [cert.pkix-valid, conf.met]"

/* Seconds, as policy texts say them. */
#define NOW_SEC "1767225600"
#define NEXT_SEC "1767225601"

static void
row_1_what_is_not_ready_denies(void **state)
{
	struct test_case c;

	case_init(&c);
	case_expect(&c, MET);
	c.in.ready = false;
	case_expect(&c, "deny/0 [daemon.degraded]");
}

static void
row_1_a_validation_that_failed_denies(void **state)
{
	struct test_case c;

	case_init(&c);
	c.val.state = MT_VALIDATION_FAILED;
	case_expect(&c, "deny/0 [daemon.degraded]");
	/* not even capabilities: nobody could say what they were read over */
	c.in.op = MT_OP_CAPABILITY;
	case_expect(&c, "deny/0 [daemon.degraded]");
}

static void
row_2_an_unknown_account_is_denied(void **state)
{
	struct test_case c;

	case_init(&c);
	c.facts.known = false;
	case_expect(&c, "deny/0 [account.unknown]");
	assert_false(c.v.log_not_owner);
}

static void
row_2_a_foreign_account_looks_unknown_but_is_logged(void **state)
{
	struct test_case c;

	case_init(&c);
	c.facts.known = false;
	c.facts.not_owner = true;
	case_expect(&c, "deny/0 [account.unknown]");
	assert_true(c.v.log_not_owner);
}

static void
row_3_a_missing_field_denies(void **state)
{
	struct test_case c;

	case_init(&c);
	c.ev.present &= ~MT_BIT(MT_EV_TLS_ALPN);
	case_expect(&c, "deny/0 [evidence.incomplete]");
	c.in.evidence_filled = true;
	case_expect(&c, MET);
}

static void
row_3_a_contradiction_denies(void **state)
{
	struct test_case c;

	case_init(&c);
	strcpy(c.ev.auth_cb_type, "tls-exporter");
	c.ev.auth_cb_size = 32;
	c.ev.present |= MT_BIT(MT_EV_AUTH_CB_TYPE) | MT_BIT(MT_EV_AUTH_CB_VALUE);
	case_expect(&c, MET);
	strcpy(c.ev.auth_cb_type, "tls-unique");
	case_expect(&c, "deny/0 [evidence.inconsistent]");
}

static void
row_3_evidence_older_than_thirty_seconds_is_stale(void **state)
{
	struct test_case c;

	case_init(&c);
	c.ev.established_at_usec = c.ev.observed_at_usec = CASE_NOW - 30 * MT_USEC_PER_SEC;
	case_expect(&c, MET);
	c.ev.established_at_usec = c.ev.observed_at_usec -= 1;
	case_expect(&c, "deny/0 [evidence.stale]");
}

static void
row_3_evidence_more_than_two_seconds_ahead_is_stale(void **state)
{
	struct test_case c;

	case_init(&c);
	c.ev.observed_at_usec = CASE_NOW + 2 * MT_USEC_PER_SEC;
	case_expect(&c, MET);
	c.ev.observed_at_usec += 1;
	case_expect(&c, "deny/0 [evidence.stale]");
}

static void
row_3_a_time_at_the_end_of_all_times_is_stale(void **state)
{
	static const int64_t ends[] = {INT64_MIN, INT64_MAX};
	struct test_case c;

	case_init(&c);
	for (size_t i = 0; i < MT_ARRAY_SIZE(ends); i++) {
		c.ev.established_at_usec = c.ev.observed_at_usec = ends[i];
		case_expect(&c, "deny/0 [evidence.stale]");
	}
}

static void
row_4_an_empty_set_where_one_member_is_needed_denies(void **state)
{
	static const char *const fields[] = {"auth_mechs", "protocols", "endpoints_allow",
					     "anchors"};

	for (size_t i = 0; i < MT_ARRAY_SIZE(fields); i++) {
		struct test_case c;

		case_init(&c);
		case_set_org(&c, fields[i], "any");
		case_expect(&c, MET);
		case_set_org(&c, fields[i], "");
		case_expect(&c, "deny/0 [policy.unsatisfiable]");
	}
}

static void
row_4_no_client_certificate_at_all_is_satisfiable(void **state)
{
	struct test_case c;

	case_init(&c);
	case_set(&c, "client_cert_allow", "");
	case_expect(&c, MET);
}

static void
row_5_expiry_is_noted_from_its_second_on(void **state)
{
	struct test_case c;

	case_init(&c);
	case_set(&c, "not_after", NEXT_SEC);
	case_expect(&c, MET);
	case_set(&c, "not_after", NOW_SEC);
	case_expect(&c, "allow/1 [policy.expired, cert.pkix-valid, conf.met]");
}

static void
row_5_expiry_drops_the_consents_and_the_choice(void **state)
{
	struct test_case c;

	case_init(&c);
	case_cleartext(&c);
	case_reduced(&c);
	case_expect(&c, "awc/0 [tls.none, conf.disabled-by-user]");
	case_set(&c, "not_after", NOW_SEC);
	case_expect(&c, "deny/0 [policy.expired, tls.none]");
}

static void
row_5_expiry_leaves_pins_unused(void **state)
{
	struct test_case c;

	case_init(&c);
	case_fault(&c, MT_CERT_CHAIN_UNTRUSTED);
	case_pin(&c, 0x11);
	case_reduced(&c);
	case_expect(&c, "awc/0 [cert.chain-untrusted, pin.matched, conf.disabled-by-user]");
	case_set(&c, "not_after", NOW_SEC);
	case_expect(&c, "deny/0 [policy.expired, cert.chain-untrusted, pin.not-offered-existing]");
}

static void
row_5_expiry_joins_the_default_bundle(void **state)
{
	struct test_case c;

	case_init(&c);
	case_starttls(&c);
	case_set(&c, "cipher_profile", "sane");
	strcpy(c.ev.tls_cipher, "AES128-GCM-SHA256");
	case_expect(&c, "allow/1 [transport.starttls-used, cert.pkix-valid, conf.met]");
	case_set(&c, "not_after", NOW_SEC);
	case_expect(&c, "deny/0 [policy.expired, tls.cipher-below-policy, "
			"transport.starttls-used, cert.pkix-valid]");
}

static void
row_5_expiry_keeps_what_was_stricter_than_the_default(void **state)
{
	struct test_case c;

	case_init(&c);
	case_starttls(&c);
	case_set(&c, "tls_min", "1.3");
	case_set(&c, "not_after", NOW_SEC);
	case_expect(&c, "deny/0 [policy.expired, tls.version-below-policy, "
			"transport.starttls-used, cert.pkix-valid]");
}

static void
row_5_expiry_joins_and_does_not_replace(void **state)
{
	struct test_case c;

	case_init(&c);
	case_set(&c, "cipher_profile", "recommended-only");
	case_set(&c, "not_after", NOW_SEC);
	case_expect(&c, "allow/1 [policy.expired, cert.pkix-valid, conf.met]");
	strcpy(c.ev.tls_cipher, "TLS_AES_128_CCM_SHA256");
	case_expect(&c, "deny/0 [policy.expired, tls.cipher-below-policy, cert.pkix-valid]");
}

/* What expiry made stricter, the account's own policy decided: it had let itself expire. */
static void
row_5_expiry_decides_for_the_account(void **state)
{
	struct test_case c;

	case_init(&c);
	case_cleartext(&c);
	case_reduced(&c);
	case_set_org(&c, "tls_min", "1.3");
	case_set(&c, "not_after", NOW_SEC);
	case_expect(&c, "deny/0 [policy.expired, tls.none]");
	assert_int_equal(c.v.layer, MT_LAYER_ACCOUNT);
}

static void
row_5_expiry_leaves_the_confirmation_of_a_target_alone(void **state)
{
	struct test_case c;

	case_init(&c);
	case_srv(&c, "mail.other.test");
	c.facts.consents = MT_BIT(MT_CONSENT_SRV_TARGET);
	case_set(&c, "not_after", NOW_SEC);
	case_expect(&c, "allow/1 [policy.expired, srv.insecure, cert.pkix-valid, conf.met]");
}

static void
row_5_expiry_suspends_where_the_policy_says_so(void **state)
{
	struct test_case c;

	case_init(&c);
	case_set(&c, "on_expiry", "suspend");
	case_set(&c, "not_after", NEXT_SEC);
	case_expect(&c, MET);
	case_set(&c, "not_after", NOW_SEC);
	for (int op = MT_OP_CAPABILITY; op < MT_OP_COUNT; op++) {
		c.in.op = (enum mt_op)op;
		case_expect(&c, "deny/0 [policy.expired, account.suspended]");
	}
}

static void
row_5_obligations_of_an_expired_organisation_policy_stay(void **state)
{
	struct test_case c;

	case_init(&c);
	case_starttls(&c);
	case_set_org(&c, "tls_min", "1.3");
	c.in.org_expired = true;
	case_expect(&c, "deny/0 [policy.expired, tls.version-below-policy, "
			"transport.starttls-used, cert.pkix-valid, policy.org-minimum]");
}

static void
row_6_a_suspended_account_denies_every_operation(void **state)
{
	struct test_case c;

	case_init(&c);
	for (int op = MT_OP_CAPABILITY; op < MT_OP_COUNT; op++) {
		case_state(&c, MT_ACCOUNT_SUSPENDED, (enum mt_op)op);
		case_expect(&c, "deny/0 [account.suspended]");
	}
}

static void
row_7_an_unknown_operation_is_not_permitted(void **state)
{
	struct test_case c;

	case_init(&c);
	c.in.op = MT_OP_UNKNOWN;
	case_expect(&c, "deny/0 [op.not-permitted]");
}

static void
row_7_a_protocol_outside_the_policy_is_not_permitted(void **state)
{
	struct test_case c;

	case_init(&c);
	case_set(&c, "protocols", "imap,pop3");
	case_expect(&c, MET);
	case_set(&c, "protocols", "pop3,submission");
	case_expect(&c, "deny/0 [op.not-permitted]");
	c.in.op = MT_OP_CAPABILITY;
	case_expect(&c, "deny/0 [op.not-permitted]");
}

static void
row_7_an_unknown_protocol_is_not_permitted(void **state)
{
	struct test_case c;

	case_init(&c);
	c.ev.proto = MT_PROTO_UNKNOWN;
	case_expect(&c, "deny/0 [op.not-permitted]");
}

static void
row_8_an_insane_clock_denies_all_but_capabilities(void **state)
{
	static const char *const expected[MT_OP_COUNT] = {
		[MT_OP_CAPABILITY] = "allow/1 [op.capability-only, cert.pkix-valid]",
		[MT_OP_STARTTLS] = "allow/1 [op.capability-only, cert.pkix-valid]",
		[MT_OP_TEST] = "deny/0 [clock.untrusted]",
		[MT_OP_AUTHENTICATE] = "deny/0 [clock.untrusted]",
		[MT_OP_ACCESS] = "deny/0 [clock.untrusted]",
		[MT_OP_SUBMIT] = "deny/0 [clock.untrusted]",
	};
	struct test_case c;

	case_init(&c);
	c.in.clock_sane = false;
	for (int op = MT_OP_CAPABILITY; op < MT_OP_COUNT; op++) {
		c.in.op = (enum mt_op)op;
		case_expect(&c, expected[op]);
	}
}

static void
row_9_asserted_evidence_is_noted(void **state)
{
	struct test_case c;

	case_init(&c);
	c.in.provenance = MT_PROVENANCE_ASSERTED;
	case_expect(&c, "allow/1 [evidence.asserted-only, cert.pkix-valid, conf.met]");
}

static void
row_9_asserted_evidence_is_denied_where_attested_is_required(void **state)
{
	struct test_case c;

	case_init(&c);
	case_set_org(&c, "evidence_min", "attested");
	case_expect(&c, MET);
	c.in.provenance = MT_PROVENANCE_ASSERTED;
	case_expect(&c, "deny/0 [evidence.asserted-only]");
	assert_int_equal(c.v.layer, MT_LAYER_ORG);
	c.in.op = MT_OP_STARTTLS;
	case_expect(&c, "allow/1 [evidence.asserted-only, op.capability-only, cert.pkix-valid]");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(row_1_what_is_not_ready_denies),
		cmocka_unit_test(row_1_a_validation_that_failed_denies),
		cmocka_unit_test(row_2_an_unknown_account_is_denied),
		cmocka_unit_test(row_2_a_foreign_account_looks_unknown_but_is_logged),
		cmocka_unit_test(row_3_a_missing_field_denies),
		cmocka_unit_test(row_3_a_contradiction_denies),
		cmocka_unit_test(row_3_evidence_older_than_thirty_seconds_is_stale),
		cmocka_unit_test(row_3_evidence_more_than_two_seconds_ahead_is_stale),
		cmocka_unit_test(row_3_a_time_at_the_end_of_all_times_is_stale),
		cmocka_unit_test(row_4_an_empty_set_where_one_member_is_needed_denies),
		cmocka_unit_test(row_4_no_client_certificate_at_all_is_satisfiable),
		cmocka_unit_test(row_5_expiry_is_noted_from_its_second_on),
		cmocka_unit_test(row_5_expiry_drops_the_consents_and_the_choice),
		cmocka_unit_test(row_5_expiry_leaves_pins_unused),
		cmocka_unit_test(row_5_expiry_joins_the_default_bundle),
		cmocka_unit_test(row_5_expiry_keeps_what_was_stricter_than_the_default),
		cmocka_unit_test(row_5_expiry_joins_and_does_not_replace),
		cmocka_unit_test(row_5_expiry_decides_for_the_account),
		cmocka_unit_test(row_5_expiry_leaves_the_confirmation_of_a_target_alone),
		cmocka_unit_test(row_5_expiry_suspends_where_the_policy_says_so),
		cmocka_unit_test(row_5_obligations_of_an_expired_organisation_policy_stay),
		cmocka_unit_test(row_6_a_suspended_account_denies_every_operation),
		cmocka_unit_test(row_7_an_unknown_operation_is_not_permitted),
		cmocka_unit_test(row_7_a_protocol_outside_the_policy_is_not_permitted),
		cmocka_unit_test(row_7_an_unknown_protocol_is_not_permitted),
		cmocka_unit_test(row_8_an_insane_clock_denies_all_but_capabilities),
		cmocka_unit_test(row_9_asserted_evidence_is_noted),
		cmocka_unit_test(row_9_asserted_evidence_is_denied_where_attested_is_required),
	};

	return cmocka_run_group_tests_name("rows", tests, NULL, NULL);
}
