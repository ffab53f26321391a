/* SPDX-License-Identifier: MIT */
/* Phases of a hash, and distances that grow. */

#include "policy/schedule.h"

/* FNV-1a's, 64 bits */
#define FNV_OFFSET UINT64_C(14695981039346656037)
#define FNV_PRIME UINT64_C(1099511628211)

#define MINUTE_USEC (60 * MT_USEC_PER_SEC)
#define DAY_USEC (86400 * MT_USEC_PER_SEC)
#define FIRST_RETRY_USEC (10 * MINUTE_USEC)
/* From ten minutes the eighth doubling is over a day. */
#define DOUBLINGS_MAX 8

/* Every bit of what comes out depends on every bit of what goes in (the finaliser of MurmurHash3).
 */
static uint64_t
mix(uint64_t x)
{
	x ^= x >> 33;
	x *= UINT64_C(0xff51afd7ed558ccd);
	x ^= x >> 33;
	x *= UINT64_C(0xc4ceb9fe1a85ec53);
	x ^= x >> 33;
	return x;
}

uint64_t
mt_schedule_hash(uint64_t secret, const char *domain)
{
	uint64_t hash = FNV_OFFSET ^ mix(secret);

	for (const char *p = domain; *p; p++) {
		hash ^= (uint8_t)*p;
		hash *= FNV_PRIME;
	}
	return mix(hash);
}

uint32_t
mt_schedule_interval_sec(uint32_t srv_check_max_sec)
{
	if (srv_check_max_sec < MT_WATCH_INTERVAL_MIN_SEC)
		return MT_WATCH_INTERVAL_MIN_SEC;
	return srv_check_max_sec > MT_WATCH_INTERVAL_MAX_SEC ? MT_WATCH_INTERVAL_MAX_SEC
							     : srv_check_max_sec;
}

/* A part of a span, from 0 to all of it but one. */
static int64_t
part_of(int64_t span_usec, uint64_t hash)
{
	return (int64_t)(hash % (uint64_t)span_usec);
}

/* The look of interval number k. */
static int64_t
look_of(uint64_t hash, int64_t interval_usec, int64_t k)
{
	const int64_t spread = interval_usec / 10;

	return k * interval_usec + part_of(interval_usec, hash) - spread / 2 +
	       part_of(spread, mix(hash ^ (uint64_t)k));
}

/* The first look at or after a moment. */
static int64_t
look_after(uint64_t hash, uint32_t interval_sec, int64_t when_usec)
{
	const int64_t interval = interval_sec * MT_USEC_PER_SEC;
	int64_t k = when_usec / interval - 2; /* before it, whatever phase and rounding are */

	while (look_of(hash, interval, k) < when_usec)
		k++;
	return look_of(hash, interval, k);
}

int64_t
mt_schedule_first(uint64_t hash, uint32_t interval_sec, int64_t now_usec)
{
	return look_after(hash, interval_sec, now_usec + 1);
}

int64_t
mt_schedule_next(uint64_t hash, uint32_t interval_sec, int64_t now_usec)
{
	return look_after(hash, interval_sec, now_usec + interval_sec * (MT_USEC_PER_SEC / 2));
}

int64_t
mt_schedule_retry(uint64_t hash, uint32_t n_failed, int64_t now_usec)
{
	const uint32_t doublings = n_failed > DOUBLINGS_MAX ? DOUBLINGS_MAX
				   : n_failed > 0           ? n_failed - 1
							    : 0;
	int64_t distance = FIRST_RETRY_USEC << doublings;

	if (distance > DAY_USEC)
		distance = DAY_USEC;
	/* up to a tenth less, so that a day stays the most */
	return now_usec + distance - part_of(distance / 10, mix(hash ^ n_failed));
}

int64_t
mt_schedule_confirm(uint64_t hash, int64_t now_usec)
{
	return now_usec + MT_CHANGE_AGREE_USEC + part_of(MT_CHANGE_AGREE_USEC / 10, mix(~hash));
}

bool
mt_schedule_is_plausible(int64_t due_usec, int64_t now_usec)
{
	/* the longest interval and its jitter are below eight days */
	return due_usec <= now_usec + MT_WATCH_INTERVAL_MAX_SEC * MT_USEC_PER_SEC + DAY_USEC;
}
