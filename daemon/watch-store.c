/* SPDX-License-Identifier: MIT */
/* The watcher's memory in the store; its bytes are watch-record.c's, which needs no store. */

#include <string.h>

#include "daemon/watch-record.h"

static void
make_key(struct mt_key *key, const struct mt_account_id *id)
{
	mt_key_init(key, MT_RECORD_WATCH);
	mt_key_add(key, id->bytes, sizeof(id->bytes));
}

int
mt_watched_get(struct mt_store *store, const struct mt_account_id *id, struct mt_watched *ret)
{
	struct mt_key key;
	int r;

	memset(ret, 0, sizeof(*ret));
	make_key(&key, id);
	r = mt_store_get(store, &key, mt_watched_decode, ret);
	if (r)
		memset(ret, 0, sizeof(*ret));
	return r;
}

bool
mt_watched_has(struct mt_store *store, const struct mt_account_id *id)
{
	struct mt_key key;

	make_key(&key, id);
	return mt_store_has(store, &key);
}

void
mt_watched_put(struct mt_store *store, const struct mt_account_id *id,
	       const struct mt_watched *watched)
{
	struct mt_writer writer = {0};
	struct mt_key key;

	make_key(&key, id);
	mt_watched_encode(watched, &writer);
	(void)!mt_store_put(store, &key, &writer);
	mt_writer_clear(&writer);
}

void
mt_watched_remove(struct mt_store *store, const struct mt_account_id *id)
{
	struct mt_key key;

	make_key(&key, id);
	(void)!mt_store_remove(store, &key);
}
