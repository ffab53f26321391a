/* SPDX-License-Identifier: MIT */
/* The 32 golden vectors of REQUIREMENTS 4.10, with their exact reasons. */

#include "tests/cmocka-all.h"

#include <string.h>

#include "tests/unit/case.h"

static void
reduced_cleartext(struct test_case *c)
{
	case_cleartext(c);
	case_set(c, "min_conf", "off");
	c->facts.consents = MT_BIT(MT_CONSENT_REDUCED_CONFIDENTIALITY);
}

static void
expired_in_setup(struct test_case *c)
{
	case_fault(c, MT_CERT_EXPIRED);
	case_state(c, MT_ACCOUNT_SETUP, MT_OP_TEST);
}

static void
pinned(struct test_case *c)
{
	case_fault(c, MT_CERT_CHAIN_UNTRUSTED);
	case_pin(c, 0x11);
	case_set(c, "min_conf", "off");
	c->facts.consents = MT_BIT(MT_CONSENT_REDUCED_CONFIDENTIALITY);
}

static void
out_of_domain(struct test_case *c)
{
	case_state(c, MT_ACCOUNT_SETUP, MT_OP_CAPABILITY);
	c->facts.reference.discovery = MT_DISCOVERY_SRV;
	strcpy(c->facts.reference.host, "mail.other.test");
	strcpy(c->ev.host, "mail.other.test");
}

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
g_01_implicit_tls_with_a_valid_chain_is_allowed(void **state)
{
	struct test_case c;

	case_init(&c);
	case_expect(&c, "allow/1 [cert.pkix-valid, conf.met]");
}

static void
g_02_starttls_with_a_valid_chain_is_allowed(void **state)
{
	struct test_case c;

	case_init(&c);
	case_starttls(&c);
	case_expect(&c, "allow/1 [transport.starttls-used, cert.pkix-valid, conf.met]");
}

static void
g_03_cleartext_is_denied(void **state)
{
	struct test_case c;

	case_init(&c);
	case_cleartext(&c);
	case_expect(&c, "deny/0 [tls.none]");
}

static void
g_04_capability_over_cleartext_is_allowed_without_confidentiality(void **state)
{
	struct test_case c;

	case_init(&c);
	case_cleartext(&c);
	c.in.op = MT_OP_CAPABILITY;
	case_expect(&c, "allow/0 [op.capability-only, tls.none]");
}

static void
g_05_cleartext_with_consent_is_awc(void **state)
{
	struct test_case c;

	case_init(&c);
	reduced_cleartext(&c);
	case_expect(&c, "awc/0 [tls.none, conf.disabled-by-user]");
}

static void
g_06_cleartext_without_consent_needs_the_warning(void **state)
{
	struct test_case c;

	case_init(&c);
	reduced_cleartext(&c);
	c.facts.consents = 0;
	case_expect(&c, "confirm/0 [tls.none, conf.warning-required]");
}

static void
g_07_a_fall_from_the_remembered_level_is_confirmed(void **state)
{
	struct test_case c;

	case_init(&c);
	reduced_cleartext(&c);
	c.facts.best = MT_LEVEL_TLS_AUTH;
	case_expect(&c, "confirm/0 [tls.none, conf.downgraded]");
}

static void
g_08_a_secure_tlsa_record_forbids_cleartext(void **state)
{
	struct test_case c;

	case_init(&c);
	reduced_cleartext(&c);
	case_tlsa(&c, false);
	case_expect(&c, "deny/0 [dane.tls-required]");
}

static void
g_09_asserted_tls_1_1_is_below_the_floor(void **state)
{
	struct test_case c;

	case_init(&c);
	c.in.provenance = MT_PROVENANCE_ASSERTED;
	c.ev.tls_version = MT_TLS_VERSION_1_1;
	case_expect(&c,
		    "deny/0 [evidence.asserted-only, tls.version-below-floor, cert.pkix-valid]");
}

static void
g_10_an_expired_leaf_is_denied_without_a_pin_offer(void **state)
{
	struct test_case c;

	case_init(&c);
	case_fault(&c, MT_CERT_EXPIRED);
	case_expect(&c, "deny/0 [cert.expired, pin.not-offered-existing]");
}

static void
g_11_an_expired_leaf_is_denied_in_setup(void **state)
{
	struct test_case c;

	case_init(&c);
	expired_in_setup(&c);
	case_expect(&c, "deny/0 [cert.expired, account.setup]");
}

static void
g_12_an_expired_leaf_in_setup_with_the_minimum_off_may_be_pinned(void **state)
{
	struct test_case c;

	case_init(&c);
	expired_in_setup(&c);
	case_set(&c, "min_conf", "off");
	case_expect(&c, "confirm/0 [cert.expired, pin.offer-available, op.test-needs-warning]");
}

static void
g_13_a_consented_test_is_awc_and_consumes_the_consent(void **state)
{
	struct test_case c;

	case_init(&c);
	expired_in_setup(&c);
	case_set(&c, "min_conf", "off");
	c.facts.consents = MT_BIT(MT_CONSENT_PASSWORD_EXPOSURE);
	case_expect(&c, "awc/0 [cert.expired, conf.disabled-by-user]");
	assert_int_equal(c.v.consumed, MT_BIT(MT_CONSENT_PASSWORD_EXPOSURE));
}

static void
g_14_a_pinned_self_signed_leaf_is_awc(void **state)
{
	struct test_case c;

	case_init(&c);
	pinned(&c);
	case_expect(&c, "awc/0 [cert.chain-untrusted, pin.matched, conf.disabled-by-user]");
}

static void
g_15_a_pin_does_not_meet_the_organisations_minimum(void **state)
{
	struct test_case c;

	case_init(&c);
	pinned(&c);
	case_set_org(&c, "min_conf", "on");
	case_expect(&c, "deny/0 [cert.chain-untrusted, pin.matched, pin.not-sufficient, "
			"policy.org-minimum]");
}

static void
g_16_another_leaf_on_a_pinned_host_is_denied(void **state)
{
	struct test_case c;

	case_init(&c);
	pinned(&c);
	memset(c.val.leaf_sha256, 0x22, 32);
	case_expect(&c, "deny/0 [cert.chain-untrusted, pin.mismatch]");
}

static void
g_17_a_valid_leaf_supersedes_the_pin(void **state)
{
	struct test_case c;

	case_init(&c);
	case_pin(&c, 0x22);
	case_expect(&c, "allow/1 [cert.pkix-valid, pin.superseded, conf.met]");
}

static void
g_18_dane_alone_meets_the_minimum(void **state)
{
	struct test_case c;

	case_init(&c);
	case_fault(&c, MT_CERT_CHAIN_UNTRUSTED);
	case_tlsa(&c, true);
	case_expect(&c, "allow/1 [dane.matched, cert.chain-untrusted, conf.met]");
}

static void
g_19_a_dane_mismatch_vetoes_pkix(void **state)
{
	struct test_case c;

	case_init(&c);
	case_tlsa(&c, false);
	case_expect(&c, "deny/0 [dane.mismatch]");
}

static void
g_20_bogus_tlsa_denies_even_with_a_valid_chain(void **state)
{
	struct test_case c;

	case_init(&c);
	c.tlsa.status = MT_TLSA_BOGUS;
	case_expect(&c, "deny/0 [dane.bogus]");
}

static void
g_21_usage_1_records_are_unusable_and_pkix_decides(void **state)
{
	struct test_case c;

	case_init(&c);
	case_tlsa(&c, false);
	c.tlsa.records[0].usage = 1;
	c.val.dane_usable = 0;
	case_expect(&c, "allow/1 [dane.unusable, cert.pkix-valid, conf.met]");
}

static void
g_22_pkix_of_the_organisation_and_dane_of_the_account_demand_both(void **state)
{
	struct test_case c;

	case_init(&c);
	case_set(&c, "proof", "dane");
	case_set_org(&c, "proof", "pkix");
	case_expect(
		&c,
		"deny/0 [dane.absent, cert.pkix-valid, dane.required-missing, policy.org-minimum]");
}

static void
g_23_an_unsigned_target_outside_the_domain_is_confirmed_first(void **state)
{
	struct test_case c;

	case_init(&c);
	out_of_domain(&c);
	case_expect(&c, "confirm/0 [srv.target-out-of-domain]");
}

static void
g_24_preauth_before_tls_is_denied(void **state)
{
	struct test_case c;

	case_init(&c);
	case_cleartext(&c);
	c.ev.starttls_preauth = true;
	c.ev.present |= MT_BIT(MT_EV_STARTTLS_PREAUTH);
	case_expect(&c, "deny/0 [tls.none, starttls.preauth-before-tls]");
}

static void
g_25_injected_bytes_are_denied_even_with_the_minimum_off(void **state)
{
	struct test_case c;

	case_init(&c);
	case_starttls(&c);
	case_set(&c, "min_conf", "off");
	c.ev.starttls_buffered_bytes = 12;
	case_expect(&c, "deny/0 [starttls.response-injected]");
}

static void
g_26_a_suspended_account_may_not_even_ask_for_capabilities(void **state)
{
	struct test_case c;

	case_init(&c);
	case_state(&c, MT_ACCOUNT_SUSPENDED, MT_OP_CAPABILITY);
	case_expect(&c, "deny/0 [account.suspended]");
}

static void
g_27_an_expired_policy_drops_the_permission(void **state)
{
	struct test_case c;

	case_init(&c);
	reduced_cleartext(&c);
	case_set(&c, "not_after", "1767225600");
	case_expect(&c, "deny/0 [policy.expired, tls.none]");
}

static void
g_28_tls_1_2_is_below_the_organisations_minimum(void **state)
{
	struct test_case c;

	case_init(&c);
	c.ev.tls_version = MT_TLS_VERSION_1_2;
	strcpy(c.ev.tls_cipher, "ECDHE-RSA-AES128-GCM-SHA256");
	case_set_org(&c, "tls_min", "1.3");
	case_expect(&c, "deny/0 [tls.version-below-policy, cert.pkix-valid, policy.org-minimum]");
}

static void
g_29_a_good_connection_is_confidential_with_the_minimum_off(void **state)
{
	struct test_case c;

	case_init(&c);
	case_set(&c, "min_conf", "off");
	case_expect(&c, "allow/1 [cert.pkix-valid, conf.met]");
	assert_int_equal(mt_account_level(&c.eff, MT_ACCOUNT_ACTIVE, false, CASE_NOW),
			 MT_ACCOUNT_REDUCED);
}

static void
g_30_an_authorised_client_certificate_is_noted(void **state)
{
	struct test_case c;

	case_init(&c);
	client_cert(&c);
	case_expect(&c, "allow/1 [cert.pkix-valid, clientcert.authorized, conf.met]");
}

static void
g_31_tls_1_2_exposes_the_client_certificate(void **state)
{
	struct test_case c;

	case_init(&c);
	client_cert(&c);
	c.ev.tls_version = MT_TLS_VERSION_1_2;
	strcpy(c.ev.tls_cipher, "ECDHE-RSA-AES128-GCM-SHA256");
	case_expect(&c, "allow/1 [cert.pkix-valid, clientcert.authorized, "
			"clientcert.identity-exposed, conf.met]");
}

static void
g_32_an_endpoint_that_is_not_saved_is_denied(void **state)
{
	struct test_case c;

	case_init(&c);
	c.facts.endpoint = MT_ENDPOINT_FRESH;
	case_expect(&c, "deny/0 [endpoint.not-configured]");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(g_01_implicit_tls_with_a_valid_chain_is_allowed),
		cmocka_unit_test(g_02_starttls_with_a_valid_chain_is_allowed),
		cmocka_unit_test(g_03_cleartext_is_denied),
		cmocka_unit_test(g_04_capability_over_cleartext_is_allowed_without_confidentiality),
		cmocka_unit_test(g_05_cleartext_with_consent_is_awc),
		cmocka_unit_test(g_06_cleartext_without_consent_needs_the_warning),
		cmocka_unit_test(g_07_a_fall_from_the_remembered_level_is_confirmed),
		cmocka_unit_test(g_08_a_secure_tlsa_record_forbids_cleartext),
		cmocka_unit_test(g_09_asserted_tls_1_1_is_below_the_floor),
		cmocka_unit_test(g_10_an_expired_leaf_is_denied_without_a_pin_offer),
		cmocka_unit_test(g_11_an_expired_leaf_is_denied_in_setup),
		cmocka_unit_test(g_12_an_expired_leaf_in_setup_with_the_minimum_off_may_be_pinned),
		cmocka_unit_test(g_13_a_consented_test_is_awc_and_consumes_the_consent),
		cmocka_unit_test(g_14_a_pinned_self_signed_leaf_is_awc),
		cmocka_unit_test(g_15_a_pin_does_not_meet_the_organisations_minimum),
		cmocka_unit_test(g_16_another_leaf_on_a_pinned_host_is_denied),
		cmocka_unit_test(g_17_a_valid_leaf_supersedes_the_pin),
		cmocka_unit_test(g_18_dane_alone_meets_the_minimum),
		cmocka_unit_test(g_19_a_dane_mismatch_vetoes_pkix),
		cmocka_unit_test(g_20_bogus_tlsa_denies_even_with_a_valid_chain),
		cmocka_unit_test(g_21_usage_1_records_are_unusable_and_pkix_decides),
		cmocka_unit_test(g_22_pkix_of_the_organisation_and_dane_of_the_account_demand_both),
		cmocka_unit_test(g_23_an_unsigned_target_outside_the_domain_is_confirmed_first),
		cmocka_unit_test(g_24_preauth_before_tls_is_denied),
		cmocka_unit_test(g_25_injected_bytes_are_denied_even_with_the_minimum_off),
		cmocka_unit_test(g_26_a_suspended_account_may_not_even_ask_for_capabilities),
		cmocka_unit_test(g_27_an_expired_policy_drops_the_permission),
		cmocka_unit_test(g_28_tls_1_2_is_below_the_organisations_minimum),
		cmocka_unit_test(g_29_a_good_connection_is_confidential_with_the_minimum_off),
		cmocka_unit_test(g_30_an_authorised_client_certificate_is_noted),
		cmocka_unit_test(g_31_tls_1_2_exposes_the_client_certificate),
		cmocka_unit_test(g_32_an_endpoint_that_is_not_saved_is_denied),
	};

	return cmocka_run_group_tests_name("golden", tests, NULL, NULL);
}
