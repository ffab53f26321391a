/* SPDX-License-Identifier: MIT */
/* When a client certificate is sent, and what is said about it. */

#include "tests/cmocka-all.h"

#include <string.h>

#include "tests/unit/tls-peer.h"

#define EXTENSION_POST_HANDSHAKE_AUTH 49 /* RFC 8446 §4.2.6 */

static struct mt_tls_credential ours;

static int
make_credential(void **state)
{
	peer_make_credential(false, &ours);
	return 0;
}

static int
clear_credential(void **state)
{
	peer_clear_credential(&ours);
	return 0;
}

/* Three protocols, two versions. */
#define WAYS 6

static struct peer_options
way(size_t i)
{
	return (struct peer_options){
		.proto = MT_PROTO_IMAP + i % 3,
		.transport = MT_TRANSPORT_IMPLICIT,
		.version = i / 3 ? TLS1_2_VERSION : TLS1_3_VERSION,
		.two_phase = true,
		.asks_client_cert = true,
	};
}

/* Up to the judge, who accepts with this credential, and to the end. */
static void
meet(const struct peer_options *options, const struct mt_tls_credential *credential,
     struct meeting *m)
{
	meeting_start(m, options);
	meeting_run(m);
	assert_int_equal(mt_session_get_step(m->session), MT_STEP_JUDGE);
	assert_int_equal(m->peer.n_client_lists, 0);
	(void)mt_session_judged(m->session, true, credential, PEER_WALL_USEC);
	meeting_run(m);
}

static void
assert_nothing_is_claimed(const struct meeting *m)
{
	struct mt_evidence ev;

	meeting_evidence(m, &ev);
	assert_false(mt_evidence_has(&ev, MT_EV_CLIENTCERT_PRESENTED));
	mt_evidence_clear(&ev);
}

/* R-5.5-01, and what is claimed is what the server has seen. */
static void
one_that_is_asked_for_and_named_is_sent_with_what_is_above_it(void **state)
{
	for (size_t i = 0; i < WAYS; i++) {
		const struct peer_options options = way(i);
		uint8_t seen[32];
		struct mt_evidence ev;
		struct meeting m;

		meet(&options, &ours, &m);
		assert_int_equal(mt_session_get_step(m.session), MT_STEP_DONE);
		assert_non_null(SSL_get0_peer_certificate(m.peer.ssl));
		assert_int_equal(X509_cmp(SSL_get0_peer_certificate(m.peer.ssl), ours.leaf), 0);
		/* a server's chain is without the leaf */
		assert_int_equal(sk_X509_num(SSL_get_peer_cert_chain(m.peer.ssl)), 1);
		assert_true(X509_digest(ours.leaf, EVP_sha256(), seen, NULL));
		meeting_evidence(&m, &ev);
		assert_true(ev.clientcert_requested);
		assert_true(mt_evidence_has(&ev, MT_EV_CLIENTCERT_PRESENTED));
		assert_memory_equal(ev.clientcert_presented, seen, 32);
		mt_evidence_clear(&ev);
		meeting_clear(&m);
	}
}

/* It came about, and nothing was shown or claimed. An empty list is what a server gets that asks.
 */
static void
check_kept_back(const struct peer_options *options, const struct mt_tls_credential *credential)
{
	bool is_asked = options->asks_client_cert;
	struct mt_evidence ev;
	struct meeting m;

	meet(options, credential, &m);
	assert_int_equal(mt_session_get_step(m.session), MT_STEP_DONE);
	assert_int_equal(m.peer.n_client_lists, is_asked);
	assert_int_equal(m.peer.client_list_size, 0);
	meeting_evidence(&m, &ev);
	assert_true(mt_evidence_has(&ev, MT_EV_CLIENTCERT_REQUESTED));
	assert_int_equal(ev.clientcert_requested, is_asked);
	assert_false(mt_evidence_has(&ev, MT_EV_CLIENTCERT_PRESENTED));
	mt_evidence_clear(&ev);
	meeting_clear(&m);
}

/* R-5.5-03, R-8-03 */
static void
one_that_is_asked_for_and_not_named_leaves_the_list_empty(void **state)
{
	for (size_t i = 0; i < WAYS; i++) {
		const struct peer_options options = way(i);

		check_kept_back(&options, NULL);
	}
}

/* R-5.5-02, R-5.5-08 */
static void
one_that_is_not_asked_for_is_not_sent_and_not_claimed(void **state)
{
	for (size_t i = 0; i < WAYS; i++) {
		struct peer_options options = way(i);

		options.asks_client_cert = false;
		check_kept_back(&options, &ours);
	}
}

/* R-5.5-01: whatever the answer named. */
static void
none_is_sent_after_an_upgrade(void **state)
{
	for (size_t i = 0; i < WAYS; i++) {
		struct peer_options options = way(i);

		options.transport = MT_TRANSPORT_STARTTLS;
		check_kept_back(&options, &ours);
	}
}

/* A refused server is shown nothing, whatever else the answer says. */
static void
none_is_sent_to_a_refused_server(void **state)
{
	for (size_t i = 0; i < WAYS; i++) {
		const struct peer_options options = way(i);
		struct meeting m;

		meeting_start(&m, &options);
		meeting_run(&m);
		(void)mt_session_judged(m.session, false, &ours, PEER_WALL_USEC);
		meeting_run(&m);
		meeting_farewell(&m);
		assert_int_equal(m.peer.n_client_lists, 0);
		assert_nothing_is_claimed(&m);
		meeting_clear(&m);
	}
}

/* RFC 5246 §7.3, RFC 8446 §2: under TLS 1.2 the server asks behind its chain. */
static void
while_the_judge_thinks_it_is_known_under_tls_1_3_alone_whether_one_is_asked_for(void **state)
{
	for (size_t i = 0; i < 2 * WAYS; i++) {
		struct peer_options options = way(i % WAYS);
		struct mt_evidence ev;
		struct meeting m;

		options.asks_client_cert = i < WAYS;
		meeting_start(&m, &options);
		meeting_run(&m);
		assert_int_equal(mt_session_get_step(m.session), MT_STEP_JUDGE);
		meeting_evidence(&m, &ev);
		assert_int_equal(mt_evidence_has(&ev, MT_EV_CLIENTCERT_REQUESTED),
				 options.version == TLS1_3_VERSION);
		assert_int_equal(ev.clientcert_requested,
				 options.version == TLS1_3_VERSION && options.asks_client_cert);
		assert_false(mt_evidence_has(&ev, MT_EV_CLIENTCERT_PRESENTED));
		mt_evidence_clear(&ev);
		meeting_clear(&m);
	}
}

/* An empty list would look as if there were none: it ends there, and nothing was shown. */
static void
one_the_server_could_not_take_ends_the_handshake_unseen(void **state)
{
	struct mt_tls_credential mismatched = {ours.leaf, NULL, EVP_EC_gen("P-256")};

	for (size_t i = 0; i < 2 * WAYS; i++) {
		struct peer_options options = way(i % WAYS);
		struct mt_evidence ev;
		struct meeting m;

		/* the server's own key is none of what it takes from clients */
		options.client_sigalgs = i < WAYS ? "RSA-PSS+SHA256:RSA+SHA256" : NULL;
		meet(&options, i < WAYS ? &ours : &mismatched, &m);
		assert_int_equal(mt_session_get_step(m.session), MT_STEP_DONE);
		assert_string_equal(mt_session_get_text(m.session),
				    "the client certificate cannot be used with this server");
		meeting_farewell(&m);
		assert_int_equal(m.peer.n_client_lists, 0);
		assert_false(SSL_is_init_finished(m.peer.ssl));
		meeting_evidence(&m, &ev);
		assert_true(ev.tls_failed);
		mt_evidence_clear(&ev);
		meeting_clear(&m);
	}
	EVP_PKEY_free(mismatched.key);
}

/* Where nobody asks, one that could not be used harms nothing. */
static void
one_that_could_not_be_used_is_no_fault_where_none_is_asked_for(void **state)
{
	struct mt_tls_credential mismatched = {ours.leaf, NULL, EVP_EC_gen("P-256")};

	for (size_t i = 0; i < WAYS; i++) {
		struct peer_options options = way(i);
		struct meeting m;

		options.asks_client_cert = false;
		meet(&options, &mismatched, &m);
		assert_int_equal(mt_session_get_step(m.session), MT_STEP_DONE);
		assert_true(m.peer.inside.size > 0);
		assert_nothing_is_claimed(&m);
		meeting_clear(&m);
	}
	EVP_PKEY_free(mismatched.key);
}

/* Under TLS 1.3 the refusal comes after our side of the handshake has ended. */
static void
a_server_that_refuses_it_is_quoted_and_not_spoken_with(void **state)
{
	for (size_t i = 0; i < WAYS; i++) {
		struct peer_options options = way(i);
		struct meeting m;

		options.refuses_client_cert = true;
		meet(&options, &ours, &m);
		assert_int_equal(mt_session_get_step(m.session),
				 options.version == TLS1_3_VERSION ? MT_STEP_FAILED : MT_STEP_DONE);
		assert_string_equal(mt_session_get_text(m.session),
				    "the server refuses the client certificate: it is revoked");
		assert_int_equal(m.peer.inside.size, 0);
		meeting_clear(&m);
	}
}

static void
a_server_that_demands_one_is_quoted(void **state)
{
	struct peer_options options = way(0);
	struct meeting m;

	meeting_start(&m, &options);
	SSL_set_verify(m.peer.ssl, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
	meeting_run(&m);
	(void)mt_session_judged(m.session, true, NULL, PEER_WALL_USEC);
	meeting_run(&m);
	assert_string_equal(mt_session_get_text(m.session),
			    "the server demands a client certificate");
	assert_nothing_is_claimed(&m);
	meeting_clear(&m);
}

/* RFC 8446 §4.2.6: who was not asked in the handshake is not asked later. */
static void
nobody_is_asked_after_the_handshake(void **state)
{
	for (size_t i = 0; i < 3; i++) {
		struct peer_options options = way(i);
		struct meeting m;

		options.asks_client_cert = false;
		meet(&options, &ours, &m);
		assert_false(peer_text_has16(&m.peer.extensions, EXTENSION_POST_HANDSHAKE_AUTH));
		assert_int_equal(SSL_verify_client_post_handshake(m.peer.ssl), 0);
		meeting_clear(&m);
	}
}

/* R-8-04 */
static void
tls_1_3_is_offered_first(void **state)
{
	for (size_t i = 0; i < WAYS; i++) {
		const struct peer_options options = way(i);
		struct meeting m;

		meet(&options, &ours, &m);
		assert_memory_equal(m.peer.versions.text, "\x03\x04\x03\x03", 4);
		assert_int_equal(m.peer.versions.size, 4);
		meeting_clear(&m);
	}
}

static void
an_rsa_key_signs_too(void **state)
{
	struct mt_tls_credential rsa;

	peer_make_credential(true, &rsa);
	for (size_t i = 0; i < WAYS; i++) {
		const struct peer_options options = way(i);
		struct meeting m;

		meet(&options, &rsa, &m);
		assert_int_equal(mt_session_get_step(m.session), MT_STEP_DONE);
		assert_int_equal(X509_cmp(SSL_get0_peer_certificate(m.peer.ssl), rsa.leaf), 0);
		meeting_clear(&m);
	}
	peer_clear_credential(&rsa);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_that_is_asked_for_and_named_is_sent_with_what_is_above_it),
		cmocka_unit_test(one_that_is_asked_for_and_not_named_leaves_the_list_empty),
		cmocka_unit_test(one_that_is_not_asked_for_is_not_sent_and_not_claimed),
		cmocka_unit_test(none_is_sent_after_an_upgrade),
		cmocka_unit_test(none_is_sent_to_a_refused_server),
		cmocka_unit_test(
			while_the_judge_thinks_it_is_known_under_tls_1_3_alone_whether_one_is_asked_for),
		cmocka_unit_test(one_the_server_could_not_take_ends_the_handshake_unseen),
		cmocka_unit_test(one_that_could_not_be_used_is_no_fault_where_none_is_asked_for),
		cmocka_unit_test(a_server_that_refuses_it_is_quoted_and_not_spoken_with),
		cmocka_unit_test(a_server_that_demands_one_is_quoted),
		cmocka_unit_test(nobody_is_asked_after_the_handshake),
		cmocka_unit_test(tls_1_3_is_offered_first),
		cmocka_unit_test(an_rsa_key_signs_too),
	};

	return cmocka_run_group_tests_name("session-client-cert", tests, make_credential,
					   clear_credential);
}
