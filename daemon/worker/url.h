/* SPDX-License-Identifier: MIT */
#ifndef MT_DAEMON_WORKER_URL_H
#define MT_DAEMON_WORKER_URL_H

/*
 * URLs cut into host, port and path (RFC 3986): http for OCSP responders and CRLs (RFC 5280
 * §4.2.1.13 and §4.2.2.1), https for documents with settings.
 *
 * In a certificate https is refused on purpose: fetching over it would need an answer about another
 * certificate first, and what is fetched is signed (RFC 5280 §8). Where https is meant, nothing
 * else is taken, and no port but its own. Refused in both are user names, fragments, control
 * characters and ports below 1024 other than 80: nobody's certificate points a daemon at a mail
 * server. Does not look where the host leads; daemon/worker/fetch.h does.
 */

#include "daemon/worker/chain.h"

#define MT_HTTP_PORT 80
#define MT_HTTPS_PORT 443

enum { MT_URL_E_INVALID = 1 };

/* Return: 0, or MT_URL_E_INVALID with *ret untouched. */
MT_MUST_CHECK int mt_url_parse(const char *text, size_t size, struct mt_fetch_order *ret);
MT_MUST_CHECK int mt_url_parse_https(const char *text, size_t size, struct mt_fetch_order *ret);

/* Whether an order, whoever made it, is one that mt_url_parse() could have made. */
bool mt_url_is_sane(const struct mt_fetch_order *order);
bool mt_url_is_sane_https(const struct mt_fetch_order *order);

#endif
