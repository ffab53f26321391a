/* SPDX-License-Identifier: MIT */
/* Presented identifiers of a server certificate against the references (RFC 9525 §6, RFC 4985). */

#include "tests/cmocka-all.h"

#include <string.h>

#include "tests/unit/judging.h"

#define MISMATCH "identity-mismatch"
#define NO_HOST "identity-mismatch constraint-violation"

/* The forms a reference takes in the tables below. */
#define TYPED(h)                                                            \
	{                                                                   \
		.discovery = MT_DISCOVERY_MANUAL, .saved = true, .host = h, \
		.address_domain = "example.test"                            \
	}
#define BY_SRV(l, h)                                                                        \
	{                                                                                   \
		.discovery = MT_DISCOVERY_SRV, .dnssec = MT_DNSSEC_INSECURE, .saved = true, \
		.host = h, .address_domain = "example.test", .label = l                     \
	}

#define HOLD(state, rows) judging_names(*(state), rows, MT_ARRAY_SIZE(rows))

static void
a_dns_name_matches_as_a_whole(void **state)
{
	static const struct judging_name rows[] = {
		{"the host", TYPED(PKI_HOST), {PKI_DNS(PKI_HOST)}, "valid", PKI_HOST},
		{"in capitals", TYPED(PKI_HOST), {PKI_DNS("IMAP.Example.TEST")}, "valid", PKI_HOST},
		{"typed in capitals",
		 TYPED("Imap.Example.Test"),
		 {PKI_DNS(PKI_HOST)},
		 "valid",
		 PKI_HOST},
		{"typed with a dot at the end",
		 TYPED(PKI_HOST "."),
		 {PKI_DNS(PKI_HOST)},
		 "valid",
		 PKI_HOST},
		{"presented with a dot at the end",
		 TYPED(PKI_HOST),
		 {PKI_DNS(PKI_HOST ".")},
		 NO_HOST,
		 NULL},
		{"another", TYPED(PKI_HOST), {PKI_DNS("pop.example.test")}, MISMATCH, NULL},
		{"the end of it", TYPED(PKI_HOST), {PKI_DNS("test")}, MISMATCH, NULL},
		{"more than it", TYPED(PKI_HOST), {PKI_DNS("a.imap.example.test")}, MISMATCH, NULL},
		{"begins like it",
		 TYPED(PKI_HOST),
		 {PKI_DNS("imap.example.test.evil.test")},
		 MISMATCH,
		 NULL},
		{"the last of several",
		 TYPED(PKI_HOST),
		 {PKI_DNS("a.test"), PKI_URI("imap://b.test"), PKI_DNS(PKI_HOST)},
		 "valid",
		 PKI_HOST},
		{"the domain of the address",
		 TYPED(PKI_HOST),
		 {PKI_DNS("example.test")},
		 "valid",
		 "example.test"},
	};

	HOLD(state, rows);
}

static void
a_nul_inside_a_name_ends_nothing(void **state)
{
	static const struct judging_name rows[] = {
		{"after the host",
		 TYPED(PKI_HOST),
		 {PKI_DNS(PKI_HOST "\0.evil.test")},
		 NO_HOST,
		 NULL},
		{"at the end", TYPED(PKI_HOST), {PKI_DNS(PKI_HOST "\0")}, NO_HOST, NULL},
		{"alone", TYPED(PKI_HOST), {PKI_DNS("\0")}, NO_HOST, NULL},
		{"in a wildcard", TYPED(PKI_HOST), {PKI_DNS("*.example.test\0")}, NO_HOST, NULL},
		{"beside the host",
		 TYPED(PKI_HOST),
		 {PKI_DNS("a\0b"), PKI_DNS(PKI_HOST)},
		 "constraint-violation",
		 PKI_HOST},
	};

	HOLD(state, rows);
}

static void
a_wildcard_is_the_left_most_label_and_matches_one(void **state)
{
#define WILD(what, host, dns, found)                           \
	{                                                      \
		what, TYPED(host), {PKI_DNS(dns)}, found, NULL \
	}
	static const struct judging_name rows[] = {
		WILD("one label", "a.example.test", "*.example.test", "valid"),
		WILD("in capitals", "a.example.test", "*.EXAMPLE.test", "valid"),
		WILD("a label with an underscore", "a_b.example.test", "*.example.test", "valid"),
		WILD("an A-label", "xn--bcher-kva.example.test", "*.example.test", "valid"),
		WILD("none", "example.test", "*.example.test", MISMATCH),
		WILD("two labels", "a.b.example.test", "*.example.test", MISMATCH),
		WILD("another domain", "a.example.test", "*.other.test", MISMATCH),
		WILD("half a label", "a.another-example.test", "*.example.test", MISMATCH),
		WILD("one label behind it", "example.test", "*.test", MISMATCH),
		WILD("begins a label", "foo.example.test", "f*.example.test", NO_HOST),
		WILD("ends a label", "foo.example.test", "*oo.example.test", NO_HOST),
		WILD("inside a label", "foo.example.test", "f*o.example.test", NO_HOST),
		WILD("inside an A-label", "xn--bcher-kva.example.test", "xn--*.example.test",
		     NO_HOST),
		WILD("the second label", "a.b.test", "a.*.test", NO_HOST),
		WILD("two of them", "a.b.test", "*.*.test", NO_HOST),
		WILD("bare", "example.test", "*", NO_HOST),
		WILD("an empty label", "a.example.test", "*..example.test", NO_HOST),
		WILD("with a dot at the end", "a.example.test", "*.example.test.", NO_HOST),
	};

	HOLD(state, rows);
}

static void
what_matched_is_the_reference_and_not_the_wildcard(void **state)
{
	static const struct judging_name rows[] = {
		{"wildcard", TYPED(PKI_HOST), {PKI_DNS("*.example.test")}, "valid", PKI_HOST},
		/* the host before the domain, whatever the order in the certificate */
		{"both",
		 TYPED(PKI_HOST),
		 {PKI_DNS("example.test"), PKI_DNS(PKI_HOST)},
		 "valid",
		 PKI_HOST},
	};

	HOLD(state, rows);
}

static void
an_international_name_is_compared_as_a_labels(void **state)
{
	static const struct judging_name rows[] = {
		{"A-label",
		 TYPED("xn--bcher-kva.test"),
		 {PKI_DNS("xn--bcher-kva.test")},
		 "valid",
		 "xn--bcher-kva.test"},
		{"mixed case",
		 TYPED("xn--bcher-kva.test"),
		 {PKI_DNS("XN--Bcher-KVA.test")},
		 "valid",
		 "xn--bcher-kva.test"},
		{"U-label",
		 TYPED("xn--bcher-kva.test"),
		 {PKI_DNS("b\xc3\xbc"
			  "cher.test")},
		 NO_HOST,
		 NULL},
		{"Latin-1",
		 TYPED("xn--bcher-kva.test"),
		 {PKI_DNS("b\xfc"
			  "cher.test")},
		 NO_HOST,
		 NULL},
	};

	HOLD(state, rows);
}

static void
an_address_matches_only_its_octets(void **state)
{
	static const struct judging_name rows[] = {
		{"IPv4", TYPED("192.0.2.7"), {PKI_IP("\xc0\0\2\7")}, "valid", "192.0.2.7"},
		{"another IPv4", TYPED("192.0.2.7"), {PKI_IP("\xc0\0\2\10")}, MISMATCH, NULL},
		{"IPv6",
		 TYPED("2001:db8::7"),
		 {PKI_IP("\x20\1\xd\xb8\0\0\0\0\0\0\0\0\0\0\0\7")},
		 "valid",
		 "2001:db8::7"},
		{"IPv4 in IPv6",
		 TYPED("192.0.2.7"),
		 {PKI_IP("\0\0\0\0\0\0\0\0\0\0\xff\xff\xc0\0\2\7")},
		 MISMATCH,
		 NULL},
		{"three octets", TYPED("192.0.2.7"), {PKI_IP("\xc0\0\2")}, MISMATCH, NULL},
		{"a network",
		 TYPED("192.0.2.7"),
		 {PKI_IP("\xc0\0\2\7\xff\xff\xff\0")},
		 MISMATCH,
		 NULL},
		{"as a DNS name", TYPED("192.0.2.7"), {PKI_DNS("192.0.2.7")}, MISMATCH, NULL},
		{"as text", TYPED("192.0.2.7"), {PKI_IP("192.0.2.7")}, MISMATCH, NULL},
		{"by a wildcard", TYPED("192.0.2.7"), {PKI_DNS("*.0.2.7")}, MISMATCH, NULL},
		{"of a named host", TYPED(PKI_HOST), {PKI_IP("\xc0\0\2\7")}, MISMATCH, NULL},
		{"the domain of the address",
		 TYPED("192.0.2.7"),
		 {PKI_DNS("example.test")},
		 MISMATCH,
		 NULL},
	};

	HOLD(state, rows);
}

static void
each_label_is_an_srv_name_under_itself_only(void **state)
{
	static const char *const labels[] = {"_imap",  "_imaps",      "_pop3",
					     "_pop3s", "_submission", "_submissions"};

	for (size_t i = 0; i < MT_ARRAY_SIZE(labels); i++) {
		for (size_t k = 0; k < MT_ARRAY_SIZE(labels); k++) {
			struct judging_name row = {
				"label", BY_SRV("", "mail.example.test"), {{0}}, MISMATCH, NULL};
			char name[64];

			(void)stpcpy(stpcpy(name, labels[k]), ".example.test");
			(void)strcpy(row.asked.label, labels[i]);
			row.names[0] = (struct pki_name){PKI_NAME_SRV, name, strlen(name)};
			if (i == k) {
				row.found = "valid";
				row.matched = name;
			}
			judging_names(*state, &row, 1);
		}
	}
}

static void
an_srv_name_is_an_ia5_string_of_service_and_domain(void **state)
{
#define SRV(what, name, found)                                                   \
	{                                                                        \
		what, BY_SRV("_imaps", "mail.example.test"), {name}, found, NULL \
	}
	static const struct judging_name rows[] = {
		SRV("correct", PKI_SRV("_imaps.example.test"), "valid"),
		SRV("in other letters", PKI_SRV("_IMAPS.Example.Test"), "valid"),
		SRV("a UTF8String", PKI_SRV_UTF8("_imaps.example.test"), MISMATCH),
		SRV("empty", PKI_SRV(""), MISMATCH),
		SRV("with the protocol", PKI_SRV("_imaps._tcp.example.test"), MISMATCH),
		SRV("a NUL at the end", PKI_SRV("_imaps.example.test\0"), MISMATCH),
		SRV("a NUL inside", PKI_SRV("_imaps.example.test\0.evil.test"), MISMATCH),
		SRV("a NUL for a dot", PKI_SRV("_imaps\0example.test"), MISMATCH),
		SRV("a dot at the end", PKI_SRV("_imaps.example.test."), MISMATCH),
		SRV("without the underscore", PKI_SRV("imaps.example.test"), MISMATCH),
		SRV("the service alone", PKI_SRV("_imaps"), MISMATCH),
		SRV("the domain alone", PKI_SRV("example.test"), MISMATCH),
		SRV("another type of otherName", PKI_UPN("_imaps.example.test"), MISMATCH),
		SRV("as a DNS name", PKI_DNS("_imaps.example.test"), MISMATCH),
		SRV("as a URI", PKI_URI("_imaps.example.test"), MISMATCH),
	};

	HOLD(state, rows);
}

static void
service_and_name_of_an_srv_name_count_only_as_a_pair(void **state)
{
	static const struct judging_name rows[] = {
		SRV("the host in its place", PKI_SRV("_imaps.mail.example.test"), MISMATCH),
		SRV("another service", PKI_SRV("_pop3s.example.test"), MISMATCH),
		SRV("a wildcard of services", PKI_SRV("*.example.test"), MISMATCH),
		SRV("a wildcard of domains", PKI_SRV("_imaps.*.test"), MISMATCH),
		{"no SRV led here",
		 TYPED(PKI_HOST),
		 {PKI_SRV("_imaps.example.test")},
		 MISMATCH,
		 NULL},
		{"a service of a host",
		 BY_SRV("_imaps", "mail.example.test"),
		 {PKI_DNS("mail.example.test")},
		 "valid",
		 "mail.example.test"},
	};

	HOLD(state, rows);
}

static void
a_uri_is_never_an_identifier(void **state)
{
	static const struct judging_name rows[] = {
		{"with a scheme",
		 TYPED(PKI_HOST),
		 {PKI_URI("imap://imap.example.test")},
		 MISMATCH,
		 NULL},
		{"bare", TYPED(PKI_HOST), {PKI_URI(PKI_HOST)}, MISMATCH, NULL},
		{"beside a name",
		 TYPED(PKI_HOST),
		 {PKI_URI("imap://a.test"), PKI_DNS(PKI_HOST)},
		 "valid",
		 PKI_HOST},
	};

	HOLD(state, rows);
}

static const char *
judge_cn(struct pki *pki, const struct pki_recipe *recipe)
{
	const struct pki_cert *leaf = pki_issue(pki, recipe);
	struct judging j;

	judging_begin(&j, leaf, SENT(leaf));
	return judging_run(&j);
}

static void
the_common_name_is_no_identifier_and_only_explains_a_mismatch(void **state)
{
	const struct pki_recipe alone = {.cn = PKI_HOST, .extensions = {{"subjectAltName", NULL}}};
	const struct pki_recipe neither = {.cn = "A server",
					   .extensions = {{"subjectAltName", NULL}}};
	const struct pki_recipe beside = {.cn = PKI_HOST, .names = {PKI_DNS("other.test")}};
	const struct pki_recipe other_cn = {.cn = "other.test"};
	const struct pki_recipe old = {.cn = PKI_HOST, .is_v1 = true};

	assert_string_equal(judge_cn(*state, &alone), "identity-mismatch cn-only");
	assert_string_equal(judge_cn(*state, &old), "identity-mismatch cn-only");
	assert_string_equal(judge_cn(*state, &neither), "identity-mismatch");
	assert_string_equal(judge_cn(*state, &beside), "identity-mismatch cn-only");
	assert_string_equal(judge_cn(*state, &other_cn), "valid");
}

static void
a_name_counts_only_on_a_valid_path_and_both_are_told(void **state)
{
	const struct pki_cert *right = pki_issue(*state, &(struct pki_recipe){.cn = NULL});
	const struct pki_cert *wrong =
		pki_issue(*state, &(struct pki_recipe){.names = {PKI_DNS("other.test")}});
	struct judging j;

	judging_begin(&j, NULL, SENT(right));
	judging_expect(&j, "chain-untrusted");
	assert_false(j.v.pkix_valid);
	judging_begin(&j, NULL, SENT(wrong));
	judging_expect(&j, "chain-untrusted identity-mismatch");
}

#define UNIT(test) cmocka_unit_test_setup_teardown(test, pki_setup, pki_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		UNIT(a_dns_name_matches_as_a_whole),
		UNIT(a_nul_inside_a_name_ends_nothing),
		UNIT(a_wildcard_is_the_left_most_label_and_matches_one),
		UNIT(what_matched_is_the_reference_and_not_the_wildcard),
		UNIT(an_international_name_is_compared_as_a_labels),
		UNIT(an_address_matches_only_its_octets),
		UNIT(each_label_is_an_srv_name_under_itself_only),
		UNIT(an_srv_name_is_an_ia5_string_of_service_and_domain),
		UNIT(service_and_name_of_an_srv_name_count_only_as_a_pair),
		UNIT(a_uri_is_never_an_identifier),
		UNIT(the_common_name_is_no_identifier_and_only_explains_a_mismatch),
		UNIT(a_name_counts_only_on_a_valid_path_and_both_are_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
