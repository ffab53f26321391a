/* SPDX-License-Identifier: MIT */
#ifndef MT_DAEMON_SRV_CACHE_H
#define MT_DAEMON_SRV_CACHE_H

/*
 * The last SRV answers, in the store: RRset, TTL, DNSSEC state, when and whom it was asked; "there
 * is none" as well (D-SRV-14). One record for each (uid, domain, label): when somebody looked is
 * nobody else's business (D-SYS-02).
 *
 * It decides only what takes whose place: an answer takes any place, what is none (SERVFAIL, a
 * timeout, bogus data) only that of another that was none. It asks nobody, and no verdict reads it
 * (R-5.1-13): it is what an endpoint is set up from, what a later look is compared with, and what
 * `mailtrust srv show` prints. Kept past its TTL, for that is no reason to forget what a provider
 * once said; whoever sets up from it asks how old it is. Records are there as long as the uid has
 * an account in the domain: so their number is bounded by that of the accounts.
 */

#include "daemon/store.h"
#include "policy/discovery.h"

/* "127.0.0.1@53, 192.0.2.1@53"; what does not fit is left out. */
#define MT_SRV_RESOLVER_SIZE 128

struct mt_srv_entry {
	struct mt_srv_rrset answer;
	int64_t asked_usec; /* wall clock */
	char resolver[MT_SRV_RESOLVER_SIZE];
};

/* DNS said something, be it that there is nothing, and it is not known to be forged. */
bool mt_srv_rrset_is_answer(const struct mt_srv_rrset *rrset);

/* Keeps six answers, as mt_services, of one moment and resolver. Return: 0, or what
 * mt_store_begin() and mt_store_commit() answer: nothing is kept then. */
MT_MUST_CHECK int mt_srv_cache_put(struct mt_store *store, uint32_t uid, const char *domain,
				   const struct mt_srv_rrset *answers, int64_t asked_usec,
				   const char *resolver);

/* The answer of mt_services[service]. Return: as mt_store_get(). ret is ~9 KiB. */
MT_MUST_CHECK int mt_srv_cache_get(struct mt_store *store, uint32_t uid, const char *domain,
				   size_t service, struct mt_srv_entry *ret);

/* Forgets a domain. Return: as mt_srv_cache_put(). */
MT_MUST_CHECK int mt_srv_cache_forget(struct mt_store *store, uint32_t uid, const char *domain);

#endif
