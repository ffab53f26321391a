/* SPDX-License-Identifier: MIT */
#ifndef MT_DAEMON_WORKER_HTTP_H
#define MT_DAEMON_WORKER_HTTP_H

/*
 * As much of an HTTP client as fetching a blob takes (RFC 9110, RFC 9112): one GET of
 * version 1.0, and the reply to it, bytes in, body out. No I/O.
 *
 * Version 1.0 keeps transfer codings and connection reuse away; a server that uses one all the same
 * has not understood us and is given up. The body is 1 byte to as many as the caller takes, and as
 * long as Content-Length says where that is there, else it ends with the connection: whether it was
 * cut is seen by whoever parses it. Nothing of a reply is believed but its length and where it
 * redirects to, which is a URL of our kind and no more. Cookies, types, dates and caching mean
 * nothing here.
 */

#include "daemon/worker/chain.h"

struct mt_http;

enum mt_http_state {
	MT_HTTP_FAILED = 0,
	MT_HTTP_MORE,
	MT_HTTP_REDIRECTED, /* mt_http_location() says where to */
	MT_HTTP_DONE
};

/* Writes the request for an order. Return: its size, which always fits. */
#define MT_HTTP_REQUEST_SIZE (MT_FETCH_PATH_SIZE + MT_DOMAIN_SIZE + 128)
size_t mt_http_format_request(const struct mt_fetch_order *order,
			      char ret[static MT_HTTP_REQUEST_SIZE]);

/* is_https: what a redirect may lead to is https as well. body_max: bytes, from 1. */
MT_MUST_CHECK int mt_http_new(bool is_https, size_t body_max, struct mt_http **ret);
struct mt_http *mt_http_free(struct mt_http *http);
MT_DEFINE_CLEANUP(struct mt_http *, mt_http_free);

/* Takes bytes of the reply, or that it has ended. Other than MORE is final. */
enum mt_http_state mt_http_feed(struct mt_http *http, const uint8_t *data, size_t size);
enum mt_http_state mt_http_end(struct mt_http *http);

/* The status; 0: none came. */
unsigned int mt_http_status(const struct mt_http *http);
/* Live as long as the reply. location: NULL where it is no redirect. */
struct mt_bytes mt_http_body(const struct mt_http *http);
const struct mt_fetch_order *mt_http_location(const struct mt_http *http);

#endif
