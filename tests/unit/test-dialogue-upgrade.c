/* SPDX-License-Identifier: MIT */
/* What stands in the way of the upgrade: not offered, refused, broken off, injected into. */

#include "tests/cmocka-all.h"

#include <stdlib.h>
#include <string.h>

#include "tests/unit/talk.h"

#define IMAP_OFFER SAYS("* OK hi\r\n"), SAYS("* CAPABILITY IMAP4rev1 STARTTLS\r\na1 OK\r\n")
#define IMAP_ASKED "a1 CAPABILITY\r\na2 STARTTLS\r\n"
#define IMAP_CAPS "IMAP4rev1 STARTTLS"
#define POP3_OFFER SAYS("+OK hi\r\n"), SAYS("+OK\r\nUSER\r\nSTLS\r\n.\r\n")
#define POP3_ASKED "CAPA\r\nSTLS\r\n"
#define POP3_CAPS "USER STLS"
#define SMTP_OFFER SAYS("220 hi\r\n"), SAYS("250-mx\r\n250-STARTTLS\r\n250 HELP\r\n")
#define SMTP_ASKED "EHLO [127.0.0.1]\r\nSTARTTLS\r\n"
#define SMTP_CAPS "STARTTLS HELP"

/* What is seen of these offers. */
#define IMAP_SEEN OFFER_SEEN(IMAP_CAPS)
#define POP3_SEEN OFFER_SEEN(POP3_CAPS)
#define SMTP_SEEN OFFER_SEEN(SMTP_CAPS)
#define OFFER_SEEN(words) .offered = true, .capabilities_read = true, .capabilities = words

/* A row but for its turns. */
#define ROW(p, what, s, st, ...)                                                   \
	.name = what, .proto = MT_PROTO_##p, .sent = s, .state = MT_DIALOGUE_##st, \
	.facts = {__VA_ARGS__}

static const struct talk not_offered[] = {
	{ROW(IMAP, "imap: stripped", "a1 CAPABILITY\r\na2 LOGOUT\r\n", DONE,
	     .capabilities_read = true, .capabilities = "IMAP4rev1 LOGIN"),
	 .turns = {SAYS("* OK hi\r\n"), SAYS("* CAPABILITY IMAP4rev1 LOGIN\r\na1 OK\r\n")}},
	{ROW(IMAP, "imap: look-alikes", "a1 CAPABILITY\r\na2 LOGOUT\r\n", DONE,
	     .capabilities_read = true, .capabilities = "XSTARTTLS STARTTLSX AUTH=STARTTLS"),
	 .turns = {SAYS("* OK hi\r\n"),
		   SAYS("* CAPABILITY XSTARTTLS STARTTLSX AUTH=STARTTLS\r\na1 OK\r\n")}},
	/* D-STLS-06: of response codes none is believed */
	{ROW(IMAP, "imap: only in codes", "a1 CAPABILITY\r\na2 LOGOUT\r\n", DONE,
	     .capabilities_read = true, .other_responses = 1, .capabilities = "IMAP4rev1"),
	 .turns = {SAYS("* OK [CAPABILITY STARTTLS] hi\r\n"),
		   SAYS("* OK [CAPABILITY STARTTLS]\r\n* CAPABILITY IMAP4rev1\r\n"
			"a1 OK [CAPABILITY STARTTLS]\r\n")}},
	{ROW(IMAP, "imap: no capabilities", "a1 CAPABILITY\r\na2 LOGOUT\r\n", DONE, false),
	 .turns = {SAYS("* OK hi\r\n"), SAYS("a1 BAD what\r\n")}},
	{ROW(POP3, "pop3: stripped", "CAPA\r\nQUIT\r\n", DONE, .capabilities_read = true,
	     .capabilities = "USER XSTLS"),
	 .turns = {SAYS("+OK hi\r\n"), SAYS("+OK STLS\r\nUSER STLS\r\nXSTLS\r\n.\r\n")}},
	{ROW(POP3, "pop3: no CAPA", "CAPA\r\nQUIT\r\n", DONE, false),
	 .turns = {SAYS("+OK hi\r\n"), SAYS("-ERR what\r\n")}},
	{ROW(SUBMISSION, "submission: stripped", "EHLO [127.0.0.1]\r\nQUIT\r\n", DONE,
	     .capabilities_read = true, .capabilities = "AUTH XSTARTTLS"),
	 .turns = {SAYS("220 hi\r\n"), SAYS("250-mx\r\n250-AUTH STARTTLS\r\n250 XSTARTTLS\r\n")}},
	{ROW(SUBMISSION, "submission: only its name", "EHLO [127.0.0.1]\r\nQUIT\r\n", DONE,
	     .capabilities_read = true),
	 .turns = {SAYS("220 STARTTLS\r\n"), SAYS("250 STARTTLS\r\n")}},
	{ROW(SUBMISSION, "submission: no EHLO", "EHLO [127.0.0.1]\r\nQUIT\r\n", DONE, false),
	 .turns = {SAYS("220 hi\r\n"), SAYS("502 what\r\n")}},
};

static const struct talk refused[] = {
	{ROW(IMAP, "imap: NO", IMAP_ASKED "a3 LOGOUT\r\n", DONE, IMAP_SEEN, .refused = true),
	 .turns = {IMAP_OFFER, SAYS("a2 NO not today\r\n")}},
	{ROW(IMAP, "imap: BAD", IMAP_ASKED "a3 LOGOUT\r\n", DONE, IMAP_SEEN, .refused = true),
	 .turns = {IMAP_OFFER, SAYS("a2 BAD\r\na2 OK after all\r\n")}},
	{ROW(POP3, "pop3: -ERR", POP3_ASKED "QUIT\r\n", DONE, POP3_SEEN, .refused = true),
	 .turns = {POP3_OFFER, SAYS("-ERR no\r\n+OK after all\r\n")}},
	{ROW(SUBMISSION, "submission: 454", SMTP_ASKED "QUIT\r\n", DONE, SMTP_SEEN,
	     .refused = true),
	 .turns = {SMTP_OFFER, SAYS("454-TLS not available\r\n454 now\r\n220 after all\r\n")}},
	{ROW(SUBMISSION, "submission: 501", SMTP_ASKED "QUIT\r\n", DONE, SMTP_SEEN,
	     .refused = true),
	 .turns = {SMTP_OFFER, SAYS("501 syntax\r\n")}},
};

/* Here nothing more is sent, not even a farewell: the server may be waiting for TLS. */
static const struct talk broken_off[] = {
	{ROW(IMAP, "imap: silence", IMAP_ASKED, FAULT, IMAP_SEEN, .refused = true),
	 .turns = {IMAP_OFFER, CLOSES}},
	{ROW(IMAP, "imap: half a reply", IMAP_ASKED, FAULT, IMAP_SEEN, .refused = true),
	 .turns = {IMAP_OFFER, SAYS("a2 OK begin\r"), CLOSES}},
	{ROW(IMAP, "imap: BYE", IMAP_ASKED, FAULT, IMAP_SEEN, .refused = true),
	 .turns = {IMAP_OFFER, SAYS("* BYE\r\na2 OK\r\n")}},
	{ROW(IMAP, "imap: an old tag", IMAP_ASKED, FAULT, IMAP_SEEN, .refused = true),
	 .turns = {IMAP_OFFER, SAYS("a1 OK\r\n")}},
	{ROW(IMAP, "imap: a tag never sent", IMAP_ASKED, FAULT, IMAP_SEEN, .refused = true),
	 .turns = {IMAP_OFFER, SAYS("a22 OK\r\n")}},
	{ROW(IMAP, "imap: a continuation", IMAP_ASKED, FAULT, IMAP_SEEN, .refused = true),
	 .turns = {IMAP_OFFER, SAYS("+ go ahead\r\n")}},
	{ROW(IMAP, "imap: a literal", IMAP_ASKED, FAULT, IMAP_SEEN, .refused = true),
	 .turns = {IMAP_OFFER, SAYS("a2 OK {3}\r\n")}},
	{ROW(POP3, "pop3: silence", POP3_ASKED, FAULT, POP3_SEEN, .refused = true),
	 .turns = {POP3_OFFER, CLOSES}},
	{ROW(POP3, "pop3: neither yes nor no", POP3_ASKED, FAULT, POP3_SEEN, .refused = true),
	 .turns = {POP3_OFFER, SAYS("+OKAY\r\n")}},
	{ROW(SUBMISSION, "submission: silence", SMTP_ASKED, FAULT, SMTP_SEEN, .refused = true),
	 .turns = {SMTP_OFFER, SAYS("220-wait\r\n"), CLOSES}},
	{ROW(SUBMISSION, "submission: no code", SMTP_ASKED, FAULT, SMTP_SEEN, .refused = true),
	 .turns = {SMTP_OFFER, SAYS("22O ready\r\n")}},
};

/* After the upgrade the same server says less, or nothing: never what it said before. */
static const struct talk broken_in_tls[] = {
	{ROW(IMAP, "imap: silence", IMAP_ASKED "|a3 CAPABILITY\r\na4 LOGOUT\r\n", FAULT,
	     .offered = true),
	 .turns = {IMAP_OFFER, SAYS("a2 OK\r\n"), TLS, CLOSES}},
	{ROW(IMAP, "imap: NO", IMAP_ASKED "|a3 CAPABILITY\r\na4 LOGOUT\r\n", DONE, .offered = true),
	 .turns = {IMAP_OFFER, SAYS("a2 OK\r\n"), TLS, SAYS("a3 NO\r\n")}},
	{ROW(POP3, "pop3: silence", POP3_ASKED "|CAPA\r\nQUIT\r\n", FAULT, .offered = true,
	     .capabilities = "USER"),
	 .turns = {POP3_OFFER, SAYS("+OK\r\n"), TLS, SAYS("+OK\r\nUSER\r\n"), CLOSES}},
	{ROW(SUBMISSION, "submission: nonsense", SMTP_ASKED "|EHLO [127.0.0.1]\r\nQUIT\r\n", FAULT,
	     .offered = true),
	 .turns = {SMTP_OFFER, SAYS("220 go\r\n"), TLS, SAYS("HTTP/1.1 400\r\n")}},
};

#define INJECTED(proto, p, rest)                                                           \
	{                                                                                  \
		ROW(proto, #p, p##_ASKED, DONE, p##_SEEN, .buffered_bytes = 1), .turns = { \
			p##_OFFER,                                                         \
			SAYS(p##_GO rest)                                                  \
		}                                                                          \
	}
#define IMAP_GO "a2 OK begin\r\n"
#define POP3_GO "+OK begin\r\n"
#define SMTP_GO "220 begin\r\n"

/* VU#555316's sister on the client's side (D-STLS-04). */
static const struct talk injected[] = {
	INJECTED(IMAP, IMAP, "* CAPABILITY evil\r\n"),
	INJECTED(IMAP, IMAP, "*"),
	INJECTED(IMAP, IMAP, "\0"),
	INJECTED(IMAP, IMAP, "\r\n"),
	INJECTED(IMAP, IMAP, "\x16\x03\x03\x00\x02"),
	INJECTED(POP3, POP3, "+OK evil\r\n.\r\n"),
	INJECTED(POP3, POP3, "+OK"),
	INJECTED(SUBMISSION, SMTP, "250-mx\r\n250 AUTH PLAIN\r\n"),
	INJECTED(SUBMISSION, SMTP, "2"),
};

/* The answer stood there before the question was sent: one segment says too much. */
static const struct talk premature[] = {
	{ROW(IMAP, "imap: all at once", "a2 LOGOUT\r\n", FAULT, .bad_greeting = true,
	     .other_responses = 1),
	 .turns = {SAYS("* OK hi\r\n* CAPABILITY STARTTLS\r\na1 OK\r\na2 OK begin\r\n")}},
	{ROW(IMAP, "imap: capabilities nobody asked for", "a1 CAPABILITY\r\na2 LOGOUT\r\n", DONE,
	     .capabilities_read = true, .other_responses = 1, .capabilities = "IMAP4rev1"),
	 .turns = {SAYS("* OK hi\r\n* CAPABILITY STARTTLS\r\n"),
		   SAYS("* CAPABILITY IMAP4rev1\r\na1 OK\r\n")}},
	{ROW(IMAP, "imap: a farewell", "a2 LOGOUT\r\n", FAULT, .bad_greeting = true),
	 .turns = {SAYS("* OK hi\r\n* BYE\r\n")}},
	{ROW(POP3, "pop3: all at once", "QUIT\r\n", FAULT, .bad_greeting = true),
	 .turns = {SAYS("+OK hi\r\n+OK\r\nSTLS\r\n.\r\n")}},
	{ROW(SUBMISSION, "submission: all at once", "QUIT\r\n", FAULT, .bad_greeting = true),
	 .turns = {SAYS("220 hi\r\n250-mx\r\n250 STARTTLS\r\n")}},
	{ROW(IMAP, "imap", "a1 CAPABILITY\r\n", DONE, .offered = true, .capabilities_read = true,
	     .buffered_bytes = 1, .capabilities = IMAP_CAPS),
	 .turns = {SAYS("* OK hi\r\n"),
		   SAYS("* CAPABILITY IMAP4rev1 STARTTLS\r\na1 OK\r\na2 OK begin\r\n")}},
	{ROW(POP3, "pop3", "CAPA\r\n", DONE, .offered = true, .capabilities_read = true,
	     .buffered_bytes = 1, .capabilities = "STLS"),
	 .turns = {SAYS("+OK hi\r\n"), SAYS("+OK\r\nSTLS\r\n.\r\n+")}},
	{ROW(SUBMISSION, "submission", "EHLO [127.0.0.1]\r\n", DONE, .offered = true,
	     .capabilities_read = true, .buffered_bytes = 1, .capabilities = "STARTTLS"),
	 .turns = {SAYS("220 hi\r\n"), SAYS("250-mx\r\n250 STARTTLS\r\n220 go\r\n")}},
};

static void
check_all(const struct talk *talks, size_t n, void (*check)(const struct talk *talk))
{
	for (size_t i = 0; i < n; i++)
		check(&talks[i]);
}

static void
check_whole(const struct talk *talk)
{
	talk_check(talk, (struct cut){0, SIZE_MAX});
}

/* D-STLS-07 */
static void
where_the_upgrade_is_not_offered_it_is_not_asked_for(void **state)
{
	check_all(not_offered, MT_ARRAY_SIZE(not_offered), talk_check_every_cut);
}

/* D-STLS-07: sent holds the one attempt. */
static void
a_refused_upgrade_is_seen_and_not_asked_for_again(void **state)
{
	check_all(refused, MT_ARRAY_SIZE(refused), talk_check_every_cut);
}

/* D-STLS-01, D-STLS-13 */
static void
an_upgrade_that_breaks_off_is_refused_and_followed_by_silence(void **state)
{
	check_all(broken_off, MT_ARRAY_SIZE(broken_off), talk_check_every_cut);
}

/* D-STLS-02 */
static void
capabilities_not_told_inside_tls_are_not_known(void **state)
{
	check_all(broken_in_tls, MT_ARRAY_SIZE(broken_in_tls), talk_check_every_cut);
}

/* D-STLS-04 */
static void
bytes_behind_the_agreement_are_seen_and_nothing_more_is_sent(void **state)
{
	check_all(injected, MT_ARRAY_SIZE(injected), check_whole);
}

static bool
agreed_and_took_nothing_else(const struct talked *t)
{
	return t->dialogue.state == MT_DIALOGUE_UPGRADE && t->n_untaken > 0;
}

/* Cut behind its LF the agreement is whole, and the session sees the rest where TLS must begin. */
static void
however_the_injected_bytes_are_cut_none_is_taken_for_the_servers_word(void **state)
{
	for (size_t i = 0; i < MT_ARRAY_SIZE(injected); i++) {
		const struct talk *talk = &injected[i];
		size_t size = talk->turns[2].size;

		for (size_t n = 1; n < size; n++) {
			struct talked t;

			talk_run(talk, (struct cut){n, SIZE_MAX}, &t);
			if (!agreed_and_took_nothing_else(&t))
				talk_check(talk, (struct cut){n, SIZE_MAX});
			assert_string_equal(t.sent, talk->sent);
			assert_string_equal(t.dialogue.facts.capabilities,
					    talk->facts.capabilities);
		}
	}
}

static void
an_answer_before_its_question_is_none(void **state)
{
	check_all(premature, MT_ARRAY_SIZE(premature), check_whole);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(where_the_upgrade_is_not_offered_it_is_not_asked_for),
		cmocka_unit_test(a_refused_upgrade_is_seen_and_not_asked_for_again),
		cmocka_unit_test(an_upgrade_that_breaks_off_is_refused_and_followed_by_silence),
		cmocka_unit_test(capabilities_not_told_inside_tls_are_not_known),
		cmocka_unit_test(bytes_behind_the_agreement_are_seen_and_nothing_more_is_sent),
		cmocka_unit_test(
			however_the_injected_bytes_are_cut_none_is_taken_for_the_servers_word),
		cmocka_unit_test(an_answer_before_its_question_is_none),
	};

	return cmocka_run_group_tests_name("dialogue-upgrade", tests, NULL, NULL);
}
