/* SPDX-License-Identifier: MIT */
#ifndef MT_DAEMON_WHEEL_H
#define MT_DAEMON_WHEEL_H

/*
 * Whose domain is looked at when, in the store: a wheel of minutes, each with the domains that are
 * due in it, so that finding them reads no other record (DESIGN §7).
 *
 * The wheel has a slot for each minute of eleven days, which is longer than any appointment is
 * away; after that it begins anew. A hand passes over the minutes up to now and stops at the one
 * that is not over; how far it has come is stored with whatever it changes, so a start goes on
 * where it left off. A clock that jumped, either way, sends it once around, a bounded number of
 * minutes a turn: appointments beyond what is plausible are made anew, all others hold. A domain
 * that is handed out has a new appointment already, a few minutes away: whoever looks makes the
 * right one, and a crash in between loses nothing. Making an appointment leaves the one before
 * where it is; the hand finds it outdated and drops it.
 *
 * Not here: what is looked at, how many looks go on, and whose domains these are (watch.h).
 * A domain is here while it has a record of its own; the slots alone prove nothing.
 */

#include "daemon/store.h"
#include "policy/limits.h"

struct mt_wheel;
MT_MUST_CHECK int mt_wheel_new(struct mt_store *store, struct mt_wheel **ret);
struct mt_wheel *mt_wheel_free(struct mt_wheel *wheel);
MT_DEFINE_CLEANUP(struct mt_wheel *, mt_wheel_free);

/* Of this machine's store: what mt_schedule_hash() wants. */
uint64_t mt_wheel_secret(const struct mt_wheel *wheel);

/* When a domain is due. False: it is not in the wheel. */
bool mt_wheel_find(struct mt_wheel *wheel, const char *domain, int64_t *ret_due_usec);
/* Makes an appointment, in the caller's transaction: a failure makes its commit fail. What is
 * overdue is due now. */
void mt_wheel_put(struct mt_wheel *wheel, const char *domain, int64_t due_usec, int64_t now_usec);
/* Takes a domain out, likewise. */
void mt_wheel_remove(struct mt_wheel *wheel, const char *domain);

struct mt_wheel_due {
	char domains[MT_WATCH_STARTS_MAX][MT_DOMAIN_SIZE];
	size_t n;
	/* What it cost, for tests. */
	unsigned int n_minutes, n_moved;
};

/* Turns the hand: at most max domains that are due are handed out (max up to MT_WATCH_STARTS_MAX),
 * at most MT_WATCH_MINUTES_MAX minutes are passed over. In a transaction of its own, where there is
 * anything to change. Return: 0, or as mt_store_begin() and mt_store_commit(), with ret->n 0. */
MT_MUST_CHECK int mt_wheel_turn(struct mt_wheel *wheel, int64_t now_usec, size_t max,
				struct mt_wheel_due *ret);

#endif
