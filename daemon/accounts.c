/* SPDX-License-Identifier: MIT */
/* All accounts: finding them, and the bounded cache of decoded ones. */

#include "daemon/accounts.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/accounts-private.h"
#include "daemon/marks.h"

#define NONE UINT32_MAX
/* 3 KiB each: 0.8 MiB of the keeper's 12, and more accounts than are asked about in a minute. */
#define CACHE_SIZE_DEFAULT 256
/* 20 KiB each. */
#define EFFECTIVE_SLOTS 16

struct mt_accounts_slot {
	struct mt_account account;
	uint32_t chain;        /* next slot of the bucket */
	uint32_t newer, older; /* by use */
};

struct mt_accounts_effective_slot {
	struct mt_account_id id;
	uint64_t epoch;
	uint64_t used;                  /* 0: empty */
	struct mt_effective *effective; /* allocated on first use */
};

static const char *const accounts_texts[] = {
	[MT_ACCOUNTS_E_UNKNOWN] = "there is no such account",
	[MT_ACCOUNTS_E_DEGRADED] = "the stored account cannot be read",
	[MT_ACCOUNTS_E_NOT_READY] = "the store is still being checked",
	[MT_ACCOUNTS_E_EXISTS] = "there is an account with this address already",
	[MT_ACCOUNTS_E_QUOTA] = "there are too many already",
	[MT_ACCOUNTS_E_INVALID] = "a value is not well formed",
	[MT_ACCOUNTS_E_STATE] = "the account is in the wrong state for this",
	[MT_ACCOUNTS_E_WARNING_REQUIRED] = "the warning must be confirmed first",
	[MT_ACCOUNTS_E_ORG_REFUSED] = "the organisation does not allow lowering this setting",
	[MT_ACCOUNTS_E_UNPROBED] = "an endpoint has not been probed yet",
	[MT_ACCOUNTS_E_BELOW_MINIMUM] = "an endpoint does not meet the account's minimum",
	[MT_ACCOUNTS_E_NOT_PERMITTED] = "only an administrator may do this",
	[MT_ACCOUNTS_E_NO_ENDPOINT] = "the account has no such endpoint, pin or consent",
	[MT_ACCOUNTS_E_PIN_NOT_OFFERED] = "this certificate cannot be accepted by hand",
	[MT_ACCOUNTS_E_PIN_FORBIDDEN] =
		"the organisation does not allow accepting certificates by hand",
	[MT_ACCOUNTS_E_PIN_EXISTING] =
		"the account is in use: no certificate is accepted by hand any more",
};

const char *
mt_accounts_strerror(int outcome)
{
	if (outcome < 0)
		return strerror(-outcome);
	if (outcome == 0 || (size_t)outcome >= MT_ARRAY_SIZE(accounts_texts))
		return "no error of an account";
	return accounts_texts[outcome];
}

int
mt_accounts_outcome(int store_outcome)
{
	if (store_outcome <= 0)
		return store_outcome;
	switch (store_outcome) {
	case MT_STORE_E_NOT_FOUND:
		return MT_ACCOUNTS_E_UNKNOWN;
	case MT_STORE_E_NOT_READY:
		return MT_ACCOUNTS_E_NOT_READY;
	default:
		return MT_ACCOUNTS_E_DEGRADED;
	}
}

/* -- the cache */

static uint32_t *
cache_bucket(struct mt_accounts *accounts, const struct mt_account_id *id)
{
	uint64_t hash;

	/* Ids are random: any eight bytes of one are a hash. */
	memcpy(&hash, id->bytes, sizeof(hash));
	return &accounts->buckets[hash % accounts->n_slots];
}

static void
cache_unlist(struct mt_accounts *accounts, uint32_t index)
{
	struct mt_accounts_slot *slot = &accounts->slots[index];

	*(slot->newer == NONE ? &accounts->newest : &accounts->slots[slot->newer].older) =
		slot->older;
	*(slot->older == NONE ? &accounts->oldest : &accounts->slots[slot->older].newer) =
		slot->newer;
}

static void
cache_list_newest(struct mt_accounts *accounts, uint32_t index)
{
	struct mt_accounts_slot *slot = &accounts->slots[index];

	slot->newer = NONE;
	slot->older = accounts->newest;
	*(accounts->newest == NONE ? &accounts->oldest : &accounts->slots[accounts->newest].newer) =
		index;
	accounts->newest = index;
}

static struct mt_accounts_slot *
cache_find(struct mt_accounts *accounts, const struct mt_account_id *id)
{
	uint32_t index = *cache_bucket(accounts, id);

	while (index != NONE && !mt_account_id_equal(&accounts->slots[index].account.id, id))
		index = accounts->slots[index].chain;
	if (index == NONE)
		return NULL;
	if (index != accounts->newest) {
		cache_unlist(accounts, index);
		cache_list_newest(accounts, index);
	}
	return &accounts->slots[index];
}

/* Takes the slot out of its bucket and empties it; it stays in the list by use. */
static void
cache_empty(struct mt_accounts *accounts, uint32_t index)
{
	struct mt_accounts_slot *slot = &accounts->slots[index];
	uint32_t *link = cache_bucket(accounts, &slot->account.id);

	while (*link != NONE && *link != index)
		link = &accounts->slots[*link].chain;
	if (*link == index)
		*link = slot->chain;
	slot->chain = NONE;
	mt_account_clear(&slot->account);
}

/* Takes what account owns. */
static const struct mt_account *
cache_take(struct mt_accounts *accounts, struct mt_account *account)
{
	uint32_t *bucket = cache_bucket(accounts, &account->id);
	uint32_t index;

	if (accounts->n_used < accounts->n_slots) {
		index = (uint32_t)accounts->n_used++;
	} else {
		index = accounts->oldest;
		cache_empty(accounts, index);
		cache_unlist(accounts, index);
	}
	accounts->slots[index].account = *account;
	accounts->slots[index].chain = *bucket;
	*bucket = index;
	cache_list_newest(accounts, index);
	memset(account, 0, sizeof(*account));
	return &accounts->slots[index].account;
}

void
mt_accounts_forget(struct mt_accounts *accounts, const struct mt_account_id *id)
{
	struct mt_accounts_slot *slot = cache_find(accounts, id);

	if (slot)
		cache_empty(accounts, (uint32_t)(slot - accounts->slots));
	for (size_t i = 0; i < EFFECTIVE_SLOTS; i++)
		if (accounts->effective[i].used > 0 &&
		    mt_account_id_equal(&accounts->effective[i].id, id))
			accounts->effective[i].used = 0;
}

const struct mt_account *
mt_accounts_replace_take(struct mt_accounts *accounts, struct mt_account *account)
{
	struct mt_accounts_slot *slot = cache_find(accounts, &account->id);

	for (size_t i = 0; i < EFFECTIVE_SLOTS; i++)
		if (mt_account_id_equal(&accounts->effective[i].id, &account->id))
			accounts->effective[i].used = 0;
	if (!slot)
		return cache_take(accounts, account);
	mt_account_clear(&slot->account);
	slot->account = *account;
	memset(account, 0, sizeof(*account));
	return &slot->account;
}

/* -- new and free */

int
mt_accounts_new(const struct mt_accounts_options *options, struct mt_accounts **ret)
{
	struct mt_accounts *accounts MT_CLEANUP(mt_accounts_freep) = NULL;

	accounts = calloc(1, sizeof(*accounts));
	if (!accounts)
		return -ENOMEM;
	accounts->store = options->store;
	accounts->clock = options->clock;
	accounts->events = options->events;
	accounts->layers = options->layers;
	accounts->userdata = options->userdata;
	accounts->n_slots = options->cache_size ? options->cache_size : CACHE_SIZE_DEFAULT;
	accounts->newest = accounts->oldest = NONE;
	accounts->slots = calloc(accounts->n_slots, sizeof(*accounts->slots));
	accounts->buckets = calloc(accounts->n_slots, sizeof(*accounts->buckets));
	accounts->effective = calloc(EFFECTIVE_SLOTS, sizeof(*accounts->effective));
	if (!accounts->slots || !accounts->buckets || !accounts->effective)
		return -ENOMEM;
	memset(accounts->buckets, 0xff, accounts->n_slots * sizeof(*accounts->buckets));
	for (size_t i = 0; i < EFFECTIVE_SLOTS; i++) {
		accounts->effective[i].effective = calloc(1, sizeof(struct mt_effective));
		if (!accounts->effective[i].effective)
			return -ENOMEM;
	}
	*ret = mt_steal(&accounts);
	return 0;
}

struct mt_accounts *
mt_accounts_free(struct mt_accounts *accounts)
{
	if (!accounts)
		return NULL;
	for (size_t i = 0; i < accounts->n_used; i++)
		mt_account_clear(&accounts->slots[i].account);
	for (size_t i = 0; accounts->effective && i < EFFECTIVE_SLOTS; i++)
		free(accounts->effective[i].effective);
	free(accounts->effective);
	free(accounts->buckets);
	free(accounts->slots);
	free(accounts);
	return NULL;
}

/* -- finding */

static int
account_decode(struct mt_reader *reader, void *userdata)
{
	int r = mt_account_decode(reader, userdata);

	return r > 0 ? MT_STORE_E_DAMAGED : r;
}

/* A mark outlives a restored store: an account that was suspended after the snapshot still is. */
static void
account_apply_marks(struct mt_accounts *accounts, struct mt_account *account)
{
	if (account->state == MT_ACCOUNT_SUSPENDED ||
	    !mt_marks_is_suspended(mt_store_get_marks(accounts->store), account->uid,
				   account->address))
		return;
	account->state = MT_ACCOUNT_SUSPENDED;
	account->suspender = MT_SUSPENDER_ADMIN;
}

int
mt_accounts_load(struct mt_accounts *accounts, const struct mt_account_id *id,
		 const struct mt_account **ret)
{
	struct mt_accounts_slot *slot;
	struct mt_account account = {0};
	struct mt_key key;
	int r;

	/* A store that went bad answers for nobody, cached or not. */
	if (mt_store_get_state(accounts->store) == MT_STORE_DEGRADED)
		return MT_ACCOUNTS_E_DEGRADED;
	slot = cache_find(accounts, id);
	if (slot) {
		*ret = &slot->account;
		return 0;
	}
	mt_key_init(&key, MT_RECORD_ACCOUNT);
	mt_key_add(&key, id->bytes, sizeof(id->bytes));
	r = mt_store_get(accounts->store, &key, account_decode, &account);
	if (r == 0 && !mt_account_id_equal(&account.id, id))
		r = MT_STORE_E_DAMAGED;
	if (r != 0) {
		mt_account_clear(&account);
		return mt_accounts_outcome(r);
	}
	account_apply_marks(accounts, &account);
	*ret = cache_take(accounts, &account);
	return 0;
}

/* Does the uid's own list name the account? The record itself cannot say so any more. */
static bool
is_listed(struct mt_accounts *accounts, uint32_t uid, const struct mt_account_id *id)
{
	struct mt_id_list *list = malloc(sizeof(*list));
	bool listed = false;

	if (list && mt_index_get_uid(accounts, uid, list) == 0)
		for (size_t i = 0; i < list->n && !listed; i++)
			listed = mt_account_id_equal(&list->ids[i], id);
	free(list);
	return listed;
}

int
mt_accounts_find(struct mt_accounts *accounts, struct mt_actor actor,
		 const struct mt_account_id *id, const struct mt_account **ret)
{
	const struct mt_account *account;
	int r = mt_accounts_load(accounts, id, &account);

	/* D-SYS-02: another uid must not learn from the damage that the account exists. */
	if (r == MT_ACCOUNTS_E_DEGRADED &&
	    mt_store_get_state(accounts->store) != MT_STORE_DEGRADED && !actor.admin &&
	    !is_listed(accounts, actor.uid, id))
		return MT_ACCOUNTS_E_UNKNOWN;
	if (r != 0)
		return r;
	if (account->uid != actor.uid && !actor.admin)
		return MT_ACCOUNTS_E_UNKNOWN;
	*ret = account;
	return 0;
}

int
mt_accounts_find_address(struct mt_accounts *accounts, uint32_t uid, const char *address,
			 const struct mt_account **ret)
{
	struct mt_account_id id;
	int r = mt_index_get_address(accounts, uid, address, &id);

	if (r != 0)
		return r;
	return mt_accounts_find(accounts, (struct mt_actor){.uid = uid}, &id, ret);
}

int
mt_accounts_list(struct mt_accounts *accounts, uint32_t uid,
		 struct mt_account_id ret[static MT_ACCOUNTS_PER_UID_MAX], size_t *ret_n)
{
	struct mt_id_list *list = malloc(sizeof(*list));
	int r;

	if (!list)
		return -ENOMEM;
	r = mt_index_get_uid(accounts, uid, list);
	if (r == 0) {
		memcpy(ret, list->ids, list->n * sizeof(*ret));
		*ret_n = list->n;
	}
	free(list);
	return r;
}

bool
mt_accounts_is_of_another(struct mt_accounts *accounts, uint32_t uid,
			  const struct mt_account_id *id)
{
	const struct mt_account *account;

	return mt_accounts_load(accounts, id, &account) == 0 && account->uid != uid;
}

bool
mt_accounts_pin_elsewhere(struct mt_accounts *accounts, const struct mt_account *account,
			  const uint8_t leaf_sha256[static 32])
{
	uint32_t own = 0;

	for (size_t i = 0; i < account->n_pins; i++)
		own += memcmp(account->pin_leaves[i], leaf_sha256, 32) == 0;
	return mt_index_get_pin(accounts, leaf_sha256) > own;
}

/* -- the effective policy */

static void
effective_compute(struct mt_accounts *accounts, const struct mt_account *account,
		  struct mt_effective *ret)
{
	struct mt_minimum min;

	mt_effective_init(ret);
	mt_account_get_minimum(account, &min);
	mt_effective_join(ret, &min, MT_LAYER_ACCOUNT);
	if (accounts->layers)
		accounts->layers(accounts->userdata, account, ret);
}

const struct mt_effective *
mt_accounts_effective(struct mt_accounts *accounts, const struct mt_account *account)
{
	const uint64_t epoch = mt_store_get_epoch(accounts->store);
	struct mt_accounts_effective_slot *oldest = &accounts->effective[0];

	for (size_t i = 0; i < EFFECTIVE_SLOTS; i++) {
		struct mt_accounts_effective_slot *slot = &accounts->effective[i];

		if (slot->used > 0 && slot->epoch == epoch &&
		    mt_account_id_equal(&slot->id, &account->id)) {
			slot->used = ++accounts->effective_clock;
			return slot->effective;
		}
		if (slot->used < oldest->used)
			oldest = slot;
	}
	effective_compute(accounts, account, oldest->effective);
	oldest->id = account->id;
	oldest->epoch = epoch;
	oldest->used = ++accounts->effective_clock;
	return oldest->effective;
}

void
mt_accounts_forget_effective(struct mt_accounts *accounts)
{
	for (size_t i = 0; i < EFFECTIVE_SLOTS; i++)
		accounts->effective[i].used = 0;
}
