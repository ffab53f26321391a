/* SPDX-License-Identifier: MIT */
#ifndef MT_DAEMON_WORKER_DNS_H
#define MT_DAEMON_WORKER_DNS_H

/*
 * Addresses of hosts, through libunbound on our loop, with the DNSSEC state of what they came from
 * (DESIGN §9).
 *
 * Everything that needs a file (hosts, resolv.conf, trust anchors) is read by mt_dns_new(), which
 * also makes libunbound build itself completely: afterwards only UDP and TCP sockets are needed.
 * Lookups have a deadline of their own, MT_DNS_USEC; libunbound alone takes 17-23 s. What was found
 * until then counts.
 *
 * SERVFAIL is never "insecure": it is UNDETERMINED. Addresses of a bogus answer are not handed out.
 * localhost, *.localhost and literals are answered here and never asked (RFC 6761 §6.3).
 */

#include "daemon/worker/wire.h"

struct event_base;
struct mt_dns;
struct mt_dns_lookup;

struct mt_dns_options {
	const char *const *forward; /* ADDR@PORT; none: the nameservers of resolv.conf */
	size_t n_forward;
	const char *const
		*anchor; /* files; none: the distribution's root key, where there is one */
	size_t n_anchor;
};

/* Return: 0, MT_DNS_E_CONFIG, or negative errno. Runs the loop until libunbound
 * is complete. */
enum { MT_DNS_E_CONFIG = 1 };
MT_MUST_CHECK int mt_dns_new(struct event_base *base, const struct mt_dns_options *options,
			     struct mt_dns **ret);
/* Cancels what is left, without callbacks. */
struct mt_dns *mt_dns_free(struct mt_dns *dns);
MT_DEFINE_CLEANUP(struct mt_dns *, mt_dns_free);

typedef void (*mt_dns_fn)(const struct mt_addresses *addresses, void *userdata);

/* Looks AAAA and A of a normalised host up. The callback runs exactly once, never from inside, and
 * the lookup is gone when it returns. Return: 0 or -ENOMEM. */
MT_MUST_CHECK int mt_dns_start(struct mt_dns *dns, const char *host, mt_dns_fn callback,
			       void *userdata, struct mt_dns_lookup **ret);
struct mt_dns_lookup *mt_dns_cancel(struct mt_dns_lookup *lookup);

/* Reads addresses of one family (RR type 1 or 28), or their absence, from a DNS response, adding
 * to ret; with the shortest TTL. Exposed for its fuzzer. Return: the response's rcode, or -1 where
 * it is malformed. */
int mt_dns_read_answer(const uint8_t *packet, size_t size, unsigned rr_type,
		       struct mt_addresses *ret);

#endif
