/* SPDX-License-Identifier: MIT */
#ifndef MT_DAEMON_CHAIN_CACHE_H
#define MT_DAEMON_CHAIN_CACHE_H

/*
 * What the chain worker found, remembered in the keeper: parsing costs a hundred times hashing.
 *
 * The key is a SHA-256 over everything the outcome depends on: the uid, the chain and staple, the
 * reference identifiers, the TLSA set, whether revocation was asked for, and the generation of the
 * anchors. So another uid, another
 * name or another trust store never meets an entry, and a change needs no sweep: old entries are
 * simply never found again and are overwritten. An entry dies at its expiry. Bounded: a full set
 * forgets the entry that was used least recently. Knows validations, judges nothing.
 */

#include "daemon/worker/chain.h"

#define MT_CHAIN_CACHE_ENTRIES 1024 /* ~1 MiB; a machine talks to a few dozen servers */

struct mt_chain_cache;

MT_MUST_CHECK int mt_chain_cache_new(struct mt_chain_cache **ret);
struct mt_chain_cache *mt_chain_cache_free(struct mt_chain_cache *cache);
MT_DEFINE_CLEANUP(struct mt_chain_cache *, mt_chain_cache_free);

/* The key of a request. Return: 0, -EIO where hashing failed. */
MT_MUST_CHECK int mt_chain_cache_key(struct mt_chain_cache *cache, uint32_t uid,
				     const struct mt_chain_request *request,
				     const uint8_t generation[static 32],
				     uint8_t ret_key[static 32]);
/* The key under which a session of this account, host and leaf may be resumed in this epoch, as
 * long as DNS says the same (D-TLS-12). Return: 0, -EIO. */
MT_MUST_CHECK int mt_chain_cache_session_key(struct mt_chain_cache *cache, const char *account_id,
					     const char *host, const uint8_t leaf[static 32],
					     const struct mt_tlsa *tlsa, uint64_t epoch,
					     const uint8_t generation[static 32],
					     uint8_t ret_key[static 32]);

/* The entry, or NULL. Lives until the next put. */
const struct mt_validation *mt_chain_cache_find(struct mt_chain_cache *cache,
						const uint8_t key[static 32], int64_t now_usec);
void mt_chain_cache_put(struct mt_chain_cache *cache, const uint8_t key[static 32],
			const struct mt_validation *validation, int64_t expires_usec);

#endif
