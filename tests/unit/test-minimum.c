/* SPDX-License-Identifier: MIT */
/*
 * The join of policies, field by field: an exhaustive walk over every pair and triple of values.
 * Each field is joined the way a daemon does, through layers, so that nothing but the public
 * functions is trusted.
 */

#include "tests/cmocka-all.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "policy/sets.h"

/* A few digests and hosts as text. */
#define HEX_8(byte) byte byte byte byte byte byte byte byte
#define HEX_32(byte) HEX_8(byte) HEX_8(byte) HEX_8(byte) HEX_8(byte)
#define A HEX_32("0a")
#define B HEX_32("0b")
#define C HEX_32("0c")

#define VALUES_MAX 12

/* The values a field is walked over, as text, in the form mt_minimum_format_field() gives them. */
static const char *const samples[MT_FIELD_COUNT][VALUES_MAX] = {
	[MT_FIELD_AUTH_MECHS] = {"PLAIN", "EXTERNAL", "PLAIN,EXTERNAL",
				 "PLAIN,SCRAM-SHA-256,EXTERNAL", "SCRAM-SHA-256", "",
				 "PLAIN,LOGIN,USER,APOP,CRAM-MD5,SCRAM-SHA-1,SCRAM-SHA-1-PLUS,"
				 "SCRAM-SHA-256,SCRAM-SHA-256-PLUS,EXTERNAL,XOAUTH2,OAUTHBEARER,"
				 "GSSAPI,ANONYMOUS"},
	[MT_FIELD_PROTOCOLS] = {"imap", "pop3", "submission", "imap,pop3", "imap,submission",
				"pop3,submission", "imap,pop3,submission", ""},
	[MT_FIELD_ENDPOINTS_ALLOW] = {"any", "", "*.example.test", "imap.example.test",
				      "*.a.example.test", "*.a.example.test,imap.example.test",
				      "*.other.test", "*.example.test,*.other.test", "192.0.2.7",
				      "*.test", "example.test"},
	[MT_FIELD_CLIENT_CERT_ALLOW] = {"", A, B, A "," B, A "," B "," C},
	[MT_FIELD_STATIC_PINS] = {"any", "a.test=" A, "a.test=" B, "a.test=" A ",a.test=" B,
				  "b.test=" A, "a.test=" B ",b.test=" C},
	[MT_FIELD_ANCHORS] = {"any", "", A, B, A "," C, A "," B "," C},
	[MT_FIELD_NOT_AFTER] = {"never", "0", "1767225600", "1767225601"},
	[MT_FIELD_VERDICT_TTL] = {"300", "60", "59", "1"},
	[MT_FIELD_SRV_CHECK_MAX] = {"604800", "86400", "3600"},
};

static const char *const *
values_of(int field)
{
	return mt_fields[field].values ? mt_fields[field].values : samples[field];
}

static void
set_field(struct mt_minimum *min, int field, const char *value)
{
	memset(min, 0, sizeof(*min));
	if (mt_minimum_set_text(min, mt_fields[field].name, value, true) != 0)
		fail_msg("%s=%s is not accepted", mt_fields[field].name, value);
}

/* Joins the values in their order; the text of the effective field goes to buffer. */
static void
join_texts(int field, const char *const *values, size_t n, char *buffer, size_t size)
{
	static struct mt_effective eff;
	static struct mt_minimum layer;

	mt_effective_init(&eff);
	for (size_t i = 0; i < n; i++) {
		set_field(&layer, field, values[i]);
		mt_effective_join(&eff, &layer, MT_LAYER_ORG);
	}
	/* a set that became empty by intersection has no text of its own */
	if (eff.m.static_pins.emptied)
		(void)snprintf(buffer, size, "emptied");
	else if (mt_minimum_format_field(&eff.m, (enum mt_field)field, buffer, size) < 0)
		fail_msg("%s has no text", mt_fields[field].name);
}

static void
expect_same(int field, const char *const *a, size_t n_a, const char *const *b, size_t n_b)
{
	char text_a[4096], text_b[4096];

	join_texts(field, a, n_a, text_a, sizeof(text_a));
	join_texts(field, b, n_b, text_b, sizeof(text_b));
	if (strcmp(text_a, text_b) != 0)
		fail_msg("%s: %s | %s ...: %s is not %s", mt_fields[field].name, a[0],
			 n_a > 1 ? a[1] : "", text_a, text_b);
}

static void
every_field_joins_to_the_same_value_in_either_order(void **state)
{
	for (int field = 0; field < MT_FIELD_COUNT; field++) {
		const char *const *values = values_of(field);

		for (size_t i = 0; values[i]; i++)
			for (size_t j = 0; values[j]; j++) {
				const char *const ab[] = {values[i], values[j]};
				const char *const ba[] = {values[j], values[i]};

				expect_same(field, ab, 2, ba, 2);
			}
	}
}

static void
every_field_joins_to_the_same_value_in_any_order_of_three(void **state)
{
	static const uint8_t orders[][3] = {{0, 2, 1}, {1, 0, 2}, {1, 2, 0}, {2, 0, 1}, {2, 1, 0}};

	for (int field = 0; field < MT_FIELD_COUNT; field++) {
		const char *const *v = values_of(field);

		for (size_t i = 0; v[i]; i++)
			for (size_t j = i; v[j]; j++)
				for (size_t k = j; v[k]; k++)
					for (size_t o = 0; o < MT_ARRAY_SIZE(orders); o++) {
						const char *const abc[] = {v[i], v[j], v[k]};
						const char *const other[] = {abc[orders[o][0]],
									     abc[orders[o][1]],
									     abc[orders[o][2]]};

						expect_same(field, abc, 3, other, 3);
					}
	}
}

static void
every_field_joined_with_itself_stays_what_it_is(void **state)
{
	for (int field = 0; field < MT_FIELD_COUNT; field++) {
		const char *const *values = values_of(field);

		for (size_t i = 0; values[i]; i++) {
			const char *const twice[] = {values[i], values[i]};
			char text[4096];

			expect_same(field, twice, 2, values + i, 1);
			join_texts(field, twice, 2, text, sizeof(text));
			assert_string_equal(text, values[i]);
		}
	}
}

/* q := join of the two; then both are weaker than q or equal to it. */
static void
every_join_is_at_least_as_strict_as_either_side(void **state)
{
	struct mt_minimum *sides = calloc(2, sizeof(*sides));
	struct mt_effective *eff = calloc(1, sizeof(*eff));

	for (int field = 0; field < MT_FIELD_COUNT; field++) {
		const char *const *values = values_of(field);

		for (size_t i = 0; values[i]; i++)
			for (size_t j = 0; values[j]; j++) {
				mt_effective_init(eff);
				for (size_t k = 0; k < 2; k++) {
					set_field(&sides[k], field, values[k ? j : i]);
					mt_effective_join(eff, &sides[k], MT_LAYER_ACCOUNT);
				}
				assert_true(mt_minimum_is_weaker_or_equal(&sides[0], &eff->m));
				assert_true(mt_minimum_is_weaker_or_equal(&sides[1], &eff->m));
			}
	}
	free(sides);
	free(eff);
}

/* The order of each scalar field, said once more and independently of the join. */
static bool
is_at_most(int field, size_t p, size_t q)
{
	if (field == MT_FIELD_PROOF) {
		/* pkix-or-dane, pkix, dane, pkix-and-dane: a diamond */
		static const bool order[4][4] = {{true, true, true, true},
						 {false, true, false, true},
						 {false, false, true, true},
						 {false, false, false, true}};
		return order[p][q];
	}
	return p <= q;
}

static void
the_order_of_scalars_is_the_catalogues(void **state)
{
	struct mt_minimum *p = calloc(2, sizeof(*p)), *q = p + 1;

	for (int field = 0; field < MT_FIELD_SCALAR_COUNT; field++) {
		const char *const *values = mt_fields[field].values;

		for (size_t i = 0; values[i]; i++)
			for (size_t j = 0; values[j]; j++) {
				set_field(p, field, values[i]);
				set_field(q, field, values[j]);
				assert_int_equal(mt_minimum_is_weaker_or_equal(p, q),
						 is_at_most(field, i, j));
			}
	}
	free(p);
}

static void
pkix_of_one_layer_and_dane_of_another_are_both(void **state)
{
	const char *const layers[] = {"dane", "pkix"};
	char text[64];

	join_texts(MT_FIELD_PROOF, layers, 2, text, sizeof(text));
	assert_string_equal(text, "pkix-and-dane");
}

/* Joining is monotone: of two layers, the stricter one never gives the weaker effective policy. */
static void
a_stricter_layer_gives_a_stricter_policy(void **state)
{
	struct mt_minimum *m = calloc(3, sizeof(*m)), *p = m, *q = m + 1, *r = m + 2;
	struct mt_effective *effs = calloc(2, sizeof(*effs));

	for (int field = 0; field < MT_FIELD_COUNT; field++) {
		const char *const *v = values_of(field);

		for (size_t i = 0; v[i]; i++)
			for (size_t j = 0; v[j]; j++)
				for (size_t k = 0; v[k]; k++) {
					set_field(p, field, v[i]);
					set_field(q, field, v[j]);
					set_field(r, field, v[k]);
					if (!mt_minimum_is_weaker_or_equal(p, q))
						continue;
					mt_effective_init(&effs[0]);
					mt_effective_join(&effs[0], p, MT_LAYER_ACCOUNT);
					mt_effective_join(&effs[0], r, MT_LAYER_ORG);
					mt_effective_init(&effs[1]);
					mt_effective_join(&effs[1], q, MT_LAYER_ACCOUNT);
					mt_effective_join(&effs[1], r, MT_LAYER_ORG);
					assert_true(mt_minimum_is_weaker_or_equal(&effs[0].m,
										  &effs[1].m));
				}
	}
	free(m);
	free(effs);
}

static void
an_absent_field_says_nothing(void **state)
{
	struct mt_effective *effs = calloc(2, sizeof(*effs));
	struct mt_minimum *layer = calloc(1, sizeof(*layer));

	mt_effective_init(&effs[0]);
	mt_effective_init(&effs[1]);
	memset(layer, 0xff, sizeof(*layer));
	layer->present = 0;
	mt_effective_join(&effs[1], layer, MT_LAYER_ORG);
	assert_memory_equal(&effs[0], &effs[1], sizeof(*effs));
	free(effs);
	free(layer);
}

static void
a_request_may_strengthen_and_never_weaken(void **state)
{
	struct mt_effective *eff = calloc(1, sizeof(*eff));
	struct mt_minimum *layer = calloc(1, sizeof(*layer));

	for (int field = 0; field < MT_FIELD_SCALAR_COUNT; field++) {
		const char *const *values = mt_fields[field].values;
		size_t strictest = 0;

		while (values[strictest + 1])
			strictest++;
		mt_effective_init(eff);
		set_field(layer, field, values[strictest]);
		mt_effective_join(eff, layer, MT_LAYER_ORG);
		set_field(layer, field, values[0]);
		mt_effective_join(eff, layer, MT_LAYER_REQUEST);
		assert_int_equal(eff->m.values[field], strictest);
		assert_int_equal(eff->layer[field], MT_LAYER_ORG);
	}
	free(eff);
	free(layer);
}

static void
the_layer_is_the_last_that_made_the_field_stricter(void **state)
{
	static const struct {
		const char *account, *org, *request;
		enum mt_layer layer;
	} cases[] = {
		{"sane", "sane", "sane", MT_LAYER_FLOOR},
		{"bcp195", "bcp195", "bcp195", MT_LAYER_ACCOUNT},
		{"bcp195", "sane", "sane", MT_LAYER_ACCOUNT},
		{"sane", "bcp195", "bcp195", MT_LAYER_ORG},
		{"bcp195", "recommended-only", "bcp195", MT_LAYER_ORG},
		{"sane", "bcp195", "recommended-only", MT_LAYER_REQUEST},
	};
	struct mt_effective *eff = calloc(1, sizeof(*eff));
	struct mt_minimum *layer = calloc(1, sizeof(*layer));

	for (size_t i = 0; i < MT_ARRAY_SIZE(cases); i++) {
		mt_effective_init(eff);
		set_field(layer, MT_FIELD_CIPHER_PROFILE, cases[i].account);
		mt_effective_join(eff, layer, MT_LAYER_ACCOUNT);
		set_field(layer, MT_FIELD_CIPHER_PROFILE, cases[i].org);
		mt_effective_join(eff, layer, MT_LAYER_ORG);
		set_field(layer, MT_FIELD_CIPHER_PROFILE, cases[i].request);
		mt_effective_join(eff, layer, MT_LAYER_REQUEST);
		assert_int_equal(eff->layer[MT_FIELD_CIPHER_PROFILE], cases[i].layer);
	}
	free(eff);
	free(layer);
}

/* Floor and default as REQUIREMENTS 4.6 lists them. */
static const struct {
	const char *field, *floor, *initial;
	bool bundle, org_only;
} catalogue[MT_FIELD_COUNT] = {
	{"min_conf", "off", "on", false, false},
	{"tls_min", "1.2", "1.2", true, false},
	{"transport_min", "starttls", "starttls", true, false},
	{"cipher_profile", "sane", "bcp195", true, false},
	{"proof", "pkix-or-dane", "pkix-or-dane", true, false},
	{"dane_veto", "off", "on", true, false},
	{"revocation", "off", "staple", true, false},
	{"local_roots", "accept", "flag", true, false},
	{"pinning", "allowed", "allowed", false, false},
	{"user_relax", "allowed", "allowed", false, false},
	{"srv_trust", "ask", "ask", false, false},
	{"srv_mode", "live", "saved", false, false},
	{"evidence_min", "asserted", "asserted", false, false},
	{"channel_binding", "off", "prefer", false, false},
	{"client_cert_tls_min", "1.2", "1.2", false, false},
	{"downgrade_action", "notify", "confirm", false, false},
	{"on_expiry", "revert", "revert", false, false},
	{"auth_mechs", NULL, NULL, false, false},
	{"protocols", "imap,pop3,submission", "imap,pop3,submission", false, false},
	{"endpoints_allow", "any", "any", false, false},
	{"client_cert_allow", "any", "", false, false},
	{"static_pins", "any", NULL, false, true},
	{"anchors", "any", NULL, false, true},
	{"not_after", "never", "never", false, false},
	{"verdict_ttl", "300", "60", false, false},
	{"srv_check_max", "604800", "86400", false, false},
};

static void
floor_and_default_are_the_catalogues(void **state)
{
	struct mt_effective *eff = calloc(1, sizeof(*eff));
	struct mt_minimum *initial = calloc(1, sizeof(*initial));
	char text[256];

	mt_effective_init(eff);
	mt_minimum_init_default(initial);
	for (int i = 0; i < MT_FIELD_COUNT; i++) {
		assert_string_equal(mt_fields[i].name, catalogue[i].field);
		assert_int_equal(mt_fields[i].bundle, catalogue[i].bundle);
		assert_int_equal(mt_fields[i].org_only, catalogue[i].org_only);
		assert_int_equal(mt_field_find(catalogue[i].field), i);
		assert_int_equal(eff->layer[i], MT_LAYER_FLOOR);
		if (catalogue[i].floor) {
			mt_minimum_format_field(&eff->m, (enum mt_field)i, text, sizeof(text));
			assert_string_equal(text, catalogue[i].floor);
		}
		if (catalogue[i].initial) {
			mt_minimum_format_field(initial, (enum mt_field)i, text, sizeof(text));
			assert_string_equal(text, catalogue[i].initial);
		}
	}
	assert_int_equal(eff->m.auth_mechs, MT_MECHS_ALL);
	assert_int_equal(initial->auth_mechs, MT_MECHS_ALL);
	assert_int_equal(mt_field_find("colour"), -1);
	free(eff);
	free(initial);
}

static void
an_empty_intersection_cannot_be_satisfied(void **state)
{
	static const struct {
		enum mt_field field;
		const char *a, *b;
	} cases[] = {
		{MT_FIELD_AUTH_MECHS, "PLAIN", "EXTERNAL"},
		{MT_FIELD_PROTOCOLS, "imap", "pop3"},
		{MT_FIELD_ENDPOINTS_ALLOW, "*.example.test", "*.other.test"},
		{MT_FIELD_STATIC_PINS, "a.test=" A, "a.test=" B},
		{MT_FIELD_ANCHORS, A, B},
	};
	struct mt_effective *eff = calloc(1, sizeof(*eff));
	struct mt_minimum *layer = calloc(1, sizeof(*layer));

	for (size_t i = 0; i < MT_ARRAY_SIZE(cases); i++) {
		mt_effective_init(eff);
		set_field(layer, (int)cases[i].field, cases[i].a);
		mt_effective_join(eff, layer, MT_LAYER_GROUP);
		assert_int_equal(mt_effective_unsatisfiable(eff), -1);
		set_field(layer, (int)cases[i].field, cases[i].b);
		mt_effective_join(eff, layer, MT_LAYER_ORG);
		assert_int_equal(mt_effective_unsatisfiable(eff), cases[i].field);
		/* nothing that is joined later makes it satisfiable again */
		set_field(layer, (int)cases[i].field, cases[i].a);
		mt_effective_join(eff, layer, MT_LAYER_REQUEST);
		assert_int_equal(mt_effective_unsatisfiable(eff), cases[i].field);
	}
	free(eff);
	free(layer);
}

static void
no_client_certificate_in_common_is_no_contradiction(void **state)
{
	const char *const lists[] = {A, B};
	char text[256];

	join_texts(MT_FIELD_CLIENT_CERT_ALLOW, lists, 2, text, sizeof(text));
	assert_string_equal(text, "");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_field_joins_to_the_same_value_in_either_order),
		cmocka_unit_test(every_field_joins_to_the_same_value_in_any_order_of_three),
		cmocka_unit_test(every_field_joined_with_itself_stays_what_it_is),
		cmocka_unit_test(every_join_is_at_least_as_strict_as_either_side),
		cmocka_unit_test(the_order_of_scalars_is_the_catalogues),
		cmocka_unit_test(pkix_of_one_layer_and_dane_of_another_are_both),
		cmocka_unit_test(a_stricter_layer_gives_a_stricter_policy),
		cmocka_unit_test(an_absent_field_says_nothing),
		cmocka_unit_test(a_request_may_strengthen_and_never_weaken),
		cmocka_unit_test(the_layer_is_the_last_that_made_the_field_stricter),
		cmocka_unit_test(floor_and_default_are_the_catalogues),
		cmocka_unit_test(an_empty_intersection_cannot_be_satisfied),
		cmocka_unit_test(no_client_certificate_in_common_is_no_contradiction),
	};

	return cmocka_run_group_tests_name("minimum", tests, NULL, NULL);
}
