/* SPDX-License-Identifier: MIT */
/* Evidence: what each operation requires (REQUIREMENTS 0.2), what contradicts, what is benign. */

#include "tests/cmocka-all.h"

#include <string.h>

#include "tests/unit/case.h"

#define B(key) MT_BIT(MT_EV_##key)
#define BASE (B(PROTO) | B(HOST) | B(PORT) | B(TRANSPORT) | B(OBSERVED_AT))
#define TLS_1_3                                                                              \
	(B(TLS_VERSION) | B(TLS_CIPHER) | B(TLS_RESUMED) | B(TLS_EARLY_DATA) | B(TLS_ALPN) | \
	 B(CHAIN) | B(ESTABLISHED_AT))
#define TLS_1_2 (TLS_1_3 | B(TLS_EMS) | B(TLS_RENEG_INFO) | B(TLS_COMPRESSION))
#define STARTTLS                                                                  \
	(B(STARTTLS_OFFERED) | B(STARTTLS_REFUSED) | B(STARTTLS_BUFFERED_BYTES) | \
	 B(STARTTLS_PREAUTH) | B(STARTTLS_BAD_GREETING) | B(STARTTLS_CAPS_REFRESHED))
#define LOGINDISABLED B(AUTH_LOGINDISABLED)

/* The values that decide what is required, and nothing stated yet. */
static struct mt_evidence
nothing_stated(enum mt_transport transport, enum mt_tls_version version)
{
	return (struct mt_evidence){.transport = transport, .tls_version = version};
}

struct requirement {
	enum mt_transport transport;
	enum mt_tls_version version;
	uint64_t access, credentials; /* for access and submit; for test and authenticate */
	uint64_t handshake;           /* the same before the handshake is done, for any of them */
};

static void
every_operation_requires_its_fields(void **state)
{
	static const struct requirement table[] = {
		{MT_TRANSPORT_NONE, MT_TLS_VERSION_UNKNOWN, BASE, BASE | LOGINDISABLED, BASE},
		{MT_TRANSPORT_IMPLICIT, MT_TLS_VERSION_1_3, BASE | TLS_1_3,
		 BASE | TLS_1_3 | LOGINDISABLED, (BASE | TLS_1_3) & ~B(ESTABLISHED_AT)},
		{MT_TRANSPORT_IMPLICIT, MT_TLS_VERSION_1_2, BASE | TLS_1_2,
		 BASE | TLS_1_2 | LOGINDISABLED, (BASE | TLS_1_2) & ~B(ESTABLISHED_AT)},
		{MT_TRANSPORT_STARTTLS, MT_TLS_VERSION_1_3, BASE | TLS_1_3 | STARTTLS,
		 BASE | TLS_1_3 | STARTTLS | LOGINDISABLED,
		 (BASE | TLS_1_3 | STARTTLS) & ~(B(ESTABLISHED_AT) | B(STARTTLS_CAPS_REFRESHED))},
		{MT_TRANSPORT_STARTTLS, MT_TLS_VERSION_1_2, BASE | TLS_1_2 | STARTTLS,
		 BASE | TLS_1_2 | STARTTLS | LOGINDISABLED,
		 (BASE | TLS_1_2 | STARTTLS) & ~(B(ESTABLISHED_AT) | B(STARTTLS_CAPS_REFRESHED))},
	};

	for (size_t i = 0; i < MT_ARRAY_SIZE(table); i++)
		for (int op = MT_OP_TEST; op < MT_OP_COUNT; op++) {
			bool credentials = op == MT_OP_TEST || op == MT_OP_AUTHENTICATE;
			struct mt_evidence ev =
				nothing_stated(table[i].transport, table[i].version);

			assert_int_equal(mt_evidence_missing(&ev, (enum mt_op)op, MT_PHASE_FINAL),
					 credentials ? table[i].credentials : table[i].access);
			assert_int_equal(
				mt_evidence_missing(&ev, (enum mt_op)op, MT_PHASE_HANDSHAKE),
				table[i].handshake);
		}
}

static void
discovery_requires_to_know_the_endpoint(void **state)
{
	static const enum mt_op ops[] = {MT_OP_UNKNOWN, MT_OP_CAPABILITY, MT_OP_STARTTLS};

	for (size_t i = 0; i < MT_ARRAY_SIZE(ops); i++)
		for (int transport = 0; transport < MT_TRANSPORT_COUNT; transport++) {
			struct mt_evidence ev =
				nothing_stated((enum mt_transport)transport, MT_TLS_VERSION_1_2);

			assert_int_equal(mt_evidence_missing(&ev, ops[i], MT_PHASE_FINAL), BASE);
		}
}

static void
each_required_field_is_missed_alone(void **state)
{
	for (int key = 0; key < MT_EV_COUNT; key++) {
		struct mt_evidence ev = nothing_stated(MT_TRANSPORT_STARTTLS, MT_TLS_VERSION_1_2);
		uint64_t required = BASE | TLS_1_2 | STARTTLS | LOGINDISABLED;

		ev.present = (MT_BIT(MT_EV_COUNT) - 1) & ~MT_BIT(key);
		assert_int_equal(mt_evidence_missing(&ev, MT_OP_AUTHENTICATE, MT_PHASE_FINAL),
				 required & MT_BIT(key));
	}
}

static void
a_digest_stands_for_the_chain_of_a_resumed_session_only(void **state)
{
	struct mt_evidence ev = nothing_stated(MT_TRANSPORT_IMPLICIT, MT_TLS_VERSION_1_3);

	ev.present = (BASE | TLS_1_3 | LOGINDISABLED | B(LEAF_SHA256)) & ~B(CHAIN);
	assert_int_equal(mt_evidence_missing(&ev, MT_OP_TEST, MT_PHASE_FINAL), B(CHAIN));
	ev.tls_resumed = true;
	assert_int_equal(mt_evidence_missing(&ev, MT_OP_TEST, MT_PHASE_FINAL), 0);
	ev.present &= ~B(LEAF_SHA256);
	assert_int_equal(mt_evidence_missing(&ev, MT_OP_TEST, MT_PHASE_FINAL), B(CHAIN));
}

static void
a_failed_handshake_requires_nothing_of_tls(void **state)
{
	struct mt_evidence ev = nothing_stated(MT_TRANSPORT_IMPLICIT, MT_TLS_VERSION_UNKNOWN);

	ev.tls_failed = true;
	assert_int_equal(mt_evidence_missing(&ev, MT_OP_AUTHENTICATE, MT_PHASE_FINAL), BASE);
	ev.transport = MT_TRANSPORT_STARTTLS;
	assert_int_equal(mt_evidence_missing(&ev, MT_OP_ACCESS, MT_PHASE_FINAL), BASE | STARTTLS);
}

static void
a_chain_that_was_too_large_to_keep_is_not_missing(void **state)
{
	struct mt_evidence ev = nothing_stated(MT_TRANSPORT_IMPLICIT, MT_TLS_VERSION_1_3);

	ev.chain_oversized = true;
	assert_int_equal(mt_evidence_missing(&ev, MT_OP_ACCESS, MT_PHASE_FINAL),
			 (BASE | TLS_1_3) & ~B(CHAIN));
}

static void
the_benign_case_contradicts_nothing(void **state)
{
	struct test_case c;

	case_init(&c);
	assert_null(mt_evidence_contradiction(&c.ev));
	case_starttls(&c);
	assert_null(mt_evidence_contradiction(&c.ev));
	case_cleartext(&c);
	assert_null(mt_evidence_contradiction(&c.ev));
}

static void
no_tls_fact_goes_with_cleartext_or_a_failed_handshake(void **state)
{
	static const enum mt_ev facts[] = {
		MT_EV_TLS_VERSION,
		MT_EV_TLS_CIPHER,
		MT_EV_TLS_GROUP,
		MT_EV_TLS_EMS,
		MT_EV_TLS_ETM,
		MT_EV_TLS_RENEG_INFO,
		MT_EV_TLS_COMPRESSION,
		MT_EV_TLS_RESUMED,
		MT_EV_TLS_EARLY_DATA,
		MT_EV_TLS_ALPN,
		MT_EV_TLS_SNI,
		MT_EV_CHAIN,
		MT_EV_LEAF_SHA256,
		MT_EV_STAPLE,
		MT_EV_EXPORTER,
		MT_EV_CLIENTCERT_REQUESTED,
		MT_EV_CLIENTCERT_PRESENTED,
		MT_EV_ESTABLISHED_AT,
	};

	for (size_t i = 0; i < MT_ARRAY_SIZE(facts); i++) {
		struct mt_evidence ev = nothing_stated(MT_TRANSPORT_NONE, MT_TLS_VERSION_UNKNOWN);

		ev.present = BASE;
		assert_null(mt_evidence_contradiction(&ev));
		ev.present |= MT_BIT(facts[i]);
		assert_non_null(mt_evidence_contradiction(&ev));
		ev.transport = MT_TRANSPORT_IMPLICIT;
		assert_null(mt_evidence_contradiction(&ev));
		ev.tls_failed = true;
		assert_non_null(mt_evidence_contradiction(&ev));
	}
}

static void
a_handshake_cannot_fail_that_was_never_begun(void **state)
{
	struct mt_evidence ev = nothing_stated(MT_TRANSPORT_NONE, MT_TLS_VERSION_UNKNOWN);

	ev.tls_failed = true;
	assert_non_null(mt_evidence_contradiction(&ev));
	ev.transport = MT_TRANSPORT_STARTTLS;
	assert_null(mt_evidence_contradiction(&ev));
}

/* D-CB-03 */
static void
tls_unique_does_not_exist_under_tls_1_3(void **state)
{
	struct test_case c;

	case_init(&c);
	strcpy(c.ev.auth_cb_type, "tls-unique");
	c.ev.present |= B(AUTH_CB_TYPE) | B(AUTH_CB_VALUE);
	assert_non_null(mt_evidence_contradiction(&c.ev));
	c.ev.tls_version = MT_TLS_VERSION_1_2;
	assert_null(mt_evidence_contradiction(&c.ev));
	c.ev.tls_version = MT_TLS_VERSION_1_3;
	strcpy(c.ev.auth_cb_type, "tls-exporter");
	assert_null(mt_evidence_contradiction(&c.ev));
}

static void
a_channel_binding_has_a_type_and_a_value(void **state)
{
	struct test_case c;

	case_init(&c);
	c.ev.present |= B(AUTH_CB_TYPE);
	assert_non_null(mt_evidence_contradiction(&c.ev));
	c.ev.present |= B(AUTH_CB_VALUE);
	assert_null(mt_evidence_contradiction(&c.ev));
	c.ev.present &= ~B(AUTH_CB_TYPE);
	assert_non_null(mt_evidence_contradiction(&c.ev));
}

static void
there_is_no_compression_under_tls_1_3(void **state)
{
	struct test_case c;

	case_init(&c);
	c.ev.tls_compression = true;
	assert_non_null(mt_evidence_contradiction(&c.ev));
	c.ev.tls_version = MT_TLS_VERSION_1_2;
	assert_null(mt_evidence_contradiction(&c.ev));
}

static void
a_connection_is_established_before_it_is_observed(void **state)
{
	struct test_case c;

	case_init(&c);
	c.ev.established_at_usec = c.ev.observed_at_usec + 1;
	assert_non_null(mt_evidence_contradiction(&c.ev));
	case_expect(&c, "deny/0 [evidence.inconsistent]");
	c.ev.established_at_usec = c.ev.observed_at_usec - 86400 * MT_USEC_PER_SEC;
	assert_null(mt_evidence_contradiction(&c.ev));
}

static void
filling_leaves_nothing_missing_and_contradicts_nothing(void **state)
{
	for (int transport = 0; transport < MT_TRANSPORT_COUNT; transport++)
		for (int version = 0; version < MT_TLS_VERSION_COUNT; version++)
			for (int op = 0; op < MT_OP_COUNT; op++) {
				struct mt_evidence ev = {0};

				ev.transport = (enum mt_transport)transport;
				ev.present = B(PROTO) | B(HOST) | B(PORT) | B(TRANSPORT);
				if (transport != MT_TRANSPORT_NONE && version) {
					ev.tls_version = (enum mt_tls_version)version;
					ev.present |= B(TLS_VERSION);
				}
				mt_evidence_fill_benign(&ev, CASE_NOW);
				assert_null(mt_evidence_contradiction(&ev));
				/* a chain cannot be invented */
				assert_int_equal(
					mt_evidence_missing(&ev, (enum mt_op)op, MT_PHASE_FINAL) &
						~B(CHAIN),
					0);
			}
}

static void
filling_keeps_what_was_stated(void **state)
{
	struct mt_evidence ev = nothing_stated(MT_TRANSPORT_STARTTLS, MT_TLS_VERSION_1_2);

	strcpy(ev.tls_cipher, "RC4-MD5");
	strcpy(ev.tls_alpn, "h2");
	ev.observed_at_usec = 7;
	ev.present = B(TLS_VERSION) | B(TLS_CIPHER) | B(TLS_ALPN) | B(TLS_EMS) | B(TLS_RENEG_INFO) |
		     B(STAPLE_REQUESTED) | B(STARTTLS_OFFERED) | B(STARTTLS_CAPS_REFRESHED) |
		     B(OBSERVED_AT);
	mt_evidence_fill_benign(&ev, CASE_NOW);
	assert_string_equal(ev.tls_cipher, "RC4-MD5");
	assert_string_equal(ev.tls_alpn, "h2");
	assert_int_equal(ev.tls_version, MT_TLS_VERSION_1_2);
	assert_int_equal(ev.observed_at_usec, 7);
	assert_int_equal(ev.established_at_usec, 7);
	assert_false(ev.tls_ems || ev.tls_reneg_info || ev.staple_requested ||
		     ev.starttls_offered || ev.starttls_caps_refreshed);
}

static void
every_key_has_a_name_of_its_own(void **state)
{
	for (int i = 0; i < MT_EV_COUNT; i++) {
		assert_non_null(mt_evidence_keys[i].name);
		assert_int_equal(mt_evidence_key_find(mt_evidence_keys[i].name), i);
	}
	assert_int_equal(mt_evidence_key_find("tls.password"), -1);
	assert_int_equal(mt_evidence_key_find(""), -1);
}

/* D-SYS-01: who says it, whose account it is and how the host was found are the daemon's. */
static void
no_key_states_provenance_owner_or_discovery(void **state)
{
	static const char *const names[] = {"provenance", "uid", "discovery", "account"};

	for (size_t i = 0; i < MT_ARRAY_SIZE(names); i++)
		assert_int_equal(mt_evidence_key_find(names[i]), -1);
}

/* D-SYS-03 */
static void
no_key_could_hold_a_secret(void **state)
{
	static const char *const words[] = {"pass", "secret", "token", "user", "body"};

	for (int i = 0; i < MT_EV_COUNT; i++)
		for (size_t j = 0; j < MT_ARRAY_SIZE(words); j++)
			assert_null(strstr(mt_evidence_keys[i].name, words[j]));
}

static void
versions_have_names(void **state)
{
	static const char *const names[] = {"unknown", "ssl3", "1.0", "1.1", "1.2", "1.3"};
	enum mt_tls_version version = MT_TLS_VERSION_1_3;

	assert_int_equal(mt_tls_version_from_string("unknown", &version), 1);
	assert_int_equal(mt_tls_version_from_string("1.4", &version), 1);
	assert_int_equal(version, MT_TLS_VERSION_1_3);
	for (int i = 0; i < MT_TLS_VERSION_COUNT; i++)
		assert_string_equal(mt_tls_version_to_string((enum mt_tls_version)i), names[i]);
	for (int i = MT_TLS_VERSION_SSL3; i < MT_TLS_VERSION_COUNT; i++) {
		assert_int_equal(mt_tls_version_from_string(names[i], &version), 0);
		assert_int_equal(version, i);
	}
}

static void
clearing_twice_is_clearing_once(void **state)
{
	struct mt_evidence ev = {0}, zero = {0};

	ev.present = BASE;
	mt_evidence_clear(&ev);
	mt_evidence_clear(&ev);
	assert_memory_equal(&ev, &zero, sizeof(ev));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_operation_requires_its_fields),
		cmocka_unit_test(discovery_requires_to_know_the_endpoint),
		cmocka_unit_test(each_required_field_is_missed_alone),
		cmocka_unit_test(a_digest_stands_for_the_chain_of_a_resumed_session_only),
		cmocka_unit_test(a_failed_handshake_requires_nothing_of_tls),
		cmocka_unit_test(a_chain_that_was_too_large_to_keep_is_not_missing),
		cmocka_unit_test(the_benign_case_contradicts_nothing),
		cmocka_unit_test(no_tls_fact_goes_with_cleartext_or_a_failed_handshake),
		cmocka_unit_test(a_handshake_cannot_fail_that_was_never_begun),
		cmocka_unit_test(tls_unique_does_not_exist_under_tls_1_3),
		cmocka_unit_test(a_channel_binding_has_a_type_and_a_value),
		cmocka_unit_test(there_is_no_compression_under_tls_1_3),
		cmocka_unit_test(a_connection_is_established_before_it_is_observed),
		cmocka_unit_test(filling_leaves_nothing_missing_and_contradicts_nothing),
		cmocka_unit_test(filling_keeps_what_was_stated),
		cmocka_unit_test(every_key_has_a_name_of_its_own),
		cmocka_unit_test(no_key_states_provenance_owner_or_discovery),
		cmocka_unit_test(no_key_could_hold_a_secret),
		cmocka_unit_test(versions_have_names),
		cmocka_unit_test(clearing_twice_is_clearing_once),
	};

	return cmocka_run_group_tests_name("evidence", tests, NULL, NULL);
}
