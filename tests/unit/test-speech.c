/* SPDX-License-Identifier: MIT */
/* What the tunnel says itself: one line, made of what was read inside TLS. */

#include "tests/cmocka-all.h"

#include <ctype.h>
#include <string.h>

#include "clients/connect/speech.h"

#define HOST "mail.example.test"

/* Said in one line, and that line is printable. */
static void
assert_line(const char *text, size_t size)
{
	assert_int_equal(strlen(text), size);
	assert_true(size > 2 && size < MT_SPEECH_SIZE);
	assert_string_equal(text + size - 2, "\r\n");
	for (size_t i = 0; i < size - 2; i++)
		assert_true(isprint((unsigned char)text[i]));
}

static void
a_greeting_says_what_was_read_inside_tls(void **state)
{
	static const struct {
		enum mt_proto proto;
		bool in_tls;
		struct mt_dialogue_facts facts;
		const char *said;
	} rows[] = {
		{MT_PROTO_IMAP,
		 true,
		 {.capabilities_read = true, .capabilities = "IMAP4rev1 ID"},
		 "* OK [CAPABILITY IMAP4rev1 ID] " HOST " ready, checked by mailtrust\r\n"},
		/* D-SASL-09 */
		{MT_PROTO_IMAP,
		 true,
		 {.capabilities_read = true, .capabilities = "IMAP4rev1", .preauth_in_tls = true},
		 "* PREAUTH [CAPABILITY IMAP4rev1] " HOST " ready, checked by mailtrust\r\n"},
		/* not known, not all of them, or not to be shown so: the program asks */
		{MT_PROTO_IMAP,
		 true,
		 {.capabilities = "IMAP4rev1"},
		 "* OK " HOST " ready, checked by mailtrust\r\n"},
		{MT_PROTO_IMAP,
		 true,
		 {.capabilities_read = true, .capabilities = "IMAP4rev1", .capabilities_cut = true},
		 "* OK " HOST " ready, checked by mailtrust\r\n"},
		{MT_PROTO_IMAP,
		 true,
		 {.capabilities_read = true, .capabilities = "X] OK"},
		 "* OK " HOST " ready, checked by mailtrust\r\n"},
		/* D-STLS-02: nothing of what anybody could have said */
		{MT_PROTO_IMAP,
		 false,
		 {.capabilities_read = true, .capabilities = "IMAP4rev1"},
		 "* OK " HOST " ready, checked by mailtrust\r\n"},
		{MT_PROTO_POP3,
		 true,
		 {.capabilities_read = true, .capabilities = "USER SASL"},
		 "+OK " HOST " ready, checked by mailtrust\r\n"},
		{MT_PROTO_POP3,
		 true,
		 {.timestamp = "<1.2@a>"},
		 "+OK " HOST " ready, checked by mailtrust <1.2@a>\r\n"},
		{MT_PROTO_SUBMISSION,
		 true,
		 {.capabilities_read = true, .capabilities = "AUTH"},
		 "220 " HOST " ESMTP ready, checked by mailtrust\r\n"},
	};

	for (size_t i = 0; i < MT_ARRAY_SIZE(rows); i++) {
		char said[MT_SPEECH_SIZE];
		size_t size = mt_speech_greeting(rows[i].proto, HOST, &rows[i].facts,
						 rows[i].in_tls, said);

		assert_line(said, size);
		assert_string_equal(said, rows[i].said);
	}
}

static void
the_longest_greeting_fits(void **state)
{
	struct mt_dialogue_facts facts = {.capabilities_read = true};
	char host[MT_DOMAIN_SIZE], said[MT_SPEECH_SIZE];

	memset(host, 'h', sizeof(host));
	memset(facts.capabilities, 'c', sizeof(facts.capabilities));
	memset(facts.timestamp, 't', sizeof(facts.timestamp));
	host[sizeof(host) - 1] = facts.capabilities[sizeof(facts.capabilities) - 1] = '\0';
	facts.timestamp[sizeof(facts.timestamp) - 1] = '\0';
	for (enum mt_proto proto = MT_PROTO_IMAP; proto < MT_PROTO_COUNT; proto++)
		assert_line(said, mt_speech_greeting(proto, host, &facts, true, said));
}

static void
a_refusal_is_one_line_of_its_protocol_whatever_it_is_to_say(void **state)
{
	static const struct {
		enum mt_proto proto;
		const char *why, *said;
	} rows[] = {
		{MT_PROTO_IMAP, "No.", "* BYE mailtrust: No.\r\n"},
		{MT_PROTO_POP3, "No.", "-ERR mailtrust: No.\r\n"},
		{MT_PROTO_SUBMISSION, "No.", "421 mailtrust: No.\r\n"},
		/* nobody else's words become protocol */
		{MT_PROTO_IMAP, "a\r\na1 OK", "* BYE mailtrust: a??a1 OK\r\n"},
		{MT_PROTO_POP3, "\x1b[31m\xff\t", "-ERR mailtrust: ?[31m??\r\n"},
		{MT_PROTO_SUBMISSION, "", "421 mailtrust: \r\n"},
	};
	char said[MT_SPEECH_SIZE], longest[4 * MT_SPEECH_SIZE];

	for (size_t i = 0; i < MT_ARRAY_SIZE(rows); i++) {
		assert_line(said, mt_speech_refusal(rows[i].proto, rows[i].why, said));
		assert_string_equal(said, rows[i].said);
	}
	memset(longest, 'x', sizeof(longest));
	longest[sizeof(longest) - 1] = '\0';
	for (enum mt_proto proto = MT_PROTO_IMAP; proto < MT_PROTO_COUNT; proto++)
		assert_line(said, mt_speech_refusal(proto, longest, said));
}

static void
to_an_unknown_protocol_nothing_is_said(void **state)
{
	const struct mt_dialogue_facts facts = {0};
	char said[MT_SPEECH_SIZE];

	assert_int_equal(mt_speech_refusal(MT_PROTO_UNKNOWN, "No.", said), 0);
	assert_int_equal(mt_speech_greeting(MT_PROTO_UNKNOWN, HOST, &facts, true, said), 0);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_greeting_says_what_was_read_inside_tls),
		cmocka_unit_test(the_longest_greeting_fits),
		cmocka_unit_test(a_refusal_is_one_line_of_its_protocol_whatever_it_is_to_say),
		cmocka_unit_test(to_an_unknown_protocol_nothing_is_said),
	};

	return cmocka_run_group_tests_name("speech", tests, NULL, NULL);
}
