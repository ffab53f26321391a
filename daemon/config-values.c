/* SPDX-License-Identifier: MIT */
/* Options of mailtrustd: values, as text and as fields. */

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/config-private.h"
#include "policy/domain.h"
#include "policy/service.h"

int
mt_config_parse_bool(void *field, const char *value)
{
	bool *b = field;

	if (strcmp(value, "yes") != 0 && strcmp(value, "no") != 0)
		return 1;
	*b = value[0] == 'y';
	return 0;
}

int
mt_config_parse_text(void *field, const char *value)
{
	char **text = field;
	char *copy;

	if (value[0] == '\0')
		return 1;
	copy = strdup(value);
	if (!copy)
		return -ENOMEM;
	free(*text);
	*text = copy;
	return 0;
}

/* A daemon's working directory means nothing to whoever wrote the option. */
int
mt_config_parse_path(void *field, const char *value)
{
	return value[0] == '/' ? mt_config_parse_text(field, value) : 1;
}

/* The command line is written by somebody who stands somewhere. */
int
mt_config_parse_file(void *field, const char *value)
{
	return mt_config_parse_text(field, value);
}

int
mt_config_parse_bus(void *field, const char *value)
{
	/* A D-Bus address is transport ":" key "=" value (D-Bus specification, Server Addresses).
	 */
	if (strcmp(value, "system") != 0 && strcmp(value, "session") != 0 &&
	    strcmp(value, "none") != 0 && (!strchr(value, ':') || !strchr(value, '=')))
		return 1;
	return mt_config_parse_text(field, value);
}

static int
list_add(struct mt_config_list *list, const char *value)
{
	if (list->n == MT_CONFIG_LIST_MAX)
		return 1;
	list->items[list->n] = strdup(value);
	if (!list->items[list->n])
		return -ENOMEM;
	list->n++;
	return 0;
}

int
mt_config_parse_path_list(void *field, const char *value)
{
	return value[0] == '/' ? list_add(field, value) : 1;
}

int
mt_config_parse_domain_list(void *field, const char *value)
{
	char domain[MT_DOMAIN_SIZE];

	return mt_domain_normalise(value, strlen(value), domain) == 0 ? list_add(field, domain) : 1;
}

/* "192.0.2.1@5353", "2001:db8::1": libunbound's own form; the port is checked here. */
int
mt_config_parse_forwarder(void *field, const char *value)
{
	const char *at = strchr(value, '@');
	size_t address_size = at ? (size_t)(at - value) : strlen(value);
	unsigned long port = 0;
	char *end = NULL;

	if (address_size == 0 || strspn(value, "0123456789abcdefABCDEF.:") != address_size)
		return 1;
	if (at && !isdigit((unsigned char)at[1]))
		return 1;
	if (at)
		port = strtoul(at + 1, &end, 10);
	if (at && (*end != '\0' || port == 0 || port > UINT16_MAX))
		return 1;
	return list_add(field, value);
}

static bool
is_word(const char *text, size_t size, enum mt_discovery source)
{
	const char *name = mt_discovery_to_string(source);

	return strlen(name) == size && memcmp(text, name, size) == 0;
}

/* Words of the sources that can be switched, or "none". */
int
mt_config_parse_sources(void *field, const char *value)
{
	static const enum mt_discovery known[] = {MT_DISCOVERY_ADMIN, MT_DISCOVERY_SRV,
						  MT_DISCOVERY_PACC, MT_DISCOVERY_AUTOCONFIG};
	uint64_t sources = MT_BIT(MT_DISCOVERY_UNKNOWN);
	size_t size;

	if (*value == '\0')
		return 1;
	if (strcmp(value, "none") == 0)
		value = "";
	for (; *value != '\0'; value += size + strspn(value + size, " ,")) {
		size_t i = 0;

		size = strcspn(value, " ,");
		while (i < MT_ARRAY_SIZE(known) && !is_word(value, size, known[i]))
			i++;
		if (i == MT_ARRAY_SIZE(known))
			return 1;
		sources |= MT_BIT(known[i]);
	}
	*(uint64_t *)field = sources;
	return 0;
}
