/* SPDX-License-Identifier: MIT */
/* The store: records in one tdb file, under a lock, changed in transactions. */

#include "daemon/store.h"

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
#include "daemon/store-file.h"

/* Version of the whole file's arrangement; a record's own version is its first byte. */
#define STORE_SCHEMA 1
#define META_VERSION 1
/* Four records an account: good for 5 000 accounts before the first copy; 40 KiB of table. */
#define HASH_SIZE_DEFAULT 10007
#define GROW_FACTOR 2

struct meta {
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
	struct meta meta;
	struct meta before; /* of the open transaction */
	bool in_transaction;
	int failure; /* of a put in the open transaction */
};

static const char *const store_texts[] = {
	[MT_STORE_E_NOT_FOUND] = "there is no such record",
	[MT_STORE_E_DAMAGED] = "the record is damaged",
	[MT_STORE_E_CORRUPT] = "the store is damaged",
	[MT_STORE_E_NOT_READY] = "the store is still being checked",
	[MT_STORE_E_NEWER] = "the store was written by a newer version of mailtrust",
	[MT_STORE_E_LOCKED] = "the store is in use by another process",
	[MT_STORE_E_READ_ONLY] = "the store cannot be written",
	[MT_STORE_E_NO_DIRECTORY] = "the state directory does not exist and cannot be made",
	[MT_STORE_E_INSECURE] = "the state directory can be changed by other users",
};

const char *
mt_store_strerror(int outcome)
{
	if (outcome < 0)
		return strerror(-outcome);
	if (outcome == 0 || (size_t)outcome >= MT_ARRAY_SIZE(store_texts))
		return "no error of the store";
	return store_texts[outcome];
}

/* -- keys */

void
mt_key_init(struct mt_key *key, enum mt_record_kind kind)
{
	key->data[0] = (uint8_t)kind;
	key->size = 1;
}

void
mt_key_add(struct mt_key *key, const void *data, size_t size)
{
	/* Size 0 is the key that nothing is found under and nothing can be put under. */
	if (key->size == 0 || size > sizeof(key->data) - key->size) {
		key->size = 0;
		return;
	}
	memcpy(key->data + key->size, data, size);
	key->size += size;
}

void
mt_key_add_u32(struct mt_key *key, uint32_t value)
{
	const uint8_t bytes[4] = {(uint8_t)(value >> 24), (uint8_t)(value >> 16),
				  (uint8_t)(value >> 8), (uint8_t)value};

	mt_key_add(key, bytes, sizeof(bytes));
}

void
mt_key_add_string(struct mt_key *key, const char *string)
{
	mt_key_add(key, string, strlen(string));
}

/* tdb's keys and values have no const; it does not write through them. The one wrapper. */
static TDB_DATA
tdb_slice(const uint8_t *data, size_t size)
{
	union {
		const uint8_t *in;
		unsigned char *out;
	} pointer = {.in = data};

	return (TDB_DATA){.dptr = pointer.out, .dsize = size};
}

/* -- reading */

static void
store_degrade(struct mt_store *store, const char *why)
{
	struct mt_log_line line;

	if (store->state == MT_STORE_DEGRADED)
		return;
	store->state = MT_STORE_DEGRADED;
	mt_log_begin(&line, MT_LOG_ERROR, "store-corrupt");
	mt_log_text(&line, "MT_FILE", store->path);
	mt_log_end(
		&line,
		"%s. Every question is now answered with deny (daemon.degraded); the file is kept "
		"as it is. Stop mailtrustd, keep a copy of the file, then either run "
		"\"mailtrust store restore\" to go back to %s, or move the file away to start with "
		"no accounts.",
		why, store->snapshot);
}

struct get {
	const struct mt_key *key;
	mt_store_fn fn;
	void *userdata;
	int outcome;
};

static int
get_value(TDB_DATA key, TDB_DATA value, void *userdata)
{
	struct get *get = userdata;
	const struct mt_bytes key_bytes = {.data = get->key->data, .size = get->key->size};
	const struct mt_bytes sealed = {.data = value.dptr, .size = value.dsize};
	struct mt_bytes bytes;
	struct mt_reader reader;

	if (mt_record_unseal(key_bytes, sealed, &bytes) != 0) {
		get->outcome = MT_STORE_E_DAMAGED;
		return 0;
	}
	reader = (struct mt_reader){.data = bytes.data, .size = bytes.size};
	get->outcome = get->fn(&reader, get->userdata);
	return 0;
}

int
mt_store_get(struct mt_store *store, const struct mt_key *key, mt_store_fn fn, void *userdata)
{
	struct get get = {.key = key, .fn = fn, .userdata = userdata};

	if (store->state == MT_STORE_DEGRADED)
		return MT_STORE_E_CORRUPT;
	if (key->size == 0)
		return MT_STORE_E_NOT_FOUND;
	if (tdb_parse_record(store->tdb, tdb_slice(key->data, key->size), get_value, &get) == 0)
		return get.outcome;
	switch (tdb_error(store->tdb)) {
	case TDB_ERR_NOEXIST:
		return MT_STORE_E_NOT_FOUND;
	case TDB_ERR_OOM:
		return -ENOMEM;
	default:
		store_degrade(store, "A record could not be read");
		return MT_STORE_E_CORRUPT;
	}
}

bool
mt_store_has(struct mt_store *store, const struct mt_key *key)
{
	return store->state != MT_STORE_DEGRADED && key->size > 0 &&
	       tdb_exists(store->tdb, tdb_slice(key->data, key->size)) == 1;
}

/* -- meta */

static int
meta_decode(struct mt_reader *reader, void *userdata)
{
	struct meta *meta = userdata;

	/* A newer version may say more, but must begin like this one. */
	if (mt_reader_u8(reader) < META_VERSION)
		reader->failed = true;
	meta->schema = mt_reader_u32(reader);
	meta->floor_version = mt_reader_u32(reader);
	meta->epoch = mt_reader_u64(reader);
	meta->n_records = mt_reader_u64(reader);
	return reader->failed ? MT_STORE_E_DAMAGED : 0;
}

/* Puts into tdb what store->meta says; inside a transaction. */
static int
meta_put(struct mt_store *store)
{
	struct mt_writer writer MT_CLEANUP(mt_writer_clear) = {0};
	struct mt_key key;
	int r;

	mt_key_init(&key, MT_RECORD_META);
	mt_writer_u8(&writer, META_VERSION);
	mt_writer_u32(&writer, store->meta.schema);
	mt_writer_u32(&writer, store->meta.floor_version);
	mt_writer_u64(&writer, store->meta.epoch);
	mt_writer_u64(&writer, store->meta.n_records);
	r = mt_record_seal((struct mt_bytes){.data = key.data, .size = key.size}, &writer);
	if (r != 0)
		return r;
	if (tdb_store(store->tdb, tdb_slice(key.data, key.size),
		      tdb_slice(writer.data, writer.size), TDB_REPLACE) != 0)
		return -EIO;
	return 0;
}

/* -- transactions */

/* What tdb could not write, as errno: a full disk is no damage, a bad offset is. */
static int
write_failure(struct mt_store *store)
{
	int saved_errno = errno;

	switch (tdb_error(store->tdb)) {
	case TDB_ERR_OOM:
		return -ENOMEM;
	case TDB_ERR_CORRUPT:
		store_degrade(store, "A record could not be written");
		return MT_STORE_E_CORRUPT;
	default:
		return saved_errno > 0 ? -saved_errno : -EIO;
	}
}

int
mt_store_begin(struct mt_store *store)
{
	assert(!store->in_transaction);

	if (store->state == MT_STORE_DEGRADED)
		return MT_STORE_E_CORRUPT;
	if (mt_store_check_result(store) == MT_STORE_CHECKING)
		return MT_STORE_E_NOT_READY;
	if (store->state == MT_STORE_DEGRADED)
		return MT_STORE_E_CORRUPT;
	errno = 0;
	if (tdb_transaction_start(store->tdb) != 0)
		return write_failure(store);
	store->in_transaction = true;
	store->failure = 0;
	store->before = store->meta;
	return 0;
}

int
mt_store_put(struct mt_store *store, const struct mt_key *key, struct mt_writer *value)
{
	TDB_DATA tdb_key;
	bool is_new;
	int r;

	assert(store->in_transaction);

	r = key->size > 0
		    ? mt_record_seal((struct mt_bytes){.data = key->data, .size = key->size}, value)
		    : -EINVAL;
	if (r == 0) {
		tdb_key = tdb_slice(key->data, key->size);
		is_new = tdb_exists(store->tdb, tdb_key) == 0;
		errno = 0;
		if (tdb_store(store->tdb, tdb_key, tdb_slice(value->data, value->size),
			      TDB_REPLACE) != 0)
			r = write_failure(store);
		else if (is_new)
			store->meta.n_records++;
	}
	if (r != 0 && store->failure == 0)
		store->failure = r;
	return r;
}

int
mt_store_remove(struct mt_store *store, const struct mt_key *key)
{
	TDB_DATA tdb_key = tdb_slice(key->data, key->size);
	int r = 0;

	assert(store->in_transaction);

	if (key->size == 0 || tdb_exists(store->tdb, tdb_key) == 0)
		return 0;
	errno = 0;
	if (tdb_delete(store->tdb, tdb_key) != 0)
		r = write_failure(store);
	else if (store->meta.n_records > 0)
		store->meta.n_records--;
	if (r != 0 && store->failure == 0)
		store->failure = r;
	return r;
}

int
mt_store_commit(struct mt_store *store)
{
	int r;

	assert(store->in_transaction);

	r = store->failure;
	if (r == 0 && memcmp(&store->meta, &store->before, sizeof(store->meta)) != 0)
		r = meta_put(store);
	if (r != 0) {
		mt_store_rollback(store);
		return r;
	}
	errno = 0;
	store->in_transaction = false;
	if (tdb_transaction_commit(store->tdb) == 0)
		return 0;
	store->meta = store->before;
	return write_failure(store);
}

void
mt_store_rollback(struct mt_store *store)
{
	if (!store->in_transaction)
		return;
	(void)tdb_transaction_cancel(store->tdb);
	store->in_transaction = false;
	store->meta = store->before;
}

/* -- opening */

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
	store->meta = (struct meta){
		.schema = STORE_SCHEMA,
		.epoch = mt_marks_get_epoch(store->marks) + 1,
	};
	r = tdb_transaction_start(store->tdb) == 0 ? meta_put(store) : -EIO;
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
	r = mt_store_get(store, &key, meta_decode, &store->meta);
	if (r < 0)
		return r;
	if (r == 0 && store->meta.schema > STORE_SCHEMA)
		return MT_STORE_E_NEWER;
	if (r != 0 || store->meta.schema == 0)
		store_degrade(store, "The store's first record is missing or damaged");
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
		store_degrade(store, "The store is no database, or a damaged one");
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

/* -- state */

enum mt_store_state
mt_store_get_state(const struct mt_store *store)
{
	return store->state;
}

const char *
mt_store_get_path(const struct mt_store *store)
{
	return store->path;
}

int
mt_store_check_fd(const struct mt_store *store)
{
	return store->check.fd;
}

enum mt_store_state
mt_store_check_result(struct mt_store *store)
{
	struct mt_store_report report;

	if (store->check.fd < 0 || mt_store_check_read(&store->check, &report) == 0)
		return store->state;
	if (!report.is_sound) {
		store_degrade(store, "The check after the start found the store damaged");
		return store->state;
	}
	if (store->state == MT_STORE_CHECKING)
		store->state = MT_STORE_READY;
	if (report.n_damaged > 0)
		mt_log(MT_LOG_ERROR, "store-damaged-values",
		       "%u records of %s are damaged: the accounts they belong to are answered "
		       "with "
		       "deny (daemon.degraded) until they are removed, all others are not "
		       "affected; "
		       "the last snapshot was kept",
		       report.n_damaged, store->path);
	else if (!report.has_snapshot)
		mt_log(MT_LOG_WARNING, "store-snapshot",
		       "no snapshot could be written to %s; the one before was kept",
		       store->snapshot);
	return store->state;
}

uint64_t
mt_store_get_epoch(const struct mt_store *store)
{
	return store->meta.epoch;
}

int
mt_store_raise_epoch(struct mt_store *store, uint64_t *ret_epoch)
{
	uint64_t epoch = store->meta.epoch + 1;
	int r;

	r = mt_store_begin(store);
	if (r != 0)
		return r;
	store->meta.epoch = epoch;
	/* The mark first: were it written last, a crash in between could hand an epoch out twice.
	 */
	r = mt_marks_raise_epoch(store->marks, epoch);
	if (r != 0) {
		mt_store_rollback(store);
		return r;
	}
	r = mt_store_commit(store);
	if (r != 0)
		return r;
	*ret_epoch = epoch;
	return 0;
}

uint32_t
mt_store_get_floor_version(const struct mt_store *store)
{
	return store->meta.floor_version;
}

int
mt_store_set_floor_version(struct mt_store *store, uint32_t version)
{
	int r = mt_store_begin(store);

	if (r != 0)
		return r;
	store->meta.floor_version = version;
	return mt_store_commit(store);
}

struct mt_marks *
mt_store_get_marks(struct mt_store *store)
{
	return store->marks;
}

uint64_t
mt_store_get_n_records(const struct mt_store *store)
{
	return store->meta.n_records;
}
