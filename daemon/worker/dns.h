/* SPDX-License-Identifier: MIT */
#ifndef MT_DAEMON_WORKER_DNS_H
#define MT_DAEMON_WORKER_DNS_H

/*
 * DNS through libunbound on our loop, validated here and not by somebody's AD bit (DESIGN §9,
 * D-DANE-10): addresses of hosts, SRV RRsets, TLSA RRsets, digests in TXT RRsets, each with the
 * DNSSEC state of what they came from.
 *
 * Everything that needs a file (hosts, resolv.conf, trust anchors) is read by mt_dns_new(), which
 * also makes libunbound build itself completely: afterwards only UDP and TCP sockets are needed.
 * A lookup has a deadline of its own, MT_DNS_USEC; libunbound alone takes 17-23 s. What was found
 * until then counts. More than MT_DNS_QUESTIONS_MAX outstanding questions are not asked.
 *
 * SERVFAIL is never "insecure": it is UNDETERMINED. Data of a bogus answer is not handed out.
 * localhost, *.localhost and literals are answered here and never asked (RFC 6761 §6.3). A name
 * that root put into /etc/hosts does not come from DNS and is insecure.
 *
 * Not here: what an answer is worth (policy/rrset.h, policy/discovery.h), and remembering it beyond
 * libunbound's own cache.
 */

#include "daemon/worker/wire.h"

struct event_base;
struct mt_dns;
struct mt_dns_lookup;

struct mt_dns_options {
	const char *const *forward; /* ADDR@PORT; none: the nameservers of resolv.conf */
	size_t n_forward;
	const char *const *anchor; /* files, beside the distribution's root key */
	size_t n_anchor;
	const char *const *negative; /* domains below which nothing is validated (RFC 7646) */
	size_t n_negative;
};

/* Return: 0, MT_DNS_E_CONFIG, or negative errno. Runs the loop until libunbound
 * is complete. */
enum { MT_DNS_E_CONFIG = 1 };
MT_MUST_CHECK int mt_dns_new(struct event_base *base, const struct mt_dns_options *options,
			     struct mt_dns **ret);
/* Cancels what is left, without callbacks. */
struct mt_dns *mt_dns_free(struct mt_dns *dns);
MT_DEFINE_CLEANUP(struct mt_dns *, mt_dns_free);

/* No anchor was found: everything is insecure, and DANE is not used. */
bool mt_dns_has_anchor(const struct mt_dns *dns);

/* Lookups. The callback runs exactly once, never from inside the function that started it, and the
 * lookup is gone when it returns; what it is handed lives during the call. Return: 0 or -ENOMEM. */
typedef void (*mt_dns_fn)(const struct mt_addresses *addresses, void *userdata);
typedef void (*mt_dns_srv_fn)(const struct mt_srv_rrset *rrset, void *userdata);
typedef void (*mt_dns_tlsa_fn)(const struct mt_tlsa_rrset *rrset, void *userdata);
typedef void (*mt_dns_digest_fn)(const struct mt_digest_rrset *rrset, void *userdata);

/* AAAA and A of a normalised host. */
MT_MUST_CHECK int mt_dns_start(struct mt_dns *dns, const char *host, mt_dns_fn callback,
			       void *userdata, struct mt_dns_lookup **ret);
/* SRV of a normalised name, "_imaps._tcp.example.test". */
MT_MUST_CHECK int mt_dns_start_srv(struct mt_dns *dns, const char *name, mt_dns_srv_fn callback,
				   void *userdata, struct mt_dns_lookup **ret);
/* TLSA of a service on a normalised host: its addresses are asked first, and only where they are
 * secure, or securely absent, _port._tcp.host is (D-DANE-01, D-DANE-02). */
MT_MUST_CHECK int mt_dns_start_tlsa(struct mt_dns *dns, const char *host, uint16_t port,
				    mt_dns_tlsa_fn callback, void *userdata,
				    struct mt_dns_lookup **ret);
/* TXT of a normalised name, "_ua-auto-config.example.test", read as digests (D-DISC-07). */
MT_MUST_CHECK int mt_dns_start_digest(struct mt_dns *dns, const char *name,
				      mt_dns_digest_fn callback, void *userdata,
				      struct mt_dns_lookup **ret);
struct mt_dns_lookup *mt_dns_cancel(struct mt_dns_lookup *lookup);

#endif
