/* SPDX-License-Identifier: MIT */
/* DNS names: what is one, its normal form, and "inside the domain". */

#include "tests/cmocka-all.h"

#include <stdio.h>
#include <string.h>

#include "policy/domain.h"

/* 63 and 64 bytes */
#define LABEL_63 "a23456789012345678901234567890123456789012345678901234567890123"
#define LABEL_64 LABEL_63 "x"

static void
a_name_is_lowered_and_loses_one_trailing_dot(void **state)
{
	static const struct {
		const char *in, *out;
	} cases[] = {
		{"imap.example.test", "imap.example.test"},
		{"IMAP.Example.TEST", "imap.example.test"},
		{"imap.example.test.", "imap.example.test"},
		{"test", "test"},
		{"_imaps._tcp.example.test", "_imaps._tcp.example.test"},
		{"xn--bcher-kva.test", "xn--bcher-kva.test"},
		{"1.2.3.test", "1.2.3.test"},
		{"4a.test", "4a.test"},
		{LABEL_63 ".test", LABEL_63 ".test"},
	};

	for (size_t i = 0; i < MT_ARRAY_SIZE(cases); i++) {
		char out[MT_DOMAIN_SIZE];

		assert_int_equal(mt_domain_normalise(cases[i].in, strlen(cases[i].in), out), 0);
		assert_string_equal(out, cases[i].out);
	}
}

static void
the_rest_of_the_buffer_is_zero(void **state)
{
	char out[MT_DOMAIN_SIZE], zero[MT_DOMAIN_SIZE] = "";

	memset(out, 'x', sizeof(out));
	assert_int_equal(mt_domain_normalise("a.test", 6, out), 0);
	assert_memory_equal(out + 6, zero, sizeof(out) - 6);
}

static void
what_is_no_name_is_refused_and_leaves_the_buffer(void **state)
{
	static const char *const names[] = {
		"",         ".",
		"..",       ".test",
		"a..test",  "a.test..",
		"-a.test",  "a-.test",
		"a b.test", "a.b test",
		"*.test",   "a@test",
		"a/b.test", "b\xc3\xbc.test",
		"a.test\n", "192.0.2.7",
		"a.b.123",  "[::1]",
		"::1",      LABEL_64 ".test",
	};

	for (size_t i = 0; i < MT_ARRAY_SIZE(names); i++) {
		char out[MT_DOMAIN_SIZE] = "untouched";

		if (mt_domain_normalise(names[i], strlen(names[i]), out) != MT_DOMAIN_E_INVALID)
			fail_msg("\"%s\" was accepted as %s", names[i], out);
		assert_string_equal(out, "untouched");
	}
}

static void
a_nul_is_no_part_of_a_name(void **state)
{
	char out[MT_DOMAIN_SIZE];

	assert_int_equal(mt_domain_normalise("a.test\0", 7, out), MT_DOMAIN_E_INVALID);
	assert_int_equal(mt_domain_normalise("a\0b.test", 8, out), MT_DOMAIN_E_INVALID);
}

static void
a_name_has_at_most_253_bytes(void **state)
{
	char name[300], out[MT_DOMAIN_SIZE];

	/* four labels of 63, 63, 63 and 61 bytes: 253 with their dots */
	(void)snprintf(name, sizeof(name), "%s.%s.%s.%.61s", LABEL_63, LABEL_63, LABEL_63,
		       LABEL_63);
	assert_int_equal(strlen(name), MT_DOMAIN_MAX);
	assert_int_equal(mt_domain_normalise(name, strlen(name), out), 0);
	strcat(name, ".");
	assert_int_equal(mt_domain_normalise(name, strlen(name), out), 0);
	(void)snprintf(name, sizeof(name), "%s.%s.%s.%.62s", LABEL_63, LABEL_63, LABEL_63,
		       LABEL_63);
	assert_int_equal(mt_domain_normalise(name, strlen(name), out), MT_DOMAIN_E_INVALID);
}

static void
a_literal_is_an_address_in_full(void **state)
{
	static const struct {
		const char *text;
		size_t size;
	} cases[] = {
		{"192.0.2.7", 4},  {"::1", 16},       {"2001:db8::7", 16}, {"::ffff:192.0.2.7", 16},
		{"192.0.2", 0},    {"192.0.2.07", 0}, {"192.0.2.256", 0},  {"0x7f.0.0.1", 0},
		{"2130706433", 0}, {"[::1]", 0},      {"fe80::1%lo", 0},   {"imap.example.test", 0},
		{" 192.0.2.7", 0}, {"", 0},
	};

	for (size_t i = 0; i < MT_ARRAY_SIZE(cases); i++) {
		uint8_t ip[16];

		if (mt_ip_literal_parse(cases[i].text, ip) != cases[i].size)
			fail_msg("\"%s\"", cases[i].text);
	}
}

static void
a_host_is_a_name_or_a_literal(void **state)
{
	static const struct {
		const char *in, *out; /* NULL: refused */
	} cases[] = {
		{"IMAP.example.test.", "imap.example.test"},
		{"192.0.2.7", "192.0.2.7"},
		{"2001:DB8:0::7", "2001:db8::7"},
		{"[2001:db8::7]", "2001:db8::7"},
		{"[192.0.2.7]", NULL},
		{"[imap.example.test]", NULL},
		{"[]", NULL},
		{"[", NULL},
		{"[::1", NULL},
		{"192.0.2.300", NULL},
		{"imap.example.test:993", NULL},
		{"", NULL},
	};

	for (size_t i = 0; i < MT_ARRAY_SIZE(cases); i++) {
		char out[MT_DOMAIN_SIZE] = "";
		int r = mt_host_normalise(cases[i].in, strlen(cases[i].in), out);

		assert_int_equal(r, cases[i].out ? 0 : MT_DOMAIN_E_INVALID);
		if (cases[i].out)
			assert_string_equal(out, cases[i].out);
	}
}

static void
names_are_equal_whatever_their_case_and_trailing_dot(void **state)
{
	assert_true(mt_domain_equal("imap.example.test", "IMAP.example.TEST"));
	assert_true(mt_domain_equal("imap.example.test.", "imap.example.test"));
	assert_true(mt_domain_equal("imap.example.test", "imap.example.test."));
	assert_false(mt_domain_equal("imap.example.test..", "imap.example.test"));
	assert_false(mt_domain_equal("imap.example.test", "map.example.test"));
	assert_false(mt_domain_equal("imap.example.test", "imap.example.tes"));
	assert_false(mt_domain_equal("imap.example.test", ""));
}

/* D-SRV-12 */
static void
inside_a_domain_means_whole_labels(void **state)
{
	static const struct {
		const char *name, *domain;
		bool within;
	} cases[] = {
		{"imap.example.test", "example.test", true},
		{"a.b.example.test", "example.test", true},
		{"example.test", "example.test", true},
		{"IMAP.EXAMPLE.TEST", "example.test", true},
		{"imap.example.test.", "example.test", true},
		{"imap.example.test", "example.test.", true},
		{"notexample.test", "example.test", false},
		{"imap.example.test.evil.test", "example.test", false},
		{"imap.example.org", "example.test", false},
		{"test", "example.test", false},
		{"xn--exmple-cua.test", "example.test", false},
		{"imap.example.test", "", false},
		{"imap.example.test", ".", false},
		{"", "example.test", false},
	};

	for (size_t i = 0; i < MT_ARRAY_SIZE(cases); i++)
		if (mt_domain_is_within(cases[i].name, cases[i].domain) != cases[i].within)
			fail_msg("\"%s\" in \"%s\"", cases[i].name, cases[i].domain);
}

static void
loopback_is_by_address_or_by_its_reserved_name(void **state)
{
	static const struct {
		const char *host;
		bool loopback;
	} cases[] = {
		{"localhost", true},       {"LOCALHOST.", true},
		{"imap.localhost", true},  {"127.0.0.1", true},
		{"127.255.255.254", true}, {"::1", true},
		{"128.0.0.1", false},      {"::2", false},
		{"notlocalhost", false},   {"localhost.test", false},
		{"10.0.0.1", false},       {"", false},
	};

	for (size_t i = 0; i < MT_ARRAY_SIZE(cases); i++)
		assert_int_equal(mt_host_is_loopback(cases[i].host), cases[i].loopback);
}

static void
an_address_splits_at_its_last_at_sign(void **state)
{
	static const struct {
		const char *address;
		size_t local; /* 0: refused */
		const char *domain;
	} cases[] = {
		{"a@example.test", 1, "example.test"},
		{"\"a@b\"@Example.TEST.", 5, "example.test"},
		{"j\xc3\xbcrgen@example.test", 7, "example.test"},
		{"example.test", 0, NULL},
		{"@example.test", 0, NULL},
		{"a@", 0, NULL},
		{"a b@example.test", 0, NULL},
		{"a\n@example.test", 0, NULL},
		{"a\x7f@example.test", 0, NULL},
		{"a@b\xc3\xbc.test", 0, NULL},
		{"a@192.0.2.7", 0, NULL},
		{LABEL_64 "@example.test", 64, "example.test"},
		{LABEL_64 "x@example.test", 0, NULL},
	};

	for (size_t i = 0; i < MT_ARRAY_SIZE(cases); i++) {
		char domain[MT_DOMAIN_SIZE] = "";
		size_t local = 0;
		int r = mt_address_split(cases[i].address, &local, domain);

		assert_int_equal(r, cases[i].local ? 0 : MT_DOMAIN_E_INVALID);
		assert_int_equal(local, cases[i].local);
		if (cases[i].domain)
			assert_string_equal(domain, cases[i].domain);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_name_is_lowered_and_loses_one_trailing_dot),
		cmocka_unit_test(the_rest_of_the_buffer_is_zero),
		cmocka_unit_test(what_is_no_name_is_refused_and_leaves_the_buffer),
		cmocka_unit_test(a_nul_is_no_part_of_a_name),
		cmocka_unit_test(a_name_has_at_most_253_bytes),
		cmocka_unit_test(a_literal_is_an_address_in_full),
		cmocka_unit_test(a_host_is_a_name_or_a_literal),
		cmocka_unit_test(names_are_equal_whatever_their_case_and_trailing_dot),
		cmocka_unit_test(inside_a_domain_means_whole_labels),
		cmocka_unit_test(loopback_is_by_address_or_by_its_reserved_name),
		cmocka_unit_test(an_address_splits_at_its_last_at_sign),
	};

	return cmocka_run_group_tests_name("domain", tests, NULL, NULL);
}
