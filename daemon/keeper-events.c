/* SPDX-License-Identifier: MIT */
/* What the accounts report: into the log, and as signals to whom it concerns. */

#include "daemon/keeper.h"

#include <string.h>

#include "daemon/bus-watch.h"
#include "ipc/codec.h"

static void
emit_state(struct mt_keeper *keeper, const struct mt_account *account, const char *state,
	   enum mt_account_level level)
{
	MT_CLEANUP(mt_dbus_message_unrefp)
	DBusMessage *signal = mt_signal_new(MT_SIGNAL_MANAGER_ACCOUNT_STATE_CHANGED, MT_ROOT_PATH);
	char id[MT_ACCOUNT_ID_TEXT];
	DBusMessageIter iter;

	if (!signal)
		return;
	mt_account_id_format(&account->id, id);
	dbus_message_iter_init_append(signal, &iter);
	if (mt_codec_append_path(&iter, id) == 0 && mt_codec_append_string(&iter, state) == 0 &&
	    mt_codec_append_string(&iter, mt_account_level_to_string(level)) == 0)
		mt_dispatch_emit(keeper->dispatch, account->uid, signal);
}

void
mt_keeper_emit_policy(struct mt_keeper *keeper, uint32_t uid, uint64_t epoch)
{
	MT_CLEANUP(mt_dbus_message_unrefp)
	DBusMessage *signal = mt_signal_new(MT_SIGNAL_MANAGER_POLICY_CHANGED, MT_ROOT_PATH);
	DBusMessageIter iter;

	if (!signal)
		return;
	dbus_message_iter_init_append(signal, &iter);
	if (mt_codec_append_u64(&iter, epoch) == 0)
		mt_dispatch_emit(keeper->dispatch, uid, signal);
}

static void
emit_pins(struct mt_keeper *keeper, const struct mt_account *account, size_t n_pins)
{
	MT_CLEANUP(mt_dbus_message_unrefp)
	DBusMessage *signal = mt_signal_new(MT_SIGNAL_MANAGER_PIN_CHANGED, MT_ROOT_PATH);
	char id[MT_ACCOUNT_ID_TEXT];
	DBusMessageIter iter, hosts;
	int r = 0;

	if (!signal)
		return;
	mt_account_id_format(&account->id, id);
	dbus_message_iter_init_append(signal, &iter);
	if (mt_codec_append_path(&iter, id) != 0 ||
	    !dbus_message_iter_open_container(&iter, DBUS_TYPE_ARRAY, "s", &hosts))
		return;
	/* sorted by host: a host's are adjacent */
	for (size_t i = 0; i < n_pins && r == 0; i++)
		if (i == 0 || strcmp(account->pins[i].host, account->pins[i - 1].host) != 0)
			r = mt_codec_append_string(&hosts, account->pins[i].host);
	if (dbus_message_iter_close_container(&iter, &hosts) && r == 0)
		mt_dispatch_emit(keeper->dispatch, account->uid, signal);
}

/* What the daemon knows without asking the accounts again, which must not be called from here. */
static enum mt_account_level
level_in_event(const struct mt_account *account)
{
	return account->state == MT_ACCOUNT_SUSPENDED ? MT_ACCOUNT_BLOCKED : MT_ACCOUNT_REDUCED;
}

static void
on_added(void *userdata, const struct mt_account *account)
{
	struct mt_keeper *keeper = userdata;

	mt_audit_account(keeper->audit, account, MT_CHANGED_STATE, account->state);
	emit_state(keeper, account, mt_account_state_to_string(account->state),
		   level_in_event(account));
}

static void
on_changed(void *userdata, const struct mt_account *account, unsigned int what,
	   enum mt_account_state before)
{
	struct mt_keeper *keeper = userdata;
	uint64_t epoch;

	mt_audit_account(keeper->audit, account, what, before);
	mt_keeper_watch_changed(keeper, account, what);
	if (what & MT_CHANGED_STATE)
		emit_state(keeper, account, mt_account_state_to_string(account->state),
			   level_in_event(account));
	if (what & MT_CHANGED_PINS)
		emit_pins(keeper, account, account->n_pins);
	/* D-JOSE-13: verdicts of an older policy do not outlive it. */
	if ((what &
	     (MT_CHANGED_MINIMUM | MT_CHANGED_ENDPOINTS | MT_CHANGED_PINS | MT_CHANGED_STATE)) &&
	    mt_store_raise_epoch(keeper->store, &epoch) == 0)
		mt_keeper_emit_policy(keeper, account->uid, epoch);
}

static void
on_removed(void *userdata, const struct mt_account *account)
{
	struct mt_keeper *keeper = userdata;
	char id[MT_ACCOUNT_ID_TEXT];

	mt_account_id_format(&account->id, id);
	mt_audit_removed(keeper->audit, account);
	mt_watch_forget(keeper->watcher, &account->id);
	emit_state(keeper, account, "removed", MT_ACCOUNT_BLOCKED);
	if (account->n_pins > 0)
		emit_pins(keeper, account, 0);
	mt_dispatch_emit_removed(keeper->dispatch, account->uid, id);
}

const struct mt_accounts_events mt_keeper_events = {
	.added = on_added,
	.changed = on_changed,
	.removed = on_removed,
};
