/* SPDX-License-Identifier: MIT */
/* The tunnel logs in itself, and stands in for the server where the program does not know it. */

#include "tests/cmocka-all.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clients/connect/login.h"
#include "clients/connect/opening.h"

#define TURNS_MAX 6
#define SECRET "c2VjcmV0"

/* -- the login --------------------------------------------------------------------------------- */

struct row {
	const char *name;
	enum mt_proto proto;
	const char *turns[TURNS_MAX]; /* of the server; "": it closes */
	/* expected */
	const char *sent;
	enum mt_login_state state;
	const char *rest; /* behind the last answer */
	const char *text; /* why, where it FAILED */
};

struct played {
	struct mt_login login;
	char sent[512], rest[512];
};

static void
flush(struct played *p)
{
	struct mt_bytes out = mt_login_output(&p->login);

	(void)snprintf(p->sent + strlen(p->sent), sizeof(p->sent) - strlen(p->sent), "%.*s",
		       (int)out.size, (const char *)out.data);
	mt_login_sent(&p->login);
}

static void
feed(struct played *p, const char *text, size_t size)
{
	size_t taken = mt_login_feed(&p->login, (const uint8_t *)text, size);

	assert_in_range(taken, 0, size);
	if (p->login.state == MT_LOGIN_READING)
		assert_int_equal(taken, size);
	(void)snprintf(p->rest + strlen(p->rest), sizeof(p->rest) - strlen(p->rest), "%.*s",
		       (int)(size - taken), text + taken);
	flush(p);
}

static void
play(const struct row *row, size_t piece)
{
	struct played *p = calloc(1, sizeof(*p));

	assert_non_null(p);
	mt_login_begin(&p->login, row->proto, true, "");
	flush(p);
	for (size_t i = 0; i < TURNS_MAX && row->turns[i]; i++) {
		size_t size = strlen(row->turns[i]);

		if (size == 0)
			mt_login_end(&p->login);
		for (size_t at = 0; at < size; at += piece)
			feed(p, row->turns[i] + at, size - at < piece ? size - at : piece);
	}
	if (p->login.state != row->state || strcmp(p->sent, row->sent) != 0 ||
	    strcmp(p->rest, row->rest) != 0 ||
	    (row->text && (!p->login.text || !strstr(p->login.text, row->text))))
		fail_msg("%s, in pieces of %zu: state %u, sent '%s', rest '%s', text '%s'",
			 row->name, piece, p->login.state, p->sent, p->rest,
			 p->login.text ? p->login.text : "");
	free(p);
}

#define IMAP_LOGIN "x1 AUTHENTICATE EXTERNAL =\r\n"
#define IMAP_AGAIN IMAP_LOGIN "a1 CAPABILITY\r\n"

static void
a_login_is_over_when_all_that_the_program_is_told_is_known(void **state)
{
	static const struct row rows[] = {
		{"imap",
		 MT_PROTO_IMAP,
		 {"x1 OK in\r\n", "* CAPABILITY IMAP4rev1 MOVE\r\na1 OK\r\n* OK [ALERT] full\r\n"},
		 IMAP_AGAIN,
		 MT_LOGIN_DONE,
		 "* OK [ALERT] full\r\n",
		 NULL},
		{"imap that does not tell",
		 MT_PROTO_IMAP,
		 {"x1 OK in\r\n", "a1 BAD\r\n"},
		 IMAP_AGAIN,
		 MT_LOGIN_DONE,
		 "",
		 NULL},
		{"pop3",
		 MT_PROTO_POP3,
		 {"+OK in\r\n+OK more\r\n"},
		 "AUTH EXTERNAL =\r\n",
		 MT_LOGIN_DONE,
		 "+OK more\r\n",
		 NULL},
		{"submission",
		 MT_PROTO_SUBMISSION,
		 {"235 in\r\n"},
		 "AUTH EXTERNAL =\r\n",
		 MT_LOGIN_DONE,
		 "",
		 NULL},
		{"refused",
		 MT_PROTO_POP3,
		 {"-ERR who\r\n"},
		 "AUTH EXTERNAL =\r\n",
		 MT_LOGIN_FAILED,
		 "",
		 "does not log this certificate in: who"},
		{"closed",
		 MT_PROTO_SUBMISSION,
		 {""},
		 "AUTH EXTERNAL =\r\n",
		 MT_LOGIN_FAILED,
		 "",
		 "did not answer the login"},
		{"closed after the login",
		 MT_PROTO_IMAP,
		 {"x1 OK in\r\n", ""},
		 IMAP_AGAIN,
		 MT_LOGIN_FAILED,
		 "",
		 "after the login the server did not answer"},
		{"nonsense after the login",
		 MT_PROTO_IMAP,
		 {"x1 OK in\r\n", "nonsense\r\n"},
		 IMAP_AGAIN,
		 MT_LOGIN_FAILED,
		 "",
		 "made no sense"},
	};

	for (size_t i = 0; i < MT_ARRAY_SIZE(rows); i++)
		for (size_t piece = 1; piece < 64; piece++)
			/* bytes behind an answer come one turn at a time where they do */
			if (!rows[i].rest[0] || piece == 63)
				play(&rows[i], piece);
}

/* D-SASL-07: the list is that of after the login. */
static void
the_capabilities_are_those_of_after_the_login(void **state)
{
	static const char answer[] = "* CAPABILITY IMAP4rev1 MOVE\r\na1 OK\r\n";
	struct mt_login *l = calloc(1, sizeof(*l));

	assert_non_null(l);
	mt_login_begin(l, MT_PROTO_IMAP, true, "");
	mt_login_sent(l);
	(void)mt_login_feed(l, (const uint8_t *)"* CAPABILITY EARLY\r\nx1 OK\r\n", 27);
	mt_login_sent(l);
	(void)mt_login_feed(l, (const uint8_t *)answer, strlen(answer));
	assert_int_equal(l->state, MT_LOGIN_DONE);
	assert_string_equal(l->facts.capabilities, "IMAP4rev1 MOVE");
	assert_true(l->facts.preauth_in_tls && l->facts.capabilities_read);
	free(l);
}

/* -- standing in ------------------------------------------------------------------------------- */

struct stand_in_row {
	enum mt_proto proto;
	const char *said;     /* by the program, at once */
	const char *passed;   /* while it is looked at */
	const char *answered; /* the first words of each answer, each with a slash */
	const char *left;     /* to the relay; "-": it is not over */
};

static void
note(char *to, size_t size, const char *text, size_t n)
{
	(void)snprintf(to + strlen(to), size - strlen(to), "%.*s", (int)n, text);
}

static void
reply_to(struct mt_opening *o, enum mt_proto proto, const char *command)
{
	static const char *const replies[MT_PROTO_COUNT] = {
		[MT_PROTO_POP3] = "+OK\r\n.\r\n",
		[MT_PROTO_SUBMISSION] = "250-a\r\n250 b\r\n",
	};
	char tagged[64];

	(void)snprintf(tagged, sizeof(tagged), "%.*s OK done\r\n", (int)strcspn(command, " "),
		       command);
	if (proto != MT_PROTO_IMAP)
		(void)snprintf(tagged, sizeof(tagged), "%s", replies[proto]);
	mt_opening_heard(o, (const uint8_t *)tagged, strlen(tagged));
}

/* What passes is answered at once. */
static void
stand_in(const struct stand_in_row *row)
{
	char passed[256] = "", answered[256] = "", answer[128];
	const char *left = row->said;
	struct mt_opening o;

	mt_opening_init(&o, row->proto);
	mt_opening_stand_in(&o);
	while (!o.is_logged_in) {
		size_t size = 0;
		enum mt_opening_turn turn =
			mt_opening_look(&o, (const uint8_t *)left, strlen(left), &size, answer);

		assert_int_not_equal(turn, MT_OPENING_ASK);
		if (turn == MT_OPENING_WAIT)
			break;
		if (turn == MT_OPENING_ANSWER) {
			assert_true(answer[0] == '\0' || strstr(answer, "\r\n"));
			note(answered, sizeof(answered), answer,
			     strcspn(answer, row->proto == MT_PROTO_IMAP ? ":" : " \r"));
			note(answered, sizeof(answered), "/", answer[0] ? 1 : 0);
		} else if (size > 0) {
			note(passed, sizeof(passed), left, size);
			reply_to(&o, row->proto, left);
		}
		left += size;
	}
	if (strcmp(passed, row->passed) != 0 || strcmp(answered, row->answered) != 0 ||
	    strcmp(o.is_logged_in ? left : "-", row->left) != 0)
		fail_msg("%s: passed '%s' answered '%s' left '%s'", row->said, passed, answered,
			 o.is_logged_in ? left : "-");
}

/* R-5.5-09, R-5.5-10: whatever the program knows of a password stays here. */
static void
a_password_is_answered_and_goes_nowhere(void **state)
{
	static const struct stand_in_row rows[] = {
		{MT_PROTO_POP3, "USER me\r\nPASS " SECRET "\r\nSTAT\r\n", "", "+OK/+OK/",
		 "STAT\r\n"},
		{MT_PROTO_POP3, "capa\r\napop me " SECRET "\r\n", "capa\r\n", "+OK/", "-"},
		{MT_PROTO_POP3, "AUTH PLAIN " SECRET "\r\nQUIT\r\n", "QUIT\r\n", "+OK/", "-"},
		{MT_PROTO_POP3, "AUTH PLAIN\r\n" SECRET "\r\nSTAT\r\n", "", "+/+OK/", "STAT\r\n"},
		{MT_PROTO_POP3, "auth login\r\n" SECRET "\r\n" SECRET "\r\n", "", "+/+/+OK/", "-"},
		{MT_PROTO_POP3, "AUTH LOGIN " SECRET "\r\n" SECRET "\r\n", "", "+/+OK/", "-"},
		{MT_PROTO_POP3, "AUTH PLAIN\r\n*\r\nAUTH EXTERNAL =\r\n", "", "+/-ERR/+OK/", "-"},
		{MT_PROTO_POP3, "AUTH CRAM-MD5\r\nAUTH\r\nSTAT\r\n", "", "-ERR/-ERR/", "STAT\r\n"},
		{MT_PROTO_POP3, "PASS " SECRET, "", "", "-"},
		{MT_PROTO_POP3, "AUTH PLAIN\r\n" SECRET, "", "+/", "-"},
		{MT_PROTO_SUBMISSION, "EHLO x\r\nAUTH PLAIN " SECRET "\r\nMAIL FROM:<>\r\n",
		 "EHLO x\r\n", "235/", "MAIL FROM:<>\r\n"},
		{MT_PROTO_SUBMISSION, "AUTH PLAIN\r\n" SECRET "\r\n", "", "334/235/", "-"},
		{MT_PROTO_SUBMISSION, "AUTH XOAUTH2 " SECRET "\r\n", "", "235/", "-"},
		{MT_PROTO_SUBMISSION, "AUTH SCRAM-SHA-256 " SECRET "\r\nAUTH LOGIN\r\n*\r\n", "",
		 "504/334/501/", "-"},
		{MT_PROTO_SUBMISSION, "HELO x\r\nRSET\r\nnoop\r\nAUTH PLAIN " SECRET "\r\n",
		 "HELO x\r\nRSET\r\nnoop\r\n", "235/", "-"},
		{MT_PROTO_POP3, "USER me\r\nPASS a\r\nUSER me\r\nPASS " SECRET "\r\nSTAT\r\n", "",
		 "+OK/+OK/+OK/+OK/", "STAT\r\n"},
		{MT_PROTO_SUBMISSION,
		 "AUTH PLAIN a\r\nEHLO x\r\nAUTH PLAIN " SECRET "\r\nRSET\r\nMAIL\r\n",
		 "EHLO x\r\nRSET\r\n", "235/235/", "MAIL\r\n"},
	};

	for (size_t i = 0; i < MT_ARRAY_SIZE(rows); i++)
		stand_in(&rows[i]);
}

/* R-5.5-11: nor does one that has not heard the PREAUTH. */
static void
a_login_in_imap_is_bad_and_goes_nowhere(void **state)
{
	static const struct stand_in_row rows[] = {
		{MT_PROTO_IMAP, "a LOGIN me " SECRET "\r\nb SELECT x\r\n", "", "a BAD mailtrust/",
		 "b SELECT x\r\n"},
		{MT_PROTO_IMAP, "a CAPABILITY\r\nb ID NIL\r\nc login me " SECRET "\r\nd NOOP\r\n",
		 "a CAPABILITY\r\nb ID NIL\r\nd NOOP\r\n", "c BAD mailtrust/", "-"},
		{MT_PROTO_IMAP, "a LOGIN {2+}\r\nme {8+}\r\n" SECRET "\r\nb SELECT x\r\n", "",
		 "a BAD mailtrust/", "b SELECT x\r\n"},
		{MT_PROTO_IMAP, "a LOGIN {2}\r\nme {8}\r\n" SECRET "\r\nb SELECT x\r\n", "",
		 "+ mailtrust/+ mailtrust/a BAD mailtrust/", "b SELECT x\r\n"},
		{MT_PROTO_IMAP, "a LOGIN me {19+}\r\nx\r\nb SELECT " SECRET "\r\nc FETCH\r\n", "",
		 "a BAD mailtrust/", "c FETCH\r\n"},
		{MT_PROTO_IMAP, "a LOGIN me {8+}\r\n" SECRET, "", "", "-"},
		{MT_PROTO_IMAP, "a LOGIN me {99999999999999999999+}\r\n" SECRET "\r\nb FETCH\r\n",
		 "", "", "-"},
		{MT_PROTO_IMAP, "a AUTHENTICATE PLAIN " SECRET "\r\n", "", "a BAD mailtrust/", "-"},
		{MT_PROTO_IMAP, "a AUTHENTICATE PLAIN\r\n" SECRET "\r\n", "",
		 "a BAD mailtrust/* BAD mailtrust/", "-"},
		{MT_PROTO_IMAP, "a NOOP\rb LOGIN me " SECRET "\r\n", "", "a BAD mailtrust/", "-"},
		{MT_PROTO_IMAP, "a ID (\"name\" {3+}\r\nx)\r\n", "", "",
		 "a ID (\"name\" {3+}\r\nx)\r\n"},
	};

	for (size_t i = 0; i < MT_ARRAY_SIZE(rows); i++)
		stand_in(&rows[i]);
}

static void
a_program_that_knows_that_it_is_logged_in_is_not_looked_at(void **state)
{
	static const struct stand_in_row rows[] = {
		{MT_PROTO_POP3, "STAT\r\nLIST\r\n", "", "", "STAT\r\nLIST\r\n"},
		{MT_PROTO_POP3, "CAPA\r\nUIDL\r\n", "CAPA\r\n", "", "UIDL\r\n"},
		{MT_PROTO_SUBMISSION, "EHLO x\r\nMAIL FROM:<>\r\nRCPT\r\n", "EHLO x\r\n", "",
		 "MAIL FROM:<>\r\nRCPT\r\n"},
		{MT_PROTO_SUBMISSION, "nonsense\r\n", "", "", "nonsense\r\n"},
		{MT_PROTO_IMAP, "a CAPABILITY\r\nb LIST x y\r\nc LOGOUT\r\n", "a CAPABILITY\r\n",
		 "", "b LIST x y\r\nc LOGOUT\r\n"},
	};

	for (size_t i = 0; i < MT_ARRAY_SIZE(rows); i++)
		stand_in(&rows[i]);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_login_is_over_when_all_that_the_program_is_told_is_known),
		cmocka_unit_test(the_capabilities_are_those_of_after_the_login),
		cmocka_unit_test(a_password_is_answered_and_goes_nowhere),
		cmocka_unit_test(a_login_in_imap_is_bad_and_goes_nowhere),
		cmocka_unit_test(a_program_that_knows_that_it_is_logged_in_is_not_looked_at),
	};

	return cmocka_run_group_tests_name("login", tests, NULL, NULL);
}
