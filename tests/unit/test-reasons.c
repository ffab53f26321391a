/* SPDX-License-Identifier: MIT */
/* The closed list of reason codes, held against a second writing of REQUIREMENTS Part 3. */

#include "tests/cmocka-all.h"

#include <stdlib.h>
#include <string.h>

#include "policy/reason.h"
#include "policy/verdict.h"

#define DENY MT_EFFECT_DENY
#define CONFIRM MT_EFFECT_CONFIRM
#define AWC MT_EFFECT_AWC
#define INFO MT_EFFECT_INFO
#define NEVER MT_EFFECT_NEVER

/* clang-format off */
/* Code, effect with the minimum on and off, requirements. Where Part 3 leaves an effect to a policy
 * field, this is the one the list keeps to. */
static const struct {
	const char *code;
	enum mt_effect on, off;
	const char *clause;
} catalogue[] = {
	{"tls.none", DENY, AWC, "R-5-04 R-5.2-09 R-5.1-07"},
	{"tls.version-below-floor", DENY, AWC, "R-5-09 R-5-12 R-5.2-04 D-TLS-01 D-TLS-02"},
	{"tls.version-below-policy", DENY, AWC, "R-5-06 D-TLS-14"},
	{"tls.cipher-forbidden", DENY, AWC, "R-5-13 D-TLS-05"},
	{"tls.cipher-below-policy", DENY, AWC, "R-5-13 D-TLS-08"},
	{"tls.legacy-handshake", DENY, AWC, "D-TLS-09"},
	{"tls.handshake-failed", DENY, DENY, "D-TLS-01 D-ID-16"},
	{"tls.alpn-mismatch", DENY, DENY, "D-TLS-11 D-TLS-17"},
	{"tls.early-data", DENY, DENY, "D-TLS-10"},
	{"tls.resumed-weaker", DENY, AWC, "D-TLS-12"},
	{"tls.truncated", INFO, INFO, "D-TLS-15"},
	{"transport.not-implicit", DENY, AWC, "D-TLS-13"},
	{"transport.starttls-used", INFO, INFO, "R-5.2-13 D-TLS-13"},
	{"transport.cleartext-on-tls-port", DENY, DENY, "D-IANA-02 D-IANA-01"},
	{"starttls.not-offered", DENY, AWC, "D-STLS-07 R-5.2-13"},
	{"starttls.refused", DENY, AWC, "D-STLS-07"},
	{"starttls.bad-greeting", DENY, DENY, "D-STLS-12 D-STLS-13"},
	{"starttls.preauth-before-tls", DENY, AWC, "D-STLS-03"},
	{"starttls.response-injected", DENY, DENY, "D-STLS-04 D-STLS-01"},
	{"starttls.capabilities-stale", DENY, DENY, "D-STLS-02"},
	{"starttls.pretls-data-ignored", INFO, INFO, "D-STLS-06 D-STLS-11"},
	{"referral.untrusted-target", DENY, DENY, "D-STLS-08"},
	{"cert.pkix-valid", INFO, INFO, "R-5.3-01 R-5.3-02 R-5-05"},
	{"cert.absent", DENY, AWC, "R-5.2-03 D-STLS-17"},
	{"cert.malformed", DENY, DENY, "D-PKIX-09"},
	{"cert.chain-untrusted", DENY, AWC, "R-5-05 R-5.2-03 R-5.4-02"},
	{"cert.expired", DENY, AWC, "R-5.2-03 R-5.4-02 D-DISC-06"},
	{"cert.not-yet-valid", DENY, AWC, "D-PKIX-01"},
	{"cert.identity-mismatch", DENY, AWC, "R-5.3-01 R-5.4-02 D-ID-02 D-ID-07 D-ID-21"},
	{"cert.cn-only", INFO, INFO, "D-ID-08"},
	{"cert.constraint-violation", DENY, AWC, "R-5.3-02 D-PKIX-01 D-PKIX-02 D-ID-18"},
	{"cert.weak-crypto", DENY, AWC, "D-PKIX-03"},
	{"cert.revoked", DENY, DENY, "D-PKIX-04 D-PKIX-06"},
	{"cert.revocation-unknown", INFO, INFO, "D-PKIX-04"},
	{"cert.staple-missing", DENY, AWC, "D-PKIX-05"},
	{"cert.local-trust-anchor", INFO, INFO, "R-6-02 D-PKIX-07"},
	{"pin.matched", DENY, AWC, "R-5.3-04 R-5.3-05 R-5.4-10"},
	{"pin.not-sufficient", DENY, INFO, "R-5.3-05 R-5.4-09"},
	{"pin.mismatch", DENY, DENY, "R-5.4-03 D-STLS-09 D-ID-20"},
	{"pin.offer-available", NEVER, CONFIRM, "R-5.4-02 R-5.4-01"},
	{"pin.not-offered-existing", INFO, INFO, "R-5.4-05 R-5.4-06"},
	{"pin.forbidden-by-policy", DENY, DENY, "R-5.3-04"},
	{"pin.other-account", INFO, INFO, "R-5.4-07"},
	{"pin.superseded", INFO, INFO, "R-5.4-09 D-ID-20"},
	{"dane.matched", INFO, INFO, "R-5.3-03 D-DANE-03 D-DANE-04"},
	{"dane.mismatch", DENY, DENY, "D-DANE-04 D-DANE-07 D-DANE-09"},
	{"dane.bogus", DENY, DENY, "D-DANE-01"},
	{"dane.undetermined", DENY, DENY, "D-DANE-01"},
	{"dane.unusable", INFO, INFO, "D-DANE-05 D-DANE-06 D-DANE-08"},
	{"dane.absent", INFO, INFO, "D-DANE-01 D-DANE-02"},
	{"dane.required-missing", DENY, AWC, "D-DANE-15"},
	{"dane.tls-required", DENY, DENY, "D-DANE-08 D-DANE-09"},
	{"srv.dnssec-secure", INFO, INFO, "R-5.1-11 D-ID-03"},
	{"srv.insecure", INFO, INFO, "R-5.1-11 D-DANE-02"},
	{"srv.bogus", DENY, DENY, "R-5.1-11 R-5.1-13"},
	{"srv.target-out-of-domain", CONFIRM, CONFIRM, "R-5.1-12 D-SRV-12"},
	{"srv.service-not-offered", INFO, INFO, "D-SRV-02"},
	{"srv.candidate-below-minimum", INFO, INFO, "R-5.1-03 R-5.1-05 D-DISC-03"},
	{"srv.no-tls-advertised", CONFIRM, CONFIRM, "R-5.1-06 R-5.1-07"},
	{"srv.changed", INFO, INFO, "R-5.1-15 R-5.1-16 D-SRV-06"},
	{"srv.changed-weaker", INFO, INFO, "R-5.1-15 D-SRV-07"},
	{"srv.upgrade-available", INFO, INFO, "R-5-14 R-5-15 R-5.1-16"},
	{"discovery.unverified-source", CONFIRM, CONFIRM, "D-DISC-02 R-5-02"},
	{"endpoint.not-configured", DENY, DENY, "R-5.1-13 D-STLS-08"},
	{"conf.met", INFO, INFO, "R-5-09 R-6-04 R-5.2-03"},
	{"conf.disabled-by-user", NEVER, INFO, "R-5.2-06 R-5.2-07 R-5-03"},
	{"conf.warning-required", NEVER, CONFIRM, "R-5.2-08 R-5.1-07"},
	{"conf.downgraded", NEVER, INFO, "R-5.2-13 R-5-14"},
	{"op.capability-only", INFO, INFO, "R-5.2-09"},
	{"op.test-needs-warning", NEVER, CONFIRM, "R-5.1-09 R-5.1-10"},
	{"op.not-permitted", DENY, DENY, "R-5.2-09 D-SYS-08"},
	{"auth.login-disabled", DENY, DENY, "D-SASL-05"},
	{"auth.mechanism-forbidden", DENY, DENY, "D-SASL-10 R-5.5-11 D-SASL-06"},
	{"auth.channel-binding-missing", DENY, DENY, "D-CB-05"},
	{"clientcert.authorized", INFO, INFO, "R-5.5-01 R-5.5-04 R-5.5-06 R-5.5-07"},
	{"clientcert.not-requested", DENY, DENY, "R-5.5-02"},
	{"clientcert.not-authorized", DENY, DENY, "R-5.5-03 R-5.5-05"},
	{"clientcert.not-implicit", DENY, DENY, "R-5.5-01 D-SASL-08"},
	{"clientcert.identity-exposed", INFO, INFO, "R-8-02 R-8-04 R-5.5-08"},
	{"account.unknown", DENY, DENY, "D-SYS-02"},
	{"account.not-owner", DENY, DENY, "D-SYS-02"},
	{"account.setup", INFO, INFO, "R-5.4-01 R-5.1-09"},
	{"account.suspended", DENY, DENY, "R-5-04 D-SYS-09"},
	{"policy.expired", INFO, INFO, "R-5.2-05"},
	{"policy.org-minimum", INFO, INFO, "R-5-06 R-5.5-06"},
	{"policy.org-override-refused", DENY, DENY, "R-5.2-06 R-5.2-07"},
	{"policy.unsatisfiable", DENY, DENY, "R-5-06"},
	{"policy.org-invalid", INFO, INFO, "D-SYS-06"},
	{"evidence.incomplete", DENY, DENY, "R-5.4-01 D-PKIX-05"},
	{"evidence.inconsistent", DENY, DENY, "D-CB-03"},
	{"evidence.stale", DENY, DENY, "D-JOSE-13 D-SYS-09"},
	{"evidence.asserted-only", INFO, INFO, "D-SYS-01"},
	{"clock.untrusted", DENY, DENY, "D-PKIX-08"},
	{"verdict.expired", DENY, DENY, "D-JOSE-04 D-JOSE-10"},
	{"verdict.signature-invalid", DENY, DENY, "D-JOSE-01 D-JOSE-02 D-JOSE-07 D-JOSE-08 D-JOSE-09"},
	{"verdict.binding-mismatch", DENY, DENY, "D-CB-06 D-JOSE-13"},
	{"daemon.unavailable", DENY, DENY, "D-SYS-04"},
	{"daemon.degraded", DENY, DENY, "D-SYS-04 D-SYS-10"},
};
/* clang-format on */

static void
the_list_is_the_catalogues_in_its_order(void **state)
{
	assert_int_equal(MT_ARRAY_SIZE(catalogue), MT_REASON_COUNT);
	for (int i = 0; i < MT_REASON_COUNT; i++)
		assert_string_equal(mt_reason_to_string((enum mt_reason)i), catalogue[i].code);
}

static void
every_code_has_the_catalogues_effect(void **state)
{
	for (int i = 0; i < MT_REASON_COUNT; i++) {
		if (mt_reason_effect((enum mt_reason)i, true) != catalogue[i].on)
			fail_msg("%s, minimum on", catalogue[i].code);
		if (mt_reason_effect((enum mt_reason)i, false) != catalogue[i].off)
			fail_msg("%s, minimum off", catalogue[i].code);
	}
}

static void
every_code_names_its_requirements(void **state)
{
	for (int i = 0; i < MT_REASON_COUNT; i++)
		assert_string_equal(mt_reason_clause((enum mt_reason)i), catalogue[i].clause);
}

static void
every_code_reads_back(void **state)
{
	enum mt_reason reason = MT_REASON_CONF_MET;

	for (int i = 0; i < MT_REASON_COUNT; i++) {
		assert_int_equal(mt_reason_from_string(catalogue[i].code, &reason), 0);
		assert_int_equal(reason, i);
	}
}

/* Part 3: a verifier that meets an unknown code treats the verdict as deny; so it must notice. */
static void
what_is_no_code_is_refused_and_leaves_the_value(void **state)
{
	static const char *const strings[] = {"",          "tls",       "tls.",     "TLS.NONE",
					      "tls.none ", "tls.nonex", "conf.fine"};
	enum mt_reason reason = MT_REASON_TLS_NONE;

	for (size_t i = 0; i < MT_ARRAY_SIZE(strings); i++) {
		assert_int_equal(mt_reason_from_string(strings[i], &reason), 1);
		assert_int_equal(reason, MT_REASON_TLS_NONE);
	}
}

static void
a_code_is_a_stable_identifier(void **state)
{
	static const char allowed[] = "abcdefghijklmnopqrstuvwxyz-.";

	for (int i = 0; i < MT_REASON_COUNT; i++) {
		const char *code = mt_reason_to_string((enum mt_reason)i);

		assert_int_equal(strspn(code, allowed), strlen(code));
		assert_ptr_equal(strchr(code, '.'), strrchr(code, '.'));
	}
}

static void
every_code_has_a_sentence_for_people(void **state)
{
	for (int i = 0; i < MT_REASON_COUNT; i++) {
		const char *sentence = mt_reason_sentence((enum mt_reason)i);
		size_t size = strlen(sentence);

		assert_in_range(size, 10, 120);
		assert_in_range(sentence[0], 'A', 'Z');
		assert_int_equal(sentence[size - 1], '.');
		assert_null(strstr(sentence, mt_reason_to_string((enum mt_reason)i)));
	}
}

/* R-6-04, R-6-03: the path to the server, and nothing more. */
static void
no_sentence_promises_more_than_a_private_path(void **state)
{
	static const char *const words[] = {" safe", "end to end", "end-to-end", " trusted"};

	assert_string_equal(mt_reason_sentence(MT_REASON_CONF_MET),
			    "The path to your mail server is private.");
	for (int i = 0; i < MT_REASON_COUNT; i++)
		for (size_t j = 0; j < MT_ARRAY_SIZE(words); j++)
			assert_null(strstr(mt_reason_sentence((enum mt_reason)i), words[j]));
}

/* R-5.2-10, R-5.4-06: with the minimum on, no code leads to anything one could click through. */
static void
no_code_asks_for_consent_under_the_minimum_but_for_the_endpoint(void **state)
{
	static const bool asks[MT_REASON_COUNT] = {
		[MT_REASON_SRV_TARGET_OUT_OF_DOMAIN] = true,
		[MT_REASON_SRV_NO_TLS_ADVERTISED] = true,
		[MT_REASON_DISCOVERY_UNVERIFIED_SOURCE] = true,
	};

	for (int i = 0; i < MT_REASON_COUNT; i++) {
		enum mt_effect effect = mt_reason_effect((enum mt_reason)i, true);

		assert_int_not_equal(effect, AWC);
		assert_int_equal(effect == CONFIRM, asks[i]);
	}
}

static void
a_verdict_holds_a_reason_once_and_in_order(void **state)
{
	struct mt_verdict v = {0};

	assert_int_equal(v.decision, MT_DECISION_DENY);
	assert_false(mt_verdict_has(&v, MT_REASON_TLS_NONE));
	mt_verdict_add(&v, MT_REASON_CONF_MET);
	mt_verdict_add(&v, MT_REASON_TLS_NONE);
	mt_verdict_add(&v, MT_REASON_CONF_MET);
	assert_int_equal(v.n_reasons, 2);
	assert_int_equal(v.reasons[0], MT_REASON_CONF_MET);
	assert_int_equal(v.reasons[1], MT_REASON_TLS_NONE);
	assert_true(mt_verdict_has(&v, MT_REASON_TLS_NONE));
}

static void
decisions_have_names(void **state)
{
	static const char *const names[MT_DECISION_COUNT] = {"deny", "confirm", "awc", "allow"};
	enum mt_decision decision = MT_DECISION_CONFIRM;

	assert_int_equal(mt_decision_from_string("permit", &decision), 1);
	assert_int_equal(decision, MT_DECISION_CONFIRM);
	for (int i = 0; i < MT_DECISION_COUNT; i++) {
		assert_string_equal(mt_decision_to_string((enum mt_decision)i), names[i]);
		assert_int_equal(mt_decision_from_string(names[i], &decision), 0);
		assert_int_equal(decision, i);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_list_is_the_catalogues_in_its_order),
		cmocka_unit_test(every_code_has_the_catalogues_effect),
		cmocka_unit_test(every_code_names_its_requirements),
		cmocka_unit_test(every_code_reads_back),
		cmocka_unit_test(what_is_no_code_is_refused_and_leaves_the_value),
		cmocka_unit_test(a_code_is_a_stable_identifier),
		cmocka_unit_test(every_code_has_a_sentence_for_people),
		cmocka_unit_test(no_sentence_promises_more_than_a_private_path),
		cmocka_unit_test(no_code_asks_for_consent_under_the_minimum_but_for_the_endpoint),
		cmocka_unit_test(a_verdict_holds_a_reason_once_and_in_order),
		cmocka_unit_test(decisions_have_names),
	};

	return cmocka_run_group_tests_name("reasons", tests, NULL, NULL);
}
