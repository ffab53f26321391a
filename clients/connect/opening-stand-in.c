/* SPDX-License-Identifier: MIT */
/* The opening of a program that is logged in already, and may not know it. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "clients/connect/opening-private.h"

/* Mechanisms whose client says what it has to say without reading what it is asked. Any other wants
 * proof of the server that only the password's keeper could give. */
static const struct mechanism {
	const char *name;
	unsigned n_lines;
	const char *prompts[2]; /* of the last line, and the one before */
} mechanisms[] = {
	{"PLAIN", 1, {""}},
	{"EXTERNAL", 1, {""}},
	{"OAUTHBEARER", 1, {""}},
	{"XOAUTH2", 1, {""}},
	{"LOGIN", 2, {"UGFzc3dvcmQ6", "VXNlcm5hbWU6"}},
};

/* RFC 1939 §3, RFC 5034 §4; RFC 4954 §4, §6. */
static const struct {
	const char *in, *ask, *cancelled, *no;
} words[MT_PROTO_COUNT] = {
	[MT_PROTO_POP3] = {"+OK mailtrust: logged in already", "+ ", "-ERR mailtrust: as you like",
			   "-ERR mailtrust: logged in already, without that"},
	[MT_PROTO_SUBMISSION] = {"235 2.7.0 mailtrust: logged in already", "334 ",
				 "501 5.7.0 mailtrust: as you like",
				 "504 5.5.4 mailtrust: logged in already, without that"},
};

static enum mt_opening_turn
answer(char *text, const char *what, const char *more)
{
	(void)snprintf(text, 128, "%s%s\r\n", what, more);
	return MT_OPENING_ANSWER;
}

static enum mt_opening_turn
ask_line(const struct mt_opening *o, char *text)
{
	return answer(text, words[o->proto].ask,
		      mechanisms[o->mechanism_index].prompts[o->n_lines - 1]);
}

/* That is no end of it: a second attempt is answered, too. */
static enum mt_opening_turn
let_in(const struct mt_opening *o, char *text)
{
	return answer(text, words[o->proto].in, "");
}

/* -- IMAP -------------------------------------------------------------------------------------- */

/* The octets that follow a line which announces them; whether the program waits to be told to. */
static size_t
count_octets(const uint8_t *line, size_t size, bool *ret_waits)
{
	size_t at = size - 1;

	*ret_waits = at > 0 && line[at - 1] != '+';
	while (line[at] != '{')
		at--;
	return strtoul((const char *)line + at + 1, NULL, 10);
}

/* A command, or what is left of it. Its literals are asked for, so that what is in them is known
 * from the next command also where the program did not wait. */
static enum mt_opening_turn
refuse(struct mt_opening *o, const uint8_t *line, size_t size, char text[static 128])
{
	bool waits;

	size = opening_bare_size(line, size);
	o->is_dropping = mt_line_has_literal((const char *)line, size);
	if (!o->is_dropping) {
		(void)snprintf(text, 128, "%s BAD mailtrust: logged in already\r\n", o->tag);
		return MT_OPENING_ANSWER;
	}
	o->n_octets = count_octets(line, size, &waits);
	(void)snprintf(text, 128, "%s", waits ? "+ mailtrust: go on\r\n" : "");
	return MT_OPENING_ANSWER;
}

enum mt_opening_turn
opening_drop_octets(struct mt_opening *o, size_t size, size_t *ret_size, char text[static 128])
{
	*ret_size = size < o->n_octets ? size : o->n_octets;
	o->n_octets -= *ret_size;
	text[0] = '\0';
	return MT_OPENING_ANSWER;
}

/* -- POP3, submission -------------------------------------------------------------------------- */

static enum mt_opening_turn
begin_mechanism(struct mt_opening *o, const struct command *command, char *text)
{
	for (size_t i = 0; i < MT_ARRAY_SIZE(mechanisms); i++) {
		if (strcasecmp(command->argument, mechanisms[i].name) != 0)
			continue;
		o->mechanism_index = i;
		o->n_lines = mechanisms[i].n_lines - (command->has_response ? 1 : 0);
		return o->n_lines > 0 ? ask_line(o, text) : let_in(o, text);
	}
	return answer(text, words[o->proto].no, "");
}

enum mt_opening_turn
opening_stand_in(struct mt_opening *o, const struct command *command, const uint8_t *line,
		 size_t size, char text[static 128])
{
	if (o->proto == MT_PROTO_IMAP) {
		memcpy(o->tag, command->tag, sizeof(o->tag));
		return refuse(o, line, size, text);
	}
	if (strcasecmp(command->verb, "AUTH") == 0)
		return begin_mechanism(o, command, text);
	if (strcasecmp(command->verb, "USER") == 0)
		return answer(text, words[o->proto].in, "");
	return let_in(o, text); /* PASS, APOP */
}

enum mt_opening_turn
opening_drop_line(struct mt_opening *o, const uint8_t *line, size_t size, char text[static 128])
{
	bool is_cancelled = line[0] == '*' && size <= 3;

	if (o->is_dropping)
		return refuse(o, line, size, text);
	o->n_lines = is_cancelled ? 0 : o->n_lines - 1;
	if (is_cancelled)
		return answer(text, words[o->proto].cancelled, "");
	return o->n_lines > 0 ? ask_line(o, text) : let_in(o, text);
}

bool
opening_may_follow_login(const struct command *command)
{
	static const char *const verbs[] = {"HELO", "ID", "NOOP", "RSET", "UTF8"};

	for (size_t i = 0; i < MT_ARRAY_SIZE(verbs); i++)
		if (strcasecmp(command->verb, verbs[i]) == 0)
			return true;
	return false;
}
