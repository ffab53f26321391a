/* SPDX-License-Identifier: MIT */
/* Servers as people write them. */

#include "clients/cli/endpoint.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "policy/domain.h"

#define RELAY_PORT 25

static const struct {
	const char *suffix;
	enum mt_transport transport;
} suffixes[] = {
	{"implicit", MT_TRANSPORT_IMPLICIT},
	{"starttls", MT_TRANSPORT_STARTTLS},
	{"none", MT_TRANSPORT_NONE},
};

static int
refuse(struct mt_diag *diag, const char *why, const char *text)
{
	char shown[96];

	mt_escape(text, strlen(text), shown, sizeof(shown));
	mt_diag_set(diag, SIZE_MAX, "%s: \"%s\"", why, shown);
	return MT_ENDPOINT_SPEC_E_INVALID;
}

static int
parse_port(const char *text, uint16_t *ret)
{
	unsigned int port = 0;

	if (*text == '\0' || strlen(text) > 5)
		return 1;
	for (; *text; text++) {
		if (*text < '0' || *text > '9')
			return 1;
		port = port * 10 + (unsigned int)(*text - '0');
	}
	if (port == 0 || port > UINT16_MAX)
		return 1;

	*ret = (uint16_t)port;
	return 0;
}

/* Finds where the host ends and the port begins. *ret_port is NULL where none is written. */
static int
split_host(char *text, char **ret_host, char **ret_port)
{
	char *colon = strchr(text, ':'), *bracket;

	*ret_host = text;
	*ret_port = NULL;
	if (*text == '[') {
		bracket = strchr(text, ']');
		if (!bracket || (bracket[1] != '\0' && bracket[1] != ':'))
			return 1;

		*ret_host = text + 1;
		*ret_port = bracket[1] == ':' ? bracket + 2 : NULL;
		*bracket = '\0';
		/* brackets are for IPv6 alone (RFC 3986 §3.2.2) */
		return strchr(*ret_host, ':') ? 0 : 1;
	}
	/* two colons and no bracket: a bare IPv6 literal, which cannot carry a port */
	if (colon && !strchr(colon + 1, ':')) {
		*colon = '\0';
		*ret_port = colon + 1;
	}
	return 0;
}

/* What the port says where nothing else does. */
static enum mt_transport
transport_of_port(enum mt_proto proto, uint16_t port)
{
	const struct mt_service *starttls = mt_service_find(proto, MT_TRANSPORT_STARTTLS);

	return starttls->port == port || port == RELAY_PORT ? MT_TRANSPORT_STARTTLS
							    : MT_TRANSPORT_IMPLICIT;
}

static uint16_t
default_port(enum mt_proto proto, enum mt_transport transport)
{
	/* unencrypted service lives on the port where STARTTLS does */
	return mt_service_find(proto, transport == MT_TRANSPORT_IMPLICIT ? MT_TRANSPORT_IMPLICIT
									 : MT_TRANSPORT_STARTTLS)
		->port;
}

/* The label's own word on transport: "imaps" promises TLS, "imap" nothing. */
static bool
promises_tls(const char *label)
{
	const struct mt_service *service = mt_service_find_label(label);

	return service && service->transport == MT_TRANSPORT_IMPLICIT;
}

enum mt_proto
mt_service_from_word(const char *word)
{
	const struct mt_service *service = mt_service_find_label(word);

	return service ? service->proto : MT_PROTO_UNKNOWN;
}

static int
find_suffix(const char *suffix, enum mt_transport *ret)
{
	for (size_t i = 0; i < MT_ARRAY_SIZE(suffixes); i++) {
		if (strcasecmp(suffix, suffixes[i].suffix) == 0) {
			*ret = suffixes[i].transport;
			return 0;
		}
	}
	return 1;
}

int
mt_endpoint_spec_parse(const char *label, const char *text, struct mt_diag *diag,
		       struct mt_endpoint_spec *ret)
{
	char copy[MT_DOMAIN_SIZE + 32], *suffix, *host, *port;
	struct mt_endpoint_spec spec = {.proto = mt_service_from_word(label)};

	if (spec.proto == MT_PROTO_UNKNOWN)
		return refuse(diag, "no mail service has this name", label);
	if (strlen(text) >= sizeof(copy))
		return refuse(diag, "this is too long for a server", text);

	strcpy(copy, text);
	suffix = strchr(copy, '/');
	if (suffix)
		*suffix++ = '\0';
	if (suffix && find_suffix(suffix, &spec.transport))
		return refuse(diag, "after the slash stands implicit, starttls or none, not",
			      suffix);
	if (split_host(copy, &host, &port) || mt_host_normalise(host, strlen(host), spec.host))
		return refuse(diag, "this is neither a host name nor an address", text);
	if (port && parse_port(port, &spec.port))
		return refuse(diag, "a port is a number from 1 to 65535, not", port);

	if (!suffix && promises_tls(label))
		spec.transport = MT_TRANSPORT_IMPLICIT;
	else if (!suffix)
		spec.transport =
			port ? transport_of_port(spec.proto, spec.port) : MT_TRANSPORT_IMPLICIT;
	if (!port)
		spec.port = default_port(spec.proto, spec.transport);

	*ret = spec;
	return 0;
}

const char *
mt_endpoint_format(const char *host, uint16_t port, char *buffer, size_t size)
{
	bool is_ipv6 = strchr(host, ':') != NULL;

	(void)snprintf(buffer, size, "%s%s%s:%u", is_ipv6 ? "[" : "", host, is_ipv6 ? "]" : "",
		       (unsigned int)port);
	return buffer;
}

const char *
mt_transport_for_people(enum mt_transport transport)
{
	switch (transport) {
	case MT_TRANSPORT_IMPLICIT:
		return "TLS from the start";
	case MT_TRANSPORT_STARTTLS:
		return "STARTTLS";
	case MT_TRANSPORT_NONE:
		break;
	}
	return "not encrypted";
}

bool
mt_endpoint_spec_is_relay_port(const struct mt_endpoint_spec *spec)
{
	return spec->port == RELAY_PORT;
}
