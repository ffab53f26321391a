/* SPDX-License-Identifier: MIT */
#ifndef MT_DAEMON_MARKS_H
#define MT_DAEMON_MARKS_H

/*
 * High-water marks: the few facts that restoring an older store must not undo (DESIGN §7).
 *
 * The policy epoch, the serials of organisation bundles (D-SYS-06: no rollback) and which accounts
 * are suspended, in a small file of its own that is replaced whole (write, fsync, rename). A mark
 * is only ever added or raised, except that resuming an account lifts its suspension. The file
 * going missing lifts nothing that the store itself still says.
 */

#include "policy/limits.h"

/* What administrators do by hand; the file stays below MT_RECORD_MAX. */
#define MT_MARKS_SUSPENDED_MAX 2048
#define MT_MARKS_SERIALS_MAX 64

struct mt_marks;
enum { MT_MARKS_E_DAMAGED = 1, MT_MARKS_E_FULL = 2 };

/* Reads directory/name; a missing file is an empty one. Return: 0, MT_MARKS_E_DAMAGED, -errno. */
MT_MUST_CHECK int mt_marks_open(int directory_fd, const char *name, struct mt_marks **ret);
struct mt_marks *mt_marks_close(struct mt_marks *marks);
MT_DEFINE_CLEANUP(struct mt_marks *, mt_marks_close);

uint64_t mt_marks_get_epoch(const struct mt_marks *marks);
/* Lower or equal: nothing happens. */
MT_MUST_CHECK int mt_marks_raise_epoch(struct mt_marks *marks, uint64_t epoch);

/* 0 where the bundle was never seen. Return of raise: 0, MT_MARKS_E_FULL, -errno. */
uint64_t mt_marks_get_serial(const struct mt_marks *marks, const char *bundle_id);
MT_MUST_CHECK int mt_marks_raise_serial(struct mt_marks *marks, const char *bundle_id,
					uint64_t serial);

/* Accounts are named by (uid, address), so that removing and adding again changes nothing. */
bool mt_marks_is_suspended(const struct mt_marks *marks, uint32_t uid, const char *address);
MT_MUST_CHECK int mt_marks_set_suspended(struct mt_marks *marks, uint32_t uid, const char *address,
					 bool suspended);

#endif
