/* SPDX-License-Identifier: MIT */
#ifndef MT_DAEMON_CLOCK_H
#define MT_DAEMON_CLOCK_H

/*
 * What time it is, and whether that can be believed (D-PKIX-08).
 *
 * Everything in the daemon that needs a time is handed a struct mt_clock; tests hand in their own.
 * A wall clock before this program was built, or (only where the configuration asks for it) one the
 * kernel calls unsynchronised, is insane: dates of certificates are then not judged (row 8).
 * A clock that is wrong by hours or too far ahead is not noticed.
 */

#include "policy/base.h"

struct mt_clock {
	int64_t (*wall_usec)(void *userdata);      /* since 1970, UTC */
	int64_t (*monotonic_usec)(void *userdata); /* never goes back; unrelated to wall time */
	bool (*is_synchronised)(void *userdata);   /* the kernel's word (adjtimex STA_UNSYNC) */
	void *userdata;
};

/* The machine's clocks. Static storage. */
const struct mt_clock *mt_clock_system(void);

static inline int64_t
mt_clock_wall(const struct mt_clock *clock)
{
	return clock->wall_usec(clock->userdata);
}

static inline int64_t
mt_clock_monotonic(const struct mt_clock *clock)
{
	return clock->monotonic_usec(clock->userdata);
}

/* Midnight (UTC) of the day this program was configured, or SOURCE_DATE_EPOCH's day. */
int64_t mt_clock_build_date_usec(void);

/* False: row 8 denies. must_be_synchronised is the key clock-must-be-synchronised. */
bool mt_clock_is_sane(const struct mt_clock *clock, bool must_be_synchronised);

#endif
