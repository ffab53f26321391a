/* SPDX-License-Identifier: MIT */
/* One HTTP exchange. */

#include "daemon/worker/http.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "daemon/worker/url.h"

#define BODY_FIRST_SIZE (16 * 1024)

struct mt_http {
	enum mt_http_state state;
	bool is_https;
	size_t body_max;
	bool in_body;
	unsigned int status;
	bool has_length;
	size_t length;
	bool has_location;
	struct mt_fetch_order location;
	char line[MT_HTTP_HEAD_MAX]; /* of the head, so far */
	size_t line_size;
	size_t head_size; /* all of it */
	uint8_t *body;
	size_t body_size, body_room;
};

size_t
mt_http_format_request(const struct mt_fetch_order *order, char ret[static MT_HTTP_REQUEST_SIZE])
{
	const bool is_v6 = strchr(order->host, ':') != NULL;
	char port[8] = "";
	int size;

	/* RFC 9110 §4.2.2: the port a scheme has by itself is not said; 443 is never http here. */
	if (order->port != MT_HTTP_PORT && order->port != MT_HTTPS_PORT)
		(void)snprintf(port, sizeof(port), ":%u", (unsigned int)order->port);
	size = snprintf(ret, MT_HTTP_REQUEST_SIZE,
			"GET %s HTTP/1.0\r\nHost: %s%s%s%s\r\nUser-Agent: mailtrust\r\n"
			"Accept: */*\r\nConnection: close\r\n\r\n",
			order->path, is_v6 ? "[" : "", order->host, is_v6 ? "]" : "", port);
	assert(size > 0 && size < MT_HTTP_REQUEST_SIZE);
	return (size_t)size;
}

int
mt_http_new(bool is_https, size_t body_max, struct mt_http **ret)
{
	struct mt_http *http = calloc(1, sizeof(*http));

	if (!http)
		return -ENOMEM;
	http->state = MT_HTTP_MORE;
	http->is_https = is_https;
	http->body_max = body_max;
	*ret = http;
	return 0;
}

struct mt_http *
mt_http_free(struct mt_http *http)
{
	if (http)
		free(http->body);
	free(http);
	return NULL;
}

/* -- the head ---------------------------------------------------------------------------------- */

/* RFC 9112 §4: HTTP/1.x SP three digits. */
static bool
read_status(struct mt_http *http, const char *line, size_t size)
{
	if (size < 12 || memcmp(line, "HTTP/1.", 7) != 0 || line[8] != ' ' ||
	    (size > 12 && line[12] != ' '))
		return false;
	for (size_t i = 9; i < 12; i++) {
		if (line[i] < '0' || line[i] > '9')
			return false;
		http->status = http->status * 10 + (unsigned int)(line[i] - '0');
	}
	return true;
}

/* RFC 9110 §8.6; two that differ are an attack (RFC 9112 §6.3). */
static bool
read_length(struct mt_http *http, const char *value, size_t size)
{
	size_t length = 0;

	if (size == 0)
		return false;
	for (size_t i = 0; i < size; i++) {
		if (value[i] < '0' || value[i] > '9')
			return false;
		length = length * 10 + (size_t)(value[i] - '0');
		if (length > http->body_max)
			return false;
	}
	if (http->has_length && http->length != length)
		return false;
	http->has_length = true;
	http->length = length;
	return true;
}

/* RFC 9110 §10.2.2 allows a relative reference: the same host again, which has just answered. Not
 * worth a parser of its own. */
static bool
read_location(struct mt_http *http, const char *value, size_t size)
{
	if (http->has_location)
		return false;
	http->has_location = (http->is_https ? mt_url_parse_https(value, size, &http->location)
					     : mt_url_parse(value, size, &http->location)) == 0;
	return true;
}

static bool
is_named(const char *line, size_t size, const char *name)
{
	return size == strlen(name) && strncasecmp(line, name, size) == 0;
}

static bool
read_field(struct mt_http *http, const char *line, size_t size)
{
	const char *colon = memchr(line, ':', size);
	const size_t name_size = colon ? (size_t)(colon - line) : 0;
	const char *value;
	size_t value_size;

	/* RFC 9112 §5.1, §5.2: no space before the colon, no folded lines. */
	if (name_size == 0 || memchr(line, ' ', name_size) || memchr(line, '\t', name_size))
		return false;
	value = colon + 1;
	value_size = size - name_size - 1;
	while (value_size > 0 && (*value == ' ' || *value == '\t')) {
		value++;
		value_size--;
	}
	while (value_size > 0 && (value[value_size - 1] == ' ' || value[value_size - 1] == '\t'))
		value_size--;

	if (is_named(line, name_size, "Content-Length"))
		return read_length(http, value, value_size);
	if (is_named(line, name_size, "Location"))
		return read_location(http, value, value_size);
	return !is_named(line, name_size, "Transfer-Encoding") &&
	       !is_named(line, name_size, "Content-Encoding");
}

static bool
is_redirect(unsigned int status)
{
	return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
}

static enum mt_http_state
end_head(struct mt_http *http)
{
	if (is_redirect(http->status))
		return http->has_location ? MT_HTTP_REDIRECTED : MT_HTTP_FAILED;
	if (http->status != 200 || (http->has_length && http->length == 0))
		return MT_HTTP_FAILED;
	http->in_body = true;
	return MT_HTTP_MORE;
}

/* A whole line of the head, its end removed. */
static enum mt_http_state
read_line(struct mt_http *http, const char *line, size_t size)
{
	if (http->status == 0)
		return read_status(http, line, size) && http->status != 0 ? MT_HTTP_MORE
									  : MT_HTTP_FAILED;
	if (size == 0)
		return end_head(http);
	return read_field(http, line, size) ? MT_HTTP_MORE : MT_HTTP_FAILED;
}

/* Takes the head up to its end. Return: how many bytes were of the head. */
static size_t
feed_head(struct mt_http *http, const uint8_t *data, size_t size)
{
	size_t used = 0;

	while (used < size && !http->in_body && http->state == MT_HTTP_MORE) {
		const char c = (char)data[used++];
		size_t line_size = http->line_size;

		if (c == '\0' || ++http->head_size > sizeof(http->line)) {
			http->state = MT_HTTP_FAILED;
		} else if (c != '\n') {
			http->line[http->line_size++] = c;
		} else {
			if (line_size > 0 && http->line[line_size - 1] == '\r')
				line_size--;
			http->state = read_line(http, http->line, line_size);
			http->line_size = 0;
		}
	}
	return used;
}

/* -- the body ---------------------------------------------------------------------------------- */

static bool
make_room(struct mt_http *http, size_t size)
{
	size_t room = http->body_room ? http->body_room : BODY_FIRST_SIZE;
	uint8_t *body;

	if (http->has_length)
		room = http->length;
	while (room < size)
		room *= 2;
	if (room == http->body_room)
		return true;
	body = realloc(http->body, room);
	if (!body)
		return false;
	http->body = body;
	http->body_room = room;
	return true;
}

static void
feed_body(struct mt_http *http, const uint8_t *data, size_t size)
{
	const size_t max = http->has_length ? http->length : http->body_max;

	/* What follows a body of known length is nobody's. */
	if (http->has_length && size > max - http->body_size)
		size = max - http->body_size;
	if (size > max - http->body_size || !make_room(http, http->body_size + size)) {
		http->state = MT_HTTP_FAILED;
		return;
	}
	memcpy(http->body + http->body_size, data, size);
	http->body_size += size;
	if (http->has_length && http->body_size == http->length)
		http->state = MT_HTTP_DONE;
}

enum mt_http_state
mt_http_feed(struct mt_http *http, const uint8_t *data, size_t size)
{
	size_t used = feed_head(http, data, size);

	if (http->state == MT_HTTP_MORE && used < size)
		feed_body(http, data + used, size - used);
	return http->state;
}

enum mt_http_state
mt_http_end(struct mt_http *http)
{
	if (http->state == MT_HTTP_MORE)
		http->state = http->in_body && !http->has_length && http->body_size > 0
				      ? MT_HTTP_DONE
				      : MT_HTTP_FAILED;
	return http->state;
}

unsigned int
mt_http_status(const struct mt_http *http)
{
	return http->status;
}

struct mt_bytes
mt_http_body(const struct mt_http *http)
{
	return (struct mt_bytes){http->body, http->body_size};
}

const struct mt_fetch_order *
mt_http_location(const struct mt_http *http)
{
	return http->state == MT_HTTP_REDIRECTED ? &http->location : NULL;
}
