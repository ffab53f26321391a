/* SPDX-License-Identifier: MIT */
/*
 * Rows 37-48 of the decision table: authentication, client certificates, and what becomes of the
 * operation. Row 49 is unreachable; test-invariants looks for it.
 */

#include "tests/cmocka-all.h"

#include <string.h>

#include "tests/unit/case.h"

#define MET "allow/1 [cert.pkix-valid, conf.met]"

static void
mechanism(struct test_case *c, const char *name)
{
	strcpy(c->ev.auth_mechanism, name);
	c->ev.present |= MT_BIT(MT_EV_AUTH_MECHANISM);
}

static void
row_37_login_is_denied_where_the_server_disabled_it(void **state)
{
	struct test_case c;

	case_init(&c);
	mechanism(&c, "LOGIN");
	case_expect(&c, MET);
	c.ev.auth_logindisabled = true;
	case_expect(&c, "deny/0 [cert.pkix-valid, auth.login-disabled]");
	mechanism(&c, "PLAIN");
	case_expect(&c, MET);
}

static void
row_37_concerns_the_operations_that_send_credentials(void **state)
{
	static const bool concerned[MT_OP_COUNT] = {
		[MT_OP_TEST] = true, [MT_OP_AUTHENTICATE] = true};
	struct test_case c;

	case_init(&c);
	mechanism(&c, "LOGIN");
	c.ev.auth_logindisabled = true;
	for (int op = MT_OP_CAPABILITY; op < MT_OP_COUNT; op++) {
		c.in.op = (enum mt_op)op;
		case_decide(&c);
		assert_int_equal(c.v.decision,
				 concerned[op] ? MT_DECISION_DENY : MT_DECISION_ALLOW);
	}
}

static void
row_37_is_skipped_while_the_handshake_is_suspended(void **state)
{
	struct test_case c;

	case_init(&c);
	case_set(&c, "auth_mechs", "EXTERNAL");
	case_set(&c, "channel_binding", "require");
	case_expect(&c, "deny/0 [cert.pkix-valid, auth.mechanism-forbidden]");
	c.in.phase = MT_PHASE_HANDSHAKE;
	case_expect(&c, MET);
}

static void
row_37_a_restricted_list_names_the_mechanisms(void **state)
{
	static const struct {
		const char *mechanism;
		const char *expected;
	} cases[] = {
		{"EXTERNAL", MET},
		{"scram-sha-256", MET},
		{"PLAIN", "deny/0 [cert.pkix-valid, auth.mechanism-forbidden]"},
		{"SCRAM-SHA-256-PLUS", "deny/0 [cert.pkix-valid, auth.mechanism-forbidden]"},
		{"X-UNHEARD-OF", "deny/0 [cert.pkix-valid, auth.mechanism-forbidden]"},
	};
	struct test_case c;

	case_init(&c);
	case_set(&c, "auth_mechs", "EXTERNAL,SCRAM-SHA-256");
	case_expect(&c, "deny/0 [cert.pkix-valid, auth.mechanism-forbidden]");
	for (size_t i = 0; i < MT_ARRAY_SIZE(cases); i++) {
		mechanism(&c, cases[i].mechanism);
		case_expect(&c, cases[i].expected);
	}
}

static void
row_37_the_first_mechanism_may_be_on_the_list(void **state)
{
	struct test_case c;

	case_init(&c);
	case_set(&c, "auth_mechs", "PLAIN");
	mechanism(&c, "PLAIN");
	case_expect(&c, MET);
	mechanism(&c, "LOGIN");
	case_expect(&c, "deny/0 [cert.pkix-valid, auth.mechanism-forbidden]");
}

static void
row_37_an_unrestricted_list_asks_for_no_mechanism(void **state)
{
	struct test_case c;

	case_init(&c);
	mechanism(&c, "X-UNHEARD-OF");
	case_expect(&c, MET);
}

static void
row_37_a_required_channel_binding_must_be_there(void **state)
{
	struct test_case c;

	case_init(&c);
	case_set(&c, "channel_binding", "prefer");
	case_expect(&c, MET);
	case_set(&c, "channel_binding", "require");
	case_expect(&c, "deny/0 [cert.pkix-valid, auth.channel-binding-missing]");
	strcpy(c.ev.auth_cb_type, "tls-exporter");
	c.ev.auth_cb_size = 32;
	c.ev.present |= MT_BIT(MT_EV_AUTH_CB_TYPE) | MT_BIT(MT_EV_AUTH_CB_VALUE);
	case_expect(&c, MET);
}

/* The account allows the certificate 0x33…, and that one was shown on request. */
static void
client_cert(struct test_case *c)
{
	c->account.client_cert_allow.n = 1;
	memset(c->account.client_cert_allow.digest[0], 0x33, 32);
	memset(c->ev.clientcert_presented, 0x33, 32);
	c->ev.clientcert_requested = true;
	c->ev.present |= MT_BIT(MT_EV_CLIENTCERT_REQUESTED) | MT_BIT(MT_EV_CLIENTCERT_PRESENTED);
}

static void
row_38_a_certificate_nobody_asked_for_denies(void **state)
{
	struct test_case c;

	case_init(&c);
	client_cert(&c);
	case_expect(&c, "allow/1 [cert.pkix-valid, clientcert.authorized, conf.met]");
	c.ev.clientcert_requested = false;
	case_expect(&c, "deny/0 [cert.pkix-valid, clientcert.not-requested]");
}

static void
row_38_a_certificate_that_is_not_on_the_list_denies(void **state)
{
	struct test_case c;

	case_init(&c);
	client_cert(&c);
	memset(c.ev.clientcert_presented, 0x34, 32);
	case_expect(&c, "deny/0 [cert.pkix-valid, clientcert.not-authorized]");
	memset(c.ev.clientcert_presented, 0x33, 32);
	c.account.client_cert_allow.n = 0;
	case_expect(&c, "deny/0 [cert.pkix-valid, clientcert.not-authorized]");
}

static void
row_38_the_organisations_list_only_narrows_the_accounts(void **state)
{
	struct test_case c;

	case_init(&c);
	client_cert(&c);
	c.has_org = true;
	c.org.present = (uint32_t)MT_BIT(MT_FIELD_CLIENT_CERT_ALLOW);
	c.org.client_cert_allow = c.account.client_cert_allow;
	c.org.client_cert_allow.is_set = true;
	case_expect(&c, "allow/1 [cert.pkix-valid, clientcert.authorized, conf.met]");
	c.org.client_cert_allow.digest[0][0] ^= 1;
	case_expect(&c, "deny/0 [cert.pkix-valid, clientcert.not-authorized]");
	/* one that the organisation lists and the account does not */
	c.ev.clientcert_presented[0] ^= 1;
	case_expect(&c, "deny/0 [cert.pkix-valid, clientcert.not-authorized]");
}

static void
row_38_client_certificates_belong_to_implicit_tls(void **state)
{
	struct test_case c;

	case_init(&c);
	case_starttls(&c);
	client_cert(&c);
	case_expect(&c, "deny/0 [transport.starttls-used, cert.pkix-valid, "
			"clientcert.not-implicit]");
	/* one that was kept back is a note */
	c.ev.present &= ~MT_BIT(MT_EV_CLIENTCERT_PRESENTED);
	case_expect(&c, "allow/1 [transport.starttls-used, cert.pkix-valid, "
			"clientcert.not-implicit, conf.met]");
	c.account.client_cert_allow.n = 0;
	case_expect(&c, "allow/1 [transport.starttls-used, cert.pkix-valid, conf.met]");
}

static void
row_38_tls_1_2_exposes_the_certificate_and_may_not(void **state)
{
	struct test_case c;

	case_init(&c);
	client_cert(&c);
	case_set(&c, "client_cert_tls_min", "1.3");
	case_expect(&c, "allow/1 [cert.pkix-valid, clientcert.authorized, conf.met]");
	c.ev.tls_version = MT_TLS_VERSION_1_2;
	strcpy(c.ev.tls_cipher, "ECDHE-RSA-AES128-GCM-SHA256");
	case_expect(&c, "deny/0 [cert.pkix-valid, clientcert.identity-exposed]");
	case_set(&c, "client_cert_tls_min", "1.2");
	case_expect(&c, "allow/1 [cert.pkix-valid, clientcert.authorized, "
			"clientcert.identity-exposed, conf.met]");
}

/* R-8-03, R-8-04: what the daemon says while the handshake waits. */
static void
row_38_in_phase_handshake_a_connection_is_one_for_a_client_certificate_or_not(void **state)
{
	struct test_case c;

	case_init(&c);
	c.in.phase = MT_PHASE_HANDSHAKE;
	assert_true(case_decide(&c)->client_cert_fits);
	case_set(&c, "client_cert_tls_min", "1.3");
	assert_true(case_decide(&c)->client_cert_fits);
	c.ev.tls_version = MT_TLS_VERSION_1_2;
	strcpy(c.ev.tls_cipher, "ECDHE-RSA-AES128-GCM-SHA256");
	assert_int_equal(case_decide(&c)->decision, MT_DECISION_ALLOW);
	assert_false(c.v.client_cert_fits);
	case_set(&c, "client_cert_tls_min", "1.2");
	assert_true(case_decide(&c)->client_cert_fits);
	/* later there is nothing left to present */
	c.in.phase = MT_PHASE_FINAL;
	assert_false(case_decide(&c)->client_cert_fits);
}

static void
row_38_none_is_for_a_connection_that_is_refused_or_not_implicit(void **state)
{
	struct test_case c;

	case_init(&c);
	c.in.phase = MT_PHASE_HANDSHAKE;
	case_fault(&c, MT_CERT_EXPIRED);
	assert_int_equal(case_decide(&c)->decision, MT_DECISION_DENY);
	assert_false(c.v.client_cert_fits);
	case_init(&c);
	c.in.phase = MT_PHASE_HANDSHAKE;
	/* after row 38 has said yes */
	case_state(&c, MT_ACCOUNT_SETUP, MT_OP_AUTHENTICATE);
	assert_int_equal(case_decide(&c)->decision, MT_DECISION_DENY);
	assert_false(c.v.client_cert_fits);
	case_init(&c);
	c.in.phase = MT_PHASE_HANDSHAKE;
	case_starttls(&c);
	assert_int_equal(case_decide(&c)->decision, MT_DECISION_ALLOW);
	assert_false(c.v.client_cert_fits);
}

static void
row_39_nothing_but_a_test_goes_before_commit(void **state)
{
	static const enum mt_op ops[] = {MT_OP_AUTHENTICATE, MT_OP_ACCESS, MT_OP_SUBMIT};
	struct test_case c;

	case_init(&c);
	for (size_t i = 0; i < MT_ARRAY_SIZE(ops); i++) {
		case_state(&c, MT_ACCOUNT_SETUP, ops[i]);
		case_expect(&c, "deny/0 [cert.pkix-valid, op.not-permitted, account.setup]");
	}
	case_state(&c, MT_ACCOUNT_SETUP, MT_OP_TEST);
	case_expect(&c, MET);
}

static void
row_40_confidentiality_allows_whatever_the_minimum_says(void **state)
{
	struct test_case c;

	case_init(&c);
	case_expect(&c, MET);
	case_set(&c, "min_conf", "off");
	case_expect(&c, MET);
	assert_true(c.v.resumable);
	assert_int_equal(c.v.level, MT_LEVEL_TLS_AUTH);
}

static void
row_41_the_minimum_denies_without_a_way_around(void **state)
{
	struct test_case c;

	case_init(&c);
	case_cleartext(&c);
	c.facts.consents = (uint32_t)MT_BIT(MT_CONSENT_KIND_COUNT) - 1;
	for (int op = MT_OP_TEST; op < MT_OP_COUNT; op++) {
		c.in.op = (enum mt_op)op;
		case_expect(&c, "deny/0 [tls.none]");
		assert_int_equal(c.v.consumed, 0);
	}
}

static void
row_41_says_why_a_pin_does_not_help(void **state)
{
	struct test_case c;

	case_init(&c);
	case_fault(&c, MT_CERT_EXPIRED);
	case_expect(&c, "deny/0 [cert.expired, pin.not-offered-existing]");
	case_pin(&c, 0x11);
	case_expect(&c, "deny/0 [cert.expired, pin.matched, pin.not-sufficient]");
}

static void
row_41_names_the_organisation_where_it_decided(void **state)
{
	struct test_case c;

	case_init(&c);
	case_starttls(&c);
	case_set_org(&c, "transport_min", "implicit");
	case_expect(&c, "deny/0 [transport.not-implicit, cert.pkix-valid, policy.org-minimum]");
	assert_int_equal(c.v.layer, MT_LAYER_ORG);
	/* the account had asked for it already */
	case_set(&c, "transport_min", "implicit");
	case_expect(&c, "deny/0 [transport.not-implicit, cert.pkix-valid]");
	assert_int_equal(c.v.layer, MT_LAYER_ACCOUNT);
	/* the organisation demands something else */
	case_init(&c);
	case_cleartext(&c);
	case_set_org(&c, "tls_min", "1.3");
	case_expect(&c, "deny/0 [tls.none]");
}

static void
row_42_a_test_in_setup_is_denied_under_the_minimum(void **state)
{
	struct test_case c;

	case_init(&c);
	case_fault(&c, MT_CERT_IDENTITY_MISMATCH);
	case_state(&c, MT_ACCOUNT_SETUP, MT_OP_TEST);
	c.facts.consents = (uint32_t)MT_BIT(MT_CONSENT_KIND_COUNT) - 1;
	case_expect(&c, "deny/0 [cert.identity-mismatch, account.setup]");
	assert_int_equal(c.v.consumed, 0);
}

/* A test in setup with the minimum off. */
static void
setup_test(struct test_case *c)
{
	case_init(c);
	case_set(c, "min_conf", "off");
	case_state(c, MT_ACCOUNT_SETUP, MT_OP_TEST);
}

static void
row_43_offers_a_pin_for_three_faults_and_no_other(void **state)
{
	/* the name in the subject is a note, and no fault */
	const uint32_t pinnable = MT_BIT(MT_CERT_CHAIN_UNTRUSTED) | MT_BIT(MT_CERT_EXPIRED) |
				  MT_BIT(MT_CERT_IDENTITY_MISMATCH) | MT_BIT(MT_CERT_CN_ONLY);

	for (uint32_t faults = 1; faults < MT_BIT(MT_CERT_FAULT_COUNT); faults++) {
		struct test_case c;

		setup_test(&c);
		c.val.pkix_valid = false;
		c.val.faults = faults;
		case_decide(&c);
		assert_int_equal(c.v.decision, MT_DECISION_CONFIRM);
		assert_int_equal(mt_verdict_has(&c.v, MT_REASON_PIN_OFFER_AVAILABLE),
				 (faults & ~pinnable) == 0);
	}
}

static void
row_43_offers_none_beside_a_fault_no_pin_can_answer(void **state)
{
	struct test_case c;

	setup_test(&c);
	case_fault(&c, MT_CERT_EXPIRED);
	case_expect(&c, "confirm/0 [cert.expired, pin.offer-available, op.test-needs-warning]");
	c.val.must_staple = true;
	case_expect(&c, "confirm/0 [cert.expired, cert.staple-missing, op.test-needs-warning]");
	c.val.must_staple = false;
	c.ev.tls_resumed = true;
	case_expect(&c, "confirm/0 [tls.resumed-weaker, cert.expired, op.test-needs-warning]");
	c.ev.tls_resumed = false;
	case_set(&c, "proof", "dane");
	case_expect(&c, "confirm/0 [dane.absent, cert.expired, dane.required-missing, "
			"op.test-needs-warning]");
}

static void
row_43_offers_none_against_a_tlsa_record_even_without_its_veto(void **state)
{
	struct test_case c;

	setup_test(&c);
	case_fault(&c, MT_CERT_CHAIN_UNTRUSTED);
	case_tlsa(&c, false);
	case_set(&c, "dane_veto", "off");
	case_expect(&c, "confirm/0 [dane.mismatch, cert.chain-untrusted, op.test-needs-warning]");
}

static void
row_43_offers_none_where_pinning_is_forbidden_or_a_pin_exists(void **state)
{
	struct test_case c;

	setup_test(&c);
	case_fault(&c, MT_CERT_EXPIRED);
	case_set(&c, "pinning", "forbidden");
	case_expect(&c, "confirm/0 [cert.expired, op.test-needs-warning]");
	case_set(&c, "pinning", "allowed");
	case_pin(&c, 0x11);
	case_expect(&c, "confirm/0 [cert.expired, pin.matched, op.test-needs-warning]");
}

static void
row_44_a_fresh_consent_lets_one_test_go(void **state)
{
	struct test_case c;

	setup_test(&c);
	case_cleartext(&c);
	c.facts.consents = MT_BIT(MT_CONSENT_PASSWORD_EXPOSURE) | MT_BIT(MT_CONSENT_PIN);
	case_expect(&c, "awc/0 [tls.none, conf.disabled-by-user]");
	assert_int_equal(c.v.consumed, MT_BIT(MT_CONSENT_PASSWORD_EXPOSURE));
	assert_false(c.v.resumable);
}

static void
row_45_no_other_consent_does(void **state)
{
	struct test_case c;

	setup_test(&c);
	case_cleartext(&c);
	c.facts.consents = ((uint32_t)MT_BIT(MT_CONSENT_KIND_COUNT) - 1) &
			   ~(uint32_t)MT_BIT(MT_CONSENT_PASSWORD_EXPOSURE);
	case_expect(&c, "confirm/0 [tls.none, op.test-needs-warning]");
	assert_int_equal(c.v.consumed, 0);
}

static void
row_46_the_warning_comes_first(void **state)
{
	struct test_case c;

	case_init(&c);
	case_cleartext(&c);
	case_reduced(&c);
	case_expect(&c, "awc/0 [tls.none, conf.disabled-by-user]");
	c.facts.consents = ((uint32_t)MT_BIT(MT_CONSENT_KIND_COUNT) - 1) &
			   ~(uint32_t)MT_BIT(MT_CONSENT_REDUCED_CONFIDENTIALITY);
	case_expect(&c, "confirm/0 [tls.none, conf.warning-required]");
	/* before the question of a downgrade */
	c.facts.best = MT_LEVEL_TLS_AUTH;
	case_expect(&c, "confirm/0 [tls.none, conf.warning-required]");
}

static void
row_47_a_fall_is_a_note_a_question_or_an_end(void **state)
{
	static const struct {
		const char *action;
		uint32_t consents;
		const char *expected;
	} cases[] = {
		{"notify", 0, "awc/0 [tls.none, conf.downgraded, conf.disabled-by-user]"},
		{"confirm", 0, "confirm/0 [tls.none, conf.downgraded]"},
		{"confirm", MT_BIT(MT_CONSENT_DOWNGRADE),
		 "awc/0 [tls.none, conf.downgraded, conf.disabled-by-user]"},
		{"deny", 0, "deny/0 [tls.none, conf.downgraded]"},
		{"deny", MT_BIT(MT_CONSENT_DOWNGRADE), "deny/0 [tls.none, conf.downgraded]"},
	};
	struct test_case c;

	case_init(&c);
	case_cleartext(&c);
	c.facts.best = MT_LEVEL_TLS;
	for (size_t i = 0; i < MT_ARRAY_SIZE(cases); i++) {
		case_reduced(&c);
		case_set(&c, "downgrade_action", cases[i].action);
		c.facts.consents |= cases[i].consents;
		case_expect(&c, cases[i].expected);
	}
}

static void
row_47_compares_none_tls_and_proven_tls(void **state)
{
	for (int best = 0; best < MT_LEVEL_COUNT; best++)
		for (int now = MT_LEVEL_NONE; now < MT_LEVEL_TLS_AUTH; now++) {
			struct test_case c;

			case_init(&c);
			if (now == MT_LEVEL_NONE)
				case_cleartext(&c);
			else
				case_fault(&c, MT_CERT_EXPIRED);
			case_reduced(&c);
			c.facts.best = (enum mt_level)best;
			case_decide(&c);
			assert_int_equal(mt_verdict_has(&c.v, MT_REASON_CONF_DOWNGRADED),
					 best > now);
			assert_int_equal(c.v.level, now);
		}
}

static void
row_48_is_never_confidential_nor_resumable(void **state)
{
	struct test_case c;

	case_init(&c);
	case_fault(&c, MT_CERT_EXPIRED);
	case_reduced(&c);
	case_expect(&c, "awc/0 [cert.expired, conf.disabled-by-user]");
	assert_false(c.v.resumable);
	assert_int_equal(c.v.consumed, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(row_37_login_is_denied_where_the_server_disabled_it),
		cmocka_unit_test(row_37_concerns_the_operations_that_send_credentials),
		cmocka_unit_test(row_37_is_skipped_while_the_handshake_is_suspended),
		cmocka_unit_test(row_37_a_restricted_list_names_the_mechanisms),
		cmocka_unit_test(row_37_the_first_mechanism_may_be_on_the_list),
		cmocka_unit_test(row_37_an_unrestricted_list_asks_for_no_mechanism),
		cmocka_unit_test(row_37_a_required_channel_binding_must_be_there),
		cmocka_unit_test(row_38_a_certificate_nobody_asked_for_denies),
		cmocka_unit_test(row_38_a_certificate_that_is_not_on_the_list_denies),
		cmocka_unit_test(row_38_the_organisations_list_only_narrows_the_accounts),
		cmocka_unit_test(row_38_client_certificates_belong_to_implicit_tls),
		cmocka_unit_test(
			row_38_in_phase_handshake_a_connection_is_one_for_a_client_certificate_or_not),
		cmocka_unit_test(row_38_none_is_for_a_connection_that_is_refused_or_not_implicit),
		cmocka_unit_test(row_38_tls_1_2_exposes_the_certificate_and_may_not),
		cmocka_unit_test(row_39_nothing_but_a_test_goes_before_commit),
		cmocka_unit_test(row_40_confidentiality_allows_whatever_the_minimum_says),
		cmocka_unit_test(row_41_the_minimum_denies_without_a_way_around),
		cmocka_unit_test(row_41_says_why_a_pin_does_not_help),
		cmocka_unit_test(row_41_names_the_organisation_where_it_decided),
		cmocka_unit_test(row_42_a_test_in_setup_is_denied_under_the_minimum),
		cmocka_unit_test(row_43_offers_a_pin_for_three_faults_and_no_other),
		cmocka_unit_test(row_43_offers_none_beside_a_fault_no_pin_can_answer),
		cmocka_unit_test(row_43_offers_none_against_a_tlsa_record_even_without_its_veto),
		cmocka_unit_test(row_43_offers_none_where_pinning_is_forbidden_or_a_pin_exists),
		cmocka_unit_test(row_44_a_fresh_consent_lets_one_test_go),
		cmocka_unit_test(row_45_no_other_consent_does),
		cmocka_unit_test(row_46_the_warning_comes_first),
		cmocka_unit_test(row_47_a_fall_is_a_note_a_question_or_an_end),
		cmocka_unit_test(row_47_compares_none_tls_and_proven_tls),
		cmocka_unit_test(row_48_is_never_confidential_nor_resumable),
	};

	return cmocka_run_group_tests_name("rows-outcome", tests, NULL, NULL);
}
