/* SPDX-License-Identifier: MIT */
#ifndef MT_DAEMON_WORKER_PROBE_H
#define MT_DAEMON_WORKER_PROBE_H

/*
 * A look at one mail server: connect, greeting, capabilities, STARTTLS, TLS; capability verbs only,
 * never credentials (D-SYS-11). Yields evidence, never server bytes.
 *
 * Drives the session of ipc/mail over a non-blocking socket; the addresses are tried in turn until
 * one accepts the connection. When the request has none, the host is resolved first. Where a probe
 * may go at all (saved endpoints, mail ports, loopback) was decided by the keeper; how often, too.
 */

#include "daemon/worker/dns.h"

struct mt_probe;

typedef void (*mt_probe_fn)(const struct mt_probe_result *result, void *userdata);

/* The callback runs exactly once, never from inside, and the probe is gone when it returns.
 * Return: 0 or negative errno. */
MT_MUST_CHECK int mt_probe_start(struct event_base *base, struct mt_dns *dns,
				 const struct mt_probe_request *request, mt_probe_fn callback,
				 void *userdata, struct mt_probe **ret);
struct mt_probe *mt_probe_cancel(struct mt_probe *probe);

#endif
