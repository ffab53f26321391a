/* SPDX-License-Identifier: MIT */
#ifndef MT_DAEMON_WORKER_EXCHANGE_H
#define MT_DAEMON_WORKER_EXCHANGE_H

/*
 * One GET to one host, in clear or over TLS: resolve, connect, shake hands, ask, read, all before
 * one deadline.
 *
 * Nobody's document must become a way to talk to services of this machine or its neighbours: unless
 * the options say otherwise only global addresses are connected to, looked at after resolving, and
 * nothing but a GET in one line of our making is sent; no cookie, no login, no part of an address.
 * Over TLS the chain is recorded and not judged: what came is worth nothing until somebody did
 * (mt_tls_add_evidence()). Redirects are reported, not followed.
 */

#include "daemon/worker/dns.h"

struct mt_exchange;
struct mt_tls;

struct mt_exchange_options {
	struct event_base *base;
	struct mt_dns *dns;
	bool is_secure; /* https */
	bool may_be_local;
	size_t body_max;
	uint32_t deadline_msec;
};

/* What it points to lives during the callback. */
struct mt_exchanged {
	enum mt_fetch_state state;
	unsigned int status; /* of HTTP; 0: there was none */
	struct mt_bytes body;
	const struct mt_fetch_order *location; /* DONE, and not NULL: a redirect */
	const struct mt_tls *tls;              /* NULL: there was no handshake */
};

typedef void (*mt_exchange_fn)(const struct mt_exchanged *exchanged, void *userdata);

/* The callback runs exactly once, never from inside, and the exchange is gone when it returns. The
 * order is copied. Return: 0 or -ENOMEM. */
MT_MUST_CHECK int mt_exchange_start(const struct mt_exchange_options *options,
				    const struct mt_fetch_order *order, mt_exchange_fn callback,
				    void *userdata, struct mt_exchange **ret);
struct mt_exchange *mt_exchange_cancel(struct mt_exchange *exchange);

#endif
