/* SPDX-License-Identifier: MIT */
/* One change of one account: copy, change the copy, store it whole, tell. */

#include <stdlib.h>
#include <string.h>

#include "daemon/accounts-private.h"

int
mt_change_begin(struct mt_accounts *accounts, struct mt_actor actor, const struct mt_account_id *id,
		struct mt_change *ret)
{
	const struct mt_account *account;
	int r;

	memset(ret, 0, sizeof(*ret));
	r = mt_accounts_find(accounts, actor, id, &account);
	if (r != 0)
		return r;
	ret->before = account->state;
	return mt_account_copy(account, &ret->account);
}

void
mt_change_clear(struct mt_change *change)
{
	mt_account_clear(&change->account);
}

/* Whether the leaf stands among the first n pins. The index counts accounts, not pins. */
static bool
has_leaf(const struct mt_account *account, size_t n, const uint8_t *leaf)
{
	for (size_t i = 0; account && i < n; i++)
		if (memcmp(account->pin_leaves[i], leaf, 32) == 0)
			return true;
	return false;
}

/* Counts every leaf of one account that the other one lacks. */
static int
index_missing(struct mt_accounts *accounts, const struct mt_account *of,
	      const struct mt_account *other, int delta)
{
	int r = 0;

	for (size_t i = 0; of && i < of->n_pins && r == 0; i++) {
		const uint8_t *leaf = of->pin_leaves[i];

		if (!has_leaf(of, i, leaf) && !has_leaf(other, other ? other->n_pins : 0, leaf))
			r = mt_index_add_pin(accounts, leaf, delta);
	}
	return r;
}

int
mt_change_index_pins(struct mt_accounts *accounts, const struct mt_account *before,
		     const struct mt_account *after)
{
	int r = index_missing(accounts, before, after, -1);

	return r != 0 ? r : index_missing(accounts, after, before, 1);
}

int
mt_change_put(struct mt_accounts *accounts, const struct mt_account *account)
{
	struct mt_writer writer MT_CLEANUP(mt_writer_clear) = {0};
	struct mt_key key;
	int r;

	r = mt_account_encode(account, &writer);
	if (r != 0)
		return r;
	mt_key_init(&key, MT_RECORD_ACCOUNT);
	mt_key_add(&key, account->id.bytes, sizeof(account->id.bytes));
	return mt_accounts_outcome(mt_store_put(accounts->store, &key, &writer));
}

static int
change_store(struct mt_accounts *accounts, const struct mt_change *change)
{
	const struct mt_account *before = NULL;
	int r;

	r = mt_accounts_outcome(mt_store_begin(accounts->store));
	if (r != 0)
		return r;
	r = mt_change_put(accounts, &change->account);
	if (r == 0 && (change->what & MT_CHANGED_PINS))
		r = mt_accounts_load(accounts, &change->account.id, &before);
	if (r == 0 && before)
		r = mt_change_index_pins(accounts, before, &change->account);
	if (r == 0)
		return mt_accounts_outcome(mt_store_commit(accounts->store));
	mt_store_rollback(accounts->store);
	return r;
}

int
mt_change_finish(struct mt_accounts *accounts, struct mt_change *change, unsigned int what)
{
	const struct mt_account *account;
	int r;

	change->what |= what;
	/* A remembered level is no activity of the owner. */
	if (change->what & ~(unsigned int)MT_CHANGED_BEST)
		change->account.changed_usec = mt_clock_wall(accounts->clock);
	r = change_store(accounts, change);
	if (r != 0)
		return r;
	account = mt_accounts_replace_take(accounts, &change->account);
	if (accounts->events.changed)
		accounts->events.changed(accounts->userdata, account, change->what, change->before);
	return 0;
}

bool
mt_change_is_reduced(struct mt_accounts *accounts, const struct mt_account *account)
{
	const struct mt_effective *effective = mt_accounts_effective(accounts, account);
	const int64_t now_usec = mt_clock_wall(accounts->clock);

	/* 4.7: an expired policy permits nothing. */
	return mt_value(effective, MT_FIELD_MIN_CONF) == MT_OFF &&
	       now_usec < effective->m.not_after_usec &&
	       mt_account_has_consent(account, MT_CONSENT_REDUCED_CONFIDENTIALITY, MT_PROTO_UNKNOWN,
				      "", 0, NULL, now_usec);
}
