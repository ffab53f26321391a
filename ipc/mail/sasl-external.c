/* SPDX-License-Identifier: MIT */
/* SASL EXTERNAL: one row of words per protocol. */

#include "ipc/mail/sasl-external.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include <openssl/evp.h>

/* The command is the only one of this connection that has the tag. */
#define TAG "x1"

enum heard {
	HEARD_NONSENSE = 0,
	HEARD_OTHER,     /* untagged data, or a line of a reply that goes on */
	HEARD_CHALLENGE, /* a line is asked for */
	HEARD_NO,
	HEARD_OK
};

/* -- what a line is ---------------------------------------------------------------------------- */

static bool
starts_with(const char *line, const char *word)
{
	size_t size = strlen(word);

	return strncasecmp(line, word, size) == 0 && (line[size] == '\0' || line[size] == ' ');
}

static enum heard
hear_imap(const char *line, size_t size)
{
	/* RFC 9051 §7: nothing that may be said here has room for a literal */
	if (mt_line_has_literal(line, size))
		return HEARD_NONSENSE;
	if (line[0] == '+')
		return line[1] == ' ' || line[1] == '\0' ? HEARD_CHALLENGE : HEARD_NONSENSE;
	if (starts_with(line, "* BYE"))
		return HEARD_NO;
	if (strncmp(line, "* ", 2) == 0)
		return HEARD_OTHER;
	if (starts_with(line, TAG " OK"))
		return HEARD_OK;
	return starts_with(line, TAG " NO") || starts_with(line, TAG " BAD") ? HEARD_NO
									     : HEARD_NONSENSE;
}

static enum heard
hear_pop3(const char *line, size_t size)
{
	if (starts_with(line, "+OK"))
		return HEARD_OK;
	if (starts_with(line, "-ERR"))
		return HEARD_NO;
	return line[0] == '+' && (line[1] == ' ' || line[1] == '\0') ? HEARD_CHALLENGE
								     : HEARD_NONSENSE;
}

/* RFC 4954 §4: 334 asks for a line, 235 is success. No other reply of 2xx or 3xx makes sense. */
static enum heard
hear_submission(const char *line, size_t size)
{
	if (size < 3 || strspn(line, "0123456789") != 3 ||
	    (line[3] && line[3] != ' ' && line[3] != '-'))
		return HEARD_NONSENSE;
	if (line[0] == '4' || line[0] == '5')
		return line[3] == '-' ? HEARD_OTHER : HEARD_NO;
	if (strncmp(line, "235", 3) == 0)
		return line[3] == '-' ? HEARD_OTHER : HEARD_OK;
	return strncmp(line, "334", 3) == 0 && line[3] != '-' ? HEARD_CHALLENGE : HEARD_NONSENSE;
}

static const struct {
	const char *command;
	size_t line_max; /* CR LF included */
	enum heard (*hear)(const char *line, size_t size);
	bool skips_word; /* of a refusal: a tag or sign that says nothing to people */
} words[MT_PROTO_COUNT] = {
	[MT_PROTO_IMAP] = {TAG " AUTHENTICATE EXTERNAL", MT_AUTH_LINE_IMAP_MAX, hear_imap, true},
	[MT_PROTO_POP3] = {"AUTH EXTERNAL", MT_AUTH_LINE_POP3_MAX, hear_pop3, true},
	[MT_PROTO_SUBMISSION] = {"AUTH EXTERNAL", MT_AUTH_LINE_SUBMISSION_MAX, hear_submission,
				 false},
};

/* -- what is said ------------------------------------------------------------------------------ */

static void
say(struct mt_external *e, const char *line, const char *more)
{
	e->out_size = (size_t)snprintf(e->out, sizeof(e->out), "%s%s%s\r\n", line,
				       more[0] ? " " : "", more);
}

static void
finish(struct mt_external *e, enum mt_external_state state, const char *text)
{
	e->state = state;
	e->out_size = 0;
	(void)snprintf(e->text, sizeof(e->text), "%s", text);
}

/* The server's words are shown, not believed: printable, and one line. */
static void
refuse(struct mt_external *e, const char *line)
{
	size_t n, skip = words[e->proto].skips_word ? strcspn(line, " ") : 0;

	finish(e, MT_EXTERNAL_REFUSED,
	       e->is_cancelled ? "the server asks for more than a certificate: "
			       : "the server does not log this certificate in: ");
	n = strlen(e->text);
	for (const char *c = line + skip + (line[skip] == ' '); *c && n + 1 < sizeof(e->text); c++)
		e->text[n++] = *c >= ' ' && *c <= '~' ? *c : '?';
	e->text[n] = '\0';
}

bool
mt_external_is_authzid(const char *authzid)
{
	size_t size = strnlen(authzid, MT_AUTHZID_MAX + 1);

	if (size == 0 || size > MT_AUTHZID_MAX)
		return false;
	for (size_t i = 0; i < size; i++)
		if ((unsigned char)authzid[i] < ' ' || authzid[i] == 0x7f)
			return false;
	return true;
}

void
mt_external_init(struct mt_external *e, enum mt_proto proto, bool has_sasl_ir, const char *authzid)
{
	bool takes_response = proto != MT_PROTO_IMAP || has_sasl_ir;
	const char *initial;

	memset(e, 0, sizeof(*e));
	e->proto = proto;
	if (proto == MT_PROTO_UNKNOWN ||
	    (authzid && authzid[0] && !mt_external_is_authzid(authzid))) {
		finish(e, MT_EXTERNAL_FAULT, "there is no such identity to act for");
		return;
	}
	if (authzid)
		(void)EVP_EncodeBlock((unsigned char *)e->response, (const unsigned char *)authzid,
				      (int)strlen(authzid));
	initial = e->response[0] ? e->response : "=";
	e->state = MT_EXTERNAL_READING;
	e->has_response =
		!takes_response ||
		strlen(words[proto].command) + 1 + strlen(initial) + 2 > words[proto].line_max;
	say(e, words[proto].command, e->has_response ? "" : initial);
}

/* -- what comes -------------------------------------------------------------------------------- */

static void
challenged(struct mt_external *e)
{
	if (e->has_response) {
		e->has_response = false;
		say(e, e->response, "");
	} else if (!e->is_cancelled) {
		e->is_cancelled = true;
		say(e, "*", "");
	} else {
		finish(e, MT_EXTERNAL_FAULT,
		       "the server goes on asking for more than a certificate");
	}
}

static void
hear(struct mt_external *e)
{
	const char *line = e->lines.text;
	enum heard heard = words[e->proto].hear(line, e->lines.size);

	/* what came before the question is no answer to it, and nobody logs in by being cancelled
	 */
	if (e->out_size > 0 && heard != HEARD_OTHER)
		heard = HEARD_NONSENSE;
	if (heard == HEARD_OK && (e->has_response || e->is_cancelled))
		heard = HEARD_NONSENSE;
	switch (heard) {
	case HEARD_NONSENSE:
		finish(e, MT_EXTERNAL_FAULT, "the server's answer to the login made no sense");
		break;
	case HEARD_OTHER:
		break;
	case HEARD_CHALLENGE:
		challenged(e);
		break;
	case HEARD_NO:
		refuse(e, line);
		break;
	case HEARD_OK:
		finish(e, MT_EXTERNAL_LOGGED_IN, "the server has logged the certificate in");
		break;
	}
}

size_t
mt_external_feed(struct mt_external *e, const uint8_t *data, size_t size)
{
	size_t taken = 0;

	while (taken < size && e->state == MT_EXTERNAL_READING) {
		enum mt_line_state state;
		size_t n = mt_lines_take(&e->lines, data + taken, size - taken, &state);

		taken += n;
		e->n_bytes += n;
		if (state == MT_LINE_READY)
			e->n_lines++;
		if (state == MT_LINE_FAULT || e->n_lines > MT_REPLY_LINES_MAX ||
		    e->n_bytes > MT_REPLY_BYTES_MAX)
			finish(e, MT_EXTERNAL_FAULT, "the server's answer to the login has no end");
		else if (state == MT_LINE_READY)
			hear(e);
	}
	return taken;
}

void
mt_external_end(struct mt_external *e)
{
	if (e->state == MT_EXTERNAL_READING)
		finish(e, MT_EXTERNAL_FAULT, "the server did not answer the login");
}
