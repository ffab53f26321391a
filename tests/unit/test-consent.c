/* SPDX-License-Identifier: MIT */
/* Consents: bound to one kind, one endpoint, one leaf, one span of time; and what people read. */

#include "tests/cmocka-all.h"

#include <string.h>

#include "policy/consent.h"

#define NOW INT64_C(1767225600000000)

static const uint8_t leaf[32] = {0x11}, other_leaf[32] = {0x22};

/* What each kind is bound to besides the account. */
static const struct {
	const char *name;
	bool endpoint, host, leaf;
} bound[MT_CONSENT_KIND_COUNT] = {
	[MT_CONSENT_REDUCED_CONFIDENTIALITY] = {"reduced-confidentiality", false, false, false},
	[MT_CONSENT_PASSWORD_EXPOSURE] = {"password-exposure", true, true, false},
	[MT_CONSENT_PIN] = {"pin", false, true, true},
	[MT_CONSENT_SRV_TARGET] = {"srv-target", false, true, false},
	[MT_CONSENT_DOWNGRADE] = {"downgrade", true, true, false},
};

/* A well-formed consent of the kind, to imap.example.test:143. */
static struct mt_consent
consent_of(enum mt_consent_kind kind)
{
	struct mt_consent consent = {
		.kind = kind,
		.text_version = MT_CONSENT_TEXT_VERSION,
		.uid = 1000,
		.given_at_usec = NOW,
		.expires_usec = INT64_MAX,
	};

	if (bound[kind].host)
		strcpy(consent.host, "imap.example.test");
	if (bound[kind].endpoint) {
		consent.proto = MT_PROTO_IMAP;
		consent.port = 143;
	}
	if (bound[kind].leaf)
		memcpy(consent.leaf_sha256, leaf, 32);
	return consent;
}

static bool
applies(const struct mt_consent *consent, enum mt_consent_kind kind)
{
	return mt_consent_applies(consent, kind, MT_PROTO_IMAP, "imap.example.test", 143, leaf,
				  NOW);
}

/* D-SYS-07 */
static void
no_kind_stands_for_another(void **state)
{
	for (int given = 0; given < MT_CONSENT_KIND_COUNT; given++) {
		struct mt_consent consent = consent_of((enum mt_consent_kind)given);

		for (int asked = 0; asked < MT_CONSENT_KIND_COUNT; asked++)
			assert_int_equal(applies(&consent, (enum mt_consent_kind)asked),
					 given == asked);
	}
}

static void
each_kind_holds_for_what_it_is_bound_to_and_nothing_else(void **state)
{
	for (int i = 0; i < MT_CONSENT_KIND_COUNT; i++) {
		enum mt_consent_kind kind = (enum mt_consent_kind)i;
		struct mt_consent c = consent_of(kind);
		const char *host = "imap.example.test";

		assert_int_equal(mt_consent_applies(&c, kind, MT_PROTO_IMAP, "imap.other.test", 143,
						    leaf, NOW),
				 !bound[i].host);
		assert_int_equal(mt_consent_applies(&c, kind, MT_PROTO_IMAP, NULL, 143, leaf, NOW),
				 !bound[i].host);
		assert_int_equal(mt_consent_applies(&c, kind, MT_PROTO_POP3, host, 143, leaf, NOW),
				 !bound[i].endpoint);
		assert_int_equal(mt_consent_applies(&c, kind, MT_PROTO_IMAP, host, 144, leaf, NOW),
				 !bound[i].endpoint);
		assert_int_equal(
			mt_consent_applies(&c, kind, MT_PROTO_IMAP, host, 143, other_leaf, NOW),
			!bound[i].leaf);
		assert_int_equal(mt_consent_applies(&c, kind, MT_PROTO_IMAP, host, 143, NULL, NOW),
				 !bound[i].leaf);
	}
}

static void
a_host_is_the_same_in_any_case(void **state)
{
	struct mt_consent c = consent_of(MT_CONSENT_SRV_TARGET);

	assert_true(mt_consent_applies(&c, MT_CONSENT_SRV_TARGET, MT_PROTO_UNKNOWN,
				       "IMAP.Example.Test.", 0, NULL, NOW));
}

/* R-5.1-10: ten minutes; an expired consent is as if never given (4.7). */
static void
a_consent_ends_at_its_expiry(void **state)
{
	struct mt_consent c = consent_of(MT_CONSENT_PASSWORD_EXPOSURE);

	c.given_at_usec = NOW - MT_PASSWORD_CONSENT_USEC;
	c.expires_usec = NOW + 1;
	assert_true(applies(&c, c.kind));
	c.expires_usec = NOW;
	assert_false(applies(&c, c.kind));
	assert_int_equal(MT_PASSWORD_CONSENT_USEC, INT64_C(600000000));
}

/* A clock that was set back does not prolong what was given in its future. */
static void
a_consent_does_not_hold_before_it_was_given(void **state)
{
	struct mt_consent c = consent_of(MT_CONSENT_PASSWORD_EXPOSURE);

	c.given_at_usec = NOW + MT_EVIDENCE_AHEAD_MAX_USEC;
	assert_true(applies(&c, c.kind));
	c.given_at_usec++;
	assert_false(applies(&c, c.kind));
}

static void
a_consent_is_well_formed_with_exactly_what_its_kind_needs(void **state)
{
	for (int i = 0; i < MT_CONSENT_KIND_COUNT; i++) {
		struct mt_consent c = consent_of((enum mt_consent_kind)i);

		assert_true(mt_consent_is_well_formed(&c));
		strcpy(c.host, bound[i].host ? "" : "imap.example.test");
		assert_false(mt_consent_is_well_formed(&c));
		c = consent_of((enum mt_consent_kind)i);
		c.port = bound[i].endpoint ? 0 : 143;
		assert_false(mt_consent_is_well_formed(&c));
		c = consent_of((enum mt_consent_kind)i);
		c.proto = bound[i].endpoint ? MT_PROTO_UNKNOWN : MT_PROTO_IMAP;
		assert_false(mt_consent_is_well_formed(&c));
		c = consent_of((enum mt_consent_kind)i);
		c.leaf_sha256[0] = bound[i].leaf ? 0 : 1;
		assert_false(mt_consent_is_well_formed(&c));
		c = consent_of((enum mt_consent_kind)i);
		c.text_version = 0;
		assert_false(mt_consent_is_well_formed(&c));
	}
}

static void
a_consent_of_no_kind_or_protocol_is_malformed(void **state)
{
	struct mt_consent c = consent_of(MT_CONSENT_DOWNGRADE);

	c.proto = (enum mt_proto)MT_PROTO_COUNT;
	assert_false(mt_consent_is_well_formed(&c));
	c = consent_of(MT_CONSENT_DOWNGRADE);
	c.kind = (enum mt_consent_kind)MT_CONSENT_KIND_COUNT;
	assert_false(mt_consent_is_well_formed(&c));
}

static void
kinds_have_names(void **state)
{
	enum mt_consent_kind kind = MT_CONSENT_PIN;

	assert_int_equal(mt_consent_kind_from_string("click-through", &kind), 1);
	assert_int_equal(kind, MT_CONSENT_PIN);
	for (int i = 0; i < MT_CONSENT_KIND_COUNT; i++) {
		assert_string_equal(mt_consent_kind_to_string((enum mt_consent_kind)i),
				    bound[i].name);
		assert_int_equal(mt_consent_kind_from_string(bound[i].name, &kind), 0);
		assert_int_equal(kind, i);
	}
}

/* R-5.1-08: the review gate. */
static void
every_warning_says_what_the_risk_is(void **state)
{
	static const char *const substance[] = {"not encrypted", "thers can read",
						"password and messages"};

	for (int i = 0; i < MT_CONSENT_KIND_COUNT; i++)
		for (size_t j = 0; j < MT_ARRAY_SIZE(substance); j++)
			if (!strstr(mt_consent_text((enum mt_consent_kind)i), substance[j]))
				fail_msg("%s does not say \"%s\"", bound[i].name, substance[j]);
}

/* R-5.1-08: a word that changes changes the version, which every consent on record names. */
static void
the_words_of_a_version_are_those_it_had(void **state)
{
	static const uint32_t words_of_version[] = {0, 1308191862u, 3029072722u};
	uint32_t sum = 2166136261;

	for (int i = 0; i < MT_CONSENT_KIND_COUNT; i++)
		for (const char *c = mt_consent_text((enum mt_consent_kind)i); *c; c++)
			sum = (sum ^ (uint8_t)*c) * 16777619; /* FNV-1a */
	assert_true(MT_CONSENT_TEXT_VERSION < MT_ARRAY_SIZE(words_of_version));
	if (sum != words_of_version[MT_CONSENT_TEXT_VERSION])
		fail_msg("the warnings have changed: raise MT_CONSENT_TEXT_VERSION and add %uu",
			 (unsigned int)sum);
}

/* R-5.4-09: the three dangers of a pin, and what to do against the first. */
static void
the_warning_of_a_pin_names_its_three_dangers_and_the_comparison(void **state)
{
	const char *text = mt_consent_text(MT_CONSENT_PIN);

	assert_non_null(strstr(text, "attacker"));
	assert_non_null(strstr(text, "cannot be withdrawn"));
	assert_non_null(strstr(text, "not renewed"));
	assert_non_null(strstr(text, "Compare the fingerprint"));
	assert_non_null(strstr(text, "by another way"));
}

/* R-6-04: nobody is promised that anything is "safe" or "secure". */
static void
no_warning_promises_anything(void **state)
{
	for (int i = 0; i < MT_CONSENT_KIND_COUNT; i++) {
		assert_null(strstr(mt_consent_text((enum mt_consent_kind)i), "safe"));
		assert_null(strstr(mt_consent_text((enum mt_consent_kind)i), "secure"));
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_kind_stands_for_another),
		cmocka_unit_test(each_kind_holds_for_what_it_is_bound_to_and_nothing_else),
		cmocka_unit_test(a_host_is_the_same_in_any_case),
		cmocka_unit_test(a_consent_ends_at_its_expiry),
		cmocka_unit_test(a_consent_does_not_hold_before_it_was_given),
		cmocka_unit_test(a_consent_is_well_formed_with_exactly_what_its_kind_needs),
		cmocka_unit_test(a_consent_of_no_kind_or_protocol_is_malformed),
		cmocka_unit_test(kinds_have_names),
		cmocka_unit_test(every_warning_says_what_the_risk_is),
		cmocka_unit_test(the_words_of_a_version_are_those_it_had),
		cmocka_unit_test(the_warning_of_a_pin_names_its_three_dangers_and_the_comparison),
		cmocka_unit_test(no_warning_promises_anything),
	};

	return cmocka_run_group_tests_name("consent", tests, NULL, NULL);
}
