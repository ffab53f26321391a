/* SPDX-License-Identifier: MIT */
/* One document of presets: JSON to rows. */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "daemon/presets.h"
#include "ipc/idn.h"
#include "policy/domain.h"

#define ROWS_FIRST 16

/* Where in the document something is: "example.test"[2]. */
struct place {
	const char *domain;
	size_t index;
	struct mt_diag *diag;
};

void
mt_preset_list_clear(struct mt_preset_list *list)
{
	free(list->rows);
	*list = (struct mt_preset_list){0};
}

static int
list_add(struct mt_preset_list *list, const struct mt_preset *row)
{
	size_t room = list->room ? 2 * list->room : ROWS_FIRST;
	struct mt_preset *rows;

	if (list->n == list->room) {
		rows = realloc(list->rows, room * sizeof(*rows));
		if (!rows)
			return -ENOMEM;
		list->rows = rows;
		list->room = room;
	}
	list->rows[list->n++] = *row;
	return 0;
}

/* -- faults ------------------------------------------------------------------------------------ */

static int
refuse(const struct place *place, const char *key, const char *what)
{
	char escaped[96];

	mt_escape(key, strlen(key), escaped, sizeof(escaped));
	if (place->domain)
		mt_diag_set(place->diag, SIZE_MAX, "domain %s, server %zu: \"%s\" %s",
			    place->domain, place->index + 1, escaped, what);
	else
		mt_diag_set(place->diag, SIZE_MAX, "\"%s\" %s", escaped, what);
	return MT_PRESETS_E_DOCUMENT;
}

/* -- one server -------------------------------------------------------------------------------- */

static int
take_service(const json_t *value, struct mt_offer *offer)
{
	return json_is_string(value) ? mt_proto_from_string(json_string_value(value), &offer->proto)
				     : 1;
}

static int
take_host(const json_t *value, struct mt_offer *offer)
{
	return json_is_string(value) ? mt_idn_host(json_string_value(value),
						   json_string_length(value), offer->host)
				     : 1;
}

static int
take_port(const json_t *value, struct mt_offer *offer)
{
	const json_int_t port = json_integer_value(value); /* 0 where it is no integer */

	if (port <= 0 || port > UINT16_MAX)
		return 1;
	offer->port = (uint16_t)port;
	return 0;
}

static int
take_transport(const json_t *value, struct mt_offer *offer)
{
	if (!json_is_string(value) ||
	    mt_transport_from_string(json_string_value(value), &offer->transport) != 0)
		return 1;
	return offer->transport == MT_TRANSPORT_NONE;
}

static const struct {
	const char *key;
	int (*take)(const json_t *value, struct mt_offer *offer); /* 0, 1, negative errno */
	const char *what;
} keys[] = {
	{"service", take_service, "is to be imap, pop3 or submission"},
	{"host", take_host, "is to be a host name or an address"},
	{"port", take_port, "is to be a number from 1 to 65535"},
	{"transport", take_transport, "is to be implicit or starttls"},
};

static bool
is_key(const char *name)
{
	for (size_t i = 0; i < MT_ARRAY_SIZE(keys); i++)
		if (strcmp(keys[i].key, name) == 0)
			return true;
	return false;
}

static int
read_server(json_t *server, const struct place *place, struct mt_offer *ret)
{
	const char *name;
	json_t *value;

	*ret = (struct mt_offer){.source = MT_DISCOVERY_ADMIN, .dnssec = MT_DNSSEC_INSECURE};
	if (!json_is_object(server))
		return refuse(place, "", "is to be an object");
	json_object_foreach(server, name, value)
	{
		if (!is_key(name))
			return refuse(place, name, "is unknown");
	}
	for (size_t i = 0; i < MT_ARRAY_SIZE(keys); i++) {
		int r = keys[i].take(json_object_get(server, keys[i].key), ret);

		if (r)
			return r < 0 ? r : refuse(place, keys[i].key, keys[i].what);
	}
	return 0;
}

/* -- a domain's, and all ----------------------------------------------------------------------- */

/* What people write becomes what addresses have; a literal is no domain. */
static int
read_domain(const char *text, const struct place *place, char ret[static MT_DOMAIN_SIZE])
{
	uint8_t ip[16];
	int r = mt_idn_host(text, strlen(text), ret);

	if (r == 0 && mt_ip_literal_parse(ret, ip) != 0)
		r = 1;
	return r > 0 ? refuse(place, text, "is no domain") : r;
}

static bool
has_domain(const struct mt_preset_list *list, const char *domain)
{
	for (size_t i = 0; i < list->n; i++)
		if (strcmp(list->rows[i].domain, domain) == 0)
			return true;
	return false;
}

static int
read_servers(const char *name, json_t *servers, struct mt_preset_list *list, struct mt_diag *diag)
{
	struct place place = {.diag = diag};
	struct mt_preset row = {0};
	json_t *server;
	int r = read_domain(name, &place, row.domain);

	if (r)
		return r;
	if (has_domain(list, row.domain))
		return refuse(&place, name, "is defined twice");
	if (!json_is_array(servers) || json_array_size(servers) == 0 ||
	    json_array_size(servers) > MT_OFFERS_MAX)
		return refuse(&place, name, "is to have a list of 1 to 16 servers");
	place.domain = row.domain;
	json_array_foreach(servers, place.index, server)
	{
		r = read_server(server, &place, &row.offer);
		if (r == 0 && list->n >= MT_PRESETS_MAX)
			r = refuse(&place, name, "is one too many");
		if (r == 0)
			r = list_add(list, &row);
		if (r)
			return r;
	}
	return 0;
}

static int
read_document(json_t *root, struct mt_preset_list *list, struct mt_diag *diag)
{
	const struct place place = {.diag = diag};
	json_t *domains = json_object_get(root, "domains"), *value;
	const char *name;
	int r = 0;

	json_object_foreach(root, name, value)
	{
		if (value != domains)
			return refuse(&place, name, "is unknown");
	}
	if (!json_is_object(domains))
		return refuse(&place, "domains", "is to be an object");
	json_object_foreach(domains, name, value)
	{
		r = read_servers(name, value, list, diag);
		if (r)
			break;
	}
	return r;
}

_Static_assert(MT_OFFERS_MAX == 16, "what the message says");

int
mt_presets_parse(const char *text, size_t size, struct mt_preset_list *list, struct mt_diag *diag)
{
	const size_t before = list->n;
	json_error_t error;
	json_t *root = json_loadb(text, size, JSON_REJECT_DUPLICATES, &error);
	int r;

	if (!root) {
		mt_diag_set(diag, (size_t)error.position, "line %d, column %d: %s", error.line,
			    error.column, error.text);
		return MT_PRESETS_E_DOCUMENT;
	}
	r = read_document(root, list, diag);
	json_decref(root);
	if (r)
		list->n = before;
	return r;
}
