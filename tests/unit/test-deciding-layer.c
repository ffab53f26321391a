/* SPDX-License-Identifier: MIT */
/* Which layer decided (mt_src): that of the field that was not met. */

#include "tests/cmocka-all.h"

#include <string.h>

#include "tests/unit/case.h"

#define LEAF "ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff"

static void
show_nothing_else(struct test_case *c)
{
}

static void
show_bad_suite(struct test_case *c)
{
	strcpy(c->ev.tls_cipher, "TLS_AES_128_CCM_SHA256");
}

static void
show_tls_1_2(struct test_case *c)
{
	c->ev.tls_version = MT_TLS_VERSION_1_2;
	strcpy(c->ev.tls_cipher, "ECDHE-RSA-AES128-GCM-SHA256");
}

static void
show_no_revocation_answer(struct test_case *c)
{
	c->val.revocation = MT_REVOCATION_UNKNOWN;
}

static void
show_local_root(struct test_case *c)
{
	c->val.anchor = MT_ANCHOR_LOCAL;
}

static void
show_asserted(struct test_case *c)
{
	c->in.provenance = MT_PROVENANCE_ASSERTED;
}

static void
show_target(struct test_case *c)
{
	case_srv(c, "mail.other.test");
}

static void
show_unsigned_candidate(struct test_case *c)
{
	case_srv(c, "imap.example.test");
	case_state(c, MT_ACCOUNT_SETUP, MT_OP_TEST);
}

static void
show_fall(struct test_case *c)
{
	case_fault(c, MT_CERT_CHAIN_UNTRUSTED);
	case_reduced(c);
	c->facts.best = MT_LEVEL_TLS_AUTH;
}

static void
show_pin(struct test_case *c)
{
	case_fault(c, MT_CERT_CHAIN_UNTRUSTED);
	case_pin(c, 0x11);
	case_reduced(c);
}

static void
show_client_cert(struct test_case *c)
{
	show_tls_1_2(c);
	c->account.client_cert_allow.n = 1;
	c->ev.clientcert_requested = true;
	c->ev.present |= MT_BIT(MT_EV_CLIENTCERT_PRESENTED);
}

static void
show_imap(struct test_case *c)
{
	strcpy(c->ev.auth_mechanism, "PLAIN");
	c->ev.present |= MT_BIT(MT_EV_AUTH_MECHANISM);
}

static void
show_listed_client_cert(struct test_case *c)
{
	show_client_cert(c);
	memset(c->account.client_cert_allow.digest[0], 0, 32);
}

static void
show_contradiction(struct test_case *c)
{
	c->account.values[MT_FIELD_DANE_VETO] = MT_OFF;
	case_tlsa(c, false);
}

static void
show_revoked(struct test_case *c)
{
	c->account.values[MT_FIELD_REVOCATION] = MT_REVOCATION_OFF;
	c->val.revocation = MT_REVOCATION_REVOKED;
}

static void
the_layer_of_the_field_that_decided_is_the_verdicts(void **state)
{
	static const struct {
		const char *field, *value;
		void (*show)(struct test_case *c);
	} cases[] = {
		{"tls_min", "1.3", show_tls_1_2},
		{"transport_min", "implicit", case_starttls},
		{"cipher_profile", "recommended-only", show_bad_suite},
		{"proof", "dane", show_nothing_else},
		{"revocation", "hard", show_no_revocation_answer},
		{"local_roots", "reject", show_local_root},
		{"pinning", "forbidden", show_pin},
		{"srv_trust", "in-domain", show_target},
		{"srv_trust", "dnssec", show_unsigned_candidate},
		{"evidence_min", "attested", show_asserted},
		{"channel_binding", "require", show_nothing_else},
		{"client_cert_tls_min", "1.3", show_client_cert},
		{"downgrade_action", "deny", show_fall},
		{"protocols", "pop3", show_imap},
		{"endpoints_allow", "*.other.test", show_nothing_else},
		{"auth_mechs", "EXTERNAL", show_imap},
		{"client_cert_allow", LEAF, show_listed_client_cert},
		{"dane_veto", "on", show_contradiction},
		{"revocation", "staple", show_revoked},
		{"static_pins", "imap.example.test=" LEAF, show_nothing_else},
	};

	for (size_t i = 0; i < MT_ARRAY_SIZE(cases); i++) {
		struct test_case c;

		case_init(&c);
		cases[i].show(&c);
		case_decide(&c);
		assert_true(c.v.layer <= MT_LAYER_ACCOUNT);
		case_set_org(&c, cases[i].field, cases[i].value);
		case_decide(&c);
		assert_int_equal(c.v.decision, MT_DECISION_DENY);
		if (c.v.layer != MT_LAYER_ORG)
			fail_msg("%s: layer %s", cases[i].field, mt_layer_to_string(c.v.layer));
	}
}

static void
a_minimum_of_the_organisation_is_its_decision(void **state)
{
	struct test_case c;

	case_init(&c);
	case_cleartext(&c);
	case_reduced(&c);
	case_set_org(&c, "min_conf", "on");
	case_expect(&c, "deny/0 [tls.none, policy.org-minimum]");
	assert_int_equal(c.v.layer, MT_LAYER_ORG);
}

static void
what_a_field_of_the_account_decides_is_not_the_organisations(void **state)
{
	struct test_case c;

	case_init(&c);
	c.account.values[MT_FIELD_MIN_CONF] = MT_OFF;
	c.account.values[MT_FIELD_EVIDENCE_MIN] = MT_EVIDENCE_MIN_ATTESTED;
	show_asserted(&c);
	case_set_org(&c, "min_conf", "on");
	case_expect(&c, "deny/0 [evidence.asserted-only]");
	assert_int_equal(c.v.layer, MT_LAYER_ACCOUNT);
}

static void
a_request_that_asks_for_more_is_its_own_decision(void **state)
{
	struct test_case c;

	case_init(&c);
	case_starttls(&c);
	c.has_request = true;
	assert_int_equal(mt_minimum_set_text(&c.request, "transport_min", "implicit", false), 0);
	case_expect(&c, "deny/0 [transport.not-implicit, cert.pkix-valid]");
	assert_int_equal(c.v.layer, MT_LAYER_REQUEST);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_layer_of_the_field_that_decided_is_the_verdicts),
		cmocka_unit_test(a_minimum_of_the_organisation_is_its_decision),
		cmocka_unit_test(what_a_field_of_the_account_decides_is_not_the_organisations),
		cmocka_unit_test(a_request_that_asks_for_more_is_its_own_decision),
	};

	return cmocka_run_group_tests_name("deciding-layer", tests, NULL, NULL);
}
