/* SPDX-License-Identifier: MIT */
/* Sessions that end before TLS, and plaintext where TLS must be: what evidence says of them. */

#include "tests/cmocka-all.h"

#include <stdlib.h>
#include <string.h>

#include "tests/unit/tls-peer.h"

#define HELLO_IMAP "* OK hi\r\n"
#define OFFER_IMAP "* CAPABILITY IMAP4rev1 STARTTLS\r\na1 OK\r\n"
#define HELLO_POP3 "+OK hi\r\n"
#define OFFER_POP3 "+OK\r\nSTLS\r\n.\r\n"
#define HELLO_SUBMISSION "220 hi\r\n"
#define OFFER_SUBMISSION "250-mx\r\n250 STARTTLS\r\n"
#define TURNS_MAX 4

/* What the server says before TLS, and what evidence must then say. */
struct row {
	const char *name;
	enum mt_proto proto;
	const char *turns[TURNS_MAX];
	bool offered, refused, injected, preauth, bad_greeting, logindisabled;
	uint32_t others;
};

#define ROW(p, what) .name = what, .proto = MT_PROTO_##p
#define UP_TO_OFFER(p, reply)                     \
	{                                         \
		HELLO_##p, OFFER_##p, reply, NULL \
	}

static const struct row rows[] = {
	{ROW(IMAP, "imap: stripped"),
	 .turns = {HELLO_IMAP, "* CAPABILITY IMAP4rev1 LOGINDISABLED\r\na1 OK\r\n"},
	 .logindisabled = true},
	{ROW(POP3, "pop3: stripped"), .turns = {HELLO_POP3, "+OK\r\nUSER\r\n.\r\n"}},
	{ROW(SUBMISSION, "submission: stripped"), .turns = {HELLO_SUBMISSION, "250 mx\r\n"}},
	{ROW(IMAP, "imap: NO"), .turns = UP_TO_OFFER(IMAP, "a2 NO\r\n"), .offered = true,
	 .refused = true},
	{ROW(IMAP, "imap: BAD"), .turns = UP_TO_OFFER(IMAP, "a2 BAD\r\n"), .offered = true,
	 .refused = true},
	{ROW(POP3, "pop3: -ERR"), .turns = UP_TO_OFFER(POP3, "-ERR\r\n"), .offered = true,
	 .refused = true},
	{ROW(SUBMISSION, "submission: 454"), .turns = UP_TO_OFFER(SUBMISSION, "454 no\r\n"),
	 .offered = true, .refused = true},
	{ROW(IMAP, "imap: silence"), .turns = UP_TO_OFFER(IMAP, NULL), .offered = true,
	 .refused = true},
	{ROW(IMAP, "imap: PREAUTH"), .turns = {"* PREAUTH hi\r\n"}, .preauth = true},
	{ROW(IMAP, "imap: BYE"), .turns = {"* BYE\r\n"}, .bad_greeting = true},
	{ROW(IMAP, "imap: silence from the start"), .turns = {NULL}, .bad_greeting = true},
	{ROW(POP3, "pop3: binary"), .turns = {"\x16\x03\x03\xff\r\n"}, .bad_greeting = true},
	{ROW(SUBMISSION, "submission: an empty line"), .turns = {"\r\n"}, .bad_greeting = true},
	{ROW(IMAP, "imap: alerts"),
	 .turns = {"* OK [ALERT] pay\r\n", "* OK [ALERT] pay\r\n* LIST () \"/\" x\r\na1 OK\r\n"},
	 .others = 2},
	/* D-STLS-04: the answer and more in one segment */
	{ROW(IMAP, "imap: injected"), .turns = UP_TO_OFFER(IMAP, "a2 OK\r\n* CAPABILITY evil\r\n"),
	 .offered = true, .injected = true},
	{ROW(POP3, "pop3: injected"), .turns = UP_TO_OFFER(POP3, "+OK\r\n+OK evil\r\n"),
	 .offered = true, .injected = true},
	{ROW(SUBMISSION, "submission: injected"),
	 .turns = UP_TO_OFFER(SUBMISSION, "220 go\r\n250 evil\r\n"), .offered = true,
	 .injected = true},
	/* without CRLF */
	{ROW(IMAP, "imap: a fragment"), .turns = UP_TO_OFFER(IMAP, "a2 OK\r\n*"), .offered = true,
	 .injected = true},
	{ROW(POP3, "pop3: a fragment"), .turns = UP_TO_OFFER(POP3, "+OK\r\n+O"), .offered = true,
	 .injected = true},
	{ROW(SUBMISSION, "submission: a fragment"), .turns = UP_TO_OFFER(SUBMISSION, "220 go\r\n2"),
	 .offered = true, .injected = true},
};

static void
check_evidence(const struct meeting *m, const struct row *row)
{
	struct mt_evidence ev;

	meeting_evidence(m, &ev);
	assert_int_equal(mt_evidence_missing(&ev, MT_OP_TEST, MT_PHASE_FINAL), 0);
	assert_int_equal(ev.transport, MT_TRANSPORT_NONE);
	assert_int_equal(ev.starttls_offered, row->offered);
	assert_int_equal(ev.starttls_refused, row->refused);
	assert_int_equal(ev.starttls_buffered_bytes > 0, row->injected);
	assert_int_equal(ev.starttls_preauth, row->preauth);
	assert_int_equal(ev.starttls_bad_greeting, row->bad_greeting);
	assert_int_equal(ev.auth_logindisabled, row->logindisabled);
	assert_int_equal(ev.pretls_other_responses, row->others);
	assert_false(ev.starttls_caps_refreshed);
	assert_true(mt_evidence_has(&ev, MT_EV_STARTTLS_OFFERED) &&
		    mt_evidence_has(&ev, MT_EV_STARTTLS_REFUSED) &&
		    mt_evidence_has(&ev, MT_EV_STARTTLS_BUFFERED_BYTES) &&
		    mt_evidence_has(&ev, MT_EV_STARTTLS_PREAUTH) &&
		    mt_evidence_has(&ev, MT_EV_STARTTLS_BAD_GREETING) &&
		    mt_evidence_has(&ev, MT_EV_STARTTLS_CAPS_REFRESHED) &&
		    mt_evidence_has(&ev, MT_EV_PRETLS_OTHER_RESPONSES));
	assert_false(mt_evidence_has(&ev, MT_EV_ESTABLISHED_AT));
	mt_evidence_clear(&ev);
}

/* D-STLS-03 to D-STLS-07, D-STLS-10, D-STLS-12: it is reported as it was, not as it was wished. */
static void
what_ends_before_tls_is_reported_as_cleartext_and_with_its_cause(void **state)
{
	for (size_t i = 0; i < MT_ARRAY_SIZE(rows); i++) {
		const struct peer_options options = {.proto = rows[i].proto,
						     .transport = MT_TRANSPORT_STARTTLS,
						     .plain = rows[i].turns};
		struct meeting m;

		meeting_start(&m, &options);
		meeting_run(&m);
		(void)mt_session_end(m.session);
		assert_int_equal(mt_session_get_step(m.session), MT_STEP_DONE);
		assert_true(mt_session_get_text(m.session)[0]);
		check_evidence(&m, &rows[i]);
		assert_int_equal(m.peer.n_hellos, 0);
		meeting_clear(&m);
	}
}

/* D-STLS-10: where nobody asked for TLS it is still taken, and reported (R-5.2-13). */
static void
an_upgrade_that_is_offered_is_taken_where_cleartext_was_expected(void **state)
{
	const struct peer_options wish = {.proto = MT_PROTO_IMAP, .transport = MT_TRANSPORT_NONE};
	struct mt_evidence ev;
	struct meeting m;

	meeting_start(&m, &wish);
	meeting_run(&m);
	assert_int_equal(mt_session_get_step(m.session), MT_STEP_DONE);
	meeting_evidence(&m, &ev);
	assert_int_equal(ev.transport, MT_TRANSPORT_STARTTLS);
	assert_true(ev.starttls_caps_refreshed);
	mt_evidence_clear(&ev);
	meeting_clear(&m);
}

static void
put_plain(struct peer *p, const char *text)
{
	p->plain_out.size = strlen(text);
	memcpy(p->plain_out.text, text, p->plain_out.size);
}

/* The agreement has come alone, and the ClientHello has left. */
static void
begin_upgrade(enum mt_proto proto, struct meeting *m)
{
	const struct peer_options options = {.proto = proto, .transport = MT_TRANSPORT_STARTTLS};

	meeting_start(m, &options);
	do
		(void)meeting_send(m);
	while (!m->peer.in_tls && meeting_receive(m, SIZE_MAX) > 0);
	(void)meeting_receive(m, m->peer.plain_out.size);
	(void)meeting_send(m);
	assert_int_equal(m->peer.n_hellos, 1);
}

/* D-STLS-04: in a segment of its own, with and without CRLF, and cut at every byte. */
static void
plaintext_in_place_of_the_servers_hello_is_injected(void **state)
{
	static const char *const evil[] = {"* CAPABILITY evil\r\n", "+OK evil\r\n.\r\n", "250 ev"};

	for (size_t i = 0; i < 9; i++)
		for (size_t piece = 1; piece < 20; piece++) {
			struct row row = {
				.proto = MT_PROTO_IMAP + i % 3, .offered = true, .injected = true};
			size_t n_sent;
			struct meeting m;

			begin_upgrade(row.proto, &m);
			n_sent = m.n_sent;
			put_plain(&m.peer, evil[i / 3]);
			m.piece = piece;
			meeting_run(&m);
			assert_int_equal(mt_session_get_step(m.session), MT_STEP_DONE);
			check_evidence(&m, &row);
			meeting_farewell(&m);
			assert_int_equal(m.n_sent, n_sent);
			meeting_clear(&m);
		}
}

/* D-STLS-01: neither a farewell nor anything else goes out in plaintext behind the command. */
static void
behind_the_upgrades_command_nothing_is_said_in_plaintext(void **state)
{
	static const char *const asked[MT_PROTO_COUNT] = {
		[MT_PROTO_IMAP] = "a1 CAPABILITY\r\na2 STARTTLS\r\n",
		[MT_PROTO_POP3] = "CAPA\r\nSTLS\r\n",
		[MT_PROTO_SUBMISSION] = "EHLO [127.0.0.1]\r\nSTARTTLS\r\n"};

	for (size_t i = 0; i < MT_ARRAY_SIZE(rows); i++) {
		const struct peer_options options = {.proto = rows[i].proto,
						     .transport = MT_TRANSPORT_STARTTLS,
						     .plain = rows[i].turns};
		struct meeting m;

		if (!rows[i].offered || (rows[i].refused && rows[i].turns[2]))
			continue; /* a refusal was read: the conversation is in plaintext again */
		meeting_start(&m, &options);
		meeting_run(&m);
		(void)mt_session_end(m.session);
		meeting_farewell(&m);
		assert_string_equal(m.peer.plain.text, asked[rows[i].proto]);
		assert_int_equal(m.n_sent, m.peer.plain.size);
		meeting_clear(&m);
	}
}

/* D-IANA-02: on a port that begins with TLS a plaintext server is none of ours. */
static void
a_port_that_must_begin_with_tls_and_does_not_is_cleartext_and_left_alone(void **state)
{
	static const char *const greetings[] = {HELLO_IMAP,       HELLO_POP3,
						HELLO_SUBMISSION, "HTTP/1.1 400 Bad Request\r\n",
						"\r\n",           "\x16\r\n"};

	for (size_t i = 0; i < MT_ARRAY_SIZE(greetings) * 3; i++) {
		const struct peer_options options = {.proto = MT_PROTO_IMAP + i % 3,
						     .transport = MT_TRANSPORT_IMPLICIT};
		struct mt_evidence ev;
		struct meeting m;
		size_t n_hello;

		meeting_start(&m, &options);
		n_hello = meeting_send(&m);
		put_plain(&m.peer, greetings[i / 3]);
		(void)meeting_receive(&m, m.peer.plain_out.size);
		assert_int_equal(mt_session_get_step(m.session), MT_STEP_DONE);
		put_plain(&m.peer, greetings[i % 3]); /* too late */
		(void)meeting_receive(&m, m.peer.plain_out.size);
		meeting_farewell(&m);
		assert_int_equal(m.n_sent, n_hello);
		meeting_evidence(&m, &ev);
		assert_int_equal(ev.transport, MT_TRANSPORT_NONE);
		assert_false(ev.auth_logindisabled);
		mt_evidence_clear(&ev);
		meeting_clear(&m);
	}
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_ends_before_tls_is_reported_as_cleartext_and_with_its_cause),
		cmocka_unit_test(an_upgrade_that_is_offered_is_taken_where_cleartext_was_expected),
		cmocka_unit_test(plaintext_in_place_of_the_servers_hello_is_injected),
		cmocka_unit_test(behind_the_upgrades_command_nothing_is_said_in_plaintext),
		cmocka_unit_test(
			a_port_that_must_begin_with_tls_and_does_not_is_cleartext_and_left_alone),
	};

	return cmocka_run_group_tests_name("session-plain", tests, NULL, NULL);
}
