/* SPDX-License-Identifier: MIT */
/* The opening: one command, one reply, until somebody is logged in. */

#include "clients/connect/opening.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "clients/connect/opening-private.h"

void
mt_opening_init(struct mt_opening *o, enum mt_proto proto)
{
	memset(o, 0, sizeof(*o));
	o->proto = proto;
}

void
mt_opening_stand_in(struct mt_opening *o)
{
	o->stands_in = true;
}

/* -- the program ------------------------------------------------------------------------------- */

/* Takes one word from a line; one too long for any command becomes "". */
static const char *
take_word(const char *at, const char *end, char word[static WORD_SIZE])
{
	size_t n = 0;

	while (at + n < end && !isspace((unsigned char)at[n]))
		n++;
	(void)snprintf(word, WORD_SIZE, "%.*s", n < WORD_SIZE ? (int)n : 0, at);
	at += n;
	while (at < end && *at == ' ')
		at++;
	return at;
}

static void
parse_command(enum mt_proto proto, const uint8_t *data, size_t size, struct command *ret)
{
	const char *at = (const char *)data, *end = at + size;

	*ret = (struct command){0};
	if (proto == MT_PROTO_IMAP)
		at = take_word(at, end, ret->tag);
	at = take_word(at, end, ret->verb);
	at = take_word(at, end, ret->argument);
	ret->has_response = at < end && !isspace((unsigned char)*at);
}

/* The mechanism an authentication command names; for commands that are one, the command. */
static const char *
mechanism_of(const struct command *command)
{
	static const struct {
		const char *verb, *mechanism;
	} named[] = {{"LOGIN", "LOGIN"}, {"USER", "USER"}, {"PASS", "USER"}, {"APOP", "APOP"}};

	for (size_t i = 0; i < MT_ARRAY_SIZE(named); i++)
		if (strcasecmp(command->verb, named[i].verb) == 0)
			return named[i].mechanism;
	return command->argument;
}

static void
set_mechanism(struct mt_opening *o, const char *mechanism)
{
	if (strcasecmp(o->mechanism, mechanism) == 0)
		return;
	o->is_allowed = false;
	(void)snprintf(o->mechanism, sizeof(o->mechanism), "%s", mechanism);
	for (char *c = o->mechanism; *c; c++)
		*c = (char)toupper((unsigned char)*c);
}

enum refusal { LOG_IN_FIRST, NO_COMMAND };

/* In the program's protocol: not now, or not at all. */
static enum mt_opening_turn
answer(const struct mt_opening *o, const struct command *command, enum refusal refusal,
       char text[static 128])
{
	static const char *const words[MT_PROTO_COUNT][2] = {
		[MT_PROTO_IMAP] = {"BAD mailtrust: log in first", "BAD mailtrust: no command"},
		[MT_PROTO_POP3] = {"-ERR mailtrust: log in first", "-ERR mailtrust: no command"},
		/* RFC 4954 §6, RFC 5321 §4.2.2 */
		[MT_PROTO_SUBMISSION] = {"530 5.7.0 mailtrust: log in first",
					 "500 5.5.2 mailtrust: no command"},
	};
	const char *tag = command->tag[0] && command->verb[0] ? command->tag : "*";

	(void)snprintf(text, 128, "%s%s%s\r\n", o->proto == MT_PROTO_IMAP ? tag : "",
		       o->proto == MT_PROTO_IMAP ? " " : "", words[o->proto][refusal]);
	return MT_OPENING_ANSWER;
}

/* A line that goes out, and what the server's answer to it will be. */
static enum mt_opening_turn
pass(struct mt_opening *o, const struct command *command, bool logs_in)
{
	o->waits = logs_in ? FOR_LOGIN : FOR_REPLY;
	o->is_first = strcasecmp(command->verb, "USER") == 0;
	o->is_multi = strcasecmp(command->verb, "CAPA") == 0;
	o->has_literals =
		logs_in && o->proto == MT_PROTO_IMAP && strcasecmp(command->verb, "LOGIN") == 0;
	memcpy(o->tag, command->tag, sizeof(o->tag));
	return MT_OPENING_PASS;
}

/* From here on nothing is looked at, the command in hand included. */
static enum mt_opening_turn
finish(struct mt_opening *o, size_t *ret_size)
{
	o->is_logged_in = true;
	*ret_size = 0;
	return MT_OPENING_PASS;
}

static enum mt_opening_turn
look_standing_in(struct mt_opening *o, const struct command *command, const uint8_t *line,
		 size_t *ret_size, char text[static 128])
{
	/* a response that was sent without waiting to be asked for it is a line of one word */
	if (o->proto == MT_PROTO_IMAP && !command->verb[0])
		return answer(o, command, NO_COMMAND, text);
	switch (mt_op_of_verb(o->proto, command->verb)) {
	case MT_OP_CAPABILITY:
		return pass(o, command, false);
	case MT_OP_AUTHENTICATE:
		return opening_stand_in(o, command, line, *ret_size, text);
	case MT_OP_STARTTLS:
	case MT_OP_UNKNOWN:
	case MT_OP_TEST:
	case MT_OP_ACCESS:
	case MT_OP_SUBMIT:
		break;
	}
	if (!opening_may_follow_login(command) ||
	    mt_line_has_literal((const char *)line, opening_bare_size(line, *ret_size)))
		return finish(o, ret_size);
	return pass(o, command, false);
}

static enum mt_opening_turn
look_at_command(struct mt_opening *o, const struct command *command, char text[static 128])
{
	const char *mechanism;

	switch (mt_op_of_verb(o->proto, command->verb)) {
	case MT_OP_CAPABILITY:
		return pass(o, command, false);
	case MT_OP_AUTHENTICATE:
		mechanism = mechanism_of(command);
		if (!*mechanism)
			return answer(o, command, LOG_IN_FIRST, text);
		set_mechanism(o, mechanism);
		return o->is_allowed ? pass(o, command, true) : MT_OPENING_ASK;
	case MT_OP_STARTTLS: /* it is done, or was refused; there is no second attempt (D-STLS-07)
			      */
	case MT_OP_UNKNOWN:
	case MT_OP_TEST:
	case MT_OP_ACCESS:
	case MT_OP_SUBMIT:
		break;
	}
	return answer(o, command, LOG_IN_FIRST, text);
}

/* "{12+}" at the end of a line: the rest follows unasked (RFC 7888). Of all that passes only LOGIN
 * has such parts: behind any other command the next line is a command, and looked at. */
static bool
announces_more(const struct mt_opening *o, const uint8_t *data, size_t size)
{
	size = opening_bare_size(data, size);
	return o->has_literals && size > 1 && data[size - 1] == '}' && data[size - 2] == '+';
}

size_t
opening_bare_size(const uint8_t *line, size_t size)
{
	if (size > 0 && line[size - 1] == '\n')
		size--;
	if (size > 0 && line[size - 1] == '\r')
		size--;
	return size;
}

/* One command, for whoever reads it: some servers end lines at a CR or a NUL, and would find in it
 * what was not looked at here. */
static bool
is_one_line(const uint8_t *data, size_t size)
{
	size = opening_bare_size(data, size);
	return !memchr(data, '\r', size) && !memchr(data, '\0', size);
}

/* What can be answered by its tag, and ends with the line where it has no parts. */
static bool
is_command(const struct mt_opening *o, const struct command *command, const uint8_t *data,
	   size_t size)
{
	if (!is_one_line(data, size))
		return false;
	if (o->proto != MT_PROTO_IMAP)
		return true;
	return command->tag[0] &&
	       (mt_op_of_verb(o->proto, command->verb) != MT_OP_CAPABILITY ||
		!mt_line_has_literal((const char *)data, opening_bare_size(data, size)));
}

static enum mt_opening_turn
look_at_line(struct mt_opening *o, const uint8_t *data, size_t *ret_size, char text[static 128])
{
	struct command command;
	enum mt_opening_turn turn;

	parse_command(o->proto, data, *ret_size, &command);
	if (!is_command(o, &command, data, *ret_size))
		return answer(o, &command, NO_COMMAND, text);
	if (o->stands_in)
		return look_standing_in(o, &command, data, ret_size, text);
	turn = look_at_command(o, &command, text);
	if (turn == MT_OPENING_PASS)
		o->passes_line = announces_more(o, data, *ret_size);
	return turn;
}

enum mt_opening_turn
mt_opening_look(struct mt_opening *o, const uint8_t *data, size_t size, size_t *ret_size,
		char text[static 128])
{
	const uint8_t *end = memchr(data, '\n', size);

	if (o->n_octets > 0 && size > 0)
		return opening_drop_octets(o, size, ret_size, text);
	if (!end || o->is_fault || (o->waits != FOR_COMMAND && !o->passes_line))
		return MT_OPENING_WAIT;
	*ret_size = (size_t)(end - data) + 1;
	if (o->waits != FOR_COMMAND) {
		o->passes_line = announces_more(o, data, *ret_size);
		return MT_OPENING_PASS;
	}
	if (o->n_lines > 0 || o->is_dropping)
		return opening_drop_line(o, data, *ret_size, text);
	return look_at_line(o, data, ret_size, text);
}

void
mt_opening_allowed(struct mt_opening *o)
{
	o->is_allowed = true;
}

/* -- the server -------------------------------------------------------------------------------- */

enum reply { REPLY_MORE = 0, REPLY_CONTINUE, REPLY_OK, REPLY_NO };

static enum reply
read_imap(const struct mt_opening *o, const char *line)
{
	size_t size = strlen(o->tag);

	if (line[0] == '+')
		return REPLY_CONTINUE;
	if (strncmp(line, o->tag, size) != 0 || line[size] != ' ')
		return REPLY_MORE;
	return strncasecmp(line + size + 1, "OK", 2) == 0 ? REPLY_OK : REPLY_NO;
}

static enum reply
read_pop3(struct mt_opening *o, const char *line)
{
	if (strncasecmp(line, "-ERR", 4) == 0)
		return REPLY_NO;
	if (strcmp(line, ".") == 0)
		return REPLY_OK;
	if (strncasecmp(line, "+OK", 3) == 0)
		return o->is_multi ? REPLY_MORE : REPLY_OK;
	return line[0] == '+' ? REPLY_CONTINUE : REPLY_MORE;
}

/* RFC 4954 §4: 334 asks for a line, 235 is success. */
static enum reply
read_smtp(const char *line)
{
	if (strlen(line) > 3 && line[3] == '-')
		return REPLY_MORE;
	if (strncmp(line, "334", 3) == 0)
		return REPLY_CONTINUE;
	return line[0] == '2' ? REPLY_OK : REPLY_NO;
}

static void
hear_line(struct mt_opening *o, const char *line)
{
	enum reply reply = o->proto == MT_PROTO_IMAP   ? read_imap(o, line)
			   : o->proto == MT_PROTO_POP3 ? read_pop3(o, line)
						       : read_smtp(line);

	if (o->waits == FOR_COMMAND || reply == REPLY_MORE)
		return;
	if (reply == REPLY_CONTINUE) {
		o->passes_line = o->waits == FOR_LOGIN;
		return;
	}
	o->is_logged_in = o->waits == FOR_LOGIN && reply == REPLY_OK && !o->is_first;
	o->waits = FOR_COMMAND;
	o->passes_line = false;
}

void
mt_opening_heard(struct mt_opening *o, const uint8_t *data, size_t size)
{
	size_t taken = 0;

	while (taken < size && !o->is_logged_in && !o->is_fault) {
		enum mt_line_state state;

		taken += mt_lines_take(&o->lines, data + taken, size - taken, &state);
		if (state == MT_LINE_FAULT)
			o->is_fault = true;
		else if (state == MT_LINE_READY)
			hear_line(o, o->lines.text);
	}
}
