/* SPDX-License-Identifier: MIT */
/* Index records: by uid, by address, by domain, by pinned leaf, and tombstones. */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/accounts-private.h"

#define INDEX_VERSION 1
/* Of one uid. 128 addresses of full length stay below MT_RECORD_MAX; nobody removes more accounts
 * in 30 days but to get rid of what is remembered, hence the order of eviction below. */
#define TOMBSTONES_MAX 128

static int
decode_outcome(struct mt_reader *reader)
{
	return mt_reader_is_done(reader) ? 0 : MT_STORE_E_DAMAGED;
}

static bool
decode_version(struct mt_reader *reader)
{
	if (mt_reader_u8(reader) != INDEX_VERSION)
		reader->failed = true;
	return !reader->failed;
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

/* -- by uid
 * ---------------------------------------------------------------------------------------- */

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

/* -- by address
 * ------------------------------------------------------------------------------------ */

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

/* -- by domain: chunks of ids, so that a domain of many accounts is never rewritten whole
 * ---------- */

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

/* -- by pinned leaf
 * -------------------------------------------------------------------------------- */

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

/* -- tombstones
 * ------------------------------------------------------------------------------------ */

static int
tombstone_decode(struct mt_reader *reader, void *userdata)
{
	struct mt_tombstone *ret = userdata;

	decode_version(reader);
	ret->removed_at_usec = mt_reader_i64(reader);
	ret->was_committed = mt_reader_bool(reader);
	ret->suspender = mt_reader_enum(reader, MT_SUSPENDER_COUNT);
	for (size_t i = 1; i < MT_PROTO_COUNT; i++)
		ret->best[i] = mt_reader_enum(reader, MT_LEVEL_COUNT);
	ret->n_declined = mt_reader_enum(reader, MT_DECLINED_MAX + 1);
	for (size_t i = 0; i < ret->n_declined; i++)
		mt_reader_string(reader, ret->declined[i], sizeof(ret->declined[i]));
	return decode_outcome(reader);
}

int
mt_index_get_tombstone(struct mt_accounts *accounts, uint32_t uid, const char *address,
		       struct mt_tombstone *ret)
{
	struct mt_key key;
	int r;

	memset(ret, 0, sizeof(*ret));
	address_key(&key, MT_RECORD_TOMBSTONE, uid, address);
	r = mt_store_get(accounts->store, &key, tombstone_decode, ret);
	if (r != MT_STORE_E_DAMAGED)
		return mt_accounts_outcome(r);
	/* What it said is lost; the strictest it can have said is not forgotten. */
	memset(ret, 0, sizeof(*ret));
	ret->was_committed = true;
	ret->suspender = MT_SUSPENDER_ADMIN;
	ret->removed_at_usec = mt_clock_wall(accounts->clock);
	return 0;
}

struct grave {
	int64_t removed_at_usec;
	uint8_t weight; /* what is lost if it goes: 2 a suspension, 1 a level, 0 nothing */
	char address[MT_ADDRESS_SIZE];
};

struct graves {
	struct grave grave[TOMBSTONES_MAX + 1];
	size_t n;
};

static int
graves_decode(struct mt_reader *reader, void *userdata)
{
	struct graves *graves = userdata;

	decode_version(reader);
	graves->n = mt_reader_enum(reader, TOMBSTONES_MAX + 1);
	for (size_t i = 0; i < graves->n; i++) {
		graves->grave[i].removed_at_usec = mt_reader_i64(reader);
		graves->grave[i].weight = (uint8_t)mt_reader_enum(reader, 3);
		mt_reader_string(reader, graves->grave[i].address, MT_ADDRESS_SIZE);
	}
	return decode_outcome(reader);
}

/* The list of a uid's tombstones stands under the key of an empty address. */
static int
graves_get(struct mt_accounts *accounts, uint32_t uid, struct graves *ret)
{
	struct mt_key key;
	int r;

	address_key(&key, MT_RECORD_TOMBSTONE, uid, NULL);
	r = mt_store_get(accounts->store, &key, graves_decode, ret);
	if (r == MT_STORE_E_NOT_FOUND || r == MT_STORE_E_DAMAGED) {
		ret->n = 0;
		return 0;
	}
	return mt_accounts_outcome(r);
}

static int
graves_put(struct mt_accounts *accounts, uint32_t uid, const struct graves *graves)
{
	struct mt_writer writer = {0};
	struct mt_key key;

	address_key(&key, MT_RECORD_TOMBSTONE, uid, NULL);
	if (graves->n == 0)
		return mt_accounts_outcome(mt_store_remove(accounts->store, &key));
	mt_writer_u8(&writer, INDEX_VERSION);
	mt_writer_u8(&writer, (unsigned int)graves->n);
	for (size_t i = 0; i < graves->n; i++) {
		mt_writer_i64(&writer, graves->grave[i].removed_at_usec);
		mt_writer_u8(&writer, graves->grave[i].weight);
		mt_writer_string(&writer, graves->grave[i].address);
	}
	return put_and_clear(accounts, &key, &writer);
}

/* Takes grave i off the list and its record out of the store. */
static int
graves_drop(struct mt_accounts *accounts, uint32_t uid, struct graves *graves, size_t i)
{
	struct mt_key key;

	address_key(&key, MT_RECORD_TOMBSTONE, uid, graves->grave[i].address);
	memmove(&graves->grave[i], &graves->grave[i + 1],
		(graves->n - i - 1) * sizeof(graves->grave[0]));
	graves->n--;
	return mt_accounts_outcome(mt_store_remove(accounts->store, &key));
}

/* The lightest, and of these the oldest: they are in the order they were dug. */
static size_t
graves_lightest(const struct graves *graves)
{
	size_t lightest = 0;

	for (size_t i = 1; i < graves->n; i++)
		if (graves->grave[i].weight < graves->grave[lightest].weight)
			lightest = i;
	return lightest;
}

static uint8_t
tombstone_weight(const struct mt_tombstone *tombstone)
{
	if (tombstone->suspender != MT_SUSPENDER_NONE)
		return 2;
	return tombstone->was_committed ? 1 : 0;
}

static int
graves_add(struct mt_accounts *accounts, uint32_t uid, const char *address,
	   const struct mt_tombstone *tombstone, struct graves *graves)
{
	const int64_t oldest = tombstone->removed_at_usec - MT_TOMBSTONE_USEC;
	struct grave *grave;
	int r = 0;

	for (size_t i = graves->n; i-- > 0 && r == 0;)
		if (graves->grave[i].removed_at_usec <= oldest ||
		    strcmp(graves->grave[i].address, address) == 0)
			r = graves_drop(accounts, uid, graves, i);
	if (r != 0)
		return r;
	grave = &graves->grave[graves->n++];
	grave->removed_at_usec = tombstone->removed_at_usec;
	grave->weight = tombstone_weight(tombstone);
	(void)snprintf(grave->address, sizeof(grave->address), "%s", address);
	if (graves->n > TOMBSTONES_MAX)
		r = graves_drop(accounts, uid, graves, graves_lightest(graves));
	return r;
}

int
mt_index_put_tombstone(struct mt_accounts *accounts, uint32_t uid, const char *address,
		       const struct mt_tombstone *tombstone)
{
	struct graves *graves = malloc(sizeof(*graves));
	struct mt_writer writer = {0};
	struct mt_key key;
	int r;

	if (!graves)
		return -ENOMEM;
	address_key(&key, MT_RECORD_TOMBSTONE, uid, address);
	mt_writer_u8(&writer, INDEX_VERSION);
	mt_writer_i64(&writer, tombstone->removed_at_usec);
	mt_writer_u8(&writer, tombstone->was_committed);
	mt_writer_u8(&writer, tombstone->suspender);
	for (size_t i = 1; i < MT_PROTO_COUNT; i++)
		mt_writer_u8(&writer, tombstone->best[i]);
	mt_writer_u8(&writer, (unsigned int)tombstone->n_declined);
	for (size_t i = 0; i < tombstone->n_declined; i++)
		mt_writer_string(&writer, tombstone->declined[i]);

	r = graves_get(accounts, uid, graves);
	/* The list first: should it be this one that is evicted, its record must not come after. */
	if (r == 0)
		r = graves_add(accounts, uid, address, tombstone, graves);
	if (r == 0)
		r = graves_put(accounts, uid, graves);
	if (r == 0 && graves->n > 0 && strcmp(graves->grave[graves->n - 1].address, address) == 0)
		r = put_and_clear(accounts, &key, &writer);
	mt_writer_clear(&writer);
	free(graves);
	return r;
}

int
mt_index_remove_tombstone(struct mt_accounts *accounts, uint32_t uid, const char *address)
{
	struct graves *graves = malloc(sizeof(*graves));
	struct mt_key key;
	int r;

	if (!graves)
		return -ENOMEM;
	r = graves_get(accounts, uid, graves);
	for (size_t i = graves->n; r == 0 && i-- > 0;)
		if (strcmp(graves->grave[i].address, address) == 0)
			r = graves_drop(accounts, uid, graves, i);
	if (r == 0)
		r = graves_put(accounts, uid, graves);
	free(graves);
	if (r != 0)
		return r;
	address_key(&key, MT_RECORD_TOMBSTONE, uid, address);
	return mt_accounts_outcome(mt_store_remove(accounts->store, &key));
}
