/* SPDX-License-Identifier: MIT */
/* Greetings and refusals. */

#include "clients/connect/speech.h"

#include <stdio.h>
#include <string.h>

#define READY "ready, checked by mailtrust"

/* The server goes away: RFC 9051 §7.1.5, RFC 1939 §3, RFC 5321 §4.2.3. */
static const char *const refusals[MT_PROTO_COUNT] = {
	[MT_PROTO_IMAP] = "* BYE",
	[MT_PROTO_POP3] = "-ERR",
	[MT_PROTO_SUBMISSION] = "421",
};

static size_t
greet_imap(const char *host, const struct mt_dialogue_facts *facts, bool in_tls, char *buffer)
{
	bool is_preauth = facts->preauth_in_tls || facts->preauth;
	/* a bracket would end the response code (RFC 9051 §9) */
	bool is_told = in_tls && facts->capabilities_read && !facts->capabilities_cut &&
		       !strchr(facts->capabilities, ']');

	return (size_t)snprintf(buffer, MT_SPEECH_SIZE, "* %s %s%s%s%s " READY "\r\n",
				is_preauth ? "PREAUTH" : "OK", is_told ? "[CAPABILITY " : "",
				is_told ? facts->capabilities : "", is_told ? "] " : "", host);
}

size_t
mt_speech_greeting(enum mt_proto proto, const char *host, const struct mt_dialogue_facts *facts,
		   bool in_tls, char buffer[static MT_SPEECH_SIZE])
{
	switch (proto) {
	case MT_PROTO_IMAP:
		return greet_imap(host, facts, in_tls, buffer);
	case MT_PROTO_POP3:
		return (size_t)snprintf(buffer, MT_SPEECH_SIZE, "+OK %s " READY "%s%s\r\n", host,
					facts->timestamp[0] ? " " : "", facts->timestamp);
	case MT_PROTO_SUBMISSION:
		return (size_t)snprintf(buffer, MT_SPEECH_SIZE, "220 %s ESMTP " READY "\r\n", host);
	case MT_PROTO_UNKNOWN:
		break;
	}
	return 0;
}

size_t
mt_speech_refusal(enum mt_proto proto, const char *why, char buffer[static MT_SPEECH_SIZE])
{
	char line[MT_SPEECH_SIZE / 2];
	size_t n = 0;

	if (!refusals[proto])
		return 0;
	for (; n < sizeof(line) - 1 && why[n]; n++)
		line[n] = why[n] >= ' ' && why[n] <= '~' ? why[n] : '?';
	line[n] = '\0';
	return (size_t)snprintf(buffer, MT_SPEECH_SIZE, "%s mailtrust: %s\r\n", refusals[proto],
				line);
}
