/* SPDX-License-Identifier: MIT */
/* Name constraints, and how a certificate must be written (RFC 5280 §4.1, §4.2). */

#include "tests/cmocka-all.h"

#include "tests/unit/judging.h"

#define HOLD(state, rows) judging_rows(*(state), rows, MT_ARRAY_SIZE(rows))
#define EXT(name, value) .extensions = {{name, value}}
#define NC(value)                             \
	{                                     \
		EXT("nameConstraints", value) \
	}
#define PLAIN              \
	{                  \
		.cn = NULL \
	}
#define VIOLATION "constraint-violation"
#define SRV_TREE "otherName:1.3.6.1.5.5.7.8.7;IA5STRING:"

static void
names_stay_inside_what_an_authority_may_name(void **state)
{
	static const struct judging_row rows[] = {
		{"permitted", PLAIN, NC("critical,permitted;DNS:example.test"), PLAIN, "valid"},
		{"not critical", PLAIN, NC("permitted;DNS:other.test"), PLAIN, VIOLATION},
		{"elsewhere", PLAIN, NC("critical,permitted;DNS:other.test"), PLAIN, VIOLATION},
		{"the root's", NC("critical,permitted;DNS:other.test"), PLAIN, PLAIN, VIOLATION},
		{"the root's, inside", NC("permitted;DNS:test"), PLAIN, PLAIN, "valid"},
		{"half a label", PLAIN, NC("permitted;DNS:ple.test"), PLAIN, VIOLATION},
		{"excluded", PLAIN, NC("critical,excluded;DNS:example.test"), PLAIN, VIOLATION},
		{"something else excluded", PLAIN, NC("excluded;DNS:other.test"), PLAIN, "valid"},
		{"of another kind", PLAIN, NC("permitted;email:example.test"), PLAIN, "valid"},
		{"one name in, one out",
		 PLAIN,
		 NC("permitted;DNS:example.test"),
		 {.names = {PKI_DNS(PKI_HOST), PKI_DNS("imap.other.test")}},
		 VIOLATION},
		{"addresses in",
		 PLAIN,
		 NC("permitted;IP:192.0.2.0/255.255.255.0"),
		 {.names = {PKI_DNS(PKI_HOST), PKI_IP("\xc0\0\2\7")}},
		 "valid"},
		{"addresses out",
		 PLAIN,
		 NC("permitted;IP:192.0.2.0/255.255.255.0"),
		 {.names = {PKI_DNS(PKI_HOST), PKI_IP("\xc0\0\3\7")}},
		 VIOLATION},
	};

	HOLD(state, rows);
}

static void
a_wildcard_must_not_reach_into_what_is_excluded(void **state)
{
	static const struct judging_row rows[] = {
		{"reaches",
		 PLAIN,
		 NC("excluded;DNS:secret.example.test"),
		 {.names = {PKI_DNS("*.example.test")}},
		 VIOLATION},
		{"in capitals",
		 PLAIN,
		 NC("excluded;DNS:secret.EXAMPLE.test"),
		 {.names = {PKI_DNS("*.example.test")}},
		 VIOLATION},
		{"does not reach",
		 PLAIN,
		 NC("excluded;DNS:secret.other.test"),
		 {.names = {PKI_DNS("*.example.test")}},
		 "valid"},
		{"a name beside it",
		 PLAIN,
		 NC("excluded;DNS:secret.example.test"),
		 {.names = {PKI_DNS(PKI_HOST)}},
		 "valid"},
		{"stays inside",
		 PLAIN,
		 NC("permitted;DNS:example.test"),
		 {.names = {PKI_DNS("*.example.test")}},
		 "valid"},
		{"wider than permitted",
		 PLAIN,
		 NC("permitted;DNS:imap.example.test"),
		 {.names = {PKI_DNS("*.example.test")}},
		 VIOLATION},
	};

	HOLD(state, rows);
}

static void
name_constraints_are_an_authoritys_and_say_something(void **state)
{
	static const struct judging_row rows[] = {
		{"in a server", PLAIN, PLAIN, NC("permitted;DNS:example.test"), VIOLATION},
		{"empty", PLAIN, NC("DER:3000"), PLAIN, VIOLATION},
		{"an empty list in it", PLAIN, NC("DER:3002a000"), PLAIN, VIOLATION},
	};

	HOLD(state, rows);
}

static void
an_authority_that_constrains_srv_names_is_refused_whole(void **state)
{
	static const struct judging_row rows[] = {
		{"permitted", PLAIN, NC("permitted;" SRV_TREE "example.test"), PLAIN, VIOLATION},
		{"excluded", PLAIN, NC("excluded;" SRV_TREE "other.test"), PLAIN, VIOLATION},
		{"with a service named",
		 PLAIN,
		 NC("permitted;" SRV_TREE "_imaps.example.test"),
		 {.names = {PKI_DNS(PKI_HOST), PKI_SRV("_imaps.example.test")}},
		 VIOLATION},
	};

	HOLD(state, rows);
}

static void
an_authority_constrained_for_hosts_gains_no_srv_names_outside(void **state)
{
#define WITH_SRV(srv)                                        \
	{                                                    \
		.names = { PKI_DNS(PKI_HOST), PKI_SRV(srv) } \
	}
	static const struct judging_row rows[] = {
		{"inside", PLAIN, NC("permitted;DNS:example.test"), WITH_SRV("_imaps.example.test"),
		 "valid"},
		{"outside", PLAIN, NC("permitted;DNS:example.test"), WITH_SRV("_imaps.other.test"),
		 VIOLATION},
		{"half a label", PLAIN, NC("permitted;DNS:example.test"),
		 WITH_SRV("_imaps.another-example.test"), VIOLATION},
		{"no SRV name at all", PLAIN, NC("permitted;DNS:example.test"), WITH_SRV("example"),
		 VIOLATION},
		{"as UTF-8",
		 PLAIN,
		 NC("permitted;DNS:example.test"),
		 {.names = {PKI_DNS(PKI_HOST), PKI_SRV_UTF8("_imaps.other.test")}},
		 VIOLATION},
		{"excluded", PLAIN, NC("excluded;DNS:other.test"), WITH_SRV("_imaps.other.test"),
		 VIOLATION},
		{"below what is excluded", PLAIN, NC("excluded;DNS:other.test"),
		 WITH_SRV("_imaps.mail.OTHER.test"), VIOLATION},
		{"not constrained for hosts", PLAIN, NC("permitted;email:example.test"),
		 WITH_SRV("_imaps.other.test"), "valid"},
	};

	HOLD(state, rows);
}

static void
a_name_that_is_no_host_name_is_a_violation(void **state)
{
#define BESIDE(dns)                                          \
	{                                                    \
		.names = { PKI_DNS(PKI_HOST), PKI_DNS(dns) } \
	}
	static const struct judging_row rows[] = {
		{"a host", PLAIN, PLAIN, BESIDE("pop.example.test"), "valid"},
		{"an underscore", PLAIN, PLAIN, BESIDE("a_b.example.test"), "valid"},
		{"a wildcard", PLAIN, PLAIN, BESIDE("*.example.test"), "valid"},
		{"one label", PLAIN, PLAIN, BESIDE("localhost"), "valid"},
		{"empty", PLAIN, PLAIN, BESIDE(""), VIOLATION},
		{"a space", PLAIN, PLAIN, BESIDE(" "), VIOLATION},
		{"a dot at the end", PLAIN, PLAIN, BESIDE("pop.example.test."), VIOLATION},
		{"a dot at the start", PLAIN, PLAIN, BESIDE(".example.test"), VIOLATION},
		{"two dots", PLAIN, PLAIN, BESIDE("pop..example.test"), VIOLATION},
		{"a NUL", PLAIN, PLAIN, BESIDE("pop\0.example.test"), VIOLATION},
		{"a letter beyond ASCII", PLAIN, PLAIN, BESIDE("b\xc3\xbc.test"), VIOLATION},
		{"a star inside", PLAIN, PLAIN, BESIDE("a.*.test"), VIOLATION},
		{"two stars", PLAIN, PLAIN, BESIDE("*.*.test"), VIOLATION},
		{"part of a label", PLAIN, PLAIN, BESIDE("p*.example.test"), VIOLATION},
		{"a bare star", PLAIN, PLAIN, BESIDE("*"), VIOLATION},
	};

	HOLD(state, rows);
}

static void
without_a_subject_the_alternative_name_is_critical(void **state)
{
	static const struct judging_row rows[] = {
		{"critical", PLAIN, PLAIN, {.cn = "", .san_critical = true}, "valid"},
		{"not critical", PLAIN, PLAIN, {.cn = ""}, VIOLATION},
		{"not critical, with a subject", PLAIN, PLAIN, PLAIN, "valid"},
	};

	HOLD(state, rows);
}

static void
a_serial_number_is_positive_and_no_longer_than_20_octets(void **state)
{
#define OCTETS_19 "00112233445566778899aabbccddeeff001122"
	static const struct judging_row rows[] = {
		{"one", PLAIN, PLAIN, {.serial = "1"}, "valid"},
		{"zero", PLAIN, PLAIN, {.serial = "0"}, VIOLATION},
		{"negative", PLAIN, PLAIN, {.serial = "-1"}, VIOLATION},
		{"20 octets", PLAIN, PLAIN, {.serial = "7f" OCTETS_19}, "valid"},
		{"21 octets", PLAIN, PLAIN, {.serial = "7f00" OCTETS_19}, VIOLATION},
		{"intermediate zero", PLAIN, {.serial = "0"}, PLAIN, VIOLATION},
		{"root zero", {.serial = "0"}, PLAIN, PLAIN, "valid"},
	};

	HOLD(state, rows);
}

static void
an_extension_stands_once(void **state)
{
#define TWICE(name, value)                                     \
	{                                                      \
		.extensions = { {name, value}, {name, value} } \
	}
	static const struct judging_row rows[] = {
		{"alternative names", PLAIN, PLAIN, TWICE("subjectAltName", "DNS:" PKI_HOST),
		 "malformed"},
		{"extended key usage", PLAIN, PLAIN, TWICE("extendedKeyUsage", "serverAuth"),
		 "malformed"},
		{"one of no meaning here", PLAIN, PLAIN, TWICE("1.2.3.4", "DER:0500"), VIOLATION},
		{"TLS feature", PLAIN, PLAIN, TWICE("tlsfeature", "status_request"), VIOLATION},
		{"of an intermediate", PLAIN, TWICE("1.2.3.4", "DER:0500"), PLAIN, VIOLATION},
	};

	HOLD(state, rows);
}

#define UNIT(test) cmocka_unit_test_setup_teardown(test, pki_setup, pki_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		UNIT(names_stay_inside_what_an_authority_may_name),
		UNIT(a_wildcard_must_not_reach_into_what_is_excluded),
		UNIT(name_constraints_are_an_authoritys_and_say_something),
		UNIT(an_authority_that_constrains_srv_names_is_refused_whole),
		UNIT(an_authority_constrained_for_hosts_gains_no_srv_names_outside),
		UNIT(a_name_that_is_no_host_name_is_a_violation),
		UNIT(without_a_subject_the_alternative_name_is_critical),
		UNIT(a_serial_number_is_positive_and_no_longer_than_20_octets),
		UNIT(an_extension_stands_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
