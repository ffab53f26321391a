/* SPDX-License-Identifier: MIT */
/* Reading URLs. */

#include "daemon/worker/url.h"

#include <string.h>
#include <strings.h>

#include "policy/domain.h"

struct scheme {
	const char *prefix;
	uint16_t port;
	bool may_be_high; /* ports from 1024 on as well */
};
static const struct scheme http = {"http://", MT_HTTP_PORT, true};
static const struct scheme https = {"https://", MT_HTTPS_PORT, false};

static bool
is_port(const struct scheme *scheme, unsigned int port)
{
	return port == scheme->port || (scheme->may_be_high && port >= 1024 && port <= UINT16_MAX);
}

static bool
is_visible(const char *text, size_t size)
{
	for (size_t i = 0; i < size; i++)
		if (text[i] <= ' ' || text[i] > '~')
			return false;
	return true;
}

static bool
parse_port(const struct scheme *scheme, const char *text, size_t size, uint16_t *ret)
{
	unsigned int port = 0;

	if (size > 5)
		return false;
	for (size_t i = 0; i < size; i++) {
		if (text[i] < '0' || text[i] > '9')
			return false;
		port = port * 10 + (unsigned int)(text[i] - '0');
	}
	/* RFC 3986 §3.2.3: the colon may stand alone. */
	if (size == 0)
		port = scheme->port;
	*ret = (uint16_t)port;
	return is_port(scheme, port);
}

/* "host", "host:port", "[literal]:port". Return: where the port begins, size where there is none.
 */
static size_t
find_port(const char *text, size_t size)
{
	const char *end = size > 0 && text[0] == '[' ? memchr(text, ']', size) : text;
	const char *colon = end ? memchr(end, ':', size - (size_t)(end - text)) : NULL;

	return colon ? (size_t)(colon - text) : size;
}

static bool
parse_authority(const struct scheme *scheme, const char *text, size_t size,
		struct mt_fetch_order *order)
{
	size_t host_size = find_port(text, size);

	order->port = scheme->port;
	if (host_size < size &&
	    !parse_port(scheme, text + host_size + 1, size - host_size - 1, &order->port))
		return false;
	/* A user name has no place here, and "@" none in a host. */
	return mt_host_normalise(text, host_size, order->host) == 0;
}

static int
parse(const struct scheme *scheme, const char *text, size_t size, struct mt_fetch_order *ret)
{
	const size_t skip = strlen(scheme->prefix);
	struct mt_fetch_order order = {0};
	size_t authority = 0, path;

	if (size <= skip || strncasecmp(text, scheme->prefix, skip) != 0 ||
	    !is_visible(text, size) || memchr(text, '#', size) || memchr(text, '\\', size))
		return MT_URL_E_INVALID;
	text += skip;
	size -= skip;
	while (authority < size && text[authority] != '/' && text[authority] != '?')
		authority++;
	if (!parse_authority(scheme, text, authority, &order))
		return MT_URL_E_INVALID;

	/* RFC 9110 §4.2.3: an empty path is "/". */
	path = size - authority;
	if (path + 2 > sizeof(order.path))
		return MT_URL_E_INVALID;
	if (path == 0 || text[authority] != '/')
		order.path[0] = '/';
	memcpy(order.path + strlen(order.path), text + authority, path);
	*ret = order;
	return 0;
}

int
mt_url_parse(const char *text, size_t size, struct mt_fetch_order *ret)
{
	return parse(&http, text, size, ret);
}

int
mt_url_parse_https(const char *text, size_t size, struct mt_fetch_order *ret)
{
	return parse(&https, text, size, ret);
}

static bool
is_sane(const struct scheme *scheme, const struct mt_fetch_order *order)
{
	char host[MT_DOMAIN_SIZE];

	return is_port(scheme, order->port) && order->path[0] == '/' &&
	       is_visible(order->path, strlen(order->path)) && !strchr(order->path, '#') &&
	       mt_host_normalise(order->host, strlen(order->host), host) == 0 &&
	       strcmp(host, order->host) == 0;
}

bool
mt_url_is_sane(const struct mt_fetch_order *order)
{
	return is_sane(&http, order);
}

bool
mt_url_is_sane_https(const struct mt_fetch_order *order)
{
	return is_sane(&https, order);
}
