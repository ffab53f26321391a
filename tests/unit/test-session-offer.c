/* SPDX-License-Identifier: MIT */
/* What the client offers in its ClientHello, and what it does not take. */

#include "tests/cmocka-all.h"

#include <stdlib.h>
#include <string.h>

#include "tests/unit/tls-peer.h"

#define IMPLICIT(p) .proto = MT_PROTO_##p, .transport = MT_TRANSPORT_IMPLICIT

/* Meets the server; the caller clears. */
static void
meet(const struct peer_options *options, struct meeting *m, struct mt_evidence *ev)
{
	meeting_start(m, options);
	meeting_run(m);
	meeting_evidence(m, ev);
}

static void
part(struct meeting *m, struct mt_evidence *ev)
{
	mt_evidence_clear(ev);
	meeting_clear(m);
}

/* D-TLS-05 to D-TLS-09: the list is closed, and in order. */
static void
seven_suites_are_offered_in_the_order_of_the_requirements(void **state)
{
	static const uint8_t suites[] = {
		0x13, 0x01, 0x13, 0x02, 0x13, 0x03, /* RFC 8446 §9.1 */
		0xc0, 0x2f, 0xc0, 0x30,             /* ECDHE_RSA, AES-128-GCM first */
		0xc0, 0x2b, 0xc0, 0x2c,             /* ECDHE_ECDSA */
		0x00, 0xff,                         /* RFC 5746 §3.3 */
	};
	const struct peer_options options = {IMPLICIT(IMAP)};
	struct mt_evidence ev;
	struct meeting m;

	meet(&options, &m, &ev);
	assert_int_equal(m.peer.suites.size, sizeof(suites));
	assert_memory_equal(m.peer.suites.text, suites, sizeof(suites));
	assert_int_equal(m.peer.compression.size, 1);
	assert_int_equal(m.peer.compression.text[0], 0);
	part(&m, &ev);
}

static const struct {
	const char *suite, *iana;
	int version;
	bool rsa;
} suites[] = {
	{"TLS_AES_128_GCM_SHA256", "TLS_AES_128_GCM_SHA256", TLS1_3_VERSION, false},
	{"TLS_AES_256_GCM_SHA384", "TLS_AES_256_GCM_SHA384", TLS1_3_VERSION, false},
	{"TLS_CHACHA20_POLY1305_SHA256", "TLS_CHACHA20_POLY1305_SHA256", TLS1_3_VERSION, false},
	{"ECDHE-RSA-AES128-GCM-SHA256", "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256", TLS1_2_VERSION,
	 true},
	{"ECDHE-RSA-AES256-GCM-SHA384", "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384", TLS1_2_VERSION,
	 true},
	{"ECDHE-ECDSA-AES128-GCM-SHA256", "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256", TLS1_2_VERSION,
	 false},
	{"ECDHE-ECDSA-AES256-GCM-SHA384", "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384", TLS1_2_VERSION,
	 false},
};

/* R-5-13 */
static void
a_server_with_any_one_of_them_is_reached_and_its_suite_named(void **state)
{
	for (size_t i = 0; i < MT_ARRAY_SIZE(suites); i++) {
		bool is_1_3 = suites[i].version == TLS1_3_VERSION;
		const struct peer_options options = {IMPLICIT(POP3), .version = suites[i].version,
						     .rsa = suites[i].rsa,
						     .suites_1_2 = is_1_3 ? NULL : suites[i].suite,
						     .suites_1_3 = is_1_3 ? suites[i].suite : NULL};
		struct mt_evidence ev;
		struct meeting m;

		meet(&options, &m, &ev);
		assert_int_equal(mt_session_get_step(m.session), MT_STEP_DONE);
		assert_string_equal(ev.tls_cipher, suites[i].iana);
		part(&m, &ev);
	}
}

/* D-TLS-01, D-TLS-03 */
static void
of_two_versions_the_newer_is_taken_and_no_older_is_offered(void **state)
{
	const struct peer_options options = {IMPLICIT(SUBMISSION)};
	struct mt_evidence ev;
	struct meeting m;

	meet(&options, &m, &ev);
	assert_int_equal(ev.tls_version, MT_TLS_VERSION_1_3);
	assert_int_equal(m.peer.versions.size, 4);
	assert_memory_equal(m.peer.versions.text, "\x03\x04\x03\x03", 4);
	part(&m, &ev);
}

/* D-TLS-07: P-256 is mandatory, X25519 advisable. */
static void
each_group_is_offered_and_named(void **state)
{
	static const struct {
		const char *group, *name;
		unsigned number;
	} rows[] = {
		{"X25519", "x25519", 29}, {"P-256", "secp256r1", 23}, {"P-384", "secp384r1", 24}};

	for (size_t i = 0; i < MT_ARRAY_SIZE(rows) * 2; i++) {
		const struct peer_options options = {
			IMPLICIT(IMAP), .version = i % 2 ? TLS1_2_VERSION : TLS1_3_VERSION,
			.groups = rows[i / 2].group};
		struct mt_evidence ev;
		struct meeting m;

		meet(&options, &m, &ev);
		assert_int_equal(mt_session_get_step(m.session), MT_STEP_DONE);
		assert_true(peer_text_has16(&m.peer.groups, rows[i / 2].number));
		assert_int_equal(m.peer.groups.size, 2 * MT_ARRAY_SIZE(rows));
		assert_string_equal(ev.tls_group, rows[i / 2].name);
		part(&m, &ev);
	}
}

/* D-TLS-09, D-TLS-10, D-TLS-12: the second session knows nothing of the first one. */
static void
neither_resumption_nor_early_data_is_offered(void **state)
{
	static const unsigned absent[] = {1 /* max fragment */, 4 /* truncated HMAC */,
					  35 /* ticket */, 41 /* PSK */, 42 /* early data */};

	for (int i = 0; i < 4; i++) {
		const struct peer_options options = {
			IMPLICIT(IMAP), .version = i % 2 ? TLS1_2_VERSION : TLS1_3_VERSION};
		struct mt_evidence ev;
		struct meeting m;

		meet(&options, &m, &ev);
		for (size_t j = 0; j < MT_ARRAY_SIZE(absent); j++)
			assert_false(peer_text_has16(&m.peer.extensions, absent[j]));
		assert_true(peer_text_has16(&m.peer.extensions, 23)); /* RFC 7627 */
		assert_false(ev.tls_resumed || ev.tls_early_data);
		part(&m, &ev);
	}
}

/* D-SRV-10, RFC 6066 §3 */
static void
the_name_that_was_dialled_is_sent_and_an_address_is_not(void **state)
{
	static const char *const hosts[] = {PEER_HOST, "192.0.2.7", "2001:db8::7"};

	for (size_t i = 0; i < MT_ARRAY_SIZE(hosts); i++) {
		const struct peer_options options = {IMPLICIT(IMAP), .host = hosts[i]};
		struct mt_evidence ev;
		struct meeting m;

		meet(&options, &m, &ev);
		assert_string_equal(ev.host, hosts[i]);
		assert_int_equal(mt_evidence_has(&ev, MT_EV_TLS_SNI), i == 0);
		if (i == 0)
			assert_string_equal(
				SSL_get_servername(m.peer.ssl, TLSEXT_NAMETYPE_host_name),
				hosts[i]);
		else
			assert_false(peer_text_has16(&m.peer.extensions, 0));
		part(&m, &ev);
	}
}

/* D-TLS-11: submission has no identifier, so it offers none. */
static void
the_protocol_is_offered_by_its_name_and_the_answer_is_seen(void **state)
{
	static const char *const offered[MT_PROTO_COUNT] = {
		[MT_PROTO_IMAP] = "imap", [MT_PROTO_POP3] = "pop3"};

	for (size_t i = 0; i < 6; i++) {
		const struct peer_options options = {.proto = MT_PROTO_IMAP + i % 3,
						     .transport = MT_TRANSPORT_IMPLICIT,
						     .version = i / 3 ? TLS1_2_VERSION
								      : TLS1_3_VERSION,
						     .alpn = offered[MT_PROTO_IMAP + i % 3]};
		const char *name = options.alpn;
		struct mt_evidence ev;
		struct meeting m;

		meet(&options, &m, &ev);
		assert_int_equal(m.peer.alpn.size, name ? strlen(name) + 1 : 0);
		if (name)
			assert_string_equal(m.peer.alpn.text + 1, name);
		assert_string_equal(ev.tls_alpn, name ? name : "none");
		part(&m, &ev);
	}
}

/* D-TLS-11: newer releases of OpenSSL end it by themselves; with older ones evidence says what was
 * selected, and row 17 ends it. */
static void
a_protocol_that_was_not_offered_ends_the_handshake_or_is_reported(void **state)
{
	for (size_t i = 0; i < 4; i++) {
		const struct peer_options options = {.proto = MT_PROTO_IMAP + i % 2,
						     .transport = MT_TRANSPORT_IMPLICIT,
						     .version = i / 2 ? TLS1_2_VERSION
								      : TLS1_3_VERSION,
						     .alpn = "http/1.1"};
		struct mt_evidence ev;
		struct meeting m;

		meet(&options, &m, &ev);
		if (!ev.tls_failed)
			assert_string_equal(ev.tls_alpn, "http/1.1");
		else
			assert_int_equal(m.peer.inside.size, 0);
		part(&m, &ev);
	}
}

static void
check_staple(int version, size_t size, bool kept)
{
	const struct peer_options options = {IMPLICIT(IMAP), .version = version,
					     .staple_size = size};
	struct mt_evidence ev;
	struct meeting m;

	meet(&options, &m, &ev);
	assert_true(m.peer.status_requested);
	assert_true(ev.staple_requested);
	assert_int_equal(mt_evidence_has(&ev, MT_EV_STAPLE), kept);
	assert_int_equal(ev.staple.size, kept ? size : 0);
	for (size_t i = 0; i < ev.staple.size; i++)
		assert_int_equal(ev.staple.data[i], 's');
	assert_memory_equal(ev.leaf_sha256, m.peer.leaf_sha256, 32);
	part(&m, &ev);
}

/* Under TLS 1.2 OpenSSL itself takes no status message of more than 16 KiB. */
static void
a_staple_is_asked_for_and_kept_up_to_its_bound(void **state)
{
	check_staple(TLS1_2_VERSION, 1, true);
	check_staple(TLS1_2_VERSION, 16000, true);
	check_staple(TLS1_3_VERSION, 1, true);
	check_staple(TLS1_3_VERSION, MT_STAPLE_MAX, true);
	check_staple(TLS1_3_VERSION, MT_STAPLE_MAX + 1, false);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(seven_suites_are_offered_in_the_order_of_the_requirements),
		cmocka_unit_test(a_server_with_any_one_of_them_is_reached_and_its_suite_named),
		cmocka_unit_test(of_two_versions_the_newer_is_taken_and_no_older_is_offered),
		cmocka_unit_test(each_group_is_offered_and_named),
		cmocka_unit_test(neither_resumption_nor_early_data_is_offered),
		cmocka_unit_test(the_name_that_was_dialled_is_sent_and_an_address_is_not),
		cmocka_unit_test(the_protocol_is_offered_by_its_name_and_the_answer_is_seen),
		cmocka_unit_test(a_protocol_that_was_not_offered_ends_the_handshake_or_is_reported),
		cmocka_unit_test(a_staple_is_asked_for_and_kept_up_to_its_bound),
	};

	return cmocka_run_group_tests_name("session-offer", tests, NULL, NULL);
}
