/* SPDX-License-Identifier: MIT */
/* The life of an account (REQUIREMENTS 4.9): added, committed, suspended, resumed, removed. */

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "daemon/accounts-private.h"
#include "daemon/host-memory.h"
#include "daemon/log.h"
#include "daemon/marks.h"
#include "policy/domain.h"

/* -- add */

static void
inherit(struct mt_account *account, const struct mt_tombstone *tombstone)
{
	account->added_again = true;
	memcpy(account->best, tombstone->best, sizeof(account->best));
	memcpy(account->declined, tombstone->declined, sizeof(account->declined));
	account->n_declined = tombstone->n_declined;
	if (tombstone->suspender == MT_SUSPENDER_NONE)
		return;
	account->state = MT_ACCOUNT_SUSPENDED;
	account->suspender = tombstone->suspender;
}

/* Looks for what is remembered of a former account of the same uid and address. */
static int
account_inherit(struct mt_accounts *accounts, struct mt_account *account)
{
	struct mt_marks *marks = mt_store_get_marks(accounts->store);
	struct mt_tombstone tombstone;
	int r;

	r = mt_index_get_tombstone(accounts, account->uid, account->address, &tombstone);
	if (r == 0 && account->created_usec - tombstone.removed_at_usec >= MT_TOMBSTONE_USEC) {
		r = mt_marks_set_suspended(marks, account->uid, account->address, false);
		return r != 0 ? r
			      : mt_index_remove_tombstone(accounts, account->uid, account->address);
	}
	if (r == 0)
		inherit(account, &tombstone);
	else if (r != MT_ACCOUNTS_E_UNKNOWN)
		return r;
	if (account->state != MT_ACCOUNT_SUSPENDED &&
	    mt_marks_is_suspended(marks, account->uid, account->address)) {
		account->state = MT_ACCOUNT_SUSPENDED;
		account->suspender = MT_SUSPENDER_ADMIN;
	}
	return 0;
}

static int
account_init(struct mt_accounts *accounts, uint32_t uid, const char *address,
	     struct mt_account *ret)
{
	struct mt_minimum min;
	size_t local_size;

	if (strnlen(address, MT_ADDRESS_SIZE) == MT_ADDRESS_SIZE ||
	    mt_address_split(address, &local_size, ret->domain) != 0)
		return MT_ACCOUNTS_E_INVALID;
	for (size_t i = 0; i < local_size; i++)
		if ((unsigned char)address[i] < 0x20 || address[i] == 0x7f)
			return MT_ACCOUNTS_E_INVALID;
	memcpy(ret->address, address, local_size);
	ret->address[local_size] = '@';
	memcpy(ret->address + local_size + 1, ret->domain, strlen(ret->domain) + 1);
	if (getrandom(ret->id.bytes, sizeof(ret->id.bytes), 0) != sizeof(ret->id.bytes))
		return -EIO;
	ret->uid = uid;
	ret->state = MT_ACCOUNT_SETUP;
	ret->created_usec = ret->changed_usec = mt_clock_wall(accounts->clock);
	/* R-5.2-01: a new account requires the minimum. */
	memset(&min, 0, sizeof(min));
	mt_minimum_init_default(&min);
	return mt_account_put_minimum(ret, &min);
}

/* The address is taken if the index leads to an account; an entry left behind by one whose record
 * was damaged and removed leads nowhere. */
static int
address_is_free(struct mt_accounts *accounts, uint32_t uid, const char *address)
{
	const struct mt_account *account;
	struct mt_account_id id;
	int r;

	r = mt_index_get_address(accounts, uid, address, &id);
	if (r == 0)
		r = mt_accounts_load(accounts, &id, &account);
	if (r == MT_ACCOUNTS_E_UNKNOWN)
		return 0;
	return r == 0 || (r == MT_ACCOUNTS_E_DEGRADED &&
			  mt_store_get_state(accounts->store) != MT_STORE_DEGRADED)
		       ? MT_ACCOUNTS_E_EXISTS
		       : r;
}

static int
add_records(struct mt_accounts *accounts, struct mt_account *account, struct mt_id_list *list)
{
	int r;

	r = address_is_free(accounts, account->uid, account->address);
	if (r == 0)
		r = mt_index_get_uid(accounts, account->uid, list);
	if (r == 0 && list->n == MT_ACCOUNTS_PER_UID_MAX)
		r = MT_ACCOUNTS_E_QUOTA;
	if (r == 0)
		r = account_inherit(accounts, account);
	if (r != 0)
		return r;
	list->ids[list->n++] = account->id;
	r = mt_index_put_uid(accounts, account->uid, list);
	if (r == 0)
		r = mt_index_put_address(accounts, account->uid, account->address, &account->id);
	if (r == 0)
		r = mt_index_add_domain(accounts, account->domain, &account->id,
					&account->domain_chunk);
	return r != 0 ? r : mt_change_put(accounts, account);
}

int
mt_accounts_add(struct mt_accounts *accounts, uint32_t uid, const char *address,
		struct mt_account_id *ret)
{
	struct mt_account account MT_CLEANUP(mt_account_clear) = {0};
	const struct mt_account *added;
	struct mt_id_list *list;
	int r;

	r = account_init(accounts, uid, address, &account);
	if (r != 0)
		return r;
	r = mt_accounts_outcome(mt_store_begin(accounts->store));
	if (r != 0)
		return r;
	list = malloc(sizeof(*list));
	r = list ? add_records(accounts, &account, list) : -ENOMEM;
	free(list);
	if (r == 0)
		r = mt_accounts_outcome(mt_store_commit(accounts->store));
	else
		mt_store_rollback(accounts->store);
	if (r != 0)
		return r;
	*ret = account.id;
	added = mt_accounts_replace_take(accounts, &account);
	if (accounts->events.added)
		accounts->events.added(accounts->userdata, added);
	return 0;
}

/* -- commit */

/* The guard of setup -> active: every endpoint was probed, and each reached confidentiality unless
 * the owner gave it up knowingly. */
static int
commit_guard(struct mt_accounts *accounts, const struct mt_account *account, size_t *ret_endpoint)
{
	const bool reduced = mt_change_is_reduced(accounts, account);

	if (account->n_endpoints == 0) {
		*ret_endpoint = MT_ENDPOINTS_MAX;
		return MT_ACCOUNTS_E_UNPROBED;
	}
	for (size_t i = 0; i < account->n_endpoints; i++)
		if (account->endpoints[i].probe == MT_PROBE_NONE) {
			*ret_endpoint = i;
			return MT_ACCOUNTS_E_UNPROBED;
		}
	for (size_t i = 0; i < account->n_endpoints; i++)
		if (account->endpoints[i].probe != MT_PROBE_CONFIDENTIAL && !reduced) {
			*ret_endpoint = i;
			return mt_value(mt_accounts_effective(accounts, account),
					MT_FIELD_MIN_CONF) == MT_OFF
				       ? MT_ACCOUNTS_E_WARNING_REQUIRED
				       : MT_ACCOUNTS_E_BELOW_MINIMUM;
		}
	return 0;
}

int
mt_accounts_commit(struct mt_accounts *accounts, struct mt_actor actor,
		   const struct mt_account_id *id, size_t *ret_endpoint)
{
	struct mt_change change MT_CLEANUP(mt_change_clear);
	int r = mt_change_begin(accounts, actor, id, &change);

	if (r != 0)
		return r;
	if (change.account.state != MT_ACCOUNT_SETUP)
		return MT_ACCOUNTS_E_STATE;
	r = commit_guard(accounts, &change.account, ret_endpoint);
	if (r != 0)
		return r;
	for (size_t i = 0; i < change.account.n_endpoints; i++)
		change.account.endpoints[i].status = MT_ENDPOINT_SAVED;
	change.account.state = MT_ACCOUNT_ACTIVE;
	change.account.committed = true;
	return mt_change_finish(accounts, &change, MT_CHANGED_STATE | MT_CHANGED_ENDPOINTS);
}

/* -- suspend and resume */

/* An administrator's suspension outlives a restored snapshot. */
static int
mark_suspended(struct mt_accounts *accounts, const struct mt_account *account)
{
	int r = mt_marks_set_suspended(mt_store_get_marks(accounts->store), account->uid,
				       account->address, true);

	if (r <= 0)
		return r;
	mt_log(MT_LOG_WARNING, "marks-full",
	       "more accounts are suspended than the high-water marks hold; restoring a snapshot "
	       "would resume this one");
	return 0;
}

int
mt_accounts_suspend(struct mt_accounts *accounts, struct mt_actor actor,
		    const struct mt_account_id *id, enum mt_suspender by)
{
	struct mt_change change MT_CLEANUP(mt_change_clear);
	int r = mt_change_begin(accounts, actor, id, &change);

	if (r != 0)
		return r;
	if (by == MT_SUSPENDER_NONE)
		return MT_ACCOUNTS_E_INVALID;
	if (by != MT_SUSPENDER_OWNER && !actor.admin)
		return MT_ACCOUNTS_E_NOT_PERMITTED;
	/* An administrator may take over a suspension, so that its owner cannot lift it. */
	if (change.account.state == MT_ACCOUNT_SUSPENDED &&
	    (by != MT_SUSPENDER_ADMIN || change.account.suspender == MT_SUSPENDER_ADMIN))
		return MT_ACCOUNTS_E_STATE;
	change.account.state = MT_ACCOUNT_SUSPENDED;
	change.account.suspender = by;
	if (by == MT_SUSPENDER_ADMIN && mt_store_get_state(accounts->store) == MT_STORE_READY)
		r = mark_suspended(accounts, &change.account);
	return r != 0 ? r : mt_change_finish(accounts, &change, MT_CHANGED_STATE);
}

int
mt_accounts_resume(struct mt_accounts *accounts, struct mt_actor actor,
		   const struct mt_account_id *id)
{
	struct mt_change change MT_CLEANUP(mt_change_clear);
	const struct mt_effective *effective;
	const struct mt_account *account;
	int r = mt_change_begin(accounts, actor, id, &change);

	if (r != 0)
		return r;
	if (change.account.state != MT_ACCOUNT_SUSPENDED)
		return MT_ACCOUNTS_E_STATE;
	if (change.account.suspender == MT_SUSPENDER_ADMIN && !actor.admin)
		return MT_ACCOUNTS_E_NOT_PERMITTED;
	/* 4.7: suspended until renewed; renewing is an edit of not_after. */
	effective = mt_accounts_effective(accounts, &change.account);
	if (mt_value(effective, MT_FIELD_ON_EXPIRY) == MT_ON_EXPIRY_SUSPEND &&
	    mt_clock_wall(accounts->clock) >= effective->m.not_after_usec)
		return MT_ACCOUNTS_E_STATE;
	/* What was never committed goes on being set up; nothing active ever comes here (R-5.4-06).
	 */
	change.account.state = change.account.committed ? MT_ACCOUNT_ACTIVE : MT_ACCOUNT_SETUP;
	change.account.suspender = MT_SUSPENDER_NONE;
	r = mt_change_finish(accounts, &change, MT_CHANGED_STATE);
	if (r != 0)
		return r;
	/* The mark last: after a crash in between the account is suspended, not forgotten. */
	r = mt_accounts_load(accounts, id, &account);
	if (r != 0)
		return r;
	return mt_marks_set_suspended(mt_store_get_marks(accounts->store), account->uid,
				      account->address, false);
}

/* -- remove */

static void
tombstone_init(const struct mt_account *account, int64_t now_usec, struct mt_tombstone *ret)
{
	*ret = (struct mt_tombstone){
		.removed_at_usec = now_usec,
		.was_committed = account->committed || account->added_again,
		.suspender = account->suspender,
		.n_declined = account->n_declined,
	};
	memcpy(ret->best, account->best, sizeof(ret->best));
	memcpy(ret->declined, account->declined, sizeof(ret->declined));
}

static int
remove_from_uid(struct mt_accounts *accounts, uint32_t uid, const struct mt_account_id *id)
{
	struct mt_id_list *list = malloc(sizeof(*list));
	size_t kept = 0;
	int r;

	if (!list)
		return -ENOMEM;
	r = mt_index_get_uid(accounts, uid, list);
	if (r == 0) {
		for (size_t i = 0; i < list->n; i++)
			if (!mt_account_id_equal(&list->ids[i], id))
				list->ids[kept++] = list->ids[i];
		list->n = kept;
		r = mt_index_put_uid(accounts, uid, list);
	}
	free(list);
	return r;
}

static int
remove_record(struct mt_accounts *accounts, const struct mt_account_id *id)
{
	struct mt_key key;
	int r;

	mt_key_init(&key, MT_RECORD_ACCOUNT);
	mt_key_add(&key, id->bytes, sizeof(id->bytes));
	r = mt_store_remove(accounts->store, &key);
	return mt_accounts_outcome(r ? r : mt_host_memory_forget(accounts->store, id));
}

/*
 * What is remembered of the account (REQUIREMENTS 4.9). An abandoned setup was never in use: there
 * is no level, suspension or pin lock to inherit, and whoever tries again starts afresh. But it is
 * no way round what an earlier account left behind: that stays, with thirty days of its own.
 */
static int
bury(struct mt_accounts *accounts, const struct mt_account *account)
{
	const bool was_in_use = account->committed || account->suspender != MT_SUSPENDER_NONE;
	struct mt_tombstone stone, before;
	int r;

	if (!was_in_use && !account->added_again)
		return 0;
	tombstone_init(account, mt_clock_wall(accounts->clock), &stone);
	if (!was_in_use) {
		r = mt_index_get_tombstone(accounts, account->uid, account->address, &before);
		if (r != 0)
			return r == MT_ACCOUNTS_E_UNKNOWN ? 0 : r;
		stone.removed_at_usec = before.removed_at_usec;
	}
	return mt_index_put_tombstone(accounts, account->uid, account->address, &stone);
}

static int
remove_records(struct mt_accounts *accounts, const struct mt_account *account)
{
	int r;

	r = remove_record(accounts, &account->id);
	if (r == 0)
		r = remove_from_uid(accounts, account->uid, &account->id);
	if (r == 0)
		r = mt_index_remove_address(accounts, account->uid, account->address);
	if (r == 0)
		r = mt_index_remove_domain(accounts, account->domain, account->domain_chunk,
					   &account->id);
	if (r == 0)
		r = mt_change_index_pins(accounts, account, NULL);
	return r != 0 ? r : bury(accounts, account);
}

static int
remove_account(struct mt_accounts *accounts, struct mt_account *account)
{
	int r = mt_accounts_outcome(mt_store_begin(accounts->store));

	if (r != 0)
		return r;
	r = remove_records(accounts, account);
	if (r != 0) {
		mt_store_rollback(accounts->store);
		return r;
	}
	r = mt_accounts_outcome(mt_store_commit(accounts->store));
	if (r != 0)
		return r;
	mt_accounts_forget(accounts, &account->id);
	if (accounts->events.removed)
		accounts->events.removed(accounts->userdata, account);
	return 0;
}

/* A record that cannot be read any more: its owner, whose list names it, can still get rid of it.
 * The address it had leads nowhere afterwards and is free again. */
static int
remove_damaged(struct mt_accounts *accounts, uint32_t uid, const struct mt_account_id *id)
{
	int r = mt_accounts_outcome(mt_store_begin(accounts->store));

	if (r != 0)
		return r;
	r = remove_record(accounts, id);
	if (r == 0)
		r = remove_from_uid(accounts, uid, id);
	if (r == 0)
		return mt_accounts_outcome(mt_store_commit(accounts->store));
	mt_store_rollback(accounts->store);
	return r;
}

int
mt_accounts_remove(struct mt_accounts *accounts, struct mt_actor actor,
		   const struct mt_account_id *id)
{
	struct mt_change change MT_CLEANUP(mt_change_clear);
	int r = mt_change_begin(accounts, actor, id, &change);

	if (r == MT_ACCOUNTS_E_DEGRADED && mt_store_get_state(accounts->store) != MT_STORE_DEGRADED)
		return remove_damaged(accounts, actor.uid, id);
	if (r != 0)
		return r;
	if (change.account.state == MT_ACCOUNT_SUSPENDED && !actor.admin)
		return MT_ACCOUNTS_E_NOT_PERMITTED;
	return remove_account(accounts, &change.account);
}

int
mt_accounts_expire_setup(struct mt_accounts *accounts, const struct mt_account_id *id)
{
	struct mt_change change MT_CLEANUP(mt_change_clear);
	int r = mt_change_begin(accounts, (struct mt_actor){.admin = true}, id, &change);

	if (r != 0)
		return r;
	if (change.account.state != MT_ACCOUNT_SETUP ||
	    mt_clock_wall(accounts->clock) - change.account.changed_usec < MT_SETUP_IDLE_USEC)
		return MT_ACCOUNTS_E_STATE;
	return remove_account(accounts, &change.account);
}
