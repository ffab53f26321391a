/* SPDX-License-Identifier: MIT */
#ifndef MT_DAEMON_WORKER_DOCUMENT_FETCH_H
#define MT_DAEMON_WORKER_DOCUMENT_FETCH_H

/*
 * One document: one exchange (exchange.h), and what came read (document.h). Judges nothing: the
 * chain goes to the keeper beside what was read, and a redirect goes there instead of being
 * followed, so that each host's certificate is looked at before the next one is asked.
 */

#include "daemon/worker/dns.h"

struct mt_document_fetch;

/* What the reply points to lives during the call. */
typedef void (*mt_document_fetch_fn)(const struct mt_document_reply *reply, void *userdata);

/* The callback runs exactly once, never from inside, and the fetch is gone when it returns. The
 * request is copied. Return: 0 or -ENOMEM. */
MT_MUST_CHECK int mt_document_fetch_start(struct event_base *base, struct mt_dns *dns,
					  const struct mt_document_request *request,
					  mt_document_fetch_fn callback, void *userdata,
					  struct mt_document_fetch **ret);
struct mt_document_fetch *mt_document_fetch_cancel(struct mt_document_fetch *fetch);

#endif
