/* SPDX-License-Identifier: MIT */
/* The tunnel's machine between a server on memory BIOs and a program in the test's hands. */

#include "tests/cmocka-all.h"

#include <stdlib.h>
#include <string.h>

#include "clients/connect/queue.h"
#include "clients/connect/tunnel.h"
#include "tests/unit/tls-peer.h"

#define WAYS 6
#define CANARY "canary-7f3a"

struct stage {
	struct peer peer;
	struct mt_tunnel *tunnel;
	char told[2048]; /* the program */
	size_t told_size;
	bool program_reads;
};

static const struct mt_answer allowed = {.decision = MT_DECISION_ALLOW,
					 .conf = true,
					 .reasons = {MT_REASON_CONF_MET},
					 .n_reasons = 1};
static const struct mt_answer denied = {.reasons = {MT_REASON_CERT_EXPIRED}, .n_reasons = 1};

static const char *const greetings[MT_PROTO_COUNT] = {
	[MT_PROTO_IMAP] = "* OK [CAPABILITY ",
	[MT_PROTO_POP3] = "+OK mail.example.test ",
	[MT_PROTO_SUBMISSION] = "220 mail.example.test ",
};
static const char *const refusals[MT_PROTO_COUNT] = {
	[MT_PROTO_IMAP] = "* BYE mailtrust: ",
	[MT_PROTO_POP3] = "-ERR mailtrust: ",
	[MT_PROTO_SUBMISSION] = "421 mailtrust: ",
};

static struct peer_options
way(size_t i)
{
	return (struct peer_options){.proto = MT_PROTO_IMAP + i % 3,
				     .transport =
					     i / 3 ? MT_TRANSPORT_STARTTLS : MT_TRANSPORT_IMPLICIT};
}

static void
begin(struct stage *s, const struct peer_options *peer, bool wants_mechanism)
{
	const struct mt_tunnel_options options = {.session = {.proto = peer->proto,
							      .transport = peer->transport,
							      .host = PEER_HOST,
							      .port = 4711},
						  .wants_mechanism = wants_mechanism,
						  .exports_binding = true};

	memset(s, 0, sizeof(*s));
	s->program_reads = true;
	peer_init(&s->peer, peer);
	assert_int_equal(mt_tunnel_new(&options, &s->tunnel), 0);
	assert_int_equal(mt_tunnel_get_stage(s->tunnel), MT_TUNNEL_DIALOGUE);
}

static void
end(struct stage *s)
{
	mt_tunnel_free(s->tunnel);
	peer_clear(&s->peer);
}

static bool
carry_up(struct stage *s)
{
	struct mt_bytes bytes = mt_tunnel_for_server(s->tunnel);
	size_t size = bytes.size;

	if (size > 0)
		peer_hear(&s->peer, bytes.data, size);
	mt_tunnel_sent_to_server(s->tunnel, size);
	return size > 0;
}

static bool
carry_down(struct stage *s)
{
	size_t room = mt_tunnel_room_for_server(s->tunnel);
	uint8_t buffer[1024];
	size_t n = room ? peer_say(&s->peer, buffer, sizeof(buffer)) : 0;

	if (n > 0)
		mt_tunnel_server_said(s->tunnel, buffer, n, PEER_WALL_USEC);
	return n > 0;
}

static bool
tell_program(struct stage *s)
{
	struct mt_bytes bytes = mt_tunnel_for_program(s->tunnel);
	size_t size = s->program_reads ? bytes.size : 0;

	assert_true(size < sizeof(s->told) - s->told_size);
	if (size > 0)
		memcpy(s->told + s->told_size, bytes.data, size);
	s->told_size += size;
	mt_tunnel_sent_to_program(s->tunnel, size);
	return size > 0;
}

/* Until nobody has anything to say, or there is a question. */
static void
run(struct stage *s)
{
	bool moved;

	do {
		moved = carry_up(s);
		moved |= carry_down(s);
		moved |= tell_program(s);
	} while (moved);
	(void)carry_up(s);
}

static void
say(struct stage *s, const char *words)
{
	assert_true(mt_tunnel_room_for_program(s->tunnel) >= strlen(words));
	mt_tunnel_program_said(s->tunnel, (const uint8_t *)words, strlen(words));
}

static void
answer(struct stage *s, const struct mt_answer *with)
{
	mt_tunnel_answered(s->tunnel, with, PEER_WALL_USEC);
	run(s);
}

/* Through both questions. */
static void
open_up(struct stage *s, size_t i, bool wants_mechanism)
{
	const struct peer_options options = way(i);

	begin(s, &options, wants_mechanism);
	run(s);
	assert_int_equal(mt_tunnel_get_stage(s->tunnel), MT_TUNNEL_ASK_HANDSHAKE);
	answer(s, &allowed);
	assert_int_equal(mt_tunnel_get_stage(s->tunnel), MT_TUNNEL_ASK);
	answer(s, &allowed);
}

static void
assert_server_heard_nothing(const struct stage *s)
{
	assert_null(strstr(s->peer.plain.text, CANARY));
	assert_null(strstr(s->peer.inside.text, CANARY));
}

static void
assert_refused(const struct stage *s, enum mt_exit status)
{
	enum mt_proto proto = s->peer.options.proto;

	assert_int_equal(mt_tunnel_get_stage(s->tunnel), MT_TUNNEL_OVER);
	assert_int_equal(mt_tunnel_get_status(s->tunnel), status);
	assert_memory_equal(s->told, refusals[proto], strlen(refusals[proto]));
	assert_server_heard_nothing(s);
}

/* -- before the verdict ------------------------------------------------------------------------ */

/* R-5.2-09, D-SYS-08 */
static void
what_the_program_says_early_goes_out_only_after_both_answers_and_in_order(void **state)
{
	for (size_t i = 0; i < WAYS; i++) {
		const struct peer_options options = way(i);
		struct stage s;

		begin(&s, &options, false);
		say(&s, "1 " CANARY "\r\n");
		run(&s);
		assert_server_heard_nothing(&s);
		say(&s, "2\r\n");
		answer(&s, &allowed);
		assert_server_heard_nothing(&s);
		say(&s, "3\r\n");
		assert_int_equal(s.told_size, 0);
		answer(&s, &allowed);
		assert_int_equal(mt_tunnel_get_stage(s.tunnel), MT_TUNNEL_RELAY);
		say(&s, "4\r\n");
		run(&s);
		assert_non_null(strstr(s.peer.inside.text, "1 " CANARY "\r\n2\r\n3\r\n4\r\n"));
		assert_null(strstr(s.peer.plain.text, CANARY));
		assert_memory_equal(s.told, greetings[options.proto],
				    strlen(greetings[options.proto]));
		end(&s);
	}
}

static void
a_denial_at_either_question_is_told_to_the_program_and_to_nobody_else(void **state)
{
	for (size_t i = 0; i < WAYS * 2; i++) {
		const struct peer_options options = way(i % WAYS);
		struct stage s;

		begin(&s, &options, false);
		say(&s, CANARY "\r\n");
		run(&s);
		if (i >= WAYS)
			answer(&s, &allowed);
		answer(&s, &denied);
		assert_refused(&s, MT_EXIT_DENY);
		assert_non_null(strstr(s.told, "[cert.expired]"));
		end(&s);
	}
}

static void
what_does_not_permit_ends_with_its_own_status(void **state)
{
	static const struct {
		struct mt_answer answer;
		enum mt_exit status;
		enum mt_reason reason;
	} rows[] = {
		{{0}, MT_EXIT_DENY, MT_REASON_OP_NOT_PERMITTED},
		{{.reasons = {MT_REASON_CONF_MET}, .n_reasons = 1},
		 MT_EXIT_DENY,
		 MT_REASON_CONF_MET},
		{{.decision = MT_DECISION_CONFIRM, .reasons = {MT_REASON_TLS_NONE}, .n_reasons = 1},
		 MT_EXIT_CONFIRM,
		 MT_REASON_TLS_NONE},
		{{.reasons = {MT_REASON_DAEMON_UNAVAILABLE}, .n_reasons = 1},
		 MT_EXIT_DAEMON,
		 MT_REASON_DAEMON_UNAVAILABLE},
		{{.reasons = {MT_REASON_TRANSPORT_STARTTLS_USED, MT_REASON_CERT_EXPIRED,
			      MT_REASON_CONF_MET},
		  .n_reasons = 3},
		 MT_EXIT_DENY,
		 MT_REASON_CERT_EXPIRED},
	};

	for (size_t i = 0; i < MT_ARRAY_SIZE(rows); i++) {
		const struct peer_options options = way(0);
		struct stage s;

		assert_int_equal(mt_tunnel_exit_of(&rows[i].answer), rows[i].status);
		assert_int_equal(mt_tunnel_reason_of(&rows[i].answer), rows[i].reason);
		begin(&s, &options, false);
		say(&s, CANARY "\r\n");
		run(&s);
		answer(&s, &rows[i].answer);
		assert_refused(&s, rows[i].status);
		end(&s);
	}
	assert_int_equal(mt_tunnel_exit_of(&allowed), MT_EXIT_OK);
}

/* D-SYS-08: 64 KiB, then closed. */
static void
what_is_held_is_bounded_and_one_byte_more_ends_it(void **state)
{
	static uint8_t words[MT_HELD_MAX];

	for (size_t i = 0; i < WAYS; i++) {
		const struct peer_options options = way(i);
		struct stage s;

		begin(&s, &options, false);
		mt_tunnel_program_said(s.tunnel, words, sizeof(words));
		assert_int_equal(mt_tunnel_get_stage(s.tunnel), MT_TUNNEL_DIALOGUE);
		assert_int_equal(mt_tunnel_room_for_program(s.tunnel), 1);
		mt_tunnel_program_said(s.tunnel, words, 1);
		run(&s);
		assert_refused(&s, MT_EXIT_DENY);
		assert_int_equal(mt_tunnel_room_for_program(s.tunnel), 0);
		end(&s);
	}
}

/* D-STLS-02, D-STLS-11 */
static void
no_word_of_the_server_before_tls_reaches_the_program(void **state)
{
	static const char *const plain[] = {"* OK [ALERT] evil <e@vil>\r\n",
					    "* CAPABILITY STARTTLS EVIL\r\na1 OK evil\r\n",
					    "a2 OK evil\r\n", NULL};
	struct peer_options options = way(3);
	struct stage s;

	options.plain = plain;
	begin(&s, &options, false);
	run(&s);
	answer(&s, &allowed);
	answer(&s, &allowed);
	assert_int_equal(mt_tunnel_get_stage(s.tunnel), MT_TUNNEL_RELAY);
	assert_null(strcasestr(s.told, "evil"));
	end(&s);
}

static void
whoever_goes_away_before_the_verdict_ends_it(void **state)
{
	for (size_t i = 0; i < WAYS * 6; i++) {
		const struct peer_options options = way(i % WAYS);
		size_t questions = i / WAYS % 3;
		struct stage s;

		begin(&s, &options, false);
		say(&s, CANARY "\r\n");
		if (questions > 0)
			run(&s);
		if (questions > 1)
			answer(&s, &allowed);
		if (i / WAYS < 3) {
			mt_tunnel_program_closed(s.tunnel);
			assert_int_not_equal(mt_tunnel_get_stage(s.tunnel), MT_TUNNEL_OVER);
			mt_tunnel_program_deaf(s.tunnel);
			run(&s);
			assert_int_equal(mt_tunnel_get_status(s.tunnel), MT_EXIT_TEMPORARY);
			assert_int_equal(mt_tunnel_get_stage(s.tunnel), MT_TUNNEL_OVER);
			assert_server_heard_nothing(&s);
		} else if (questions == 0) {
			/* it was no mail server, or the question is about what was seen of it */
			mt_tunnel_server_closed(s.tunnel);
			if (mt_tunnel_get_stage(s.tunnel) == MT_TUNNEL_ASK)
				answer(&s, &denied);
			run(&s);
			assert_int_equal(mt_tunnel_get_stage(s.tunnel), MT_TUNNEL_OVER);
			assert_server_heard_nothing(&s);
		} else {
			mt_tunnel_server_closed(s.tunnel);
			answer(&s, &denied);
			assert_refused(&s, MT_EXIT_DENY);
		}
		end(&s);
	}
}

/* -- the session ------------------------------------------------------------------------------- */

static void
back_pressure_is_having_no_room(void **state)
{
	struct stage s;

	open_up(&s, 0, false);
	assert_true(mt_tunnel_room_for_program(s.tunnel) > 0);
	say(&s, "a NOOP\r\n");
	assert_true(mt_tunnel_for_server(s.tunnel).size > 0);
	assert_int_equal(mt_tunnel_room_for_program(s.tunnel), 0);
	run(&s);
	assert_true(mt_tunnel_room_for_program(s.tunnel) > 0);

	s.program_reads = false;
	assert_int_equal(SSL_write(s.peer.ssl, "words", 5), 5);
	run(&s);
	assert_int_equal(mt_tunnel_for_program(s.tunnel).size, 5);
	assert_int_equal(mt_tunnel_room_for_server(s.tunnel), 0);
	s.program_reads = true;
	run(&s);
	assert_true(mt_tunnel_room_for_server(s.tunnel) > 0);
	end(&s);
}

/* D-TLS-15 */
static void
a_servers_end_is_a_good_one_only_after_close_notify(void **state)
{
	for (size_t i = 0; i < WAYS * 2; i++) {
		bool is_good = i >= WAYS;
		struct stage s;

		open_up(&s, i % WAYS, false);
		if (is_good)
			(void)SSL_shutdown(s.peer.ssl);
		run(&s);
		mt_tunnel_server_closed(s.tunnel);
		assert_int_equal(mt_tunnel_get_stage(s.tunnel), MT_TUNNEL_OVER);
		assert_int_equal(mt_tunnel_get_status(s.tunnel),
				 is_good ? MT_EXIT_OK : MT_EXIT_TEMPORARY);
		end(&s);
	}
}

static void
a_program_that_is_done_may_be_followed_by_close_notify(void **state)
{
	struct stage s;

	open_up(&s, 0, false);
	assert_false(mt_tunnel_may_close(s.tunnel));
	say(&s, "a NOOP\r\n");
	mt_tunnel_program_closed(s.tunnel);
	run(&s);
	assert_true(mt_tunnel_may_close(s.tunnel));
	mt_tunnel_close(s.tunnel);
	assert_int_equal(mt_tunnel_get_stage(s.tunnel), MT_TUNNEL_RELAY);
	run(&s);
	assert_true(SSL_get_shutdown(s.peer.ssl) & SSL_RECEIVED_SHUTDOWN);
	/* it still listens */
	assert_int_equal(SSL_write(s.peer.ssl, "last words", 10), 10);
	run(&s);
	assert_non_null(strstr(s.told, "last words"));
	end(&s);
}

/* D-SYS-09: nothing is put between the server's words. */
static void
a_session_denied_later_is_closed_without_a_word_to_the_program(void **state)
{
	for (size_t i = 0; i < WAYS; i++) {
		struct stage s;
		size_t told;

		open_up(&s, i, false);
		told = s.told_size;
		answer(&s, &allowed);
		assert_int_equal(mt_tunnel_get_stage(s.tunnel), MT_TUNNEL_RELAY);
		answer(&s, &denied);
		assert_int_equal(mt_tunnel_get_stage(s.tunnel), MT_TUNNEL_OVER);
		assert_int_equal(mt_tunnel_get_status(s.tunnel), MT_EXIT_DENY);
		assert_int_equal(s.told_size, told);
		assert_true(SSL_get_shutdown(s.peer.ssl) & SSL_RECEIVED_SHUTDOWN);
		end(&s);
	}
}

/* R-5.4-08 */
static void
a_session_ends_with_the_pin_it_was_allowed_by(void **state)
{
	static const struct mt_answer pinned = {.decision = MT_DECISION_AWC,
						.reasons = {MT_REASON_CERT_CHAIN_UNTRUSTED,
							    MT_REASON_PIN_MATCHED,
							    MT_REASON_CONF_DISABLED_BY_USER},
						.n_reasons = 3};
	static const struct mt_answer unpinned = {
		.decision = MT_DECISION_AWC,
		.reasons = {MT_REASON_CERT_CHAIN_UNTRUSTED, MT_REASON_CONF_DISABLED_BY_USER},
		.n_reasons = 2};

	for (size_t i = 0; i < WAYS; i++) {
		struct stage s;

		/* what never had one is not ended for it, nor what has become confidential */
		open_up(&s, i, false);
		answer(&s, &unpinned);
		answer(&s, &pinned);
		answer(&s, &allowed);
		answer(&s, &unpinned);
		assert_int_equal(mt_tunnel_get_stage(s.tunnel), MT_TUNNEL_RELAY);
		answer(&s, &pinned);
		answer(&s, &pinned);
		assert_int_equal(mt_tunnel_get_stage(s.tunnel), MT_TUNNEL_RELAY);
		answer(&s, &unpinned);
		assert_int_equal(mt_tunnel_get_stage(s.tunnel), MT_TUNNEL_OVER);
		assert_int_equal(mt_tunnel_get_status(s.tunnel), MT_EXIT_DENY);
		end(&s);
	}
}

/* RFC 9266; D-CB-05: only who uses it has it. */
static void
the_binding_is_the_connections_and_the_evidence_of_who_uses_it(void **state)
{
	static const struct {
		const char *command;
		bool uses_it;
	} rows[] = {{"a AUTHENTICATE SCRAM-SHA-256-PLUS\r\n", true},
		    {"a AUTHENTICATE SCRAM-SHA-256\r\n", false},
		    {"a LOGIN me " CANARY "\r\n", false}};
	static const char label[] = "EXPORTER-Channel-Binding";

	for (size_t i = 0; i < MT_ARRAY_SIZE(rows); i++) {
		struct mt_tunnel_binding ours;
		uint8_t theirs[32];
		struct mt_evidence ev;
		struct stage s;

		open_up(&s, 0, true);
		assert_int_equal(mt_tunnel_get_stage(s.tunnel), MT_TUNNEL_OPENING);
		mt_tunnel_get_binding(s.tunnel, &ours);
		assert_string_equal(ours.type, "tls-exporter");
		assert_int_equal(ours.size, 32);
		assert_int_equal(SSL_export_keying_material(s.peer.ssl, theirs, sizeof(theirs),
							    label, strlen(label), NULL, 0, 0),
				 1);
		assert_memory_equal(ours.value, theirs, sizeof(theirs));
		say(&s, rows[i].command);
		run(&s);
		assert_int_equal(mt_tunnel_get_stage(s.tunnel), MT_TUNNEL_ASK);
		assert_int_equal(mt_tunnel_get_op(s.tunnel), MT_OP_AUTHENTICATE);
		assert_int_equal(
			mt_tunnel_get_evidence(s.tunnel, "192.0.2.1", 40000, PEER_WALL_USEC, &ev),
			0);
		assert_true(mt_evidence_has(&ev, MT_EV_AUTH_MECHANISM));
		assert_int_equal(mt_evidence_has(&ev, MT_EV_AUTH_CB_VALUE), rows[i].uses_it);
		mt_evidence_clear(&ev);
		answer(&s, &denied);
		assert_server_heard_nothing(&s);
		assert_null(strstr(s.peer.inside.text, "AUTHENTICATE"));
		end(&s);
	}
}

/* D-CB-02, D-CB-04, RFC 5929 §4 */
static void
without_an_exporter_the_binding_is_the_weaker_one_to_the_servers_certificate(void **state)
{
	const struct peer_options options = {.proto = MT_PROTO_IMAP,
					     .transport = MT_TRANSPORT_IMPLICIT,
					     .version = TLS1_2_VERSION,
					     .ssl_options = SSL_OP_NO_EXTENDED_MASTER_SECRET};
	struct mt_tunnel_binding ours;
	struct mt_evidence ev;
	struct stage s;

	begin(&s, &options, true);
	run(&s);
	answer(&s, &allowed);
	answer(&s, &allowed);
	mt_tunnel_get_binding(s.tunnel, &ours);
	assert_string_equal(ours.type, "tls-server-end-point");
	assert_int_equal(ours.size, sizeof(s.peer.leaf_sha256));
	assert_memory_equal(ours.value, s.peer.leaf_sha256, ours.size);
	say(&s, "a AUTHENTICATE SCRAM-SHA-256-PLUS\r\n");
	run(&s);
	assert_int_equal(mt_tunnel_get_evidence(s.tunnel, "192.0.2.1", 40000, PEER_WALL_USEC, &ev),
			 0);
	assert_string_equal(ev.auth_cb_type, "tls-server-end-point");
	assert_int_equal(ev.auth_cb_size, ours.size);
	assert_memory_equal(ev.auth_cb_value, ours.value, ours.size);
	mt_evidence_clear(&ev);
	end(&s);
}

/* -- the queue --------------------------------------------------------------------------------- */

static void
a_queue_gives_back_what_was_put_and_takes_no_more_than_fits(void **state)
{
	static const uint8_t block[MT_QUEUE_SIZE] = {1, 2, 3};
	struct mt_queue *queue = calloc(1, sizeof(*queue));
	size_t room;

	assert_non_null(queue);
	assert_true(mt_queue_put(queue, block, 3));
	mt_queue_drop(queue, 2);
	assert_int_equal(mt_queue_peek(queue).size, 1);
	assert_int_equal(mt_queue_peek(queue).data[0], 3);
	assert_false(mt_queue_put(queue, block, MT_QUEUE_SIZE));
	assert_true(mt_queue_put(queue, block, MT_QUEUE_SIZE - 1));
	assert_int_equal(mt_queue_peek(queue).size, MT_QUEUE_SIZE);
	assert_int_equal(mt_queue_peek(queue).data[1], 1);
	(void)mt_queue_tail(queue, &room);
	assert_int_equal(room, 0);
	mt_queue_drop(queue, MT_QUEUE_SIZE);
	(void)mt_queue_tail(queue, &room);
	assert_int_equal(room, MT_QUEUE_SIZE);
	free(queue);
}

/* RFC 8446 §4.6.3: each update that is asked for is an answer of ours. */
static void
a_server_that_asks_without_listening_does_not_fill_the_memory(void **state)
{
	uint8_t buffer[1024];
	struct stage s;

	open_up(&s, 0, false);
	for (size_t i = 0; i < 2 * MT_TLS_UNSENT_MAX;
	     i += 22) { /* with its record; it hears nothing */
		size_t n;

		if (mt_tunnel_get_stage(s.tunnel) == MT_TUNNEL_OVER)
			break;
		assert_int_equal(SSL_key_update(s.peer.ssl, SSL_KEY_UPDATE_REQUESTED), 1);
		assert_int_equal(SSL_do_handshake(s.peer.ssl), 1);
		assert_true(mt_tunnel_room_for_server(s.tunnel) > 0);
		n = peer_say(&s.peer, buffer, sizeof(buffer));
		mt_tunnel_server_said(s.tunnel, buffer, n, PEER_WALL_USEC);
	}
	assert_int_equal(mt_tunnel_get_stage(s.tunnel), MT_TUNNEL_OVER);
	assert_int_equal(mt_tunnel_get_status(s.tunnel), MT_EXIT_TEMPORARY);
	end(&s);
}

static void
a_server_that_asks_and_listens_may_ask_for_ever(void **state)
{
	uint8_t buffer[1024];
	struct stage s;

	open_up(&s, 0, false);
	for (size_t i = 0; i < 2 * MT_TLS_UNSENT_MAX; i += 22) {
		size_t n;

		assert_int_equal(SSL_key_update(s.peer.ssl, SSL_KEY_UPDATE_REQUESTED), 1);
		assert_int_equal(SSL_do_handshake(s.peer.ssl), 1);
		n = peer_say(&s.peer, buffer, sizeof(buffer));
		mt_tunnel_server_said(s.tunnel, buffer, n, PEER_WALL_USEC);
		(void)carry_up(&s);
	}
	assert_int_equal(mt_tunnel_get_stage(s.tunnel), MT_TUNNEL_RELAY);
	end(&s);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			what_the_program_says_early_goes_out_only_after_both_answers_and_in_order),
		cmocka_unit_test(
			a_denial_at_either_question_is_told_to_the_program_and_to_nobody_else),
		cmocka_unit_test(what_does_not_permit_ends_with_its_own_status),
		cmocka_unit_test(what_is_held_is_bounded_and_one_byte_more_ends_it),
		cmocka_unit_test(no_word_of_the_server_before_tls_reaches_the_program),
		cmocka_unit_test(whoever_goes_away_before_the_verdict_ends_it),
		cmocka_unit_test(back_pressure_is_having_no_room),
		cmocka_unit_test(a_servers_end_is_a_good_one_only_after_close_notify),
		cmocka_unit_test(a_program_that_is_done_may_be_followed_by_close_notify),
		cmocka_unit_test(a_session_denied_later_is_closed_without_a_word_to_the_program),
		cmocka_unit_test(a_session_ends_with_the_pin_it_was_allowed_by),
		cmocka_unit_test(the_binding_is_the_connections_and_the_evidence_of_who_uses_it),
		cmocka_unit_test(
			without_an_exporter_the_binding_is_the_weaker_one_to_the_servers_certificate),
		cmocka_unit_test(a_queue_gives_back_what_was_put_and_takes_no_more_than_fits),
		cmocka_unit_test(a_server_that_asks_without_listening_does_not_fill_the_memory),
		cmocka_unit_test(a_server_that_asks_and_listens_may_ask_for_ever),
	};

	return cmocka_run_group_tests_name("tunnel", tests, NULL, NULL);
}
