/* SPDX-License-Identifier: MIT */
/* Two phases: the handshake waits for the judge, and a refused server learns nothing. */

#include "tests/cmocka-all.h"

#include <stdlib.h>
#include <string.h>

#include "tests/unit/tls-peer.h"

#define WAYS 12
#define ALERT_BAD_CERTIFICATE 42 /* RFC 8446 §6 */

static struct peer_options
way(size_t i)
{
	return (struct peer_options){
		.proto = MT_PROTO_IMAP + i % 3,
		.transport = i / 3 % 2 ? MT_TRANSPORT_STARTTLS : MT_TRANSPORT_IMPLICIT,
		.version = i / 6 ? TLS1_2_VERSION : TLS1_3_VERSION,
		.two_phase = true,
	};
}

/* Up to where the judge is asked. */
static void
meet(size_t i, struct meeting *m)
{
	const struct peer_options options = way(i);

	meeting_start(m, &options);
	meeting_run(m);
	assert_int_equal(mt_session_get_step(m->session), MT_STEP_JUDGE);
}

/* D-ID-16: while the judge thinks, the server has our ClientHello and no more. */
static void
the_handshake_waits_for_the_judge_and_nothing_is_sent(void **state)
{
	for (size_t i = 0; i < WAYS; i++) {
		struct meeting m;

		meet(i, &m);
		assert_int_equal(meeting_send(&m), 0);
		assert_false(SSL_is_init_finished(m.peer.ssl));
		assert_int_equal(m.peer.inside.size, 0);
		assert_int_equal(m.peer.n_hellos, 1);
		meeting_clear(&m);
	}
}

/* REQUIREMENTS 0.2, phase handshake. */
static void
what_the_judge_sees_is_complete_and_claims_no_end_of_the_handshake(void **state)
{
	for (size_t i = 0; i < WAYS; i++) {
		struct mt_evidence ev;
		struct meeting m;

		meet(i, &m);
		meeting_evidence(&m, &ev);
		assert_int_equal(mt_evidence_missing(&ev, MT_OP_TEST, MT_PHASE_HANDSHAKE), 0);
		assert_int_equal(ev.transport, m.peer.options.transport);
		assert_int_equal(ev.n_chain, 1);
		assert_memory_equal(ev.leaf_sha256, m.peer.leaf_sha256, 32);
		/* under TLS 1.2 these are no defaults of ours: the server's hello says them */
		assert_true(ev.tls_ems);
		assert_true(ev.tls_reneg_info);
		assert_false(mt_evidence_has(&ev, MT_EV_EXPORTER));
		assert_false(mt_evidence_has(&ev, MT_EV_AUTH_CB_VALUE));
		assert_false(mt_evidence_has(&ev, MT_EV_ESTABLISHED_AT));
		assert_false(ev.starttls_caps_refreshed);
		mt_evidence_clear(&ev);
		meeting_clear(&m);
	}
}

/* Under TLS 1.2 it comes in a message of its own, behind the chain (RFC 6066 §8). */
static void
the_judge_sees_the_staple_under_tls_1_3_and_after_the_handshake_under_1_2(void **state)
{
	for (size_t i = 0; i < WAYS; i++) {
		struct peer_options options = way(i);
		struct mt_evidence ev;
		struct meeting m;

		options.staple_size = 100;
		meeting_start(&m, &options);
		meeting_run(&m);
		meeting_evidence(&m, &ev);
		assert_int_equal(mt_evidence_has(&ev, MT_EV_STAPLE),
				 options.version == TLS1_3_VERSION);
		mt_evidence_clear(&ev);
		(void)mt_session_judged(m.session, true, NULL, PEER_WALL_USEC);
		meeting_run(&m);
		meeting_evidence(&m, &ev);
		assert_true(mt_evidence_has(&ev, MT_EV_STAPLE));
		assert_true(ev.staple_requested);
		mt_evidence_clear(&ev);
		meeting_clear(&m);
	}
}

static void
an_accepted_server_is_spoken_with(void **state)
{
	for (size_t i = 0; i < WAYS; i++) {
		struct mt_evidence ev;
		struct meeting m;

		meet(i, &m);
		(void)mt_session_judged(m.session, true, NULL, PEER_WALL_USEC);
		meeting_run(&m);
		assert_int_equal(mt_session_get_step(m.session), MT_STEP_DONE);
		assert_true(m.peer.inside.size > 0);
		meeting_evidence(&m, &ev);
		assert_int_equal(mt_evidence_missing(&ev, MT_OP_TEST, MT_PHASE_FINAL), 0);
		assert_true(mt_evidence_has(&ev, MT_EV_EXPORTER));
		mt_evidence_clear(&ev);
		meeting_clear(&m);
	}
}

/* D-ID-16, D-ID-21: one record, and no byte of ours behind it. Under TLS 1.3 the alert is sealed
 * with the handshake's keys, after a change_cipher_spec that means nothing (RFC 8446 appendix D.4).
 */
static void
a_refused_server_gets_bad_certificate_and_nothing_else(void **state)
{
	for (size_t i = 0; i < WAYS; i++) {
		struct mt_evidence ev;
		struct meeting m;
		size_t n_sent;

		meet(i, &m);
		assert_int_equal(mt_session_judged(m.session, false, NULL, PEER_WALL_USEC),
				 MT_STEP_DONE);
		n_sent = meeting_send(&m);
		assert_in_range(n_sent, 7, 6 + 5 + 2 + 1 + 16);
		assert_int_equal(m.peer.alert, ALERT_BAD_CERTIFICATE);
		n_sent = m.n_sent;
		meeting_farewell(&m);
		assert_int_equal(m.n_sent, n_sent);
		assert_false(SSL_is_init_finished(m.peer.ssl));
		assert_int_equal(m.peer.inside.size, 0);
		assert_int_equal(m.peer.n_hellos, 1);
		meeting_evidence(&m, &ev);
		assert_true(ev.tls_failed);
		assert_false(mt_evidence_has(&ev, MT_EV_CHAIN));
		mt_evidence_clear(&ev);
		meeting_clear(&m);
	}
}

/* The judge is asked once; an answer nobody asked for changes nothing. */
static void
a_second_answer_changes_nothing(void **state)
{
	struct meeting m;

	meet(0, &m);
	assert_int_equal(mt_session_judged(m.session, false, NULL, PEER_WALL_USEC), MT_STEP_DONE);
	assert_int_equal(mt_session_judged(m.session, true, NULL, PEER_WALL_USEC), MT_STEP_DONE);
	meeting_run(&m);
	assert_int_equal(m.peer.inside.size, 0);
	meeting_clear(&m);
}

static void
an_answer_before_the_question_lets_nobody_through(void **state)
{
	for (size_t i = 0; i < WAYS; i++) {
		const struct peer_options options = way(i);
		struct meeting m;

		meeting_start(&m, &options);
		assert_int_equal(mt_session_judged(m.session, true, NULL, PEER_WALL_USEC),
				 MT_STEP_CONTINUE);
		meeting_run(&m);
		assert_int_equal(mt_session_get_step(m.session), MT_STEP_JUDGE);
		assert_int_equal(m.peer.inside.size, 0);
		meeting_clear(&m);
	}
}

/* The judge may take his time: what arrives meanwhile is left to the caller's socket. */
static void
a_server_that_leaves_while_the_judge_thinks_has_not_come_about(void **state)
{
	for (size_t i = 0; i < WAYS; i++) {
		struct mt_evidence ev;
		struct meeting m;

		meet(i, &m);
		assert_int_equal(mt_session_end(m.session), MT_STEP_DONE);
		meeting_farewell(&m);
		assert_int_equal(m.peer.inside.size, 0);
		meeting_evidence(&m, &ev);
		assert_false(mt_evidence_has(&ev, MT_EV_ESTABLISHED_AT));
		assert_false(mt_evidence_has(&ev, MT_EV_EXPORTER));
		assert_true(mt_evidence_missing(&ev, MT_OP_ACCESS, MT_PHASE_FINAL));
		mt_evidence_clear(&ev);
		meeting_clear(&m);
	}
}

static void
however_the_servers_flight_is_cut_the_judge_is_asked_once_and_sees_the_same(void **state)
{
	for (size_t i = 0; i < WAYS; i++)
		for (size_t piece = 1; piece < 500; piece = piece * 2 + 1) {
			const struct peer_options options = way(i);
			struct meeting m;

			meeting_start(&m, &options);
			m.piece = piece;
			meeting_run(&m);
			assert_int_equal(mt_session_get_step(m.session), MT_STEP_JUDGE);
			assert_false(SSL_is_init_finished(m.peer.ssl));
			(void)mt_session_judged(m.session, true, NULL, PEER_WALL_USEC);
			meeting_run(&m);
			assert_int_equal(mt_session_get_step(m.session), MT_STEP_DONE);
			meeting_clear(&m);
		}
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_handshake_waits_for_the_judge_and_nothing_is_sent),
		cmocka_unit_test(
			what_the_judge_sees_is_complete_and_claims_no_end_of_the_handshake),
		cmocka_unit_test(
			the_judge_sees_the_staple_under_tls_1_3_and_after_the_handshake_under_1_2),
		cmocka_unit_test(an_accepted_server_is_spoken_with),
		cmocka_unit_test(a_refused_server_gets_bad_certificate_and_nothing_else),
		cmocka_unit_test(a_second_answer_changes_nothing),
		cmocka_unit_test(an_answer_before_the_question_lets_nobody_through),
		cmocka_unit_test(a_server_that_leaves_while_the_judge_thinks_has_not_come_about),
		cmocka_unit_test(
			however_the_servers_flight_is_cut_the_judge_is_asked_once_and_sees_the_same),
	};

	return cmocka_run_group_tests_name("session-judge", tests, NULL, NULL);
}
