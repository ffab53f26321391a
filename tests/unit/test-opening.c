/* SPDX-License-Identifier: MIT */
/* The opening, as rows of turns: what the program says, what the server says, what passes. */

#include "tests/cmocka-all.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clients/connect/opening.h"

#define TURNS_MAX 12
#define TEXT_SIZE 512

enum who { NOBODY = 0, PROGRAM, SERVER };

struct turn {
	enum who who;
	const char *text;
};

/* A conversation whose program says all it has to say as soon as it may be looked at. */
struct row {
	const char *name;
	enum mt_proto proto;
	const char *allowed; /* the mechanism the service allows; any other ends it */
	struct turn turns[TURNS_MAX];
	/* expected */
	const char *passed;   /* what the server gets of the program */
	const char *answered; /* what the program gets of us */
	const char *asked;    /* every mechanism that was asked about, each with a space */
	bool is_logged_in;
};

struct run {
	const struct row *row;
	struct mt_opening opening;
	char held[TEXT_SIZE], passed[TEXT_SIZE], answered[TEXT_SIZE], asked[TEXT_SIZE];
	size_t n_held;
	bool is_refused;
};

static void
append(char *to, const char *text, size_t size)
{
	size_t n = strlen(to);

	assert_true(n + size < TEXT_SIZE);
	memcpy(to + n, text, size);
	to[n + size] = '\0';
}

static void
drop(struct run *run, size_t size)
{
	assert_true(size > 0 && size <= run->n_held);
	run->n_held -= size;
	memmove(run->held, run->held + size, run->n_held);
}

/* What tunnel-answers.c does with the turns. Return: there may be another. */
static bool
look(struct run *run)
{
	char answer[128];
	size_t size = 0;

	switch (mt_opening_look(&run->opening, (const uint8_t *)run->held, run->n_held, &size,
				answer)) {
	case MT_OPENING_WAIT:
		return false;
	case MT_OPENING_ASK:
		append(run->asked, run->opening.mechanism, strlen(run->opening.mechanism));
		append(run->asked, " ", 1);
		run->is_refused = strcmp(run->opening.mechanism, run->row->allowed) != 0;
		if (!run->is_refused)
			mt_opening_allowed(&run->opening);
		return !run->is_refused;
	case MT_OPENING_PASS:
		append(run->passed, run->held, size);
		break;
	case MT_OPENING_ANSWER:
		append(run->answered, answer, strlen(answer));
		break;
	}
	drop(run, size);
	return true;
}

static void
hear_program(struct run *run, const char *text, size_t piece)
{
	for (size_t at = 0, size = strlen(text); at < size; at += piece) {
		size_t n = size - at < piece ? size - at : piece;

		assert_true(run->n_held + n < TEXT_SIZE);
		memcpy(run->held + run->n_held, text + at, n);
		run->n_held += n;
		while (!run->is_refused && !run->opening.is_logged_in && look(run))
			;
	}
}

static void
hear_server(struct run *run, const char *text, size_t piece)
{
	for (size_t at = 0, size = strlen(text); at < size; at += piece)
		mt_opening_heard(&run->opening, (const uint8_t *)text + at,
				 size - at < piece ? size - at : piece);
	while (!run->is_refused && !run->opening.is_logged_in && look(run))
		;
}

static void
play(const struct row *row, size_t piece)
{
	struct run run = {.row = row};

	mt_opening_init(&run.opening, row->proto);
	for (size_t i = 0; i < TURNS_MAX && row->turns[i].who != NOBODY && !run.is_refused; i++) {
		if (row->turns[i].who == PROGRAM)
			hear_program(&run, row->turns[i].text, piece);
		else
			hear_server(&run, row->turns[i].text, piece);
	}
	if (strcmp(run.passed, row->passed) != 0 || strcmp(run.answered, row->answered) != 0 ||
	    strcmp(run.asked, row->asked) != 0 || run.opening.is_logged_in != row->is_logged_in)
		fail_msg("%s, in pieces of %zu: passed '%s' answered '%s' asked '%s' in %d",
			 row->name, piece, run.passed, run.answered, run.asked,
			 run.opening.is_logged_in);
}

static void
play_all(const struct row *rows, size_t n)
{
	static const size_t pieces[] = {1, 7, TEXT_SIZE};

	for (size_t i = 0; i < n; i++)
		for (size_t p = 0; p < MT_ARRAY_SIZE(pieces); p++)
			play(&rows[i], pieces[p]);
}

/* D-SASL-10 */
static void
an_allowed_login_passes_with_its_answers_and_ends_the_opening(void **state)
{
	static const struct row rows[] = {
		{"IMAP in one line",
		 MT_PROTO_IMAP,
		 "PLAIN",
		 {{PROGRAM, "a AUTHENTICATE plain c2VjcmV0\r\n"}, {SERVER, "a OK in\r\n"}},
		 "a AUTHENTICATE plain c2VjcmV0\r\n",
		 "",
		 "PLAIN ",
		 true},
		{"IMAP with a continuation",
		 MT_PROTO_IMAP,
		 "PLAIN",
		 {{PROGRAM, "a AUTHENTICATE PLAIN\r\n"},
		  {SERVER, "+ \r\n"},
		  {PROGRAM, "c2VjcmV0\r\n"},
		  {SERVER, "* CAPABILITY IMAP4rev1\r\na OK in\r\n"}},
		 "a AUTHENTICATE PLAIN\r\nc2VjcmV0\r\n",
		 "",
		 "PLAIN ",
		 true},
		{"IMAP LOGIN in literals",
		 MT_PROTO_IMAP,
		 "LOGIN",
		 {{PROGRAM, "a LOGIN {2}\r\n"},
		  {SERVER, "+ go on\r\n"},
		  {PROGRAM, "me {6+}\r\nsecret\r\n"},
		  {SERVER, "a OK in\r\n"}},
		 "a LOGIN {2}\r\nme {6+}\r\nsecret\r\n",
		 "",
		 "LOGIN ",
		 true},
		{"POP3 in two commands",
		 MT_PROTO_POP3,
		 "USER",
		 {{PROGRAM, "USER me\r\nPASS secret\r\n"},
		  {SERVER, "+OK\r\n"},
		  {SERVER, "+OK in\r\n"}},
		 "USER me\r\nPASS secret\r\n",
		 "",
		 "USER ",
		 true},
		{"POP3 APOP",
		 MT_PROTO_POP3,
		 "APOP",
		 {{PROGRAM, "APOP me c4c9334bac560ecc979e58001b3e22fb\r\n"},
		  {SERVER, "+OK in\r\n"}},
		 "APOP me c4c9334bac560ecc979e58001b3e22fb\r\n",
		 "",
		 "APOP ",
		 true},
		{"POP3 AUTH",
		 MT_PROTO_POP3,
		 "SCRAM-SHA-256",
		 {{PROGRAM, "AUTH SCRAM-SHA-256\r\n"},
		  {SERVER, "+ \r\n"},
		  {PROGRAM, "biws\r\n"},
		  {SERVER, "+ cj0x\r\n"},
		  {PROGRAM, "Yz1i\r\n"},
		  {SERVER, "+OK in\r\n"}},
		 "AUTH SCRAM-SHA-256\r\nbiws\r\nYz1i\r\n",
		 "",
		 "SCRAM-SHA-256 ",
		 true},
		{"submission",
		 MT_PROTO_SUBMISSION,
		 "PLAIN",
		 {{PROGRAM, "EHLO x\r\nAUTH PLAIN\r\nc2VjcmV0\r\n"},
		  {SERVER, "250-mail\r\n250 AUTH PLAIN\r\n"},
		  {SERVER, "334 \r\n"},
		  {SERVER, "235 2.7.0 in\r\n"}},
		 "EHLO x\r\nAUTH PLAIN\r\nc2VjcmV0\r\n",
		 "",
		 "PLAIN ",
		 true},
	};

	play_all(rows, MT_ARRAY_SIZE(rows));
}

static void
a_mechanism_that_is_not_allowed_goes_nowhere(void **state)
{
	static const struct row rows[] = {
		{"IMAP LOGIN",
		 MT_PROTO_IMAP,
		 "PLAIN",
		 {{PROGRAM, "a LOGIN me secret\r\n"}},
		 "",
		 "",
		 "LOGIN ",
		 false},
		{"IMAP, asked for early",
		 MT_PROTO_IMAP,
		 "PLAIN",
		 {{PROGRAM, "a CAPABILITY\r\nb AUTHENTICATE CRAM-MD5\r\n"},
		  {SERVER, "* CAPABILITY X\r\na OK\r\n"}},
		 "a CAPABILITY\r\n",
		 "",
		 "CRAM-MD5 ",
		 false},
		{"POP3 PASS alone",
		 MT_PROTO_POP3,
		 "PLAIN",
		 {{PROGRAM, "PASS secret\r\n"}},
		 "",
		 "",
		 "USER ",
		 false},
		{"after another one failed",
		 MT_PROTO_IMAP,
		 "PLAIN",
		 {{PROGRAM, "a AUTHENTICATE PLAIN eA==\r\nb LOGIN me secret\r\n"},
		  {SERVER, "a NO wrong\r\n"}},
		 "a AUTHENTICATE PLAIN eA==\r\n",
		 "",
		 "PLAIN LOGIN ",
		 false},
		{"submission",
		 MT_PROTO_SUBMISSION,
		 "PLAIN",
		 {{PROGRAM, "AUTH LOGIN bWU=\r\n"}},
		 "",
		 "",
		 "LOGIN ",
		 false},
	};

	play_all(rows, MT_ARRAY_SIZE(rows));
}

/* D-SYS-08 */
static void
what_is_neither_capability_nor_login_is_answered_here(void **state)
{
	static const struct row rows[] = {
		{"IMAP",
		 MT_PROTO_IMAP,
		 "PLAIN",
		 {{PROGRAM, "a SELECT INBOX\r\nb ID NIL\r\nc STARTTLS\r\nx AUTHENTICATE\r\n"}},
		 "",
		 "a BAD mailtrust: log in first\r\nb BAD mailtrust: log in first\r\n"
		 "c BAD mailtrust: log in first\r\nx BAD mailtrust: log in first\r\n",
		 "",
		 false},
		{"IMAP that is none",
		 MT_PROTO_IMAP,
		 "PLAIN",
		 {{PROGRAM, "\r\nnonsense\r\n\x01\xff\r\n"}},
		 "",
		 "* BAD mailtrust: no command\r\n* BAD mailtrust: log in first\r\n"
		 "* BAD mailtrust: log in first\r\n",
		 "",
		 false},
		{"POP3",
		 MT_PROTO_POP3,
		 "USER",
		 {{PROGRAM, "STAT\r\nRETR 1\r\nSTLS\r\nAUTH\r\n"}},
		 "",
		 "-ERR mailtrust: log in first\r\n-ERR mailtrust: log in first\r\n"
		 "-ERR mailtrust: log in first\r\n-ERR mailtrust: log in first\r\n",
		 "",
		 false},
		{"submission",
		 MT_PROTO_SUBMISSION,
		 "PLAIN",
		 {{PROGRAM, "MAIL FROM:<a@b>\r\nSTARTTLS\r\n"}},
		 "",
		 "530 5.7.0 mailtrust: log in first\r\n530 5.7.0 mailtrust: log in first\r\n",
		 "",
		 false},
		{"a word too long for any command",
		 MT_PROTO_IMAP,
		 "PLAIN",
		 {{PROGRAM, "a AUTHENTICATE "
			    "0123456789012345678901234567890123456789012345678901234567890123456789"
			    "\r\n"}},
		 "",
		 "a BAD mailtrust: log in first\r\n",
		 "",
		 false},
	};

	play_all(rows, MT_ARRAY_SIZE(rows));
}

/* A row of a program that hides a login behind what passes unasked. */
#define HIDDEN(name, proto, said, passed, answered)                                  \
	{                                                                            \
		name, proto, "PLAIN", {{PROGRAM, said}}, passed, answered, "", false \
	}

static void
no_login_hides_behind_a_command_that_passes(void **state)
{
	static const struct row rows[] = {
		HIDDEN("IMAP, as a literal of NOOP", MT_PROTO_IMAP, "a NOOP {3+}\r\n", "",
		       "a BAD mailtrust: no command\r\n"),
		HIDDEN("IMAP, as one that is waited for", MT_PROTO_IMAP, "a CAPABILITY {3}\r\n", "",
		       "a BAD mailtrust: no command\r\n"),
		HIDDEN("IMAP, behind a CR", MT_PROTO_IMAP, "a NOOP\ra LOGIN me secret\r\n", "",
		       "a BAD mailtrust: no command\r\n"),
		HIDDEN("IMAP, under a tag nobody would find again", MT_PROTO_IMAP,
		       "0123456789012345678901234567890123456789012345678901234567890123456789 "
		       "NOOP\r\n",
		       "", "* BAD mailtrust: no command\r\n"),
		HIDDEN("POP3, as a literal", MT_PROTO_POP3, "CAPA {3+}\r\nUSER me\r\n",
		       "CAPA {3+}\r\n", ""),
		HIDDEN("POP3, behind a CR", MT_PROTO_POP3, "CAPA\rUSER me\r\n", "",
		       "-ERR mailtrust: no command\r\n"),
		HIDDEN("submission, as a literal", MT_PROTO_SUBMISSION,
		       "EHLO {3+}\r\nAUTH LOGIN secret\r\n", "EHLO {3+}\r\n", ""),
		HIDDEN("submission, behind two CR", MT_PROTO_SUBMISSION, "NOOP\r\r\n", "",
		       "500 5.5.2 mailtrust: no command\r\n"),
		{"IMAP, behind a mechanism that is allowed",
		 MT_PROTO_IMAP,
		 "PLAIN",
		 {{PROGRAM, "a AUTHENTICATE PLAIN {3+}\r\nb LOGIN me secret\r\n"}},
		 "a AUTHENTICATE PLAIN {3+}\r\n",
		 "",
		 "PLAIN ",
		 false},
		{"IMAP, behind its answer",
		 MT_PROTO_IMAP,
		 "PLAIN",
		 {{PROGRAM, "a AUTHENTICATE PLAIN\r\n"},
		  {SERVER, "+ \r\n"},
		  {PROGRAM, "eA=={3+}\r\nb LOGIN me secret\r\n"}},
		 "a AUTHENTICATE PLAIN\r\neA=={3+}\r\n",
		 "",
		 "PLAIN ",
		 false},
	};

	play_all(rows, MT_ARRAY_SIZE(rows));
}

static void
nor_behind_a_nul(void **state)
{
	static const char said[] = "NOOP\0\r\n";
	struct mt_opening opening;
	size_t size = 0;
	char answer[128];

	mt_opening_init(&opening, MT_PROTO_SUBMISSION);
	assert_int_equal(
		mt_opening_look(&opening, (const uint8_t *)said, sizeof(said) - 1, &size, answer),
		MT_OPENING_ANSWER);
	assert_int_equal(size, sizeof(said) - 1);
	assert_string_equal(answer, "500 5.5.2 mailtrust: no command\r\n");
}

static void
commands_pass_one_at_a_time_each_after_the_answer(void **state)
{
	static const struct row rows[] = {
		{"IMAP waits",
		 MT_PROTO_IMAP,
		 "PLAIN",
		 {{PROGRAM, "a CAPABILITY\r\nb NOOP\r\nc AUTHENTICATE PLAIN eA==\r\n"},
		  {SERVER, "* OK still there\r\n"}},
		 "a CAPABILITY\r\n",
		 "",
		 "",
		 false},
		{"another's tag is no answer",
		 MT_PROTO_IMAP,
		 "PLAIN",
		 {{PROGRAM, "a CAPABILITY\r\nb NOOP\r\n"}, {SERVER, "ab OK\r\nb OK\r\n"}},
		 "a CAPABILITY\r\n",
		 "",
		 "",
		 false},
		{"a reply of POP3 ends at its dot",
		 MT_PROTO_POP3,
		 "USER",
		 {{PROGRAM, "CAPA\r\nUSER me\r\n"}, {SERVER, "+OK\r\nUSER\r\n"}},
		 "CAPA\r\n",
		 "",
		 "",
		 false},
		{"and then the next may go",
		 MT_PROTO_POP3,
		 "USER",
		 {{PROGRAM, "CAPA\r\nUSER me\r\n"}, {SERVER, "+OK\r\nUSER\r\n.\r\n"}},
		 "CAPA\r\nUSER me\r\n",
		 "",
		 "USER ",
		 false},
		{"a reply of SMTP ends where it says so",
		 MT_PROTO_SUBMISSION,
		 "PLAIN",
		 {{PROGRAM, "EHLO x\r\nNOOP\r\n"}, {SERVER, "250-mail\r\n250-SIZE\r\n"}},
		 "EHLO x\r\n",
		 "",
		 "",
		 false},
		{"USER logs nobody in",
		 MT_PROTO_POP3,
		 "USER",
		 {{PROGRAM, "USER me\r\nSTAT\r\n"}, {SERVER, "+OK\r\n"}},
		 "USER me\r\n",
		 "-ERR mailtrust: log in first\r\n",
		 "USER ",
		 false},
		{"a failed login is followed by another",
		 MT_PROTO_POP3,
		 "USER",
		 {{PROGRAM, "USER me\r\nPASS x\r\nUSER me\r\nPASS y\r\nSTAT\r\n"},
		  {SERVER, "+OK\r\n"},
		  {SERVER, "-ERR\r\n"},
		  {SERVER, "+OK\r\n"},
		  {SERVER, "+OK in\r\n"}},
		 "USER me\r\nPASS x\r\nUSER me\r\nPASS y\r\n",
		 "",
		 "USER ",
		 true},
	};

	play_all(rows, MT_ARRAY_SIZE(rows));
}

static void
words_of_the_server_that_are_no_lines_let_nothing_pass(void **state)
{
	static const char *const faults[] = {"a\0b\r\n", NULL};
	char *endless = malloc(2 * MT_LINE_MAX);
	size_t size = 0;
	char answer[128];

	assert_non_null(endless);
	memset(endless, 'x', 2 * MT_LINE_MAX);
	for (size_t i = 0; i < MT_ARRAY_SIZE(faults); i++) {
		struct mt_opening opening;

		mt_opening_init(&opening, MT_PROTO_IMAP);
		mt_opening_heard(&opening, (const uint8_t *)(faults[i] ? faults[i] : endless),
				 faults[i] ? 5 : 2 * MT_LINE_MAX);
		assert_true(opening.is_fault);
		assert_int_equal(
			mt_opening_look(&opening, (const uint8_t *)"a NOOP\r\n", 8, &size, answer),
			MT_OPENING_WAIT);
	}
	free(endless);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_allowed_login_passes_with_its_answers_and_ends_the_opening),
		cmocka_unit_test(a_mechanism_that_is_not_allowed_goes_nowhere),
		cmocka_unit_test(what_is_neither_capability_nor_login_is_answered_here),
		cmocka_unit_test(no_login_hides_behind_a_command_that_passes),
		cmocka_unit_test(nor_behind_a_nul),
		cmocka_unit_test(commands_pass_one_at_a_time_each_after_the_answer),
		cmocka_unit_test(words_of_the_server_that_are_no_lines_let_nothing_pass),
	};

	return cmocka_run_group_tests_name("opening", tests, NULL, NULL);
}
