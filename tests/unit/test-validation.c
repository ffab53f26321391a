/* SPDX-License-Identifier: MIT */
/* What a worker says of a chain is believed only where it can be true; TLSA records by form. */

#include "tests/cmocka-all.h"

#include <string.h>

#include "policy/validation.h"

static const struct mt_refids refs = {
	.n = 2,
	.ids = {{.type = MT_REFID_DNS, .value = "imap.example.test"},
		{.type = MT_REFID_SRV, .value = "_imaps.example.test"}},
};

static struct mt_validation
valid(void)
{
	return (struct mt_validation){
		.state = MT_VALIDATION_DONE,
		.pkix_valid = true,
		.anchor = MT_ANCHOR_SYSTEM,
		.matched = {.type = MT_REFID_DNS, .value = "imap.example.test"},
		.revocation = MT_REVOCATION_NOT_CHECKED,
	};
}

static struct mt_validation
faulty(enum mt_cert_fault fault)
{
	struct mt_validation v = valid();

	v.pkix_valid = false;
	v.faults = (uint32_t)MT_BIT(fault);
	v.matched = (struct mt_refid){0};
	return v;
}

static void
expect_sane(const struct mt_validation *v, bool sane)
{
	assert_int_equal(mt_validation_is_sane(v, &refs), sane);
}

static void
a_valid_path_has_an_anchor_a_name_of_ours_and_no_fault(void **state)
{
	struct mt_validation v = valid();

	expect_sane(&v, true);
	v.anchor = MT_ANCHOR_NONE;
	expect_sane(&v, false);
	for (int fault = 0; fault < MT_CERT_FAULT_COUNT; fault++) {
		v = valid();
		v.faults = (uint32_t)MT_BIT(fault);
		expect_sane(&v, fault == MT_CERT_CN_ONLY);
	}
}

static void
a_match_is_one_of_the_identifiers_we_sent(void **state)
{
	struct mt_validation v = valid();

	strcpy(v.matched.value, "evil.test");
	expect_sane(&v, false);
	v = valid();
	v.matched.type = MT_REFID_SRV;
	expect_sane(&v, false);
	strcpy(v.matched.value, "_imaps.example.test");
	expect_sane(&v, true);
	v.matched = (struct mt_refid){0};
	expect_sane(&v, false);
}

static void
a_path_that_is_not_valid_names_its_fault(void **state)
{
	for (int fault = 0; fault < MT_CERT_FAULT_COUNT; fault++) {
		struct mt_validation v = faulty((enum mt_cert_fault)fault);

		expect_sane(&v, fault != MT_CERT_CN_ONLY);
		v.faults = 0;
		expect_sane(&v, false);
	}
}

static void
values_out_of_range_are_not_believed(void **state)
{
	struct mt_validation v = valid();

	v.state = (enum mt_validation_state)MT_VALIDATION_STATE_COUNT;
	expect_sane(&v, false);
	v = valid();
	v.anchor = (enum mt_anchor)MT_ANCHOR_COUNT;
	expect_sane(&v, false);
	v = valid();
	v.revocation = (enum mt_revocation_state)MT_REVOCATION_STATE_COUNT;
	expect_sane(&v, false);
	v = faulty(MT_CERT_EXPIRED);
	v.faults |= (uint32_t)MT_BIT(MT_CERT_FAULT_COUNT);
	expect_sane(&v, false);
}

static void
nothing_is_proved_by_a_chain_that_was_not_judged(void **state)
{
	static const enum mt_validation_state states[] = {
		MT_VALIDATION_FAILED, MT_VALIDATION_NO_CHAIN, MT_VALIDATION_MALFORMED};

	for (size_t i = 0; i < MT_ARRAY_SIZE(states); i++) {
		struct mt_validation v = {.state = states[i]};

		expect_sane(&v, true);
		v.pkix_valid = true;
		expect_sane(&v, false);
		v.pkix_valid = false;
		v.dane_matched = true;
		expect_sane(&v, false);
	}
}

static void
a_dane_match_has_a_usable_record_of_usage_2_or_3(void **state)
{
	struct mt_validation v = faulty(MT_CERT_CHAIN_UNTRUSTED);

	v.dane_matched = true;
	v.dane_usage = 3;
	v.dane_usable = 1;
	expect_sane(&v, true);
	v.dane_usable = 0;
	expect_sane(&v, false);
	v.dane_usable = 1;
	for (uint8_t usage = 0; usage < 6; usage++) {
		v.dane_usage = usage;
		v.dane_id = refs.ids[0];
		expect_sane(&v, usage == 2 || usage == 3);
	}
}

/* D-DANE-04: under usage 2 a name must match; under usage 3 none is needed. */
static void
a_match_of_usage_2_has_a_name_of_ours(void **state)
{
	struct mt_validation v = faulty(MT_CERT_CHAIN_UNTRUSTED);

	v.dane_matched = true;
	v.dane_usable = 1;
	v.dane_usage = 2;
	expect_sane(&v, false);
	v.dane_id = refs.ids[0];
	expect_sane(&v, true);
	strcpy(v.dane_id.value, "evil.test");
	expect_sane(&v, false);
	v.dane_usage = 3;
	expect_sane(&v, true);
}

/* D-DANE-05, D-DANE-06 */
static void
a_record_is_usable_by_its_usage_selector_type_and_length(void **state)
{
	static const struct {
		struct mt_tlsa_record record;
		bool usable;
	} cases[] = {
		{{3, 1, 1, 32, NULL}, true},  {{3, 0, 1, 32, NULL}, true},
		{{3, 1, 2, 64, NULL}, true},  {{3, 0, 0, 900, NULL}, true},
		{{2, 0, 1, 32, NULL}, true},  {{2, 1, 2, 64, NULL}, true},
		{{0, 1, 1, 32, NULL}, false}, {{1, 1, 1, 32, NULL}, false},
		{{4, 1, 1, 32, NULL}, false}, {{255, 1, 1, 32, NULL}, false},
		{{3, 2, 1, 32, NULL}, false}, {{3, 1, 3, 32, NULL}, false},
		{{3, 1, 9, 32, NULL}, false}, {{3, 1, 1, 31, NULL}, false},
		{{3, 1, 1, 33, NULL}, false}, {{3, 1, 1, 64, NULL}, false},
		{{3, 1, 2, 32, NULL}, false}, {{3, 0, 0, 0, NULL}, false},
	};
	struct mt_tlsa tlsa = {.status = MT_TLSA_SECURE};
	size_t usable = 0;

	for (size_t i = 0; i < MT_ARRAY_SIZE(cases); i++) {
		assert_int_equal(mt_tlsa_record_is_usable(&cases[i].record), cases[i].usable);
		tlsa.records[tlsa.n++] = cases[i].record;
		usable += cases[i].usable;
		assert_int_equal(mt_tlsa_count_usable(&tlsa), usable);
	}
}

static void
statuses_have_names(void **state)
{
	static const char *const names[] = {"bogus", "undetermined", "insecure", "absent",
					    "secure"};
	enum mt_tlsa_status status = MT_TLSA_SECURE;

	assert_int_equal(mt_tlsa_status_from_string("signed", &status), 1);
	assert_int_equal(status, MT_TLSA_SECURE);
	for (int i = 0; i < MT_TLSA_STATUS_COUNT; i++) {
		assert_string_equal(mt_tlsa_status_to_string((enum mt_tlsa_status)i), names[i]);
		assert_int_equal(mt_tlsa_status_from_string(names[i], &status), 0);
		assert_int_equal(status, i);
	}
}

/* The zero of each enum is the most distrustful value. */
static void
a_zeroed_struct_proves_nothing(void **state)
{
	struct mt_validation v = {0};
	struct mt_tlsa tlsa = {0};

	assert_int_equal(v.state, MT_VALIDATION_FAILED);
	assert_int_equal(v.anchor, MT_ANCHOR_NONE);
	assert_int_equal(v.revocation, MT_REVOCATION_UNKNOWN);
	assert_int_equal(tlsa.status, MT_TLSA_BOGUS);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_valid_path_has_an_anchor_a_name_of_ours_and_no_fault),
		cmocka_unit_test(a_match_is_one_of_the_identifiers_we_sent),
		cmocka_unit_test(a_path_that_is_not_valid_names_its_fault),
		cmocka_unit_test(values_out_of_range_are_not_believed),
		cmocka_unit_test(nothing_is_proved_by_a_chain_that_was_not_judged),
		cmocka_unit_test(a_dane_match_has_a_usable_record_of_usage_2_or_3),
		cmocka_unit_test(a_match_of_usage_2_has_a_name_of_ours),
		cmocka_unit_test(a_record_is_usable_by_its_usage_selector_type_and_length),
		cmocka_unit_test(statuses_have_names),
		cmocka_unit_test(a_zeroed_struct_proves_nothing),
	};

	return cmocka_run_group_tests_name("validation", tests, NULL, NULL);
}
