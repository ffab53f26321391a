/* SPDX-License-Identifier: MIT */
/* Tombstones: what stays of a removed account for 30 days (REQUIREMENTS 4.9). */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/accounts-private.h"

/* Version 2 says when an offer was declined; before, as long ago as the removal. */
#define TOMBSTONE_VERSION 2
#define GRAVES_VERSION 1
/* Of one uid. 128 addresses of full length stay below MT_RECORD_MAX; nobody removes more accounts
 * in 30 days but to get rid of what is remembered, hence the order of eviction below. */
#define TOMBSTONES_MAX 128

static void
tombstone_key(struct mt_key *key, uint32_t uid, const char *address)
{
	mt_key_init(key, MT_RECORD_TOMBSTONE);
	mt_key_add_u32(key, uid);
	mt_key_add_string(key, address);
}

static bool
decode_version(struct mt_reader *reader)
{
	return mt_reader_u8(reader) == GRAVES_VERSION;
}

static int
put_and_clear(struct mt_accounts *accounts, const struct mt_key *key, struct mt_writer *writer)
{
	int r = mt_store_put(accounts->store, key, writer);

	mt_writer_clear(writer);
	return mt_accounts_outcome(r);
}

static int
tombstone_decode(struct mt_reader *reader, void *userdata)
{
	struct mt_tombstone *ret = userdata;
	const unsigned int version = mt_reader_u8(reader);

	if (version < 1 || version > TOMBSTONE_VERSION)
		return MT_STORE_E_DAMAGED;
	ret->removed_at_usec = mt_reader_i64(reader);
	ret->was_committed = mt_reader_bool(reader);
	ret->suspender = mt_reader_enum(reader, MT_SUSPENDER_COUNT);
	for (size_t i = 1; i < MT_PROTO_COUNT; i++)
		ret->best[i] = mt_reader_enum(reader, MT_LEVEL_COUNT);
	ret->n_declined = mt_reader_enum(reader, MT_DECLINED_MAX + 1);
	for (size_t i = 0; i < ret->n_declined; i++) {
		struct mt_declined *declined = &ret->declined[i];

		mt_reader_string(reader, declined->offer, sizeof(declined->offer));
		declined->at_usec = version >= 2 ? mt_reader_i64(reader) : ret->removed_at_usec;
	}
	return mt_reader_is_done(reader) ? 0 : MT_STORE_E_DAMAGED;
}

int
mt_index_get_tombstone(struct mt_accounts *accounts, uint32_t uid, const char *address,
		       struct mt_tombstone *ret)
{
	struct mt_key key;
	int r;

	memset(ret, 0, sizeof(*ret));
	tombstone_key(&key, uid, address);
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

	if (!decode_version(reader))
		return MT_STORE_E_DAMAGED;
	graves->n = mt_reader_enum(reader, TOMBSTONES_MAX + 1);
	for (size_t i = 0; i < graves->n; i++) {
		graves->grave[i].removed_at_usec = mt_reader_i64(reader);
		graves->grave[i].weight = (uint8_t)mt_reader_enum(reader, 3);
		mt_reader_string(reader, graves->grave[i].address, MT_ADDRESS_SIZE);
	}
	return mt_reader_is_done(reader) ? 0 : MT_STORE_E_DAMAGED;
}

/* The list of a uid's tombstones stands under the key of an empty address. */
static int
graves_get(struct mt_accounts *accounts, uint32_t uid, struct graves *ret)
{
	struct mt_key key;
	int r;

	tombstone_key(&key, uid, "");
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

	tombstone_key(&key, uid, "");
	if (graves->n == 0)
		return mt_accounts_outcome(mt_store_remove(accounts->store, &key));
	mt_writer_u8(&writer, GRAVES_VERSION);
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

	tombstone_key(&key, uid, graves->grave[i].address);
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
	tombstone_key(&key, uid, address);
	mt_writer_u8(&writer, TOMBSTONE_VERSION);
	mt_writer_i64(&writer, tombstone->removed_at_usec);
	mt_writer_u8(&writer, tombstone->was_committed);
	mt_writer_u8(&writer, tombstone->suspender);
	for (size_t i = 1; i < MT_PROTO_COUNT; i++)
		mt_writer_u8(&writer, tombstone->best[i]);
	mt_writer_u8(&writer, (unsigned int)tombstone->n_declined);
	for (size_t i = 0; i < tombstone->n_declined; i++) {
		mt_writer_string(&writer, tombstone->declined[i].offer);
		mt_writer_i64(&writer, tombstone->declined[i].at_usec);
	}

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
	tombstone_key(&key, uid, address);
	return mt_accounts_outcome(mt_store_remove(accounts->store, &key));
}
