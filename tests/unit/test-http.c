/* SPDX-License-Identifier: MIT */
/* URLs, addresses, and one HTTP exchange. */

#include "tests/cmocka-all.h"

#include <stdlib.h>
#include <string.h>

#include "daemon/worker/address.h"
#include "daemon/worker/http.h"
#include "daemon/worker/url.h"

/* -- URLs -------------------------------------------------------------------------------------- */

static void
a_url_is_cut_into_host_port_and_path(void **state)
{
	static const struct {
		const char *url, *host;
		uint16_t port;
		const char *path;
	} rows[] = {
		{"http://a.test", "a.test", 80, "/"},
		{"HTTP://A.Test./", "a.test", 80, "/"},
		{"http://a.test/x/y?z=1", "a.test", 80, "/x/y?z=1"},
		{"http://a.test?z", "a.test", 80, "/?z"},
		{"http://a.test:/x", "a.test", 80, "/x"},
		{"http://a.test:8080/x", "a.test", 8080, "/x"},
		{"http://192.0.2.1:1024/", "192.0.2.1", 1024, "/"},
		{"http://[2001:DB8::1]:8080/", "2001:db8::1", 8080, "/"},
		{"http://[::1]", "::1", 80, "/"},
	};

	for (size_t i = 0; i < MT_ARRAY_SIZE(rows); i++) {
		struct mt_fetch_order order;

		if (mt_url_parse(rows[i].url, strlen(rows[i].url), &order) != 0)
			fail_msg("%s was refused", rows[i].url);
		assert_string_equal(order.host, rows[i].host);
		assert_int_equal(order.port, rows[i].port);
		assert_string_equal(order.path, rows[i].path);
		assert_true(mt_url_is_sane(&order));
	}
}

static void
every_other_url_is_refused(void **state)
{
	static const char *const urls[] = {
		"",
		"http",
		"http://",
		"http:///x",
		"https://a.test/",
		"ldap://a.test/",
		"file:///etc/passwd",
		"//a.test/",
		"/x",
		"http://user@a.test/",
		"http://user:word@a.test/",
		"http://a.test:0/",
		"http://a.test:25/",
		"http://a.test:443/",
		"http://a.test:1023/",
		"http://a.test:65536/",
		"http://a.test:080808/",
		"http://a.test:+80/",
		"http://a.test: 80/",
		"http://a.test/#x",
		"http://a.test/a b",
		"http://a.test/a\tb",
		"http://a.test/\r\nX: y",
		"http://a.test/\x7f",
		"http://a.test/\xc3\xa9",
		"http://a.test\\@b.test/",
		"http://a..test/",
		"http://-a.test/",
		"http://[::1/",
		"http://::1/",
		"http://[a.test]/",
		"http://0x7f.1/",
	};
	struct mt_fetch_order order;

	for (size_t i = 0; i < MT_ARRAY_SIZE(urls); i++)
		if (mt_url_parse(urls[i], strlen(urls[i]), &order) != MT_URL_E_INVALID)
			fail_msg("%s was taken, as %s", urls[i], order.host);
	assert_int_equal(mt_url_parse("http://a.test/\0x", 16, &order), MT_URL_E_INVALID);
}

static void
a_path_is_taken_up_to_its_bound(void **state)
{
	char url[2 * MT_FETCH_PATH_SIZE];
	struct mt_fetch_order order;
	size_t host = strlen(strcpy(url, "http://a.test"));

	memset(url + host, '/', sizeof(url) - host);
	assert_int_equal(mt_url_parse(url, host + MT_FETCH_PATH_SIZE - 2, &order), 0);
	assert_int_equal(strlen(order.path), MT_FETCH_PATH_SIZE - 2);
	assert_int_equal(mt_url_parse(url, host + MT_FETCH_PATH_SIZE - 1, &order),
			 MT_URL_E_INVALID);
}

/* -- addresses --------------------------------------------------------------------------------- */

static void
only_global_addresses_are_global(void **state)
{
	static const char *const global[] = {
		"1.1.1.1",     "100.128.0.1",          "172.32.0.1",        "192.0.1.1",
		"193.0.0.1",   "198.20.0.1",           "223.255.255.255",   "2606:4700::1",
		"2001:200::1", "::ffff:93.184.216.34", "64:ff9b::5db8:d822"};
	static const char *const local[] = {"0.0.0.0",
					    "10.1.2.3",
					    "100.64.0.1",
					    "100.127.255.255",
					    "127.0.0.1",
					    "127.255.0.1",
					    "169.254.169.254",
					    "172.16.0.1",
					    "172.31.255.255",
					    "192.0.0.8",
					    "192.168.1.1",
					    "192.0.2.1",
					    "198.18.0.1",
					    "198.19.255.255",
					    "224.0.0.1",
					    "240.0.0.1",
					    "255.255.255.255",
					    "::",
					    "::1",
					    "fe80::1",
					    "fc00::1",
					    "fd12::1",
					    "ff02::1",
					    "2001::1",
					    "2001:db8::1",
					    "2002:7f00:1::",
					    "::ffff:127.0.0.1",
					    "::ffff:10.0.0.1",
					    "::127.0.0.1",
					    "64:ff9b::7f00:1",
					    "64:ff9b:1::1",
					    "4000::1",
					    "a.test",
					    "",
					    "127.1",
					    "1.1.1.1 "};

	for (size_t i = 0; i < MT_ARRAY_SIZE(global); i++)
		if (!mt_address_is_global(global[i]))
			fail_msg("%s is global", global[i]);
	for (size_t i = 0; i < MT_ARRAY_SIZE(local); i++)
		if (mt_address_is_global(local[i]))
			fail_msg("%s is not global", local[i]);
}

/* -- the exchange ------------------------------------------------------------------------------ */

static void
a_request_is_one_get_for_the_host(void **state)
{
	struct mt_fetch_order order = {.host = "a.test", .port = 80, .path = "/x?y"};
	char text[MT_HTTP_REQUEST_SIZE];
	size_t size = mt_http_format_request(&order, text);

	assert_int_equal(size, strlen(text));
	assert_string_equal(text, "GET /x?y HTTP/1.0\r\nHost: a.test\r\nUser-Agent: mailtrust\r\n"
				  "Accept: */*\r\nConnection: close\r\n\r\n");
	strcpy(order.host, "::1");
	order.port = 8080;
	(void)mt_http_format_request(&order, text);
	assert_non_null(strstr(text, "\r\nHost: [::1]:8080\r\n"));

	memset(&order, 'a', sizeof(order));
	order.host[sizeof(order.host) - 1] = order.path[sizeof(order.path) - 1] = '\0';
	order.port = UINT16_MAX;
	size = mt_http_format_request(&order, text);
	assert_int_equal(size, strlen(text));
}

/* Feeds a reply in pieces of a size, then its end. Return: the state, and the body. */
static enum mt_http_state
reply(const char *text, size_t size, size_t piece, char *ret_body, size_t room)
{
	struct mt_http *http = NULL;
	enum mt_http_state step;
	struct mt_bytes body;

	assert_int_equal(mt_http_new(false, MT_FETCH_BYTES_MAX, &http), 0);
	step = MT_HTTP_MORE;
	for (size_t at = 0; at < size && step == MT_HTTP_MORE; at += piece)
		step = mt_http_feed(http, (const uint8_t *)text + at,
				    size - at < piece ? size - at : piece);
	if (step == MT_HTTP_MORE)
		step = mt_http_end(http);
	body = mt_http_body(http);
	if (ret_body) {
		assert_true(body.size < room);
		if (body.size)
			memcpy(ret_body, body.data, body.size);
		ret_body[body.size] = '\0';
	}
	mt_http_free(http);
	return step;
}

static void
a_body_is_the_same_however_it_arrives(void **state)
{
	static const char *const replies[] = {
		"HTTP/1.0 200 OK\r\n\r\nbody",
		"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nbody",
		"HTTP/1.1 200\r\ncontent-length:4\r\nX-Other: y\r\n\r\nbody and what follows it",
		"HTTP/1.0 200 OK\nContent-Length: 4 \n\nbody",
		"HTTP/1.1 200 OK\r\nContent-Length: 4\r\nContent-Length: 4\r\n\r\nbody",
	};
	char body[64];

	for (size_t i = 0; i < MT_ARRAY_SIZE(replies); i++)
		for (size_t piece = 1; piece < 80; piece++) {
			enum mt_http_state got =
				reply(replies[i], strlen(replies[i]), piece, body, sizeof(body));

			assert_int_equal(got, MT_HTTP_DONE);
			assert_string_equal(body, "body");
		}
}

static void
every_other_reply_fails(void **state)
{
	static const char *const replies[] = {
		"",
		"body",
		"HTTP/2 200\r\n\r\nbody",
		"ICY 200 OK\r\n\r\nbody",
		"HTTP/1.1 404 Not Found\r\n\r\nbody",
		"HTTP/1.1 204 No Content\r\n\r\n",
		"HTTP/1.1 000 Zero\r\n\r\nbody",
		"HTTP/1.1 2000 OK\r\n\r\nbody",
		"HTTP/1.1 20x OK\r\n\r\nbody",
		"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n\r\nbody",
		"HTTP/1.1 200 OK\r\n\r\n",
		"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
		"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nbody",
		"HTTP/1.1 200 OK\r\nContent-Length: -4\r\n\r\nbody",
		"HTTP/1.1 200 OK\r\nContent-Length: 4, 4\r\n\r\nbody",
		"HTTP/1.1 200 OK\r\nContent-Length:\r\n\r\nbody",
		"HTTP/1.1 200 OK\r\nContent-Length: 1048577\r\n\r\nbody",
		"HTTP/1.1 200 OK\r\nContent-Length: 18446744073709551620\r\n\r\nbody",
		"HTTP/1.1 200 OK\r\nContent-Length: 4\r\nContent-Length: 3\r\n\r\nbody",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nbody\r\n0\r\n\r\n",
		"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\nbody",
		"HTTP/1.1 200 OK\r\nNo colon\r\n\r\nbody",
		"HTTP/1.1 200 OK\r\n: no name\r\n\r\nbody",
		"HTTP/1.1 200 OK\r\nName : space\r\n\r\nbody",
		"HTTP/1.1 200 OK\r\nName: x\r\n folded\r\n\r\nbody",
		"HTTP/1.1 200 OK\r\nName: x\r\n",
		"HTTP/1.1 302 Found\r\n\r\n",
		"HTTP/1.1 302 Found\r\nLocation: https://a.test/\r\n\r\n",
		"HTTP/1.1 302 Found\r\nLocation: file:///etc/passwd\r\n\r\n",
		"HTTP/1.1 302 Found\r\nLocation: http://a.test/\r\nLocation: "
		"http://b.test/\r\n\r\n",
		"HTTP/1.1 300 Choices\r\nLocation: http://a.test/\r\n\r\n",
	};

	for (size_t i = 0; i < MT_ARRAY_SIZE(replies); i++)
		for (size_t piece = 1; piece < 100; piece += 33)
			if (reply(replies[i], strlen(replies[i]), piece, NULL, 0) != MT_HTTP_FAILED)
				fail_msg("taken: %s", replies[i]);
	assert_int_equal(reply("HTTP/1.1 200 OK\r\nA: \0\r\n\r\nx", 26, 99, NULL, 0),
			 MT_HTTP_FAILED);
}

static void
a_redirect_says_where_to(void **state)
{
	static const char text[] = "HTTP/1.1 301 Moved\r\nLocation: http://b.test:8080/y\r\n"
				   "Content-Length: 5\r\n\r\nmoved";
	struct mt_http *http = NULL;

	assert_int_equal(mt_http_new(false, MT_FETCH_BYTES_MAX, &http), 0);
	assert_int_equal(mt_http_feed(http, (const uint8_t *)text, sizeof(text) - 1),
			 MT_HTTP_REDIRECTED);
	assert_string_equal(mt_http_location(http)->host, "b.test");
	assert_int_equal(mt_http_location(http)->port, 8080);
	assert_string_equal(mt_http_location(http)->path, "/y");
	mt_http_free(http);
}

/* Return: the state after a head and so many bytes of body. */
static enum mt_http_state
large(const char *head, size_t size)
{
	size_t head_size = strlen(head);
	char *text = malloc(head_size + size);
	enum mt_http_state got;

	assert_non_null(text);
	memcpy(text, head, head_size);
	memset(text + head_size, 'x', size);
	got = reply(text, head_size + size, 5000, NULL, 0);
	free(text);
	return got;
}

static void
head_and_body_are_bounded(void **state)
{
	assert_int_equal(large("HTTP/1.0 200 OK\r\n\r\n", MT_FETCH_BYTES_MAX), MT_HTTP_DONE);
	assert_int_equal(large("HTTP/1.0 200 OK\r\n\r\n", MT_FETCH_BYTES_MAX + 1), MT_HTTP_FAILED);
	assert_int_equal(
		large("HTTP/1.0 200 OK\r\nContent-Length: 1048576\r\n\r\n", MT_FETCH_BYTES_MAX),
		MT_HTTP_DONE);
	assert_int_equal(large("HTTP/1.0 200 OK\r\nX: ", 2 * MT_HTTP_HEAD_MAX), MT_HTTP_FAILED);
	assert_int_equal(large("", 2 * MT_HTTP_HEAD_MAX), MT_HTTP_FAILED);
}

static void
a_head_of_many_short_lines_is_bounded_too(void **state)
{
	char text[2 * MT_HTTP_HEAD_MAX] = "HTTP/1.0 200 OK\r\n";
	size_t size = strlen(text);

	while (size + 6 < sizeof(text)) {
		memcpy(text + size, "A: b\r\n", 6);
		size += 6;
	}
	assert_int_equal(reply(text, size, 1000, NULL, 0), MT_HTTP_FAILED);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_url_is_cut_into_host_port_and_path),
		cmocka_unit_test(every_other_url_is_refused),
		cmocka_unit_test(a_path_is_taken_up_to_its_bound),
		cmocka_unit_test(only_global_addresses_are_global),
		cmocka_unit_test(a_request_is_one_get_for_the_host),
		cmocka_unit_test(a_body_is_the_same_however_it_arrives),
		cmocka_unit_test(every_other_reply_fails),
		cmocka_unit_test(a_redirect_says_where_to),
		cmocka_unit_test(head_and_body_are_bounded),
		cmocka_unit_test(a_head_of_many_short_lines_is_bounded_too),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
