/* SPDX-License-Identifier: MIT */
#ifndef MT_DAEMON_STORE_FILE_H
#define MT_DAEMON_STORE_FILE_H

/*
 * The file under the store: opening a tdb with our flags, checking it whole, copying it.
 *
 * The three jobs that walk over every record are here: the check and the snapshot, which run in a
 * forked child, and the copy into a larger hash. For store.c only. It knows that values are sealed,
 * nothing else about them.
 */

#include <stdio.h>
#include <sys/types.h>

#include <tdb.h>

#include "policy/base.h"

/* The context of a tdb file, or NULL with errno. create: fails where it exists. */
struct tdb_context *mt_store_file_open(const char *path, unsigned int hash_size, bool create,
				       bool read_only, bool no_sync);

/* What the check found, as it travels through the pipe. Zero is the worst: a child that dies
 * without a word found a corrupt file. */
struct mt_store_report {
	uint8_t is_sound;     /* the structure of the file */
	uint8_t has_snapshot; /* a verified copy was made */
	uint32_t n_damaged;   /* values with a wrong sum */
};

struct mt_store_check {
	pid_t pid;
	int fd; /* reads one struct mt_store_report, or end of file */
};

/* Forks the check of an open tdb. lock_fd is closed in the child, so that a child outliving us
 * holds no lock. A sound file without damaged values is copied to snapshot, and the copy checked.
 * Return: 0, -errno. */
MT_MUST_CHECK int mt_store_check_start(struct tdb_context *tdb, int lock_fd, const char *snapshot,
				       struct mt_store_check *ret);
/* Return: 1 with the report, 0 where there is none yet; the child is then reaped and fd closed. */
int mt_store_check_read(struct mt_store_check *check, struct mt_store_report *ret);
void mt_store_check_cancel(struct mt_store_check *check);

/* Copies every record of tdb into a new file with another hash size and renames it over path.
 * Return: 0, 1 where the number of records is not the one expected, -errno; on failure the file at
 * path is what it was. */
MT_MUST_CHECK int mt_store_file_rehash(struct tdb_context *tdb, const char *path,
				       unsigned int hash_size, uint64_t n_records);

#endif
