/* SPDX-License-Identifier: MIT */
/* Sessions that do not come about, or not whole: what is reported, and that nothing is tried again.
 */

#include "tests/cmocka-all.h"

#include <stdlib.h>
#include <string.h>

#include "tests/unit/tls-peer.h"

#define WAYS 12
#define IMPLICIT(p) .proto = MT_PROTO_##p, .transport = MT_TRANSPORT_IMPLICIT

static struct peer_options
way(size_t i)
{
	return (struct peer_options){
		.proto = MT_PROTO_IMAP + i % 3,
		.transport = i / 3 % 2 ? MT_TRANSPORT_STARTTLS : MT_TRANSPORT_IMPLICIT,
		.version = i / 6 ? TLS1_2_VERSION : TLS1_3_VERSION,
	};
}

/* A failed handshake is told by itself alone (REQUIREMENTS 0.2). */
static void
check_failed(const struct meeting *m)
{
	struct mt_evidence ev;

	assert_int_equal(mt_session_get_step(m->session), MT_STEP_DONE);
	meeting_evidence(m, &ev);
	assert_true(mt_evidence_has(&ev, MT_EV_TLS_FAILED));
	assert_true(ev.tls_failed);
	assert_int_equal(ev.transport, m->peer.options.transport);
	assert_false(mt_evidence_has(&ev, MT_EV_TLS_VERSION));
	assert_false(mt_evidence_has(&ev, MT_EV_CHAIN));
	assert_false(mt_evidence_has(&ev, MT_EV_EXPORTER));
	assert_false(mt_evidence_has(&ev, MT_EV_ESTABLISHED_AT));
	assert_int_equal(mt_evidence_missing(&ev, MT_OP_TEST, MT_PHASE_FINAL), 0);
	assert_int_equal(m->peer.inside.size, 0);
	mt_evidence_clear(&ev);
}

/* -- handshakes that fail ---------------------------------------------------------------------- */

static const struct {
	const char *name;
	struct peer_options options;
} refused[] = {
	{"only TLS 1.1", {.version = TLS1_1_VERSION}}, /* D-TLS-01 */
	{"only TLS 1.0", {.version = TLS1_VERSION}},
	{"anonymous suites",
	 {.version = TLS1_2_VERSION, .anonymous = true, .suites_1_2 = "aNULL"}}, /* D-STLS-17 */
	{"no certificate under 1.3", {.version = TLS1_3_VERSION, .anonymous = true}},
	{"no encryption", {.version = TLS1_2_VERSION, .suites_1_2 = "eNULL"}}, /* D-TLS-05 */
	{"static RSA",
	 {.version = TLS1_2_VERSION,
	  .rsa = true,
	  .suites_1_2 = "AES128-GCM-SHA256"}}, /* D-TLS-08 */
	{"DHE",
	 {.version = TLS1_2_VERSION, .rsa = true, .suites_1_2 = "DHE-RSA-AES128-GCM-SHA256"}},
	{"CBC", {.version = TLS1_2_VERSION, .suites_1_2 = "ECDHE-ECDSA-AES128-SHA256"}},
	{"another suite of 1.3",
	 {.version = TLS1_3_VERSION, .suites_1_3 = "TLS_AES_128_CCM_SHA256"}},
	{"another group", {.version = TLS1_3_VERSION, .groups = "P-521"}},
};

/* D-TLS-01, D-TLS-04: one ClientHello, an alert at most, and then nothing. */
static void
what_is_not_offered_fails_and_is_not_tried_again(void **state)
{
	for (size_t i = 0; i < MT_ARRAY_SIZE(refused) * 2; i++) {
		struct peer_options options = refused[i / 2].options;
		struct meeting m;

		options.proto = MT_PROTO_IMAP;
		options.transport = i % 2 ? MT_TRANSPORT_STARTTLS : MT_TRANSPORT_IMPLICIT;
		meeting_start(&m, &options);
		meeting_run(&m);
		check_failed(&m);
		assert_true(mt_session_get_text(m.session)[0]);
		meeting_farewell(&m);
		meeting_run(&m);
		assert_int_equal(m.peer.n_hellos, 1);
		assert_string_equal(m.peer.plain.text,
				    i % 2 ? "a1 CAPABILITY\r\na2 STARTTLS\r\n" : "");
		meeting_clear(&m);
	}
}

/* D-STLS-13: the message announces its size, and is refused before it has come. */
static void
a_certificate_message_of_a_mebibyte_is_not_read(void **state)
{
	for (size_t i = 0; i < WAYS; i++) {
		struct peer_options options = way(i);
		struct meeting m;

		options.n_certs = 16;
		options.cert_padding = 64 * 1024;
		meeting_start(&m, &options);
		meeting_run(&m);
		check_failed(&m);
		assert_in_range(m.n_fed, 1, 32 * 1024);
		meeting_clear(&m);
	}
}

static void
check_chain(int version, size_t n, size_t padding, bool kept)
{
	const struct peer_options options = {IMPLICIT(IMAP), .version = version, .n_certs = n,
					     .cert_padding = padding};
	struct mt_evidence ev;
	struct meeting m;

	meeting_start(&m, &options);
	meeting_run(&m);
	meeting_evidence(&m, &ev);
	assert_int_equal(mt_session_get_step(m.session), MT_STEP_DONE);
	assert_true(mt_evidence_has(&ev, MT_EV_CHAIN));
	assert_int_equal(ev.chain_oversized, !kept);
	assert_int_equal(ev.n_chain, kept ? n : 0);
	assert_memory_equal(ev.leaf_sha256, m.peer.leaf_sha256, 32);
	mt_evidence_clear(&ev);
	meeting_clear(&m);
}

/* D-PKIX-09 */
static void
a_chain_over_its_bounds_is_reported_and_not_kept(void **state)
{
	static const int versions[] = {TLS1_2_VERSION, TLS1_3_VERSION};

	for (size_t i = 0; i < MT_ARRAY_SIZE(versions); i++) {
		check_chain(versions[i], MT_CHAIN_MAX, 0, true);
		check_chain(versions[i], MT_CHAIN_MAX + 1, 0, false);
		check_chain(versions[i], 3, 20 * 1024, true);
		check_chain(versions[i], 4, 20 * 1024, false);
	}
}

/* -- the connection ends ----------------------------------------------------------------------- */

/* How many bytes the server sends until the session is done. */
static size_t
measure(const struct peer_options *options)
{
	struct meeting m;
	size_t n;

	meeting_start(&m, options);
	meeting_run(&m);
	n = m.n_fed;
	meeting_clear(&m);
	return n;
}

/* Lets the server say n bytes, no more; then the connection ends. */
static void
cut_off(const struct peer_options *options, size_t n, struct meeting *m)
{
	meeting_start(m, options);
	do
		(void)meeting_send(m);
	while (m->n_fed < n && mt_session_get_step(m->session) == MT_STEP_CONTINUE &&
	       meeting_receive(m, n - m->n_fed) > 0);
	(void)mt_session_end(m->session);
}

/* Whatever came about is stated; what did not, is not. */
static void
check_cut_off(const struct meeting *m)
{
	bool implicit = m->peer.options.transport == MT_TRANSPORT_IMPLICIT;
	struct mt_evidence ev;

	assert_int_not_equal(mt_session_get_step(m->session), MT_STEP_CONTINUE);
	meeting_evidence(m, &ev);
	assert_false(ev.starttls_caps_refreshed);
	if (ev.transport == MT_TRANSPORT_NONE) {
		assert_false(implicit);
		assert_true(ev.starttls_bad_greeting || ev.starttls_refused);
	} else if (ev.tls_failed) {
		assert_int_equal(mt_session_get_step(m->session), MT_STEP_DONE);
	} else {
		assert_int_equal(mt_session_get_step(m->session),
				 implicit ? MT_STEP_FAILED : MT_STEP_DONE);
	}
	mt_evidence_clear(&ev);
}

/* D-STLS-13, D-TLS-15: at each byte but the last. TLS 1.3 tickets make the end vary a little. */
static void
wherever_the_connection_ends_the_session_has_not_come_about(void **state)
{
	for (size_t i = 0; i < WAYS; i++) {
		const struct peer_options options = way(i);
		size_t total = measure(&options) - 16;

		for (size_t n = 0; n < total; n += n < 40 || n + 80 > total ? 1 : 13) {
			struct meeting m;

			cut_off(&options, n, &m);
			check_cut_off(&m);
			meeting_clear(&m);
		}
	}
}

/* Inside TLS, before a word is said. */
static void
close_inside(bool with_notify, const struct peer_options *options, struct meeting *m)
{
	meeting_start(m, options);
	do
		(void)meeting_send(m);
	while (!SSL_is_init_finished(m->peer.ssl) && meeting_receive(m, SIZE_MAX) > 0);
	if (with_notify)
		(void)SSL_shutdown(m->peer.ssl);
	meeting_run(m);
	if (!with_notify)
		(void)mt_session_end(m->session);
}

/* D-TLS-15: neither way of closing makes a session of it. */
static void
a_server_that_closes_inside_tls_has_told_nothing(void **state)
{
	static const char *const silent[] = {NULL};

	for (size_t i = 0; i < WAYS * 2; i++) {
		struct peer_options options = way(i / 2);
		bool implicit = options.transport == MT_TRANSPORT_IMPLICIT;
		struct mt_evidence ev;
		struct meeting m;

		options.inside = silent;
		close_inside(i % 2, &options, &m);
		assert_int_equal(mt_session_get_step(m.session),
				 implicit ? MT_STEP_FAILED : MT_STEP_DONE);
		meeting_evidence(&m, &ev);
		assert_false(ev.starttls_caps_refreshed);
		assert_false(ev.tls_failed);
		assert_true(mt_evidence_has(&ev, MT_EV_CHAIN));
		mt_evidence_clear(&ev);
		meeting_clear(&m);
	}
}

/* What was seen of the handshake stays true; what was said inside is not known. */
static void
a_broken_record_inside_tls_ends_the_session_and_keeps_its_facts(void **state)
{
	static const char *const silent[] = {NULL};
	static const uint8_t broken[] = {23,  3,   3,   0,   20,  'n', 'o', 't', ' ',
					 's', 'e', 'a', 'l', 'e', 'd', ' ', 'w', 'i',
					 't', 'h', ' ', 'k', 'e', 'y', '!'};

	for (size_t i = 0; i < WAYS; i++) {
		struct peer_options options = way(i);
		bool implicit = options.transport == MT_TRANSPORT_IMPLICIT;
		struct mt_evidence ev;
		struct meeting m;

		options.inside = silent;
		meeting_start(&m, &options);
		meeting_run(&m);
		assert_int_equal(mt_session_feed(m.session, broken, sizeof(broken), PEER_WALL_USEC),
				 implicit ? MT_STEP_FAILED : MT_STEP_DONE);
		meeting_evidence(&m, &ev);
		assert_false(ev.tls_failed || ev.starttls_caps_refreshed);
		assert_int_equal(mt_evidence_missing(&ev, MT_OP_TEST, MT_PHASE_FINAL), 0);
		assert_true(ev.tls_cipher[0]);
		assert_memory_equal(ev.leaf_sha256, m.peer.leaf_sha256, 32);
		mt_evidence_clear(&ev);
		meeting_clear(&m);
	}
}

/* BCP 195: RFC 9325 §3.5. Under TLS 1.2 the server asks for a second handshake. */
static void
a_second_handshake_is_not_entered_into(void **state)
{
	static const char *const greeting_only[] = {"* OK hi\r\n", NULL};
	const struct peer_options options = {IMPLICIT(IMAP), .version = TLS1_2_VERSION,
					     .inside = greeting_only};
	struct meeting m;

	meeting_start(&m, &options);
	meeting_run(&m);
	assert_string_equal(m.peer.inside.text, "a1 CAPABILITY\r\n");
	assert_true(SSL_renegotiate(m.peer.ssl));
	(void)SSL_do_handshake(m.peer.ssl);
	meeting_run(&m);
	assert_int_equal(m.peer.n_hellos, 1);
	assert_int_equal(m.peer.alert, 100); /* no_renegotiation, RFC 5246 §7.2.2 */
	meeting_clear(&m);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_not_offered_fails_and_is_not_tried_again),
		cmocka_unit_test(a_certificate_message_of_a_mebibyte_is_not_read),
		cmocka_unit_test(a_chain_over_its_bounds_is_reported_and_not_kept),
		cmocka_unit_test(wherever_the_connection_ends_the_session_has_not_come_about),
		cmocka_unit_test(a_server_that_closes_inside_tls_has_told_nothing),
		cmocka_unit_test(a_broken_record_inside_tls_ends_the_session_and_keeps_its_facts),
		cmocka_unit_test(a_second_handshake_is_not_entered_into),
	};

	return cmocka_run_group_tests_name("session-broken", tests, NULL, NULL);
}
