/* SPDX-License-Identifier: MIT */
/* Opening the store: directory, lock, marks, file, growth; and closing it. */

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/log.h"
#include "daemon/marks.h"
#include "daemon/store-private.h"

/* Version of the whole file's arrangement; a record's own version is its first byte. */
#define STORE_SCHEMA 1
/* Four records an account: good for 5 000 accounts before the first copy; 40 KiB of table. */
#define HASH_SIZE_DEFAULT 10007
#define GROW_FACTOR 2

static int
outcome_of_errno(int error)
{
	switch (error) {
	case EACCES:
	case EPERM:
	case EROFS:
		return MT_STORE_E_READ_ONLY;
	default:
		return -error;
	}
}

static int
directory_open(struct mt_store *store, const char *directory)
{
	struct stat st;

	if (mkdir(directory, 0700) < 0 && errno != EEXIST)
		return errno == EROFS ? MT_STORE_E_READ_ONLY : MT_STORE_E_NO_DIRECTORY;
	store->directory_fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (store->directory_fd < 0)
		return errno == ENOTDIR ? MT_STORE_E_NO_DIRECTORY : outcome_of_errno(errno);
	if (fstat(store->directory_fd, &st) < 0)
		return -errno;
	if (st.st_uid != geteuid() || (st.st_mode & (S_IWGRP | S_IWOTH)))
		return MT_STORE_E_INSECURE;
	return 0;
}

static int
lock_take(struct mt_store *store)
{
	store->lock_fd = openat(store->directory_fd, "mailtrust.lock",
				O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (store->lock_fd < 0)
		return outcome_of_errno(errno);
	if (flock(store->lock_fd, LOCK_EX | LOCK_NB) < 0)
		return errno == EWOULDBLOCK ? MT_STORE_E_LOCKED : -errno;
	return 0;
}

/* A new file appears under its name only when it is whole, so that a file without meta is always a
 * damaged one. */
static int
file_create(struct mt_store *store, unsigned int hash_size, bool no_sync)
{
	char path[PATH_MAX];
	int r;

	memcpy(path, store->path, sizeof(path));
	if (snprintf(store->path, sizeof(store->path), "%s.new", path) >= (int)sizeof(store->path))
		return -ENAMETOOLONG;
	(void)unlink(store->path);
	store->tdb = mt_store_file_open(store->path, hash_size, true, false, no_sync);
	if (!store->tdb)
		return outcome_of_errno(errno);
	store->meta = (struct mt_store_meta){
		.schema = STORE_SCHEMA,
		.epoch = mt_marks_get_epoch(store->marks) + 1,
	};
	r = tdb_transaction_start(store->tdb) == 0 ? mt_store_meta_put(store) : -EIO;
	if (r == 0 && tdb_transaction_commit(store->tdb) != 0)
		r = -EIO;
	if (r == 0 && rename(store->path, path) < 0)
		r = -errno;
	memcpy(store->path, path, sizeof(path));
	if (r == 0 && fsync(store->directory_fd) < 0)
		r = -errno;
	if (r == 0)
		store->state = MT_STORE_READY;
	return r;
}

/* Reads meta, and says what can be said about the file before the check. */
static int
file_judge(struct mt_store *store)
{
	struct mt_key key;
	int r;

	mt_key_init(&key, MT_RECORD_META);
	r = mt_store_get(store, &key, mt_store_meta_decode, &store->meta);
	if (r < 0)
		return r;
	if (r == 0 && store->meta.schema > STORE_SCHEMA)
		return MT_STORE_E_NEWER;
	if (r != 0 || store->meta.schema == 0)
		mt_store_degrade(store, "The store's first record is missing or damaged");
	return 0;
}

/* More than two records in a chain make every answer slower; a hash does not grow in place. */
static int
file_grow(struct mt_store *store, bool no_sync)
{
	const uint64_t n = store->meta.n_records;
	int r;

	if (n / GROW_FACTOR <= (uint64_t)tdb_hash_size(store->tdb) || n > INT_MAX)
		return 0;
	r = mt_store_file_rehash(store->tdb, store->path, (unsigned int)n | 1, n + 1);
	if (r != 0) {
		mt_log(MT_LOG_WARNING, "store-grow",
		       "the store was not copied into a larger hash: %s",
		       r > 0 ? "its records do not add up" : strerror(-r));
		return 0; /* slower, not wrong; the check judges the file */
	}
	(void)tdb_close(store->tdb);
	store->tdb = mt_store_file_open(store->path, 0, false, false, no_sync);
	if (!store->tdb)
		return errno > 0 ? -errno : -EIO;
	(void)fsync(store->directory_fd);
	return 0;
}

static int
file_open(struct mt_store *store, const struct mt_store_options *options)
{
	int fd, r;

	/* tdb does not tell "may not" from "is no tdb": ask first. */
	fd = open(store->path, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0 && errno == ENOENT)
		return file_create(store,
				   options->hash_size ? options->hash_size : HASH_SIZE_DEFAULT,
				   options->no_sync);
	if (fd < 0)
		return outcome_of_errno(errno);
	(void)close(fd);
	store->state = MT_STORE_CHECKING;
	store->tdb = mt_store_file_open(store->path, 0, false, false, options->no_sync);
	if (!store->tdb && (errno == ENOMEM || errno == EMFILE || errno == ENFILE))
		return -errno;
	if (!store->tdb) {
		mt_store_degrade(store, "The store is no database, or a damaged one");
		return 0;
	}
	r = file_judge(store);
	if (r == 0 && store->state != MT_STORE_DEGRADED)
		r = file_grow(store, options->no_sync);
	if (r == 0 && store->state != MT_STORE_DEGRADED)
		r = mt_store_check_start(store->tdb, store->lock_fd, store->snapshot,
					 &store->check);
	return r;
}

/* Marks that cannot be read are set aside; what the store itself says still holds. */
static int
marks_open(struct mt_store *store)
{
	static const char name[] = "mailtrust.marks";
	int r = mt_marks_open(store->directory_fd, name, &store->marks);

	if (r <= 0)
		return r;
	mt_log(MT_LOG_ERROR, "marks-damaged",
	       "the high-water marks in %s are damaged and were moved to mailtrust.marks.damaged; "
	       "if a snapshot is restored now, suspend again what was suspended since",
	       name);
	if (renameat(store->directory_fd, name, store->directory_fd, "mailtrust.marks.damaged") < 0)
		return outcome_of_errno(errno);
	r = mt_marks_open(store->directory_fd, name, &store->marks);
	return r > 0 ? -EIO : r;
}

int
mt_store_open(const struct mt_store_options *options, struct mt_store **ret)
{
	struct mt_store *store MT_CLEANUP(mt_store_closep) = NULL;
	int r;

	store = calloc(1, sizeof(*store));
	if (!store)
		return -ENOMEM;
	store->directory_fd = store->lock_fd = store->check.fd = -1;
	if (snprintf(store->path, PATH_MAX, "%s/mailtrust.tdb", options->directory) >= PATH_MAX ||
	    snprintf(store->snapshot, PATH_MAX, "%s/mailtrust.snapshot", options->directory) >=
		    PATH_MAX)
		return -ENAMETOOLONG;
	r = directory_open(store, options->directory);
	if (r == 0)
		r = lock_take(store);
	if (r == 0)
		r = marks_open(store);
	if (r == 0)
		r = file_open(store, options);
	if (r != 0)
		return r;
	/* A restored file may be behind: an epoch is never used twice. */
	if (store->meta.epoch < mt_marks_get_epoch(store->marks))
		store->meta.epoch = mt_marks_get_epoch(store->marks);
	*ret = mt_steal(&store);
	return 0;
}

struct mt_store *
mt_store_close(struct mt_store *store)
{
	if (!store)
		return NULL;
	mt_store_rollback(store);
	mt_store_check_cancel(&store->check);
	if (store->tdb)
		(void)tdb_close(store->tdb);
	(void)mt_marks_close(store->marks);
	if (store->lock_fd >= 0)
		(void)close(store->lock_fd); /* and with it the lock */
	if (store->directory_fd >= 0)
		(void)close(store->directory_fd);
	free(store);
	return NULL;
}
