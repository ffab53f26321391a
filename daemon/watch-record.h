/* SPDX-License-Identifier: MIT */
#ifndef MT_DAEMON_WATCH_RECORD_H
#define MT_DAEMON_WATCH_RECORD_H

/*
 * What the watcher remembers of one account: what DNS said when its servers were chosen, what has
 * been found since, what is offered, and when to look again. One record for each account, beside
 * the account's own, which the watcher never writes (D-DISC-04).
 *
 * It lies with the account and not with the domain: what one user's account has seen and when is
 * nobody else's to see, and accounts of one domain need not use the same servers (D-SYS-02).
 * Knows bytes and their bounds; what they mean is policy/change.h.
 */

#include "daemon/account.h"
#include "daemon/store.h"
#include "policy/change.h"

struct mt_upgrade {
	struct mt_named named;
	int64_t made_usec;
};

/* What the last look that found out something found. */
struct mt_finding {
	uint8_t row; /* 0: nobody has looked */
	enum mt_change_class class;
	bool is_pending;
	enum mt_reason reasons[MT_CHANGE_REASONS_MAX];
	size_t n_reasons;
	struct mt_named subject;
};

struct mt_watched {
	bool has_snapshot;
	struct mt_srv_rrset snapshot[MT_SERVICE_COUNT]; /* as mt_services */
	int64_t taken_usec;                             /* the snapshot was last right */
	int64_t looked_usec;                            /* 0: never */
	int64_t due_usec;
	struct mt_change_history history;
	struct mt_finding finding;
	struct mt_upgrade offers[MT_PROTO_COUNT - 1]; /* one for each protocol at most */
	size_t n_offers;
	int64_t failure_usec[MT_PROTO_COUNT];  /* a failed connection caused a look (D-SRV-06) */
	int64_t probed_usec[MT_SERVICE_COUNT]; /* an upgrade to it was probed (D-SYS-11) */
};

/* ret is ~55 KiB. Return: as mt_store_get(). */
MT_MUST_CHECK int mt_watched_get(struct mt_store *store, const struct mt_account_id *id,
				 struct mt_watched *ret);
bool mt_watched_has(struct mt_store *store, const struct mt_account_id *id);
/* In the caller's transaction: a failure makes its commit fail. */
void mt_watched_put(struct mt_store *store, const struct mt_account_id *id,
		    const struct mt_watched *watched);
void mt_watched_remove(struct mt_store *store, const struct mt_account_id *id);

/* The stored form, for tests. decode accepts any bytes. Return: 0, MT_STORE_E_DAMAGED. */
void mt_watched_encode(const struct mt_watched *watched, struct mt_writer *writer);
MT_MUST_CHECK int mt_watched_decode(struct mt_reader *reader, void *watched);

/* NULL where it is not offered. */
struct mt_upgrade *mt_watched_find_offer(struct mt_watched *watched, const char *name);
void mt_watched_remove_offer(struct mt_watched *watched, struct mt_upgrade *offer);

#endif
