/* SPDX-License-Identifier: MIT */
#ifndef MT_DAEMON_STORE_H
#define MT_DAEMON_STORE_H

/*
 * The store: one tdb file, opened by one process, written only inside transactions (DESIGN §7).
 *
 * It knows records - a kind, a key, sealed bytes - and not what they mean. Beside the file:
 *	mailtrust.lock      held before the file is opened, and until it is closed
 *	mailtrust.tdb       the records
 *	mailtrust.snapshot  a verified copy, renewed after each clean start
 *	mailtrust.marks     high-water marks (marks.h): never rolled back by a restored snapshot
 *
 * After start a forked child checks the whole file (structure by tdb_check, every value by its
 * sum) and takes the snapshot; until it has reported, reading goes on and nothing is committed.
 * A file that is damaged is kept as it is, is never written again, and every call answers
 * MT_STORE_E_CORRUPT: the daemon then denies with daemon.degraded. A single value with a bad sum
 * is MT_STORE_E_DAMAGED for that key alone. Nothing here scans the file in this process, but for
 * the one copy into a larger hash when the records have outgrown it.
 *
 * The file format ends at 4 GiB (32-bit offsets): about five million accounts.
 */

#include "daemon/record.h"

enum {
	MT_STORE_E_NOT_FOUND = 1,
	MT_STORE_E_DAMAGED = 2,   /* this value's sum is wrong */
	MT_STORE_E_CORRUPT = 3,   /* the file is; state DEGRADED */
	MT_STORE_E_NOT_READY = 4, /* the check has not reported yet: try the commit again later */
	MT_STORE_E_NEWER = 5,     /* written by a newer version of this program */
	MT_STORE_E_LOCKED = 6,    /* another process has it open */
	MT_STORE_E_READ_ONLY = 7, /* directory or file cannot be written */
	MT_STORE_E_NO_DIRECTORY = 8, /* neither there nor to be made */
	MT_STORE_E_INSECURE = 9 /* the directory is another user's, or others may write to it */
};
/* "the store was written by a newer version of mailtrust", … Static storage. */
const char *mt_store_strerror(int outcome);

enum mt_store_state { MT_STORE_DEGRADED = 0, MT_STORE_CHECKING, MT_STORE_READY };

/* First byte of every key. Numbers are ABI of the file. */
enum mt_record_kind {
	MT_RECORD_META = 'm',
	MT_RECORD_ACCOUNT = 'a',   /* id */
	MT_RECORD_UID = 'u',       /* uid: ids of its accounts */
	MT_RECORD_ADDRESS = 'n',   /* uid, address: id */
	MT_RECORD_TOMBSTONE = 't', /* uid, address */
	MT_RECORD_DOMAIN = 'd',    /* domain: how many accounts, in how many chunks */
	MT_RECORD_MEMBERS = 'e',   /* domain, chunk: ids of accounts */
	MT_RECORD_PIN = 'p',       /* leaf: how many accounts pin it */
	MT_RECORD_SRV = 'v',       /* uid, domain, label: the last SRV answer */
	MT_RECORD_OFFERS = 'o',    /* uid, domain, source: what it last named */
	MT_RECORD_HOSTS = 'h',     /* account: its servers' last addresses */
	MT_RECORD_WATCH = 'w',     /* account: what the watcher has seen of its domain */
	MT_RECORD_DUE = 'q',       /* domain: when it is looked at next */
	MT_RECORD_SLOT = 's',      /* minute, part: the domains that are due in it */
	MT_RECORD_REPORT = 'r'     /* account, endpoint: the last evidence seen, for simulate */
};

struct mt_key {
	uint8_t data[MT_RECORD_KEY_MAX];
	size_t size;
};
void mt_key_init(struct mt_key *key, enum mt_record_kind kind);
void mt_key_add(struct mt_key *key, const void *data,
		size_t size); /* over-long: cut, never equal */
void mt_key_add_u32(struct mt_key *key, uint32_t value);
void mt_key_add_string(struct mt_key *key, const char *string);

struct mt_store_options {
	const char *directory;  /* made with 0700 where absent; its parent must exist */
	unsigned int hash_size; /* of a new file; 0: the default */
	bool no_sync;           /* tests and benches: commits are not flushed to the disk */
};

struct mt_store;
/*
 * Opens the store. Return: 0 with the state CHECKING or READY (new file), or DEGRADED where the
 * file is damaged; LOCKED, READ_ONLY, NO_DIRECTORY, INSECURE, NEWER with *ret untouched; negative
 * errno.
 */
MT_MUST_CHECK int mt_store_open(const struct mt_store_options *options, struct mt_store **ret);
struct mt_store *mt_store_close(struct mt_store *store);
MT_DEFINE_CLEANUP(struct mt_store *, mt_store_close);

enum mt_store_state mt_store_get_state(const struct mt_store *store);
const char *mt_store_get_path(const struct mt_store *store); /* of the tdb file */

/* Readable when the check has reported; -1 when none is running. Watch it, then ask the result. */
int mt_store_check_fd(const struct mt_store *store);
/* Takes the report if there is one; never blocks. Return: the state now. Logs what was found. */
enum mt_store_state mt_store_check_result(struct mt_store *store);

/* Hands the unsealed value (version byte first) to fn; bytes live for the call. Sees the changes of
 * an open transaction. Return: 0, NOT_FOUND, DAMAGED, CORRUPT, or fn's negative errno. */
typedef int (*mt_store_fn)(struct mt_reader *reader, void *userdata);
MT_MUST_CHECK int mt_store_get(struct mt_store *store, const struct mt_key *key, mt_store_fn fn,
			       void *userdata);
bool mt_store_has(struct mt_store *store, const struct mt_key *key);

/* A transaction; they do not nest. begin: 0, NOT_READY, CORRUPT, -errno. A put or remove that
 * failed makes the commit fail. Commit is on the disk when it returns 0. */
MT_MUST_CHECK int mt_store_begin(struct mt_store *store);
MT_MUST_CHECK int mt_store_put(struct mt_store *store, const struct mt_key *key,
			       struct mt_writer *value);
MT_MUST_CHECK int mt_store_remove(struct mt_store *store, const struct mt_key *key); /* absent: 0 */
MT_MUST_CHECK int mt_store_commit(struct mt_store *store);
void mt_store_rollback(struct mt_store *store); /* no-op where none is open */

/* The policy epoch: rises, is never reused, survives a restored snapshot. */
uint64_t mt_store_get_epoch(const struct mt_store *store);
MT_MUST_CHECK int mt_store_raise_epoch(struct mt_store *store, uint64_t *ret_epoch);
/* Notes the version of the compiled-in floor (R-5.2-05). Where the store was last used with a lower
 * one, the epoch rises: *ret_epoch is then not 0, and the caller signals. A fresh store has none.
 * Return: 0, NOT_READY, CORRUPT, -errno. */
MT_MUST_CHECK int mt_store_adopt_floor(struct mt_store *store, uint32_t version,
				       uint64_t *ret_epoch);

struct mt_marks;
struct mt_marks *mt_store_get_marks(struct mt_store *store);
uint64_t mt_store_get_n_records(const struct mt_store *store);

#endif
