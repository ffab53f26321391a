/* SPDX-License-Identifier: MIT */
/* The dialogue as tables: one row of verbs and readers per protocol. */

#include "ipc/mail/dialogue.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "ipc/mail/dialogue-private.h"

static bool
starts_with(const char *line, const char *word)
{
	size_t size = strlen(word);

	return strncasecmp(line, word, size) == 0 &&
	       (line[size] == '\0' || line[size] == ' ' || line[size] == '\t');
}

/* -- IMAP, RFC 3501 and RFC 9051 --------------------------------------------------------------- */

static enum heard
imap_greeting(struct mt_dialogue *d, const char *line)
{
	if (starts_with(line, "* OK"))
		return HEARD_OK;
	return starts_with(line, "* PREAUTH") ? HEARD_PREAUTH : HEARD_NONSENSE;
}

/* The tagged reply to the command sent last; untagged data is for the caller. */
static enum heard
imap_reply(struct mt_dialogue *d, const char *line)
{
	char tag[16];
	size_t size = (size_t)snprintf(tag, sizeof(tag), "a%u ", d->tag);

	if (starts_with(line, "* BYE"))
		return HEARD_NONSENSE;
	if (strncmp(line, "* ", 2) == 0)
		return HEARD_OTHER;
	if (strncmp(line, tag, size) != 0)
		return HEARD_NONSENSE;
	if (starts_with(line + size, "OK"))
		return HEARD_OK;
	return starts_with(line + size, "NO") || starts_with(line + size, "BAD") ? HEARD_NO
										 : HEARD_NONSENSE;
}

static enum heard
imap_capability(struct mt_dialogue *d, const char *line)
{
	if (starts_with(line, "* CAPABILITY")) {
		dialogue_note_words(d, line + strlen("* CAPABILITY"));
		return HEARD_MORE;
	}
	return imap_reply(d, line);
}

/* -- POP3, RFC 1939, RFC 2449, RFC 2595 -------------------------------------------------------- */

static enum heard
pop3_reply(struct mt_dialogue *d, const char *line)
{
	if (starts_with(line, "+OK"))
		return HEARD_OK;
	return starts_with(line, "-ERR") ? HEARD_NO : HEARD_NONSENSE;
}

/* RFC 1939 §7, RFC 822 §4.6.2: "<", printable characters with one "@" in between, ">". What is no
 * such thing is none: a challenge that need not be one has been used against APOP (CVE-2007-1558).
 */
static bool
is_timestamp(const char *text, size_t size)
{
	size_t n_at = 0;

	if (size < 5 || size >= MT_TIMESTAMP_SIZE || text[1] == '@' || text[size - 2] == '@')
		return false;
	for (size_t i = 1; i < size - 1; i++) {
		if (!isgraph((unsigned char)text[i]) || text[i] == '<')
			return false;
		n_at += text[i] == '@';
	}
	return n_at == 1;
}

static void
note_timestamp(struct mt_dialogue *d, const char *line)
{
	const char *start = strchr(line, '<'), *end = start ? strchr(start, '>') : NULL;

	if (end && is_timestamp(start, (size_t)(end - start) + 1))
		(void)snprintf(d->facts.timestamp, sizeof(d->facts.timestamp), "%.*s",
			       (int)(end - start) + 1, start);
}

static enum heard
pop3_greeting(struct mt_dialogue *d, const char *line)
{
	if (!starts_with(line, "+OK"))
		return HEARD_NONSENSE;
	if (d->in_tls) /* D-STLS-11: not one that anybody could have said */
		note_timestamp(d, line);
	return HEARD_OK;
}

static enum heard
pop3_capability(struct mt_dialogue *d, const char *line)
{
	enum heard first;

	if (!d->reply_started) {
		first = pop3_reply(d, line);
		d->reply_started = first == HEARD_OK;
		return first == HEARD_OK ? HEARD_MORE : first;
	}
	if (strcmp(line, ".") == 0)
		return HEARD_OK;
	dialogue_note_line(d, line);
	return HEARD_MORE;
}

/* -- submission, RFC 5321 §4.2, RFC 3207 ------------------------------------------------------- */

/* One line of a reply: the code, and whether more follow. Return: the code, or -1. */
static int
smtp_code(const char *line, bool *ret_more)
{
	if (!isdigit((unsigned char)line[0]) || !isdigit((unsigned char)line[1]) ||
	    !isdigit((unsigned char)line[2]) || (line[3] && line[3] != ' ' && line[3] != '-'))
		return -1;
	*ret_more = line[3] == '-';
	return (line[0] - '0') * 100 + (line[1] - '0') * 10 + (line[2] - '0');
}

static enum heard
smtp_expect(const char *line, int wanted)
{
	bool more = false;
	int code = smtp_code(line, &more);

	if (code < 200 || code > 599)
		return HEARD_NONSENSE;
	if (code != wanted)
		return more ? HEARD_MORE : HEARD_NO;
	return more ? HEARD_MORE : HEARD_OK;
}

static enum heard
smtp_greeting(struct mt_dialogue *d, const char *line)
{
	enum heard heard = smtp_expect(line, 220);

	return heard == HEARD_NO ? HEARD_NONSENSE : heard;
}

static enum heard
smtp_capability(struct mt_dialogue *d, const char *line)
{
	enum heard heard = smtp_expect(line, 250);

	/* The first line names the server; what it says is no keyword. */
	if (heard != HEARD_NONSENSE && d->reply_started && strlen(line) > 4 && line[0] == '2')
		dialogue_note_line(d, line + 4);
	d->reply_started = true;
	return heard;
}

static enum heard
smtp_reply(struct mt_dialogue *d, const char *line)
{
	return smtp_expect(line, 220);
}

/* The argument of EHLO is a literal: no name of host or user goes out before TLS (D-STLS-16). */
static const struct mt_verbs verbs[MT_PROTO_COUNT] = {
	[MT_PROTO_IMAP] = {true,
			   "CAPABILITY",
			   "STARTTLS",
			   "LOGOUT",
			   "STARTTLS",
			   {imap_greeting, imap_capability, imap_reply}},
	[MT_PROTO_POP3] = {false,
			   "CAPA",
			   "STLS",
			   "QUIT",
			   "STLS",
			   {pop3_greeting, pop3_capability, pop3_reply}},
	[MT_PROTO_SUBMISSION] = {false,
				 "EHLO [127.0.0.1]",
				 "STARTTLS",
				 "QUIT",
				 "STARTTLS",
				 {smtp_greeting, smtp_capability, smtp_reply}},
};

/* -- the machine ------------------------------------------------------------------------------- */

static void
append(struct mt_dialogue *d, const char *tag, const char *verb)
{
	d->out_size += (size_t)snprintf(d->out + d->out_size, sizeof(d->out) - d->out_size,
					"%s%s\r\n", tag, verb);
}

static void
say(struct mt_dialogue *d, const char *verb)
{
	char tag[16] = "";

	if (d->verbs->is_tagged)
		(void)snprintf(tag, sizeof(tag), "a%u ", ++d->tag);
	d->out_size = 0;
	append(d, tag, verb);
	d->n_lines = 0;
	d->n_bytes = 0;
	d->reply_started = false;
}

static void
finish(struct mt_dialogue *d, enum mt_dialogue_state state)
{
	d->state = state;
	d->at = AT_END;
}

/* Nonsense before TLS is what row 17 calls a bad greeting; at the upgrade it is a refusal. */
static void
fault(struct mt_dialogue *d)
{
	if (!d->in_tls && d->at == AT_UPGRADE)
		d->facts.refused = true;
	else if (!d->in_tls)
		d->facts.bad_greeting = true;
	d->out_size = 0;
	finish(d, MT_DIALOGUE_FAULT);
}

static void
ask_capabilities(struct mt_dialogue *d)
{
	d->at = AT_CAPABILITIES;
	say(d, d->verbs->capabilities);
}

static void
greeted(struct mt_dialogue *d, enum heard heard)
{
	if (heard == HEARD_OK) {
		ask_capabilities(d);
	} else if (heard == HEARD_PREAUTH && d->in_tls) {
		d->facts.preauth_in_tls = true;
		ask_capabilities(d);
	} else if (heard == HEARD_PREAUTH) {
		/* RFC 9051 §6.2.1: a known trick; nothing after it can be trusted */
		d->facts.preauth = true;
		finish(d, MT_DIALOGUE_DONE);
	}
}

static void
told_capabilities(struct mt_dialogue *d, enum heard heard)
{
	if (heard != HEARD_OK && heard != HEARD_NO)
		return;
	d->facts.capabilities_read = heard == HEARD_OK;
	if (d->in_tls || !d->facts.offered) {
		finish(d, MT_DIALOGUE_DONE);
		return;
	}
	d->at = AT_UPGRADE;
	d->is_upgrading = true;
	say(d, d->verbs->upgrade);
	if (d->injects)
		append(d, d->verbs->is_tagged ? "injected " : "", "NOOP");
}

static void
answered_upgrade(struct mt_dialogue *d, enum heard heard)
{
	if (heard == HEARD_OK) {
		finish(d, MT_DIALOGUE_UPGRADE);
	} else if (heard == HEARD_NO) {
		d->facts.refused = true;
		d->is_upgrading = false;
		finish(d, MT_DIALOGUE_DONE);
	}
}

static enum heard
understand(struct mt_dialogue *d, const char *line)
{
	const struct mt_verbs *v = d->verbs;

	/* To a question that was put before TLS, anything is an answer. */
	if (d->at == AT_INJECTION)
		return HEARD_OK;
	/* RFC 3501 §7: nothing that may be said here has room for a literal */
	if (v->is_tagged && mt_line_has_literal(line, d->lines.size))
		return HEARD_NONSENSE;
	/* What came before the question was sent is no answer to it. */
	if (d->out_size > 0)
		return v->readers[AT_UPGRADE](d, line) == HEARD_OTHER ? HEARD_OTHER
								      : HEARD_NONSENSE;
	return v->readers[d->at](d, line);
}

static void
hear(struct mt_dialogue *d)
{
	enum heard heard = understand(d, d->lines.text);

	if (heard == HEARD_OTHER && !d->in_tls)
		d->facts.other_responses++;
	if (heard == HEARD_NONSENSE) {
		fault(d);
		return;
	}
	switch (d->at) {
	case AT_GREETING:
		greeted(d, heard);
		break;
	case AT_CAPABILITIES:
		told_capabilities(d, heard);
		break;
	case AT_UPGRADE:
		answered_upgrade(d, heard);
		break;
	case AT_INJECTION:
		d->facts.injection_answered = true;
		finish(d, MT_DIALOGUE_DONE);
		break;
	case AT_END:
		break;
	}
}

void
mt_dialogue_init(struct mt_dialogue *d, enum mt_proto proto, bool in_tls)
{
	memset(d, 0, sizeof(*d));
	d->verbs = &verbs[proto];
	d->in_tls = in_tls;
	d->state = proto == MT_PROTO_UNKNOWN ? MT_DIALOGUE_FAULT : MT_DIALOGUE_READING;
	d->at = proto == MT_PROTO_UNKNOWN ? AT_END : AT_GREETING;
}

void
mt_dialogue_init_again(struct mt_dialogue *d, enum mt_proto proto)
{
	mt_dialogue_init(d, proto, true);
	if (d->state == MT_DIALOGUE_READING)
		ask_capabilities(d);
}

void
mt_dialogue_inject(struct mt_dialogue *d)
{
	d->injects = true;
}

void
mt_dialogue_enter_tls(struct mt_dialogue *d)
{
	d->in_tls = true;
	d->is_upgrading = false;
	d->state = MT_DIALOGUE_READING;
	dialogue_forget_capabilities(d);
	memset(&d->lines, 0, sizeof(d->lines));
	/* The server gives no second greeting after an upgrade: whatever comes now is an answer. */
	if (d->injects)
		d->at = AT_INJECTION;
	else
		ask_capabilities(d);
}

/* Bytes that were there before we asked, or behind the answer, are not the server's word. */
static void
note_injected(struct mt_dialogue *d, size_t size)
{
	d->facts.buffered_bytes += (uint32_t)size;
	d->out_size = 0;
	finish(d, MT_DIALOGUE_DONE);
}

size_t
mt_dialogue_feed(struct mt_dialogue *d, const uint8_t *data, size_t size)
{
	size_t taken = 0;

	while (taken < size && d->state == MT_DIALOGUE_READING) {
		bool was_upgrading = d->at == AT_UPGRADE;
		enum mt_line_state state;
		size_t n = mt_lines_take(&d->lines, data + taken, size - taken, &state);

		taken += n;
		d->n_bytes += n;
		if (state == MT_LINE_READY)
			d->n_lines++;
		if (state == MT_LINE_FAULT || d->n_lines > MT_REPLY_LINES_MAX ||
		    d->n_bytes > MT_REPLY_BYTES_MAX)
			fault(d);
		else if (state == MT_LINE_READY)
			hear(d);
		if (taken < size && !d->in_tls &&
		    ((d->at == AT_UPGRADE && !was_upgrading) || d->state == MT_DIALOGUE_UPGRADE))
			note_injected(d, size - taken);
	}
	return taken;
}

void
mt_dialogue_end(struct mt_dialogue *d)
{
	if (d->state == MT_DIALOGUE_READING && d->at == AT_INJECTION)
		finish(d, MT_DIALOGUE_DONE); /* silence is what a sound server has to say */
	else if (d->state == MT_DIALOGUE_READING)
		fault(d);
}

void
mt_dialogue_logout(struct mt_dialogue *d)
{
	if (d->state == MT_DIALOGUE_READING)
		finish(d, MT_DIALOGUE_DONE);
	if (!d->is_upgrading && d->verbs->logout)
		say(d, d->verbs->logout);
}
