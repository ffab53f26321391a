/* SPDX-License-Identifier: MIT */
/* Protocols, transports, operations; SRV labels and ports; which verb is which operation. */

#include "tests/cmocka-all.h"

#include <string.h>

#include "policy/service.h"

static void
the_six_labels_have_their_registered_ports(void **state)
{
	static const struct mt_service expected[] = {
		{"_imaps", MT_PROTO_IMAP, MT_TRANSPORT_IMPLICIT, 993},
		{"_imap", MT_PROTO_IMAP, MT_TRANSPORT_STARTTLS, 143},
		{"_pop3s", MT_PROTO_POP3, MT_TRANSPORT_IMPLICIT, 995},
		{"_pop3", MT_PROTO_POP3, MT_TRANSPORT_STARTTLS, 110},
		{"_submissions", MT_PROTO_SUBMISSION, MT_TRANSPORT_IMPLICIT, 465},
		{"_submission", MT_PROTO_SUBMISSION, MT_TRANSPORT_STARTTLS, 587},
	};

	assert_int_equal(MT_ARRAY_SIZE(mt_services), MT_ARRAY_SIZE(expected));
	for (size_t i = 0; i < MT_ARRAY_SIZE(expected); i++) {
		const struct mt_service *service = mt_service_find_label(expected[i].label);

		assert_non_null(service);
		assert_string_equal(service->label, expected[i].label);
		assert_int_equal(service->proto, expected[i].proto);
		assert_int_equal(service->transport, expected[i].transport);
		assert_int_equal(service->port, expected[i].port);
		assert_ptr_equal(mt_service_find(expected[i].proto, expected[i].transport),
				 service);
	}
}

static void
a_label_is_found_with_or_without_its_underscore(void **state)
{
	assert_ptr_equal(mt_service_find_label("imaps"), mt_service_find_label("_imaps"));
	assert_ptr_equal(mt_service_find_label("_POP3S"), mt_service_find_label("pop3s"));
	assert_null(mt_service_find_label("__imaps"));
	assert_null(mt_service_find_label("_smtp"));
	assert_null(mt_service_find_label("_"));
	assert_null(mt_service_find_label(""));
}

/* D-IANA-03 */
static void
smtps_is_understood_and_never_said(void **state)
{
	assert_ptr_equal(mt_service_find_label("smtps"), mt_service_find_label("submissions"));
	assert_ptr_equal(mt_service_find_label("_SMTPS"), mt_service_find_label("submissions"));
	for (size_t i = 0; i < MT_ARRAY_SIZE(mt_services); i++)
		assert_null(strstr(mt_services[i].label, "smtp"));
}

static void
no_service_is_without_tls_or_a_protocol(void **state)
{
	for (int proto = 0; proto < MT_PROTO_COUNT; proto++)
		assert_null(mt_service_find((enum mt_proto)proto, MT_TRANSPORT_NONE));
	assert_null(mt_service_find(MT_PROTO_UNKNOWN, MT_TRANSPORT_IMPLICIT));
}

/* D-IANA-01 */
static void
an_implicit_port_belongs_to_its_protocol(void **state)
{
	static const uint16_t ports[] = {0, 25, 110, 143, 465, 587, 993, 995, 10993};
	static const uint16_t implicit[MT_PROTO_COUNT] = {
		[MT_PROTO_IMAP] = 993, [MT_PROTO_POP3] = 995, [MT_PROTO_SUBMISSION] = 465};

	for (int proto = 0; proto < MT_PROTO_COUNT; proto++)
		for (size_t i = 0; i < MT_ARRAY_SIZE(ports); i++)
			assert_int_equal(
				mt_service_is_implicit_port((enum mt_proto)proto, ports[i]),
				proto != MT_PROTO_UNKNOWN && ports[i] == implicit[proto]);
}

struct verb {
	const char *verb;
	enum mt_op op;
};

static void
expect_verbs(enum mt_proto proto, const struct verb *verbs, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (mt_op_of_verb(proto, verbs[i].verb) != verbs[i].op)
			fail_msg("%s is %s", verbs[i].verb,
				 mt_op_to_string(mt_op_of_verb(proto, verbs[i].verb)));
}

static void
imap_verbs_belong_to_their_operations(void **state)
{
	static const struct verb verbs[] = {
		{"CAPABILITY", MT_OP_CAPABILITY},
		{"noop", MT_OP_CAPABILITY},
		{"Logout", MT_OP_CAPABILITY},
		{"STARTTLS", MT_OP_STARTTLS},
		{"LOGIN", MT_OP_AUTHENTICATE},
		{"AUTHENTICATE", MT_OP_AUTHENTICATE},
		{"SELECT", MT_OP_ACCESS},
		{"FETCH", MT_OP_ACCESS},
		{"ID", MT_OP_ACCESS},
		{"ENABLE", MT_OP_ACCESS},
		{"XYZZY", MT_OP_ACCESS},
		{"", MT_OP_ACCESS},
		{"CAPABILITYX", MT_OP_ACCESS},
		{"CAPA", MT_OP_ACCESS},
		{"QUIT", MT_OP_ACCESS},
	};

	expect_verbs(MT_PROTO_IMAP, verbs, MT_ARRAY_SIZE(verbs));
}

static void
pop3_verbs_belong_to_their_operations(void **state)
{
	static const struct verb verbs[] = {
		{"CAPA", MT_OP_CAPABILITY},   {"QUIT", MT_OP_CAPABILITY},
		{"STLS", MT_OP_STARTTLS},     {"USER", MT_OP_AUTHENTICATE},
		{"PASS", MT_OP_AUTHENTICATE}, {"APOP", MT_OP_AUTHENTICATE},
		{"AUTH", MT_OP_AUTHENTICATE}, {"RETR", MT_OP_ACCESS},
		{"STAT", MT_OP_ACCESS},       {"NOOP", MT_OP_ACCESS},
		{"XYZZY", MT_OP_ACCESS},      {"STARTTLS", MT_OP_ACCESS},
	};

	expect_verbs(MT_PROTO_POP3, verbs, MT_ARRAY_SIZE(verbs));
}

static void
submission_verbs_belong_to_their_operations(void **state)
{
	static const struct verb verbs[] = {
		{"EHLO", MT_OP_CAPABILITY},   {"NOOP", MT_OP_CAPABILITY},
		{"QUIT", MT_OP_CAPABILITY},   {"STARTTLS", MT_OP_STARTTLS},
		{"AUTH", MT_OP_AUTHENTICATE}, {"MAIL", MT_OP_SUBMIT},
		{"RCPT", MT_OP_SUBMIT},       {"DATA", MT_OP_SUBMIT},
		{"BDAT", MT_OP_SUBMIT},       {"VRFY", MT_OP_SUBMIT},
		{"HELO", MT_OP_SUBMIT},       {"XYZZY", MT_OP_SUBMIT},
	};

	expect_verbs(MT_PROTO_SUBMISSION, verbs, MT_ARRAY_SIZE(verbs));
}

static void
nothing_is_known_of_an_unknown_protocol(void **state)
{
	assert_int_equal(mt_op_of_verb(MT_PROTO_UNKNOWN, "CAPABILITY"), MT_OP_UNKNOWN);
	assert_int_equal(mt_op_of_verb(MT_PROTO_UNKNOWN, "LOGIN"), MT_OP_UNKNOWN);
}

/* Each enum with its names, the writable ones of which are read back. */
#define EXPECT_NAMES(name, n, first, ...)                                              \
	do {                                                                           \
		static const char *const names_[] = {__VA_ARGS__};                     \
		enum mt_##name value_ = (enum mt_##name)(first);                       \
		assert_int_equal(MT_ARRAY_SIZE(names_), (n));                          \
		for (int i_ = 0; i_ < (n); i_++) {                                     \
			assert_string_equal(mt_##name##_to_string((enum mt_##name)i_), \
					    names_[i_]);                               \
			assert_int_equal(mt_##name##_from_string(names_[i_], &value_), \
					 i_ < (first));                                \
			assert_int_equal(value_, i_ < (first) ? (first) : i_);         \
		}                                                                      \
		assert_int_equal(mt_##name##_from_string("nonsense", &value_), 1);     \
		assert_int_equal(mt_##name##_from_string("", &value_), 1);             \
		assert_int_equal(value_, (n)-1);                                       \
	} while (0)

static void
every_name_reads_back_and_unknown_is_never_read(void **state)
{
	EXPECT_NAMES(proto, MT_PROTO_COUNT, 1, "unknown", "imap", "pop3", "submission");
	EXPECT_NAMES(transport, MT_TRANSPORT_COUNT, 0, "none", "starttls", "implicit");
	EXPECT_NAMES(op, MT_OP_COUNT, 1, "unknown", "capability", "starttls", "test",
		     "authenticate", "access", "submit");
	EXPECT_NAMES(discovery, MT_DISCOVERY_COUNT, 1, "unknown", "manual", "srv", "autoconfig",
		     "pacc", "admin", "autoconfig-http");
	EXPECT_NAMES(level, MT_LEVEL_COUNT, 0, "none", "tls", "tls+auth");
	EXPECT_NAMES(dnssec, MT_DNSSEC_COUNT, 0, "bogus", "undetermined", "insecure", "secure");
}

static void
the_names_of_services_are_no_protocols(void **state)
{
	enum mt_proto proto = MT_PROTO_IMAP;

	assert_int_equal(mt_proto_from_string("smtps", &proto), 1);
	assert_int_equal(mt_proto_from_string("submissions", &proto), 1);
	assert_int_equal(mt_proto_from_string("imaps", &proto), 1);
	assert_int_equal(mt_proto_from_string("IMAP", &proto), 1);
	assert_int_equal(proto, MT_PROTO_IMAP);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_six_labels_have_their_registered_ports),
		cmocka_unit_test(a_label_is_found_with_or_without_its_underscore),
		cmocka_unit_test(smtps_is_understood_and_never_said),
		cmocka_unit_test(no_service_is_without_tls_or_a_protocol),
		cmocka_unit_test(an_implicit_port_belongs_to_its_protocol),
		cmocka_unit_test(imap_verbs_belong_to_their_operations),
		cmocka_unit_test(pop3_verbs_belong_to_their_operations),
		cmocka_unit_test(submission_verbs_belong_to_their_operations),
		cmocka_unit_test(nothing_is_known_of_an_unknown_protocol),
		cmocka_unit_test(every_name_reads_back_and_unknown_is_never_read),
		cmocka_unit_test(the_names_of_services_are_no_protocols),
	};

	return cmocka_run_group_tests_name("service", tests, NULL, NULL);
}
