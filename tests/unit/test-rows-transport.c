/* SPDX-License-Identifier: MIT */
/*
 * Rows 17-28 of the decision table, protocol integrity and transport: each fires on the one change
 * that it is about.
 */

#include "tests/cmocka-all.h"

#include <string.h>

#include "tests/unit/case.h"

#define MET "allow/1 [cert.pkix-valid, conf.met]"
#define STARTTLS_MET "allow/1 [transport.starttls-used, cert.pkix-valid, conf.met]"

/* Implicit TLS 1.2 with the suite of every list. */
static void
tls_1_2(struct test_case *c)
{
	case_init(c);
	c->ev.tls_version = MT_TLS_VERSION_1_2;
	strcpy(c->ev.tls_cipher, "ECDHE-RSA-AES128-GCM-SHA256");
}

static void
cleartext(struct test_case *c)
{
	case_init(c);
	case_cleartext(c);
}

static void
starttls(struct test_case *c)
{
	case_init(c);
	case_starttls(c);
}

static void
row_17_a_bad_greeting_denies(void **state)
{
	struct test_case c;

	starttls(&c);
	case_expect(&c, STARTTLS_MET);
	c.ev.starttls_bad_greeting = true;
	case_expect(&c, "deny/0 [starttls.bad-greeting]");
	c.in.op = MT_OP_CAPABILITY;
	case_expect(&c, "deny/0 [starttls.bad-greeting]");
}

static void
row_17_a_bad_greeting_in_clear_denies_with_the_minimum_off(void **state)
{
	struct test_case c;

	cleartext(&c);
	case_reduced(&c);
	c.ev.starttls_bad_greeting = true;
	c.ev.present |= MT_BIT(MT_EV_STARTTLS_BAD_GREETING);
	case_expect(&c, "deny/0 [starttls.bad-greeting]");
}

static void
row_17_one_injected_byte_denies(void **state)
{
	struct test_case c;

	starttls(&c);
	c.ev.starttls_buffered_bytes = 1;
	case_expect(&c, "deny/0 [starttls.response-injected]");
	c.in.op = MT_OP_STARTTLS;
	case_expect(&c, "deny/0 [starttls.response-injected]");
}

static void
row_17_what_precedes_tls_does_not_exist_where_tls_comes_first(void **state)
{
	struct test_case c;

	case_init(&c);
	c.ev.starttls_bad_greeting = true;
	c.ev.starttls_buffered_bytes = 7;
	case_expect(&c, MET);
}

static void
row_17_a_protocol_that_was_not_offered_denies(void **state)
{
	static const struct {
		enum mt_proto proto;
		const char *alpn;
		const char *expected;
	} cases[] = {
		{MT_PROTO_IMAP, "none", MET},
		{MT_PROTO_IMAP, "imap", MET},
		{MT_PROTO_POP3, "pop3", MET},
		{MT_PROTO_SUBMISSION, "none", MET},
		{MT_PROTO_IMAP, "http/1.1", "deny/0 [tls.alpn-mismatch]"},
		{MT_PROTO_IMAP, "pop3", "deny/0 [tls.alpn-mismatch]"},
		{MT_PROTO_POP3, "imap", "deny/0 [tls.alpn-mismatch]"},
		/* none is offered for submission */
		{MT_PROTO_SUBMISSION, "smtp", "deny/0 [tls.alpn-mismatch]"},
		{MT_PROTO_IMAP, "", "deny/0 [tls.alpn-mismatch]"},
	};

	for (size_t i = 0; i < MT_ARRAY_SIZE(cases); i++) {
		struct test_case c;

		case_init(&c);
		c.ev.proto = cases[i].proto;
		strcpy(c.ev.tls_alpn, cases[i].alpn);
		case_expect(&c, cases[i].expected);
	}
}

static void
row_17_early_data_denies(void **state)
{
	struct test_case c;

	case_init(&c);
	c.ev.tls_early_data = true;
	case_expect(&c, "deny/0 [tls.early-data]");
}

static void
row_17_a_failed_handshake_denies_with_the_minimum_off(void **state)
{
	struct test_case c;

	case_init(&c);
	memset(&c.ev, 0, sizeof(c.ev));
	c.ev.proto = MT_PROTO_IMAP;
	c.ev.transport = MT_TRANSPORT_IMPLICIT;
	c.ev.port = 993;
	strcpy(c.ev.host, "imap.example.test");
	c.ev.observed_at_usec = CASE_NOW;
	c.ev.tls_failed = true;
	c.ev.present = MT_BIT(MT_EV_PROTO) | MT_BIT(MT_EV_TRANSPORT) | MT_BIT(MT_EV_PORT) |
		       MT_BIT(MT_EV_HOST) | MT_BIT(MT_EV_TLS_FAILED) | MT_BIT(MT_EV_OBSERVED_AT);
	c.val.state = MT_VALIDATION_NO_CHAIN;
	c.val.pkix_valid = false;
	case_reduced(&c);
	case_expect(&c, "deny/0 [tls.handshake-failed]");
	assert_int_equal(c.v.level, MT_LEVEL_NONE);
}

static void
row_17_every_fault_of_the_conversation_is_named(void **state)
{
	struct test_case c;

	starttls(&c);
	c.ev.starttls_bad_greeting = true;
	c.ev.starttls_buffered_bytes = 1;
	strcpy(c.ev.tls_alpn, "h2");
	c.ev.tls_early_data = true;
	case_expect(&c, "deny/0 [starttls.bad-greeting, starttls.response-injected, "
			"tls.alpn-mismatch, tls.early-data]");
}

static void
row_18_capabilities_may_be_asked_for_over_anything(void **state)
{
	struct test_case c;

	cleartext(&c);
	c.in.op = MT_OP_CAPABILITY;
	case_expect(&c, "allow/0 [op.capability-only, tls.none]");
	c.in.op = MT_OP_STARTTLS;
	case_expect(&c, "allow/0 [op.capability-only, tls.none]");
	assert_false(c.v.resumable);
	c.in.op = MT_OP_TEST;
	case_expect(&c, "deny/0 [tls.none]");
}

static void
row_18_is_confidential_only_where_the_connection_is(void **state)
{
	struct test_case c;

	starttls(&c);
	c.in.op = MT_OP_CAPABILITY;
	case_expect(&c, "allow/1 [op.capability-only, transport.starttls-used, cert.pkix-valid]");
	case_fault(&c, MT_CERT_EXPIRED);
	case_expect(&c, "allow/0 [op.capability-only, transport.starttls-used, cert.expired]");
}

static void
row_18_a_stop_while_collecting_only_ends_the_collecting(void **state)
{
	struct test_case c;

	case_init(&c);
	c.in.op = MT_OP_CAPABILITY;
	c.tlsa.status = MT_TLSA_BOGUS;
	case_expect(&c, "allow/0 [op.capability-only, dane.bogus]");
	cleartext(&c);
	c.in.op = MT_OP_CAPABILITY;
	case_tlsa(&c, true);
	case_expect(&c, "allow/0 [op.capability-only, dane.tls-required]");
}

static void
row_18_says_nothing_of_rows_37_and_later(void **state)
{
	struct test_case c;

	case_init(&c);
	case_set(&c, "auth_mechs", "EXTERNAL");
	c.ev.clientcert_requested = false;
	c.ev.present |= MT_BIT(MT_EV_CLIENTCERT_PRESENTED);
	case_state(&c, MT_ACCOUNT_SETUP, MT_OP_CAPABILITY);
	case_expect(&c, "allow/1 [op.capability-only, cert.pkix-valid]");
}

static void
row_19_capabilities_from_before_tls_deny(void **state)
{
	struct test_case c;

	starttls(&c);
	c.ev.starttls_caps_refreshed = false;
	case_expect(&c, "deny/0 [starttls.capabilities-stale]");
	c.in.op = MT_OP_CAPABILITY;
	case_expect(&c, "allow/1 [op.capability-only, transport.starttls-used, cert.pkix-valid]");
}

static void
row_19_is_skipped_while_the_handshake_is_suspended(void **state)
{
	struct test_case c;

	starttls(&c);
	c.ev.starttls_caps_refreshed = false;
	c.in.phase = MT_PHASE_HANDSHAKE;
	case_expect(&c, STARTTLS_MET);
}

static void
row_19_concerns_starttls_only(void **state)
{
	struct test_case c;

	case_init(&c);
	c.ev.starttls_caps_refreshed = false;
	case_expect(&c, MET);
}

static void
row_20_data_ignored_before_tls_is_noted(void **state)
{
	struct test_case c;

	starttls(&c);
	c.ev.pretls_other_responses = 3;
	c.ev.present |= MT_BIT(MT_EV_PRETLS_OTHER_RESPONSES);
	case_expect(&c, "allow/1 [starttls.pretls-data-ignored, transport.starttls-used, "
			"cert.pkix-valid, conf.met]");
}

static void
row_21_a_secure_tlsa_record_usable_or_not_forbids_cleartext(void **state)
{
	struct test_case c;

	cleartext(&c);
	case_reduced(&c);
	case_expect(&c, "awc/0 [tls.none, conf.disabled-by-user]");
	case_tlsa(&c, false);
	case_expect(&c, "deny/0 [dane.tls-required]");
	c.tlsa.records[0].matching = 9;
	c.val.dane_usable = 0;
	case_expect(&c, "deny/0 [dane.tls-required]");
	c.tlsa.status = MT_TLSA_INSECURE;
	case_expect(&c, "awc/0 [tls.none, conf.disabled-by-user]");
}

static void
row_21_an_empty_secure_answer_forbids_nothing(void **state)
{
	struct test_case c;

	cleartext(&c);
	case_reduced(&c);
	c.tlsa.status = MT_TLSA_SECURE;
	case_expect(&c, "awc/0 [tls.none, conf.disabled-by-user]");
}

static void
row_22_cleartext_is_a_fault_and_says_why(void **state)
{
	struct test_case c;

	cleartext(&c);
	case_expect(&c, "deny/0 [tls.none]");
	c.ev.present |= MT_BIT(MT_EV_STARTTLS_OFFERED);
	case_expect(&c, "deny/0 [tls.none, starttls.not-offered]");
	c.ev.starttls_offered = true;
	case_expect(&c, "deny/0 [tls.none]");
	c.ev.starttls_refused = true;
	case_expect(&c, "deny/0 [tls.none, starttls.refused]");
	c.ev.starttls_preauth = true;
	case_expect(&c, "deny/0 [tls.none, starttls.preauth-before-tls]");
}

static void
row_23_a_version_below_1_2_is_below_the_floor(void **state)
{
	static const enum mt_tls_version old[] = {MT_TLS_VERSION_UNKNOWN, MT_TLS_VERSION_SSL3,
						  MT_TLS_VERSION_1_0, MT_TLS_VERSION_1_1};
	struct test_case c;

	tls_1_2(&c);
	case_expect(&c, MET);
	for (size_t i = 0; i < MT_ARRAY_SIZE(old); i++) {
		c.ev.tls_version = old[i];
		case_expect(&c, "deny/0 [tls.version-below-floor, cert.pkix-valid]");
	}
}

static void
row_23_the_floor_is_not_lowered_by_switching_the_minimum_off(void **state)
{
	struct test_case c;

	tls_1_2(&c);
	case_reduced(&c);
	c.ev.tls_version = MT_TLS_VERSION_1_1;
	case_expect(&c, "awc/0 [tls.version-below-floor, cert.pkix-valid, conf.disabled-by-user]");
}

static void
row_24_tls_1_2_may_be_below_the_policy(void **state)
{
	struct test_case c;

	tls_1_2(&c);
	case_set(&c, "tls_min", "1.3");
	case_expect(&c, "deny/0 [tls.version-below-policy, cert.pkix-valid]");
	assert_int_equal(c.v.layer, MT_LAYER_ACCOUNT);
	/* what is below the floor is not below the policy besides */
	c.ev.tls_version = MT_TLS_VERSION_1_1;
	case_expect(&c, "deny/0 [tls.version-below-floor, cert.pkix-valid]");
	case_init(&c);
	case_set(&c, "tls_min", "1.3");
	case_expect(&c, MET);
}

static void
row_25_a_suite_is_judged_by_the_profile(void **state)
{
#define BELOW "deny/0 [tls.cipher-below-policy, cert.pkix-valid]"
#define FORBIDDEN "deny/0 [tls.cipher-forbidden, cert.pkix-valid]"
	static const struct {
		const char *suite;
		const char *sane, *bcp195, *recommended;
	} cases[] = {
		{"ECDHE-RSA-AES128-GCM-SHA256", MET, MET, MET},
		{"ECDHE-RSA-CHACHA20-POLY1305", MET, MET, BELOW},
		{"AES128-GCM-SHA256", MET, BELOW, BELOW},
		{"ECDHE-RSA-AES128-SHA256", MET, BELOW, BELOW},
		{"ECDHE-RSA-RC4-SHA", FORBIDDEN, FORBIDDEN, FORBIDDEN},
		{"AECDH-AES128-SHA", FORBIDDEN, FORBIDDEN, FORBIDDEN},
	};
	struct test_case c;

	for (size_t i = 0; i < MT_ARRAY_SIZE(cases); i++) {
		tls_1_2(&c);
		strcpy(c.ev.tls_cipher, cases[i].suite);
		case_set(&c, "cipher_profile", "sane");
		case_expect(&c, cases[i].sane);
		case_set(&c, "cipher_profile", "bcp195");
		case_expect(&c, cases[i].bcp195);
		case_set(&c, "cipher_profile", "recommended-only");
		case_expect(&c, cases[i].recommended);
	}
}

static void
row_25_cbc_needs_encrypt_then_mac(void **state)
{
	struct test_case c;

	tls_1_2(&c);
	strcpy(c.ev.tls_cipher, "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA256");
	case_expect(&c, BELOW);
	c.ev.tls_etm = true;
	case_expect(&c, MET);
}

static void
row_25_does_not_judge_the_suites_of_versions_below_1_2(void **state)
{
	struct test_case c;

	tls_1_2(&c);
	c.ev.tls_version = MT_TLS_VERSION_1_0;
	strcpy(c.ev.tls_cipher, "RC4-MD5");
	case_expect(&c, "deny/0 [tls.version-below-floor, cert.pkix-valid]");
}

static void
row_26_tls_1_2_needs_ems_and_renegotiation_info_and_no_compression(void **state)
{
	static const bool values[][3] = {
		{false, true, false}, {true, false, false}, {true, true, true}};
	struct test_case c;

	tls_1_2(&c);
	for (size_t i = 0; i < MT_ARRAY_SIZE(values); i++) {
		c.ev.tls_ems = values[i][0];
		c.ev.tls_reneg_info = values[i][1];
		c.ev.tls_compression = values[i][2];
		case_expect(&c, "deny/0 [tls.legacy-handshake, cert.pkix-valid]");
	}
	case_init(&c);
	c.ev.tls_ems = c.ev.tls_reneg_info = false;
	case_expect(&c, MET);
}

static void
row_27_a_session_is_resumed_only_where_it_was_allowed(void **state)
{
	struct test_case c;

	case_init(&c);
	c.ev.tls_resumed = true;
	c.facts.resumable = true;
	case_expect(&c, MET);
	c.facts.resumable = false;
	case_expect(&c, "deny/0 [tls.resumed-weaker, cert.pkix-valid]");
}

static void
row_28_starttls_is_noted_or_a_fault(void **state)
{
	struct test_case c;

	starttls(&c);
	case_expect(&c, STARTTLS_MET);
	case_set(&c, "transport_min", "implicit");
	case_expect(&c, "deny/0 [transport.not-implicit, cert.pkix-valid]");
	case_init(&c);
	case_set(&c, "transport_min", "implicit");
	case_expect(&c, MET);
}

static void
rows_22_to_28_collect_all_faults_in_row_order(void **state)
{
	struct test_case c;

	starttls(&c);
	case_set_org(&c, "tls_min", "1.3");
	case_set(&c, "transport_min", "implicit");
	strcpy(c.ev.tls_cipher, "AES128-SHA");
	c.ev.tls_compression = true;
	c.ev.tls_resumed = true;
	case_expect(&c, "deny/0 [tls.version-below-policy, tls.cipher-below-policy, "
			"tls.legacy-handshake, tls.resumed-weaker, transport.not-implicit, "
			"cert.pkix-valid, policy.org-minimum]");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(row_17_a_bad_greeting_denies),
		cmocka_unit_test(row_17_a_bad_greeting_in_clear_denies_with_the_minimum_off),
		cmocka_unit_test(row_17_one_injected_byte_denies),
		cmocka_unit_test(row_17_what_precedes_tls_does_not_exist_where_tls_comes_first),
		cmocka_unit_test(row_17_a_protocol_that_was_not_offered_denies),
		cmocka_unit_test(row_17_early_data_denies),
		cmocka_unit_test(row_17_a_failed_handshake_denies_with_the_minimum_off),
		cmocka_unit_test(row_17_every_fault_of_the_conversation_is_named),
		cmocka_unit_test(row_18_capabilities_may_be_asked_for_over_anything),
		cmocka_unit_test(row_18_is_confidential_only_where_the_connection_is),
		cmocka_unit_test(row_18_a_stop_while_collecting_only_ends_the_collecting),
		cmocka_unit_test(row_18_says_nothing_of_rows_37_and_later),
		cmocka_unit_test(row_19_capabilities_from_before_tls_deny),
		cmocka_unit_test(row_19_is_skipped_while_the_handshake_is_suspended),
		cmocka_unit_test(row_19_concerns_starttls_only),
		cmocka_unit_test(row_20_data_ignored_before_tls_is_noted),
		cmocka_unit_test(row_21_a_secure_tlsa_record_usable_or_not_forbids_cleartext),
		cmocka_unit_test(row_21_an_empty_secure_answer_forbids_nothing),
		cmocka_unit_test(row_22_cleartext_is_a_fault_and_says_why),
		cmocka_unit_test(row_23_a_version_below_1_2_is_below_the_floor),
		cmocka_unit_test(row_23_the_floor_is_not_lowered_by_switching_the_minimum_off),
		cmocka_unit_test(row_24_tls_1_2_may_be_below_the_policy),
		cmocka_unit_test(row_25_a_suite_is_judged_by_the_profile),
		cmocka_unit_test(row_25_cbc_needs_encrypt_then_mac),
		cmocka_unit_test(row_25_does_not_judge_the_suites_of_versions_below_1_2),
		cmocka_unit_test(
			row_26_tls_1_2_needs_ems_and_renegotiation_info_and_no_compression),
		cmocka_unit_test(row_27_a_session_is_resumed_only_where_it_was_allowed),
		cmocka_unit_test(row_28_starttls_is_noted_or_a_fault),
		cmocka_unit_test(rows_22_to_28_collect_all_faults_in_row_order),
	};

	return cmocka_run_group_tests_name("rows-transport", tests, NULL, NULL);
}
