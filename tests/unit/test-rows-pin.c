/* SPDX-License-Identifier: MIT */
/* Rows 35 and 36 of the decision table: pins, and whether the connection is confidential. */

#include "tests/cmocka-all.h"

#include "tests/unit/case.h"

#define MET "allow/1 [cert.pkix-valid, conf.met]"

static void
row_35_the_pinned_leaf_is_recognised_and_never_confidential(void **state)
{
	struct test_case c;

	case_init(&c);
	case_fault(&c, MT_CERT_CHAIN_UNTRUSTED);
	case_reduced(&c);
	case_expect(&c, "awc/0 [cert.chain-untrusted, conf.disabled-by-user]");
	case_pin(&c, 0x11);
	case_expect(&c, "awc/0 [cert.chain-untrusted, pin.matched, conf.disabled-by-user]");
}

static void
row_35_any_of_the_pins_of_the_host_will_do(void **state)
{
	struct test_case c;

	case_init(&c);
	case_fault(&c, MT_CERT_EXPIRED);
	case_reduced(&c);
	case_pin(&c, 0x22);
	case_expect(&c, "deny/0 [cert.expired, pin.mismatch]");
	case_pin(&c, 0x11);
	case_expect(&c, "awc/0 [cert.expired, pin.matched, conf.disabled-by-user]");
}

static void
row_35_a_pinned_host_in_clear_is_a_mismatch(void **state)
{
	struct test_case c;

	case_init(&c);
	case_cleartext(&c);
	case_reduced(&c);
	case_expect(&c, "awc/0 [tls.none, conf.disabled-by-user]");
	case_pin(&c, 0x11);
	case_expect(&c, "deny/0 [tls.none, pin.mismatch]");
}

/* A resumed session shows no chain: its leaf is known by the digest that was stated. */
static void
row_35_knows_a_leaf_that_was_not_judged_by_its_digest(void **state)
{
	struct test_case c;

	case_init(&c);
	c.val.state = MT_VALIDATION_NO_CHAIN;
	c.val.pkix_valid = false;
	case_reduced(&c);
	case_pin(&c, 0x11);
	case_expect(&c, "awc/0 [cert.absent, pin.matched, conf.disabled-by-user]");
	c.ev.leaf_sha256[0] ^= 1;
	case_expect(&c, "deny/0 [cert.absent, pin.mismatch]");
	c.ev.leaf_sha256[0] ^= 1;
	c.ev.present &= ~MT_BIT(MT_EV_LEAF_SHA256);
	case_expect(&c, "deny/0 [cert.absent, pin.mismatch]");
}

static void
row_35_a_pin_may_be_forbidden(void **state)
{
	struct test_case c;

	case_init(&c);
	case_fault(&c, MT_CERT_CHAIN_UNTRUSTED);
	case_reduced(&c);
	case_pin(&c, 0x11);
	case_set_org(&c, "pinning", "forbidden");
	case_expect(&c, "deny/0 [cert.chain-untrusted, pin.forbidden-by-policy]");
	assert_int_equal(c.v.layer, MT_LAYER_ORG);
}

static void
row_35_a_server_that_proved_itself_supersedes_its_pin(void **state)
{
	struct test_case c;

	case_init(&c);
	case_pin(&c, 0x22);
	case_set(&c, "pinning", "forbidden");
	case_expect(&c, "allow/1 [cert.pkix-valid, pin.superseded, conf.met]");
	case_fault(&c, MT_CERT_CHAIN_UNTRUSTED);
	case_tlsa(&c, true);
	case_expect(&c, "allow/1 [dane.matched, cert.chain-untrusted, pin.superseded, conf.met]");
}

static void
row_35_a_pin_of_another_account_is_only_logged(void **state)
{
	struct test_case c;

	case_init(&c);
	case_fault(&c, MT_CERT_CHAIN_UNTRUSTED);
	c.facts.pin_elsewhere = true;
	case_expect(&c, "deny/0 [cert.chain-untrusted, pin.not-offered-existing]");
	assert_true(c.v.log_pin_other_account);
}

/* The digests of the leaf 0x11..., and of 0x22... */
#define HEX_8(byte) byte byte byte byte byte byte byte byte
#define HEX_32(byte) HEX_8(byte) HEX_8(byte) HEX_8(byte) HEX_8(byte)

static void
row_35a_a_host_named_by_the_organisation_shows_one_of_its_leaves(void **state)
{
	struct test_case c;

	case_init(&c);
	case_set_org(&c, "static_pins", "imap.example.test=" HEX_32("22"));
	case_expect(&c, "deny/0 [cert.pkix-valid, pin.mismatch]");
	case_set_org(&c, "static_pins",
		     "imap.example.test=" HEX_32("22") ",imap.example.test=" HEX_32("11"));
	case_expect(&c, MET);
	case_set_org(&c, "static_pins", "other.example.test=" HEX_32("22"));
	case_expect(&c, MET);
}

static void
row_35a_holds_under_dane_and_in_clear(void **state)
{
	struct test_case c;

	case_init(&c);
	case_tlsa(&c, true);
	case_set_org(&c, "static_pins", "imap.example.test=" HEX_32("22"));
	case_expect(&c, "deny/0 [dane.matched, cert.pkix-valid, pin.mismatch]");
	case_init(&c);
	case_cleartext(&c);
	case_reduced(&c);
	case_set_org(&c, "static_pins", "imap.example.test=" HEX_32("11"));
	case_expect(&c, "deny/0 [tls.none, pin.mismatch]");
}

static void
row_36_a_local_root_is_accepted_flagged_or_rejected(void **state)
{
	static const struct {
		const char *local_roots, *expected;
	} cases[] = {
		{"accept", MET},
		{"flag", "allow/1 [cert.pkix-valid, cert.local-trust-anchor, conf.met]"},
		{"reject", "deny/0 [cert.pkix-valid, cert.local-trust-anchor]"},
	};
	struct test_case c;

	case_init(&c);
	for (size_t i = 0; i < MT_ARRAY_SIZE(cases); i++) {
		case_set(&c, "local_roots", cases[i].local_roots);
		c.val.anchor = MT_ANCHOR_LOCAL;
		case_expect(&c, cases[i].expected);
		c.val.anchor = MT_ANCHOR_SYSTEM;
		case_expect(&c, MET);
	}
}

static void
row_36_a_rejected_local_root_does_not_matter_beside_dane(void **state)
{
	struct test_case c;

	case_init(&c);
	case_tlsa(&c, true);
	c.val.anchor = MT_ANCHOR_LOCAL;
	case_set(&c, "local_roots", "reject");
	case_expect(&c, "allow/1 [dane.matched, cert.pkix-valid, cert.local-trust-anchor, "
			"conf.met]");
}

static void
row_36_a_transport_fault_outweighs_any_proof(void **state)
{
	struct test_case c;

	case_init(&c);
	case_tlsa(&c, true);
	c.ev.tls_resumed = true;
	case_expect(&c, "deny/0 [tls.resumed-weaker, dane.matched, cert.pkix-valid]");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(row_35_the_pinned_leaf_is_recognised_and_never_confidential),
		cmocka_unit_test(row_35_any_of_the_pins_of_the_host_will_do),
		cmocka_unit_test(row_35_a_pinned_host_in_clear_is_a_mismatch),
		cmocka_unit_test(row_35_knows_a_leaf_that_was_not_judged_by_its_digest),
		cmocka_unit_test(row_35_a_pin_may_be_forbidden),
		cmocka_unit_test(row_35_a_server_that_proved_itself_supersedes_its_pin),
		cmocka_unit_test(row_35_a_pin_of_another_account_is_only_logged),
		cmocka_unit_test(row_35a_a_host_named_by_the_organisation_shows_one_of_its_leaves),
		cmocka_unit_test(row_35a_holds_under_dane_and_in_clear),
		cmocka_unit_test(row_36_a_local_root_is_accepted_flagged_or_rejected),
		cmocka_unit_test(row_36_a_rejected_local_root_does_not_matter_beside_dane),
		cmocka_unit_test(row_36_a_transport_fault_outweighs_any_proof),
	};

	return cmocka_run_group_tests_name("rows-pin", tests, NULL, NULL);
}
