/* SPDX-License-Identifier: MIT */
/* A set-associative table of validations. */

#include "daemon/chain-cache.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>

#define WAYS 4
#define SETS (MT_CHAIN_CACHE_ENTRIES / WAYS)

struct entry {
	uint8_t key[32];
	uint64_t used; /* 0: free */
	int64_t expires_usec;
	struct mt_validation validation;
};

struct mt_chain_cache {
	struct entry entries[SETS][WAYS];
	uint64_t clock; /* counts uses, for the least recent */
	EVP_MD *sha256; /* fetched once: fetching costs more than hashing */
	EVP_MD_CTX *context;
};

int
mt_chain_cache_new(struct mt_chain_cache **ret)
{
	MT_CLEANUP(mt_chain_cache_freep) struct mt_chain_cache *cache = calloc(1, sizeof(*cache));

	if (!cache)
		return -ENOMEM;
	cache->sha256 = EVP_MD_fetch(NULL, "SHA256", NULL);
	cache->context = EVP_MD_CTX_new();
	if (!cache->sha256 || !cache->context)
		return -ENOMEM;
	*ret = mt_steal(&cache);
	return 0;
}

struct mt_chain_cache *
mt_chain_cache_free(struct mt_chain_cache *cache)
{
	if (!cache)
		return NULL;
	EVP_MD_CTX_free(cache->context);
	EVP_MD_free(cache->sha256);
	free(cache);
	return NULL;
}

/* Every part is preceded by its size, and every list by its length, so that no two requests share
 * their bytes. */
static bool
hash_part(EVP_MD_CTX *context, const void *data, size_t size)
{
	uint64_t n = size;

	return EVP_DigestUpdate(context, &n, sizeof(n)) && EVP_DigestUpdate(context, data, size);
}

static bool
hash_length(EVP_MD_CTX *context, uint64_t n)
{
	return EVP_DigestUpdate(context, &n, sizeof(n));
}

/* A list that allows nothing is not the one that allows everything. */
static bool
hash_anchors(EVP_MD_CTX *context, const struct mt_digests *anchors)
{
	return hash_part(context, &anchors->is_set, sizeof(anchors->is_set)) &&
	       hash_part(context, anchors->digest, anchors->is_set ? anchors->n * 32 : 0);
}

static bool
hash_refs(EVP_MD_CTX *context, const struct mt_refids *refs)
{
	bool ok = hash_length(context, refs->n);

	for (size_t i = 0; i < refs->n && ok; i++)
		ok = hash_part(context, &refs->ids[i].type, sizeof(refs->ids[i].type)) &&
		     hash_part(context, refs->ids[i].value, strlen(refs->ids[i].value));
	return ok;
}

static bool
hash_tlsa(EVP_MD_CTX *context, const struct mt_tlsa *tlsa)
{
	bool ok = hash_part(context, &tlsa->status, sizeof(tlsa->status)) &&
		  hash_length(context, tlsa->n);

	for (size_t i = 0; i < tlsa->n && ok; i++) {
		const struct mt_tlsa_record *r = &tlsa->records[i];
		const uint8_t head[3] = {r->usage, r->selector, r->matching};

		ok = hash_part(context, head, sizeof(head)) && hash_part(context, r->data, r->size);
	}
	return ok;
}

static bool
hash_chain(EVP_MD_CTX *context, const struct mt_chain_request *request)
{
	bool ok = hash_part(context, request->staple.data, request->staple.size) &&
		  hash_length(context, request->n_chain);

	for (size_t i = 0; i < request->n_chain && ok; i++)
		ok = hash_part(context, request->chain[i].data, request->chain[i].size);
	return ok;
}

int
mt_chain_cache_key(struct mt_chain_cache *cache, uint32_t uid,
		   const struct mt_chain_request *request, const uint8_t generation[static 32],
		   uint8_t ret_key[static 32])
{
	EVP_MD_CTX *context = cache->context;

	if (EVP_DigestInit_ex2(context, cache->sha256, NULL) && hash_part(context, "chain", 5) &&
	    hash_part(context, &uid, sizeof(uid)) && hash_part(context, generation, 32) &&
	    hash_part(context, &request->wants_revocation, sizeof(request->wants_revocation)) &&
	    hash_anchors(context, &request->allowed_anchors) &&
	    hash_refs(context, &request->refs) && hash_tlsa(context, &request->tlsa) &&
	    hash_chain(context, request) && EVP_DigestFinal_ex(context, ret_key, NULL))
		return 0;
	return -EIO;
}

int
mt_chain_cache_session_key(struct mt_chain_cache *cache, const char *account_id, const char *host,
			   const uint8_t leaf[static 32], const struct mt_tlsa *tlsa,
			   uint64_t epoch, const uint8_t generation[static 32],
			   uint8_t ret_key[static 32])
{
	EVP_MD_CTX *context = cache->context;

	if (EVP_DigestInit_ex2(context, cache->sha256, NULL) && hash_part(context, "session", 7) &&
	    hash_part(context, account_id, strlen(account_id)) &&
	    hash_part(context, host, strlen(host)) && hash_part(context, leaf, 32) &&
	    hash_tlsa(context, tlsa) && hash_part(context, &epoch, sizeof(epoch)) &&
	    hash_part(context, generation, 32) && EVP_DigestFinal_ex(context, ret_key, NULL))
		return 0;
	return -EIO;
}

static struct entry *
set_of(struct mt_chain_cache *cache, const uint8_t *key)
{
	return cache->entries[(key[0] | (unsigned)key[1] << 8) % SETS];
}

const struct mt_validation *
mt_chain_cache_find(struct mt_chain_cache *cache, const uint8_t key[static 32], int64_t now_usec)
{
	struct entry *set = set_of(cache, key);

	for (size_t i = 0; i < WAYS; i++) {
		if (set[i].used == 0 || memcmp(set[i].key, key, 32) != 0)
			continue;
		if (now_usec >= set[i].expires_usec)
			return NULL;
		set[i].used = ++cache->clock;
		return &set[i].validation;
	}
	return NULL;
}

void
mt_chain_cache_put(struct mt_chain_cache *cache, const uint8_t key[static 32],
		   const struct mt_validation *validation, int64_t expires_usec)
{
	struct entry *set = set_of(cache, key), *to = &set[0];

	for (size_t i = 0; i < WAYS; i++) {
		if (set[i].used != 0 && memcmp(set[i].key, key, 32) == 0) {
			to = &set[i];
			break;
		}
		if (set[i].used < to->used)
			to = &set[i];
	}
	memcpy(to->key, key, 32);
	to->used = ++cache->clock;
	to->expires_usec = expires_usec;
	to->validation = *validation;
}
