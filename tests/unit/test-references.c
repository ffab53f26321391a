/* SPDX-License-Identifier: MIT */
/* Which names are asked for depends on how the host was found, each row matched and missed. */

#include "tests/cmocka-all.h"

#include "tests/unit/judging.h"

#define HOLD(state, rows) judging_names(*(state), rows, MT_ARRAY_SIZE(rows))
#define MISMATCH "identity-mismatch"
#define DOMAIN .address_domain = "example.test"
#define MANUAL(h)                                                   \
	{                                                           \
		.discovery = MT_DISCOVERY_MANUAL, .host = h, DOMAIN \
	}
#define BY_SRV(h, ...)                                                               \
	{                                                                            \
		.discovery = MT_DISCOVERY_SRV, .host = h, DOMAIN, .label = "_imaps", \
		.dnssec = MT_DNSSEC_INSECURE, __VA_ARGS__                            \
	}
#define D                               \
	{                               \
		PKI_DNS("example.test") \
	}
#define H                                    \
	{                                    \
		PKI_DNS("mail.example.test") \
	}
#define OUTSIDE                            \
	{                                  \
		PKI_DNS("mail.other.test") \
	}
#define SRV                                    \
	{                                      \
		PKI_SRV("_imaps.example.test") \
	}

static void
a_typed_name_gives_the_host_and_the_domain_of_the_address(void **state)
{
	static const struct judging_name rows[] = {
		{"host", MANUAL("mail.other.test"), OUTSIDE, "valid", "mail.other.test"},
		{"domain", MANUAL("mail.other.test"), D, "valid", "example.test"},
		{"service", MANUAL("mail.other.test"), SRV, MISMATCH, NULL},
		{"another host", MANUAL("mail.other.test"), H, MISMATCH, NULL},
	};

	HOLD(state, rows);
}

static void
a_typed_literal_gives_the_address_alone(void **state)
{
	static const struct judging_name rows[] = {
		{"address", MANUAL("192.0.2.7"), {PKI_IP("\xc0\0\2\7")}, "valid", "192.0.2.7"},
		{"another", MANUAL("192.0.2.7"), {PKI_IP("\xc0\0\2\11")}, MISMATCH, NULL},
		{"domain", MANUAL("192.0.2.7"), D, MISMATCH, NULL},
		{"service", MANUAL("192.0.2.7"), SRV, MISMATCH, NULL},
	};

	HOLD(state, rows);
}

static void
srv_inside_the_domain_gives_host_domain_and_service(void **state)
{
	static const struct judging_name rows[] = {
		{"host", BY_SRV("mail.example.test", .saved = false), H, "valid",
		 "mail.example.test"},
		{"domain", BY_SRV("mail.example.test", .saved = false), D, "valid", "example.test"},
		{"service", BY_SRV("mail.example.test", .saved = false), SRV, "valid",
		 "_imaps.example.test"},
		{"another", BY_SRV("mail.example.test", .saved = false), OUTSIDE, MISMATCH, NULL},
		{"saved", BY_SRV("mail.example.test", .saved = true), H, "valid", NULL},
	};

	HOLD(state, rows);
}

static void
srv_outside_the_domain_counts_once_confirmed_or_signed(void **state)
{
#define CONFIRMED BY_SRV("mail.other.test", .confirmed = true)
#define SIGNED                                                                    \
	{                                                                         \
		.discovery = MT_DISCOVERY_SRV, .host = "mail.other.test", DOMAIN, \
		.label = "_imaps", .dnssec = MT_DNSSEC_SECURE                     \
	}
	static const struct judging_name rows[] = {
		{"confirmed, host", CONFIRMED, OUTSIDE, "valid", "mail.other.test"},
		{"confirmed, domain", CONFIRMED, D, "valid", "example.test"},
		{"confirmed, service", CONFIRMED, SRV, "valid", "_imaps.example.test"},
		{"confirmed, another", CONFIRMED, H, MISMATCH, NULL},
		{"signed, host", SIGNED, OUTSIDE, "valid", "mail.other.test"},
		{"signed, domain", SIGNED, D, "valid", "example.test"},
		{"signed, service", SIGNED, SRV, "valid", "_imaps.example.test"},
		{"signed, another", SIGNED, H, MISMATCH, NULL},
	};

	HOLD(state, rows);
}

static void
unsigned_srv_outside_the_domain_gives_nothing_to_match(void **state)
{
	static const struct mt_reference references[] = {
		BY_SRV("mail.other.test", .saved = false),
		BY_SRV("mail.other.test", .saved = true),
		BY_SRV("example.test.other.test", .saved = false),
		BY_SRV("anotherexample.test", .saved = false),
	};

	for (size_t i = 0; i < MT_ARRAY_SIZE(references); i++) {
		struct mt_refids refs;

		assert_int_equal(mt_refids_build(&references[i], &refs), MT_REFIDS_E_NONE);
		assert_int_equal(refs.n, 0);
	}
}

static void
bogus_srv_gives_nothing_to_match(void **state)
{
	const struct mt_reference reference = {.discovery = MT_DISCOVERY_SRV,
					       .host = "mail.example.test",
					       DOMAIN,
					       .label = "_imaps",
					       .dnssec = MT_DNSSEC_BOGUS,
					       .confirmed = true};
	struct mt_refids refs;

	assert_int_equal(mt_refids_build(&reference, &refs), MT_REFIDS_E_NONE);
}

static void
other_discovery_gives_the_host_once_approved_and_never_a_service(void **state)
{
#define FOUND(how, ...)                                                          \
	{                                                                        \
		.discovery = how, .host = "mail.other.test", DOMAIN, __VA_ARGS__ \
	}
	static const struct judging_name rows[] = {
		{"new, domain", FOUND(MT_DISCOVERY_AUTOCONFIG, .saved = false), D, "valid",
		 "example.test"},
		{"new, host", FOUND(MT_DISCOVERY_AUTOCONFIG, .saved = false), OUTSIDE, MISMATCH,
		 NULL},
		{"new, PACC", FOUND(MT_DISCOVERY_PACC, .saved = false), OUTSIDE, MISMATCH, NULL},
		{"saved, host", FOUND(MT_DISCOVERY_AUTOCONFIG, .saved = true), OUTSIDE, "valid",
		 NULL},
		{"saved, PACC", FOUND(MT_DISCOVERY_PACC, .saved = true), OUTSIDE, "valid", NULL},
		{"saved, service", FOUND(MT_DISCOVERY_AUTOCONFIG, .saved = true, .label = "_imaps"),
		 SRV, MISMATCH, NULL},
		{"saved, another", FOUND(MT_DISCOVERY_PACC, .saved = true), H, MISMATCH, NULL},
	};

	HOLD(state, rows);
}

static void
a_literal_counts_only_where_a_person_typed_it(void **state)
{
	static const struct mt_reference references[] = {
		{.discovery = MT_DISCOVERY_SRV, .host = "192.0.2.7", DOMAIN, .confirmed = true},
		{.discovery = MT_DISCOVERY_AUTOCONFIG, .host = "192.0.2.7", DOMAIN, .saved = true},
		{.discovery = MT_DISCOVERY_PACC, .host = "2001:db8::7", DOMAIN, .saved = true},
	};
	struct mt_refids refs;

	for (size_t i = 0; i < MT_ARRAY_SIZE(references); i++)
		assert_int_equal(mt_refids_build(&references[i], &refs), MT_REFIDS_E_INVALID);
}

#define UNIT(test) cmocka_unit_test_setup_teardown(test, pki_setup, pki_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		UNIT(a_typed_name_gives_the_host_and_the_domain_of_the_address),
		UNIT(a_typed_literal_gives_the_address_alone),
		UNIT(srv_inside_the_domain_gives_host_domain_and_service),
		UNIT(srv_outside_the_domain_counts_once_confirmed_or_signed),
		UNIT(unsigned_srv_outside_the_domain_gives_nothing_to_match),
		UNIT(bogus_srv_gives_nothing_to_match),
		UNIT(other_discovery_gives_the_host_once_approved_and_never_a_service),
		UNIT(a_literal_counts_only_where_a_person_typed_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
