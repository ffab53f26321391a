/* SPDX-License-Identifier: MIT */
/* SASL EXTERNAL in three protocols, as transcripts: S is what the server says turn by turn. */

#include "tests/cmocka-all.h"

#include <stdlib.h>
#include <string.h>

#include "ipc/mail/sasl-external.h"

#define TURNS_MAX 6

struct row {
	const char *name;
	enum mt_proto proto;
	bool sasl_ir;
	const char *authzid;
	const char *turns[TURNS_MAX]; /* "" : the server closes */
	const char *sent;             /* every byte of ours */
	enum mt_external_state state;
	const char *text; /* found in the words for a person; NULL: any */
};

struct played {
	struct mt_external external;
	char sent[8192];
	size_t sent_size;
	size_t n_untaken;
};

static void
flush(struct played *p)
{
	struct mt_bytes out = mt_external_output(&p->external);

	assert_true(out.size < sizeof(p->sent) - p->sent_size);
	memcpy(p->sent + p->sent_size, out.data, out.size);
	p->sent_size += out.size;
	p->sent[p->sent_size] = '\0';
	mt_external_sent(&p->external);
}

/* From a copy of exactly its size: sanitizers see a byte read too far. */
static void
feed(struct played *p, const char *data, size_t size)
{
	uint8_t *copy = malloc(size);
	size_t taken;

	assert_non_null(copy);
	memcpy(copy, data, size);
	taken = mt_external_feed(&p->external, copy, size);
	free(copy);
	assert_in_range(taken, 0, size);
	if (p->external.state == MT_EXTERNAL_READING)
		assert_int_equal(taken, size);
	p->n_untaken += size - taken;
	flush(p);
}

static void
play(const struct row *row, size_t piece, struct played *p)
{
	memset(p, 0, sizeof(*p));
	mt_external_init(&p->external, row->proto, row->sasl_ir, row->authzid);
	flush(p);
	for (size_t i = 0; i < TURNS_MAX && row->turns[i]; i++) {
		size_t size = strlen(row->turns[i]);

		if (size == 0)
			mt_external_end(&p->external);
		for (size_t at = 0; at < size; at += piece)
			feed(p, row->turns[i] + at, size - at < piece ? size - at : piece);
	}
}

/* Whole, byte by byte, and in pieces of every small size. */
static void
check(const struct row *row)
{
	for (size_t piece = 1; piece < 64; piece++) {
		struct played p;

		play(row, piece == 63 ? SIZE_MAX / 2 : piece, &p);
		if (p.external.state == row->state && strcmp(p.sent, row->sent) == 0 &&
		    (!row->text || strstr(p.external.text, row->text)))
			continue;
		print_error("%s, in pieces of %zu: state %u, sent <%s>, text <%s>\n", row->name,
			    piece, p.external.state, p.sent, p.external.text);
		fail();
	}
}

static void
check_rows(const struct row *rows, size_t n)
{
	for (size_t i = 0; i < n; i++)
		check(&rows[i]);
}

#define IMAP MT_PROTO_IMAP
#define POP3 MT_PROTO_POP3
#define SUBMISSION MT_PROTO_SUBMISSION

/* D-SASL-01, D-SASL-03, R-5.5-11 */
static void
imap_sends_the_response_with_the_command_only_where_the_server_takes_it(void **state)
{
	static const struct row rows[] = {
		{"without SASL-IR",
		 IMAP,
		 false,
		 NULL,
		 {"+ \r\n", "x1 OK in\r\n"},
		 "x1 AUTHENTICATE EXTERNAL\r\n\r\n",
		 MT_EXTERNAL_LOGGED_IN,
		 NULL},
		{"a bare plus",
		 IMAP,
		 false,
		 "",
		 {"+\r\n", "x1 OK in\r\n"},
		 "x1 AUTHENTICATE EXTERNAL\r\n\r\n",
		 MT_EXTERNAL_LOGGED_IN,
		 NULL},
		{"with SASL-IR",
		 IMAP,
		 true,
		 NULL,
		 {"x1 OK [CAPABILITY IMAP4rev1] in\r\n"},
		 "x1 AUTHENTICATE EXTERNAL =\r\n",
		 MT_EXTERNAL_LOGGED_IN,
		 NULL},
		{"for somebody, without",
		 IMAP,
		 false,
		 "joe",
		 {"+ \r\n", "x1 OK\r\n"},
		 "x1 AUTHENTICATE EXTERNAL\r\nam9l\r\n",
		 MT_EXTERNAL_LOGGED_IN,
		 NULL},
		{"for somebody, with",
		 IMAP,
		 true,
		 "joe@example.test",
		 {"x1 OK\r\n"},
		 "x1 AUTHENTICATE EXTERNAL am9lQGV4YW1wbGUudGVzdA==\r\n",
		 MT_EXTERNAL_LOGGED_IN,
		 NULL},
		{"untagged data between",
		 IMAP,
		 true,
		 NULL,
		 {"* OK [ALERT] full\r\n* CAPABILITY IMAP4rev1\r\n", "x1 ok\r\n"},
		 "x1 AUTHENTICATE EXTERNAL =\r\n",
		 MT_EXTERNAL_LOGGED_IN,
		 NULL},
		{"refused",
		 IMAP,
		 true,
		 NULL,
		 {"x1 NO [AUTHENTICATIONFAILED] who?\r\n"},
		 "x1 AUTHENTICATE EXTERNAL =\r\n",
		 MT_EXTERNAL_REFUSED,
		 "does not log this certificate in: NO [AUTHENTICATIONFAILED] who?"},
		{"unknown",
		 IMAP,
		 false,
		 NULL,
		 {"x1 BAD what?\r\n"},
		 "x1 AUTHENTICATE EXTERNAL\r\n",
		 MT_EXTERNAL_REFUSED,
		 "BAD what?"},
		{"goodbye",
		 IMAP,
		 false,
		 NULL,
		 {"* BYE too many\r\n"},
		 "x1 AUTHENTICATE EXTERNAL\r\n",
		 MT_EXTERNAL_REFUSED,
		 "BYE too many"},
	};

	check_rows(rows, MT_ARRAY_SIZE(rows));
}

/* D-SASL-01, D-SASL-04, R-5.5-09 */
static void
pop3_sends_the_response_with_the_command(void **state)
{
	static const struct row rows[] = {
		{"empty",
		 POP3,
		 false,
		 NULL,
		 {"+OK in\r\n"},
		 "AUTH EXTERNAL =\r\n",
		 MT_EXTERNAL_LOGGED_IN,
		 NULL},
		{"for somebody",
		 POP3,
		 false,
		 "joe",
		 {"+OK\r\n"},
		 "AUTH EXTERNAL am9l\r\n",
		 MT_EXTERNAL_LOGGED_IN,
		 NULL},
		{"refused",
		 POP3,
		 false,
		 NULL,
		 {"-ERR [AUTH] no such user\r\n"},
		 "AUTH EXTERNAL =\r\n",
		 MT_EXTERNAL_REFUSED,
		 "in: [AUTH] no such user"},
		{"refused without a word",
		 POP3,
		 false,
		 NULL,
		 {"-ERR\r\n"},
		 "AUTH EXTERNAL =\r\n",
		 MT_EXTERNAL_REFUSED,
		 NULL},
	};

	check_rows(rows, MT_ARRAY_SIZE(rows));
}

/* D-SASL-01, D-SASL-02, R-5.5-10 */
static void
submission_sends_the_response_with_the_command(void **state)
{
	static const struct row rows[] = {
		{"empty",
		 SUBMISSION,
		 false,
		 NULL,
		 {"235 2.7.0 in\r\n"},
		 "AUTH EXTERNAL =\r\n",
		 MT_EXTERNAL_LOGGED_IN,
		 NULL},
		{"on two lines",
		 SUBMISSION,
		 false,
		 NULL,
		 {"235-2.7.0 well\r\n235 2.7.0 done\r\n"},
		 "AUTH EXTERNAL =\r\n",
		 MT_EXTERNAL_LOGGED_IN,
		 NULL},
		{"for somebody",
		 SUBMISSION,
		 false,
		 "joe",
		 {"235 in\r\n"},
		 "AUTH EXTERNAL am9l\r\n",
		 MT_EXTERNAL_LOGGED_IN,
		 NULL},
		{"refused",
		 SUBMISSION,
		 false,
		 NULL,
		 {"535 5.7.8 no\r\n"},
		 "AUTH EXTERNAL =\r\n",
		 MT_EXTERNAL_REFUSED,
		 "in: 535 5.7.8 no"},
		{"refused on two lines",
		 SUBMISSION,
		 false,
		 NULL,
		 {"454-4.7.0 not\r\n454 now\r\n"},
		 "AUTH EXTERNAL =\r\n",
		 MT_EXTERNAL_REFUSED,
		 "454 now"},
	};

	check_rows(rows, MT_ARRAY_SIZE(rows));
}

/* RFC 4422 §3.4: what is asked for beyond the response is cancelled, once. */
static void
a_server_that_asks_for_more_is_told_to_stop(void **state)
{
	static const struct row rows[] = {
		{"imap",
		 IMAP,
		 true,
		 NULL,
		 {"+ bW9yZQ==\r\n", "x1 BAD stopped\r\n"},
		 "x1 AUTHENTICATE EXTERNAL =\r\n*\r\n",
		 MT_EXTERNAL_REFUSED,
		 "the server asks for more than a certificate: BAD stopped"},
		{"imap, twice",
		 IMAP,
		 false,
		 NULL,
		 {"+ \r\n", "+ \r\n", "x1 NO\r\n"},
		 "x1 AUTHENTICATE EXTERNAL\r\n\r\n*\r\n",
		 MT_EXTERNAL_REFUSED,
		 "more than"},
		{"pop3",
		 POP3,
		 false,
		 "joe",
		 {"+ \r\n", "-ERR stopped\r\n"},
		 "AUTH EXTERNAL am9l\r\n*\r\n",
		 MT_EXTERNAL_REFUSED,
		 "certificate: stopped"},
		{"submission",
		 SUBMISSION,
		 false,
		 NULL,
		 {"334 \r\n", "501 5.7.0 stopped\r\n"},
		 "AUTH EXTERNAL =\r\n*\r\n",
		 MT_EXTERNAL_REFUSED,
		 "501 5.7.0 stopped"},
		{"who goes on asking",
		 POP3,
		 false,
		 NULL,
		 {"+ \r\n", "+ \r\n"},
		 "AUTH EXTERNAL =\r\n*\r\n",
		 MT_EXTERNAL_FAULT,
		 "goes on"},
		{"who lets in what was cancelled",
		 IMAP,
		 true,
		 NULL,
		 {"+ \r\n", "x1 OK in\r\n"},
		 "x1 AUTHENTICATE EXTERNAL =\r\n*\r\n",
		 MT_EXTERNAL_FAULT,
		 NULL},
		{"the same in pop3",
		 POP3,
		 false,
		 NULL,
		 {"+ \r\n", "+OK in\r\n"},
		 "AUTH EXTERNAL =\r\n*\r\n",
		 MT_EXTERNAL_FAULT,
		 NULL},
		{"the same in submission",
		 SUBMISSION,
		 false,
		 NULL,
		 {"334 \r\n", "235 in\r\n"},
		 "AUTH EXTERNAL =\r\n*\r\n",
		 MT_EXTERNAL_FAULT,
		 NULL},
	};

	check_rows(rows, MT_ARRAY_SIZE(rows));
}

static void
hostile_words_log_nobody_in(void **state)
{
	static const struct row rows[] = {
		{"closed",
		 IMAP,
		 true,
		 NULL,
		 {""},
		 "x1 AUTHENTICATE EXTERNAL =\r\n",
		 MT_EXTERNAL_FAULT,
		 "did not answer"},
		{"closed in a line",
		 POP3,
		 false,
		 NULL,
		 {"+OK", ""},
		 "AUTH EXTERNAL =\r\n",
		 MT_EXTERNAL_FAULT,
		 "did not answer"},
		{"closed in a reply",
		 SUBMISSION,
		 false,
		 NULL,
		 {"235-in\r\n", ""},
		 "AUTH EXTERNAL =\r\n",
		 MT_EXTERNAL_FAULT,
		 NULL},
		/* who is let in before whom he acts for was said is somebody else */
		{"ok before the response",
		 IMAP,
		 false,
		 "joe",
		 {"x1 OK in\r\n"},
		 "x1 AUTHENTICATE EXTERNAL\r\n",
		 MT_EXTERNAL_FAULT,
		 NULL},
		{"another tag",
		 IMAP,
		 true,
		 NULL,
		 {"a1 OK in\r\n"},
		 "x1 AUTHENTICATE EXTERNAL =\r\n",
		 MT_EXTERNAL_FAULT,
		 "no sense"},
		{"no tag",
		 IMAP,
		 true,
		 NULL,
		 {"OK in\r\n"},
		 "x1 AUTHENTICATE EXTERNAL =\r\n",
		 MT_EXTERNAL_FAULT,
		 NULL},
		{"a longer tag",
		 IMAP,
		 true,
		 NULL,
		 {"x11 OK in\r\n"},
		 "x1 AUTHENTICATE EXTERNAL =\r\n",
		 MT_EXTERNAL_FAULT,
		 NULL},
		{"a longer word",
		 IMAP,
		 true,
		 NULL,
		 {"x1 OKAY\r\n"},
		 "x1 AUTHENTICATE EXTERNAL =\r\n",
		 MT_EXTERNAL_FAULT,
		 NULL},
		{"a literal",
		 IMAP,
		 true,
		 NULL,
		 {"* OK {3}\r\nx1 OK in\r\n"},
		 "x1 AUTHENTICATE EXTERNAL =\r\n",
		 MT_EXTERNAL_FAULT,
		 NULL},
		{"preauth",
		 IMAP,
		 true,
		 NULL,
		 {"* PREAUTH in\r\n", ""},
		 "x1 AUTHENTICATE EXTERNAL =\r\n",
		 MT_EXTERNAL_FAULT,
		 NULL},
		{"plus what",
		 POP3,
		 false,
		 NULL,
		 {"+OKAY\r\n"},
		 "AUTH EXTERNAL =\r\n",
		 MT_EXTERNAL_FAULT,
		 NULL},
		{"another protocol",
		 POP3,
		 false,
		 NULL,
		 {"* OK in\r\n"},
		 "AUTH EXTERNAL =\r\n",
		 MT_EXTERNAL_FAULT,
		 NULL},
		{"success of another kind",
		 SUBMISSION,
		 false,
		 NULL,
		 {"250 in\r\n"},
		 "AUTH EXTERNAL =\r\n",
		 MT_EXTERNAL_FAULT,
		 NULL},
		{"four digits",
		 SUBMISSION,
		 false,
		 NULL,
		 {"2350 in\r\n"},
		 "AUTH EXTERNAL =\r\n",
		 MT_EXTERNAL_FAULT,
		 NULL},
		{"two digits",
		 SUBMISSION,
		 false,
		 NULL,
		 {"23 in\r\n"},
		 "AUTH EXTERNAL =\r\n",
		 MT_EXTERNAL_FAULT,
		 NULL},
		{"a challenge on two lines",
		 SUBMISSION,
		 false,
		 NULL,
		 {"334-\r\n334 \r\n"},
		 "AUTH EXTERNAL =\r\n",
		 MT_EXTERNAL_FAULT,
		 NULL},
		{"an empty line",
		 IMAP,
		 true,
		 NULL,
		 {"\r\n"},
		 "x1 AUTHENTICATE EXTERNAL =\r\n",
		 MT_EXTERNAL_FAULT,
		 NULL},
		{"control characters",
		 IMAP,
		 true,
		 NULL,
		 {"x1 NO \033[2J\x80\r\n"},
		 "x1 AUTHENTICATE EXTERNAL =\r\n",
		 MT_EXTERNAL_REFUSED,
		 "NO ?[2J?"},
	};

	check_rows(rows, MT_ARRAY_SIZE(rows));
}

/* What is behind the last answer belongs to whoever goes on with the connection. */
static void
what_comes_behind_the_answer_is_not_taken(void **state)
{
	static const struct row row = {
		"behind", POP3, false, NULL, {"+OK\r\n+OK 1 2\r\n"}, NULL, MT_EXTERNAL_LOGGED_IN,
		NULL};
	struct played p;

	play(&row, SIZE_MAX / 2, &p);
	assert_int_equal(p.external.state, MT_EXTERNAL_LOGGED_IN);
	assert_int_equal(p.n_untaken, 9);
}

/* An answer that was there before the question is none. */
static void
an_answer_before_the_command_was_sent_is_no_answer(void **state)
{
	static const char *const answers[MT_PROTO_COUNT] = {
		[MT_PROTO_IMAP] = "x1 OK in\r\n",
		[MT_PROTO_POP3] = "+OK in\r\n",
		[MT_PROTO_SUBMISSION] = "235 in\r\n",
	};

	for (enum mt_proto proto = MT_PROTO_IMAP; proto < MT_PROTO_COUNT; proto++) {
		struct mt_external e;

		mt_external_init(&e, proto, true, NULL);
		(void)mt_external_feed(&e, (const uint8_t *)answers[proto], strlen(answers[proto]));
		assert_int_equal(e.state, MT_EXTERNAL_FAULT);
		assert_int_equal(mt_external_output(&e).size, 0);
	}
}

static void
a_reply_without_end_is_a_fault(void **state)
{
	static const char *const lines[] = {"* OK more\r\n", "x"};

	for (size_t i = 0; i < MT_ARRAY_SIZE(lines); i++) {
		size_t size = strlen(lines[i]), fed = 0;
		struct mt_external e;

		mt_external_init(&e, MT_PROTO_IMAP, true, NULL);
		mt_external_sent(&e);
		for (; e.state == MT_EXTERNAL_READING && fed <= 2 * MT_REPLY_BYTES_MAX; fed += size)
			(void)mt_external_feed(&e, (const uint8_t *)lines[i], size);
		assert_int_equal(e.state, MT_EXTERNAL_FAULT);
		assert_in_range(fed, 1, MT_REPLY_BYTES_MAX);
	}
}

/* D-SASL-02, D-SASL-03, D-SASL-04: a command of max octets goes out whole, one more octet in the
 * response and it goes after the challenge. */
static void
a_response_too_long_for_the_line_is_sent_after_the_challenge(void **state)
{
	static const struct {
		enum mt_proto proto;
		const char *challenge;
		size_t max;
	} rows[] = {{MT_PROTO_IMAP, "+ \r\n", 1000},
		    {MT_PROTO_POP3, "+ \r\n", 255},
		    {MT_PROTO_SUBMISSION, "334 \r\n", 512}};

	for (size_t i = 0; i < MT_ARRAY_SIZE(rows); i++)
		for (size_t size = 1; size <= MT_AUTHZID_MAX; size++) {
			char authzid[MT_AUTHZID_MAX + 1] = "", *response, *space;
			size_t response_size = (size + 2) / 3 * 4, command_size;
			struct played p = {0};
			bool fits;

			memset(authzid, 'a', size);
			mt_external_init(&p.external, rows[i].proto, true, authzid);
			flush(&p);
			space = strrchr(p.sent, ' ');
			command_size = strcmp(space, " EXTERNAL\r\n") == 0
					       ? p.sent_size - 2
					       : (size_t)(space - p.sent);
			fits = command_size + 1 + response_size + 2 <= rows[i].max;
			assert_int_equal(p.sent_size, fits ? command_size + 1 + response_size + 2
							   : command_size + 2);
			assert_in_range(p.sent_size, 1, rows[i].max);
			if (fits)
				continue;
			response = p.sent + p.sent_size;
			feed(&p, rows[i].challenge, strlen(rows[i].challenge));
			assert_int_equal(strlen(response), response_size + 2);
			assert_memory_equal(response, "YWFh", size < 3 ? 2 : 4);
			assert_in_range(strlen(response), 1, 12288);
		}
}

static void
an_identity_that_could_be_none_is_refused_before_anything_is_sent(void **state)
{
	char longest[MT_AUTHZID_MAX + 2] = "";
	const char *const bad[] = {"a\r\nb", "a\nDELETE 1", "\t", "\x7f", longest};

	memset(longest, 'a', MT_AUTHZID_MAX + 1);
	for (size_t i = 0; i < MT_ARRAY_SIZE(bad); i++) {
		struct mt_external e;

		assert_false(mt_external_is_authzid(bad[i]));
		mt_external_init(&e, MT_PROTO_POP3, false, bad[i]);
		assert_int_equal(e.state, MT_EXTERNAL_FAULT);
		assert_int_equal(mt_external_output(&e).size, 0);
	}
	longest[MT_AUTHZID_MAX] = '\0';
	assert_true(mt_external_is_authzid(longest));
	assert_true(mt_external_is_authzid("j\xc3\xb6"
					   "e@example.test"));
	assert_false(mt_external_is_authzid(""));
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			imap_sends_the_response_with_the_command_only_where_the_server_takes_it),
		cmocka_unit_test(pop3_sends_the_response_with_the_command),
		cmocka_unit_test(submission_sends_the_response_with_the_command),
		cmocka_unit_test(a_server_that_asks_for_more_is_told_to_stop),
		cmocka_unit_test(hostile_words_log_nobody_in),
		cmocka_unit_test(what_comes_behind_the_answer_is_not_taken),
		cmocka_unit_test(an_answer_before_the_command_was_sent_is_no_answer),
		cmocka_unit_test(a_reply_without_end_is_a_fault),
		cmocka_unit_test(a_response_too_long_for_the_line_is_sent_after_the_challenge),
		cmocka_unit_test(an_identity_that_could_be_none_is_refused_before_anything_is_sent),
	};

	return cmocka_run_group_tests_name("sasl-external", tests, NULL, NULL);
}
