/* SPDX-License-Identifier: MIT */
/* The store: records in one tdb file, under a lock, changed in transactions. */

#include "daemon/store.h"

#include <errno.h>
#include <string.h>

#include "daemon/log.h"
#include "daemon/marks.h"
#include "daemon/store-private.h"

#define META_VERSION 1

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

void
mt_store_degrade(struct mt_store *store, const char *why)
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
		mt_store_degrade(store, "A record could not be read");
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

int
mt_store_meta_decode(struct mt_reader *reader, void *userdata)
{
	struct mt_store_meta *meta = userdata;

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
int
mt_store_meta_put(struct mt_store *store)
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
		mt_store_degrade(store, "A record could not be written");
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
		r = mt_store_meta_put(store);
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
		mt_store_degrade(store, "The check after the start found the store damaged");
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

int
mt_store_adopt_floor(struct mt_store *store, uint32_t version, uint64_t *ret_epoch)
{
	uint32_t before = store->meta.floor_version;
	int r;

	*ret_epoch = 0;
	if (before >= version)
		return 0;
	r = before > 0 ? mt_store_raise_epoch(store, ret_epoch) : 0;
	if (r == 0)
		r = mt_store_begin(store);
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
