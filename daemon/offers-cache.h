/* SPDX-License-Identifier: MIT */
#ifndef MT_DAEMON_OFFERS_CACHE_H
#define MT_DAEMON_OFFERS_CACHE_H

/*
 * What sources other than SRV last named for a domain, in the store, beside the SRV answers of
 * srv-cache.h and for the same: so that an endpoint is set up from this end's word and not from its
 * caller's. One record for each (uid, domain, source); only what a source answered takes a place,
 * be it that there is nothing, never that it could not be asked. Presets are not in it: they are at
 * hand. Records come and go with those of SRV.
 */

#include "daemon/sources.h"
#include "daemon/store.h"

/* Sources whose offers are stored. */
#define MT_OFFERS_STORED                                               \
	(MT_BIT(MT_DISCOVERY_PACC) | MT_BIT(MT_DISCOVERY_AUTOCONFIG) | \
	 MT_BIT(MT_DISCOVERY_AUTOCONFIG_HTTP))

struct mt_offers_entry {
	struct mt_offer offers[MT_OFFERS_MAX];
	size_t n;
	int64_t asked_usec; /* wall clock */
};

/* Keeps what sources answered. Return: 0, or what mt_store_begin() and mt_store_commit() answer:
 * nothing is kept then. */
MT_MUST_CHECK int mt_offers_cache_put(struct mt_store *store, uint32_t uid, const char *domain,
				      const struct mt_findings *found, int64_t asked_usec);

/* What a source named within MT_DISCOVERED_USEC; what is older is not found, nor what will have
 * been asked later than now. Return: as mt_store_get(). */
MT_MUST_CHECK int mt_offers_cache_get(struct mt_store *store, uint32_t uid, const char *domain,
				      enum mt_discovery source, int64_t now_usec,
				      struct mt_offers_entry *ret);

/* Forgets a domain. Return: as mt_offers_cache_put(). */
MT_MUST_CHECK int mt_offers_cache_forget(struct mt_store *store, uint32_t uid, const char *domain);

#endif
