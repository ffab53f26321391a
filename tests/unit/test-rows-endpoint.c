/* SPDX-License-Identifier: MIT */
/* Rows 10-16 of the decision table, the endpoint: each fires on the one change that it is about. */

#include "tests/cmocka-all.h"

#include <string.h>

#include "tests/unit/case.h"

#define MET "allow/1 [cert.pkix-valid, conf.met]"

static void
row_10_bogus_srv_data_denies_whatever_they_name(void **state)
{
	struct test_case c;

	case_init(&c);
	case_srv(&c, "imap.example.test");
	case_expect(&c, "allow/1 [srv.insecure, cert.pkix-valid, conf.met]");
	c.facts.reference.dnssec = MT_DNSSEC_BOGUS;
	case_expect(&c, "deny/0 [srv.bogus]");
	c.facts.reference.discovery = MT_DISCOVERY_MANUAL;
	case_expect(&c, MET);
}

static void
row_11_an_unsigned_target_outside_the_domain_is_confirmed_for_every_operation(void **state)
{
	struct test_case c;

	case_init(&c);
	case_srv(&c, "mail.other.test");
	for (int op = MT_OP_CAPABILITY; op < MT_OP_COUNT; op++) {
		case_state(&c, MT_ACCOUNT_SETUP, (enum mt_op)op);
		case_expect(&c, "confirm/0 [srv.target-out-of-domain]");
	}
}

static void
row_11_a_confirmation_or_a_signature_lets_the_target_pass(void **state)
{
	struct test_case c;

	case_init(&c);
	case_srv(&c, "mail.other.test");
	case_state(&c, MT_ACCOUNT_SETUP, MT_OP_TEST);
	c.facts.reference.confirmed = true;
	case_expect(&c, "allow/1 [srv.insecure, cert.pkix-valid, conf.met]");
	c.facts.reference.confirmed = false;
	c.facts.consents = MT_BIT(MT_CONSENT_SRV_TARGET);
	case_expect(&c, "allow/1 [srv.insecure, cert.pkix-valid, conf.met]");
	c.facts.consents = 0;
	c.facts.reference.dnssec = MT_DNSSEC_SECURE;
	case_expect(&c, "allow/1 [srv.dnssec-secure, cert.pkix-valid, conf.met]");
}

static void
row_11_no_other_consent_confirms_a_target(void **state)
{
	struct test_case c;

	case_init(&c);
	case_srv(&c, "mail.other.test");
	case_state(&c, MT_ACCOUNT_SETUP, MT_OP_TEST);
	c.facts.consents = (uint32_t)(MT_BIT(MT_CONSENT_KIND_COUNT) - 1) &
			   ~(uint32_t)MT_BIT(MT_CONSENT_SRV_TARGET);
	case_expect(&c, "confirm/0 [srv.target-out-of-domain]");
}

static void
row_11_a_policy_above_ask_denies_the_target(void **state)
{
	static const char *const above[] = {"in-domain", "dnssec"};

	for (size_t i = 0; i < MT_ARRAY_SIZE(above); i++) {
		struct test_case c;

		case_init(&c);
		case_srv(&c, "mail.other.test");
		case_state(&c, MT_ACCOUNT_SETUP, MT_OP_TEST);
		case_set(&c, "srv_trust", above[i]);
		case_expect(&c, "deny/0 [srv.target-out-of-domain]");
	}
}

static void
row_12_unsigned_srv_is_denied_under_the_strict_reading_until_saved(void **state)
{
	struct test_case c;

	case_init(&c);
	case_srv(&c, "imap.example.test");
	case_state(&c, MT_ACCOUNT_SETUP, MT_OP_TEST);
	case_set(&c, "srv_trust", "in-domain");
	case_expect(&c, "allow/1 [srv.insecure, cert.pkix-valid, conf.met]");
	case_set(&c, "srv_trust", "dnssec");
	case_expect(&c, "deny/0 [srv.insecure]");
	c.facts.reference.saved = true;
	case_expect(&c, "allow/1 [srv.insecure, cert.pkix-valid, conf.met]");
}

/* D-DISC-02: as an SRV record that does, and under the same policy. */
static void
rows_11_and_12_ask_about_a_document_that_leads_out_of_its_domain(void **state)
{
	static const enum mt_discovery documents[] = {MT_DISCOVERY_PACC, MT_DISCOVERY_AUTOCONFIG,
						      MT_DISCOVERY_AUTOCONFIG_HTTP};
	struct test_case c;

	for (size_t i = 0; i < MT_ARRAY_SIZE(documents); i++) {
		case_init(&c);
		case_srv(&c, "mail.other.test");
		case_state(&c, MT_ACCOUNT_SETUP, MT_OP_TEST);
		c.facts.reference.discovery = documents[i];
		case_expect(&c, "confirm/0 [srv.target-out-of-domain]");
		case_set(&c, "srv_trust", "in-domain");
		case_expect(&c, "deny/0 [srv.target-out-of-domain]");
		c.facts.reference.confirmed = c.facts.source_approved = true;
		case_expect(&c, MET);
		case_set(&c, "srv_trust", "dnssec");
		case_expect(&c, "deny/0 [srv.insecure]");
		c.facts.reference.dnssec = MT_DNSSEC_SECURE;
		case_expect(&c, MET);
	}
}

/* D-DISC-06, D-DISC-08: where a server's name came from earns it neither leniency nor a login. */
static void
a_document_makes_no_certificate_better_and_no_login_sooner(void **state)
{
	static const enum mt_discovery documents[] = {MT_DISCOVERY_PACC, MT_DISCOVERY_AUTOCONFIG};
	struct test_case c;

	for (size_t i = 0; i < MT_ARRAY_SIZE(documents); i++) {
		case_init(&c);
		c.facts.reference.discovery = documents[i];
		c.facts.reference.saved = c.facts.source_approved = true;
		case_fault(&c, MT_CERT_EXPIRED); /* an hour ago, or a year */
		case_expect(&c, "deny/0 [cert.expired, pin.not-offered-existing]");

		c.facts.reference.saved = false;
		c.facts.reference.confirmed = true;
		case_state(&c, MT_ACCOUNT_SETUP, MT_OP_TEST);
		case_expect(&c, "deny/0 [cert.expired, account.setup]");
		case_state(&c, MT_ACCOUNT_SETUP, MT_OP_AUTHENTICATE);
		assert_int_equal(case_decide(&c)->decision, MT_DECISION_DENY);
		assert_true(mt_verdict_has(&c.v, MT_REASON_CERT_EXPIRED));

		/* nor does a good one let anybody log in before the account is in use */
		case_init(&c);
		c.facts.reference.discovery = documents[i];
		c.facts.reference.confirmed = c.facts.source_approved = true;
		case_state(&c, MT_ACCOUNT_SETUP, MT_OP_TEST);
		assert_int_equal(case_decide(&c)->decision, MT_DECISION_ALLOW);
		case_state(&c, MT_ACCOUNT_SETUP, MT_OP_AUTHENTICATE);
		assert_int_equal(case_decide(&c)->decision, MT_DECISION_DENY);
		assert_true(mt_verdict_has(&c.v, MT_REASON_OP_NOT_PERMITTED));
	}
}

static void
row_13_a_source_that_can_be_tampered_with_is_confirmed_until_approved(void **state)
{
	static const bool confirms[MT_DISCOVERY_COUNT] = {
		[MT_DISCOVERY_UNKNOWN] = true,
		[MT_DISCOVERY_AUTOCONFIG] = true,
		[MT_DISCOVERY_AUTOCONFIG_HTTP] = true,
		[MT_DISCOVERY_PACC] = true,
	};
	struct test_case c;

	case_init(&c);
	case_state(&c, MT_ACCOUNT_SETUP, MT_OP_TEST);
	c.facts.reference.dnssec = MT_DNSSEC_SECURE;
	for (int source = 0; source < MT_DISCOVERY_COUNT; source++) {
		c.facts.reference.discovery = (enum mt_discovery)source;
		case_decide(&c);
		assert_int_equal(mt_verdict_has(&c.v, MT_REASON_DISCOVERY_UNVERIFIED_SOURCE),
				 confirms[source]);
		assert_int_equal(c.v.decision,
				 confirms[source] ? MT_DECISION_CONFIRM : MT_DECISION_ALLOW);
	}
	c.facts.reference.discovery = MT_DISCOVERY_PACC;
	c.facts.source_approved = true;
	case_expect(&c, MET);
}

static void
row_14_a_candidate_is_an_endpoint_only_in_setup(void **state)
{
	struct test_case c;

	case_init(&c);
	case_state(&c, MT_ACCOUNT_SETUP, MT_OP_TEST);
	case_expect(&c, MET);
	c.facts.state = MT_ACCOUNT_ACTIVE;
	case_expect(&c, "deny/0 [endpoint.not-configured]");
}

static void
row_14_an_endpoint_outside_endpoints_allow_is_not_configured(void **state)
{
	struct test_case c;

	case_init(&c);
	case_set_org(&c, "endpoints_allow", "*.example.test");
	case_expect(&c, MET);
	case_set_org(&c, "endpoints_allow", "*.other.test,example.test");
	case_expect(&c, "deny/0 [endpoint.not-configured]");
}

/* A fresh answer of signed DNS data names the server, as srv_mode=live permits. */
static void
live_srv(struct test_case *c)
{
	case_init(c);
	case_srv(c, "imap.example.test");
	case_set(c, "srv_mode", "live");
	c->facts.endpoint = MT_ENDPOINT_FRESH;
	c->facts.reference_is_fresh = true;
	c->facts.reference.saved = false;
	c->facts.reference.dnssec = MT_DNSSEC_SECURE;
}

static void
row_14_live_srv_may_name_the_server(void **state)
{
	struct test_case c;

	live_srv(&c);
	case_expect(&c, "allow/1 [srv.dnssec-secure, cert.pkix-valid, conf.met]");
}

static void
row_14_live_srv_needs_the_mode_a_signature_a_fresh_answer_and_the_domain(void **state)
{
	struct test_case c;

	live_srv(&c);
	case_set(&c, "srv_mode", "saved");
	case_expect(&c, "deny/0 [endpoint.not-configured]");
	live_srv(&c);
	c.facts.reference.dnssec = MT_DNSSEC_INSECURE;
	case_expect(&c, "deny/0 [endpoint.not-configured]");
	live_srv(&c);
	c.facts.reference.dnssec = MT_DNSSEC_BOGUS;
	case_expect(&c, "deny/0 [srv.bogus]");
	live_srv(&c);
	c.facts.reference_is_fresh = false;
	case_expect(&c, "deny/0 [endpoint.not-configured]");
	live_srv(&c);
	case_srv(&c, "mail.other.test");
	c.facts.reference.dnssec = MT_DNSSEC_SECURE;
	case_expect(&c, "deny/0 [endpoint.not-configured]");
}

static void
row_15_a_referral_leads_only_to_an_endpoint_of_the_account(void **state)
{
	struct test_case c;

	case_init(&c);
	strcpy(c.ev.referral_target, "evil.test");
	c.ev.present |= MT_BIT(MT_EV_REFERRAL_TARGET);
	c.facts.referral_known = true;
	case_expect(&c, MET);
	c.facts.referral_known = false;
	case_expect(&c, "deny/0 [referral.untrusted-target]");
}

static void
row_16_cleartext_on_an_implicit_port_is_denied_whatever_the_operation(void **state)
{
	struct test_case c;

	case_init(&c);
	case_cleartext(&c);
	case_reduced(&c);
	case_expect(&c, "awc/0 [tls.none, conf.disabled-by-user]");
	c.ev.port = 993;
	for (int op = MT_OP_CAPABILITY; op < MT_OP_COUNT; op++) {
		c.in.op = (enum mt_op)op;
		case_expect(&c, "deny/0 [transport.cleartext-on-tls-port]");
	}
}

static void
row_16_the_implicit_port_may_be_one_of_the_accounts_own(void **state)
{
	struct test_case c;

	case_init(&c);
	case_cleartext(&c);
	case_reduced(&c);
	c.ev.port = 10143;
	c.facts.configured = MT_TRANSPORT_STARTTLS;
	case_expect(&c, "awc/0 [tls.none, conf.disabled-by-user]");
	c.facts.configured = MT_TRANSPORT_IMPLICIT;
	case_expect(&c, "deny/0 [transport.cleartext-on-tls-port]");
}

static void
row_16_submission_does_not_read_a_greeting_in_clear_on_465(void **state)
{
	struct test_case c;

	case_init(&c);
	case_cleartext(&c);
	c.ev.proto = MT_PROTO_SUBMISSION;
	c.ev.port = 465;
	c.in.op = MT_OP_CAPABILITY;
	case_expect(&c, "deny/0 [transport.cleartext-on-tls-port]");
	c.ev.port = 587;
	case_expect(&c, "allow/0 [op.capability-only, tls.none]");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(row_10_bogus_srv_data_denies_whatever_they_name),
		cmocka_unit_test(
			row_11_an_unsigned_target_outside_the_domain_is_confirmed_for_every_operation),
		cmocka_unit_test(row_11_a_confirmation_or_a_signature_lets_the_target_pass),
		cmocka_unit_test(row_11_no_other_consent_confirms_a_target),
		cmocka_unit_test(row_11_a_policy_above_ask_denies_the_target),
		cmocka_unit_test(
			row_12_unsigned_srv_is_denied_under_the_strict_reading_until_saved),
		cmocka_unit_test(a_document_makes_no_certificate_better_and_no_login_sooner),
		cmocka_unit_test(rows_11_and_12_ask_about_a_document_that_leads_out_of_its_domain),
		cmocka_unit_test(
			row_13_a_source_that_can_be_tampered_with_is_confirmed_until_approved),
		cmocka_unit_test(row_14_a_candidate_is_an_endpoint_only_in_setup),
		cmocka_unit_test(row_14_an_endpoint_outside_endpoints_allow_is_not_configured),
		cmocka_unit_test(row_14_live_srv_may_name_the_server),
		cmocka_unit_test(
			row_14_live_srv_needs_the_mode_a_signature_a_fresh_answer_and_the_domain),
		cmocka_unit_test(row_15_a_referral_leads_only_to_an_endpoint_of_the_account),
		cmocka_unit_test(
			row_16_cleartext_on_an_implicit_port_is_denied_whatever_the_operation),
		cmocka_unit_test(row_16_the_implicit_port_may_be_one_of_the_accounts_own),
		cmocka_unit_test(row_16_submission_does_not_read_a_greeting_in_clear_on_465),
	};

	return cmocka_run_group_tests_name("rows-endpoint", tests, NULL, NULL);
}
