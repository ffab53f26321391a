/* SPDX-License-Identifier: MIT */
/* Good conversations before anybody logs in: what is sent, byte for byte, and what is seen. */

#include "tests/cmocka-all.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/talk.h"

static const struct talk good[] = {
	{
		.name = "imap, TLS first",
		.proto = MT_PROTO_IMAP,
		.in_tls = true,
		.turns = {SAYS("* OK ready\r\n"),
			  SAYS("* CAPABILITY IMAP4rev1 STARTTLS AUTH=PLAIN\r\na1 OK done\r\n")},
		.sent = "a1 CAPABILITY\r\na2 LOGOUT\r\n",
		.state = MT_DIALOGUE_DONE,
		.facts = {.capabilities_read = true,
			  .capabilities = "IMAP4rev1 STARTTLS AUTH=PLAIN"},
	},
	{
		.name = "imap, upgraded",
		.proto = MT_PROTO_IMAP,
		.turns = {SAYS("* OK [CAPABILITY IMAP4rev1] ready\r\n"),
			  SAYS("* CAPABILITY IMAP4rev1 StartTLS LOGINDISABLED\r\na1 OK\r\n"),
			  SAYS("a2 OK begin\r\n"), TLS,
			  SAYS("* CAPABILITY IMAP4rev1 AUTH=SCRAM-SHA-256\r\na3 OK done\r\n")},
		.sent = "a1 CAPABILITY\r\na2 STARTTLS\r\n|a3 CAPABILITY\r\na4 LOGOUT\r\n",
		.state = MT_DIALOGUE_DONE,
		.facts = {.offered = true,
			  .capabilities_read = true,
			  .capabilities = "IMAP4rev1 AUTH=SCRAM-SHA-256"},
	},
	{
		.name = "imap, never TLS",
		.proto = MT_PROTO_IMAP,
		.turns = {SAYS("* OK ready\n"),
			  SAYS("* CAPABILITY IMAP4rev1\n* CAPABILITY LOGINDISABLED\na1 OK done\n")},
		.sent = "a1 CAPABILITY\r\na2 LOGOUT\r\n",
		.state = MT_DIALOGUE_DONE,
		.facts = {.capabilities_read = true,
			  .logindisabled = true,
			  .capabilities = "IMAP4rev1 LOGINDISABLED"},
	},
	{
		.name = "imap, logged in by TLS itself",
		.proto = MT_PROTO_IMAP,
		.in_tls = true,
		.turns = {SAYS("* PREAUTH welcome\r\n"),
			  SAYS("* CAPABILITY IMAP4rev1\r\na1 OK done\r\n")},
		.sent = "a1 CAPABILITY\r\na2 LOGOUT\r\n",
		.state = MT_DIALOGUE_DONE,
		.facts = {.preauth_in_tls = true,
			  .capabilities_read = true,
			  .capabilities = "IMAP4rev1"},
	},
	{
		.name = "pop3, TLS first",
		.proto = MT_PROTO_POP3,
		.in_tls = true,
		.turns = {SAYS("+OK ready <1.2@mx>\r\n"),
			  SAYS("+OK list\r\nUSER\r\nSASL PLAIN\r\n.\r\n")},
		.sent = "CAPA\r\nQUIT\r\n",
		.state = MT_DIALOGUE_DONE,
		.facts = {.capabilities_read = true, .capabilities = "USER SASL"},
	},
	{
		.name = "pop3, upgraded",
		.proto = MT_PROTO_POP3,
		.turns = {SAYS("+OK\r\n"), SAYS("+OK\r\nstls\r\nUSER\r\n.\r\n"),
			  SAYS("+OK begin\r\n"), TLS, SAYS("+OK\r\nTOP\r\n.\r\n")},
		.sent = "CAPA\r\nSTLS\r\n|CAPA\r\nQUIT\r\n",
		.state = MT_DIALOGUE_DONE,
		.facts = {.offered = true, .capabilities_read = true, .capabilities = "TOP"},
	},
	{
		.name = "pop3, never TLS",
		.proto = MT_PROTO_POP3,
		.turns = {SAYS("+OK ready\r\n"), SAYS("+OK\r\nUSER\r\n.\r\n")},
		.sent = "CAPA\r\nQUIT\r\n",
		.state = MT_DIALOGUE_DONE,
		.facts = {.capabilities_read = true, .capabilities = "USER"},
	},
	{
		.name = "submission, TLS first",
		.proto = MT_PROTO_SUBMISSION,
		.in_tls = true,
		.turns = {SAYS("220-mx.test ESMTP\r\n220 ready\r\n"),
			  SAYS("250-mx.test\r\n250-SIZE 1000\r\n250 AUTH PLAIN\r\n")},
		.sent = "EHLO [127.0.0.1]\r\nQUIT\r\n",
		.state = MT_DIALOGUE_DONE,
		.facts = {.capabilities_read = true, .capabilities = "SIZE AUTH"},
	},
	{
		.name = "submission, upgraded",
		.proto = MT_PROTO_SUBMISSION,
		.turns = {SAYS("220 mx.test\r\n"),
			  SAYS("250-mx.test\r\n250-AUTH PLAIN\r\n250 STARTTLS\r\n"),
			  SAYS("220-go\r\n220 ahead\r\n"), TLS,
			  SAYS("250-mx.test\r\n250-AUTH=LOGIN\r\n250 8BITMIME\r\n")},
		.sent = "EHLO [127.0.0.1]\r\nSTARTTLS\r\n|EHLO [127.0.0.1]\r\nQUIT\r\n",
		.state = MT_DIALOGUE_DONE,
		.facts = {.offered = true,
			  .capabilities_read = true,
			  .capabilities = "AUTH 8BITMIME"},
	},
	{
		.name = "submission, never TLS",
		.proto = MT_PROTO_SUBMISSION,
		.turns = {SAYS("220\r\n"), SAYS("250 mx.test\r\n")},
		.sent = "EHLO [127.0.0.1]\r\nQUIT\r\n",
		.state = MT_DIALOGUE_DONE,
		.facts = {.capabilities_read = true},
	},
};

/* R-5.2-09, D-STLS-16: talk.sent is every byte of it. */
static void
before_tls_nothing_is_sent_but_capability_verbs_the_upgrade_and_farewell(void **state)
{
	for (size_t i = 0; i < MT_ARRAY_SIZE(good); i++)
		talk_check(&good[i], (struct cut){0, SIZE_MAX});
}

static void
however_a_good_conversation_is_cut_the_same_is_sent_and_seen(void **state)
{
	for (size_t i = 0; i < MT_ARRAY_SIZE(good); i++)
		talk_check_every_cut(&good[i]);
}

/* D-STLS-01, D-STLS-05: each question waits for the last byte of the answer before. */
static void
nothing_is_asked_before_the_last_answer_is_complete(void **state)
{
	for (size_t i = 0; i < MT_ARRAY_SIZE(good); i++) {
		struct mt_dialogue d;

		mt_dialogue_init(&d, good[i].proto, good[i].in_tls);
		for (const struct turn *turn = good[i].turns; turn->kind == TURN_SAYS; turn++) {
			const uint8_t *data = (const uint8_t *)turn->text;

			(void)mt_dialogue_feed(&d, data, turn->size - 1);
			assert_int_equal(mt_dialogue_output(&d).size, 0);
			assert_int_equal(d.state, MT_DIALOGUE_READING);
			(void)mt_dialogue_feed(&d, data + turn->size - 1, 1);
			mt_dialogue_sent(&d);
		}
	}
}

static void
the_server_speaks_first(void **state)
{
	for (enum mt_proto proto = MT_PROTO_IMAP; proto < MT_PROTO_COUNT; proto++) {
		struct mt_dialogue d;

		mt_dialogue_init(&d, proto, false);
		assert_int_equal(d.state, MT_DIALOGUE_READING);
		assert_int_equal(mt_dialogue_output(&d).size, 0);
	}
}

static void
with_an_unknown_protocol_nothing_is_said_or_heard(void **state)
{
	struct mt_dialogue d;

	mt_dialogue_init(&d, MT_PROTO_UNKNOWN, false);
	assert_int_equal(d.state, MT_DIALOGUE_FAULT);
	assert_int_equal(mt_dialogue_feed(&d, (const uint8_t *)"* OK\r\n", 6), 0);
	mt_dialogue_logout(&d);
	assert_int_equal(mt_dialogue_output(&d).size, 0);
}

/* D-STLS-02: what was learnt is gone at once, not only when the answer comes. */
static void
with_tls_everything_learnt_before_is_dropped(void **state)
{
	static const char *const before[] = {
		"* OK\r\n", "* CAPABILITY STARTTLS LOGINDISABLED AUTH=PLAIN\r\na1 OK\r\n",
		"a2 OK\r\n"};
	struct mt_dialogue d;

	mt_dialogue_init(&d, MT_PROTO_IMAP, false);
	for (size_t i = 0; i < MT_ARRAY_SIZE(before); i++) {
		mt_dialogue_sent(&d);
		(void)mt_dialogue_feed(&d, (const uint8_t *)before[i], strlen(before[i]));
	}
	assert_int_equal(d.state, MT_DIALOGUE_UPGRADE);
	assert_true(d.facts.capabilities_read);
	assert_true(d.facts.logindisabled);
	mt_dialogue_enter_tls(&d);
	assert_false(d.facts.capabilities_read);
	assert_false(d.facts.logindisabled);
	assert_string_equal(d.facts.capabilities, "");
}

/* RFC 1939 §7: the challenge of APOP, which must be the server's (D-STLS-11) and a msg-id. */
static void
a_timestamp_is_taken_from_inside_tls_and_only_where_it_is_one(void **state)
{
	static const struct {
		const char *greeting, *inside;
	} rows[] = {
		{"+OK ready <1896.697170952@dbc.mtview.ca.us>\r\n",
		 "<1896.697170952@dbc.mtview.ca.us>"},
		{"+OK <1.2@a> and so on\r\n", "<1.2@a>"},
		{"+OK ready\r\n", ""},
		{"+OK <>\r\n", ""},
		{"+OK <no at>\r\n", ""},
		{"+OK <a b@c>\r\n", ""},
		{"+OK <<a@c>\r\n", ""},
		{"+OK <a@b@c>\r\n", ""},
		{"+OK <@a>\r\n", ""},
		{"+OK <a@>\r\n", ""},
		{"+OK <a\x80@c>\r\n", ""},
		{"+OK <a\x1b@c>\r\n", ""},
		{"+OK <a@c\r\n", ""},
		{"+OK a@c>\r\n", ""},
	};
	struct mt_dialogue d;

	for (size_t i = 0; i < MT_ARRAY_SIZE(rows) * 2; i++) {
		const char *greeting = rows[i / 2].greeting;
		bool in_tls = i % 2;

		mt_dialogue_init(&d, MT_PROTO_POP3, in_tls);
		(void)mt_dialogue_feed(&d, (const uint8_t *)greeting, strlen(greeting));
		assert_int_equal(d.state, MT_DIALOGUE_READING);
		assert_string_equal(d.facts.timestamp, in_tls ? rows[i / 2].inside : "");
	}
}

static void
a_timestamp_longer_than_any_is_none(void **state)
{
	char greeting[MT_TIMESTAMP_SIZE + 16];
	struct mt_dialogue d;

	for (int size = MT_TIMESTAMP_SIZE - 2; size < MT_TIMESTAMP_SIZE + 2; size++) {
		(void)snprintf(greeting, sizeof(greeting), "+OK <%0*d@a>\r\n", size - 4, 1);
		mt_dialogue_init(&d, MT_PROTO_POP3, true);
		(void)mt_dialogue_feed(&d, (const uint8_t *)greeting, strlen(greeting));
		assert_int_equal(strlen(d.facts.timestamp),
				 size < MT_TIMESTAMP_SIZE ? (size_t)size : 0);
	}
}

static void
capabilities_for_display_are_printable_and_bounded(void **state)
{
	static const char odd[] = "* CAPABILITY A\x1b[2J \xff\x01 ";
	struct mt_dialogue d;
	size_t size;

	mt_dialogue_init(&d, MT_PROTO_IMAP, true);
	(void)mt_dialogue_feed(&d, (const uint8_t *)"* OK\r\n", 6);
	mt_dialogue_sent(&d);
	(void)mt_dialogue_feed(&d, (const uint8_t *)odd, sizeof(odd) - 1);
	for (int i = 0; i < 1000; i++)
		(void)mt_dialogue_feed(&d, (const uint8_t *)"WORD ", 5);
	(void)mt_dialogue_feed(&d, (const uint8_t *)"\r\na1 OK\r\n", 9);
	assert_int_equal(d.state, MT_DIALOGUE_DONE);
	size = strlen(d.facts.capabilities);
	assert_in_range(size, MT_CAPABILITIES_SIZE - 8, MT_CAPABILITIES_SIZE - 1);
	assert_memory_equal(d.facts.capabilities, "A?[2J ?? WORD ", 14);
	for (size_t i = 0; i < size; i++)
		assert_in_range(d.facts.capabilities[i], ' ', '~');
}

#define OFFER(protocol, text, external, ir)                            \
	{                                                              \
		.name = text, .proto = protocol, .capabilities = text, \
		.offers_external = (external), .has_sasl_ir = (ir)     \
	}

/* D-SASL-03, D-SASL-08: what stands somewhere else, or only begins so, is no offer. */
static void
external_and_the_initial_response_are_noted_where_they_are_offered(void **state)
{
	static const struct {
		const char *name;
		enum mt_proto proto;
		const char *capabilities; /* the lines of the answer */
		bool offers_external, has_sasl_ir;
	} rows[] = {
		OFFER(MT_PROTO_IMAP, "* CAPABILITY IMAP4rev1 AUTH=EXTERNAL\r\na1 OK\r\n", true,
		      false),
		OFFER(MT_PROTO_IMAP, "* CAPABILITY imap4rev1 sasl-ir auth=external\r\na1 OK\r\n",
		      true, true),
		OFFER(MT_PROTO_IMAP, "* CAPABILITY IMAP4rev2 AUTH=PLAIN\r\na1 OK\r\n", false, true),
		OFFER(MT_PROTO_IMAP, "* CAPABILITY EXTERNAL AUTH=EXTERNALS XSASL-IR\r\na1 OK\r\n",
		      false, false),
		OFFER(MT_PROTO_POP3, "+OK\r\nSASL PLAIN EXTERNAL\r\n.\r\n", true, false),
		OFFER(MT_PROTO_POP3, "+OK\r\nsasl external\r\n.\r\n", true, false),
		OFFER(MT_PROTO_POP3,
		      "+OK\r\nEXTERNAL\r\nSASL PLAIN EXTERNALS\r\n"
		      "IMPLEMENTATION EXTERNAL\r\n.\r\n",
		      false, false),
		OFFER(MT_PROTO_SUBMISSION, "250-mx\r\n250 AUTH EXTERNAL PLAIN\r\n", true, false),
		OFFER(MT_PROTO_SUBMISSION, "250-mx\r\n250 AUTH=LOGIN EXTERNAL\r\n", true, false),
		OFFER(MT_PROTO_SUBMISSION, "250-AUTH EXTERNAL\r\n250 SASL EXTERNALS\r\n", false,
		      false),
	};
	static const char *const greetings[MT_PROTO_COUNT] = {[MT_PROTO_IMAP] = "* OK\r\n",
							      [MT_PROTO_POP3] = "+OK\r\n",
							      [MT_PROTO_SUBMISSION] = "220\r\n"};

	for (size_t i = 0; i < MT_ARRAY_SIZE(rows); i++) {
		const char *greeting = greetings[rows[i].proto];
		struct mt_dialogue d;

		mt_dialogue_init(&d, rows[i].proto, true);
		(void)mt_dialogue_feed(&d, (const uint8_t *)greeting, strlen(greeting));
		mt_dialogue_sent(&d);
		(void)mt_dialogue_feed(&d, (const uint8_t *)rows[i].capabilities,
				       strlen(rows[i].capabilities));
		assert_int_equal(d.state, MT_DIALOGUE_DONE);
		if (d.facts.offers_external != rows[i].offers_external ||
		    d.facts.has_sasl_ir != rows[i].has_sasl_ir)
			fail_msg("%s", rows[i].name);
	}
}

/* D-SASL-07 */
static void
after_a_login_the_capabilities_are_read_again_and_nothing_else_is_said(void **state)
{
	static const char answer[] = "* CAPABILITY IMAP4rev1 MOVE\r\na1 OK\r\n";
	struct mt_dialogue d;

	mt_dialogue_init_again(&d, MT_PROTO_IMAP);
	assert_int_equal(mt_dialogue_output(&d).size, strlen("a1 CAPABILITY\r\n"));
	assert_memory_equal(mt_dialogue_output(&d).data, "a1 CAPABILITY\r\n", 15);
	mt_dialogue_sent(&d);
	(void)mt_dialogue_feed(&d, (const uint8_t *)answer, strlen(answer));
	assert_int_equal(d.state, MT_DIALOGUE_DONE);
	assert_string_equal(d.facts.capabilities, "IMAP4rev1 MOVE");
	assert_int_equal(mt_dialogue_output(&d).size, 0);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			before_tls_nothing_is_sent_but_capability_verbs_the_upgrade_and_farewell),
		cmocka_unit_test(however_a_good_conversation_is_cut_the_same_is_sent_and_seen),
		cmocka_unit_test(nothing_is_asked_before_the_last_answer_is_complete),
		cmocka_unit_test(the_server_speaks_first),
		cmocka_unit_test(with_an_unknown_protocol_nothing_is_said_or_heard),
		cmocka_unit_test(with_tls_everything_learnt_before_is_dropped),
		cmocka_unit_test(a_timestamp_is_taken_from_inside_tls_and_only_where_it_is_one),
		cmocka_unit_test(a_timestamp_longer_than_any_is_none),
		cmocka_unit_test(capabilities_for_display_are_printable_and_bounded),
		cmocka_unit_test(
			external_and_the_initial_response_are_noted_where_they_are_offered),
		cmocka_unit_test(
			after_a_login_the_capabilities_are_read_again_and_nothing_else_is_said),
	};

	return cmocka_run_group_tests_name("dialogue", tests, NULL, NULL);
}
