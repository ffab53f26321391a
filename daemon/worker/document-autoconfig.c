/* SPDX-License-Identifier: MIT */
/*
 * autoconfig: config-v1.1.xml through expat.
 *
 *   clientConfig / emailProvider / incomingServer type="imap|pop3", outgoingServer type="smtp" /
 *   hostname, port, socketType
 *
 * and nothing else. A server is what stands between its tags, and counts when they close.
 */

#include "daemon/worker/document.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <expat.h>

#include "policy/domain.h"

_Static_assert(sizeof(XML_Char) == sizeof(char), "expat speaks UTF-8");

enum { ROOT = 1, PROVIDER, SERVER, FIELD }; /* depth of what is read */
enum field { HOSTNAME = 0, PORT, SOCKET_TYPE, N_FIELDS };

#define TEXT_SIZE MT_DOMAIN_SIZE

struct reading {
	XML_Parser parser;
	struct mt_document *document;
	const char *domain;
	bool is_bad;
	unsigned int depth, n_elements;
	/* How deep the path to what is open is one of ours: as depth, or less. */
	unsigned int known;
	enum mt_proto proto; /* of the server that is open */
	unsigned int n_seen[N_FIELDS];
	char text[N_FIELDS][TEXT_SIZE];
	size_t text_size[N_FIELDS]; /* may be beyond what was kept: then it is no value */
	enum field field;           /* that is open, at depth FIELD */
};

static void
refuse(struct reading *reading)
{
	reading->is_bad = true;
	(void)XML_StopParser(reading->parser, XML_FALSE);
}

/* -- one server -------------------------------------------------------------------------------- */

static const struct {
	const char *element, *type;
	enum mt_proto proto;
} server_types[] = {
	{"incomingServer", "imap", MT_PROTO_IMAP},
	{"incomingServer", "pop3", MT_PROTO_POP3},
	{"outgoingServer", "smtp", MT_PROTO_SUBMISSION},
};

static const char *
find_attribute(const char **attributes, const char *name)
{
	for (; *attributes; attributes += 2)
		if (strcmp(attributes[0], name) == 0)
			return attributes[1];
	return "";
}

/* Return: the protocol; UNKNOWN for calendars, chats and what else there may be. */
static enum mt_proto
find_proto(const char *element, const char **attributes)
{
	const char *type = find_attribute(attributes, "type");

	for (size_t i = 0; i < MT_ARRAY_SIZE(server_types); i++)
		if (strcmp(server_types[i].element, element) == 0 &&
		    strcmp(server_types[i].type, type) == 0)
			return server_types[i].proto;
	return MT_PROTO_UNKNOWN;
}

static int
find_field(const char *element)
{
	static const char *const fields[N_FIELDS] = {"hostname", "port", "socketType"};

	for (int i = 0; i < N_FIELDS; i++)
		if (strcmp(fields[i], element) == 0)
			return i;
	return -1;
}

/* D-DISC-03. Return: 0, or 1 where it is none of the draft's words. */
static int
read_transport(const char *text, enum mt_transport *ret)
{
	static const struct {
		const char *word;
		enum mt_transport transport;
	} words[] = {
		{"SSL", MT_TRANSPORT_IMPLICIT},
		{"STARTTLS", MT_TRANSPORT_STARTTLS},
		{"plain", MT_TRANSPORT_NONE},
	};

	for (size_t i = 0; i < MT_ARRAY_SIZE(words); i++)
		if (strcasecmp(words[i].word, text) == 0) {
			*ret = words[i].transport;
			return 0;
		}
	return 1;
}

/* Digits; 0 where it is no port. */
static uint16_t
read_port(const char *text)
{
	unsigned int port = 0;

	if (*text == '\0' || strlen(text) > 5)
		return 0;
	for (; *text; text++) {
		if (*text < '0' || *text > '9')
			return 0;
		port = port * 10 + (unsigned int)(*text - '0');
	}
	return port <= UINT16_MAX ? (uint16_t)port : 0;
}

/* Puts the domain where %EMAILDOMAIN% stands as whole labels: "imap.%EMAILDOMAIN%" is a host,
 * "imap%EMAILDOMAIN%" none. Any other placeholder leaves a "%", which is in no host name. */
static const char *
fill_in(const char *host, const char *domain, char ret[static 2 * MT_DOMAIN_SIZE])
{
	static const char placeholder[] = "%EMAILDOMAIN%";
	const char *at = strstr(host, placeholder);
	const char *rest = at ? at + sizeof(placeholder) - 1 : NULL;

	if (!at)
		return host;
	if ((at > host && at[-1] != '.') || (*rest != '\0' && *rest != '.'))
		return "";
	(void)snprintf(ret, 2 * MT_DOMAIN_SIZE, "%.*s%s%s", (int)(at - host), host, domain, rest);
	return ret;
}

/* White space around a value is the formatter's. NULL: there is none, more than one, or it was too
 * long. */
static const char *
take_value(struct reading *reading, enum field field)
{
	char *text = reading->text[field];
	size_t size = reading->text_size[field];

	if (reading->n_seen[field] != 1 || size >= TEXT_SIZE)
		return NULL;
	while (size > 0 && strchr(" \t\r\n", text[size - 1]))
		size--;
	text[size] = '\0';
	return text + strspn(text, " \t\r\n");
}

static void
end_server(struct reading *reading)
{
	const char *host = take_value(reading, HOSTNAME), *port = take_value(reading, PORT);
	const char *type = take_value(reading, SOCKET_TYPE);
	struct mt_offer offer = {.proto = reading->proto};
	char filled[2 * MT_DOMAIN_SIZE];

	if (!host || !port || !type || read_transport(type, &offer.transport) != 0)
		host = "";
	else
		offer.port = read_port(port);
	mt_document_add(reading->document, &offer, fill_in(host, reading->domain, filled));
}

/* -- elements ---------------------------------------------------------------------------------- */

static bool
is_known(struct reading *reading, const char *element, const char **attributes)
{
	int field;

	switch (reading->depth) {
	case ROOT:
		return strcmp(element, "clientConfig") == 0;
	case PROVIDER:
		return strcmp(element, "emailProvider") == 0;
	case SERVER:
		reading->proto = find_proto(element, attributes);
		memset(reading->n_seen, 0, sizeof(reading->n_seen));
		memset(reading->text_size, 0, sizeof(reading->text_size));
		return reading->proto != MT_PROTO_UNKNOWN;
	case FIELD:
		field = find_field(element);
		if (field < 0)
			return false;
		reading->field = (enum field)field;
		reading->n_seen[field]++;
		return true;
	default:
		return false;
	}
}

static void
on_start(void *userdata, const char *element, const char **attributes)
{
	struct reading *reading = userdata;

	if (++reading->depth > MT_XML_DEPTH_MAX || ++reading->n_elements > MT_XML_ELEMENTS_MAX) {
		refuse(reading);
		return;
	}
	if (reading->known == reading->depth - 1 && is_known(reading, element, attributes))
		reading->known++;
	else if (reading->depth == ROOT)
		refuse(reading); /* another kind of document */
}

static void
on_end(void *userdata, const char *element)
{
	struct reading *reading = userdata;

	if (reading->known == reading->depth) {
		if (reading->depth == SERVER)
			end_server(reading);
		reading->known--;
	}
	reading->depth--;
}

static void
on_text(void *userdata, const char *text, int size)
{
	struct reading *reading = userdata;
	size_t *used = &reading->text_size[reading->field];

	if (reading->depth != FIELD || reading->known != FIELD)
		return;
	if (*used + (size_t)size < TEXT_SIZE)
		memcpy(reading->text[reading->field] + *used, text, (size_t)size);
	*used = *used + (size_t)size < TEXT_SIZE ? *used + (size_t)size : TEXT_SIZE;
}

/* No document of this kind has a DTD: whoever sends one wants entities. */
static void
on_doctype(void *userdata, const char *name, const char *system, const char *public_id,
	   int has_internal_subset)
{
	refuse(userdata);
}

int
mt_autoconfig_parse(struct mt_bytes bytes, const char *domain, struct mt_document *document)
{
	/* The encoding is said here, so that a document's own claim of another is not listened to.
	 */
	XML_Parser parser = XML_ParserCreate("UTF-8");
	struct reading *reading = calloc(1, sizeof(*reading));
	int r = -ENOMEM;

	_Static_assert(MT_DOCUMENT_BYTES_MAX < INT_MAX, "expat counts in int");
	if (parser && reading) {
		*reading =
			(struct reading){.parser = parser, .document = document, .domain = domain};
		XML_SetUserData(parser, reading);
		XML_SetElementHandler(parser, on_start, on_end);
		XML_SetCharacterDataHandler(parser, on_text);
		XML_SetStartDoctypeDeclHandler(parser, on_doctype);
		r = XML_Parse(parser, (const char *)bytes.data, (int)bytes.size, XML_TRUE) ==
					    XML_STATUS_OK &&
				    !reading->is_bad
			    ? 0
			    : MT_DOCUMENT_E_MALFORMED;
		if (XML_GetErrorCode(parser) == XML_ERROR_NO_MEMORY)
			r = -ENOMEM;
	}
	free(reading);
	if (parser)
		XML_ParserFree(parser);
	return r;
}
