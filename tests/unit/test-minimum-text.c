/* SPDX-License-Identifier: MIT */
/* Policy fields as text, both ways; sets in canonical form; what neither accepts. */

#include "tests/cmocka-all.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "policy/sets.h"

#define HEX_8(byte) byte byte byte byte byte byte byte byte
#define HEX_32(byte) HEX_8(byte) HEX_8(byte) HEX_8(byte) HEX_8(byte)
#define A HEX_32("0a")
#define B HEX_32("0b")

enum { OK = 0, UNKNOWN_FIELD, BAD_VALUE, WRONG_LAYER };

static int
new_minimum(void **state)
{
	*state = calloc(1, sizeof(struct mt_minimum));
	return *state ? 0 : -1;
}

static int
free_minimum(void **state)
{
	free(*state);
	return 0;
}

static void
every_value_of_a_scalar_reads_back_as_it_was_written(void **state)
{
	struct mt_minimum *min = *state;
	char text[64];

	for (int field = 0; field < MT_FIELD_SCALAR_COUNT; field++)
		for (uint8_t i = 0; mt_fields[field].values[i]; i++) {
			const char *value = mt_fields[field].values[i];

			assert_int_equal(
				mt_minimum_set_text(min, mt_fields[field].name, value, false), OK);
			assert_int_equal(min->values[field], i);
			assert_int_equal(mt_minimum_format_field(min, (enum mt_field)field, text,
								 sizeof(text)),
					 strlen(value));
			assert_string_equal(text, value);
		}
}

static void
sets_are_written_in_one_form(void **state)
{
	static const struct {
		const char *field, *in, *out;
	} cases[] = {
		{"auth_mechs", "external,plain,PLAIN", "PLAIN,EXTERNAL"},
		{"protocols", "submission,imap,imap", "imap,submission"},
		{"protocols", "any", "imap,pop3,submission"},
		{"endpoints_allow", "b.test,A.test.,b.test", "a.test,b.test"},
		{"endpoints_allow", "*.test,a.test,*.b.test", "*.test"},
		{"endpoints_allow", "*.a.test,a.test", "*.a.test,a.test"},
		{"endpoints_allow", "[2001:DB8::0:1],192.0.2.7", "192.0.2.7,2001:db8::1"},
		{"client_cert_allow", B "," A "," B, A "," B},
		{"anchors", HEX_32("0B") "," A, A "," B},
		{"static_pins", "b.test=" A ",A.test=" B ",a.test=" A ",b.test=" A,
		 "a.test=" A ",a.test=" B ",b.test=" A},
	};
	char text[4096];

	for (size_t i = 0; i < MT_ARRAY_SIZE(cases); i++) {
		struct mt_minimum *min = *state;
		int field = mt_field_find(cases[i].field);

		assert_int_equal(mt_minimum_set_text(min, cases[i].field, cases[i].in, true), OK);
		assert_int_equal(
			mt_minimum_format_field(min, (enum mt_field)field, text, sizeof(text)),
			strlen(cases[i].out));
		assert_string_equal(text, cases[i].out);
	}
}

static void
what_is_no_value_is_refused_and_says_nothing(void **state)
{
	static const struct {
		const char *field, *value;
	} cases[] = {
		{"min_conf", "ON"},
		{"min_conf", ""},
		{"tls_min", "1.1"},
		{"tls_min", "1.4"},
		{"proof", "pkix,dane"},
		{"auth_mechs", "PLAIN,"},
		{"auth_mechs", ",PLAIN"},
		{"auth_mechs", "PLAIN,,EXTERNAL"},
		{"auth_mechs", "PLAIN, EXTERNAL"},
		{"auth_mechs", "X-NEW"},
		{"protocols", "smtps"},
		{"protocols", "unknown"},
		{"endpoints_allow", "*"},
		{"endpoints_allow", "*."},
		{"endpoints_allow", "a.*.test"},
		{"endpoints_allow", "*.192.0.2.7"},
		{"endpoints_allow", "b\xc3\xbc.test"},
		{"client_cert_allow", "any"},
		{"client_cert_allow", "0a"},
		{"client_cert_allow", A "0"},
		{"client_cert_allow", "g" HEX_8("0a")},
		/* a control byte that differs from "0" in one bit */
		{"anchors", "\x10"
			    "a" HEX_8("0a") HEX_8("0a") HEX_8("0a") "0a0a0a0a0a0a0a"},
		{"static_pins", "a.test"},
		{"static_pins", "=" A},
		{"static_pins", "a.test=0a"},
		{"anchors", "a.test=" A},
		{"not_after", ""},
		{"not_after", "-1"},
		{"not_after", "+1"},
		{"not_after", "1e9"},
		{"not_after", "9223372036854775807"},
		{"verdict_ttl", "0"},
		{"verdict_ttl", "301"},
		{"verdict_ttl", "any"},
		{"srv_check_max", "3599"},
		{"srv_check_max", "604801"},
	};
	struct mt_minimum *min = *state;

	for (size_t i = 0; i < MT_ARRAY_SIZE(cases); i++) {
		int field = mt_field_find(cases[i].field);

		min->present = UINT32_MAX;
		if (mt_minimum_set_text(min, cases[i].field, cases[i].value, true) != BAD_VALUE)
			fail_msg("%s=%s was accepted", cases[i].field, cases[i].value);
		assert_int_equal(min->present, UINT32_MAX & ~(1u << field));
	}
}

static void
an_unknown_field_is_refused(void **state)
{
	struct mt_minimum *min = *state;

	assert_int_equal(mt_minimum_set_text(min, "tls_max", "1.3", true), UNKNOWN_FIELD);
	assert_int_equal(mt_minimum_set_text(min, "", "", true), UNKNOWN_FIELD);
	assert_int_equal(min->present, 0);
}

static void
fields_of_the_organisation_are_refused_in_other_layers(void **state)
{
	struct mt_minimum *min = *state;

	for (int field = 0; field < MT_FIELD_COUNT; field++) {
		if (!mt_fields[field].org_only)
			continue;
		assert_int_equal(mt_minimum_set_text(min, mt_fields[field].name, "any", false),
				 WRONG_LAYER);
		assert_int_equal(mt_minimum_set_text(min, mt_fields[field].name, "any", true), OK);
	}
	assert_int_equal(min->present, 1u << MT_FIELD_ANCHORS | 1u << MT_FIELD_STATIC_PINS);
}

static void
an_absent_field_has_no_text(void **state)
{
	struct mt_minimum *min = *state;
	char text[64];

	for (int field = 0; field < MT_FIELD_COUNT; field++)
		assert_int_equal(
			mt_minimum_format_field(min, (enum mt_field)field, text, sizeof(text)), -1);
}

static void
a_text_that_does_not_fit_is_no_text(void **state)
{
	struct mt_minimum *min = *state;
	char text[2 * 64 + 2];

	assert_int_equal(mt_minimum_set_text(min, "anchors", A "," B, true), OK);
	assert_int_equal(mt_minimum_format_field(min, MT_FIELD_ANCHORS, text, sizeof(text)), 129);
	for (size_t size = 0; size < sizeof(text); size++)
		assert_int_equal(mt_minimum_format_field(min, MT_FIELD_ANCHORS, text, size), -1);
}

/* n members, comma-separated; "%zu" in the format is the member's number. */
static void
many(char *buffer, size_t size, size_t n, const char *prefix, const char *suffix)
{
	int used = 0;

	for (size_t i = 0; i < n; i++)
		used += snprintf(buffer + used, size - (size_t)used, "%s%s%02zx%s", i ? "," : "",
				 prefix, i, suffix);
}

static void
a_set_holds_as_many_members_as_the_limit_says(void **state)
{
	static const struct {
		const char *field, *prefix, *suffix;
		size_t max;
	} cases[] = {
		{"endpoints_allow", "h", ".test", MT_PATTERNS_MAX},
		{"anchors", HEX_8("0a") HEX_8("0a") HEX_8("0a") "0a0a0a0a0a0a0a", "",
		 MT_DIGESTS_MAX},
		{"static_pins", "a.test=" HEX_8("0a") HEX_8("0a") HEX_8("0a") "0a0a0a0a0a0a0a", "",
		 MT_DIGESTS_MAX},
	};
	struct mt_minimum *min = *state;
	char text[8192];

	for (size_t i = 0; i < MT_ARRAY_SIZE(cases); i++) {
		many(text, sizeof(text), cases[i].max, cases[i].prefix, cases[i].suffix);
		assert_int_equal(mt_minimum_set_text(min, cases[i].field, text, true), OK);
		many(text, sizeof(text), cases[i].max + 1, cases[i].prefix, cases[i].suffix);
		assert_int_equal(mt_minimum_set_text(min, cases[i].field, text, true), BAD_VALUE);
	}
}

/* More static pins than fit together forbid everything: leaving one out would permit its host. */
static void
static_pins_that_do_not_fit_together_permit_nothing(void **state)
{
	struct mt_minimum *min = *state;
	struct mt_static_pins *a = calloc(1, sizeof(*a));
	char text[8192];

	many(text, sizeof(text), MT_DIGESTS_MAX, "h", ".test=" A);
	assert_int_equal(mt_minimum_set_text(min, "static_pins", text, true), OK);
	*a = min->static_pins;
	assert_false(mt_static_pins_intersect(a, &min->static_pins));
	many(text, sizeof(text), 1, "other", ".test=" A);
	assert_int_equal(mt_minimum_set_text(min, "static_pins", text, true), OK);
	assert_true(mt_static_pins_intersect(a, &min->static_pins));
	assert_true(a->emptied);
	free(a);
}

static void
a_pattern_matches_whole_labels(void **state)
{
	static const struct {
		const char *patterns, *host;
		bool match;
	} cases[] = {
		{"any", "imap.example.test", true},
		{"", "imap.example.test", false},
		{"imap.example.test", "imap.example.test", true},
		{"imap.example.test", "IMAP.Example.TEST.", true},
		{"imap.example.test", "pop.example.test", false},
		{"*.example.test", "imap.example.test", true},
		{"*.example.test", "a.b.example.test", true},
		{"*.example.test", "example.test", false},
		{"*.example.test", "notexample.test", false},
		{"*.example.test", "imap.example.test.evil.test", false},
		{"192.0.2.7", "192.0.2.7", true},
		{"192.0.2.7", "192.0.2.77", false},
	};
	struct mt_minimum *min = *state;

	for (size_t i = 0; i < MT_ARRAY_SIZE(cases); i++) {
		assert_int_equal(
			mt_minimum_set_text(min, "endpoints_allow", cases[i].patterns, false), OK);
		assert_int_equal(mt_patterns_match(&min->endpoints_allow, cases[i].host),
				 cases[i].match);
	}
}

static void
static_pins_of_a_host_name_its_only_leaves(void **state)
{
	struct mt_minimum *min = *state;
	uint8_t leaf_a[32], leaf_c[32];
	bool allows;

	memset(leaf_a, 0x0a, sizeof(leaf_a));
	memset(leaf_c, 0x0c, sizeof(leaf_c));
	assert_int_equal(mt_minimum_set_text(min, "static_pins", "a.test=" A ",a.test=" B, true),
			 OK);
	assert_true(mt_static_pins_find(&min->static_pins, "A.test", leaf_a, &allows));
	assert_true(allows);
	assert_true(mt_static_pins_find(&min->static_pins, "a.test", leaf_c, &allows));
	assert_false(allows);
	assert_true(mt_static_pins_find(&min->static_pins, "a.test", NULL, &allows));
	assert_false(allows);
	assert_false(mt_static_pins_find(&min->static_pins, "b.a.test", leaf_a, &allows));
}

static void
mechanisms_and_layers_have_names(void **state)
{
	static const char *const layers[] = {"floor", "account", "group", "org", "request"};

	for (int i = 0; i < MT_MECH_COUNT; i++)
		assert_int_equal(mt_mech_find(mt_mech_to_string((enum mt_mech)i)), i);
	assert_int_equal(mt_mech_find("scram-sha-256-plus"), MT_MECH_SCRAM_SHA_256_PLUS);
	assert_int_equal(mt_mech_find("SCRAM-SHA-25"), -1);
	assert_int_equal(mt_mech_find(""), -1);
	for (int i = 0; i < MT_LAYER_COUNT; i++)
		assert_string_equal(mt_layer_to_string((enum mt_layer)i), layers[i]);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			every_value_of_a_scalar_reads_back_as_it_was_written, new_minimum,
			free_minimum),
		cmocka_unit_test_setup_teardown(sets_are_written_in_one_form, new_minimum,
						free_minimum),
		cmocka_unit_test_setup_teardown(what_is_no_value_is_refused_and_says_nothing,
						new_minimum, free_minimum),
		cmocka_unit_test_setup_teardown(an_unknown_field_is_refused, new_minimum,
						free_minimum),
		cmocka_unit_test_setup_teardown(
			fields_of_the_organisation_are_refused_in_other_layers, new_minimum,
			free_minimum),
		cmocka_unit_test_setup_teardown(an_absent_field_has_no_text, new_minimum,
						free_minimum),
		cmocka_unit_test_setup_teardown(a_text_that_does_not_fit_is_no_text, new_minimum,
						free_minimum),
		cmocka_unit_test_setup_teardown(a_set_holds_as_many_members_as_the_limit_says,
						new_minimum, free_minimum),
		cmocka_unit_test_setup_teardown(static_pins_that_do_not_fit_together_permit_nothing,
						new_minimum, free_minimum),
		cmocka_unit_test_setup_teardown(a_pattern_matches_whole_labels, new_minimum,
						free_minimum),
		cmocka_unit_test_setup_teardown(static_pins_of_a_host_name_its_only_leaves,
						new_minimum, free_minimum),
		cmocka_unit_test_setup_teardown(mechanisms_and_layers_have_names, new_minimum,
						free_minimum),
	};

	return cmocka_run_group_tests_name("minimum-text", tests, NULL, NULL);
}
