/* SPDX-License-Identifier: MIT */
/*
 * Reference identifiers by discovery path (the table of REQUIREMENTS 2.2), and presented
 * identifiers against them.
 */

#include "tests/cmocka-all.h"

#include <stdio.h>
#include <string.h>

#include "policy/identity.h"

static struct mt_bytes
bytes_of(const char *text)
{
	return (struct mt_bytes){(const uint8_t *)text, strlen(text)};
}

/* The list as "dns:imap.example.test dns:example.test". */
static const char *
list_of(const struct mt_reference *ref)
{
	static char text[2048];
	struct mt_refids refs;
	size_t used = 0;
	int r = mt_refids_build(ref, &refs);

	text[0] = '\0';
	if (r == MT_REFIDS_E_NONE)
		return "none";
	if (r == MT_REFIDS_E_INVALID)
		return "invalid";
	for (size_t i = 0; i < refs.n; i++)
		used += (size_t)snprintf(text + used, sizeof(text) - used, "%s%s:%s", i ? " " : "",
					 mt_refid_type_to_string(refs.ids[i].type),
					 refs.ids[i].value);
	return text;
}

#define MAN MT_DISCOVERY_MANUAL
#define ADM MT_DISCOVERY_ADMIN
#define SRV MT_DISCOVERY_SRV
#define AUT MT_DISCOVERY_AUTOCONFIG
#define PAC MT_DISCOVERY_PACC
#define SIGNED MT_DNSSEC_SECURE
#define UNSIGNED MT_DNSSEC_INSECURE

/* Rows that other tests start from. */
enum { TYPED = 0, LITERAL = 4, SRV_INSIDE = 8 };

/* The address domain is example.test throughout, the label _imaps where SRV was asked. */
static const struct row {
	const char *name;
	enum mt_discovery discovery;
	enum mt_dnssec dnssec;
	bool saved, confirmed;
	const char *host, *expected;
} rows[] = {
	[TYPED] = {"1 typed", MAN, UNSIGNED, false, false, "imap.example.test",
		   "dns:imap.example.test dns:example.test"},
	{"1 typed, another domain", MAN, UNSIGNED, true, false, "mail.other.test",
	 "dns:mail.other.test dns:example.test"},
	{"1 by the administrator", ADM, UNSIGNED, true, false, "mail.other.test",
	 "dns:mail.other.test dns:example.test"},
	{"1 host is the domain", MAN, UNSIGNED, true, false, "example.test", "dns:example.test"},
	[LITERAL] = {"2 literal", MAN, UNSIGNED, true, false, "192.0.2.7", "ip:192.0.2.7"},
	{"2 literal of 16 octets", ADM, UNSIGNED, true, false, "2001:db8::7", "ip:2001:db8::7"},
	{"2 literal nobody typed", SRV, SIGNED, true, true, "192.0.2.7", "invalid"},
	{"2 literal of a document", PAC, SIGNED, true, true, "192.0.2.7", "invalid"},
	[SRV_INSIDE] = {"3 SRV inside, not saved", SRV, UNSIGNED, false, false, "imap.example.test",
			"dns:imap.example.test dns:example.test srv:_imaps.example.test"},
	{"3 SRV inside, saved", SRV, UNSIGNED, true, false, "imap.example.test",
	 "dns:imap.example.test dns:example.test srv:_imaps.example.test"},
	{"3 SRV inside, undetermined", SRV, MT_DNSSEC_UNDETERMINED, false, false,
	 "imap.example.test", "dns:imap.example.test dns:example.test srv:_imaps.example.test"},
	{"4 SRV outside", SRV, UNSIGNED, false, false, "mail.other.test", "none"},
	{"4 SRV outside, undetermined", SRV, MT_DNSSEC_UNDETERMINED, false, false,
	 "mail.other.test", "none"},
	{"4 SRV outside by a trick", SRV, UNSIGNED, false, false, "imap.example.test.evil.test",
	 "none"},
	{"4 SRV outside by half a label", SRV, UNSIGNED, false, false, "notexample.test", "none"},
	{"4 SRV bogus", SRV, MT_DNSSEC_BOGUS, true, true, "imap.example.test", "none"},
	{"5 SRV outside, confirmed", SRV, UNSIGNED, false, true, "mail.other.test",
	 "dns:mail.other.test dns:example.test srv:_imaps.example.test"},
	{"6 SRV signed", SRV, SIGNED, false, false, "imap.example.test",
	 "dns:imap.example.test dns:example.test srv:_imaps.example.test"},
	{"6 and 7 SRV signed, outside", SRV, SIGNED, false, false, "mail.other.test",
	 "dns:mail.other.test dns:example.test srv:_imaps.example.test"},
	{"8 autoconfig, approved", AUT, UNSIGNED, false, true, "mail.other.test",
	 "dns:mail.other.test dns:example.test"},
	{"8 PACC, saved", PAC, UNSIGNED, true, false, "mail.other.test",
	 "dns:mail.other.test dns:example.test"},
	{"8 PACC, not approved", PAC, SIGNED, false, false, "mail.other.test", "dns:example.test"},
	{"of a source nobody knows", MT_DISCOVERY_UNKNOWN, SIGNED, false, false, "mail.other.test",
	 "dns:example.test"},
};

static void
reference_of(const struct row *row, struct mt_reference *ret)
{
	memset(ret, 0, sizeof(*ret));
	ret->discovery = row->discovery;
	ret->dnssec = row->dnssec;
	ret->saved = row->saved;
	ret->confirmed = row->confirmed;
	strcpy(ret->host, row->host);
	strcpy(ret->address_domain, "example.test");
	strcpy(ret->label, "_imaps");
}

static void
every_discovery_path_gives_its_identifiers_and_no_other(void **state)
{
	struct mt_reference ref;

	for (size_t i = 0; i < MT_ARRAY_SIZE(rows); i++) {
		reference_of(&rows[i], &ref);
		if (strcmp(list_of(&ref), rows[i].expected) != 0)
			fail_msg("%s: %s", rows[i].name, list_of(&ref));
	}
}

/* Does the path accept a certificate that shows this name, as a DNS-ID or as an SRV-ID? */
static bool
accepts(const struct row *row, const char *name,
	int (*match)(const struct mt_refids *refs, struct mt_bytes presented))
{
	struct mt_reference ref;
	struct mt_refids refs;

	reference_of(row, &ref);
	return mt_refids_build(&ref, &refs) == 0 && match(&refs, bytes_of(name)) >= 0;
}

/* D-ID-19: each row once with every name a certificate might show, and one it must not. */
static void
every_discovery_path_matches_and_misses(void **state)
{
	for (size_t i = 0; i < MT_ARRAY_SIZE(rows); i++) {
		const char *expected = rows[i].expected;
		char host[300];

		(void)snprintf(host, sizeof(host), "dns:%s", rows[i].host);
		assert_int_equal(accepts(&rows[i], rows[i].host, mt_refids_match_dns),
				 strstr(expected, host) != NULL);
		assert_int_equal(accepts(&rows[i], "example.test", mt_refids_match_dns),
				 strstr(expected, "dns:example.test") != NULL);
		assert_int_equal(accepts(&rows[i], "_imaps.example.test", mt_refids_match_srv),
				 strstr(expected, "srv:") != NULL);
		assert_false(accepts(&rows[i], "evil.test", mt_refids_match_dns));
		assert_false(accepts(&rows[i], "_pop3s.example.test", mt_refids_match_srv));
	}
}

static void
an_srv_id_is_of_the_label_that_was_asked(void **state)
{
	static const char *const labels[] = {"_imaps", "_imap",        "_pop3s",
					     "_pop3",  "_submissions", "_submission"};

	for (size_t i = 0; i < MT_ARRAY_SIZE(labels); i++)
		for (size_t j = 0; j < MT_ARRAY_SIZE(labels); j++) {
			struct mt_reference ref;
			struct mt_refids refs;
			char presented[64];

			reference_of(&rows[SRV_INSIDE], &ref);
			strcpy(ref.label, labels[i]);
			assert_int_equal(mt_refids_build(&ref, &refs), 0);
			(void)snprintf(presented, sizeof(presented), "%s.example.test", labels[j]);
			assert_int_equal(mt_refids_match_srv(&refs, bytes_of(presented)) >= 0,
					 i == j);
		}
}

static void
names_are_normalised_and_listed_once(void **state)
{
	struct mt_reference ref;

	reference_of(&rows[TYPED], &ref);
	strcpy(ref.host, "IMAP.Example.TEST.");
	strcpy(ref.address_domain, "Example.Test");
	assert_string_equal(list_of(&ref), "dns:imap.example.test dns:example.test");
	strcpy(ref.host, "EXAMPLE.test");
	assert_string_equal(list_of(&ref), "dns:example.test");
	strcpy(ref.address_domain, "");
	assert_string_equal(list_of(&ref), "dns:example.test");
}

static void
what_is_neither_a_name_nor_a_literal_is_no_reference(void **state)
{
	static const char *const hosts[] = {
		"",         ".",           "a..test",   "-a.test",        "a b.test",
		"*.test",   "192.0.2.300", "1.2.3.4.5", "b\xc3\xbc.test", "[192.0.2.7]",
		"a.test\n",
	};
	struct mt_reference ref;

	for (size_t i = 0; i < MT_ARRAY_SIZE(hosts); i++) {
		reference_of(&rows[TYPED], &ref);
		strcpy(ref.host, hosts[i]);
		assert_string_equal(list_of(&ref), "invalid");
	}
	reference_of(&rows[TYPED], &ref);
	strcpy(ref.address_domain, "not a domain");
	assert_string_equal(list_of(&ref), "invalid");
}

/* A list with one DNS-ID. */
static struct mt_refids
dns_id(const char *name)
{
	struct mt_refids refs = {.n = 1, .ids[0].type = MT_REFID_DNS};

	strcpy(refs.ids[0].value, name);
	return refs;
}

static void
a_name_matches_whole_and_whatever_its_case(void **state)
{
	static const struct {
		const char *reference, *presented;
		bool match;
	} cases[] = {
		{"imap.example.test", "imap.example.test", true},
		{"imap.example.test", "IMAP.eXample.TEST", true},
		{"imap.example.test", "imap.example.test.", false},
		{"imap.example.test", "map.example.test", false},
		{"imap.example.test", "ximap.example.test", false},
		{"imap.example.test", "example.test", false},
		{"imap.example.test", "imap.example.test.evil.test", false},
		{"xn--bcher-kva.test", "XN--BCHER-KVA.test", true},
		{"xn--bcher-kva.test",
		 "b\xc3\xbc"
		 "cher.test",
		 false},
	};

	for (size_t i = 0; i < MT_ARRAY_SIZE(cases); i++) {
		struct mt_refids refs = dns_id(cases[i].reference);

		assert_int_equal(mt_refids_match_dns(&refs, bytes_of(cases[i].presented)),
				 cases[i].match ? 0 : -1);
	}
}

static void
a_wildcard_is_one_whole_label_on_the_left_of_two(void **state)
{
	static const struct {
		const char *presented, *reference;
		bool match;
	} cases[] = {
		{"*.example.test", "a.example.test", true},
		{"*.EXAMPLE.test", "a.example.TEST", true},
		{"*.example.test", "a_b.example.test", true},
		{"*.example.test", "xn--bcher-kva.example.test", true},
		{"*.b.example.test", "a.b.example.test", true},
		{"*.example.test", "example.test", false},
		{"*.example.test", "a.b.example.test", false},
		{"*.example.test", ".example.test", false},
		{"*.example.test", "a.example.test.evil.test", false},
		{"*.example.test.", "a.example.test", false},
		{"f*o.example.test", "foo.example.test", false},
		{"*oo.example.test", "foo.example.test", false},
		{"foo*.example.test", "foo.example.test", false},
		{"a.*.test", "a.example.test", false},
		{"*.*.test", "a.example.test", false},
		{"**.example.test", "a.example.test", false},
		{"*.*", "a.test", false},
		{"*.test", "a.test", false},
		{"*", "test", false},
		{"*.", "a.", false},
		{"*example.test", "aexample.test", false},
	};

	for (size_t i = 0; i < MT_ARRAY_SIZE(cases); i++) {
		struct mt_refids refs = dns_id(cases[i].reference);

		if ((mt_refids_match_dns(&refs, bytes_of(cases[i].presented)) == 0) !=
		    cases[i].match)
			fail_msg("%s against %s", cases[i].presented, cases[i].reference);
	}
}

static void
a_hostile_name_matches_nothing(void **state)
{
	static const char nul_behind[] = "imap.example.test\0";
	static const char nul_within[] = "imap.example.test\0.evil.test";
	struct mt_refids refs = dns_id("imap.example.test");
	uint8_t large[4096];

	memset(large, 'a', sizeof(large));
	assert_int_equal(
		mt_refids_match_dns(&refs, (struct mt_bytes){(const uint8_t *)nul_behind, 18}), -1);
	assert_int_equal(mt_refids_match_dns(&refs, (struct mt_bytes){(const uint8_t *)nul_within,
								      sizeof(nul_within) - 1}),
			 -1);
	assert_int_equal(mt_refids_match_dns(&refs, (struct mt_bytes){large, sizeof(large)}), -1);
	assert_int_equal(mt_refids_match_dns(&refs, (struct mt_bytes){large, 0}), -1);
	assert_int_equal(mt_refids_match_dns(&refs, (struct mt_bytes){NULL, 0}), -1);
	assert_int_equal(mt_refids_match_srv(&refs, (struct mt_bytes){NULL, 0}), -1);
	assert_int_equal(mt_refids_match_ip(&refs, (struct mt_bytes){NULL, 0}), -1);
}

/* D-ID-13: {SRV-ID _imaps.example.test, DNS-ID mail.example.test}. */
static void
an_srv_id_matches_as_a_pair_only(void **state)
{
	static const struct {
		const char *presented;
		bool match;
	} cases[] = {
		{"_imaps.example.test", true},
		{"_IMAPS.Example.Test", true},
		{"_imaps.mail.example.test", false},
		{"_imap.example.test", false},
		{"imaps.example.test", false},
		{"_imaps._tcp.example.test", false},
		{"_imaps.example.test.", false},
		{"_imaps.*.test", false},
		{"*.example.test", false},
		{"_imaps.*", false},
		{"", false},
	};
	struct mt_reference ref;
	struct mt_refids refs;

	reference_of(&rows[SRV_INSIDE], &ref);
	strcpy(ref.host, "mail.example.test");
	assert_int_equal(mt_refids_build(&ref, &refs), 0);
	for (size_t i = 0; i < MT_ARRAY_SIZE(cases); i++)
		assert_int_equal(mt_refids_match_srv(&refs, bytes_of(cases[i].presented)) >= 0,
				 cases[i].match);
}

static void
an_srv_id_with_a_nul_matches_nothing(void **state)
{
	static const char within[] = "_imaps\0example.test";
	struct mt_refids refs = {.n = 1, .ids[0].type = MT_REFID_SRV};

	strcpy(refs.ids[0].value, "_imaps.example.test");
	assert_int_equal(mt_refids_match_srv(&refs, (struct mt_bytes){(const uint8_t *)within,
								      sizeof(within) - 1}),
			 -1);
}

static void
one_kind_of_identifier_never_stands_for_another(void **state)
{
	struct mt_refids srv = {.n = 1, .ids[0].type = MT_REFID_SRV};
	struct mt_refids dns = dns_id("_imaps.example.test");

	strcpy(srv.ids[0].value, "_imaps.example.test");
	assert_int_equal(mt_refids_match_dns(&srv, bytes_of("_imaps.example.test")), -1);
	assert_int_equal(mt_refids_match_dns(&srv, bytes_of("*.example.test")), -1);
	assert_int_equal(mt_refids_match_srv(&dns, bytes_of("_imaps.example.test")), -1);
}

static void
an_address_is_compared_by_its_octets(void **state)
{
	static const uint8_t v4[] = {192, 0, 2, 7}, other[] = {192, 0, 2, 8};
	static const uint8_t mapped[] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 192, 0, 2, 7};
	static const uint8_t v6[16] = {0x20, 0x01, 0x0d, 0xb8, [15] = 7};
	struct mt_reference ref;
	struct mt_refids refs;

	reference_of(&rows[LITERAL], &ref);
	assert_int_equal(mt_refids_build(&ref, &refs), 0);
	assert_int_equal(mt_refids_match_ip(&refs, (struct mt_bytes){v4, 4}), 0);
	assert_int_equal(mt_refids_match_ip(&refs, (struct mt_bytes){other, 4}), -1);
	assert_int_equal(mt_refids_match_ip(&refs, (struct mt_bytes){v4, 3}), -1);
	assert_int_equal(mt_refids_match_ip(&refs, (struct mt_bytes){mapped, 16}), -1);
	assert_int_equal(mt_refids_match_dns(&refs, bytes_of("192.0.2.7")), -1);
	strcpy(ref.host, "2001:DB8::7");
	assert_int_equal(mt_refids_build(&ref, &refs), 0);
	assert_int_equal(mt_refids_match_ip(&refs, (struct mt_bytes){v6, 16}), 0);
	assert_int_equal(mt_refids_match_ip(&refs, (struct mt_bytes){v6, 4}), -1);
}

/* D-ID-15: what is recorded is the entry of the list, whatever the certificate shows. */
static void
the_match_is_an_entry_of_the_list(void **state)
{
	struct mt_reference ref;
	struct mt_refids refs;
	int match;

	reference_of(&rows[TYPED], &ref);
	assert_int_equal(mt_refids_build(&ref, &refs), 0);
	match = mt_refids_match_dns(&refs, bytes_of("*.example.test"));
	assert_int_equal(match, 0);
	assert_string_equal(refs.ids[match].value, "imap.example.test");
	match = mt_refids_match_dns(&refs, bytes_of("EXAMPLE.test"));
	assert_int_equal(match, 1);
	assert_string_equal(refs.ids[match].value, "example.test");
}

static void
a_list_is_told_by_type_and_value_in_its_order(void **state)
{
	const struct mt_refids full = {
		.n = 3,
		.ids = {{.type = MT_REFID_DNS, .value = "imap.example.test"},
			{.type = MT_REFID_SRV, .value = "_imaps.example.test"},
			{.type = MT_REFID_IP, .value = "192.0.2.7"}},
	};
	const struct mt_refids none = {0};
	char text[MT_REFIDS_TEXT_SIZE];
	struct mt_refids longest = {.n = MT_REFIDS_MAX};

	assert_string_equal(mt_refids_format(&full, text),
			    "dns:imap.example.test,srv:_imaps.example.test,ip:192.0.2.7");
	assert_string_equal(mt_refids_format(&none, text), "");
	for (size_t i = 0; i < MT_REFIDS_MAX; i++) {
		longest.ids[i].type = MT_REFID_DANE_EE;
		memset(longest.ids[i].value, 'a', sizeof(longest.ids[i].value) - 1);
	}
	assert_int_equal(strlen(mt_refids_format(&longest, text)),
			 MT_REFIDS_MAX * (sizeof(longest.ids[0].value) - 1 + 9) - 1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_list_is_told_by_type_and_value_in_its_order),
		cmocka_unit_test(every_discovery_path_gives_its_identifiers_and_no_other),
		cmocka_unit_test(every_discovery_path_matches_and_misses),
		cmocka_unit_test(an_srv_id_is_of_the_label_that_was_asked),
		cmocka_unit_test(names_are_normalised_and_listed_once),
		cmocka_unit_test(what_is_neither_a_name_nor_a_literal_is_no_reference),
		cmocka_unit_test(a_name_matches_whole_and_whatever_its_case),
		cmocka_unit_test(a_wildcard_is_one_whole_label_on_the_left_of_two),
		cmocka_unit_test(a_hostile_name_matches_nothing),
		cmocka_unit_test(an_srv_id_matches_as_a_pair_only),
		cmocka_unit_test(an_srv_id_with_a_nul_matches_nothing),
		cmocka_unit_test(one_kind_of_identifier_never_stands_for_another),
		cmocka_unit_test(an_address_is_compared_by_its_octets),
		cmocka_unit_test(the_match_is_an_entry_of_the_list),
	};

	return cmocka_run_group_tests_name("identity", tests, NULL, NULL);
}
