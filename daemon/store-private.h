/* SPDX-License-Identifier: MIT */
#ifndef MT_DAEMON_STORE_PRIVATE_H
#define MT_DAEMON_STORE_PRIVATE_H

/*
 * What store.c (records, transactions) and store-open.c (directory, lock, file) share. For these
 * two only.
 */

#include <limits.h>

#include "daemon/store-file.h"
#include "daemon/store.h"

struct mt_store_meta {
	uint32_t schema;
	uint32_t floor_version;
	uint64_t epoch;
	uint64_t n_records; /* without this one */
};

struct mt_store {
	char path[PATH_MAX];
	char snapshot[PATH_MAX];
	int directory_fd;
	int lock_fd;
	struct tdb_context *tdb;
	enum mt_store_state state;
	struct mt_store_check check;
	struct mt_marks *marks;
	struct mt_store_meta meta;
	struct mt_store_meta before; /* of the open transaction */
	bool in_transaction;
	int failure; /* of a put in the open transaction */
};

/* Stops believing the file, and says once what to do about it. */
void mt_store_degrade(struct mt_store *store, const char *why);
/* Reads the meta record; userdata is a struct mt_store_meta. */
int mt_store_meta_decode(struct mt_reader *reader, void *userdata);
/* Puts what store->meta says, inside a transaction. Return: 0, -errno. */
MT_MUST_CHECK int mt_store_meta_put(struct mt_store *store);

#endif
