/* SPDX-License-Identifier: MIT */
#ifndef MT_DAEMON_WORKER_FETCH_H
#define MT_DAEMON_WORKER_FETCH_H

/*
 * Fetches one OCSP response or CRL in clear, following at most MT_FETCH_REDIRECTS_MAX redirects,
 * all before one deadline (D-PKIX-04). What may be connected to is looked at again for each
 * (exchange.h). What comes back is signed bytes to somebody else; here it is only counted.
 */

#include "daemon/worker/dns.h"

struct mt_fetch;

typedef void (*mt_fetch_fn)(const struct mt_fetched *fetched, void *userdata);

/* The callback runs exactly once, never from inside, and the fetch is gone when it returns; so are
 * the bytes. The request is copied. Return: 0 or -ENOMEM. */
MT_MUST_CHECK int mt_fetch_start(struct event_base *base, struct mt_dns *dns,
				 const struct mt_fetch_request *request, mt_fetch_fn callback,
				 void *userdata, struct mt_fetch **ret);
struct mt_fetch *mt_fetch_cancel(struct mt_fetch *fetch);

#endif
