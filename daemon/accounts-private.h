/* SPDX-License-Identifier: MIT */
#ifndef MT_DAEMON_ACCOUNTS_PRIVATE_H
#define MT_DAEMON_ACCOUNTS_PRIVATE_H

/*
 * What accounts.c (finding, caching), accounts-index.c (index records) and accounts-change.c (the
 * state machine) share. The index functions take part in the caller's open transaction.
 */

#include "daemon/accounts.h"

struct mt_accounts_slot; /* one cached account */
struct mt_accounts_effective_slot;

struct mt_accounts {
	struct mt_store *store;
	const struct mt_clock *clock;
	struct mt_accounts_events events;
	mt_layers_fn layers;
	void *userdata;

	struct mt_accounts_slot *slots;
	size_t n_slots, n_used;
	uint32_t *buckets;       /* n_slots of them; index of the first slot in each, or NONE */
	uint32_t newest, oldest; /* of the list by use */

	struct mt_accounts_effective_slot *effective;
	uint64_t effective_clock; /* counts uses: the smallest is the oldest */
};

/* An outcome of the store as one of ours. */
int mt_accounts_outcome(int store_outcome);

/* -- accounts.c */
/* The account of an id, whoever owns it. Return: 0, UNKNOWN, DEGRADED, -errno. */
MT_MUST_CHECK int mt_accounts_load(struct mt_accounts *accounts, const struct mt_account_id *id,
				   const struct mt_account **ret);
void mt_accounts_forget(struct mt_accounts *accounts, const struct mt_account_id *id);
/* Puts the account as it now is into the cache; takes what it owns. */
const struct mt_account *mt_accounts_replace_take(struct mt_accounts *accounts,
						  struct mt_account *account);

/* -- accounts-change.c: one change of one account */
struct mt_change {
	struct mt_account account; /* the copy to change */
	enum mt_account_state before;
	unsigned int what;
};
/* Finds the actor's account and copies it. clear it whatever happens. */
MT_MUST_CHECK int mt_change_begin(struct mt_accounts *accounts, struct mt_actor actor,
				  const struct mt_account_id *id, struct mt_change *ret);
/* Stores the copy in one transaction, then tells the caller's events what changed. */
MT_MUST_CHECK int mt_change_finish(struct mt_accounts *accounts, struct mt_change *change,
				   unsigned int what);
void mt_change_clear(struct mt_change *change);
/* Keeps the index of pinned leaves right; before or after may be NULL. In a transaction. */
MT_MUST_CHECK int mt_change_index_pins(struct mt_accounts *accounts,
				       const struct mt_account *before,
				       const struct mt_account *after);
MT_MUST_CHECK int mt_change_put(struct mt_accounts *accounts, const struct mt_account *account);
/* min_conf is effectively off, the policy has not expired, and the warning was confirmed. */
bool mt_change_is_reduced(struct mt_accounts *accounts, const struct mt_account *account);
/* Takes pins of a host, with their consents, from the copy; leaf NULL: all. Return: what changed.
 * accounts-consent.c */
unsigned int mt_change_remove_pins(struct mt_account *account, const char *host,
				   const uint8_t *leaf_sha256);
/* Drops the consents that were given for one endpoint as it was. Return: what changed. */
unsigned int mt_change_remove_endpoint_consents(struct mt_account *account, enum mt_proto proto,
						const char *host, uint16_t port);

/* -- accounts-index.c: return 0, DEGRADED, NOT_READY, -errno, and what is named */
struct mt_id_list {
	struct mt_account_id ids[MT_ACCOUNTS_PER_UID_MAX];
	size_t n;
};
MT_MUST_CHECK int mt_index_get_uid(struct mt_accounts *accounts, uint32_t uid,
				   struct mt_id_list *ret);
MT_MUST_CHECK int mt_index_put_uid(struct mt_accounts *accounts, uint32_t uid,
				   const struct mt_id_list *list);
/* UNKNOWN where there is none. */
MT_MUST_CHECK int mt_index_get_address(struct mt_accounts *accounts, uint32_t uid,
				       const char *address, struct mt_account_id *ret);
MT_MUST_CHECK int mt_index_put_address(struct mt_accounts *accounts, uint32_t uid,
				       const char *address, const struct mt_account_id *id);
MT_MUST_CHECK int mt_index_remove_address(struct mt_accounts *accounts, uint32_t uid,
					  const char *address);
/* The chunk an account is listed in, chosen by add. */
MT_MUST_CHECK int mt_index_add_domain(struct mt_accounts *accounts, const char *domain,
				      const struct mt_account_id *id, uint32_t *ret_chunk);
MT_MUST_CHECK int mt_index_remove_domain(struct mt_accounts *accounts, const char *domain,
					 uint32_t chunk, const struct mt_account_id *id);
/* How many accounts pin a leaf. */
uint32_t mt_index_get_pin(struct mt_accounts *accounts, const uint8_t leaf[static 32]);
MT_MUST_CHECK int mt_index_add_pin(struct mt_accounts *accounts, const uint8_t leaf[static 32],
				   int delta);

/* -- accounts-tombstone.c */
/* What stays of a removed account for 30 days (4.9). */
struct mt_tombstone {
	int64_t removed_at_usec;
	bool was_committed;
	enum mt_suspender suspender;
	enum mt_level best[MT_PROTO_COUNT];
	struct mt_declined declined[MT_DECLINED_MAX];
	size_t n_declined;
};
/* UNKNOWN where there is none; one that is damaged reads as suspended by an administrator. */
MT_MUST_CHECK int mt_index_get_tombstone(struct mt_accounts *accounts, uint32_t uid,
					 const char *address, struct mt_tombstone *ret);
/* Also drops the uid's expired ones, and keeps their number bounded. */
MT_MUST_CHECK int mt_index_put_tombstone(struct mt_accounts *accounts, uint32_t uid,
					 const char *address, const struct mt_tombstone *tombstone);
MT_MUST_CHECK int mt_index_remove_tombstone(struct mt_accounts *accounts, uint32_t uid,
					    const char *address);

#endif
