/* SPDX-License-Identifier: MIT */
#ifndef MT_LIB_NOW_H
#define MT_LIB_NOW_H

/* The two clocks of a client, in microseconds: one for deadlines, one for evidence. */

#include <time.h>

#include "policy/base.h"

static inline int64_t
mt_now_of(clockid_t clock)
{
	struct timespec now;

	(void)clock_gettime(clock, &now);
	return (int64_t)now.tv_sec * MT_USEC_PER_SEC + now.tv_nsec / 1000;
}

/* Since some moment; never set back. */
static inline int64_t
mt_now_usec(void)
{
	return mt_now_of(CLOCK_MONOTONIC);
}

/* Since 1970, UTC. */
static inline int64_t
mt_now_wall_usec(void)
{
	return mt_now_of(CLOCK_REALTIME);
}

#endif
