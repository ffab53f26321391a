/* SPDX-License-Identifier: MIT */
/* Index records: by uid, by address, by domain, and by pinned leaf. */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/accounts-private.h"

#define INDEX_VERSION 1

static int
decode_outcome(struct mt_reader *reader)
{
	return mt_reader_is_done(reader) ? 0 : MT_STORE_E_DAMAGED;
}

static void
decode_version(struct mt_reader *reader)
{
	if (mt_reader_u8(reader) != INDEX_VERSION)
		reader->failed = true;
}

static int
put_and_clear(struct mt_accounts *accounts, const struct mt_key *key, struct mt_writer *writer)
{
	int r = mt_store_put(accounts->store, key, writer);

	mt_writer_clear(writer);
	return mt_accounts_outcome(r);
}

static void
address_key(struct mt_key *key, enum mt_record_kind kind, uint32_t uid, const char *address)
{
	mt_key_init(key, kind);
	mt_key_add_u32(key, uid);
	if (address)
		mt_key_add_string(key, address);
}

/* -- by uid */

static int
uid_decode(struct mt_reader *reader, void *userdata)
{
	struct mt_id_list *list = userdata;
	size_t n;

	decode_version(reader);
	n = mt_reader_u16(reader);
	if (n > MT_ACCOUNTS_PER_UID_MAX)
		return MT_STORE_E_DAMAGED;
	mt_reader_bytes(reader, list->ids, n * MT_ACCOUNT_ID_SIZE);
	list->n = n;
	return decode_outcome(reader);
}

int
mt_index_get_uid(struct mt_accounts *accounts, uint32_t uid, struct mt_id_list *ret)
{
	struct mt_key key;
	int r;

	ret->n = 0;
	address_key(&key, MT_RECORD_UID, uid, NULL);
	r = mt_store_get(accounts->store, &key, uid_decode, ret);
	return r == MT_STORE_E_NOT_FOUND ? 0 : mt_accounts_outcome(r);
}

int
mt_index_put_uid(struct mt_accounts *accounts, uint32_t uid, const struct mt_id_list *list)
{
	struct mt_writer writer = {0};
	struct mt_key key;

	address_key(&key, MT_RECORD_UID, uid, NULL);
	if (list->n == 0)
		return mt_accounts_outcome(mt_store_remove(accounts->store, &key));
	mt_writer_u8(&writer, INDEX_VERSION);
	mt_writer_u16(&writer, (unsigned int)list->n);
	mt_writer_bytes(&writer, list->ids, list->n * MT_ACCOUNT_ID_SIZE);
	return put_and_clear(accounts, &key, &writer);
}

/* -- by address */

static int
id_decode(struct mt_reader *reader, void *userdata)
{
	struct mt_account_id *id = userdata;

	decode_version(reader);
	mt_reader_bytes(reader, id->bytes, sizeof(id->bytes));
	return decode_outcome(reader);
}

/* A damaged index entry: the uid's own list, which is short, still leads to the account. */
static int
address_search(struct mt_accounts *accounts, uint32_t uid, const char *address,
	       struct mt_account_id *ret)
{
	struct mt_id_list *list = malloc(sizeof(*list));
	const struct mt_account *account;
	int r;

	if (!list)
		return -ENOMEM;
	r = mt_index_get_uid(accounts, uid, list);
	for (size_t i = 0; r == 0 && i < list->n; i++) {
		if (mt_accounts_load(accounts, &list->ids[i], &account) != 0 ||
		    strcmp(account->address, address) != 0)
			continue;
		*ret = account->id;
		free(list);
		return 0;
	}
	free(list);
	return r == 0 ? MT_ACCOUNTS_E_UNKNOWN : r;
}

int
mt_index_get_address(struct mt_accounts *accounts, uint32_t uid, const char *address,
		     struct mt_account_id *ret)
{
	struct mt_key key;
	int r;

	address_key(&key, MT_RECORD_ADDRESS, uid, address);
	r = mt_store_get(accounts->store, &key, id_decode, ret);
	if (r == MT_STORE_E_DAMAGED)
		return address_search(accounts, uid, address, ret);
	return mt_accounts_outcome(r);
}

int
mt_index_put_address(struct mt_accounts *accounts, uint32_t uid, const char *address,
		     const struct mt_account_id *id)
{
	struct mt_writer writer = {0};
	struct mt_key key;

	address_key(&key, MT_RECORD_ADDRESS, uid, address);
	mt_writer_u8(&writer, INDEX_VERSION);
	mt_writer_bytes(&writer, id->bytes, sizeof(id->bytes));
	return put_and_clear(accounts, &key, &writer);
}

int
mt_index_remove_address(struct mt_accounts *accounts, uint32_t uid, const char *address)
{
	struct mt_key key;

	address_key(&key, MT_RECORD_ADDRESS, uid, address);
	return mt_accounts_outcome(mt_store_remove(accounts->store, &key));
}

/* -- by domain: chunks of ids, so that a domain of many accounts is never rewritten whole */

struct chunk {
	struct mt_account_id ids[MT_DOMAIN_CHUNK];
	size_t n;
};

static void
chunk_key(struct mt_key *key, const char *domain, uint32_t number)
{
	mt_key_init(key, MT_RECORD_MEMBERS);
	mt_key_add_u32(key, number);
	mt_key_add_string(key, domain);
}

static int
chunk_decode(struct mt_reader *reader, void *userdata)
{
	struct chunk *chunk = userdata;
	size_t n;

	decode_version(reader);
	n = mt_reader_u16(reader);
	if (n > MT_DOMAIN_CHUNK)
		return MT_STORE_E_DAMAGED;
	mt_reader_bytes(reader, chunk->ids, n * MT_ACCOUNT_ID_SIZE);
	chunk->n = n;
	return decode_outcome(reader);
}

static int
chunk_get(struct mt_accounts *accounts, const char *domain, uint32_t number, struct chunk *ret)
{
	struct mt_key key;

	ret->n = 0;
	chunk_key(&key, domain, number);
	return mt_store_get(accounts->store, &key, chunk_decode, ret);
}

static int
chunk_put(struct mt_accounts *accounts, const char *domain, uint32_t number,
	  const struct chunk *chunk)
{
	struct mt_writer writer = {0};
	struct mt_key key;

	chunk_key(&key, domain, number);
	mt_writer_u8(&writer, INDEX_VERSION);
	mt_writer_u16(&writer, (unsigned int)chunk->n);
	mt_writer_bytes(&writer, chunk->ids, chunk->n * MT_ACCOUNT_ID_SIZE);
	return put_and_clear(accounts, &key, &writer);
}

/* How many chunks a domain has ever needed. */
static int
domain_decode(struct mt_reader *reader, void *userdata)
{
	uint32_t *n_chunks = userdata;

	decode_version(reader);
	*n_chunks = mt_reader_u32(reader);
	return decode_outcome(reader);
}

static int
domain_get(struct mt_accounts *accounts, const char *domain, uint32_t *ret_n_chunks)
{
	struct mt_key key;
	int r;

	*ret_n_chunks = 0;
	mt_key_init(&key, MT_RECORD_DOMAIN);
	mt_key_add_string(&key, domain);
	r = mt_store_get(accounts->store, &key, domain_decode, ret_n_chunks);
	if (r != MT_STORE_E_DAMAGED)
		return r == MT_STORE_E_NOT_FOUND ? 0 : r;
	/* One damaged count must not cost a whole domain its watch: chunks are numbered densely. */
	for (*ret_n_chunks = 0;; (*ret_n_chunks)++) {
		chunk_key(&key, domain, *ret_n_chunks);
		if (!mt_store_has(accounts->store, &key))
			return 0;
	}
}

static int
domain_put(struct mt_accounts *accounts, const char *domain, uint32_t n_chunks)
{
	struct mt_writer writer = {0};
	struct mt_key key;

	mt_key_init(&key, MT_RECORD_DOMAIN);
	mt_key_add_string(&key, domain);
	if (n_chunks == 0)
		return mt_accounts_outcome(mt_store_remove(accounts->store, &key));
	mt_writer_u8(&writer, INDEX_VERSION);
	mt_writer_u32(&writer, n_chunks);
	return put_and_clear(accounts, &key, &writer);
}

int
mt_index_add_domain(struct mt_accounts *accounts, const char *domain,
		    const struct mt_account_id *id, uint32_t *ret_chunk)
{
	struct chunk chunk;
	uint32_t n_chunks;
	int r;

	r = domain_get(accounts, domain, &n_chunks);
	if (r != 0)
		return mt_accounts_outcome(r);
	r = n_chunks > 0 ? chunk_get(accounts, domain, n_chunks - 1, &chunk) : 0;
	/* No chunk yet, or the last is full, or damaged: then the next one. */
	if (n_chunks == 0 || r == MT_STORE_E_DAMAGED || (r == 0 && chunk.n == MT_DOMAIN_CHUNK)) {
		chunk.n = 0;
		r = domain_put(accounts, domain, ++n_chunks);
	}
	if (r != 0 && r != MT_STORE_E_NOT_FOUND)
		return mt_accounts_outcome(r);
	chunk.ids[chunk.n++] = *id;
	*ret_chunk = n_chunks - 1;
	return chunk_put(accounts, domain, n_chunks - 1, &chunk);
}

int
mt_index_remove_domain(struct mt_accounts *accounts, const char *domain, uint32_t number,
		       const struct mt_account_id *id)
{
	struct chunk chunk;
	uint32_t n_chunks;
	struct mt_key key;
	size_t i = 0;
	int r;

	r = chunk_get(accounts, domain, number, &chunk);
	if (r == MT_STORE_E_NOT_FOUND || r == MT_STORE_E_DAMAGED)
		return 0; /* whoever reads the index looks each account up */
	if (r != 0)
		return mt_accounts_outcome(r);
	while (i < chunk.n && !mt_account_id_equal(&chunk.ids[i], id))
		i++;
	if (i == chunk.n)
		return 0;
	chunk.ids[i] = chunk.ids[--chunk.n];
	r = domain_get(accounts, domain, &n_chunks);
	if (r != 0)
		return mt_accounts_outcome(r);
	if (chunk.n > 0 || number + 1 != n_chunks)
		return chunk_put(accounts, domain, number, &chunk);
	chunk_key(&key, domain, number);
	r = mt_store_remove(accounts->store, &key);
	return r != 0 ? mt_accounts_outcome(r) : domain_put(accounts, domain, number);
}

int
mt_accounts_list_domain(struct mt_accounts *accounts, const char *domain, uint32_t number,
			struct mt_account_id ret[static MT_DOMAIN_CHUNK], size_t *ret_n)
{
	struct chunk chunk;
	uint32_t n_chunks;
	int r;

	r = domain_get(accounts, domain, &n_chunks);
	if (r != 0)
		return mt_accounts_outcome(r);
	*ret_n = 0;
	if (number >= n_chunks)
		return MT_ACCOUNTS_E_UNKNOWN;
	r = chunk_get(accounts, domain, number, &chunk);
	if (r == MT_STORE_E_NOT_FOUND || r == MT_STORE_E_DAMAGED)
		return 0;
	if (r != 0)
		return mt_accounts_outcome(r);
	memcpy(ret, chunk.ids, chunk.n * sizeof(*ret));
	*ret_n = chunk.n;
	return 0;
}

/* -- by pinned leaf */

static int
count_decode(struct mt_reader *reader, void *userdata)
{
	uint32_t *count = userdata;

	decode_version(reader);
	*count = mt_reader_u32(reader);
	return decode_outcome(reader);
}

static void
pin_key(struct mt_key *key, const uint8_t *leaf)
{
	mt_key_init(key, MT_RECORD_PIN);
	mt_key_add(key, leaf, 32);
}

uint32_t
mt_index_get_pin(struct mt_accounts *accounts, const uint8_t leaf[static 32])
{
	struct mt_key key;
	uint32_t count = 0;

	pin_key(&key, leaf);
	/* For the administrator's log only: what cannot be read is not logged. */
	return mt_store_get(accounts->store, &key, count_decode, &count) == 0 ? count : 0;
}

int
mt_index_add_pin(struct mt_accounts *accounts, const uint8_t leaf[static 32], int delta)
{
	uint32_t count = mt_index_get_pin(accounts, leaf);
	struct mt_writer writer = {0};
	struct mt_key key;

	pin_key(&key, leaf);
	count = delta < 0 && count == 0 ? 0 : (uint32_t)((int64_t)count + delta);
	if (count == 0)
		return mt_accounts_outcome(mt_store_remove(accounts->store, &key));
	mt_writer_u8(&writer, INDEX_VERSION);
	mt_writer_u32(&writer, count);
	return put_and_clear(accounts, &key, &writer);
}
