/* SPDX-License-Identifier: MIT */
/* Servers that say too much, too early, too long, or nothing that makes sense. */

#include "tests/cmocka-all.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/talk.h"

#define IMAP_BYE "a1 LOGOUT\r\n"
#define BYE "QUIT\r\n"

/* A greeting that is none; what stands behind it is not looked at. Where the server never says
 * more, the time is up. */
#define GREETING(p, bye, what, ...)                                                       \
	{                                                                                 \
		.name = what, .proto = MT_PROTO_##p, .turns = {__VA_ARGS__}, .sent = bye, \
		.state = MT_DIALOGUE_FAULT, .facts = {                                    \
			.bad_greeting = true                                              \
		}                                                                         \
	}

static const struct talk greetings[] = {
	GREETING(IMAP, IMAP_BYE, "imap: none", CLOSES),
	GREETING(IMAP, IMAP_BYE, "imap: half a line", SAYS("* OK hi"), CLOSES),
	GREETING(IMAP, IMAP_BYE, "imap: an empty line", SAYS("\r\n* OK hi\r\n")),
	GREETING(IMAP, IMAP_BYE, "imap: binary", SAYS("\x16\x03\x01\xff\n\x80\r\n")),
	GREETING(IMAP, IMAP_BYE, "imap: a NUL", SAYS("* OK \0hi\r\n")),
	GREETING(IMAP, IMAP_BYE, "imap: BYE", SAYS("* BYE [REFERRAL imap://evil.test/] go\r\n")),
	GREETING(IMAP, IMAP_BYE, "imap: NO", SAYS("* NO hi\r\n")),
	GREETING(IMAP, IMAP_BYE, "imap: a tag", SAYS("a1 OK hi\r\n")),
	GREETING(IMAP, IMAP_BYE, "imap: glued", SAYS("* OKhi\r\n")),
	GREETING(IMAP, IMAP_BYE, "imap: a bare CR", SAYS("* OK\rhi\r\n")),
	GREETING(IMAP, IMAP_BYE, "imap: a literal", SAYS("* OK {2}\r\nhi\r\n")),
	GREETING(IMAP, IMAP_BYE, "imap: a web server", SAYS("HTTP/1.1 400 Bad Request\r\n\r\n")),
	GREETING(IMAP, IMAP_BYE, "imap: another protocol", SAYS("+OK hi\r\n")),
	GREETING(POP3, BYE, "pop3: none", CLOSES),
	GREETING(POP3, BYE, "pop3: an empty line", SAYS("\r\n+OK hi\r\n")),
	GREETING(POP3, BYE, "pop3: -ERR", SAYS("-ERR busy\r\n")),
	GREETING(POP3, BYE, "pop3: glued", SAYS("+OKAY\r\n")),
	GREETING(POP3, BYE, "pop3: a NUL", SAYS("+OK\0\r\n")),
	GREETING(POP3, BYE, "pop3: PREAUTH is IMAP's", SAYS("* PREAUTH hi\r\n")),
	GREETING(SUBMISSION, BYE, "submission: none", CLOSES),
	GREETING(SUBMISSION, BYE, "submission: half of it", SAYS("220-mx\r\n220-more\r\n"), CLOSES),
	GREETING(SUBMISSION, BYE, "submission: 554", SAYS("554 no\r\n")),
	GREETING(SUBMISSION, BYE, "submission: 421", SAYS("421-later\r\n421 now\r\n")),
	GREETING(SUBMISSION, BYE, "submission: 354", SAYS("354 go\r\n")),
	GREETING(SUBMISSION, BYE, "submission: 999", SAYS("999 hi\r\n")),
	GREETING(SUBMISSION, BYE, "submission: 120", SAYS("120 wait\r\n220 hi\r\n")),
	GREETING(SUBMISSION, BYE, "submission: two digits", SAYS("22\r\n")),
	GREETING(SUBMISSION, BYE, "submission: four digits", SAYS("2200 hi\r\n")),
	GREETING(SUBMISSION, BYE, "submission: glued", SAYS("220hi\r\n")),
	GREETING(SUBMISSION, BYE, "submission: no text at all", SAYS("\n220 hi\n")),
};

/* A first reply that is none. */
#define FIRST_REPLY(p, greeting, asked, what, ...)                                           \
	{                                                                                    \
		.name = what, .proto = MT_PROTO_##p, .turns = {SAYS(greeting), __VA_ARGS__}, \
		.sent = asked, .state = MT_DIALOGUE_FAULT, .facts = {                        \
			.bad_greeting = true                                                 \
		}                                                                            \
	}
#define IMAP_REPLY(what, ...) \
	FIRST_REPLY(IMAP, "* OK hi\r\n", "a1 CAPABILITY\r\na2 LOGOUT\r\n", what, __VA_ARGS__)
#define POP3_REPLY(what, ...) FIRST_REPLY(POP3, "+OK hi\r\n", "CAPA\r\nQUIT\r\n", what, __VA_ARGS__)
#define SMTP_REPLY(what, ...) \
	FIRST_REPLY(SUBMISSION, "220 hi\r\n", "EHLO [127.0.0.1]\r\nQUIT\r\n", what, __VA_ARGS__)

static const struct talk first_replies[] = {
	IMAP_REPLY("imap: none", CLOSES),
	IMAP_REPLY("imap: half of it", SAYS("a1 OK"), CLOSES),
	IMAP_REPLY("imap: an empty line", SAYS("\r\na1 OK\r\n")),
	IMAP_REPLY("imap: a tag never sent", SAYS("a9 OK\r\na1 OK\r\n")),
	IMAP_REPLY("imap: a longer tag", SAYS("a11 OK\r\n")),
	IMAP_REPLY("imap: another case", SAYS("A1 OK\r\n")),
	IMAP_REPLY("imap: neither yes nor no", SAYS("a1 OKAY\r\n")),
	IMAP_REPLY("imap: no status", SAYS("a1 \r\n")),
	IMAP_REPLY("imap: only the tag", SAYS("a1\r\n")),
	IMAP_REPLY("imap: PREAUTH", SAYS("a1 PREAUTH\r\n")),
	IMAP_REPLY("imap: a continuation", SAYS("+ idling\r\n")),
	IMAP_REPLY("imap: BYE", SAYS("* BYE gone\r\n")),
	IMAP_REPLY("imap: a literal in capabilities", SAYS("* CAPABILITY {8}\r\nSTARTTLS\r\n")),
	IMAP_REPLY("imap: a literal plus", SAYS("* LIST () \"/\" {5+}\r\na1 OK\r\n")),
	IMAP_REPLY("imap: a star alone", SAYS("*\r\n")),
	IMAP_REPLY("imap: a NUL", SAYS("* CAPABILITY STARTTLS\0\r\na1 OK\r\n")),
	POP3_REPLY("pop3: none", CLOSES),
	POP3_REPLY("pop3: a list without its end", SAYS("+OK\r\n"), CLOSES),
	POP3_REPLY("pop3: nonsense", SAYS("OK\r\n.\r\n")),
	POP3_REPLY("pop3: a list alone", SAYS(".\r\n")),
	SMTP_REPLY("submission: none", CLOSES),
	SMTP_REPLY("submission: a list without its end", SAYS("250-mx\r\n"), CLOSES),
	SMTP_REPLY("submission: nonsense", SAYS("250_mx\r\n")),
	SMTP_REPLY("submission: 199", SAYS("199 wait\r\n")),
	SMTP_REPLY("submission: 600", SAYS("600 hi\r\n")),
	SMTP_REPLY("submission: no code", SAYS("mx\r\n")),
};

/* D-STLS-03, D-STLS-06, D-STLS-08, D-STLS-11 */
static const struct talk talkers[] = {
	{
		.name = "PREAUTH before TLS",
		.proto = MT_PROTO_IMAP,
		.turns = {SAYS("* PREAUTH welcome\r\n* CAPABILITY STARTTLS\r\na1 OK\r\n")},
		.sent = "a1 LOGOUT\r\n",
		.state = MT_DIALOGUE_DONE,
		.facts = {.preauth = true},
	},
	{
		.name = "mail, alerts and referrals before TLS",
		.proto = MT_PROTO_IMAP,
		.turns = {SAYS("* OK [ALERT] [REFERRAL imap://evil.test/] hi\r\n"),
			  SAYS("* LIST () \"/\" INBOX\r\n* OK [ALERT] pay\r\n* 1 EXPUNGE\r\n"
			       "* CAPABILITY STARTTLS\r\na1 OK [REFERRAL imap://evil.test/]\r\n"),
			  SAYS("* 2 FETCH (FLAGS ())\r\n* NO [REFERRAL imap://evil.test/]\r\n"
			       "* CAPABILITY IMAP4rev1 AUTH=PLAIN\r\na2 OK [ALERT] pay\r\n"),
			  TLS, SAYS("* OK [ALERT] fine\r\n* CAPABILITY IMAP4rev1\r\na3 OK\r\n")},
		.sent = "a1 CAPABILITY\r\na2 STARTTLS\r\n|a3 CAPABILITY\r\na4 LOGOUT\r\n",
		.state = MT_DIALOGUE_DONE,
		.facts = {.offered = true,
			  .other_responses = 6,
			  .capabilities_read = true,
			  .capabilities = "IMAP4rev1"},
	},
	{
		.name = "a referral in place of the upgrade",
		.proto = MT_PROTO_IMAP,
		.turns = {SAYS("* OK hi\r\n"), SAYS("* CAPABILITY STARTTLS\r\na1 OK\r\n"),
			  SAYS("a2 NO [REFERRAL imap://evil.test/] try there\r\n")},
		.sent = "a1 CAPABILITY\r\na2 STARTTLS\r\na3 LOGOUT\r\n",
		.state = MT_DIALOGUE_DONE,
		.facts = {.offered = true,
			  .refused = true,
			  .capabilities_read = true,
			  .capabilities = "STARTTLS"},
	},
};

/* Rows that end in nonsense may be cut anywhere too. */
static void
check_rows(const struct talk *talks, size_t n)
{
	for (size_t i = 0; i < n; i++)
		talk_check_every_cut(&talks[i]);
}

/* D-STLS-12 */
static void
a_greeting_that_makes_no_sense_ends_the_conversation(void **state)
{
	check_rows(greetings, MT_ARRAY_SIZE(greetings));
}

/* D-STLS-12, D-STLS-13 */
static void
a_first_reply_that_makes_no_sense_ends_it_too(void **state)
{
	check_rows(first_replies, MT_ARRAY_SIZE(first_replies));
}

static void
what_nobody_asked_for_before_tls_is_counted_and_has_no_effect(void **state)
{
	check_rows(talkers, MT_ARRAY_SIZE(talkers));
}

/* -- bounds ------------------------------------------------------------------------------------ */

static const struct {
	enum mt_proto proto;
	const char *greeting, *first, *line, *last; /* of a reply with as many lines as you like */
} replies[] = {
	{MT_PROTO_IMAP, "* OK\r\n", "* CAPABILITY X\r\n", "* 1 EXISTS\r\n", "a1 OK\r\n"},
	{MT_PROTO_POP3, "+OK\r\n", "+OK\r\n", "X\r\n", ".\r\n"},
	{MT_PROTO_SUBMISSION, "220 x\r\n", "250-x\r\n", "250-X\r\n", "250 X\r\n"},
};

static void
feed(struct mt_dialogue *d, const char *text)
{
	(void)mt_dialogue_feed(d, (const uint8_t *)text, strlen(text));
	mt_dialogue_sent(d);
}

/* A reply of n lines. Return: where it led. */
static enum mt_dialogue_state
reply_lines(size_t i, bool in_tls, unsigned n, struct mt_dialogue *d)
{
	mt_dialogue_init(d, replies[i].proto, in_tls);
	feed(d, replies[i].greeting);
	feed(d, replies[i].first);
	for (unsigned line = 2; line < n; line++)
		feed(d, replies[i].line);
	feed(d, replies[i].last);
	return d->state;
}

static void
a_reply_has_as_many_lines_as_the_bound_and_not_one_more(void **state)
{
	for (size_t i = 0; i < MT_ARRAY_SIZE(replies); i++)
		for (int in_tls = 0; in_tls < 2; in_tls++) {
			struct mt_dialogue d;

			assert_int_equal(reply_lines(i, in_tls, MT_REPLY_LINES_MAX, &d),
					 MT_DIALOGUE_DONE);
			assert_int_equal(reply_lines(i, in_tls, MT_REPLY_LINES_MAX + 1, &d),
					 MT_DIALOGUE_FAULT);
			assert_int_equal(d.facts.bad_greeting, !in_tls);
		}
}

/* D-STLS-13 */
static void
ten_thousand_responses_are_not_heard_out(void **state)
{
	for (size_t i = 0; i < MT_ARRAY_SIZE(replies); i++) {
		struct mt_dialogue d;

		assert_int_equal(reply_lines(i, false, 10000, &d), MT_DIALOGUE_FAULT);
		assert_in_range(d.facts.other_responses, 0, MT_REPLY_LINES_MAX);
		assert_true(d.facts.bad_greeting);
	}
}

static void
a_greeting_of_endless_lines_is_not_heard_out(void **state)
{
	struct mt_dialogue d;

	mt_dialogue_init(&d, MT_PROTO_SUBMISSION, false);
	for (int i = 0; i < 10000; i++)
		feed(&d, "220-wait\r\n");
	assert_int_equal(d.state, MT_DIALOGUE_FAULT);
	assert_true(d.facts.bad_greeting);
}

/* A capability line of size bytes with its end; lines of 4 KiB are under the bound of a line. */
static void
feed_line(struct mt_dialogue *d, const char *start, size_t size)
{
	char line[4097];

	assert_in_range(size, strlen(start) + 2, sizeof(line) - 1);
	memset(line, 'x', size);
	memcpy(line, start, strlen(start));
	memcpy(line + size - 2, "\r\n", 3);
	feed(d, line);
}

static enum mt_dialogue_state
reply_bytes(size_t i, size_t total)
{
	static const char *const starts[] = {"* ", "X", "250-"};
	size_t left = total - strlen(replies[i].first) - strlen(replies[i].last);
	struct mt_dialogue d;

	mt_dialogue_init(&d, replies[i].proto, true);
	feed(&d, replies[i].greeting);
	feed(&d, replies[i].first);
	while (left > 0) {
		size_t n = left > 2 * 4096 ? 4096 : left > 4096 ? left / 2 : left;

		feed_line(&d, starts[i], n);
		left -= n;
	}
	feed(&d, replies[i].last);
	return d.state;
}

static void
a_reply_has_as_many_bytes_as_the_bound_and_not_one_more(void **state)
{
	for (size_t i = 0; i < MT_ARRAY_SIZE(replies); i++) {
		assert_int_equal(reply_bytes(i, MT_REPLY_BYTES_MAX), MT_DIALOGUE_DONE);
		assert_int_equal(reply_bytes(i, MT_REPLY_BYTES_MAX + 1), MT_DIALOGUE_FAULT);
	}
}

/* D-STLS-12, D-STLS-13: the 64 KiB line, and ten mebibytes more of it. */
static void
a_line_without_an_end_ends_the_conversation_at_its_bound(void **state)
{
	static const char *const turns[] = {"* OK\r\n", "* CAPABILITY STARTTLS\r\na1 OK\r\n"};
	static uint8_t endless[4096];

	memset(endless, 'x', sizeof(endless));
	for (size_t i = 0; i <= MT_ARRAY_SIZE(turns); i++) {
		size_t taken = 0;
		struct mt_dialogue d;

		mt_dialogue_init(&d, MT_PROTO_IMAP, false);
		for (size_t turn = 0; turn < i; turn++)
			feed(&d, turns[turn]);
		for (size_t n = 0; n < 10 * 1024 * 1024; n += sizeof(endless))
			taken += mt_dialogue_feed(&d, endless, sizeof(endless));
		assert_int_equal(d.state, MT_DIALOGUE_FAULT);
		assert_in_range(taken, MT_LINE_MAX, MT_LINE_MAX + sizeof(endless));
		assert_int_equal(d.facts.refused, i == 2);
		assert_int_equal(d.facts.bad_greeting, i != 2);
	}
}

/* After the end nothing is heard, nothing said, and a second end changes nothing. */
static void
a_conversation_that_has_ended_stays_ended(void **state)
{
	struct mt_dialogue d;

	mt_dialogue_init(&d, MT_PROTO_IMAP, false);
	feed(&d, "nonsense\r\n");
	assert_int_equal(d.state, MT_DIALOGUE_FAULT);
	assert_int_equal(mt_dialogue_feed(&d, (const uint8_t *)"* OK\r\n", 6), 0);
	mt_dialogue_end(&d);
	assert_int_equal(d.state, MT_DIALOGUE_FAULT);
	assert_int_equal(mt_dialogue_output(&d).size, 0);
	reply_lines(0, false, 2, &d);
	mt_dialogue_end(&d);
	assert_int_equal(d.state, MT_DIALOGUE_DONE);
	assert_false(d.facts.bad_greeting);
}

/* Also where it was said in the middle of the conversation. */
static void
after_the_farewell_nothing_is_heard(void **state)
{
	struct mt_dialogue d;

	mt_dialogue_init(&d, MT_PROTO_IMAP, false);
	feed(&d, "* OK\r\n");
	mt_dialogue_logout(&d);
	assert_int_equal(mt_dialogue_feed(&d, (const uint8_t *)"a1 OK\r\n", 7), 0);
	assert_int_not_equal(d.state, MT_DIALOGUE_READING);
	assert_false(d.facts.capabilities_read);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_greeting_that_makes_no_sense_ends_the_conversation),
		cmocka_unit_test(a_first_reply_that_makes_no_sense_ends_it_too),
		cmocka_unit_test(what_nobody_asked_for_before_tls_is_counted_and_has_no_effect),
		cmocka_unit_test(a_reply_has_as_many_lines_as_the_bound_and_not_one_more),
		cmocka_unit_test(ten_thousand_responses_are_not_heard_out),
		cmocka_unit_test(a_greeting_of_endless_lines_is_not_heard_out),
		cmocka_unit_test(a_reply_has_as_many_bytes_as_the_bound_and_not_one_more),
		cmocka_unit_test(a_line_without_an_end_ends_the_conversation_at_its_bound),
		cmocka_unit_test(a_conversation_that_has_ended_stays_ended),
		cmocka_unit_test(after_the_farewell_nothing_is_heard),
	};

	return cmocka_run_group_tests_name("dialogue-hostile", tests, NULL, NULL);
}
