/* SPDX-License-Identifier: MIT */
#ifndef MT_POLICY_SCHEDULE_H
#define MT_POLICY_SCHEDULE_H

/*
 * When a provider's configuration is looked at next (R-5.1-14, DESIGN §9).
 *
 * A domain has its own phase in every interval, drawn from a hash of its name and a secret of the
 * machine, and a look falls there, give or take a twentieth of the interval: two looks are an
 * interval apart, within a tenth. What has no state cannot bunch: however long a machine was
 * asleep, however its clock jumped, however many domains came at once, the next looks are as evenly
 * spread as the hash; and neither two machines nor two domains agree on a moment. A look that comes
 * late is that interval's, and the next one is at least half an interval after it.
 *
 * A look that found out nothing is repeated sooner, at growing distances up to a day (S-13); one
 * that saw an unsigned change is repeated once after ten minutes (REQUIREMENTS 4.8).
 *
 * Not here: whose turn it is, how many looks go on at once, and what they find (change.h). Times
 * are wall clock, microseconds since 1970. The hash spreads; nothing secret rests on it.
 */

#include "policy/limits.h"

/* One domain on one machine. */
uint64_t mt_schedule_hash(uint64_t secret, const char *domain);

/* 1 h .. 7 d (R-5.1-14), whatever the policy says. */
uint32_t mt_schedule_interval_sec(uint32_t srv_check_max_sec);

/* The first look at a domain that was not watched: within one interval, anywhere in it. */
int64_t mt_schedule_first(uint64_t hash, uint32_t interval_sec, int64_t now_usec);
/* The look after one that took place now. */
int64_t mt_schedule_next(uint64_t hash, uint32_t interval_sec, int64_t now_usec);
/* After the n-th look in a row that found out nothing, n from 1. */
int64_t mt_schedule_retry(uint64_t hash, uint32_t n_failed, int64_t now_usec);
/* After one that saw what a second one, MT_CHANGE_AGREE_USEC later, is to confirm. */
int64_t mt_schedule_confirm(uint64_t hash, int64_t now_usec);

/* False: the clock went back since due was drawn, and it is to be drawn again. */
bool mt_schedule_is_plausible(int64_t due_usec, int64_t now_usec);

#endif
